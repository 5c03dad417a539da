package journal

import (
	"context"
	"time"

	"entgo.io/ent/dialect/sql"

	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// Purge deletes the rows that pass a filter, at least one condition of which must
// be set, and gives their number. Only an administrator may, and one bound to a
// tenant reaches only its rows; audit events nobody purges. Rows go in short
// transactions, each with its roll-ups; on an error those before it are gone,
// and their number is given. Rows written meanwhile may stay.
func (l *Log[R, D, F]) Purge(ctx context.Context, filter F) (int64, error) {
	q, err := l.ask(ctx, l.journal.db.Ent(), filter)
	if err != nil {
		return 0, err
	}
	conditions := l.conditions(q)
	if len(conditions) == 0 {
		return 0, fault.New(fault.Invalid, "a purge needs a condition")
	}
	return l.purge(ctx, conditions)
}

// purge is the one loop that removes rows.
func (l *Log[R, D, F]) purge(ctx context.Context, conditions []shape) (int64, error) {
	if l.kept {
		return 0, fault.New(fault.Forbidden, "%ss are never removed", l.noun)
	}
	if err := auth.Require(ctx, auth.Need{Role: auth.Admin}); err != nil {
		return 0, err
	}
	var purged int64
	size := 200
	for {
		began := time.Now()
		var removed int
		err := l.journal.commit(ctx, func(tx *db.Tx, _ *position) (err error) {
			removed, err = l.purgeSome(ctx, tx, conditions, size)
			return err
		})
		if err != nil {
			return purged, err
		}
		purged += int64(removed)
		if removed < size {
			break
		}
		held := time.Since(began)
		size = max(50, min(size*2, 1000, int(float64(size)*float64(importHold)/float64(held+1))))
		if err := l.journal.yield(ctx, held); err != nil {
			return purged, err
		}
	}
	if purged == 0 {
		return 0, nil
	}
	return purged, l.journal.db.GiveBack(ctx)
}

// purgeSome removes up to size rows, oldest first, with their roll-ups.
func (l *Log[R, D, F]) purgeSome(ctx context.Context, tx *db.Tx, conditions []shape, size int) (int, error) {
	rows, err := l.all(ctx, tx.Client, shaped(shaped(conditions...), l.ordered(false), limited(size), db.ForUpdate, l.counted))
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	ids := make([]any, len(rows))
	for i, row := range rows {
		ids[i] = l.idOf(row).value()
	}
	removed, err := l.remove(ctx, tx.Client, func(s *sql.Selector) { s.Where(sql.In(s.C(l.id), ids...)) })
	if err != nil {
		return 0, err
	}
	if removed != len(rows) {
		return 0, fault.New(fault.Internal, "a purge found %d rows and removed %d", len(rows), removed)
	}
	return removed, l.addRollups(ctx, tx, rows, -1)
}

// counted selects only the columns that roll-ups are made of.
func (t *table[R, D, F]) counted(s *sql.Selector) {
	columns := []string{s.C(t.id), s.C(t.time), s.C("tenant_id")}
	seen := map[string]bool{}
	add := func(names ...string) {
		for _, name := range names {
			if name != "" && !seen[name] {
				seen[name] = true
				columns = append(columns, s.C(name))
			}
		}
	}
	add(t.class)
	for i := range t.dimensions {
		add(t.dimensions[i].columns...)
	}
	if t.summed != nil {
		add(rollupSums[1:]...)
	}
	s.Select(columns...)
}
