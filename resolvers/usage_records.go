package resolvers

import (
	"context"

	"logbook/ent"
	"logbook/graph"
	"logbook/internal/fault"
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

// UsageRecordAppended follows the usage records.
func (s subscription) UsageRecordAppended(ctx context.Context, filter *journal.UsageRecordFilter, after *string) (<-chan *journal.UsageRecordAppended, error) {
	return follow(ctx, s.journal.UsageRecords, filter, after)
}

// UsageStats sums the usage records that pass a filter.
func (q query) UsageStats(ctx context.Context, filter *journal.UsageRecordFilter) (*journal.UsageStats, error) {
	stats, err := q.journal.UsageStats(ctx, orAll(filter))
	return stats, place(err, inFilter)
}

// CreateUsageRecord appends one usage record.
func (m mutation) CreateUsageRecord(ctx context.Context, input graph.CreateUsageRecordInput) (*graph.CreateUsageRecordPayload, error) {
	row, err := appendOne(ctx, m.journal.UsageRecords, &input, readUsageRecord)
	return &graph.CreateUsageRecordPayload{UsageRecord: row}, err
}

// CreateUsageRecords appends all usage records or none.
func (m mutation) CreateUsageRecords(ctx context.Context, input graph.CreateUsageRecordsInput) (*graph.CreateUsageRecordsPayload, error) {
	worded := batch{"usageRecords", fault.Say("at most 10,000 usage records")}
	rows, err := appendAll(ctx, m.journal.UsageRecords, worded, input.UsageRecords, input.IdempotencyKey, readUsageRecord)
	return &graph.CreateUsageRecordsPayload{UsageRecords: rows}, err
}

func readUsageRecord(in *graph.CreateUsageRecordInput) (journal.UsageRecordDraft, *string, error) {
	return in.UsageRecordDraft, in.IdempotencyKey, nil
}

func (u usageRecord) Tenant(ctx context.Context, row *ent.UsageRecord) (*ent.Tenant, error) {
	return u.journal.UsageRecords.Tenant(ctx, row)
}
