package resolvers

import (
	"context"

	"logbook/ent"
	"logbook/internal/journal"
)

// UsageRecord gives one usage record.
func (q query) UsageRecord(ctx context.Context, id string) (*ent.UsageRecord, error) {
	return find(ctx, q.journal.UsageRecords, id)
}

// UsageRecords gives a page of usage records.
func (q query) UsageRecords(ctx context.Context, filter *journal.UsageRecordFilter, first *int, after *string, last *int, before *string) (*journal.UsageRecordConnection, error) {
	return page(ctx, q.journal.UsageRecords, filter, journal.KeysetPage{First: first, After: after, Last: last, Before: before})
}

// UsageStats sums the usage records that pass a filter.
func (q query) UsageStats(ctx context.Context, filter *journal.UsageRecordFilter) (*journal.UsageStats, error) {
	stats, err := q.journal.UsageStats(ctx, orAll(filter))
	return stats, place(err, inFilter)
}

func (u usageRecord) Tenant(ctx context.Context, row *ent.UsageRecord) (*ent.Tenant, error) {
	return u.journal.Tenant(ctx, row.TenantID)
}
