package journal

import (
	"context"
	"math"
	"slices"
	"sort"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/rollup"
	"logbook/ent/schema"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// tally counts and sums the rows that a question asks for by segment of time, value,
// class and tenant. Where the roll-ups of one dimension know them, run reads whole
// buckets there and touches rows only where a segment's edge cuts a bucket; gatherRows
// reads rows only. Use either inside one snapshot.
type tally struct {
	question       // its times are the edges'; for run its choices are of the dimension
	dimension int8 // for run
	apart     apart
	tenanted  bool          // leaves out the rows of no tenant
	edges     []column.Time // n + 1 edges of n segments, ascending; each begins at its edge

	names []string // of the values that its choices describe, once run has looked them up
}

// apart says what a tally tells apart beside its segments. Less is quicker: the
// engine sorts what it groups.
type apart uint8

const (
	withSums apart = 1 << iota // what the kind sums, beside the count
	classes
	values
	tenants // and leaves out the rows of none where roll-ups count
	moments // the times that are counted as a whole, for run over one segment
)

// cell is one count with its sums. Value, class and tenant are empty where they are
// not told apart.
type cell struct {
	segment int
	value   string // as the roll-ups keep it
	absent  bool   // it is null, which the roll-ups may not tell from empty
	class   int16
	tenant  column.ID // the nil one for none
	at      stretch   // its moments
	sums    sums
}

// Open ends of time, for counts without a bound: no row lies outside them.
const (
	beginning = column.Time(math.MinInt64)
	end       = column.Time(math.MaxInt64)
)

// stretch is a part of time that rows are read for.
type stretch struct{ from, until column.Time }

// mostCells is how many figures one statement may give: what is told apart finer would
// not fit into memory at some point, nor into an answer.
const mostCells = 500_000

// errCells refuses a question that tells too much apart.
var errCells = fault.New(fault.Invalid, "this would be more than 500,000 figures; ask about a shorter time, longer intervals or fewer rows")

// nilTenant says whether the tally asks for the tenant with the nil UUID, which no
// row has: it stands for all of them in the roll-ups.
func (t tally) nilTenant() bool { return t.tenant != nil && t.tenant.IsZero() }

// segmentAt gives the segment that holds a moment, the first for those before all.
func (t tally) segmentAt(at column.Time) int {
	return max(0, sort.Search(len(t.edges)-1, func(i int) bool { return t.edges[i] > at })-1)
}

// run counts and hands each cell to add; cells of the same key may come more
// than once.
func (l *table[R, D, F]) run(ctx context.Context, client *ent.Client, t tally, add func(cell)) error {
	dim := l.dimension(t.dimension)
	return l.runBy(ctx, client, &t, dim, dim.widths, add)
}

// runBy is run by some of the dimension's widths.
func (l *table[R, D, F]) runBy(ctx context.Context, client *ent.Client, t *tally, dim *dimension[R], widths []width, add func(cell)) error {
	r := newReading(client, t.apart, len(t.edges))
	if err := l.gather(ctx, r, t, dim, widths, add); err != nil {
		return err
	}
	return r.run(ctx)
}

// gather adds to a reading what run reads.
func (l *table[R, D, F]) gather(ctx context.Context, r *reading, t *tally, dim *dimension[R], widths []width, add func(cell)) error {
	if t.nilTenant() {
		return nil
	}
	parts, ragged := partsOf(t.edges, widths)
	for _, one := range parts {
		if err := l.countBuckets(ctx, r, t, dim, one, add); err != nil {
			return err
		}
	}
	return l.countStretches(ctx, r, *t, dim.columns, !dim.absent, l.ofEnds(ctx, t, dim), ragged, add)
}

// ofEnds says by which index the rows at the ends of whole buckets are read: by that of the
// dimension, or of time, where it has all that is counted and asked. They are few, which
// the engines do not know: SQLite would rather read a user's rows by an index of their type.
func (l *table[R, D, F]) ofEnds(ctx context.Context, t *tally, dim *dimension[R]) shape {
	none := func(*sql.Selector) {}
	lead, read := l.time, slices.Clone(l.sumNames(t.apart)[1:])
	for _, chosen := range t.choices {
		if chosen.dimension != t.dimension || len(dim.columns) == 0 {
			return none
		}
		// Only values bound the index: that there is one, or none, may be true of all rows.
		if lead = dim.columns[0]; !slices.Contains(t.picked, lead) && (!chosen.named || len(dim.columns) > 1) {
			return none
		}
		if chosen.named {
			read = append(read, dim.columns...)
		}
	}
	if t.apart&values != 0 {
		read = append(read, dim.columns...)
	}
	if t.class != nil || t.apart&classes != 0 && l.class != "" {
		read = append(read, l.class)
	}
	if t.tenanted || t.apart&tenants != 0 || !t.scope(ctx).IsZero() {
		read = append(read, "tenant_id")
	}
	return func(s *sql.Selector) { db.OnlyByIndex(s, l.name, lead, read...) }
}

// gatherRows is gather without the roll-ups: values are those of the columns.
func (l *table[R, D, F]) gatherRows(ctx context.Context, r *reading, t tally, columns []string, add func(cell)) error {
	whole := stretch{t.edges[0], t.edges[len(t.edges)-1]}
	return l.countStretches(ctx, r, t, columns, false, func(*sql.Selector) {}, []stretch{whole}, add)
}

// countBuckets reads the roll-ups of a part's buckets.
func (l *table[R, D, F]) countBuckets(ctx context.Context, r *reading, t *tally, dim *dimension[R], of part, add func(cell)) error {
	told := of.slots()
	names, err := l.namesFor(ctx, r.client, t, dim, of)
	if err != nil {
		return err
	}
	err = r.part(ctx, func(row *tallied) error {
		if segment, whole := of.segmentOf(told, row.slot); whole {
			row.hand(cell{segment: segment, value: string(row.value0), at: row.at()}, add)
		}
		return nil
	})
	if err != nil {
		return err
	}
	query := r.union.Client().Rollup.Query().Modify(func(s *sql.Selector) {
		s.Where(sql.EQ(s.C(rollup.FieldKind), int64(l.kind))).
			Where(sql.EQ(s.C(rollup.FieldDimension), int64(t.dimension)))
		if scope := t.scope(ctx); scope.IsZero() && t.tenanted {
			s.Where(sql.GT(s.C(rollup.FieldTenantID), scope))
		} else {
			s.Where(sql.EQ(s.C(rollup.FieldTenantID), scope))
		}
		if names != nil {
			s.Where(valueAmong(s, names))
		}
		for _, chosen := range t.choices {
			chosen.rollups(s)
		}
		if t.class != nil {
			t.class(rollup.FieldClass)(s)
		}
		var group grouping
		if t.apart&values != 0 {
			group.by(s, rollup.FieldValue, "value0")
		}
		if t.apart&classes != 0 {
			group.by(s, rollup.FieldClass, "class")
		}
		if t.apart&tenants != 0 {
			group.by(s, rollup.FieldTenantID, "tenant")
		}
		if t.apart&moments != 0 {
			group.by(s, rollup.FieldWidth, "width")
			group.by(s, rollup.FieldID, "bucket")
		}
		group.bySlot(s, rollup.FieldID, told)
		for _, name := range l.sumNames(t.apart) {
			group.sum(s, name)
		}
		r.apply(s, group)
		db.InRanges(s, rollup.Table, rollup.FieldWidth, rollup.FieldID, of.ranges())
	})
	return query.Scan(ctx, &gathered{})
}

// gathered is what a query gives that a reading gathers.
type gathered []struct{}

// namesFor gives the values that a part's buckets are read for, so that the key's next
// column, the bucket, bounds what is read of each; nil where the choices name them, where
// all buckets are read anyway, or where they are too many to name.
func (l *table[R, D, F]) namesFor(ctx context.Context, client *ent.Client, t *tally, dim *dimension[R], of part) ([]string, error) {
	if len(dim.columns) == 0 {
		return []string{""}, nil // the one value there is
	}
	var among []shape
	for _, chosen := range t.choices {
		switch {
		case chosen.dimension != t.dimension: // it is of classes or tenants
		case chosen.named:
			return nil, nil
		default:
			among = append(among, chosen.rollups)
		}
	}
	if of.open() {
		return nil, nil
	}
	if t.names == nil {
		known, err := valuesOf(ctx, client, t.scope(ctx), l.kind, t.dimension, among...)
		if err != nil {
			return nil, err
		}
		t.names = known
	}
	if len(t.names) > mostValues {
		return nil, nil
	}
	return t.names, nil
}

// What one query over several stretches may hold: engines bound how deep a condition
// is, and how many arguments there are.
const (
	mostStretches = 100
	mostArguments = 20_000
)

// countStretches reads the rows of some stretches on the index of what the tally's
// question chooses: the two ends of a window by a query each, more of them by one for
// up to mostStretches. Present leaves out the rows in which a column is null, by says which
// index is read.
func (l *table[R, D, F]) countStretches(ctx context.Context, r *reading, t tally, columns []string, present bool, by shape, stretches []stretch, add func(cell)) error {
	t.since, t.until = nil, nil
	size := 1
	if len(stretches) > 2 { // never of moments: one segment has two ends
		s := sql.Select().From(sql.Table(l.name))
		shaped(l.conditions(t.question)...)(s)
		_, arguments := s.Query()
		size = max(1, min(mostStretches, mostArguments/(len(arguments)+2)))
	}
	for batch := range slices.Chunk(stretches, size) {
		if err := l.countBatch(ctx, r, t, columns, present, by, batch, add); err != nil {
			return err
		}
	}
	return nil
}

func (l *table[R, D, F]) countBatch(ctx context.Context, r *reading, t tally, columns []string, present bool, by shape, batch []stretch, add func(cell)) error {
	q := t.question
	first, last := batch[0].from, batch[len(batch)-1].until
	if len(batch) == 1 && first != beginning {
		q.since = &first
	}
	if len(batch) == 1 && last != end {
		q.until = &last
	}
	var marks []int64
	for _, edge := range t.edges {
		if edge > first && edge < last {
			marks = append(marks, int64(edge))
		}
	}
	told := slotsOf(int64(first), int64(last), marks)
	conditions := l.conditions(q)
	if len(batch) > 1 {
		conditions = []shape{l.within(batch, conditions)}
	}
	err := r.part(ctx, func(row *tallied) error {
		at := first
		if told.width > 0 {
			at = max(at, column.Time(told.start(row.slot)))
		}
		value, absent := string(row.value0), row.value0 == nil
		if len(columns) == 2 {
			value, absent = string(schema.RollupValue(row.value0, row.value1)), false
		}
		row.hand(cell{segment: t.segmentAt(at), value: value, absent: absent, at: batch[0]}, add)
		return nil
	})
	if err != nil {
		return err
	}
	return l.scan(ctx, r.union.Client(), shaped(append(conditions, func(s *sql.Selector) {
		var group grouping
		for i, name := range columns {
			if present {
				s.Where(sql.NotNull(s.C(name)))
			}
			if t.apart&values != 0 {
				group.by(s, name, valueNames[i])
			}
		}
		if t.tenanted {
			s.Where(sql.NotNull(s.C("tenant_id")))
		}
		if t.apart&tenants != 0 {
			group.by(s, "tenant_id", "tenant")
		}
		if l.class != "" && t.apart&classes != 0 {
			group.by(s, l.class, "class")
		}
		group.bySlot(s, l.time, told)
		group.selects(rollup.FieldRowCount, sql.Count("*"))
		for _, name := range l.sumNames(t.apart)[1:] {
			group.sum(s, name)
		}
		r.apply(s, group)
		by(s)
	})...), &gathered{})
}

// within keeps the rows of some stretches that meet the conditions. These stand beside
// each stretch, or SQLite would look for them in an index of their own and hold every row
// there against every stretch.
func (l *table[R, D, F]) within(stretches []stretch, conditions []shape) shape {
	return func(s *sql.Selector) {
		list := make([]*sql.Predicate, len(stretches))
		for i, one := range stretches {
			part := sql.Dialect(s.Dialect()).Select().From(sql.Table(l.name))
			shaped(conditions...)(part)
			part.Where(sql.GTE(part.C(l.time), int64(one.from))).Where(sql.LT(part.C(l.time), int64(one.until)))
			list[i] = part.P()
		}
		s.Where(sql.Or(list...))
	}
}

// dimension gives the dimension of a number.
func (l *table[R, D, F]) dimension(number int8) *dimension[R] {
	for i := range l.dimensions {
		if l.dimensions[i].number == number {
			return &l.dimensions[i]
		}
	}
	panic("journal: a dimension that the kind does not have") // a mistake in a kind's own file
}

// sumNames gives the columns that are summed.
func (l *table[R, D, F]) sumNames(apart apart) []string {
	if l.summed == nil || apart&withSums == 0 {
		return rollupSums[:1]
	}
	return rollupSums
}

// scope gives the tenant whose roll-ups answer: the asked one, else the one the
// principal is bound to, else the nil one, which stands for all.
func (t tally) scope(ctx context.Context) column.ID {
	if t.tenant != nil {
		return *t.tenant
	}
	return boundTenant(ctx)
}

// boundTenant gives the tenant the principal is bound to, the nil one for none.
func boundTenant(ctx context.Context) column.ID {
	if p := auth.From(ctx); p != nil && p.Tenant != nil {
		return column.ID(*p.Tenant)
	}
	return column.ID{}
}

// valuesOf gives the values of a kind's dimension that occur among the rows of a tenant,
// the nil one for those of all that the principal may see, and among the roll-ups of some
// shapes. It looks at the widest buckets, one a value where the engine can.
func valuesOf(ctx context.Context, client *ent.Client, tenant column.ID, kind schema.Kind, dimension int8, among ...shape) ([]string, error) {
	var rows []struct {
		Value []byte `sql:"value"`
	}
	err := client.Rollup.Query().Modify(func(s *sql.Selector) {
		db.Distinct(s, rollup.Table, rollup.FieldValue, []db.Column{
			{Name: rollup.FieldKind, Value: int64(kind)}, {Name: rollup.FieldDimension, Value: int64(dimension)},
			{Name: rollup.FieldWidth, Value: int64(sixteenDays)}, {Name: rollup.FieldTenantID, Value: tenant[:]},
		}, shaped(among...))
	}).Scan(ctx, &rows)
	if err != nil {
		return nil, err
	}
	list := make([]string, len(rows))
	for i, row := range rows {
		list[i] = string(row.Value)
	}
	return list, nil
}
