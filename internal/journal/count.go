package journal

import (
	"context"

	"logbook/ent"
	"logbook/ent/column"
)

// Count counts the rows that pass a filter, exactly.
func (l *Log[R, D, F]) Count(ctx context.Context, filter F) (count int64, err error) {
	done, err := l.turn(ctx, filter)
	if err != nil {
		return 0, err
	}
	defer done()
	err = l.journal.db.Read(ctx, func(client *ent.Client) error {
		q, err := l.ask(ctx, client, filter)
		if err != nil {
			return err
		}
		count, err = l.countIn(ctx, client, q)
		return err
	})
	return count, err
}

// countIn counts in a snapshot: from roll-ups for no dimension or one, with
// tenant, class and time; a mix of dimensions and a text search count rows.
func (l *Log[R, D, F]) countIn(ctx context.Context, client *ent.Client, q question) (int64, error) {
	if q.except != nil && len(q.choices) == 0 && len(q.rest) == 0 {
		// All less those that are left out, both from roll-ups.
		all, left := q, q
		all.except, left.except = nil, nil
		left.choices = []choice{{dimension: q.except.dimension, rollups: q.except.rollups, rows: q.except.opposite}}
		count, err := l.countIn(ctx, client, all)
		if err != nil {
			return 0, err
		}
		less, err := l.countIn(ctx, client, left)
		return count - less, err
	}
	asked, ok := tallyOf(q)
	var total int64
	if !ok {
		parts, _, err := l.parts(ctx, client, q)
		if err != nil {
			return 0, err
		}
		for _, part := range parts {
			count, err := l.count(ctx, client, shaped(l.conditions(part)...))
			if err != nil {
				return 0, err
			}
			total += int64(count)
		}
		return total, nil
	}
	err := l.run(ctx, client, asked, func(c cell) { total += c.sums[0] })
	return total, err
}

// within gives the time that the question asks for.
func (q question) within() stretch {
	s := stretch{beginning, end}
	if q.since != nil {
		s.from = *q.since
	}
	if q.until != nil {
		s.until = *q.until
	}
	return s
}

// tallyOf gives the tally that counts a question; false where none does.
func tallyOf(q question) (tally, bool) {
	within := q.within()
	t := tally{question: q, dimension: byAll, edges: []column.Time{within.from, within.until}}
	if len(q.choices) == 1 {
		t.dimension = q.choices[0].dimension
	}
	return t, len(q.choices) <= 1 && len(q.rest) == 0 && q.except == nil && !q.none
}
