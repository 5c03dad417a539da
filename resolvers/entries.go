package resolvers

import (
	"context"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// Entry gives one entry.
func (q query) Entry(ctx context.Context, id string) (*ent.Entry, error) {
	return find(ctx, q.journal.Entries, id)
}

// Entries gives a page of entries.
func (q query) Entries(ctx context.Context, filter *journal.EntryFilter, first *int, after *string, last *int, before *string) (*journal.EntryConnection, error) {
	return page(ctx, q.journal.Entries, filter, journal.KeysetPage{First: first, After: after, Last: last, Before: before})
}

// EntryStats counts the entries of the last days. The journal would clamp a
// number of days outside its range; here it is refused.
func (q query) EntryStats(ctx context.Context, tenantID *string, days *int) (*journal.EntryStats, error) {
	var tenant *column.ID
	if tenantID != nil {
		id, ok := column.ParseID(*tenantID)
		if !ok { // the schema says @uuid
			return nil, fault.New(fault.Internal, "the tenant %q was not checked", *tenantID)
		}
		tenant = &id
	}
	window := 30
	if days != nil {
		window = *days
	}
	if window < 1 || window > journal.MaxStatsDays {
		return nil, fault.RefuseField("days", fault.Outside, "", "between 1 and 365")
	}
	return q.journal.EntryStats(ctx, tenant, window)
}

// Tenant and Category give names, which whoever only appends may not learn.
func (e entry) Tenant(ctx context.Context, row *ent.Entry) (*ent.Tenant, error) {
	if !auth.From(ctx).Holds(auth.EntriesRead) {
		return nil, nil
	}
	return e.journal.Tenant(ctx, row.TenantID)
}

func (e entry) Category(ctx context.Context, row *ent.Entry) (*ent.Category, error) {
	if !auth.From(ctx).Holds(auth.EntriesRead) {
		return nil, nil
	}
	return e.journal.Category(ctx, row.CategoryID)
}

func (entry) Metadata(_ context.Context, row *ent.Entry) (column.JSON, error) {
	return object(row.Metadata), nil
}

// object gives a JSON object, which is stored as nothing where it is empty.
func object(raw column.JSON) column.JSON {
	if raw == nil {
		return column.JSON("{}")
	}
	return raw
}
