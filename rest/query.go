package rest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"logbook/ent/column"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// query is the parameters of a request. Of a repeated one the last counts, and
// blank ones are left out.
type query map[string]string

// unreadable stands for a value whose percent-encoding or UTF-8 is broken. It is
// no valid UTF-8 itself, so no name, number, time or stored text equals it, and
// such a parameter falls under the rule for values that mean nothing rather than
// under the one for absent ones.
const unreadable = "\xff"

// queryOf reads a request's parameters. Unlike (*url.URL).Query it drops no
// value that it cannot decode.
func queryOf(r *http.Request) query {
	q := query{}
	for pair := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			continue // unknown, whatever it was
		}
		value, err = url.QueryUnescape(value)
		switch {
		case err != nil || !utf8.ValidString(value):
			q[name] = unreadable
		case strings.TrimSpace(value) == "":
			delete(q, name)
		default:
			q[name] = value
		}
	}
	return q
}

// number reads a whole number; one beyond 2^53 counts as 2^53. False stands for
// an absent or unreadable value.
func (q query) number(name string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(q[name]), 10, 64)
	if err != nil && n == 0 { // out of range it gives the nearest there is
		return 0, false
	}
	return min(max(n, -rawjson.MaxInteger), rawjson.MaxInteger), true
}

// time reads a time as readTime does, nil for an absent one. It fails with kind
// Invalid, naming the parameter.
func (q query) time(name string, zone *time.Location) (*column.Time, error) {
	text, given := q[name]
	if !given {
		return nil, nil
	}
	t, ok := readTime(withPlus(strings.TrimSpace(text)), zone)
	if !ok {
		if text == unreadable {
			text = ""
		}
		return nil, fault.RefuseField(name, fault.Malformed, text, "a time")
	}
	return &t, nil
}

// withPlus gives back the plus of an offset that a caller forgot to escape and
// that arrived as a space.
func withPlus(text string) string {
	at := strings.LastIndexByte(text, ' ')
	if at > len("2006-01-02") && strings.Contains(text[:at], ":") {
		return text[:at] + "+" + text[at+1:]
	}
	return text
}

// timeLayouts are the forms of ISO 8601 that a time may have, those with a zone
// first. Go reads fractions of a second after any of them.
var timeLayouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07", "2006-01-02T15:04Z07:00",
	"2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02",
}

// readTime reads a time in the years 1 to 9999: RFC 3339 with its offset, the
// same without one, which is then in zone, or a date alone, which is its
// midnight in zone. The T may be a space.
func readTime(text string, zone *time.Location) (column.Time, bool) {
	text = strings.ToUpper(text)
	if date := len("2006-01-02"); len(text) > date && text[date] == ' ' {
		text = text[:date] + "T" + text[date+1:]
	}
	for _, layout := range timeLayouts {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			instant := column.TimeOf(t)
			return instant, instant >= column.MinTime && instant <= column.MaxTime
		}
	}
	return 0, false
}
