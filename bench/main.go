// Bench is Logbook's ruler. It fills a database with made-up logs of one kind,
// starts the real server on it, asks the documented questions and prints how
// long they took, beside the floor: the same questions of the same tables,
// indexes and roll-ups by prepared SQL in a bare net/http handler with
// hand-written JSON, in a process of its own, in the same run.
//
// A kind of log is described once (usage.go, entries.go, ...): how its rows are
// made, what its roll-ups count, what is asked. Before anything is measured every
// question is asked of both and the answers are compared, so that the floor
// really answers the same; a difference ends the run with an error.
//
// docs/performance.md says how to read the table.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands are the command line.
type commands struct {
	Measure measure  `cmd:"" default:"withargs" help:"Load, ask and print (the default command)."`
	Attacks attacked `cmd:"" help:"Print how long the server takes to refuse each known attack."`
	Costs   costs    `cmd:"" help:"Print what each index and each roll-up dimension costs a write."`
	Real    real     `cmd:"" help:"Print the sizes of tables, indexes and roll-ups for real log files."`
	Search  searches `cmd:"" help:"Print how long a search takes that finds nothing, by the length of the text, and the sizes of the blocks that serve it."`
	Floor   floor    `cmd:"" hidden:"" help:"Answer the questions by prepared SQL until standard input ends."`
	Handler handler  `cmd:"" hidden:"" help:"Write rows by prepared SQL behind HTTP until standard input ends."`
}

// process is what a command uses of the world around it.
type process struct {
	context.Context
	input  io.Reader
	output io.Writer // the tables
	notes  io.Writer // what is going on
}

// note says what is going on.
func (p process) note(format string, args ...any) {
	fmt.Fprintf(p.notes, format+"\n", args...)
}

// print prints a part of the result.
func (p process) print(format string, args ...any) {
	fmt.Fprintf(p.output, format+"\n", args...)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGPIPE)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	var list commands
	command := kong.Parse(&list, kong.Name("bench"),
		kong.Description("Measure Logbook beside the floor: the same questions by prepared SQL in a bare HTTP handler."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err := command.Run(process{ctx, os.Stdin, os.Stdout, os.Stderr}); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// loaded says which rows a run is about.
type loaded struct {
	Kind string `help:"Kind of log: usage, entries, audit, operations, api-calls, or all, one after the other (default ${default})." default:"usage" enum:"usage,entries,audit,operations,api-calls,all" placeholder:"KIND"`
	Rows int    `help:"How many rows (default ${default})." default:"1000000"`
	Seed uint64 `help:"Seed of the made-up rows (default ${default})." default:"1"`
	DB   string `help:"sqlite: a file that is removed at the end. mysql: a MariaDB server of its own that is stopped at the end. Or an address as logbook's --db takes it: a database that holds rows of the kind is asked as it is (default ${default})." default:"sqlite" placeholder:"ENGINE|URL"`
	Keep bool   `help:"Keep the SQLite file and print its address (default no)."`
}

// each calls fn for the kinds that are asked for, each with an engine to work on.
func (l *loaded) each(p process, fn func(*kind, *engine) error) error {
	for _, k := range kinds() {
		if l.Kind != "all" && l.Kind != k.name {
			continue
		}
		e, stop, err := startEngine(p, l.DB, l.Keep)
		if err != nil {
			return err
		}
		err = fn(k, e)
		stop()
		if err != nil {
			return fmt.Errorf("%s on %s: %w", k.name, e.name, err)
		}
	}
	return nil
}
