package column

import (
	"fmt"
	"io"
	"time"
)

// Time is an instant: microseconds since 1970-01-01 UTC, so that every engine
// compares and sorts it alike. Finer digits are cut, not rounded.
type Time int64

// The bounds of what RFC 3339 can write.
var (
	MinTime = TimeOf(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))
	MaxTime = TimeOf(time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC))
)

// TimeOf gives t's instant.
func TimeOf(t time.Time) Time { return Time(t.UnixMicro()) }

// ParseTime reads RFC 3339 with its offset.
func ParseTime(text string) (Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0, false
	}
	instant := TimeOf(t)
	return instant, instant >= MinTime && instant <= MaxTime
}

// Time gives the instant as a time.Time in UTC.
func (t Time) Time() time.Time { return time.UnixMicro(int64(t)).UTC() }

// Add gives the instant a duration later.
func (t Time) Add(d time.Duration) Time { return t + Time(d/time.Microsecond) }

// String gives RFC 3339 in UTC with Z: no fraction for whole seconds, three
// digits for whole milliseconds, else six.
func (t Time) String() string { return string(t.AppendFormat(nil)) }

// AppendFormat appends String's text to b.
func (t Time) AppendFormat(b []byte) []byte {
	layout := "2006-01-02T15:04:05.000000Z"
	switch {
	case t%1_000_000 == 0:
		layout = "2006-01-02T15:04:05Z"
	case t%1_000 == 0:
		layout = "2006-01-02T15:04:05.000Z"
	}
	return t.Time().AppendFormat(b, layout)
}

// MarshalText gives String's text.
func (t Time) MarshalText() ([]byte, error) { return t.AppendFormat(nil), nil }

// MarshalGQL writes the instant as a GraphQL string.
func (t Time) MarshalGQL(w io.Writer) {
	b := append(make([]byte, 0, 32), '"')
	_, _ = w.Write(append(t.AppendFormat(b), '"'))
}

// UnmarshalGQL reads the instant from a GraphQL string.
func (t *Time) UnmarshalGQL(value any) error {
	text, ok := value.(string)
	if !ok {
		return fmt.Errorf("must be an RFC 3339 time as a string")
	}
	parsed, ok := ParseTime(text)
	if !ok {
		return fmt.Errorf("must be an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999")
	}
	*t = parsed
	return nil
}
