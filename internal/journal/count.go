package journal

import (
	"context"

	"logbook/ent"
	"logbook/ent/column"
)

// CountEntries counts the entries that pass a filter, exactly.
func (j *Journal) CountEntries(ctx context.Context, filter EntryFilter) (count int64, err error) {
	if err := filter.check(); err != nil {
		return 0, err
	}
	err = j.db.Read(ctx, func(client *ent.Client) (err error) {
		count, err = countEntries(ctx, client, filter)
		return err
	})
	return count, err
}

// countEntries counts in a snapshot: from roll-ups for no dimension or one, with
// tenant, level and time; a mix of dimensions and a text search count rows.
func countEntries(ctx context.Context, client *ent.Client, filter EntryFilter) (int64, error) {
	t, ok := tallyOf(filter)
	if !ok {
		count, err := client.Entry.Query().Where(filter.predicates()...).Count(ctx)
		return int64(count), err
	}
	var total int64
	err := t.run(ctx, client, func(c cell) { total += c.count })
	return total, err
}

// tallyOf gives the tally that counts a filter; false where none does.
func tallyOf(filter EntryFilter) (tally, bool) {
	t := tally{
		dimension: byAll, tenant: filter.TenantID, level: filter.Level,
		edges: []column.Time{beginning, end},
	}
	if filter.Since != nil {
		t.edges[0] = *filter.Since
	}
	if filter.Until != nil {
		t.edges[1] = *filter.Until
	}
	chosen := 0
	choose := func(d dimension, value string) {
		t.dimension, t.value = d, &value
		chosen++
	}
	if filter.CategoryID != nil {
		choose(byCategory, idValue(filter.CategoryID))
	}
	if filter.Source != nil {
		choose(bySource, *filter.Source)
	}
	if filter.UserID != nil {
		choose(byUser, *filter.UserID)
	}
	searches := filter.Search != nil && *filter.Search != ""
	return t, chosen <= 1 && !searches
}
