package journal

import (
	"context"
	"math"
	"time"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/rollup"
	"logbook/ent/schema"
	"logbook/internal/auth"
)

// tally counts and sums the rows of one dimension by segment of time, value and
// class. It reads whole buckets from the roll-ups and touches rows only where a
// segment's edge cuts a bucket. Run it inside one snapshot.
type tally struct {
	dimension int8
	choice    *choice    // nil: all values
	tenant    *column.ID // nil: all tenants
	class     func(column string) shape
	apart     apart
	edges     []column.Time // n + 1 edges of n segments, ascending; each begins at its edge
}

// apart says what a tally tells apart beside its segments. Less is quicker: the
// engine sorts what it groups.
type apart int8

const (
	nothing apart = iota // and sums nothing: only the count is asked for
	classes
	values // and classes
)

// cell is one count with its sums. Value and class are empty where they are not told
// apart.
type cell struct {
	segment int
	value   string
	class   int16
	sums    sums
}

// Open ends of time, for counts without a bound: no row lies outside them.
const (
	beginning = column.Time(math.MinInt64)
	end       = column.Time(math.MaxInt64)
)

// piece is a part of a segment that the roll-ups cannot count.
type piece struct {
	segment     int
	from, until column.Time
}

// nilTenant says whether the tally asks for the tenant with the nil UUID, which no
// row has: it stands for all of them in the roll-ups.
func (t tally) nilTenant() bool { return t.tenant != nil && t.tenant.IsZero() }

// run counts and hands each cell to add; cells of the same key may come more
// than once.
func (l *table[R, D, F]) run(ctx context.Context, client *ent.Client, t tally, add func(cell)) error {
	if t.nilTenant() {
		return nil
	}
	dim := l.dimension(t.dimension)
	width := column.Time(dim.bucket.Microseconds())
	type span struct{ low, high int64 } // whole buckets, high excluded
	spans := make([]span, len(t.edges)-1)
	var pieces []piece
	lowest, highest := int64(math.MaxInt32), int64(math.MinInt32)
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
			if from < until {
				pieces = append(pieces, piece{i, from, until})
			}
			continue
		}
		spans[i] = span{low, high}
		lowest, highest = min(lowest, low), max(highest, high)
		if from != beginning && from < column.Time(low)*width {
			pieces = append(pieces, piece{i, from, column.Time(low) * width})
		}
		if until != end && column.Time(high)*width < until {
			pieces = append(pieces, piece{i, column.Time(high) * width, until})
		}
	}

	if lowest < highest {
		var rows []struct {
			Bucket           int32  `sql:"bucket"`
			Value            []byte `sql:"value"`
			Class            int16  `sql:"class"`
			RowCount         int64  `sql:"row_count"`
			Quota            int64  `sql:"quota"`
			PromptTokens     int64  `sql:"prompt_tokens"`
			CompletionTokens int64  `sql:"completion_tokens"`
		}
		names := l.sumNames(t.apart)
		query := client.Rollup.Query().Modify(func(s *sql.Selector) {
			s.Where(sql.EQ(s.C(rollup.FieldKind), int64(l.kind))).
				Where(sql.EQ(s.C(rollup.FieldDimension), int64(t.dimension))).
				Where(sql.EQ(s.C(rollup.FieldTenantID), t.scope(ctx)))
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
			if t.choice != nil {
				t.choice.rollups(s)
			}
			if t.class != nil {
				t.class(rollup.FieldClass)(s)
			}
			if len(spans) == 1 { // no need to tell buckets apart
				var selected []string
				switch t.apart {
				case values:
					selected = []string{s.C(rollup.FieldValue), s.C(rollup.FieldClass)}
				case classes:
					selected = []string{s.C(rollup.FieldClass)}
				}
				if len(selected) > 0 {
					s.GroupBy(selected...)
				}
				for _, name := range names {
					selected = append(selected, sql.As("COALESCE("+sql.Sum(s.C(name))+", 0)", name))
				}
				s.Select(selected...)
				return
			}
			selected := []string{s.C(rollup.FieldID), s.C(rollup.FieldValue), s.C(rollup.FieldClass)}
			for _, name := range names {
				selected = append(selected, s.C(name))
			}
			s.Select(selected...)
		})
		if err := query.Scan(ctx, &rows); err != nil {
			return err
		}
		segment := make(map[int32]int, len(rows))
		if len(spans) > 1 {
			for i, span := range spans {
				for bucket := span.low; bucket < span.high; bucket++ {
					segment[int32(bucket)] = i
				}
			}
		}
		for _, row := range rows {
			i, inside := segment[row.Bucket]
			if inside || len(spans) == 1 {
				add(cell{i, string(row.Value), row.Class, sums{row.RowCount, row.Quota, row.PromptTokens, row.CompletionTokens}})
			}
		}
	}
	for _, p := range pieces {
		if err := l.countPiece(ctx, client, t, dim, p, add); err != nil {
			return err
		}
	}
	return nil
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

// sumNames gives the columns that are summed: who tells nothing apart counts.
func (l *table[R, D, F]) sumNames(apart apart) []string {
	if l.summed == nil || apart == nothing {
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

// countPiece counts the rows of a piece on the index of its dimension.
func (l *table[R, D, F]) countPiece(ctx context.Context, client *ent.Client, t tally, dim *dimension[R], p piece, add func(cell)) error {
	q := question{since: &p.from, until: &p.until, tenant: t.tenant, class: t.class}
	if t.choice != nil {
		q.choices = []choice{*t.choice}
	}
	return l.group(ctx, client, l.conditions(q), dim, t.apart, func(value string, class int16, s sums) {
		add(cell{p.segment, value, class, s})
	})
}

// group counts and sums the rows of a dimension.
func (l *table[R, D, F]) group(ctx context.Context, client *ent.Client, conditions []shape, dim *dimension[R], apart apart, add func(value string, class int16, s sums)) error {
	var rows []struct {
		Value0           []byte `sql:"value0"`
		Value1           []byte `sql:"value1"`
		Class            int16  `sql:"class"`
		RowCount         int64  `sql:"row_count"`
		Quota            int64  `sql:"quota"`
		PromptTokens     int64  `sql:"prompt_tokens"`
		CompletionTokens int64  `sql:"completion_tokens"`
	}
	aliases := []string{"value0", "value1"}
	err := l.scan(ctx, client, shaped(append(conditions, func(s *sql.Selector) {
		var selected, group []string
		for i, name := range dim.columns {
			if !dim.absent {
				s.Where(sql.NotNull(s.C(name)))
			}
			if apart == values {
				selected = append(selected, sql.As(s.C(name), aliases[i]))
				group = append(group, s.C(name))
			}
		}
		if l.class != "" && apart != nothing {
			selected = append(selected, sql.As(s.C(l.class), "class"))
			group = append(group, s.C(l.class))
		}
		selected = append(selected, sql.As(sql.Count("*"), rollup.FieldRowCount))
		for _, name := range l.sumNames(apart)[1:] {
			selected = append(selected, sql.As("COALESCE("+sql.Sum(s.C(name))+", 0)", name))
		}
		s.Select(selected...)
		if len(group) > 0 {
			s.GroupBy(group...)
		}
	})...), &rows)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if row.RowCount == 0 {
			continue
		}
		value := string(row.Value0)
		if len(dim.columns) == 2 && apart == values {
			value = string(schema.RollupValue(row.Value0, row.Value1))
		}
		add(value, row.Class, sums{row.RowCount, row.Quota, row.PromptTokens, row.CompletionTokens})
	}
	return nil
}

// valuesOf gives the values of a kind's dimension that occur among the rows the
// principal may see.
func valuesOf(ctx context.Context, client *ent.Client, kind schema.Kind, dimension int8) ([]string, error) {
	var rows []struct {
		Value []byte `sql:"value"`
	}
	err := client.Rollup.Query().Modify(func(s *sql.Selector) {
		s.Where(sql.EQ(s.C(rollup.FieldKind), int64(kind))).
			Where(sql.EQ(s.C(rollup.FieldDimension), int64(dimension))).
			Where(sql.EQ(s.C(rollup.FieldTenantID), boundTenant(ctx)))
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

// days gives the edges of the days, in a zone, that a range of time touches: the
// range's own ends, and every midnight between.
func days(from, until time.Time, zone *time.Location) []time.Time {
	edges := []time.Time{from}
	local := from.In(zone)
	for day := local.Day() + 1; ; day++ {
		midnight := startOfDay(local.Year(), local.Month(), day, zone)
		if !midnight.Before(until) {
			return append(edges, until)
		}
		if midnight.After(edges[len(edges)-1]) {
			edges = append(edges, midnight)
		}
	}
}

// startOfDay gives the first moment of a day in a zone. Where the clocks skip
// midnight that is the moment they skip to; time.Date may give one before it.
func startOfDay(year int, month time.Month, day int, zone *time.Location) time.Time {
	start := time.Date(year, month, day, 0, 0, 0, 0, zone)
	if noon := time.Date(year, month, day, 12, 0, 0, 0, zone); start.Day() != noon.Day() {
		_, start = start.ZoneBounds()
	}
	return start
}
