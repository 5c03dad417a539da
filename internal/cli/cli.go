// Package cli is Logbook's command line: one file a command, each an adapter
// from flags to a call of the journal or the accounts. The list of commands and
// the wiring of the server stand in server.go at the root.
//
// A command runs as the system itself, whoever may run the program and read the
// database file. It ends with 0, with 1 where it failed, or with 2 where it was
// called wrongly, and says why in one line on standard error. What a script
// wants to have (rows, keys, counts) goes to standard output, all else to
// standard error.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/alecthomas/kong"

	"logbook/internal/fault"
)

// Process is what a command uses of the world around it.
type Process struct {
	Context        context.Context // ends when the command is to stop
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Terminal       bool // whether Stderr is a terminal, which progress is for
}

// The exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

// errSaid ends a command with exit code 1 when it has said why already.
var errSaid = errors.New("the command failed")

// Run runs the command that args name and gives its exit code. Grammar is a
// pointer to a struct in kong's sense; each command's Run method may ask for the
// process and for any of the bindings. It prints what there is to print.
func Run(grammar any, process *Process, args []string, bindings ...any) int {
	exited := -1
	parser, err := kong.New(grammar,
		kong.Name("logbook"),
		kong.Description(description),
		kong.DefaultEnvars("LOGBOOK"),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Help(help),
		kong.Writers(process.Stdout, process.Stderr),
		kong.Exit(func(code int) { exited = code; panic(errSaid) }), // after --help
		kong.Bind(append(bindings, process)...),
	)
	if err != nil {
		panic(err) // a mistake in the grammar, which every test would meet
	}
	var command *kong.Context
	func() {
		defer func() {
			if what := recover(); what != nil && what != errSaid {
				panic(what)
			}
		}()
		command, err = parser.Parse(args)
	}()
	switch {
	case exited >= 0:
		return exited
	case err != nil:
		fmt.Fprintf(process.Stderr, "logbook: %s (logbook --help tells more)\n", oneLine(err.Error()))
		return exitUsage
	}
	err = command.Run()
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSaid):
		return exitFailed
	}
	fmt.Fprintf(process.Stderr, "logbook: %s\n", oneLine(sentence(err)))
	if fault.KindOf(err) == fault.Invalid {
		return exitUsage // a value of the command line
	}
	return exitFailed
}

const description = `Logbook keeps logs and serves them through GraphQL and legacy REST APIs.

Every flag can be set in the environment: --addr as LOGBOOK_ADDR and so on. Secrets are set only there:
LOGBOOK_ADMIN_TOKEN, a fixed administrator token; LOGBOOK_JWT_SECRET, which verifies JWTs (HS256).
So is the key set that verifies JWTs of an issuer (RS, PS, ES, EdDSA): LOGBOOK_JWKS_URL or LOGBOOK_JWKS_FILE.`

// help is kong's, and for the program as a whole also that of its default command,
// whose flags need no command's name.
func help(options kong.HelpOptions, asked *kong.Context) error {
	err := kong.DefaultHelpPrinter(options, asked)
	if standard := asked.Model.DefaultCmd; err == nil && asked.Selected() == nil && standard != nil {
		fmt.Fprintln(asked.Stdout)
		var one *kong.Context
		if one, err = kong.Trace(asked.Kong, []string{standard.Name}); err == nil {
			err = kong.DefaultHelpPrinter(options, one)
		}
	}
	return err
}

// sentence gives what to tell people about an error, without its causes.
func sentence(err error) string {
	var known *fault.Error
	if errors.As(err, &known) {
		return known.In(fault.English)
	}
	return err.Error()
}

// oneLine makes text fit for a line of a terminal, whatever a log line put into
// it.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}
