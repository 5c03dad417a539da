package resolvers

import (
	"context"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// Entry gives one entry; null, and no error, where the caller can see none.
func (q query) Entry(ctx context.Context, id column.ID) (*ent.Entry, error) {
	row, err := q.journal.Entries.Get(ctx, id.String())
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	return row, err
}

// Entries gives a page of entries.
func (q query) Entries(ctx context.Context, filter *journal.EntryFilter, first *int, after *string, last *int, before *string) (*journal.Connection[ent.Entry], error) {
	if filter == nil {
		filter = &journal.EntryFilter{}
	}
	connection, err := q.journal.Entries.Page(ctx, *filter, journal.KeysetPage{First: first, After: after, Last: last, Before: before})
	return connection, place(err, func(p *fault.Problem) {
		switch p.Field {
		case "first", "after", "last", "before":
		default:
			p.Field = "filter." + camel(p.Field)
		}
	})
}

// EntryStats counts the entries of the last days. The journal would clamp a
// number of days outside its range; here it is refused.
func (q query) EntryStats(ctx context.Context, tenantID *column.ID, days *int) (*journal.EntryStats, error) {
	window := 30
	if days != nil {
		window = *days
	}
	if window < 1 || window > journal.MaxStatsDays {
		return nil, fault.RefuseField("days", fault.Outside, "", "between 1 and 365")
	}
	return q.journal.EntryStats(ctx, tenantID, window)
}

// entriesComplexity is what a page of entries counts: as often as it may have
// edges what one of them counts, and a good deal more for reading messages.
func entriesComplexity(children int, filter *journal.EntryFilter, first *int, _ *string, last *int, _ *string) int {
	const search = 2000
	size := journal.DefaultPageSize
	switch {
	case first != nil:
		size = *first
	case last != nil:
		size = *last
	}
	count := 1 + children*max(1, min(size, journal.MaxPageSize))
	if filter != nil && filter.Search != nil && *filter.Search != "" {
		count += search
	}
	return count
}

// entryStatsComplexity is what statistics count.
func entryStatsComplexity(children int, _ *column.ID, _ *int) int { return 100 + children }
