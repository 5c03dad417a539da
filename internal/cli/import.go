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
)

// Import is the command "import".
type Import struct {
	Kind    Kind     `help:"Kind of log that the lines are: entries." required:"" placeholder:"KIND"`
	Rejects string   `help:"File to write the refused lines to, as they are; it is made anew (default none)." placeholder:"FILE"`
	Files   []string `arg:"" name:"file" help:"NDJSON files, gzip or not; - is standard input."`
}

// shownLines is how many refused lines an import names on standard error.
const shownLines = 20

// Run loads the files. A bad line stops no other line, and a bad file no other
// file.
func (c *Import) Run(p *Process, s *Settings) error {
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
	load := &loader{journal: store.Journal, tooLong: rejects.tooLong(), progress: progress.show}
	load.refused = func(line refusedLine) error {
		if load.counts.refused <= shownLines {
			progress.clear()
			fmt.Fprintf(p.Stderr, "%s:%d: %s\n", line.input, line.number, oneLine(line.problem.String()))
		}
		return rejects.add(line.text)
	}

	failed := false
	for _, name := range c.Files {
		err := c.file(p, load, name)
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
	if more := load.counts.refused - shownLines; more > 0 {
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
	fmt.Fprintln(p.Stdout, load.counts)
	if failed || load.counts.refused > 0 {
		return errSaid
	}
	return nil
}

// file loads one file.
func (c *Import) file(p *Process, load *loader, name string) error {
	if name == "-" {
		input, stop := interruptible(p.Context, p.Stdin)
		defer stop()
		return load.load(p.Context, name, input, true)
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return load.load(p.Context, name, file, false)
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
	file, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("--rejects: %w", err)
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

// Kind is a kind of log named by a flag.
type Kind string

// kinds are the kinds of the contract and whether this version takes them.
var kinds = []struct {
	name  Kind
	taken bool
}{{"entries", true}, {"audit", false}, {"operations", false}, {"usage", false}, {"api-calls", false}, {"users", false}, {"tokens", false}}

// UnmarshalText reads the name of a kind that this version takes.
func (k *Kind) UnmarshalText(text []byte) error {
	var taken []string
	for _, kind := range kinds {
		if kind.taken {
			taken = append(taken, string(kind.name))
		}
	}
	for _, kind := range kinds {
		switch {
		case string(kind.name) != string(text):
		case kind.taken:
			*k = kind.name
			return nil
		default:
			return fmt.Errorf("%q is not taken by this version yet, only %s", text, strings.Join(taken, ", "))
		}
	}
	return fmt.Errorf("%q is no kind of log; this version takes %s", text, strings.Join(taken, ", "))
}
