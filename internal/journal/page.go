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

// check gives the page's bounds, or says which argument is wrong.
func (p KeysetPage) check(kind schema.Kind, like rowID) (bounds, error) {
	b := bounds{size: DefaultPageSize}
	size := func(argument string, n *int) error {
		if *n < 0 || *n > MaxPageSize {
			return fault.Refuse(fault.Problem{Index: -1, Field: argument, Reason: fault.Outside, Detail: fault.Say("between 0 and 500")})
		}
		b.size = *n
		return nil
	}
	switch {
	case p.First != nil && p.Last != nil:
		return b, fault.Refuse(fault.Problem{Index: -1, Field: "last", Reason: fault.Clash, Detail: fault.Say("cannot stand beside first")})
	case p.First != nil:
		if err := size("first", p.First); err != nil {
			return b, err
		}
	case p.Last != nil:
		b.backward = true
		if err := size("last", p.Last); err != nil {
			return b, err
		}
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
