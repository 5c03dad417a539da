package cli_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"logbook/internal/cli"
)

// commands is the command line without the server, which the test of the whole
// program starts.
type commands struct {
	cli.Settings
	Import    cli.Import    `cmd:""`
	Export    cli.Export    `cmd:""`
	User      cli.User      `cmd:""`
	Token     cli.Token     `cmd:""`
	Retention cli.Retention `cmd:""`
	Version   cli.Version   `cmd:""`
}

// machine runs commands on one database.
type machine struct {
	t        *testing.T
	ctx      context.Context
	dir      string
	stdin    io.Reader
	terminal bool
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	return &machine{t: t, ctx: t.Context(), dir: t.TempDir(), stdin: strings.NewReader("")}
}

// run runs a command and gives what it printed.
func (m *machine) run(args ...string) (code int, stdout, stderr string) {
	m.t.Helper()
	var list commands
	var out, errs bytes.Buffer
	process := &cli.Process{Context: m.ctx, Stdin: m.stdin, Stdout: &out, Stderr: &errs, Terminal: m.terminal}
	code = cli.Run(&list, process, append([]string{"--db", "sqlite:" + filepath.Join(m.dir, "test.db")}, args...), &list.Settings)
	return code, out.String(), errs.String()
}

// want runs a command and compares what comes out, exactly.
func (m *machine) want(code int, stdout, stderr string, args ...string) {
	m.t.Helper()
	gotCode, gotOut, gotErr := m.run(args...)
	if gotCode != code || gotOut != stdout || gotErr != stderr {
		m.t.Errorf("logbook %s\nends with %d, want %d\nstdout %q\nwant   %q\nstderr %q\nwant   %q",
			strings.Join(args, " "), gotCode, code, gotOut, stdout, gotErr, stderr)
	}
}

// file writes a file and gives its path.
func (m *machine) file(name, content string) string {
	m.t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		m.t.Fatal(err)
	}
	return path
}

func (m *machine) read(name string) string {
	m.t.Helper()
	content, err := os.ReadFile(filepath.Join(m.dir, name))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(content)
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want string // part of the one line on standard error
	}{
		{[]string{"--colour"}, "unknown flag --colour"},
		{[]string{"dance"}, "unexpected argument dance"},
		{[]string{"import"}, "--kind"},
		{[]string{"import", "--kind", "entries"}, "<file>"},
		{[]string{"import", "--kind", "Audit", "x"}, `"Audit" is no kind; the kinds are entries, audit, operations, usage, api-calls, users, tokens`},
		{[]string{"import", "--kind", "poems", "x"}, `"poems" is no kind; the kinds are entries, audit`},
		{[]string{"import", "--kind", "entries", "--types", "newapi-code", "x"}, "--types goes only with --kind usage"},
		{[]string{"import", "--kind", "tokens", "--types", "newapi-code", "x"}, "--types goes only with --kind usage"},
		{[]string{"import", "--kind", "usage", "--types", "document", "x"}, `--types: "document" names no types; want newapi-code`},
		{[]string{"import", "--kind", "usage", "--types", "", "x"}, `--types: "" names no types; want newapi-code`},
		{[]string{"export", "--kind", "users"}, `"users" is no kind of log and is not written; the kinds of log are entries, audit, operations, usage, api-calls`},
		{[]string{"export", "--kind", "tokens"}, `"tokens" is no kind of log and is not written`},
		{[]string{"export", "--kind", "poems"}, `"poems" is no kind of log; the kinds of log are entries`},
		{[]string{"export", "--kind", "entries", "--since", "yesterday"}, `--since: "yesterday" is not a time`},
		{[]string{"export", "--kind", "entries", "--until", "10000-01-01"}, `--until: "10000-01-01" is not a time`},
		{[]string{"export", "--kind", "entries", "--filter", "level"}, `--filter "level": want field=value`},
		{[]string{"export", "--kind", "entries", "--filter", "level=fatal"}, `--filter level: "fatal" is not one of debug`},
		{[]string{"export", "--kind", "entries", "--filter", "colour=red"}, "--filter colour: the fields are tenant_id"},
		{[]string{"export", "--kind", "entries", "--filter", "tenant_id=1"}, `--filter tenant_id: "1" is not a UUID`},
		{[]string{"export", "--kind", "entries", "--filter", "category_code=none"}, `--filter category_code: "none" is not the code of a category here`},
		{[]string{"export", "--kind", "entries", "--filter", "level=info", "--filter", "level=info"}, "--filter level: stands twice"},
		{[]string{"export", "--kind", "entries", "--filter", "search=" + strings.Repeat("x", 1025)}, "search: is longer than 1024 bytes"},
		{[]string{"--timezone", "Mars/Base", "version"}, `"Mars/Base" is no time zone`},
		{[]string{"--timezone", "Local", "version"}, `"Local" is no time zone`},
		{[]string{"user", "add"}, "--username"},
		{[]string{"user", "add", "--username", " "}, "username: is required"},
		{[]string{"user", "add", "--username", "a", "--role", "king"}, "--role must be one of"},
		{[]string{"user", "add", "--username", "a", "--id", "0"}, "id: must be between 1 and 2^53"},
		{[]string{"user", "add", "--username", "a", "--id", "seven"}, "--id"},
		{[]string{"user", "add", "--username", "a", "--tenant", "7"}, `--tenant: "7" is not a UUID`},
		{[]string{"user", "add", "--username", "a", "--alias", "hertz"}, `--alias "hertz": want system=id`},
		{[]string{"user", "add", "--username", "a", "--alias", "zeus=1"}, `aliases: "zeus" is none of`},
		{[]string{"token", "add", "--role", "king"}, "--role must be one of"},
		{[]string{"token", "add", "--permission", "fly"}, `permissions: "fly" is none of`},
		{[]string{"token", "add", "--user", "7"}, `user_id: "7" does not exist`},
		{[]string{"token", "add", "--expires", "0s"}, `"0s" is not a duration`},
		{[]string{"token", "add", "--expires=-1d"}, `"-1d" is not a duration`},
		{[]string{"token", "add", "--expires", "99999d"}, `"99999d" is not a duration`},
		{[]string{"token", "revoke"}, "<id>"},
		{[]string{"token", "revoke", "x"}, "<id>"},
		{[]string{"--db", "postgres://x", "token", "list"}, "want sqlite:PATH"},
		{[]string{"--db", "mysql://u:secret@h/d?tls=false", "token", "list"}, "--db mysql://…: takes no parameters behind a ?"},
	} {
		t.Run(strings.Join(c.args, " ")[:min(60, len(strings.Join(c.args, " ")))], func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			code, stdout, stderr := m.run(c.args...)
			if code != 2 || stdout != "" || !strings.HasPrefix(stderr, "logbook: ") || !strings.Contains(stderr, c.want) ||
				strings.Count(stderr, "\n") != 1 || strings.Contains(stderr, "secret") {
				t.Errorf("ends with %d, stdout %q, stderr %q, want %q", code, stdout, stderr, c.want)
			}
		})
	}
}

func TestHelpNamesDefaultAndTwin(t *testing.T) {
	t.Parallel()
	flag := regexp.MustCompile(`(?m)^ +(-\w, )?--([a-z-]+)`)
	for _, command := range [][]string{
		{"import"}, {"export"}, {"user", "add"}, {"user", "list"}, {"token", "add"}, {"token", "revoke"}, {"token", "list"},
		{"retention", "apply"}, {"version"},
	} {
		m := newMachine(t)
		code, help, stderr := m.run(append(command, "--help")...)
		if code != 0 || stderr != "" {
			t.Errorf("%s --help ends with %d, %q", command, code, stderr)
		}
		// Each flag's text goes to the next flag.
		places := flag.FindAllStringSubmatchIndex(help, -1)
		for i, place := range places {
			name := help[place[4]:place[5]]
			end := len(help)
			if i+1 < len(places) {
				end = places[i+1][0]
			}
			text := strings.Join(strings.Fields(help[place[0]:end]), " ")
			if name == "help" {
				continue
			}
			if twin := "$LOGBOOK_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")); !strings.Contains(text, twin) {
				t.Errorf("%s: --%s does not name %s: %s", command, name, twin, text)
			}
			required := name == "kind" || name == "username"
			if !required && !strings.Contains(text, "default") {
				t.Errorf("%s: --%s does not say its default: %s", command, name, text)
			}
		}
	}
}

func TestEnvironmentTwins(t *testing.T) {
	m := newMachine(t)
	t.Setenv("LOGBOOK_KIND", "entries")
	t.Setenv("LOGBOOK_FILTER", "level=error")
	file := m.file("a.ndjson", `{"message":"a, b","level":"error","timestamp":"2024-06-01T00:00:00Z"}`+"\n"+`{"message":"c"}`)
	m.want(0, "read 2, added 2, already there 0, refused 0\n", "", "import", file)
	if code, out, _ := m.run("export"); code != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(out, `"a, b"`) {
		t.Errorf("export gives %d, %s", code, out)
	}
	t.Setenv("LOGBOOK_TIMEZONE", "Mars")
	if code, _, stderr := m.run("version"); code != 2 || !strings.Contains(stderr, `"Mars" is no time zone`) {
		t.Errorf("ends with %d, %s", code, stderr)
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	code, out, stderr := m.run("version")
	if code != 0 || stderr != "" || !regexp.MustCompile(`^logbook \S+\ncommit  .+\ngo      go1\.\S+ \w+/\w+\nengine  SQLite 3\.[\d.]+\n$`).MatchString(out) {
		t.Errorf("ends with %d, %q, %q", code, out, stderr)
	}
	if _, err := os.Stat(filepath.Join(m.dir, "test.db")); err == nil {
		t.Error("it made a database")
	}
}
