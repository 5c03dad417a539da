package journal

import (
	"bytes"
	"cmp"
	"context"
	"errors"
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
type deltas map[rollupKey]*sums

// of gives the sums of a key, to add to.
func (d deltas) of(key rollupKey) *sums {
	sum := d[key]
	if sum == nil {
		sum = new(sums)
		d[key] = sum
	}
	return sum
}

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
		within = d.of(key).add(one, sign) && within
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
		one, within := *d[key], true
		for _, wide := range t.dimension(key.dimension).widths[1:] {
			wider := key
			wider.width, wider.bucket = wide, int32(floorDiv(int64(key.bucket), int64(wide/key.width)))
			within = d.of(wider).add(one, 1) && within
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

// raised gives what rows that are written add to the roll-ups, for addRollups.
func (t *table[R, D, F]) raised(rows []*R) ([][]any, error) {
	d, err := t.deltas(rows, 1)
	if err != nil {
		return nil, err
	}
	return d.changes(d.keys(), t.sumNames(withSums)), nil
}

// addRollups adds changes to the roll-ups.
func (t *table[R, D, F]) addRollups(ctx context.Context, tx *db.Tx, changes [][]any) error {
	return tx.Add(ctx, rollup.Table, rollupKeys, t.sumNames(withSums), changes)
}

// lowerRollups takes rows that were removed out of the roll-ups, in the same transaction.
// Cleared is a time in which no row is left: the roll-ups of its whole buckets are dropped,
// all others lowered, and dropped where nothing is left of them. It fails with errCleared
// where there was a row in that time beside these.
func (t *table[R, D, F]) lowerRollups(ctx context.Context, tx *db.Tx, rows []*R, cleared stretch) error {
	d, err := t.deltas(rows, -1)
	if err != nil {
		return err
	}
	var emptied [][]any
	keys := slices.DeleteFunc(d.keys(), func(key rollupKey) bool {
		whole := bucketsWithin(key.width, cleared.from, cleared.until)
		if int64(key.bucket) < whole.low || int64(key.bucket) >= whole.high {
			return false
		}
		emptied = append(emptied, append(key.values(), -d[key][0]))
		return true
	})
	counted := append(slices.Clone(rollupKeys), rollupSums[0])
	dropped, err := tx.Drop(ctx, rollup.Table, counted, emptied)
	if err != nil {
		return err
	}
	if dropped != int64(len(emptied)) {
		return errCleared
	}
	if err := t.addRollups(ctx, tx, d.changes(keys, t.sumNames(withSums))); err != nil {
		return err
	}
	empty := make([][]any, len(keys))
	for i, key := range keys {
		empty[i] = append(key.values(), int64(0))
	}
	_, err = tx.Drop(ctx, rollup.Table, counted, empty)
	return err
}

// errCleared says that roll-ups which should have come to nothing count more rows.
var errCleared = errors.New("the roll-ups of a time without rows count some")

// keys gives the keys of what changes in the table's order, so that two writers never wait
// for each other in a circle.
func (d deltas) keys() []rollupKey {
	keys := make([]rollupKey, 0, len(d))
	for key, change := range d {
		if *change != (sums{}) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, rollupKey.compare)
	return keys
}

// changes gives some of the deltas as rows of the table, with the sums of some names, the
// first of all: a kind that sums nothing writes its counts only.
func (d deltas) changes(keys []rollupKey, names []string) [][]any {
	rows := make([][]any, len(keys))
	for i, key := range keys {
		rows[i] = key.values()
		for _, sum := range d[key][:len(names)] {
			rows[i] = append(rows[i], sum)
		}
	}
	return rows
}

// values gives the key as the table has it.
func (k *rollupKey) values() []any {
	return append(make([]any, 0, len(rollupKeys)+len(rollupSums)),
		int64(k.kind), int64(k.dimension), int64(k.width), k.tenant[:], []byte(k.value), int64(k.bucket), int64(k.class))
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
