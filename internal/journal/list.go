package journal

import (
	"context"
	"slices"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
)

// Connection is a page of rows, newest first (Relay).
type Connection[R any] struct {
	Edges    []*Edge[R]
	PageInfo PageInfo
	// LiveCursor is where to follow on from: everything that is appended after the page
	// was read lies behind it, and nothing that was there. "" where it was not asked for.
	LiveCursor string

	total total
}

// Edge is a row with its cursor.
type Edge[R any] struct {
	Cursor string
	Node   *R
}

// Page gives a page of the rows that pass a filter, by keyset: pages joined are
// the whole sort, whatever is written meanwhile. It reads one row more than it
// gives, and counts nothing. With page.Live it reads the frontier too, of the same moment.
func (l *Log[R, D, F]) Page(ctx context.Context, filter F, page KeysetPage) (*Connection[R], error) {
	b, err := checkPage(page, func(raw []byte) (cursor, bool) { return readCursor(raw, l.kind, l.idOf(new(R))) })
	if err != nil {
		return nil, err
	}
	done, err := l.turn(ctx, filter)
	if err != nil {
		return nil, err
	}
	var rows []*R
	var live string
	if page.Live {
		err = l.journal.db.Read(ctx, func(client *ent.Client) error {
			q, err := l.ask(ctx, client, filter)
			if err != nil {
				return err
			}
			if rows, err = l.first(ctx, client, q, b, b.size+1); err != nil {
				return err
			}
			at, err := readFrontier(ctx, client)
			live = at.text()
			return err
		})
	} else {
		var q question
		if q, err = l.ask(ctx, l.journal.db.Ent(), filter); err == nil {
			err = l.reading(ctx, q, func(client *ent.Client) (err error) {
				rows, err = l.first(ctx, client, q, b, b.size+1)
				return err
			})
		}
	}
	done()
	if err != nil {
		return nil, err
	}
	more := len(rows) > b.size
	rows = l.shown(ctx, rows[:min(len(rows), b.size)])
	connection := &Connection[R]{
		Edges: make([]*Edge[R], len(rows)), LiveCursor: live,
		total: total{work: func(ctx context.Context) (int64, CountKind, error) { return l.countWithin(ctx, filter) }},
	}
	connection.PageInfo = b.info(more)
	if b.backward {
		slices.Reverse(rows)
	}
	for i, row := range rows {
		connection.Edges[i] = &Edge[R]{Cursor: l.cursorOf(row).text(l.kind), Node: row}
	}
	if len(rows) > 0 {
		connection.PageInfo.StartCursor = &connection.Edges[0].Cursor
		connection.PageInfo.EndCursor = &connection.Edges[len(rows)-1].Cursor
	}
	return connection, nil
}

// Newest gives the newest rows that pass a filter, at most so many, of one moment.
func (l *Log[R, D, F]) Newest(ctx context.Context, filter F, most int) ([]*R, error) {
	done, err := l.turn(ctx, filter)
	if err != nil {
		return nil, err
	}
	defer done()
	q, err := l.ask(ctx, l.journal.db.Ent(), filter)
	if err != nil {
		return nil, err
	}
	var rows []*R
	err = l.reading(ctx, q, func(client *ent.Client) (err error) {
		rows, err = l.first(ctx, client, q, bounds[cursor]{}, most)
		return err
	})
	return l.shown(ctx, rows), err
}

func (t *table[R, D, F]) cursorOf(row *R) cursor { return cursor{*t.timeOf(row), t.idOf(row)} }

// beyond keeps the rows whose (time, id) is smaller, or larger, than a cursor's.
// The bound on the time alone is for MySQL, which makes no range of a row value.
func (t *table[R, D, F]) beyond(c *cursor, smaller bool) shape {
	return func(s *sql.Selector) {
		bound, compare := sql.GTE, sql.CompositeGT
		if smaller {
			bound, compare = sql.LTE, sql.CompositeLT
		}
		s.Where(bound(s.C(t.time), int64(c.time)))
		s.Where(compare([]string{s.C(t.time), s.C(t.id)}, int64(c.time), c.id.value()))
	}
}

// OffsetPage asks for a page by its distance from the first row.
type OffsetPage struct {
	Order     string // a column that has an index; "" for the time
	Ascending bool
	Offset    int
	Limit     int
}

// PageAt gives a page by offset and the number of all rows that pass the
// filter, both of one moment. Ties are broken by time and id, so the pages of
// one query partition it.
func (l *Log[R, D, F]) PageAt(ctx context.Context, filter F, page OffsetPage) (rows []*R, total int64, err error) {
	var shapes []shape
	if page.Order != "" && page.Order != l.time {
		shapes = append(shapes, func(s *sql.Selector) {
			if page.Ascending {
				s.OrderBy(s.C(page.Order))
			} else {
				s.OrderBy(sql.Desc(s.C(page.Order)))
			}
		})
	}
	byTime := len(shapes) == 0
	shapes = append(shapes, l.ordered(!page.Ascending))
	done, err := l.turn(ctx, filter)
	if err != nil {
		return nil, 0, err
	}
	defer done()
	err = l.journal.db.Read(ctx, func(client *ent.Client) error {
		q, err := l.ask(ctx, client, filter)
		if err != nil {
			return err
		}
		offset := int64(page.Offset)
		if asked, counts := tallyOf(q); byTime && counts && offset >= l.journal.nearOffset {
			q, offset, total, err = l.jump(ctx, client, q, asked, offset, page.Ascending)
		} else {
			total, err = l.countIn(ctx, client, q)
		}
		if err != nil || int64(page.Offset) >= total {
			return err
		}
		if byTime && len(q.grams) > 0 && page.Offset+page.Limit <= mostSearched {
			rows, err = l.first(ctx, client, q, bounds[cursor]{backward: page.Ascending}, page.Offset+page.Limit)
			rows = rows[min(page.Offset, len(rows)):]
			return err
		}
		shapes = append(shapes, func(s *sql.Selector) { s.Offset(int(offset)).Limit(page.Limit) })
		if byTime {
			shapes = append(shapes, l.sorted(ctx, q))
		}
		rows, err = l.all(ctx, client, shaped(append(l.conditions(q), shapes...)...))
		return err
	})
	return l.shown(ctx, rows), total, err
}

// pageBytes is about how much text Each holds at a time.
const pageBytes = 8 << 20

// Each calls fn for every row that passes the filter, oldest first, until fn
// fails. It reads a page at a time and holds no snapshot open, so it may run for
// long.
func (l *Log[R, D, F]) Each(ctx context.Context, filter F, fn func(*R) error) error {
	q, err := l.ask(ctx, l.journal.db.Ent(), filter)
	if err != nil {
		return err
	}
	perPage := 50
	var last *cursor
	for {
		done, err := l.turn(ctx, filter)
		if err != nil {
			return err
		}
		var rows []*R
		err = l.reading(ctx, q, func(client *ent.Client) (err error) {
			rows, err = l.first(ctx, client, q, bounds[cursor]{backward: true, before: last}, perPage)
			return err
		})
		done()
		if err != nil {
			return err
		}
		bytes := 1
		for _, row := range rows {
			bytes += l.sizeOf(row)
		}
		for _, row := range l.shown(ctx, rows) {
			if err := fn(row); err != nil {
				return err
			}
		}
		if len(rows) < perPage {
			return nil
		}
		at := l.cursorOf(rows[perPage-1])
		last = &at
		perPage = min(max(perPage*pageBytes/bytes, 10), 1000, perPage*4) // rows may be long
	}
}

// sizeOf gives about how many bytes of text a row holds.
func (t *table[R, D, F]) sizeOf(row *R) (bytes int) {
	for _, a := range t.columns {
		bytes += sizeOf(a.value(row))
	}
	return bytes
}
