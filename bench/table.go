package main

import (
	"fmt"
	"io"
	"time"
)

// table prints the result, a line as soon as it is known, all columns of one width.
type table struct{ output io.Writer }

const (
	tableHead = "%-42s %5s %9s %9s %9s %9s %9s %6s %6s %9s %9s\n"
	tableRow  = "%-42s %5d %9s %9s %9s %9s %9s %6.1f %6.1f %9s %9s\n"
)

func newTable(output io.Writer, unit string) table {
	fmt.Fprintf(output, tableHead, "", "", "", "", "", "floor", "floor", "p50 ÷", "floor", "", "")
	fmt.Fprintf(output, tableHead, "question", "conns", "p50 ms", "p95 ms", "req/s", "p50 ms", "req/s", "floor", "÷ rate", unit, "memory")
	return table{output}
}

// row prints how the server and the floor answered a question.
func (t table) row(name string, connections int, server, floor measured, examined string, held memory) {
	p50, floor50 := server.percentile(50), floor.percentile(50)
	fmt.Fprintf(t.output, tableRow, name, connections, milliseconds(p50), milliseconds(server.percentile(95)),
		rate(server), milliseconds(floor50), rate(floor), p50.Seconds()/floor50.Seconds(), floor.perSecond()/server.perSecond(), examined, held)
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.3f", float64(d)/float64(time.Millisecond))
}

func rate(m measured) string { return fmt.Sprintf("%.0f", m.perSecond()) }
