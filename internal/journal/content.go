package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"logbook/ent/column"
	"logbook/internal/rawjson"
)

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

// emptyObject makes {} nil, which stands for it.
func emptyObject(raw column.JSON) column.JSON {
	inside, isObject := bytes.CutPrefix(bytes.TrimSpace(raw), []byte{'{'})
	if isObject && string(bytes.TrimSpace(inside)) == "}" {
		return nil
	}
	return raw
}
