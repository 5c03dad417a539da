package main

import (
	"fmt"
	"strings"
	"time"
)

// What is wanted of every question, whatever it asks.
const (
	mostOfFloor = 2.0                    // on MariaDB, of the floor's median in the same run
	mostGrowth  = 1.5                    // of the median in a run with fewer rows
	grownSearch = 150 * time.Millisecond // in its place for a search without a hit, which reads on and on
)

// wanted is what is wanted of a question with a million rows; zero wants nothing.
type wanted struct {
	p50 time.Duration // at most, on SQLite with one connection
	// perSecond are the answers at least, on SQLite with eight connections.
	perSecond float64
	// grown bounds the median with more than a million rows, in place of mostGrowth.
	grown time.Duration
}

const (
	wantedRows        = 1_000_000
	wantedConnections = 8 // that perSecond is wanted of
)

// milli gives a number of milliseconds, parts of them too.
func milli(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }

// limits holds the figures of a question against what is wanted of it. Before is the
// question in a run with fewer rows, nil where there is none.
func (q *question) limits(e *engine, rows int64, connections int, ours, bare measured, before *line) (list []limit) {
	w, p50 := q.wanted, ours.percentile(50)
	mine := w.p50 > 0 && connections == 1 || w.perSecond > 0 && connections == wantedConnections
	switch {
	case mine && e.mysql:
		list = append(list, atMost("p50 ÷ floor", p50.Seconds()/bare.percentile(50).Seconds(), mostOfFloor, ""))
	case mine && rows <= wantedRows && w.p50 > 0:
		list = append(list, atMost("p50", inMilliseconds(p50), inMilliseconds(w.p50), "ms"))
	case mine && rows <= wantedRows:
		list = append(list, atLeast("rate", ours.perSecond(), w.perSecond, "/s"))
	}
	if before != nil && before.Rows < rows {
		if w.grown > 0 {
			list = append(list, atMost("p50", inMilliseconds(p50), inMilliseconds(w.grown), "ms"))
		} else {
			list = append(list, atMost("growth", inMilliseconds(p50)/before.P50, mostGrowth, ""))
		}
	}
	return list
}

func inMilliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// limit is something that was wanted of a figure, and what came.
type limit struct {
	what         string
	sign         string
	value, bound float64
	unit         string
	met          bool
}

// atMost wants a figure not to be above a bound.
func atMost(what string, value, bound float64, unit string) limit {
	return limit{what, "≤", value, bound, unit, value <= bound}
}

// atLeast wants a figure not to be below a bound.
func atLeast(what string, value, bound float64, unit string) limit {
	return limit{what, "≥", value, bound, unit, value >= bound}
}

// wants says what was wanted, "p50 ≤ 0.6 ms".
func (l limit) wants() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %.4g %s", l.what, l.sign, l.bound, l.unit))
}

// came says what came, "1.44 ms".
func (l limit) came() string { return strings.TrimSpace(fmt.Sprintf("%.4g %s", l.value, l.unit)) }

// verdict says for a table what was wanted and whether all of it came; nothing where
// nothing was wanted.
func verdict(limits []limit) (target, met string) {
	if len(limits) == 0 {
		return "", ""
	}
	met = "met"
	texts := make([]string, len(limits))
	for i, one := range limits {
		if texts[i] = one.wants(); !one.met {
			met = "MISSED"
		}
	}
	return strings.Join(texts, ", "), met
}
