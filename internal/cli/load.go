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

// A batch of an import is full at so many lines, bad ones included, or so many
// bytes of them.
const (
	batchLines = 2000
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

// report is what becomes known of the lines of an import, whatever their kind.
type report struct {
	counts   counts
	refused  func(refusedLine) error // called in the order of lines; an error ends the input
	tooLong  io.Writer               // gets the lines that are too long to hold; nil drops them
	progress func(counts)            // called after each batch; nil for nobody
}

// load loads one input. Live says that its lines may come slowly: then none waits
// for the ones behind it. On an error the lines that were counted are in, or were
// refused.
type load func(ctx context.Context, name string, input io.Reader, live bool) error

// loaderOf gives what loads inputs of a kind into a store. Types are the meaning of
// the numbers in usage records.
func loaderOf(kind Kind, store *Store, types ingest.UsageTypes, report *report) load {
	switch j := store.Journal; kind {
	case Entries:
		return logLoader(j.Entries, ingest.Entry, report)
	case Audit:
		return logLoader(j.AuditEvents, ingest.AuditEvent, report)
	case Operations:
		return logLoader(j.Operations, ingest.Operation, report)
	case Usage:
		return logLoader(j.UsageRecords, func(line []byte) (journal.Imported[journal.UsageRecordDraft], *fault.Problem) {
			return ingest.UsageRecord(line, types)
		}, report)
	case APICalls:
		return logLoader(j.APICalls, ingest.APICall, report)
	case Users:
		return accountLoader(store.Accounts.ImportUsers, ingest.User, report)
	case Tokens:
		return accountLoader(store.Accounts.ImportTokens, ingest.Token, report)
	}
	panic("cli: a kind without a loader: " + string(kind)) // a mistake in loaderOf
}

// logLoader gives what loads inputs into a log.
func logLoader[R, D, F any](log *journal.Log[R, D, F], read func([]byte) (journal.Imported[D], *fault.Problem), report *report) load {
	return func(ctx context.Context, name string, input io.Reader, live bool) error {
		var seen occurrences // of contents without an id
		l := loader[journal.Imported[D]]{report: report, name: name, store: log.Import}
		l.read = func(line []byte) (journal.Imported[D], *fault.Problem) {
			row, problem := read(line)
			if problem == nil {
				if hash, counted := log.ContentHash(&row); counted {
					row.Occurrence = seen.next(hash)
				}
			}
			return row, problem
		}
		return l.load(ctx, input, live)
	}
}

// accountLoader gives what loads inputs of users or tokens.
func accountLoader[T any](store func(context.Context, []T) ([]journal.Outcome, error), read func([]byte) (T, *fault.Problem), report *report) load {
	return func(ctx context.Context, name string, input io.Reader, live bool) error {
		l := loader[T]{report: report, name: name, read: read, store: store}
		return l.load(ctx, input, live)
	}
}

// loader loads one input whose lines become rows of type T, a batch at a time, so
// that memory stays small. While one batch is stored the next is read. It counts a line
// only once its fate is known.
type loader[T any] struct {
	*report
	name    string // of the input
	read    func(line []byte) (T, *fault.Problem)
	store   func(ctx context.Context, rows []T) ([]journal.Outcome, error)
	batch   batch[T] // is being read
	storing batch[T]
	stored  chan outcomes // of storing; nil where nothing is being stored
}

// outcomes are what became of a batch's rows.
type outcomes struct {
	list   []journal.Outcome
	failed error
}

// batch is some lines of an input and the rows of those that are good.
type batch[T any] struct {
	lines []pendingLine
	rows  []T
	bytes int
}

// pendingLine is a line whose batch has not been stored yet.
type pendingLine struct {
	number  int
	text    []byte
	problem *fault.Problem
}

func (l *loader[T]) load(ctx context.Context, input io.Reader, live bool) error {
	ctx = auth.System(ctx, "import")
	lines, err := ingest.NewLines(l.name, input)
	if err != nil {
		return at(l.name, 1, err)
	}
	lines.TooLong = l.tooLong
	for {
		if full := len(l.batch.lines) == batchLines || l.batch.bytes >= batchBytes; full || live && lines.Waiting() {
			err := l.flush(ctx)
			if err == nil && !full { // the next line may be long in coming
				err = l.settle()
			}
			if err != nil {
				return err
			}
		}
		line, err := lines.Next()
		if err != nil {
			stored := l.flush(ctx)
			if stored == nil {
				stored = l.settle()
			}
			if stored != nil {
				return stored
			}
			if err == io.EOF {
				return nil
			}
			return at(l.name, lines.Number(), err)
		}
		l.add(line)
	}
}

// add takes a line into the batch, which keeps nothing of the line's own memory.
func (l *loader[T]) add(line ingest.Line) {
	b := &l.batch
	pending := pendingLine{number: line.Number, problem: line.Problem}
	if line.Problem == nil {
		pending.text = append([]byte{}, line.Text...)
		b.bytes += len(line.Text)
		row, problem := l.read(line.Text)
		pending.problem = problem
		if problem == nil {
			b.rows = append(b.rows, row)
		}
	}
	b.lines = append(b.lines, pending)
}

// flush begins to store the batch, once the one before it has been.
func (l *loader[T]) flush(ctx context.Context) error {
	if err := l.settle(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	l.batch, l.storing = l.storing, l.batch
	stored, rows := make(chan outcomes, 1), l.storing.rows
	l.stored = stored
	go func() { // until settle
		list, err := l.store(ctx, rows)
		stored <- outcomes{list, err}
	}()
	return nil
}

// settle waits for the batch that is being stored, if there is one, counts its lines and
// empties it.
func (l *loader[T]) settle() error {
	if l.stored == nil {
		return nil
	}
	stored := <-l.stored
	l.stored = nil
	b, outcomes, failed := &l.storing, stored.list, stored.failed
	var unsaid error // what kept a refused line from being told
	for _, line := range b.lines {
		problem, stored := line.problem, false
		if problem == nil {
			if len(outcomes) == 0 {
				return broken(l.name, line.number, failed)
			}
			problem, stored = outcomes[0].Problem, outcomes[0].Stored
			outcomes = outcomes[1:]
		}
		l.counts.read++
		switch {
		case problem != nil:
			l.counts.refused++
			if err := l.refused(refusedLine{l.name, line.number, line.text, problem}); unsaid == nil {
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
		return broken(l.name, b.lines[len(b.lines)-1].number, failed)
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
