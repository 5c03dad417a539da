package journal

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// Append stores the drafts, all or none, and gives the rows in the drafts'
// order. Acknowledged rows are on disk. It fails with kind Invalid (naming each
// bad draft's index and field), Forbidden for another tenant's row and Conflict
// for an id that is there already.
func (l *Log[R, D, F]) Append(ctx context.Context, drafts []D) ([]*R, error) {
	var problems []fault.Problem
	rows := make([]*R, len(drafts))
	brought := make([]given, len(drafts))
	ids := map[rowID]bool{}
	for i := range drafts {
		problems = append(problems, l.check(&drafts[i], i)...)
		rows[i], brought[i] = l.made(&drafts[i])
		if brought[i].id {
			if id := l.idOf(rows[i]); ids[id] {
				return nil, fault.New(fault.Conflict, "the %s %s stands twice; nothing was stored", l.noun, fault.Shorten(id.String()))
			}
			ids[l.idOf(rows[i])] = true
		}
	}
	if err := l.fill(ctx, rows, brought); err != nil {
		return nil, err
	}
	unknown, err := l.unknownNames(ctx, rows)
	if err != nil {
		return nil, err
	}
	if problems = append(problems, unknown...); len(problems) > 0 {
		return nil, fault.Refuse(problems...)
	}
	if len(rows) == 0 {
		return rows, nil
	}
	if err := l.lookUp(ctx, rows); err != nil {
		return nil, err
	}
	err = l.journal.commit(ctx, func(tx *db.Tx, at *position) error {
		return l.insertNew(ctx, tx, at, rows, brought)
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// insertNew inserts rows whose ids, where they were given, must be free.
func (l *Log[R, D, F]) insertNew(ctx context.Context, tx *db.Tx, at *position, rows []*R, brought []given) error {
	system := auth.System(ctx, "append")
	for jump := int64(64); ; jump *= 2 {
		begun := *at
		ids := map[rowID]bool{}
		for i, row := range rows {
			writer, sequence := l.arrivalOf(row)
			*writer, *sequence = at.writer, at.next()
			if !brought[i].id {
				l.setID(row, at.number())
			}
			ids[l.idOf(row)] = true
		}
		stored, err := l.stored(system, tx.Client, rows)
		if err != nil {
			return err
		}
		if len(stored) == 0 && len(ids) == len(rows) {
			return l.insert(ctx, tx, rows)
		}
		for i, row := range rows {
			if _, taken := stored[l.idOf(row)]; taken && brought[i].id {
				return fault.New(fault.Conflict, "the %s %s is there already; nothing was stored", l.noun, fault.Shorten(l.idOf(row).String()))
			}
		}
		// Rows that another Logbook numbered have come in, or are among these; go on
		// behind them.
		at.sequence = begun.sequence + jump
	}
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
	const perQuery = 500
	stored := map[rowID]*R{}
	for start := 0; start < len(rows); start += perQuery {
		some := rows[start:min(start+perQuery, len(rows))]
		ids := make([]any, len(some))
		for i, row := range some {
			ids[i] = t.idOf(row).value()
		}
		found, err := t.all(ctx, client, func(s *sql.Selector) { s.Where(sql.In(s.C(t.id), ids...)) })
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
	columns := make([]string, len(t.columns))
	for i, a := range t.columns {
		columns[i] = a.column
	}
	values := make([][]any, len(rows))
	for i, row := range rows {
		if t.seal != nil {
			t.seal(row)
		}
		values[i] = make([]any, len(t.columns))
		for k, a := range t.columns {
			value := a.value(row)
			if raw, isJSON := value.(column.JSON); isJSON {
				value = []byte(raw)
			}
			values[i][k] = value
		}
	}
	if err := tx.Insert(ctx, t.name, columns, values); err != nil {
		return err
	}
	return t.addRollups(ctx, tx, rows, 1)
}

// contentHash hashes what the input says of a row but its id; JSON counts by its
// canonical form.
func (t *table[R, D, F]) contentHash(row *R, brought given) []byte {
	var b []byte
	for _, a := range t.columns {
		if a.use == content || a.use == lookedUp || a.use == moment && brought.time {
			b = appendValue(b, a.value(row))
		}
	}
	sum := sha256.Sum256(b)
	return sum[:]
}

// appendValue appends a value so that no two lists of values look the same.
func appendValue(b []byte, value any) []byte {
	text := func(tag byte, text []byte) []byte {
		b = binary.BigEndian.AppendUint32(append(b, tag), uint32(len(text)))
		return append(b, text...)
	}
	switch v := value.(type) {
	case nil:
		return append(b, 0)
	case int64:
		return binary.BigEndian.AppendUint64(append(b, 1), uint64(v))
	case bool:
		if v {
			return append(b, 3)
		}
		return append(b, 2)
	case string:
		return text(4, []byte(v))
	case []byte:
		return text(5, v)
	case column.JSON:
		return text(6, rawjson.Canonical(v))
	}
	panic("journal: a column's value of an unknown type") // a mistake in a kind's own file
}

// sameContent says whether a stored row has the content of an incoming one. What
// the input leaves to Logbook (an absent time, a name it may look up) is not
// content.
func (t *table[R, D, F]) sameContent(old, row *R, brought given) bool {
	for _, a := range t.columns {
		switch a.use {
		case itself, arrival:
			continue
		case moment:
			if !brought.time {
				continue
			}
		}
		was, is := a.value(old), a.value(row)
		if a.use == lookedUp && is == nil {
			continue
		}
		if !sameValue(was, is) {
			return false
		}
	}
	return true
}

func sameValue(a, b any) bool {
	switch a := a.(type) {
	case []byte:
		other, ok := b.([]byte)
		return ok && bytes.Equal(a, other)
	case column.JSON:
		other, ok := b.(column.JSON)
		return ok && (bytes.Equal(a, other) || bytes.Equal(rawjson.Canonical(a), rawjson.Canonical(other)))
	}
	switch b.(type) {
	case []byte, column.JSON:
		return false // they cannot be compared by ==
	}
	return a == b
}

// sizeOf gives about how many bytes of text a value has.
func sizeOf(value any) int {
	switch v := value.(type) {
	case string:
		return len(v)
	case []byte:
		return len(v)
	case column.JSON:
		return len(v)
	}
	return 8
}

// The values of columns, nil for absent ones.

func textOf(value *string) any {
	if value == nil {
		return nil
	}
	return *value
}

func idOf(id *column.ID) any {
	if id == nil {
		return nil
	}
	return id[:]
}

func jsonOf(value column.JSON) any {
	if value == nil {
		return nil
	}
	return value
}

// A number that Logbook gives is (writer, sequence) in one, so that no two
// processes give the same: the writer in the bits from 40 on, which leaves the
// numbers below 2^40 to rows that bring theirs. Those made of a hash begin with
// the bit 52.
const (
	writerShift = 40
	hashedBit   = 1 << 52
	mostWriters = hashedBit >> writerShift
)

// number gives the number of the row that got the last sequence.
func (p *position) number() int64 { return int64(p.writer)<<writerShift | p.sequence }

// hashedNumber makes a number of a content's hash.
func hashedNumber(hash []byte) int64 {
	return hashedBit | int64(binary.BigEndian.Uint64(hash)>>12)
}

// newID makes a time-ordered UUID (version 7, RFC 9562).
func newID(now time.Time) column.ID {
	var id column.ID
	_, _ = rand.Read(id[6:]) // never fails
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// What the checks of all kinds have in common.

// checker gathers what is wrong with one draft.
type checker struct {
	index    int
	problems []fault.Problem
}

func (c *checker) refuse(p fault.Problem) {
	p.Index = c.index
	c.problems = append(c.problems, p)
}

// text checks a text of up to limit bytes.
func (c *checker) text(field, value string, limit int) {
	if problem := fault.Text(field, value, limit); problem != nil {
		c.refuse(*problem)
	}
}

// optional is text for one that may be absent.
func (c *checker) optional(field string, value *string, limit int) {
	if value != nil {
		c.text(field, *value, limit)
	}
}

// id checks an id that the draft brings, which must not be empty.
func (c *checker) id(field string, value *string, limit int) {
	if value == nil {
		return
	}
	if *value == "" {
		c.refuse(fault.Problem{Field: field, Reason: fault.Required})
	}
	c.text(field, *value, limit)
}

// number checks a whole number within bounds, both included.
func (c *checker) number(field string, value, low, high int64, wanted string) {
	if value < low || value > high {
		c.refuse(fault.Problem{Field: field, Reason: fault.Outside, Detail: wanted})
	}
}

// maxNumber is how large a number may be: JSON's integers are exact up to it.
const maxNumber = 1 << 53

func (c *checker) anyNumber(field string, value int64) {
	c.number(field, value, -maxNumber, maxNumber, "between -2^53 and 2^53")
}

// rowNumber checks an id that is a number.
func (c *checker) rowNumber(field string, value *int64) {
	if value != nil {
		c.number(field, *value, 1, maxNumber, "between 1 and 2^53")
	}
}

// time checks an instant that may be absent.
func (c *checker) time(field string, value *column.Time) {
	if value != nil && (*value < column.MinTime || *value > column.MaxTime) {
		c.refuse(fault.Problem{Field: field, Reason: fault.Outside, Detail: "in the years 1 to 9999"})
	}
}

// json checks a JSON value that may be absent; object says it must be one.
func (c *checker) json(field string, raw []byte, limit int, object bool) {
	if raw == nil {
		return
	}
	if len(raw) > limit {
		c.refuse(fault.Problem{Field: field, Reason: fault.TooLong, Limit: limit})
		return
	}
	if err := rawjson.Check(raw); err != nil {
		var at *rawjson.Error
		errors.As(err, &at)
		path := field
		if at.Path != "" {
			path += "." + at.Path
		}
		c.refuse(fault.Problem{Field: path, Reason: fault.BadJSON, Detail: at.Reason})
		return
	}
	if kind := rawjson.Kind(raw); object && kind != "an object" {
		c.refuse(fault.Problem{Field: field, Reason: fault.WrongType, Detail: "an object, not " + kind})
	}
}

// emptyObject makes {} nil, which stands for it.
func emptyObject(raw column.JSON) column.JSON {
	inside, isObject := bytes.CutPrefix(bytes.TrimSpace(raw), []byte{'{'})
	if isObject && string(bytes.TrimSpace(inside)) == "}" {
		return nil
	}
	return raw
}
