package journal

import (
	"context"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/db"
)

// reading gathers what some tallies of a kind read, of roll-ups and of rows, and reads it
// as one statement.
type reading struct {
	client  *ent.Client // for what must be known before
	union   *db.Union
	columns []string               // that each query gives, in the order of tallied.places
	parts   []func(*tallied) error // what takes the rows of each query
	grouped bool                   // a query may give more than one row
	after   []func()               // what is left to do when all rows were taken
}

// newReading makes a reading for tallies that tell apart, between so many edges, no more
// than this.
func newReading(client *ent.Client, apart apart, edges int) *reading {
	r := &reading{client: client, union: db.NewUnion(client), columns: []string{"part"}}
	for _, one := range []struct {
		wanted bool
		names  []string
	}{
		{apart&values != 0, valueNames},
		{apart&classes != 0, []string{"class"}},
		{apart&tenants != 0, []string{"tenant"}},
		{apart&moments != 0, []string{"width", "bucket"}},
		{edges > 2, []string{"slot"}},
		{true, rollupSums[:1]},
		{apart&withSums != 0, rollupSums[1:]},
	} {
		if one.wanted {
			r.columns = append(r.columns, one.names...)
		}
	}
	return r
}

// What one statement may gather. Engines take no more than some 32,000 arguments and, SQLite,
// 500 queries.
const (
	mostGathered  = 100
	fullArguments = mostArguments / 2
)

// part begins the next query, whose rows take is handed. What was gathered is read first
// where one more would be too much.
func (r *reading) part(ctx context.Context, take func(*tallied) error) error {
	if queries, arguments := r.union.Parts(); queries >= mostGathered || arguments > fullArguments {
		if err := r.read(ctx); err != nil {
			return err
		}
	}
	given := 0
	r.parts = append(r.parts, func(row *tallied) error {
		if given++; given > mostCells {
			return errCells
		}
		return take(row)
	})
	return nil
}

// apply makes a query of a selector that gives what is grouped.
func (r *reading) apply(s *sql.Selector, g grouping) {
	selected := make([]sql.Querier, len(r.columns))
	for i, name := range r.columns {
		expression := g.selected[name]
		switch {
		case name == "part":
			expression = numberValue(int64(len(r.parts) - 1))
		case expression == "" && (name == valueNames[0] || name == valueNames[1] || name == "tenant"):
			expression = "NULL"
		case expression == "":
			expression = "0"
		}
		selected[i] = sql.Raw(expression + " AS `" + name + "`")
	}
	s.Select().AppendSelectExpr(selected...)
	if len(g.grouped) > 0 {
		s.GroupBy(g.grouped...)
		r.grouped = true
	}
}

// read reads what was gathered and hands out its rows.
func (r *reading) read(ctx context.Context) error {
	most := 0
	if r.grouped {
		most = len(r.parts)*mostCells + 1 // of which some query has too many
	}
	var row tallied
	places := row.places()
	dest := make([]any, len(r.columns))
	for i, name := range r.columns {
		dest[i] = places[name]
	}
	err := r.union.Each(ctx, most, dest, func() error { return r.parts[row.part](&row) })
	r.parts, r.grouped = nil, false
	return err
}

// run is read, and what is left to do then.
func (r *reading) run(ctx context.Context) error {
	if err := r.read(ctx); err != nil {
		return err
	}
	for _, one := range r.after {
		one()
	}
	return nil
}

// tallied is what a query of a tally gives.
type tallied struct {
	part           int // which query of the reading
	value0, value1 []byte
	class          int16
	tenant         []byte
	width          width
	bucket         int64
	slot           int64
	sums           sums
}

// valueNames are where tallied has the values of columns.
var valueNames = []string{"value0", "value1"}

// places gives where each column goes.
func (r *tallied) places() map[string]any {
	places := map[string]any{
		"part": &r.part, valueNames[0]: &r.value0, valueNames[1]: &r.value1, "class": &r.class, "tenant": &r.tenant,
		"width": &r.width, "bucket": &r.bucket, "slot": &r.slot,
	}
	for i, name := range rollupSums {
		places[name] = &r.sums[i]
	}
	return places
}

// hand hands on what was counted, unless it is nothing.
func (r *tallied) hand(c cell, add func(cell)) {
	if r.sums[0] != 0 {
		c.class, c.sums = r.class, r.sums
		copy(c.tenant[:], r.tenant)
		add(c)
	}
}

// grouping is what a query of a tally selects, by what tallied calls it, and groups by.
type grouping struct {
	selected map[string]string
	grouped  []string
}

// by tells the values of a column apart.
func (g *grouping) by(s *sql.Selector, column, as string) {
	g.selects(as, s.C(column))
	g.grouped = append(g.grouped, s.C(column))
}

// bySlot tells the slots of a column apart.
func (g *grouping) bySlot(s *sql.Selector, column string, told slots) {
	if told.width > 0 {
		g.selects("slot", db.Quotient(s, column, told.origin, told.width))
		g.grouped = append(g.grouped, "slot")
	}
}

// sum sums a column; over no rows that is 0.
func (g *grouping) sum(s *sql.Selector, column string) {
	g.selects(column, "COALESCE("+sql.Sum(s.C(column))+", 0)")
}

func (g *grouping) selects(as, expression string) {
	if g.selected == nil {
		g.selected = map[string]string{}
	}
	g.selected[as] = expression
}

// at gives the moments that a row counts.
func (r *tallied) at() stretch {
	from := column.Time(r.bucket) * r.width.span()
	return stretch{from, from + r.width.span()}
}
