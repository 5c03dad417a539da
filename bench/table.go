package main

import (
	"fmt"
	"strings"
	"time"
)

// report prints a run's tables, a line as soon as it is known, all columns of one
// width, and keeps its lines.
type report struct {
	process
	saved
	beside *saved // another run, whose medians are printed beside; nil for none
	missed []string
}

const (
	questionHead = "%-42s %5s %9s %9s %9s %9s %9s %6s %6s %9s %9s%s  %-30s %s"
	questionRow  = "%-42s %5d %9s %9s %9s %9s %9s %6.1f %6.1f %9s %9s%s  %-30s %s"
	figureRow    = "%-60s %12s %12s %7s  %-42s %s"
)

// questions prints the head of the table of questions.
func (r *report) questions(unit string) {
	first, second := "", ""
	if r.beside != nil {
		first, second = fmt.Sprintf(" %9s %6s", "beside", "p50 ÷"), fmt.Sprintf(" %9s %6s", "p50 ms", "beside")
	}
	r.line(questionHead, "", "", "", "", "", "floor", "floor", "p50 ÷", "floor", "", "", first, "", "")
	r.line(questionHead, "question", "conns", "p50 ms", "p95 ms", "req/s", "p50 ms", "req/s", "floor", "÷ rate", unit, "memory", second, "target", "")
}

// question prints how the server and the floor answered a question.
func (r *report) question(k *kind, e *engine, rows int64, q *question, connections int, ours, bare measured, examined string, held memory) {
	before := r.beside.find(k.name, q.name, connections)
	smaller := before
	if before != nil && r.beside.Of != e.name { // no growth, but a difference
		smaller = nil
	}
	limits := q.limits(e, rows, connections, ours, bare, smaller)
	target, met := verdict(limits)
	p50, floor50 := ours.percentile(50), bare.percentile(50)
	other := ""
	if r.beside != nil {
		other = fmt.Sprintf(" %9s %6s", "-", "-")
	}
	if before != nil {
		other = fmt.Sprintf(" %9.3f %6.1f", before.P50, inMilliseconds(p50)/before.P50)
	}
	r.line(questionRow, q.name, connections, milliseconds(p50), milliseconds(ours.percentile(95)), rate(ours), milliseconds(floor50), rate(bare),
		p50.Seconds()/floor50.Seconds(), bare.perSecond()/ours.perSecond(), examined, held, other, target, met)
	r.keep(k, line{
		Name: q.name, Rows: rows, Connections: connections,
		P50: inMilliseconds(p50), P95: inMilliseconds(ours.percentile(95)), PerSecond: ours.perSecond(),
		FloorP50: inMilliseconds(floor50), FloorRate: bare.perSecond(),
	}, limits, fmt.Sprintf("%s, %d connections", q.name, connections),
		fmt.Sprintf("floor %s ms, %s/s", milliseconds(floor50), rate(bare)))
}

// failed prints that a question was not answered under this load.
func (r *report) failed(k *kind, q *question, connections int, err error) {
	r.print("%-42s %5d failed: %v", q.name, connections, err)
	r.missed = append(r.missed, fmt.Sprintf("%s: %s, %d connections: failed: %v", k.name, q.name, connections, err))
}

// figure is what a run prints beside questions.
type figure struct {
	name   string
	value  float64
	floor  float64 // 0 for none
	unit   string
	limits []limit
}

// figures prints the head of a table of figures.
func (r *report) figures(name string) { r.line(figureRow, name, "", "floor", "÷ floor", "target", "") }

// figure prints a figure.
func (r *report) figure(k *kind, rows int64, f figure) {
	target, met := verdict(f.limits)
	floor, part := "-", "-"
	if f.floor > 0 {
		floor, part = inUnit(f.floor, f.unit), fmt.Sprintf("%.2f", f.value/f.floor)
	}
	r.line(figureRow, f.name, inUnit(f.value, f.unit), floor, part, target, met)
	r.keep(k, line{Name: f.name, Rows: rows, Value: f.value, Floor: f.floor, Unit: f.unit}, f.limits, f.name, "floor "+floor)
}

// inUnit says a figure.
func inUnit(value float64, unit string) string {
	digits := 0
	switch {
	case value < 10:
		digits = 2
	case value < 1000:
		digits = 1
	}
	return fmt.Sprintf("%.*f %s", digits, value, unit)
}

// keep keeps a line, and what it missed for the end.
func (r *report) keep(k *kind, one line, limits []limit, name, floor string) {
	one.Kind = k.name
	one.Target, one.Met = verdict(limits)
	r.Lines = append(r.Lines, one)
	for _, l := range limits {
		if !l.met {
			r.missed = append(r.missed, fmt.Sprintf("%s: %s: %s, wanted %s; %s", k.name, name, l.came(), l.wants(), floor))
		}
	}
}

// end prints what was missed.
func (r *report) end() {
	had := 0
	for _, one := range r.Lines {
		if one.Target != "" {
			had++
		}
	}
	if had == 0 && len(r.missed) == 0 {
		return
	}
	r.print("targets: %d lines had one; %d were missed", had, len(r.missed))
	for _, one := range r.missed {
		r.print("  %s", one)
	}
}

func (r *report) line(format string, args ...any) {
	r.print("%s", strings.TrimRight(fmt.Sprintf(format, args...), " "))
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.3f", inMilliseconds(d)) }

func rate(m measured) string { return fmt.Sprintf("%.0f", m.perSecond()) }
