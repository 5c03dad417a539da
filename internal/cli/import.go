package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"logbook/internal/fault"
	"logbook/internal/ingest"
)

// Import is the command "import".
type Import struct {
	Kind    Kind       `help:"Kind of the lines: entries, audit, operations, usage, api-calls, users or tokens." required:"" placeholder:"KIND"`
	Types   UsageTypes `help:"What types 4 and 5 mean in usage records: newapi-code for a copy of newapi's own database, where they are system and error (default the document's: error and system)." placeholder:"NAME"`
	Rejects string     `help:"File to write the refused lines to, as they are, for its owner alone to read; it is made anew (default none)." placeholder:"FILE"`
	Files   []string   `arg:"" name:"file" help:"NDJSON files, gzip or not; - is standard input."`
}

// shownLines is how many refused lines an import names on standard error.
const shownLines = 20

// Run loads the files. A bad line stops no other line, and a bad file no other
// file.
func (c *Import) Run(p *Process, s *Settings) error {
	if c.Types.given && c.Kind != Usage {
		return fault.New(fault.Invalid, "--types goes only with --kind usage")
	}
	store, err := s.Open(p.Context)
	if err != nil {
		return err
	}
	defer store.Close()

	rejects, err := openRejects(c.Rejects, c.Files, p.Stdin, s.DB)
	if err != nil {
		return err
	}
	// What an import holds on to are the hashes of its lines (see occurrences), some
	// bytes for each; collecting often keeps the rest from doubling that.
	debug.SetGCPercent(30)
	progress := newProgress(p)
	report := &report{tooLong: rejects.tooLong(), progress: progress.show}
	report.refused = func(line refusedLine) error {
		if report.counts.refused <= shownLines {
			progress.clear()
			fmt.Fprintf(p.Stderr, "%s:%d: %s\n", line.input, line.number, oneLine(line.problem.String()))
		}
		return rejects.add(line.text)
	}

	load := loaderOf(c.Kind, store, c.Types.types, report)
	failed := false
	for _, name := range c.Files {
		err := loadFile(p, load, name)
		progress.clear()
		if p.Context.Err() != nil {
			failed = true
			fmt.Fprintln(p.Stderr, "logbook: stopped; what was added stays, and the same import adds the rest")
			break
		}
		if err != nil {
			failed = true
			fmt.Fprintf(p.Stderr, "logbook: %s\n", oneLine(sentence(err)))
			if fault.KindOf(err) == fault.Unavailable {
				break // so would the next file fail
			}
		}
	}
	if more := report.counts.refused - shownLines; more > 0 {
		where := "name a file with --rejects to get them all"
		if c.Rejects != "" {
			where = c.Rejects + " has them all"
		}
		fmt.Fprintf(p.Stderr, "logbook: %d more lines were refused; %s\n", more, where)
	}
	if err := rejects.close(); err != nil {
		failed = true
		fmt.Fprintf(p.Stderr, "logbook: %s\n", oneLine(err.Error()))
	}
	fmt.Fprintln(p.Stdout, report.counts)
	if failed || report.counts.refused > 0 {
		return errSaid
	}
	return nil
}

// loadFile loads one file.
func loadFile(p *Process, load load, name string) error {
	if name == "-" {
		input, stop := interruptible(p.Context, p.Stdin)
		defer stop()
		return load(p.Context, name, input, true)
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return load(p.Context, name, file, false)
}

// interruptible gives a reader of input that ends with the context, though a read
// of input may wait for ever. Stop ends it; a read that is waiting then is left
// behind and keeps what it gets.
func interruptible(ctx context.Context, input io.Reader) (reader io.Reader, stop func()) {
	out, in := io.Pipe()
	go func() {
		_, err := io.Copy(in, input)
		in.CloseWithError(err)
	}()
	release := context.AfterFunc(ctx, func() { out.CloseWithError(ctx.Err()) })
	return out, func() {
		release()
		out.Close()
	}
}

// rejects is the file of the refused lines. The nil *rejects drops them.
type rejects struct {
	file *os.File
	out  *bufio.Writer
}

// openRejects makes the file, "" for none. It refuses to overwrite what the import
// reads or writes: an input, standard input, the database.
func openRejects(name string, inputs []string, stdin io.Reader, database string) (*rejects, error) {
	if name == "" {
		return nil, nil
	}
	if there, err := os.Stat(name); err == nil {
		same := func(info os.FileInfo, err error) bool { return err == nil && os.SameFile(there, info) }
		for _, input := range inputs {
			if input == "-" {
				file, isFile := stdin.(*os.File)
				if isFile && same(file.Stat()) {
					return nil, fault.New(fault.Invalid, "--rejects %s: this is what standard input reads, name another", name)
				}
			} else if same(os.Stat(input)) {
				return nil, fault.New(fault.Invalid, "--rejects %s: this is one of the files to import, name another", name)
			}
		}
		path, isFile := strings.CutPrefix(database, "sqlite:")
		for _, ending := range []string{"", "-wal", "-shm"} {
			if isFile && same(os.Stat(path+ending)) {
				return nil, fault.New(fault.Invalid, "--rejects %s: this is the database, name another", name)
			}
		}
	}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--rejects: %w", err)
	}
	// A file that was there has its own rights, and refused lines may hold keys. What
	// is no file, such as /dev/null, is left as it is.
	info, err := file.Stat()
	if err == nil && info.Mode().IsRegular() {
		err = file.Chmod(0o600)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("--rejects: %w", err), file.Close())
	}
	return &rejects{file, bufio.NewWriter(file)}, nil
}

// add writes a line; one without text has been written already.
func (r *rejects) add(text []byte) error {
	if r == nil || text == nil {
		return nil
	}
	_, err := r.out.Write(append(text, '\n'))
	return err
}

// tooLong gives where lines go that are too long to hold.
func (r *rejects) tooLong() io.Writer {
	if r == nil {
		return nil
	}
	return r.out
}

func (r *rejects) close() error {
	if r == nil {
		return nil
	}
	return errors.Join(r.out.Flush(), r.file.Close())
}

// UsageTypes is the flag --types.
type UsageTypes struct {
	given bool
	types ingest.UsageTypes
}

// UnmarshalText reads the one name there is.
func (u *UsageTypes) UnmarshalText(text []byte) error {
	if string(text) != "newapi-code" {
		return fmt.Errorf("%q names no types; want newapi-code", text)
	}
	*u = UsageTypes{given: true, types: ingest.NewAPICodeTypes}
	return nil
}
