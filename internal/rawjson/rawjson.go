// Package rawjson treats JSON as the bytes that came in: it checks them, walks
// an object's members, reads strings strictly and gives a canonical form, and
// never turns them into Go maps. encoding/json alone would let pass what a log
// must not lose: invalid UTF-8 and lone surrogates silently become U+FFFD there,
// and of two equal keys the first disappears.
package rawjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"logbook/internal/fault"
)

// MaxInteger is the largest magnitude a number may have: 2^53, beyond which
// JavaScript and others read another number than was written.
const MaxInteger = 1 << 53

// MaxDepth is how deep arrays and objects may stand inside each other.
const MaxDepth = 64

// Error says what is wrong with JSON and where.
type Error struct {
	Path   string         // such as "a.b[3]"; "" for the whole value
	Reason fault.Sentence // completes "… <Reason>", such as "is not valid JSON"
}

// Error gives path and reason.
func (e *Error) Error() string {
	if e.Path == "" {
		return e.Reason.String()
	}
	return e.Path + ": " + e.Reason.String()
}

// Check says whether raw is one JSON value in valid UTF-8, no deeper than
// MaxDepth, whose numbers are within 2^53. The error is an *Error.
func Check(raw []byte) error {
	if err := CheckSyntax(raw); err != nil {
		return err
	}
	return CheckRange(raw)
}

// CheckSyntax is the first half of Check: one JSON value in valid UTF-8.
func CheckSyntax(raw []byte) error {
	if !utf8.Valid(raw) {
		return &Error{Reason: fault.Say("is not valid UTF-8 at byte %d", invalidUTF8At(raw))}
	}
	if at := bytes.IndexByte(raw, 0); at >= 0 {
		return &Error{Reason: fault.Say("has a raw NUL at byte %d; write it as \\u0000", at)}
	}
	if !json.Valid(raw) {
		return &Error{Reason: notJSON(raw)}
	}
	return nil
}

// CheckRange is the second half of Check, for a value whose syntax is checked:
// depth and numbers.
func CheckRange(raw []byte) error {
	if !suspicious(raw) {
		return nil
	}
	return checkValue(raw, "", 0)
}

// notJSON says at which byte raw stops being JSON.
func notJSON(raw []byte) fault.Sentence {
	var value json.RawMessage
	var syntax *json.SyntaxError
	switch err := json.Unmarshal(raw, &value); {
	case !errors.As(err, &syntax):
		return fault.Say("is not valid JSON")
	case int(syntax.Offset) >= len(raw):
		return fault.Say("is not valid JSON: it ends too early")
	}
	return fault.Say("is not valid JSON at byte %d", syntax.Offset)
}

func invalidUTF8At(raw []byte) int {
	at := 0
	for at < len(raw) {
		r, size := utf8.DecodeRune(raw[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return at
}

// suspicious says whether raw can hold a number beyond 2^53 or be too deep; most
// JSON cannot, and is spared the walk.
func suspicious(raw []byte) bool {
	digits, depth := 0, 0
	for i, c := range raw {
		switch {
		case c >= '0' && c <= '9':
			if digits++; digits >= 16 {
				return true
			}
		case (c == 'e' || c == 'E') && digits > 0 && i+1 < len(raw) && strings.IndexByte("+-0123456789", raw[i+1]) >= 0:
			return true
		default:
			digits = 0
			if c == '{' || c == '[' {
				if depth++; depth > MaxDepth {
					return true
				}
			}
		}
	}
	return false
}

// checkValue walks valid JSON for numbers and depth.
func checkValue(raw []byte, path string, depth int) error {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	if depth >= MaxDepth && (raw[0] == '{' || raw[0] == '[') {
		return &Error{Path: path, Reason: fault.Say("is nested deeper than %d levels", MaxDepth)}
	}
	switch raw[0] {
	case '{':
		return Walk(raw, func(rawKey, value []byte) error {
			key, ok := Text(rawKey)
			if !ok {
				key = string(rawKey)
			}
			if path != "" {
				key = path + "." + key
			}
			return checkValue(value, key, depth+1)
		})
	case '[':
		return Elements(raw, func(i int, value []byte) error {
			return checkValue(value, path+"["+strconv.Itoa(i)+"]", depth+1)
		})
	case '"', 't', 'f', 'n':
		return nil
	}
	if !smallNumber(string(bytes.TrimRight(raw, " \t\r\n"))) {
		return &Error{Path: path, Reason: fault.Say("is a number beyond 2^53, write it as a string")}
	}
	return nil
}

// smallNumber says whether a JSON number is within 2^53. Whole numbers are
// compared by their digits, since 2^53 + 1 reads as 2^53 in floating point.
func smallNumber(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if strings.ContainsAny(digits, ".eE") {
		value, err := strconv.ParseFloat(digits, 64)
		return err == nil && math.Abs(value) <= MaxInteger
	}
	const most = "9007199254740992"
	return len(digits) < len(most) || len(digits) == len(most) && digits <= most
}

// Integer reads a whole number within 2^53.
func Integer(raw []byte) (int64, bool) {
	value, err := strconv.ParseInt(string(raw), 10, 64)
	return value, err == nil && value >= -MaxInteger && value <= MaxInteger
}

// Text reads a JSON string. It fails where an escape is a surrogate without its
// other half, which no UTF-8 text can hold.
func Text(raw []byte) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), true
	}
	if LoneSurrogate(raw) {
		return "", false
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return "", false
	}
	return text, true
}

// LoneSurrogate says whether text has an escape \uD800–\uDFFF outside a pair, which
// decoders silently replace.
func LoneSurrogate(raw []byte) bool {
	unit := func(i int) (uint64, bool) {
		if i+6 > len(raw) || raw[i] != '\\' || raw[i+1] != 'u' {
			return 0, false
		}
		value, err := strconv.ParseUint(string(raw[i+2:i+6]), 16, 16)
		return value, err == nil
	}
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		value, ok := unit(i)
		switch {
		case !ok:
			i++ // a short escape
		case value >= 0xD800 && value < 0xDC00:
			if low, ok := unit(i + 6); !ok || low < 0xDC00 || low > 0xDFFF {
				return true
			}
			i += 11
		case value >= 0xDC00 && value <= 0xDFFF:
			return true
		default:
			i += 5
		}
	}
	return false
}

// Kind names the type of a checked value as people call it: "an object", "an
// array", "a string", "a number", "true or false" or "null".
func Kind(raw []byte) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "a number"
}

// IsNull says whether a checked value is null.
func IsNull(raw []byte) bool { return len(raw) == 4 && raw[0] == 'n' }

// Members calls fn for each member of a checked object, in order, with the raw
// value without white space around it. It stops at fn's first error. Equal keys
// are an *Error.
func Members(object []byte, fn func(key string, value []byte) error) error {
	seen := make(map[string]struct{}, 16)
	return EachMember(object, func(key string, value []byte) error {
		if _, twice := seen[key]; twice {
			return &Error{Path: key, Reason: fault.Say("stands twice")}
		}
		seen[key] = struct{}{}
		return fn(key, value)
	})
}

// EachMember is Members for those who take equal keys: it calls fn for each.
func EachMember(object []byte, fn func(key string, value []byte) error) error {
	return Walk(object, func(rawKey, value []byte) error {
		key, ok := Text(rawKey)
		if !ok {
			return &Error{Reason: fault.Say("has a key with half a surrogate pair")}
		}
		return fn(key, value)
	})
}

// Walk calls fn for each member of a checked object, in order, with its key as it is
// written, and the raw value without white space around it. It stops at fn's first error.
func Walk(object []byte, fn func(rawKey, value []byte) error) error {
	rest := skipSpace(object)
	if len(rest) == 0 || rest[0] != '{' {
		return &Error{Reason: fault.Say("must be a JSON object")}
	}
	rest = skipSpace(rest[1:])
	for rest[0] != '}' {
		key, after := cutValue(rest)
		value, after := cutValue(skipSpace(skipSpace(after)[1:]))
		if err := fn(key, value); err != nil {
			return err
		}
		if rest = skipSpace(after); rest[0] == ',' {
			rest = skipSpace(rest[1:])
		}
	}
	return nil
}

// Elements calls fn for each element of a checked array, in order.
func Elements(array []byte, fn func(index int, value []byte) error) error {
	rest := skipSpace(array)
	if len(rest) == 0 || rest[0] != '[' {
		return &Error{Reason: fault.Say("must be a JSON array")}
	}
	rest = skipSpace(rest[1:])
	for index := 0; rest[0] != ']'; index++ {
		value, after := cutValue(rest)
		if err := fn(index, value); err != nil {
			return err
		}
		rest = skipSpace(after)
		if rest[0] == ',' {
			rest = skipSpace(rest[1:])
		}
	}
	return nil
}

func skipSpace(raw []byte) []byte {
	for len(raw) > 0 && (raw[0] == ' ' || raw[0] == '\t' || raw[0] == '\n' || raw[0] == '\r') {
		raw = raw[1:]
	}
	return raw
}

// cutValue splits checked JSON behind its first value.
func cutValue(raw []byte) (value, rest []byte) {
	depth := 0
	for i := 0; i < len(raw); i++ {
		switch raw[i] {
		case '"':
			for i++; raw[i] != '"'; i++ {
				if raw[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return raw[:i+1], raw[i+1:]
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return raw[:i], raw[i:]
			}
			if depth--; depth == 0 {
				return raw[:i+1], raw[i+1:]
			}
		case ',', ':', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return raw[:i], raw[i:]
			}
		}
	}
	return raw, nil
}

// Canonical gives a form in which two equal checked values are equal bytes: no
// white space, keys sorted, strings with the shortest escapes, numbers as
// written.
func Canonical(raw []byte) []byte {
	return appendCanonical(make([]byte, 0, len(raw)), raw)
}

func appendCanonical(out, raw []byte) []byte {
	raw = skipSpace(raw)
	switch raw[0] {
	case '{':
		type member struct {
			key   string
			value []byte
		}
		var members []member
		_ = Walk(raw, func(key, value []byte) error {
			members = append(members, member{string(canonicalText(key)), value})
			return nil
		})
		sort.SliceStable(members, func(i, k int) bool { return members[i].key < members[k].key })
		out = append(out, '{')
		for i, m := range members {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(append(out, m.key...), ':')
			out = appendCanonical(out, m.value)
		}
		return append(out, '}')
	case '[':
		out = append(out, '[')
		_ = Elements(raw, func(i int, value []byte) error {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendCanonical(out, value)
			return nil
		})
		return append(out, ']')
	case '"':
		return append(out, canonicalText(raw)...)
	}
	return append(out, bytes.TrimRight(raw, " \t\r\n")...)
}

// canonicalText re-escapes a JSON string; one with half a surrogate pair stays
// as it is.
func canonicalText(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw
	}
	text, ok := Text(raw)
	if !ok {
		return raw
	}
	return AppendText(make([]byte, 0, len(raw)), text)
}

// AppendText appends a JSON string with the shortest escapes; HTML's characters
// stay as they are.
func AppendText(b []byte, text string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := range len(text) {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, text[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, text[start:]...), '"')
}

// MaskMembers gives a checked value with the value of every member whose key is a
// secret, at any depth, replaced by the JSON value mask. All else stays byte for
// byte; where there is no secret raw itself is given.
func MaskMembers(raw []byte, secret func(key string) bool, mask string) []byte {
	var out []byte
	kept := 0 // raw is in out up to here
	for i := 0; i < len(raw); {
		if raw[i] != '"' {
			i++
			continue
		}
		text, rest := cutValue(raw[i:])
		i += len(text)
		rest = skipSpace(rest)
		if len(rest) == 0 || rest[0] != ':' {
			continue
		}
		key, ok := Text(text)
		if !ok || !secret(key) {
			continue
		}
		rest = skipSpace(rest[1:])
		begin := len(raw) - len(rest)
		_, after := cutValue(rest)
		out = append(append(out, raw[kept:begin]...), mask...)
		i = len(raw) - len(after)
		kept = i
	}
	if kept == 0 {
		return raw
	}
	return append(out, raw[kept:]...)
}
