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
// buckets there and touches rows only where a segment's edge cuts a bucket; countRows
// reads rows only. Use either inside one snapshot.
type tally struct {
	question       // its times are the edges'; for run its choices are of the dimension
	dimension int8 // for run
	apart     apart
	tenanted  bool          // leaves out the rows of no tenant
	edges     []column.Time // n + 1 edges of n segments, ascending; each begins at its edge
}

// apart says what a tally tells apart beside its segments. Less is quicker: the
// engine sorts what it groups.
type apart uint8

const (
	withSums apart = 1 << iota // what the kind sums, beside the count
	classes
	values
	tenants // and leaves out the rows of none where roll-ups count
)

// cell is one count with its sums. Value, class and tenant are empty where they are
// not told apart.
type cell struct {
	segment int
	value   string // as the roll-ups keep it
	absent  bool   // it is null, which the roll-ups may not tell from empty
	class   int16
	tenant  column.ID // the nil one for none
	sums    sums
}

// Open ends of time, for counts without a bound: no row lies outside them.
const (
	beginning = column.Time(math.MinInt64)
	end       = column.Time(math.MaxInt64)
)

// stretch is a part of time that rows are read for.
type stretch struct{ from, until column.Time }

// bucketSpan is a segment's whole buckets, high excluded.
type bucketSpan struct{ low, high int64 }

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

// slots are equal stretches of time, or of buckets, none of which an edge cuts: one
// statement groups by them what falls into many segments. A width of 0 stands for one
// slot.
type slots struct{ origin, width int64 }

// slotsOf gives the widest slots from a lowest value, or below, to a highest one that
// none of the marks, ascending and between the two, cuts.
func slotsOf(lowest, highest int64, marks []int64) slots {
	if len(marks) == 0 {
		return slots{}
	}
	var width int64
	for _, mark := range marks {
		width = divisor(width, mark-marks[0])
	}
	if width == 0 { // there is one mark: a slot on either side holds all
		width = max(marks[0]-lowest, highest-marks[0])
	}
	return slots{marks[0] + floorDiv(lowest-marks[0], width)*width, width}
}

// divisor gives the greatest common divisor of two numbers that are not negative.
func divisor(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// start gives where a slot begins.
func (s slots) start(slot int64) int64 { return s.origin + slot*s.width }

// split gives the whole buckets of each segment, empty where it has none, and the
// stretches outside of them, those that touch joined.
func (t tally) split(width column.Time) (spans []bucketSpan, ragged []stretch) {
	piece := func(from, until column.Time) {
		switch last := len(ragged) - 1; {
		case from >= until:
		case last >= 0 && ragged[last].until == from:
			ragged[last].until = until
		default:
			ragged = append(ragged, stretch{from, until})
		}
	}
	spans = make([]bucketSpan, len(t.edges)-1)
	for i := range spans {
		from, until := t.edges[i], t.edges[i+1]
		low, high := int64(math.MinInt32), int64(math.MaxInt32)
		if from != beginning {
			low = -floorDiv(-int64(from), int64(width))
		}
		if until != end {
			high = floorDiv(int64(until), int64(width))
		}
		if low >= high {
			piece(from, until)
			continue
		}
		spans[i] = bucketSpan{low, high}
		if from != beginning {
			piece(from, column.Time(low)*width)
		}
		if until != end {
			piece(column.Time(high)*width, until)
		}
	}
	return spans, ragged
}

// run counts and hands each cell to add; cells of the same key may come more
// than once.
func (l *table[R, D, F]) run(ctx context.Context, client *ent.Client, t tally, add func(cell)) error {
	if t.nilTenant() {
		return nil
	}
	dim := l.dimension(t.dimension)
	spans, ragged := t.split(column.Time(dim.bucket.Microseconds()))
	if err := l.countBuckets(ctx, client, t, dim, spans, add); err != nil {
		return err
	}
	return l.countStretches(ctx, client, t, dim.columns, !dim.absent, ragged, add)
}

// countRows is run without the roll-ups: values are those of the columns.
func (l *table[R, D, F]) countRows(ctx context.Context, client *ent.Client, t tally, columns []string, add func(cell)) error {
	whole := stretch{t.edges[0], t.edges[len(t.edges)-1]}
	return l.countStretches(ctx, client, t, columns, false, []stretch{whole}, add)
}

// countBuckets reads the roll-ups of the segments' whole buckets, in one statement.
func (l *table[R, D, F]) countBuckets(ctx context.Context, client *ent.Client, t tally, dim *dimension[R], spans []bucketSpan, add func(cell)) error {
	lowest, highest := int64(math.MaxInt32), int64(math.MinInt32)
	var marks []int64
	for _, one := range spans {
		if one.low < one.high {
			lowest, highest = min(lowest, one.low), max(highest, one.high)
			marks = append(marks, one.low, one.high)
		}
	}
	if lowest >= highest {
		return nil
	}
	told := slotsOf(lowest, highest, marks[1:len(marks)-1])
	var rows []tallied
	query := client.Rollup.Query().Modify(func(s *sql.Selector) {
		s.Where(sql.EQ(s.C(rollup.FieldKind), int64(l.kind))).
			Where(sql.EQ(s.C(rollup.FieldDimension), int64(t.dimension)))
		if scope := t.scope(ctx); scope.IsZero() && t.tenanted {
			s.Where(sql.GT(s.C(rollup.FieldTenantID), scope))
		} else {
			s.Where(sql.EQ(s.C(rollup.FieldTenantID), scope))
		}
		if len(dim.columns) == 0 {
			// The one value there is. Naming it lets the key's next column, the bucket,
			// bound what is read.
			s.Where(sql.EQ(s.C(rollup.FieldValue), []byte{}))
		}
		if lowest > math.MinInt32 {
			s.Where(sql.GTE(s.C(rollup.FieldID), lowest))
		}
		if highest < math.MaxInt32 {
			s.Where(sql.LT(s.C(rollup.FieldID), highest))
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
		group.bySlot(s, rollup.FieldID, told)
		names := l.sumNames(t.apart)
		for _, name := range names {
			group.sum(s, name)
		}
		group.apply(s)
	})
	if err := query.Scan(ctx, &rows); err != nil {
		return err
	}
	if len(rows) > mostCells {
		return errCells
	}
	for _, row := range rows {
		segment := 0
		if told.width > 0 {
			bucket := max(told.start(row.Slot), lowest)
			segment = t.segmentAt(column.Time(bucket) * column.Time(dim.bucket.Microseconds()))
			if bucket < spans[segment].low || bucket >= spans[segment].high {
				continue // an edge cuts it, so its rows are read
			}
		} else {
			segment = slices.IndexFunc(spans, func(s bucketSpan) bool { return s.low < s.high })
		}
		row.hand(segment, string(row.Value0), false, add)
	}
	return nil
}

// What one statement over several stretches may hold: engines bound how deep a condition
// is, and how many arguments there are.
const (
	mostStretches = 100
	mostArguments = 20_000
)

// countStretches reads the rows of some stretches on the index of what the tally's
// question chooses: the two ends of a window by a statement each, more of them by one for
// up to mostStretches. Present leaves out the rows in which a column is null.
func (l *table[R, D, F]) countStretches(ctx context.Context, client *ent.Client, t tally, columns []string, present bool, stretches []stretch, add func(cell)) error {
	t.since, t.until = nil, nil
	size := 1
	if len(stretches) > 2 {
		s := sql.Select().From(sql.Table(l.name))
		shaped(l.conditions(t.question)...)(s)
		_, arguments := s.Query()
		size = max(1, min(mostStretches, mostArguments/(len(arguments)+2)))
	}
	for batch := range slices.Chunk(stretches, size) {
		if err := l.countBatch(ctx, client, t, columns, present, batch, add); err != nil {
			return err
		}
	}
	return nil
}

func (l *table[R, D, F]) countBatch(ctx context.Context, client *ent.Client, t tally, columns []string, present bool, batch []stretch, add func(cell)) error {
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
	var rows []tallied
	err := l.scan(ctx, client, shaped(append(conditions, func(s *sql.Selector) {
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
		group.selected = append(group.selected, sql.As(sql.Count("*"), rollup.FieldRowCount))
		for _, name := range l.sumNames(t.apart)[1:] {
			group.sum(s, name)
		}
		group.apply(s)
	})...), &rows)
	if err != nil {
		return err
	}
	if len(rows) > mostCells {
		return errCells
	}
	for _, row := range rows {
		at := first
		if told.width > 0 {
			at = max(at, column.Time(told.start(row.Slot)))
		}
		value, absent := string(row.Value0), row.Value0 == nil
		if len(columns) == 2 {
			value, absent = string(schema.RollupValue(row.Value0, row.Value1)), false
		}
		row.hand(t.segmentAt(at), value, absent, add)
	}
	return nil
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

// tallied is what a statement of a tally gives.
type tallied struct {
	Value0           []byte `sql:"value0"`
	Value1           []byte `sql:"value1"`
	Class            int16  `sql:"class"`
	Tenant           []byte `sql:"tenant"`
	Slot             int64  `sql:"slot"`
	RowCount         int64  `sql:"row_count"`
	Quota            int64  `sql:"quota"`
	PromptTokens     int64  `sql:"prompt_tokens"`
	CompletionTokens int64  `sql:"completion_tokens"`
}

// valueNames are where tallied has the values of columns.
var valueNames = []string{"value0", "value1"}

// hand hands on what was counted, unless it is nothing.
func (r *tallied) hand(segment int, value string, absent bool, add func(cell)) {
	if r.RowCount != 0 {
		c := cell{segment: segment, value: value, absent: absent, class: r.Class, sums: sums{r.RowCount, r.Quota, r.PromptTokens, r.CompletionTokens}}
		copy(c.tenant[:], r.Tenant)
		add(c)
	}
}

// grouping is what a statement of a tally selects and groups by.
type grouping struct{ selected, grouped []string }

// by tells the values of a column apart.
func (g *grouping) by(s *sql.Selector, column, as string) {
	g.selected = append(g.selected, sql.As(s.C(column), as))
	g.grouped = append(g.grouped, s.C(column))
}

// bySlot tells the slots of a column apart.
func (g *grouping) bySlot(s *sql.Selector, column string, told slots) {
	if told.width > 0 {
		g.selected = append(g.selected, sql.As(db.Quotient(s, column, told.origin, told.width), "slot"))
		g.grouped = append(g.grouped, "slot")
	}
}

// sum sums a column; over no rows that is 0.
func (g *grouping) sum(s *sql.Selector, column string) {
	g.selected = append(g.selected, sql.As("COALESCE("+sql.Sum(s.C(column))+", 0)", column))
}

func (g *grouping) apply(s *sql.Selector) {
	s.Select(g.selected...)
	if len(g.grouped) > 0 {
		s.GroupBy(g.grouped...).Limit(mostCells + 1)
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

// valuesOf gives the values of a kind's dimension that occur among the rows the
// principal may see, and among the roll-ups of some shapes.
func valuesOf(ctx context.Context, client *ent.Client, kind schema.Kind, dimension int8, among ...shape) ([]string, error) {
	var rows []struct {
		Value []byte `sql:"value"`
	}
	err := client.Rollup.Query().Modify(func(s *sql.Selector) {
		s.Where(sql.EQ(s.C(rollup.FieldKind), int64(kind))).
			Where(sql.EQ(s.C(rollup.FieldDimension), int64(dimension))).
			Where(sql.EQ(s.C(rollup.FieldTenantID), boundTenant(ctx)))
		shaped(among...)(s)
		s.Select(s.C(rollup.FieldValue)).Distinct()
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
