package resolvers

import (
	"context"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/graph"
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

// EntryAppended follows the entries.
func (s subscription) EntryAppended(ctx context.Context, filter *journal.EntryFilter, after *string) (<-chan *journal.EntryAppended, error) {
	return follow(ctx, s.journal.Entries, filter, after)
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

// CreateEntry appends one entry.
func (m mutation) CreateEntry(ctx context.Context, input graph.CreateEntryInput) (*graph.CreateEntryPayload, error) {
	row, err := appendOne(ctx, m.journal.Entries, &input, m.readEntry(ctx))
	if err != nil {
		return nil, err
	}
	hideUser(ctx, row, &input)
	return &graph.CreateEntryPayload{Entry: row}, nil
}

// CreateEntries appends all entries or none.
func (m mutation) CreateEntries(ctx context.Context, input graph.CreateEntriesInput) (*graph.CreateEntriesPayload, error) {
	worded := batch{"entries", fault.Say("at most 10,000 entries")}
	rows, err := appendAll(ctx, m.journal.Entries, worded, input.Entries, input.IdempotencyKey, m.readEntry(ctx))
	for i, row := range rows {
		hideUser(ctx, row, input.Entries[i])
	}
	return &graph.CreateEntriesPayload{Entries: rows}, err
}

// readEntry gives a reader that knows categories by their code.
func (m mutation) readEntry(ctx context.Context) reader[graph.CreateEntryInput, journal.EntryDraft] {
	return func(in *graph.CreateEntryInput) (journal.EntryDraft, *string, error) {
		draft := in.EntryDraft
		if in.CategoryCode == nil {
			return draft, in.IdempotencyKey, nil
		}
		category, err := m.journal.CategoryByCode(ctx, *in.CategoryCode)
		switch {
		case err != nil:
			return draft, nil, err
		case in.CategoryID != nil:
			return draft, in.IdempotencyKey, fault.RefuseField("category_code", fault.Clash, "", "cannot stand beside categoryId")
		case category == nil:
			return draft, in.IdempotencyKey, fault.RefuseField("category_code", fault.Unknown, *in.CategoryCode, "")
		}
		draft.CategoryID = &category.ID
		return draft, in.IdempotencyKey, nil
	}
}

// hideUser takes out of an entry the name of its user that the journal looked up, where
// the caller may not read entries: whoever only appends reads back what it sent.
func hideUser(ctx context.Context, row *ent.Entry, sent *graph.CreateEntryInput) {
	if !auth.From(ctx).Holds(auth.EntriesRead) {
		row.Username = sent.Username
	}
}

func (e entry) Tenant(ctx context.Context, row *ent.Entry) (*ent.Tenant, error) {
	return e.journal.Entries.Tenant(ctx, row)
}

// Category gives a name, which whoever only appends may not learn.
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
