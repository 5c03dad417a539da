package journal

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"logbook/ent/column"
	"logbook/ent/rollup"
	"logbook/ent/schema"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// dimension is one way of counting a kind's rows, in buckets of several widths: those
// with few values from the hour up, those with many from the day. Within each bucket,
// rows are told apart by their class.
type dimension[R any] struct {
	number  int8
	widths  []width  // ascending; each is a multiple of the one before
	columns []string // whose values are counted, joined by schema.RollupValue; none for all rows
	// value gives the row's value; false leaves the row out of this dimension.
	value func(*R) (string, bool)
	// absent says that null counts as the empty value.
	absent bool
}

// width is how much time a bucket holds, in minutes. The wider ones make long times cheap,
// the narrower ones leave few rows to read at their two ends.
type width int16

const (
	fiveMinutes width = 5
	oneHour     width = 60
	fourHours   width = 4 * oneHour
	oneDay      width = 24 * oneHour
	sixteenDays width = 16 * oneDay
)

var (
	hourly = []width{oneHour, oneDay, sixteenDays}
	daily  = []width{oneDay, sixteenDays}
)

// span gives the width as times are measured.
func (w width) span() column.Time { return column.Time(w) * column.Time(time.Minute/time.Microsecond) }

// bucketOf gives the number of the bucket that holds an instant.
func (w width) bucketOf(t column.Time) int32 { return int32(floorDiv(int64(t), int64(w.span()))) }

// byAll is every kind's first dimension: all rows.
const byAll int8 = 1

// allRows counts by the hour, and in some narrower widths.
func allRows[R any](narrower ...width) dimension[R] {
	return dimension[R]{number: byAll, widths: append(narrower, hourly...), value: func(*R) (string, bool) { return "", true }}
}

func optionalValue(value *string) (string, bool) {
	if value == nil {
		return "", false
	}
	return *value, true
}

// idValue gives an id's 16 bytes, nothing for an absent one.
func idValue(id *column.ID) string {
	if id == nil {
		return ""
	}
	return string(id[:])
}

// numberValue gives a number's digits.
func numberValue(n int64) string { return strconv.FormatInt(n, 10) }

// numberedName joins a number and its name.
func numberedName(n int64, name string) string { return numberValue(n) + "\x00" + name }

// nameNumbered is numberedName with the name in front.
func nameNumbered(name string, n int64) string { return name + "\x00" + numberValue(n) }

// rollupKey is the key of one roll-up row. The nil tenant stands for all.
type rollupKey struct {
	kind      schema.Kind
	dimension int8
	width     width
	value     string
	tenant    column.ID
	bucket    int32
	class     int16
}

// sums are the row count and, for usage records, quota and tokens of the prompt
// and of the completion.
type sums [4]int64

// mostSum is how large a sum of one transaction may grow: a tenth of what 64 bits
// hold, so that adding it up never wraps.
const mostSum = math.MaxInt64 / 10

// add adds to the sums and says whether they are still within mostSum.
func (s *sums) add(other sums, sign int64) bool {
	within := true
	for i := range s {
		s[i] += sign * other[i]
		within = within && s[i] <= mostSum && s[i] >= -mostSum
	}
	return within
}

// errSums refuses rows that would make a sum that cannot be held.
var errSums = fault.RefuseField("quota", fault.Outside, "", "smaller, or the sums of such rows and their tokens cannot be held in 64 bits")

// deltas says by how much each roll-up changes.
type deltas map[rollupKey]sums

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// deltas is what writing (sign 1) or deleting (sign -1) the rows does to the
// roll-ups. It is the only place that knows. It fails where a sum grows too large.
func (t *table[R, D, F]) deltas(rows []*R, sign int64) (deltas, error) {
	d := make(deltas, 4*len(rows)) // about what usage records make, which make the most
	within := true
	add := func(key rollupKey, one sums) {
		sum := d[key]
		within = sum.add(one, sign) && within
		d[key] = sum
	}
	for _, row := range rows {
		one := sums{1}
		if t.summed != nil {
			t.summed(row, &one)
		}
		at, tenant := *t.timeOf(row), *t.tenantOf(row)
		for i := range t.dimensions {
			dim := &t.dimensions[i]
			value, counted := dim.value(row)
			if !counted {
				continue
			}
			narrow := dim.widths[0]
			key := rollupKey{kind: t.kind, dimension: dim.number, width: narrow, value: value, bucket: narrow.bucketOf(at)}
			if t.classOf != nil {
				key.class = t.classOf(row)
			}
			add(key, one)
			if tenant != nil {
				key.tenant = *tenant
				add(key, one)
			}
		}
		if !within {
			return nil, errSums
		}
	}
	// The wider buckets are summed from the narrowest: those are fewer than the rows.
	narrow := make([]rollupKey, 0, len(d))
	for key := range d {
		narrow = append(narrow, key)
	}
	for _, key := range narrow {
		one, within := d[key], true
		for _, wide := range t.dimension(key.dimension).widths[1:] {
			wider := key
			wider.width, wider.bucket = wide, int32(floorDiv(int64(key.bucket), int64(wide/key.width)))
			sum := d[wider]
			within = sum.add(one, 1) && within
			d[wider] = sum
		}
		if !within {
			return nil, errSums
		}
	}
	return d, nil
}

var (
	rollupKeys = []string{
		rollup.FieldKind, rollup.FieldDimension, rollup.FieldWidth, rollup.FieldTenantID,
		rollup.FieldValue, rollup.FieldID, rollup.FieldClass,
	}
	rollupSums = []string{
		rollup.FieldRowCount, rollup.FieldQuota, rollup.FieldPromptTokens, rollup.FieldCompletionTokens,
	}
)

// changes is what rows do to the roll-ups, as the table takes it.
type changes struct {
	rows    [][]any // each a key and what is added to its sums
	lowered [][]any // those of them that may come to nothing
}

// changes gives what writing (sign 1) or deleting (sign -1) the rows does to the roll-ups.
// Keys go in one order, so that two writers never wait for each other in a circle. A kind
// that sums nothing writes its counts only.
func (t *table[R, D, F]) changes(rows []*R, sign int64) (*changes, error) {
	d, err := t.deltas(rows, sign)
	if err != nil {
		return nil, err
	}
	keys := make([]rollupKey, 0, len(d))
	for key, change := range d {
		if change != (sums{}) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, rollupKey.compare)
	c := &changes{rows: make([][]any, len(keys))}
	names := t.rollupSums()
	for i, key := range keys {
		row := append(make([]any, 0, len(rollupKeys)+len(names)),
			int64(key.kind), int64(key.dimension), int64(key.width), key.tenant[:], []byte(key.value),
			int64(key.bucket), int64(key.class))
		change := d[key]
		for k := range names {
			row = append(row, change[k])
		}
		c.rows[i] = row
		if change[0] < 0 {
			c.lowered = append(c.lowered, row)
		}
	}
	return c, nil
}

// rollupSums gives the columns of roll-ups that the kind sums.
func (t *table[R, D, F]) rollupSums() []string {
	if t.summed == nil {
		return rollupSums[:1]
	}
	return rollupSums
}

// addRollups counts rows that are written (sign 1) or deleted (sign -1), in the same
// transaction.
func (t *table[R, D, F]) addRollups(ctx context.Context, tx *db.Tx, rows []*R, sign int64) error {
	c, err := t.changes(rows, sign)
	if err != nil {
		return err
	}
	return t.addChanges(ctx, tx, c)
}

func (t *table[R, D, F]) addChanges(ctx context.Context, tx *db.Tx, c *changes) error {
	if err := tx.Add(ctx, rollup.Table, rollupKeys, t.rollupSums(), c.rows); err != nil {
		return err
	}
	return tx.DropEmpty(ctx, rollup.Table, rollupKeys, rollupSums[:1], c.lowered)
}

// compare orders keys as the table does.
func (k rollupKey) compare(other rollupKey) int {
	switch {
	case k.kind != other.kind:
		return cmp.Compare(k.kind, other.kind)
	case k.dimension != other.dimension:
		return cmp.Compare(k.dimension, other.dimension)
	case k.width != other.width:
		return cmp.Compare(k.width, other.width)
	case k.tenant != other.tenant:
		return bytes.Compare(k.tenant[:], other.tenant[:])
	case k.value != other.value:
		return cmp.Compare(k.value, other.value)
	case k.bucket != other.bucket:
		return cmp.Compare(k.bucket, other.bucket)
	}
	return cmp.Compare(k.class, other.class)
}
