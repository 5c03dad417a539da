package journal

import (
	"encoding/base64"
	"encoding/binary"

	"logbook/ent/column"
	"logbook/internal/fault"
)

// The sizes of a page.
const (
	DefaultPageSize = 20
	MaxPageSize     = 500
)

// KeysetPage asks for a page by the row it begins behind (Relay): First and
// After walk from the newest row on, Last and Before from the oldest back.
type KeysetPage struct {
	First  *int
	After  *string
	Last   *int
	Before *string
	Live   bool // asks for the connection's LiveCursor
}

// PageInfo says where a page stands (Relay).
type PageInfo struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
}

// cursor is the place of a row in the order (time, id).
type cursor struct {
	time column.Time
	id   rowID
}

// append appends the cursor of a row of a kind, which stands in front, so that no
// cursor is taken for another kind's.
func (c cursor) append(b []byte, kind Kind) []byte {
	b = binary.BigEndian.AppendUint64(append(b, byte(kind)), uint64(c.time))
	return c.id.appendBytes(b)
}

// readCursor reads what append wrote of a row whose id is like one.
func readCursor(raw []byte, kind Kind, like rowID) (cursor, bool) {
	if len(raw) < 9 || raw[0] != byte(kind) {
		return cursor{}, false
	}
	id, ok := readID(like, raw[9:])
	return cursor{column.Time(binary.BigEndian.Uint64(raw[1:9])), id}, ok
}

// text gives the cursor's opaque text.
func (c cursor) text(kind Kind) string {
	return base64.RawURLEncoding.EncodeToString(c.append(nil, kind))
}

// bounds is a checked KeysetPage, whose cursors are places of type C.
type bounds[C any] struct {
	size          int
	backward      bool
	after, before *C
}

// info says where a page stands behind whose end, in the direction it is asked for,
// there are more rows or none.
func (b bounds[C]) info(more bool) PageInfo {
	if b.backward {
		return PageInfo{HasPreviousPage: more, HasNextPage: b.before != nil}
	}
	return PageInfo{HasNextPage: more, HasPreviousPage: b.after != nil}
}

// Size gives how many rows the page has at the most, and whether it is asked for from
// the end of the list. It fails with kind Invalid.
func (p KeysetPage) Size() (size int, backward bool, err error) {
	argument, n := "first", p.First
	switch {
	case p.First != nil && p.Last != nil:
		return 0, false, fault.RefuseField("last", fault.Clash, "", "cannot stand beside first")
	case p.Last != nil:
		argument, n, backward = "last", p.Last, true
	case p.First == nil:
		return DefaultPageSize, false, nil
	}
	if *n < 0 || *n > MaxPageSize {
		return 0, false, fault.RefuseField(argument, fault.Outside, "", "between 0 and 500")
	}
	return *n, backward, nil
}

// checkPage gives a page's bounds, or says which argument is wrong. Read reads a
// cursor's bytes.
func checkPage[C any](p KeysetPage, read func(raw []byte) (C, bool)) (b bounds[C], err error) {
	if b.size, b.backward, err = p.Size(); err != nil {
		return b, err
	}
	for _, side := range []struct {
		argument string
		text     *string
		cursor   **C
	}{{"after", p.After, &b.after}, {"before", p.Before, &b.before}} {
		if side.text == nil {
			continue
		}
		raw, err := base64.RawURLEncoding.Strict().DecodeString(*side.text)
		c, ok := read(raw)
		if err != nil || !ok {
			return b, fault.RefuseField(side.argument, fault.Malformed, *side.text, "a cursor that this server gave")
		}
		*side.cursor = &c
	}
	return b, nil
}
