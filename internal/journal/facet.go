package journal

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/rollup"
	"logbook/internal/auth"
)

// Dimension names what the rows of a kind are told apart by; each kind has its own.
type Dimension string

// facet is a Dimension of a kind: where roll-ups and rows keep its values, and how
// people read them.
type facet struct {
	name      Dimension
	apart     apart    // values, classes or tenants
	dimension int8     // whose roll-ups tell the values apart; 0 where only rows do
	columns   []string // of rows; left out where the dimension has them
	key       int      // which of the columns' values people mean; another one names it
	reads     reads
	blank     bool // the empty value stands for none
	optional  bool // rows without a value are in no roll-up of the dimension

	show   func(key string) string                                                      // as filters take it; nil: as it is
	called func(j *Journal, ctx context.Context, key string) (label *string, err error) // nil: by another column's value
	may    func(*auth.Principal) error                                                  // nil: whoever reads the kind
}

// reads says what a facet's values are.
type reads int8

const (
	texts   reads = iota
	numbers       // in digits
	ids           // of 16 bytes
)

// byTenant is a facet of every kind.
var byTenant = facet{name: "TENANT", apart: tenants, reads: ids, called: (*Journal).tenantName}

// facet gives the facet of a name. It panics where the kind has none.
func (l *table[R, D, F]) facet(name Dimension) *facet {
	for _, f := range l.facets {
		if f.name != name {
			continue
		}
		if f.dimension != 0 {
			f.columns = l.dimension(f.dimension).columns
		}
		return &f
	}
	panic("journal: a facet that the kind does not have") // the schema knows its names
}

// ReadsRows says whether the values of a dimension are told apart by reading rows,
// whatever the filter.
func (d Dimension) ReadsRows() bool {
	for _, facets := range [][]facet{entries.facets, auditEvents.facets, operations.facets, usageRecords.facets, apiCalls.facets} {
		for _, f := range facets {
			if f.name == d && f.apart == values && f.dimension == 0 {
				return true
			}
		}
	}
	return false
}

// keyOf gives the value that a cell counts, and whether there is none.
func (f *facet) keyOf(c cell) groupKey {
	switch f.apart {
	case classes:
		return groupKey{key: numberValue(int64(c.class))}
	case tenants:
		return groupKey{string(c.tenant[:]), c.tenant.IsZero()}
	}
	key := c.value
	if f.joined() {
		key = strings.SplitN(c.value, "\x00", 2)[f.key]
	}
	if c.absent || key == "" && (f.blank || f.reads != texts) {
		return groupKey{absent: true} // whatever stands for it
	}
	return groupKey{key: key}
}

// joined says whether values come with another column's.
func (f *facet) joined() bool { return f.apart == values && len(f.columns) == 2 }

// named says whether that other column names them.
func (f *facet) named() bool { return f.joined() && f.key == 0 }

// text gives a value as people, and filters, write it.
func (f *facet) text(key string) string {
	switch {
	case f.show != nil:
		return f.show(key)
	case f.reads == ids:
		return column.ID([]byte(key)).String()
	}
	return key
}

// compare orders values: numbers by size, all else byte by byte.
func (f *facet) compare(a, b string) int {
	if f.reads == numbers || f.apart == classes {
		return cmp.Compare(digits(a), digits(b))
	}
	return strings.Compare(a, b)
}

// mostRaw is how many values of roll-ups a condition names; engines take no more
// arguments. All are read where there are more.
const mostRaw = 10_000

// narrowed gives the condition that keeps the rows of some groups.
func (l *table[R, D, F]) narrowed(f *facet, groups []*counted) *choice {
	var raw []string
	var keys []any
	absent := false
	for _, one := range groups {
		if f.joined() {
			for value := range one.raw {
				raw = append(raw, value)
			}
		} else {
			raw = append(raw, one.key)
		}
		switch {
		case one.absent:
			absent = true
		case f.apart == classes || f.reads == numbers:
			keys = append(keys, digits(one.key))
		case f.reads == ids:
			keys = append(keys, []byte(one.key))
		default:
			keys = append(keys, one.key)
		}
	}
	name, rollups, named := "", shape(func(*sql.Selector) {}), false
	switch {
	case f.apart == classes:
		name, rollups = l.class, sql.FieldIn(rollup.FieldClass, keys...)
	case f.apart == tenants:
		name, rollups = "tenant_id", sql.FieldIn(rollup.FieldTenantID, keys...)
	default:
		if name = f.columns[f.key]; len(raw) <= mostRaw {
			rollups, named = rollupsOf(raw...), true
		}
	}
	return &choice{dimension: f.dimension, named: named, rollups: rollups, rows: func(s *sql.Selector) {
		ways := []*sql.Predicate{sql.In(s.C(name), keys...)}
		if absent {
			ways = append(ways, sql.IsNull(s.C(name)))
		}
		if absent && f.blank {
			ways = append(ways, sql.EQ(s.C(name), ""))
		}
		s.Where(sql.Or(ways...))
	}}
}

// telling is how the rows of a question are told apart.
type telling struct {
	edges []column.Time // of segments; nil: one, the question's own times
	by    *facet        // nil: not by values
	only  []*counted    // keeps the rows of these groups; nil: of all
}

// tell counts and sums the rows of a question, which it hands to add by segment and
// value: from roll-ups where those of one dimension know, else from rows. Where roll-ups
// leave out the rows of no value these are all the others.
func (l *table[R, D, F]) tell(ctx context.Context, client *ent.Client, q question, t telling, add func(cell)) error {
	r := newReading(client, t.apart(), len(t.edges))
	if err := l.gatherTold(ctx, r, q, t, add); err != nil {
		return err
	}
	return r.run(ctx)
}

// apart gives what is told apart.
func (t telling) apart() apart {
	if t.by == nil {
		return withSums
	}
	return withSums | t.by.apart
}

// gatherTold adds to a reading what tell reads.
func (l *table[R, D, F]) gatherTold(ctx context.Context, r *reading, q question, t telling, add func(cell)) error {
	all, counts := tallyOf(q)
	all.apart = withSums
	if t.edges != nil {
		all.edges = t.edges
	}
	gather := func(t tally, add func(cell)) error {
		dim := l.dimension(t.dimension)
		return l.gather(ctx, r, &t, dim, dim.widths, add)
	}
	if t.by == nil {
		if counts {
			return gather(all, add)
		}
		return l.gatherRows(ctx, r, all, nil, add)
	}
	told, valued := all, all
	told.apart = t.apart()
	if t.only != nil {
		told.choices = append(append([]choice{}, q.choices...), *l.narrowed(t.by, t.only))
	}
	rest := t.by.optional && all.dimension == byAll // and all are counted
	switch t.by.apart {
	case values:
		counts = counts && t.by.dimension != 0 && (all.dimension == byAll || all.dimension == t.by.dimension)
		told.dimension, valued.dimension = t.by.dimension, t.by.dimension
	case tenants:
		told.tenanted, valued.tenanted, rest = true, true, true
	}
	if !counts {
		told.tenanted = false
		return l.gatherRows(ctx, r, told, t.by.columns, add)
	}
	if err := gather(told, add); err != nil || !rest {
		return err
	}
	without := make([]sums, len(all.edges)-1)
	for sign, one := range map[int64]tally{1: all, -1: valued} {
		if err := gather(one, func(c cell) { without[c.segment].add(c.sums, sign) }); err != nil {
			return err
		}
	}
	r.after = append(r.after, func() {
		for segment, sums := range without {
			if sums[0] != 0 {
				add(cell{segment: segment, absent: true, sums: sums})
			}
		}
	})
	return nil
}

// digits reads a number that the journal wrote.
func digits(text string) int64 {
	number, _ := strconv.ParseInt(text, 10, 64)
	return number
}

// capital gives a name as GraphQL writes an enum's value.
func capital(name interface{ String() string }) string { return strings.ToUpper(name.String()) }

func (j *Journal) categoryName(ctx context.Context, key string) (*string, error) {
	id := column.ID([]byte(key))
	category, err := j.Category(ctx, &id)
	if err != nil || category == nil {
		return nil, err
	}
	return &category.Name, nil
}

func (j *Journal) tenantName(ctx context.Context, key string) (*string, error) {
	id := column.ID([]byte(key))
	tenant, err := j.Tenant(ctx, &id)
	if err != nil || tenant == nil {
		return nil, err
	}
	return &tenant.Name, nil
}
