package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"logbook/internal/fault"
	"logbook/internal/journal"
)

// TestLoaderHoldsOneBatch loads many lines, good and bad, and looks at how many the
// loader holds at a time.
func TestLoaderHoldsOneBatch(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	for name, line := range map[string]func(i int) string{
		"good":         func(i int) string { return "good" },
		"bad":          func(i int) string { return "b" },
		"good and bad": func(i int) string { return []string{"good", "b"}[i%2] },
		"long":         func(i int) string { return long[:min(len(long), i*500)] + "y" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const count = 20_000
			n := count
			if name == "long" {
				n = 300
			}
			reader, writer := io.Pipe()
			go func() {
				for i := range n {
					fmt.Fprintln(writer, line(i))
				}
				writer.Close()
			}()
			report := &report{refused: func(refusedLine) error { return nil }}
			l := loader[int]{report: report, name: "test"}
			l.read = func(line []byte) (int, *fault.Problem) {
				if string(line) == "b" {
					return 0, &fault.Problem{Index: -1, Field: "line", Reason: fault.Required}
				}
				return len(line), nil
			}
			l.store = func(_ context.Context, rows []int) ([]journal.Outcome, error) {
				bytes := 0
				for _, line := range l.storing.lines { // meanwhile the next batch is read
					bytes += len(line.text)
				}
				if len(l.storing.lines) > batchLines || bytes >= batchBytes+1<<20 {
					t.Errorf("holds %d lines of %d bytes", len(l.storing.lines), bytes)
				}
				outcomes := make([]journal.Outcome, len(rows))
				for i := range outcomes {
					outcomes[i].Stored = true
				}
				return outcomes, nil
			}
			if err := l.load(t.Context(), reader, false); err != nil {
				t.Fatal(err)
			}
			if c := report.counts; c.read != int64(n) || c.added+c.refused != int64(n) {
				t.Errorf("counts %s", c)
			}
		})
	}
}
