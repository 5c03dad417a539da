package journal

import (
	"math"
	"sort"

	"logbook/ent/column"
	"logbook/internal/db"
)

// buckets are some neighbouring buckets of one width, high excluded.
type buckets struct {
	width     width
	low, high int64
}

// Open ends hold every bucket there is on that side.
const (
	lowestBucket  = math.MinInt32
	highestBucket = math.MaxInt32
)

// bucketsWithin gives the whole buckets of a width within a time; where there is none low
// and high are equal.
func bucketsWithin(w width, from, until column.Time) buckets {
	s := buckets{w, lowestBucket, highestBucket}
	if from != beginning {
		s.low = -floorDiv(-int64(from), int64(w.span()))
	}
	if until != end {
		s.high = floorDiv(int64(until), int64(w.span()))
	}
	s.high = max(s.low, s.high)
	return s
}

func (s buckets) empty() bool { return s.low == s.high }

// ends gives what a time that holds the buckets has in front of the buckets and behind them.
func (s buckets) ends(from, until column.Time) [2]stretch {
	front, behind := stretch{from, from}, stretch{until, until}
	if from != beginning {
		front.until = column.Time(s.low) * s.width.span()
	}
	if until != end {
		behind.from = column.Time(s.high) * s.width.span()
	}
	return [2]stretch{front, behind}
}

// part is what one statement reads of the roll-ups: the buckets of one segment, in as many
// widths as that takes, or those of neighbouring segments in one width.
type part struct {
	spans []buckets // of segments, spans[i] is that of segment first + i, empty where it has no whole bucket
	first int
	many  bool
}

// partsOf cuts the segments between some edges into whole buckets, as wide as can be, and
// the stretches outside of them, those that touch joined. Widths are ascending. Of one
// segment all widths are used; of many, the widest that no edge between them cuts, or else
// the narrowest, and at the two ends of all those that are narrower.
func partsOf(edges []column.Time, widths []width) (parts []part, ragged []stretch) {
	c := cutting{}
	switch {
	case len(edges) < 2:
		return nil, nil
	case len(edges) == 2:
		c.cover(0, stretch{edges[0], edges[1]}, widths)
		return c.parts, c.ragged
	}
	fit := len(widths)
	for _, edge := range edges[1 : len(edges)-1] {
		for fit > 0 && edge%widths[fit-1].span() != 0 {
			fit--
		}
	}
	fit = max(fit, 1)
	of := part{many: true, spans: make([]buckets, len(edges)-1)}
	for i := range of.spans {
		from, until := edges[i], edges[i+1]
		of.spans[i] = bucketsWithin(widths[fit-1], from, until)
		if of.spans[i].empty() {
			c.cover(i, stretch{from, until}, widths[:fit-1])
			continue
		}
		for _, rest := range of.spans[i].ends(from, until) {
			c.cover(i, rest, widths[:fit-1])
		}
	}
	if lowest, highest := of.bounds(); lowest < highest {
		c.parts = append(c.parts, of)
	}
	return c.parts, c.ragged
}

// cutting is what partsOf has cut so far.
type cutting struct {
	parts  []part
	ragged []stretch
}

// cover covers a time within a segment by the widest buckets, and what is left at its ends
// by the next narrower ones.
func (c *cutting) cover(segment int, of stretch, widths []width) {
	one := part{first: segment}
	var cover func(of stretch, widths []width)
	cover = func(of stretch, widths []width) {
		last := len(c.ragged) - 1
		switch {
		case of.from >= of.until:
		case len(widths) > 0:
			narrower := widths[:len(widths)-1]
			whole := bucketsWithin(widths[len(widths)-1], of.from, of.until)
			if whole.empty() {
				cover(of, narrower)
				return
			}
			ends := whole.ends(of.from, of.until)
			cover(ends[0], narrower)
			one.spans = append(one.spans, whole)
			cover(ends[1], narrower)
		case last >= 0 && c.ragged[last].until == of.from:
			c.ragged[last].until = of.until
		default:
			c.ragged = append(c.ragged, of)
		}
	}
	cover(of, widths)
	if len(one.spans) > 0 {
		c.parts = append(c.parts, one)
	}
}

// bounds gives the lowest bucket of a part of many segments, and the one behind the
// highest; the first is not below the second where there is none.
func (p part) bounds() (lowest, highest int64) {
	lowest, highest = highestBucket, lowestBucket
	for _, one := range p.spans {
		if !one.empty() {
			lowest, highest = min(lowest, one.low), max(highest, one.high)
		}
	}
	return lowest, highest
}

// ranges gives the part as the engine is asked for it.
func (p part) ranges() []db.Range {
	if p.many {
		lowest, highest := p.bounds()
		return []db.Range{{Beside: int64(p.spans[0].width), Low: lowest, High: highest}}
	}
	list := make([]db.Range, len(p.spans))
	for i, one := range p.spans {
		list[i] = db.Range{Beside: int64(one.width), Low: one.low, High: one.high}
	}
	return list
}

// open says whether the part is all buckets of a width.
func (p part) open() bool {
	return len(p.spans) == 1 && p.spans[0].low == lowestBucket && p.spans[0].high == highestBucket
}

// slots gives the slots that tell the part's segments apart.
func (p part) slots() slots {
	if !p.many {
		return slots{}
	}
	var marks []int64
	for _, one := range p.spans {
		if !one.empty() {
			marks = append(marks, one.low, one.high)
		}
	}
	lowest, highest := p.bounds()
	return slotsOf(lowest, highest, marks[1:len(marks)-1])
}

// segmentOf gives the segment whose whole buckets a slot is of; false where an edge cuts
// it, so that its rows are read.
func (p part) segmentOf(told slots, slot int64) (segment int, whole bool) {
	if !p.many {
		return p.first, true
	}
	lowest, _ := p.bounds()
	if told.width > 0 {
		lowest = max(told.start(slot), lowest)
	}
	i := sort.Search(len(p.spans), func(i int) bool { return p.spans[i].high > lowest })
	return p.first + i, i < len(p.spans) && lowest >= p.spans[i].low
}

// slots are equal stretches of time, or of buckets, none of which an edge cuts: one
// statement groups by them what falls into many segments. A width of 0 stands for one
// slot.
type slots struct{ origin, width int64 }

// slotsOf gives the widest slots from a lowest value, or below, to a highest one that
// none of the marks, ascending and between the two, cuts.
func slotsOf(lowest, highest int64, marks []int64) slots {
	if len(marks) == 0 {
		return slots{}
	}
	var width int64
	for _, mark := range marks {
		width = divisor(width, mark-marks[0])
	}
	if width == 0 { // there is one mark: a slot on either side holds all
		width = max(marks[0]-lowest, highest-marks[0])
	}
	return slots{marks[0] + floorDiv(lowest-marks[0], width)*width, width}
}

// divisor gives the greatest common divisor of two numbers that are not negative.
func divisor(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// start gives where a slot begins.
func (s slots) start(slot int64) int64 { return s.origin + slot*s.width }
