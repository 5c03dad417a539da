package journal

import (
	"context"
	"sync"
	"time"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/column"
)

// CountKind says what a count is worth.
type CountKind string

// The kinds of count.
const (
	Exact   CountKind = "EXACT"
	AtLeast CountKind = "AT_LEAST" // it was cut off, since every row has to be looked at
)

// DefaultCountBudget is how long a count that looks at every row goes on.
const DefaultCountBudget = 2 * time.Second

// total counts the rows of a connection's filter, once, when it is first asked for.
type total struct {
	mu    sync.Mutex
	done  bool
	count int64
	kind  CountKind
	work  func(context.Context) (int64, CountKind, error)
}

func (t *total) get(ctx context.Context) (int64, CountKind, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.done {
		count, kind, err := t.work(ctx)
		if err != nil {
			return 0, "", err
		}
		t.count, t.kind, t.done = count, kind, true
	}
	return t.count, t.kind, nil
}

// TotalCount counts the rows that pass the connection's filter; TotalCountKind says
// whether all. Only then is it worked out, for both at once and in one snapshot.
func (c *Connection[R]) TotalCount(ctx context.Context) (int64, error) {
	count, _, err := c.total.get(ctx)
	return count, err
}

// TotalCountKind says what TotalCount is worth.
func (c *Connection[R]) TotalCountKind(ctx context.Context) (CountKind, error) {
	_, kind, err := c.total.get(ctx)
	return kind, err
}

// countWithin counts the rows that pass a filter in one snapshot. What neither the
// roll-ups nor an index count, such as a text search, is counted from the newest row
// back until the journal's budget of time is spent.
func (l *Log[R, D, F]) countWithin(ctx context.Context, filter F) (count int64, kind CountKind, err error) {
	done, err := l.turn(ctx, filter)
	if err != nil {
		return 0, "", err
	}
	defer done()
	kind = Exact
	err = l.journal.db.Read(ctx, func(client *ent.Client) error {
		q, err := l.ask(ctx, client, filter)
		if err != nil {
			return err
		}
		if !q.scans && q.scanned == "" || q.none {
			count, err = l.countIn(ctx, client, q)
			return err
		}
		parts, narrowed, err := l.parts(ctx, client, q)
		switch {
		case err != nil:
		case narrowed:
			count, kind, err = l.countParts(ctx, client, parts)
		default:
			count, kind, err = l.countSlices(ctx, client, q)
		}
		return err
	})
	return count, kind, err
}

// firstSlice is how many rows are looked at before the clock is.
const firstSlice = 20_000

// countSlices counts slice after slice of time, each of about as many rows to look at.
// One statement for all would have to be broken off, and would have counted nothing.
func (l *Log[R, D, F]) countSlices(ctx context.Context, client *ent.Client, q question) (count int64, kind CountKind, err error) {
	begun := time.Now() // what is bounded is the caller's time, whatever the journal's clock says
	for rows := firstSlice; ; rows *= 2 {
		slice := q
		slice.since, err = l.timeOfRow(ctx, client, q, rows, false)
		if err != nil {
			return 0, "", err
		}
		last := slice.since == nil
		if last {
			slice.since = q.since
		}
		n, err := l.count(ctx, client, shaped(l.conditions(slice)...))
		if err != nil {
			return 0, "", err
		}
		count += int64(n)
		switch {
		case last:
			return count, Exact, nil
		case time.Since(begun) >= l.journal.countBudget:
			return count, AtLeast, nil
		}
		q.until = slice.since
	}
}

// countParts counts part after part of a question.
func (l *Log[R, D, F]) countParts(ctx context.Context, client *ent.Client, parts []question) (count int64, kind CountKind, err error) {
	begun := time.Now()
	for i, part := range parts {
		n, err := l.count(ctx, client, shaped(l.conditions(part)...))
		if err != nil {
			return 0, "", err
		}
		count += int64(n)
		if time.Since(begun) >= l.journal.countBudget && i < len(parts)-1 {
			return count, AtLeast, nil
		}
	}
	return count, Exact, nil
}

// timeOfRow gives the time of the n-th newest, backward the n-th oldest, of the rows that
// pass what an index knows of a question, and more conditions; nil where there are fewer.
func (l *table[R, D, F]) timeOfRow(ctx context.Context, client *ent.Client, q question, n int, backward bool, more ...shape) (*column.Time, error) {
	q.rest = nil // what may need no index is not worth a look at the row
	var rows []struct {
		Time int64 `sql:"time"`
	}
	err := l.scan(ctx, client, shaped(append(append(l.conditions(q), more...), func(s *sql.Selector) {
		order := sql.Desc(s.C(l.time))
		if backward {
			order = s.C(l.time)
		}
		s.Select(sql.As(s.C(l.time), "time")).OrderBy(order).Offset(n - 1).Limit(1)
	})...), &rows)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return (*column.Time)(&rows[0].Time), nil
}
