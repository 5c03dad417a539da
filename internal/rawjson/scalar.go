package rawjson

import (
	"bytes"
	"strconv"
)

// Scalar is a JSON value that is neither object nor array, so that equal ones are equal
// by ==.
type Scalar struct {
	Kind   byte    // 's' for a string, '0' for a number, 't' for true, 'f' for false, 'n' for null
	Text   string  // of a string
	Number float64 // of a number: the nearest that floating point has, and 0 for -0
}

// ScalarOf reads a checked value. It fails for objects and arrays, and for strings with
// half a surrogate pair, which equal nothing.
func ScalarOf(raw []byte) (Scalar, bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return Scalar{}, false
	}
	switch raw[0] {
	case '{', '[':
		return Scalar{}, false
	case 't', 'f', 'n':
		return Scalar{Kind: raw[0]}, true
	case '"':
		text, ok := Text(raw)
		return Scalar{Kind: 's', Text: text}, ok
	}
	number, _ := strconv.ParseFloat(string(raw), 64) // beyond its range it gives an infinity
	if number == 0 {
		number = 0 // not -0
	}
	return Scalar{Kind: '0', Number: number}, true
}

// Member gives the value of an object's member as it is written; of equal keys the first
// counts. Raw is a checked value; what is no object has none.
func Member(raw []byte, key string) (value []byte, ok bool) {
	if raw = skipSpace(raw); len(raw) == 0 || raw[0] != '{' {
		return nil, false
	}
	_ = Walk(raw, func(rawKey, found []byte) error {
		if text, readable := Text(rawKey); readable && text == key {
			value, ok = found, true
			return errFound
		}
		return nil
	})
	return value, ok
}

// errFound ends a walk.
var errFound = &Error{}
