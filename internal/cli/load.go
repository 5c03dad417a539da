package cli

import (
	"context"
	"fmt"
	"io"

	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/ingest"
	"logbook/internal/journal"
)

// A batch of an import is full at so many rows or so many bytes of lines.
const (
	batchRows  = 1000
	batchBytes = 4 << 20
)

// counts are what became of the lines of an import.
type counts struct{ read, added, present, refused int64 }

// String gives the line that every import ends with.
func (c counts) String() string {
	return fmt.Sprintf("read %d, added %d, already there %d, refused %d", c.read, c.added, c.present, c.refused)
}

// refusedLine is a line that did not go in.
type refusedLine struct {
	input   string
	number  int
	text    []byte // nil where the line was too long to hold
	problem *fault.Problem
}

// loader loads inputs of the kind "entries" into a journal, a batch at a time,
// so that memory stays small. It counts a line only once its fate is known.
type loader struct {
	journal  *journal.Journal
	counts   counts
	refused  func(refusedLine) error // called in the order of lines; an error ends the input
	tooLong  io.Writer               // gets the lines that are too long to hold; nil drops them
	progress func(counts)            // called after each batch; nil for nobody
}

// pendingLine is a line whose batch has not been stored yet.
type pendingLine struct {
	number  int
	text    []byte
	problem *fault.Problem
}

// batch is some lines of an input and the rows of those that are good.
type batch struct {
	lines []pendingLine
	rows  []journal.Imported[journal.EntryDraft]
	bytes int
}

// load loads one input. Live says that its lines may come slowly: then none waits
// for the ones behind it. On an error the lines that were counted are in, or
// were refused.
func (l *loader) load(ctx context.Context, name string, input io.Reader, live bool) error {
	ctx = auth.System(ctx, "import")
	lines, err := ingest.NewLines(name, input)
	if err != nil {
		return at(name, 1, err)
	}
	lines.TooLong = l.tooLong
	var seen occurrences // of contents without an id
	var b batch
	for {
		if full := len(b.rows) == batchRows || b.bytes >= batchBytes; full || live && lines.Waiting() {
			if err := l.store(ctx, name, &b); err != nil {
				return err
			}
		}
		line, err := lines.Next()
		if err != nil {
			if stored := l.store(ctx, name, &b); stored != nil {
				return stored
			}
			if err == io.EOF {
				return nil
			}
			return at(name, lines.Number(), err)
		}
		b.add(line, &seen, l.journal.Entries)
	}
}

// add takes a line into the batch, which keeps nothing of the line's own memory.
func (b *batch) add(line ingest.Line, seen *occurrences, entries *journal.EntryLog) {
	pending := pendingLine{number: line.Number, problem: line.Problem}
	if line.Problem == nil {
		pending.text = append([]byte{}, line.Text...)
		b.bytes += len(line.Text)
		row, problem := ingest.Entry(line.Text)
		pending.problem = problem
		if problem == nil {
			if hash, counted := entries.ContentHash(&row); counted {
				row.Occurrence = seen.next(hash)
			}
			b.rows = append(b.rows, row)
		}
	}
	b.lines = append(b.lines, pending)
}

// store stores the batch, counts its lines and empties it.
func (l *loader) store(ctx context.Context, name string, b *batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	outcomes, failed := l.journal.Entries.Import(ctx, b.rows)
	var unsaid error // what kept a refused line from being told
	for _, line := range b.lines {
		problem, stored := line.problem, false
		if problem == nil {
			if len(outcomes) == 0 {
				return broken(name, line.number, failed)
			}
			problem, stored = outcomes[0].Problem, outcomes[0].Stored
			outcomes = outcomes[1:]
		}
		l.counts.read++
		switch {
		case problem != nil:
			l.counts.refused++
			if err := l.refused(refusedLine{name, line.number, line.text, problem}); unsaid == nil {
				unsaid = err
			}
		case stored:
			l.counts.added++
		default:
			l.counts.present++
		}
	}
	switch {
	case failed != nil:
		return broken(name, b.lines[len(b.lines)-1].number, failed)
	case unsaid != nil:
		return unsaid
	}
	clear(b.lines)
	clear(b.rows)
	b.lines, b.rows, b.bytes = b.lines[:0], b.rows[:0], 0
	if l.progress != nil {
		l.progress(l.counts)
	}
	return nil
}

// at names the place in the input at which an error ended its import.
func at(name string, number int, err error) error {
	return fault.Wrap(fault.KindOf(err), err, "%s:%d: %s", name, number, sentence(err))
}

// broken is at, for an import that cannot go on.
func broken(name string, number int, err error) error {
	return fault.Wrap(fault.KindOf(err), err, "%s:%d: %s; what was added stays, and the same import adds the rest", name, number, sentence(err))
}
