package journal

import (
	"cmp"
	"context"
	"errors"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// Append stores the drafts, all or none, and gives the rows in the drafts' order, as
// the principal may see them. Acknowledged rows are on disk, in one commit with those of
// other callers who come at the same time (group.go). It fails with kind Invalid
// (naming each bad draft's index and field), Forbidden for another tenant's row,
// Conflict for an id that is there already, and Unavailable where the engine does not
// keep up, with After.
//
// A caller whose ctx ends while its rows wait is refused, and nothing of them is stored;
// once their commit has begun it is answered as that turns out.
func (l *Log[R, D, F]) Append(ctx context.Context, drafts []D) ([]*R, error) {
	rows, brought, err := l.prepare(ctx, drafts)
	if err != nil || len(rows) == 0 {
		return rows, err
	}
	if err := l.lookUp(ctx, rows); err != nil {
		return nil, err
	}
	if err := l.journal.join(ctx, l.pending(rows, brought)); err != nil {
		return nil, err
	}
	return l.shown(ctx, rows), nil
}

// prepare checks drafts, all of them, and makes rows of them that lack only what is
// looked up and what arrival gives.
func (l *Log[R, D, F]) prepare(ctx context.Context, drafts []D) ([]*R, []given, error) {
	if err := auth.Require(ctx, auth.Need{Permission: l.append}); err != nil {
		return nil, nil, err
	}
	var problems []fault.Problem
	rows := make([]*R, len(drafts))
	brought := make([]given, len(drafts))
	ids := map[rowID]bool{}
	for i := range drafts {
		problems = append(problems, l.check(&drafts[i], i)...)
		if l.own != nil {
			if field := l.own(&drafts[i]); field != "" {
				problems = append(problems, fault.Problem{Index: i, Field: field, Reason: fault.Clash, Detail: fault.Say("is kept for what Logbook records of itself")})
			}
		}
		rows[i], brought[i] = l.made(&drafts[i])
		if brought[i].id {
			if id := l.idOf(rows[i]); ids[id] {
				return nil, nil, fault.New(fault.Conflict, "the %s %s stands twice; nothing was stored", l.noun, fault.Shorten(id.String()))
			}
			ids[l.idOf(rows[i])] = true
		}
	}
	if err := l.fill(ctx, rows, brought); err != nil {
		return nil, nil, err
	}
	unknown, err := l.unknownNames(ctx, rows)
	if err != nil {
		return nil, nil, err
	}
	if problems = append(problems, unknown...); len(problems) > 0 {
		return nil, nil, fault.Refuse(problems...)
	}
	return rows, brought, nil
}

// insertNew inserts rows whose ids, where they were given, must be free.
func (l *Log[R, D, F]) insertNew(ctx context.Context, tx *db.Tx, at *position, rows []*R, brought []given) error {
	p := l.pending(rows, brought)
	err := storeAll(auth.System(ctx, "append"), tx, at, []*pending{p}, true, l.journal.now)
	if errors.Is(err, errNothing) {
		err = p.err
	}
	return err
}

// fill gives rows what their drafts left to Logbook, and holds them against the
// row policy.
func (l *Log[R, D, F]) fill(ctx context.Context, rows []*R, brought []given) error {
	now := column.TimeOf(l.journal.now())
	p := auth.From(ctx)
	for i, row := range rows {
		if !brought[i].time {
			*l.timeOf(row) = l.cut(now)
		}
		tenant := l.tenantOf(row)
		if *tenant == nil && p != nil && p.Tenant != nil {
			bound := column.ID(*p.Tenant)
			*tenant = &bound
		}
		if err := auth.RequireAppend(ctx, l.append, (*[16]byte)(*tenant)); err != nil {
			return err
		}
	}
	return nil
}

// lookUp completes rows from other tables.
func (l *Log[R, D, F]) lookUp(ctx context.Context, rows []*R) error {
	if l.look == nil {
		return nil
	}
	return l.look(ctx, l.journal, rows)
}

// made makes a row of a draft, with its time as the kind keeps it.
func (t *table[R, D, F]) made(draft *D) (*R, given) {
	row, brought := t.row(draft)
	*t.timeOf(row) = t.cut(*t.timeOf(row))
	return row, brought
}

// cut gives an instant as the kind keeps it.
func (t *table[R, D, F]) cut(at column.Time) column.Time {
	if !t.wholeSeconds {
		return at
	}
	return column.Time(floorDiv(int64(at), 1_000_000) * 1_000_000)
}

// stored gives those of the rows' ids that are in the table already.
func (t *table[R, D, F]) stored(ctx context.Context, client *ent.Client, rows []*R) (map[rowID]*R, error) {
	ids := make([]rowID, len(rows))
	for i, row := range rows {
		ids[i] = t.idOf(row)
	}
	return t.byID(ctx, client, ids)
}

// byID gives the rows of those ids that are in the table.
func (t *table[R, D, F]) byID(ctx context.Context, client *ent.Client, ids []rowID) (map[rowID]*R, error) {
	const perQuery = 500
	stored := map[rowID]*R{}
	for start := 0; start < len(ids); start += perQuery {
		some := ids[start:min(start+perQuery, len(ids))]
		values := make([]any, len(some))
		for i, id := range some {
			values[i] = id.value()
		}
		found, err := t.all(ctx, client, func(s *sql.Selector) { s.Where(sql.In(s.C(t.id), values...)) })
		if err != nil {
			return nil, err
		}
		for _, row := range found {
			stored[t.idOf(row)] = row
		}
	}
	return stored, nil
}

// insert inserts rows that are complete but for their seal, with their roll-ups.
func (t *table[R, D, F]) insert(ctx context.Context, tx *db.Tx, rows []*R) error {
	values := make([][]any, len(rows))
	for i, row := range rows {
		values[i] = t.values(row)
	}
	return t.insertValues(ctx, tx, rows, values)
}

// insertValues inserts rows of which all values are known but for what arrival makes.
func (t *table[R, D, F]) insertValues(ctx context.Context, tx *db.Tx, rows []*R, values [][]any) error {
	columns := make([]string, len(t.columns))
	for i, a := range t.columns {
		columns[i] = a.column
	}
	for i, row := range rows {
		if t.seal != nil {
			t.seal(row)
		}
		for k := range t.columns {
			if use := t.columns[k].use; use == itself || use == arrival {
				values[i][k] = t.value(row, k)
			}
		}
	}
	// What the rows count is worked out while the engine writes them.
	var counted [][]any
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		failed = safely(func() (err error) {
			counted, err = t.raised(rows)
			return err
		})
	}()
	err := tx.Insert(ctx, t.name, columns, values)
	<-done
	if err = cmp.Or(err, failed); err != nil {
		return err
	}
	return t.addRollups(ctx, tx, counted)
}

// values gives a row's values, one for each column.
func (t *table[R, D, F]) values(row *R) []any {
	values := make([]any, len(t.columns))
	for k := range t.columns {
		values[k] = t.value(row, k)
	}
	return values
}

// value gives the value of a column as the engine takes it.
func (t *table[R, D, F]) value(row *R, k int) any {
	value := t.columns[k].value(row)
	if raw, isJSON := value.(column.JSON); isJSON {
		return []byte(raw)
	}
	return value
}
