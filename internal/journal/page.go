package journal

import (
	"encoding/base64"
	"encoding/binary"

	"logbook/ent/column"
	"logbook/ent/schema"
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

// text gives the cursor's opaque text. The kind stands in front, so that no
// cursor is taken for another kind's.
func (c cursor) text(kind schema.Kind) string {
	b := append(make([]byte, 0, 32), byte(kind))
	b = binary.BigEndian.AppendUint64(b, uint64(c.time))
	return base64.RawURLEncoding.EncodeToString(c.id.appendBytes(b))
}

// parseCursor reads a cursor that text wrote, of rows whose ids are like one.
func parseCursor(argument, text string, kind schema.Kind, like rowID) (cursor, error) {
	refused := fault.RefuseField(argument, fault.Malformed, text, "a cursor that this server gave")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) < 9 || raw[0] != byte(kind) {
		return cursor{}, refused
	}
	id, ok := readID(like, raw[9:])
	if !ok {
		return cursor{}, refused
	}
	return cursor{column.Time(binary.BigEndian.Uint64(raw[1:9])), id}, nil
}

// bounds is a checked KeysetPage.
type bounds struct {
	size          int
	backward      bool
	after, before *cursor
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

// check gives the page's bounds, or says which argument is wrong.
func (p KeysetPage) check(kind schema.Kind, like rowID) (b bounds, err error) {
	if b.size, b.backward, err = p.Size(); err != nil {
		return b, err
	}
	for _, side := range []struct {
		argument string
		text     *string
		cursor   **cursor
	}{{"after", p.After, &b.after}, {"before", p.Before, &b.before}} {
		if side.text == nil {
			continue
		}
		c, err := parseCursor(side.argument, *side.text, kind, like)
		if err != nil {
			return b, err
		}
		*side.cursor = &c
	}
	return b, nil
}
