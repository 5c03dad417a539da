package main

import (
	"strings"
	"time"

	"logbook/ent/column"
)

// What widths the buckets of a dimension have, in minutes.
var (
	hourly = []int64{60, 1440, 23040}
	daily  = []int64{1440, 23040}
)

// widest is a width that every dimension has.
const widest = 23040

// buckets are some neighbouring ones of one width, high excluded.
type buckets struct{ width, low, high int64 }

// micros gives a width as times are measured.
func micros(width int64) int64 { return width * int64(time.Minute/time.Microsecond) }

// never is an edge of every width, after all rows.
const never = 3000 * widest * int64(time.Minute/time.Microsecond)

// cover gives the whole buckets of a window of time, as wide as can be, and the two times
// outside of them; an until of 0 is never.
func cover(since, until column.Time, widths []int64) (spans []buckets, ends [2][2]int64) {
	from, to := int64(since), int64(until)
	if to == 0 {
		to = never
	}
	ends = [2][2]int64{{from, to}, {to, to}}
	low, high := from, to
	for i, width := range widths {
		w := micros(width)
		first, last := (low+w-1)/w*w, high/w*w
		if first > last { // no edge of this width is left
			break
		}
		if i == 0 {
			ends = [2][2]int64{{from, first}, {last, to}}
		} else {
			narrow := micros(widths[i-1])
			spans[len(spans)-1] = buckets{widths[i-1], low / narrow, first / narrow}
			spans = append(spans, buckets{widths[i-1], last / narrow, high / narrow})
		}
		low, high = first, last
		spans = append(spans, buckets{width, low / w, high / w})
	}
	return spans, ends
}

// inSpans gives what a statement reads some spans of the roll-ups from, and the condition;
// it takes three arguments for each. The fastest way is another one on each engine.
func (e *engine) inSpans(spans int) (from, where string) {
	if e.mysql {
		return "rollups", "(" + strings.Repeat("width = ? AND bucket >= ? AND bucket < ? OR ", spans-1) + "width = ? AND bucket >= ? AND bucket < ?)"
	}
	return "(VALUES " + strings.Repeat("(?, ?, ?), ", spans-1) + "(?, ?, ?)) AS s CROSS JOIN rollups", "width = s.column1 AND bucket >= s.column2 AND bucket < s.column3"
}

// spanArgs gives a statement's arguments: SQLite has those of the spans in front of the
// others, MySQL behind them.
func (e *engine) spanArgs(spans []buckets, others ...any) []any {
	var list []any
	for _, s := range spans {
		list = append(list, s.width, s.low, s.high)
	}
	if e.mysql {
		return append(others, list...)
	}
	return append(list, others...)
}
