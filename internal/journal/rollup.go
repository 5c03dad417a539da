package journal

import (
	"context"
	"sort"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/rollup"
	"logbook/internal/db"
)

// kind numbers the five kinds of log in the roll-ups.
type kind int8

const kindEntry kind = 1

// dimension is one way of counting a kind's rows. Those with few values are
// counted by the hour, those with many by the day.
type dimension struct {
	number int8
	bucket time.Duration
	// entry gives the row's value; false leaves the row out of this dimension.
	entry func(*ent.Entry) (string, bool)
}

// The dimensions of entries. Within each, rows are told apart by level.
var (
	byAll      = dimension{1, time.Hour, func(*ent.Entry) (string, bool) { return "", true }}
	byCategory = dimension{2, time.Hour, func(e *ent.Entry) (string, bool) { return idValue(e.CategoryID), true }}
	bySource   = dimension{3, 24 * time.Hour, func(e *ent.Entry) (string, bool) { return optionalValue(e.Source) }}
	byUser     = dimension{4, 24 * time.Hour, func(e *ent.Entry) (string, bool) { return optionalValue(e.UserID) }}

	entryDimensions = []dimension{byAll, byCategory, bySource, byUser}
)

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

// rollupKey is the key of one roll-up row. The nil tenant stands for all.
type rollupKey struct {
	kind      kind
	dimension int8
	value     string
	tenant    column.ID
	bucket    int32
	class     int16
}

// deltas says by how much each roll-up changes.
type deltas map[rollupKey]int64

// bucketOf gives the number of the bucket that holds an instant.
func bucketOf(t column.Time, width time.Duration) int32 {
	return int32(floorDiv(int64(t), width.Microseconds()))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// entryDeltas is what writing (sign 1) or deleting (sign -1) the rows does to
// the roll-ups. It is the only place that knows.
func entryDeltas(rows []*ent.Entry, sign int64) deltas {
	d := deltas{}
	for _, row := range rows {
		for _, dim := range entryDimensions {
			value, counted := dim.entry(row)
			if !counted {
				continue
			}
			key := rollupKey{
				kind: kindEntry, dimension: dim.number, value: value,
				bucket: bucketOf(row.Timestamp, dim.bucket), class: int16(row.Level),
			}
			d[key] += sign
			if row.TenantID != nil {
				key.tenant = *row.TenantID
				d[key] += sign
			}
		}
	}
	return d
}

var (
	rollupKeys = []string{
		rollup.FieldKind, rollup.FieldDimension, rollup.FieldTenantID,
		rollup.FieldValue, rollup.FieldID, rollup.FieldClass,
	}
	rollupSums = []string{rollup.FieldRowCount}
)

// addRollups applies deltas in the transaction that changes the rows. Keys go in
// one order, so that two writers never wait for each other in a circle.
func addRollups(ctx context.Context, tx *db.Tx, d deltas) error {
	keys := make([]rollupKey, 0, len(d))
	for key, change := range d {
		if change != 0 {
			keys = append(keys, key)
		}
	}
	sort.Slice(keys, func(i, k int) bool { return keys[i].before(keys[k]) })
	rows := make([][]any, len(keys))
	var lowered [][]any
	for i, key := range keys {
		rows[i] = []any{
			int64(key.kind), int64(key.dimension), key.tenant[:], []byte(key.value),
			int64(key.bucket), int64(key.class), d[key],
		}
		if d[key] < 0 {
			lowered = append(lowered, rows[i])
		}
	}
	if err := tx.Add(ctx, rollup.Table, rollupKeys, rollupSums, rows); err != nil {
		return err
	}
	return tx.DropEmpty(ctx, rollup.Table, rollupKeys, rollupSums, lowered)
}

// before orders keys as the table does.
func (k rollupKey) before(other rollupKey) bool {
	switch {
	case k.kind != other.kind:
		return k.kind < other.kind
	case k.dimension != other.dimension:
		return k.dimension < other.dimension
	case k.tenant != other.tenant:
		return string(k.tenant[:]) < string(other.tenant[:])
	case k.value != other.value:
		return k.value < other.value
	case k.bucket != other.bucket:
		return k.bucket < other.bucket
	}
	return k.class < other.class
}
