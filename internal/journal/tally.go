package journal

import (
	"context"
	"math"
	"time"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/entry"
	"logbook/ent/predicate"
	"logbook/ent/rollup"
	"logbook/internal/auth"
)

// tally counts entries of one dimension by segment of time, value and level. It
// reads whole buckets from the roll-ups and touches rows only where a segment's
// edge cuts a bucket. Run it inside one snapshot.
type tally struct {
	dimension dimension
	value     *string    // nil: all values
	tenant    *column.ID // nil: all tenants
	level     *column.Level
	edges     []column.Time // n + 1 edges of n segments, ascending; each begins at its edge
}

// cell is one count.
type cell struct {
	segment int
	value   string
	level   column.Level
	count   int64
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
func (t tally) run(ctx context.Context, client *ent.Client, add func(cell)) error {
	if t.nilTenant() {
		return nil
	}
	width := column.Time(t.dimension.bucket.Microseconds())
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
			Bucket   int32  `sql:"bucket"`
			Value    []byte `sql:"value"`
			Class    int16  `sql:"class"`
			RowCount int64  `sql:"row_count"`
		}
		query := client.Rollup.Query().Where(
			rollup.Kind(int8(kindEntry)), rollup.Dimension(t.dimension.number),
			rollup.TenantID(t.scope(ctx)))
		if lowest > math.MinInt32 {
			query.Where(rollup.IDGTE(int32(lowest)))
		}
		if highest < math.MaxInt32 {
			query.Where(rollup.IDLT(int32(highest)))
		}
		if t.value != nil {
			query.Where(rollup.Value([]byte(*t.value)))
		}
		if t.level != nil {
			query.Where(rollup.Class(int16(*t.level)))
		}
		if len(spans) == 1 { // no need to tell buckets apart
			err := query.Modify(func(s *sql.Selector) {
				s.Select(s.C(rollup.FieldValue), s.C(rollup.FieldClass), sql.As(sql.Sum(s.C(rollup.FieldRowCount)), rollup.FieldRowCount)).
					GroupBy(s.C(rollup.FieldValue), s.C(rollup.FieldClass))
			}).Scan(ctx, &rows)
			if err != nil {
				return err
			}
			for _, row := range rows {
				add(cell{0, string(row.Value), column.Level(row.Class), row.RowCount})
			}
		} else {
			err := query.Select(rollup.FieldID, rollup.FieldValue, rollup.FieldClass, rollup.FieldRowCount).Scan(ctx, &rows)
			if err != nil {
				return err
			}
			segment := make(map[int32]int, len(rows))
			for i, span := range spans {
				for bucket := span.low; bucket < span.high; bucket++ {
					segment[int32(bucket)] = i
				}
			}
			for _, row := range rows {
				if i, inside := segment[row.Bucket]; inside {
					add(cell{i, string(row.Value), column.Level(row.Class), row.RowCount})
				}
			}
		}
	}
	for _, p := range pieces {
		if err := t.countRows(ctx, client, p, add); err != nil {
			return err
		}
	}
	return nil
}

// scope gives the tenant whose roll-ups answer: the asked one, else the one the
// principal is bound to, else the nil one, which stands for all.
func (t tally) scope(ctx context.Context) column.ID {
	if t.tenant != nil {
		return *t.tenant
	}
	if p := auth.From(ctx); p != nil && p.Tenant != nil {
		return column.ID(*p.Tenant)
	}
	return column.ID{}
}

// countRows counts the rows of a piece on the index of its dimension.
func (t tally) countRows(ctx context.Context, client *ent.Client, p piece, add func(cell)) error {
	conditions := []predicate.Entry{entry.TimestampGTE(p.from), entry.TimestampLT(p.until)}
	if t.tenant != nil {
		conditions = append(conditions, entry.TenantID(*t.tenant))
	}
	if t.level != nil {
		conditions = append(conditions, entry.LevelEQ(*t.level))
	}
	field := ""
	switch t.dimension.number {
	case byCategory.number:
		field = entry.FieldCategoryID
	case bySource.number:
		field = entry.FieldSource
	case byUser.number:
		field = entry.FieldUserID
	}
	if t.value != nil && field != "" {
		if *t.value == "" && field == entry.FieldCategoryID {
			conditions = append(conditions, entry.CategoryIDIsNil())
		} else {
			value := any(*t.value)
			if field == entry.FieldCategoryID {
				value = []byte(*t.value)
			}
			conditions = append(conditions, predicate.Entry(sql.FieldEQ(field, value)))
		}
	}
	var rows []struct {
		Value    []byte       `sql:"value"`
		Level    column.Level `sql:"level"`
		RowCount int64        `sql:"row_count"`
	}
	err := client.Entry.Query().Where(conditions...).Modify(func(s *sql.Selector) {
		count := sql.As(sql.Count("*"), "row_count")
		if field == "" {
			s.Select(s.C(entry.FieldLevel), count).GroupBy(s.C(entry.FieldLevel))
			return
		}
		s.Select(sql.As(s.C(field), "value"), s.C(entry.FieldLevel), count).GroupBy(s.C(field), s.C(entry.FieldLevel))
	}).Scan(ctx, &rows)
	if err != nil {
		return err
	}
	for _, row := range rows {
		add(cell{p.segment, string(row.Value), row.Level, row.RowCount})
	}
	return nil
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
