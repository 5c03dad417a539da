// The tests of the whole program: they build it once and use it as a person
// does, through its command line, its standard streams and its ports.
package main_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"logbook/internal/db/dbtest"
)

// The paths of the built program: program with the race detector where the tests
// have it, plain always without.
var program, plain string

func TestMain(m *testing.M) {
	code := 1
	if dir, err := os.MkdirTemp("", "logbook-test"); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else if err := flag.Set("rapid.checks", "20"); err != nil { // each is a database and a server; the command line may ask for more
		fmt.Fprintln(os.Stderr, err)
	} else {
		plain = filepath.Join(dir, "plain")
		if program = plain; len(raceFlags) > 0 {
			program = filepath.Join(dir, "race")
		}
		if build(plain) && (program == plain || build(program, raceFlags...)) {
			code = dbtest.Run(m)
		}
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// build builds the program, and says what is wrong where it does not.
func build(path string, flags ...string) bool {
	command := exec.Command("go", append(append([]string{"build", "-o", path}, flags...), ".")...)
	command.Stdout, command.Stderr = os.Stderr, os.Stderr
	err := command.Run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "building the program failed:", err)
	}
	return err == nil
}

// adminToken is the administrator's token of the servers under test.
const adminToken = "the token of the tests"

// world is a folder with a database of its own.
type world struct {
	t   *testing.T
	dir string
	db  string // what --db says
	env []string
	use string // the program, nothing for the one built like the tests
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return worldAt(t, t.TempDir())
}

// onEveryEngine runs a test in a world with a SQLite file and in one with a
// MariaDB database.
func onEveryEngine(t *testing.T, test func(*testing.T, *world)) {
	dbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t)
		w.db = address
		test(t, w)
	})
}

func worldAt(t *testing.T, dir string) *world {
	return &world{t: t, dir: dir, db: "sqlite:" + filepath.Join(dir, "logbook.db"), env: []string{"LOGBOOK_ADMIN_TOKEN=" + adminToken}}
}

// command gives a run of the program in the folder, with none of the settings
// that the tests' own environment may hold.
func (w *world) command(args ...string) *exec.Cmd {
	command := exec.Command(cmp.Or(w.use, program), args...)
	command.Dir = w.dir
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "LOGBOOK_") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(append(command.Env, "LOGBOOK_DB="+w.db), w.env...)
	return command
}

// run runs a command to its end.
func (w *world) run(input io.Reader, args ...string) (code int, stdout, stderr string) {
	w.t.Helper()
	command := w.command(args...)
	var out, errs bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = input, &out, &errs
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), out.String(), errs.String()
}

// must runs a command that has to succeed and gives its standard output.
func (w *world) must(args ...string) string {
	w.t.Helper()
	code, out, errs := w.run(nil, args...)
	if code != 0 {
		w.t.Fatalf("logbook %s ends with %d: %s%s", strings.Join(args, " "), code, out, errs)
	}
	return out
}

// file writes a file and gives its path.
func (w *world) file(name, content string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// server is a running `logbook serve`.
type server struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	token  string
	said   []string // its lines on standard output until it served
	errors *bytes.Buffer
}

var (
	listens  = regexp.MustCompile(`http://127\.0\.0\.1:\d+$`)
	tokenIs  = regexp.MustCompile(`lb_\w+$`)
	settings = []string{"serve", "--addr", "127.0.0.1:0"}
)

// serve starts the server on a free port and waits until it answers. Where the
// world sets no administrator's token, it waits for the server to give one.
func (w *world) serve(args ...string) *server {
	w.t.Helper()
	s := &server{t: w.t, cmd: w.command(append(settings[:3:3], args...)...), errors: new(bytes.Buffer)}
	if len(w.env) > 0 {
		s.token = adminToken
	}
	s.cmd.Stderr = s.errors
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = s.cmd.Process.Kill() })
	for lines := bufio.NewScanner(out); s.url == "" || s.token == ""; {
		if !lines.Scan() {
			_ = s.cmd.Wait()
			w.t.Fatalf("the server ended: %s", s.errors)
		}
		s.said = append(s.said, lines.Text())
		if found := listens.FindString(lines.Text()); found != "" {
			s.url = found
		}
		if found := tokenIs.FindString(lines.Text()); found != "" {
			s.token = found
		}
	}
	go io.Copy(io.Discard, out) // ends with the process
	if got := s.get("/readyz"); got.status != http.StatusOK {
		w.t.Fatalf("/readyz answers %d %s", got.status, got.body)
	}
	return s
}

// stop ends the server as an operator does, and wants it to end well.
func (s *server) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		s.t.Errorf("the server ended with %v: %s", err, s.errors)
	}
}

// answer is an HTTP answer.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask sends a request with the server's token.
func (s *server) ask(method, path, contentType string, body io.Reader) answer {
	s.t.Helper()
	request, err := http.NewRequest(method, s.url+path, body)
	if err != nil {
		s.t.Fatal(err)
	}
	request.Header.Set("Content-Type", contentType)
	request.Header.Set("Authorization", "Bearer "+s.token)
	return s.send(request)
}

// noRedirects leaves redirects to the test.
var noRedirects = &http.Client{
	Timeout:       time.Minute,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func (s *server) send(request *http.Request) answer {
	s.t.Helper()
	response, err := noRedirects.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, content}
}

func (s *server) get(path string) answer { s.t.Helper(); return s.ask("GET", path, "", nil) }

// rest asks the scitiger dialect, and gives its results.
func (s *server) rest(method, path, body string, results any) answer {
	s.t.Helper()
	got := s.ask(method, "/api/management/logs/entries/"+path, "application/json", strings.NewReader(body))
	envelope := struct{ Results any }{results}
	if results != nil {
		if err := json.Unmarshal(got.body, &envelope); err != nil || got.status > 201 {
			s.t.Fatalf("%s %s answers %d %.500s", method, path, got.status, got.body)
		}
	}
	return got
}

// graphql asks GraphQL, which has to answer without errors, and gives its data.
func (s *server) graphql(query string, variables map[string]any, data any) {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		s.t.Fatal(err)
	}
	got := s.ask("POST", "/graphql", "application/json", bytes.NewReader(body))
	envelope := struct {
		Data   any
		Errors []any
	}{Data: data}
	if err := json.Unmarshal(got.body, &envelope); err != nil || got.status != 200 || len(envelope.Errors) > 0 {
		s.t.Fatalf("%s\nanswers %d %.1000s", query, got.status, got.body)
	}
}

// total counts entries through GraphQL.
func (s *server) total(filter map[string]any) int {
	s.t.Helper()
	var data struct{ Entries struct{ TotalCount int } }
	s.graphql(`query($f: EntryFilter) { entries(filter: $f, first: 0) { totalCount } }`, map[string]any{"f": filter}, &data)
	return data.Entries.TotalCount
}

// needs skips a test for want of something; in CI that is a failure.
func needs(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI skips nothing: "+format, args...)
	}
	t.Skipf(format, args...)
}
