package main_test

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"logbook/internal/journal/journaltest"
)

// TestWrongCalls runs command lines that cannot work: each ends at once, with one
// line on standard error and nothing on standard output.
func TestWrongCalls(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() }) // behind the subtests
	for _, c := range []struct {
		name string
		env  []string
		args string // split at blanks; DIR is the test's folder
		code int
		want string // the line without "logbook: "; a regular expression
	}{
		{"unknown flag", nil, "serve --port 80", 2, `unknown flag --port.*`},
		{"unknown flag of the default command", nil, "--port 80", 2, `unknown flag --port.*`},
		{"unknown command", nil, "start", 2, `unexpected argument start.*`},
		{"address without port", nil, "serve --addr localhost", 2, `--addr "localhost": want HOST:PORT, such as 127\.0\.0\.1:8080`},
		{"port out of range", nil, "--addr 127.0.0.1:99999", 2, `--addr "127\.0\.0\.1:99999": want HOST:PORT.*`},
		{"address in the environment", []string{"LOGBOOK_ADDR=here"}, "", 2, `--addr "here": want HOST:PORT.*`},
		{"yes or no", []string{"LOGBOOK_PRODUCTION=perhaps"}, "serve", 2, `.*"perhaps".*`},
		{"time zone", nil, "--timezone Mars", 2, `--timezone: "Mars" is no time zone; want an IANA name.*`},
		{"no proxy's address", nil, "serve --trusted-proxies proxy.example", 2, `--trusted-proxies: "proxy\.example" is no address of a proxy; want IP addresses or prefixes.*`},
		{"everybody a proxy, in the environment", []string{"LOGBOOK_TRUSTED_PROXIES=127.0.0.1,::/0"}, "", 2, `--trusted-proxies: "::/0" would let every caller say who it is.*`},
		{"no file of documents", nil, "serve --persisted-documents DIR/none.json", 2, `--persisted-documents DIR/none\.json: the file cannot be read`},
		{"documents that are none, in the environment", []string{"LOGBOOK_PERSISTED_DOCUMENTS=text"}, "", 2, `--persisted-documents text: want a JSON object of documents by their SHA-256`},
		{"port in use", nil, "--addr " + taken.Addr().String(), 1, `--addr ` + regexp.QuoteMeta(taken.Addr().String()) + `: another program listens there; stop it or choose another port.*`},
		{"another machine's address", nil, "--addr 192.0.2.1:0", 1, `--addr 192\.0\.2\.1:0: this machine cannot listen there`},
		{"no database's address", nil, "serve --addr 127.0.0.1:0 --db logbook.db", 2, `--db "logbook\.db": want sqlite:PATH.*`},
		{"database in the environment", []string{"LOGBOOK_DB=oracle:x"}, "user list", 2, `--db "oracle": want sqlite:PATH.*`},
		{"folder as database", nil, "token list --db sqlite:DIR", 2, `--db sqlite:DIR: this is a folder, name a file in it`},
		{"folder that is not there", nil, "export --kind entries --db sqlite:DIR/no/x.db", 2, `--db sqlite:DIR/no/x\.db: the folder DIR/no does not exist, make it first`},
		{"another file as database", nil, "import --kind entries --db sqlite:DIR/text /dev/null", 1, `--db sqlite:DIR/text: the file is no SQLite database`},
		{"damaged database", nil, "user list --db sqlite:DIR/damaged", 1, `--db sqlite:DIR/damaged: the (database file is damaged.*|file is no SQLite database)`},
		{"newer database", nil, "serve --addr 127.0.0.1:0 --db sqlite:DIR/newer.db", 1, `--db sqlite:DIR/newer\.db: the database is at version 9999 and this program knows up to \d+: run a newer logbook`},
		{"newer database for import", nil, "import --kind entries --db sqlite:DIR/newer.db /dev/null", 1, `--db sqlite:DIR/newer\.db: the database is at version 9999.*`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.file("text", strings.Repeat("this is a letter, not a database\n", 200))
			w.file("damaged", "SQLite format 3\x00"+strings.Repeat("\x07", 8000))
			if strings.HasPrefix(c.name, "newer") {
				makeNewer(t, w)
			}
			w.env = c.env
			args := strings.Fields(strings.ReplaceAll(c.args, "DIR", w.dir))
			code, out, errs := w.run(nil, args...)
			want := regexp.MustCompile(`^logbook: ` + strings.ReplaceAll(c.want, "DIR", regexp.QuoteMeta(w.dir)) + `\n$`)
			if code != c.code || out != "" || !want.MatchString(errs) {
				t.Errorf("ends with %d, want %d\nstdout %q\nstderr %q\nwant   %s", code, c.code, out, errs, want)
			}
		})
	}
}

// makeNewer makes newer.db as a later version of the program would leave it.
func makeNewer(t *testing.T, w *world) {
	t.Helper()
	path := filepath.Join(w.dir, "newer.db")
	w.must("user", "list", "--db", "sqlite:"+path)
	database, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()
	if _, err := database.Exec("INSERT INTO schema_migrations (version, name, statements) VALUES (9999, 'from_tomorrow', 1)"); err != nil {
		t.Fatal(err)
	}
}

// TestBadInput imports inputs of which one line cannot be taken: it is named, the
// lines around it are in, and nothing of it is.
func TestBadInput(t *testing.T) {
	t.Parallel()
	const before, after = `{"message":"before","timestamp":"2024-06-01T00:00:00Z"}` + "\n", `{"message":"after","timestamp":"2024-06-01T00:00:01Z"}` + "\n"
	for _, c := range []struct {
		name string
		bad  io.Reader
		want string
	}{
		{"invalid UTF-8", strings.NewReader("{\"message\":\"caf\xe9\"}"), `line: is not valid UTF-8 at byte 15`},
		{"raw NUL", strings.NewReader("{\"message\":\"a\x00b\"}"), `line: has a raw NUL at byte 13; write it as \u0000`},
		{"a number where a string belongs", strings.NewReader(`{"message":"x","source":5}`), `source: must be a string, not a number`},
		{"the year 10000", strings.NewReader(`{"message":"x","timestamp":"10000-01-01T00:00:00Z"}`), `timestamp: "10000-01-01T00:00:00Z" is not an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999`},
		{"an integer beyond 2^53", strings.NewReader(`{"message":"x","metadata":{"n":9007199254740993}}`), `metadata.n: is a number beyond 2^53, write it as a string`},
		{"an over-long source", strings.NewReader(`{"message":"x","source":"` + strings.Repeat("s", 256) + `"}`), `source: is longer than 255 bytes`},
		{"an over-long message", strings.NewReader(`{"message":"` + strings.Repeat("m", 1<<20+1) + `"}`), `message: is longer than 1048576 bytes`},
		{"a new tenant without a name", strings.NewReader(`{"message":"x","tenant_id":"6f1d0c52-3b0e-4c7a-9a51-0d5b1e7c0001"}`), `tenant_id: 6f1d0c52-3b0e-4c7a-9a51-0d5b1e7c0001 is a new tenant and the line has no tenant_name to make it`},
		{"a line of 100 MB", io.MultiReader(strings.NewReader(`{"message":"`), io.LimitReader(letters{}, 100_000_000), strings.NewReader(`"}`)), `line: is longer than 8388608 bytes`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			input := io.MultiReader(strings.NewReader(before), c.bad, strings.NewReader("\n"+after))
			code, out, errs := w.run(input, "import", "--kind", "entries", "-")
			if want := "-:2: " + c.want + "\n"; code != 1 || out != "read 3, added 2, already there 0, refused 1\n" || errs != want {
				t.Errorf("ends with %d\nstdout %q\nstderr %q\nwant   %q", code, out, errs, want)
			}
			export := w.must("export", "--kind", "entries")
			if strings.Count(export, "\n") != 2 || !strings.Contains(export, `"before"`) || !strings.Contains(export, `"after"`) {
				t.Errorf("holds %s", export)
			}
			if rows := journaltest.Recount(t, w.db); rows != 2 {
				t.Errorf("%d rows", rows)
			}
		})
	}
}

// letters gives x without end.
type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// TestTruncatedGzip imports a download that broke off.
func TestTruncatedGzip(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var packed bytes.Buffer
	zipper := gzip.NewWriter(&packed)
	for i := range 5000 {
		fmt.Fprintf(zipper, `{"message":"row %d %x","timestamp":"2024-06-01T00:00:00Z"}`+"\n", i+1, i*2654435761)
	}
	zipper.Close()
	file := w.file("half.ndjson.gz", packed.String()[:packed.Len()/2])
	code, out, errs := w.run(nil, "import", "--kind", "entries", file)
	var rows int
	if _, err := fmt.Sscanf(out, "read %d,", &rows); err != nil || rows < 1000 || rows > 4000 {
		t.Fatalf("ends with %d, %q, %q", code, out, errs)
	}
	wantOut := fmt.Sprintf("read %d, added %d, already there 0, refused 0\n", rows, rows)
	wantErr := fmt.Sprintf("logbook: %s:%d: the gzip data ends too early; the lines before this one were read\n", file, rows+1)
	if code != 1 || out != wantOut || errs != wantErr {
		t.Errorf("ends with %d\nstdout %q\nwant   %q\nstderr %q\nwant   %q", code, out, wantOut, errs, wantErr)
	}
	if n := journaltest.Recount(t, w.db); n != rows {
		t.Errorf("%d rows, want %d", n, rows)
	}
	// The whole file brings what is missing.
	whole := w.file("whole.ndjson.gz", packed.String())
	want := fmt.Sprintf("read 5000, added %d, already there %d, refused 0\n", 5000-rows, rows)
	if out := w.must("import", "--kind", "entries", whole); out != want {
		t.Errorf("says %q, want %q", out, want)
	}
}

// TestUnknownTenantInACreate asks both surfaces for a row of a tenant that is not
// there: nothing of the batch is stored, and the server goes on.
func TestUnknownTenantInACreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.serve()
	const nobody = "6f1d0c52-3b0e-4c7a-9a51-0d5b1e7c0009"
	got := s.rest("POST", "batch_create/", `{"logs":[{"message":"good"},{"message":"bad","tenant_id":"`+nobody+`"}]}`, nil)
	if got.status != 400 || !strings.Contains(string(got.body), "tenant_id") {
		t.Errorf("REST answers %d %s", got.status, got.body)
	}
	graph := s.ask("POST", "/graphql", "application/json", strings.NewReader(
		`{"query":"mutation { createEntries(input: {entries: [{message: \"good\"}, {message: \"bad\", tenantId: \"`+nobody+`\"}]}) { entries { id } } }"}`))
	if !strings.Contains(string(graph.body), `"BAD_USER_INPUT"`) || !strings.Contains(string(graph.body), "tenantId") {
		t.Errorf("GraphQL answers %d %s", graph.status, graph.body)
	}
	if n := s.total(nil); n != 0 {
		t.Errorf("%d rows are stored", n)
	}
	s.rest("POST", "", `{"message":"good"}`, &struct{}{})
	if n := s.total(nil); n != 1 {
		t.Errorf("%d rows are stored, want 1", n)
	}
	s.stop()
}
