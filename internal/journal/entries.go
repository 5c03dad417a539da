package journal

import (
	"context"
	"slices"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/entry"
	"logbook/ent/predicate"
	"logbook/internal/fault"
)

// EntryConnection is a page of entries, newest first (Relay).
type EntryConnection struct {
	Edges    []*EntryEdge
	PageInfo PageInfo

	journal *Journal
	filter  EntryFilter
}

// EntryEdge is an entry with its cursor.
type EntryEdge struct {
	Cursor string
	Node   *ent.Entry
}

// TotalCount counts all entries that pass the connection's filter. It is only
// worked out when it is called.
func (c *EntryConnection) TotalCount(ctx context.Context) (int64, error) {
	return c.journal.CountEntries(ctx, c.filter)
}

// Entry gives one entry. It fails with kind NotFound, also for a row that the
// principal may not see.
func (j *Journal) Entry(ctx context.Context, id column.ID) (*ent.Entry, error) {
	row, err := j.db.Ent().Entry.Get(ctx, id)
	if ent.IsNotFound(err) {
		return nil, fault.Wrap(fault.NotFound, err, "there is no entry %s", id)
	}
	return row, err
}

// Entries gives a page of the entries that pass a filter, by keyset: pages
// joined are the whole sort, whatever is written meanwhile. It reads one row
// more than it gives, and counts nothing.
func (j *Journal) Entries(ctx context.Context, filter EntryFilter, page KeysetPage) (*EntryConnection, error) {
	if err := filter.check(); err != nil {
		return nil, err
	}
	b, err := page.check()
	if err != nil {
		return nil, err
	}
	conditions := filter.predicates()
	// The order is newest first, so what comes after a cursor is smaller. The
	// bound on the time alone is for MySQL, which makes no range of a row value.
	if b.after != nil {
		conditions = append(conditions, entry.TimestampLTE(b.after.time), composite(sql.CompositeLT, b.after))
	}
	if b.before != nil {
		conditions = append(conditions, entry.TimestampGTE(b.before.time), composite(sql.CompositeGT, b.before))
	}
	order := sql.OrderDesc()
	if b.backward {
		order = sql.OrderAsc()
	}
	rows, err := j.db.Ent().Entry.Query().Where(conditions...).
		Order(entry.ByTimestamp(order), entry.ByID(order)).
		Limit(b.size + 1).All(ctx)
	if err != nil {
		return nil, err
	}
	more := len(rows) > b.size
	rows = rows[:min(len(rows), b.size)]
	connection := &EntryConnection{journal: j, filter: filter, Edges: make([]*EntryEdge, len(rows))}
	info := &connection.PageInfo
	if b.backward {
		slices.Reverse(rows)
		info.HasPreviousPage, info.HasNextPage = more, b.before != nil
	} else {
		info.HasNextPage, info.HasPreviousPage = more, b.after != nil
	}
	for i, row := range rows {
		connection.Edges[i] = &EntryEdge{Cursor: cursor{row.Timestamp, row.ID}.String(), Node: row}
	}
	if len(rows) > 0 {
		info.StartCursor = &connection.Edges[0].Cursor
		info.EndCursor = &connection.Edges[len(rows)-1].Cursor
	}
	return connection, nil
}

// composite compares (time, id) with a cursor.
func composite(compare func([]string, ...any) *sql.Predicate, c *cursor) predicate.Entry {
	return func(s *sql.Selector) {
		columns := []string{s.C(entry.FieldTimestamp), s.C(entry.FieldID)}
		s.Where(compare(columns, int64(c.time), c.id[:]))
	}
}

// EntryOrder names a column to sort entries by; each has an index.
type EntryOrder string

// The columns to sort by. Levels sort by severity.
const (
	ByTime     EntryOrder = entry.FieldTimestamp
	ByTenant   EntryOrder = entry.FieldTenantID
	ByCategory EntryOrder = entry.FieldCategoryID
	ByUser     EntryOrder = entry.FieldUserID
	ByLevel    EntryOrder = entry.FieldLevel
	BySource   EntryOrder = entry.FieldSource
)

// OffsetPage asks for a page by its distance from the first row.
type OffsetPage struct {
	Order     EntryOrder // "" for ByTime
	Ascending bool
	Offset    int
	Limit     int
}

// EntriesAt gives a page by offset and the number of all rows that pass the
// filter, both of one moment. Ties are broken by time and id, so the pages of
// one query partition it.
func (j *Journal) EntriesAt(ctx context.Context, filter EntryFilter, page OffsetPage) (rows []*ent.Entry, total int64, err error) {
	if err := filter.check(); err != nil {
		return nil, 0, err
	}
	direction := sql.OrderDesc()
	if page.Ascending {
		direction = sql.OrderAsc()
	}
	var order []entry.OrderOption
	if page.Order != "" && page.Order != ByTime {
		order = append(order, sql.OrderByField(string(page.Order), direction).ToFunc())
	}
	order = append(order, entry.ByTimestamp(direction), entry.ByID(direction))
	err = j.db.Read(ctx, func(client *ent.Client) (err error) {
		if total, err = countEntries(ctx, client, filter); err != nil || int64(page.Offset) >= total {
			return err
		}
		rows, err = client.Entry.Query().Where(filter.predicates()...).
			Order(order...).Offset(page.Offset).Limit(page.Limit).All(ctx)
		return err
	})
	return rows, total, err
}

// pageBytes is about how much text EachEntry holds at a time.
const pageBytes = 8 << 20

// EachEntry calls fn for every entry that passes the filter, oldest first, until
// fn fails. It reads a page at a time and holds no snapshot open, so it may run
// for long.
func (j *Journal) EachEntry(ctx context.Context, filter EntryFilter, fn func(*ent.Entry) error) error {
	if err := filter.check(); err != nil {
		return err
	}
	perPage := 50
	var last *cursor
	for {
		conditions := filter.predicates()
		if last != nil {
			conditions = append(conditions, entry.TimestampGTE(last.time), composite(sql.CompositeGT, last))
		}
		rows, err := j.db.Ent().Entry.Query().Where(conditions...).
			Order(entry.ByTimestamp(), entry.ByID()).Limit(perPage).All(ctx)
		if err != nil {
			return err
		}
		bytes := 1
		for _, row := range rows {
			if err := fn(row); err != nil {
				return err
			}
			bytes += len(row.Message) + len(row.Metadata)
		}
		if len(rows) < perPage {
			return nil
		}
		last = &cursor{rows[perPage-1].Timestamp, rows[perPage-1].ID}
		perPage = min(max(perPage*pageBytes/bytes, 10), 1000, perPage*4) // rows may be long
	}
}
