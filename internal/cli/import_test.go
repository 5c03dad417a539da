package cli_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"logbook/examples"
	"logbook/internal/cli"
)

const tenant = `"tenant_id":"6f1d0c52-3b0e-4c7a-9a51-0d5b1e7c0001","tenant_name":"one"`

func TestImportNamesBadLines(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	long := strings.Repeat("x", 9<<20)
	file := m.file("a.ndjson", "\ufeff"+`{"message":"first"}`+"\r\n"+
		`{"message":7}`+"\n\n"+
		`{"message":"in the year 10000","timestamp":"10000-01-01T00:00:00Z"}`+"\n"+
		long+"\n"+
		"{\"message\":\"a\xff\"}\n"+
		`{"message":"new tenant","tenant_id":"6f1d0c52-3b0e-4c7a-9a51-0d5b1e7c0009"}`+"\n"+
		`{"message":"`+strings.Repeat("y", 1<<20+1)+`"}`+"\n"+
		`{"message":"last"}`)
	rejects := filepath.Join(m.dir, "rejects")
	m.want(1, "read 8, added 2, already there 0, refused 6\n", file+`:2: message: must be a string, not a number
`+file+`:4: timestamp: "10000-01-01T00:00:00Z" is not an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999
`+file+`:5: line: is longer than 8388608 bytes
`+file+`:6: line: is not valid UTF-8 at byte 13
`+file+`:7: tenant_id: 6f1d0c52-3b0e-4c7a-9a51-0d5b1e7c0009 is a new tenant and the line has no tenant_name to make it
`+file+`:8: message: is longer than 1048576 bytes
`, "import", "--kind", "entries", "--rejects", rejects, file)

	got := m.read("rejects")
	for _, line := range []string{`{"message":7}`, long, "{\"message\":\"a\xff\"}", `"tenant_id":"6f1d0c52-3b0e-4c7a-9a51-0d5b1e7c0009"}`} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("the rejects lack %.60q", line)
		}
	}
	if lines := strings.Count(got, "\n"); lines != 6 {
		t.Errorf("the rejects have %d lines", lines)
	}
	m.want(2, "", "logbook: --rejects "+rejects+": this is one of the files to import, name another\n",
		"import", "--kind", "entries", "--rejects", rejects, rejects)
	for _, ending := range []string{"", "-wal"} {
		path := filepath.Join(m.dir, "test.db"+ending)
		if ending != "" {
			m.file("test.db-wal", "") // as while a server runs
		}
		m.want(2, "", "logbook: --rejects "+path+": this is the database, name another\n",
			"import", "--kind", "entries", "--rejects", path, file)
	}
}

func TestImportShowsTwentyBadLines(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	file := m.file("a.ndjson", strings.Repeat("[\n", 25)+`{"message":"good"}`)
	code, out, stderr := m.run("import", "--kind", "entries", file)
	if code != 1 || out != "read 26, added 1, already there 0, refused 25\n" {
		t.Errorf("ends with %d, %q", code, out)
	}
	if lines := strings.Split(stderr, "\n"); len(lines) != 22 || !strings.HasPrefix(lines[20], "logbook: 5 more lines were refused") {
		t.Errorf("says %s", stderr)
	}
}

func TestImportSaysWhatIsThere(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	// Three equal lines, an explicit id, and a row that says less than another.
	file := m.file("a.ndjson", strings.Repeat(`{"message":"beat","timestamp":"2024-06-01T00:00:00Z"}`+"\n", 3)+
		`{"id":"D52B328A-2f98-55dc-9c73-7c8b3e3c6451","message":"with id",`+tenant+`}`+"\n"+
		`{"message":"beat","timestamp":"2024-06-01T02:00:00+02:00","source":null,"metadata":{}}`+"\n"+
		`{"message":"no time"}`)
	m.want(0, "read 6, added 6, already there 0, refused 0\n", "", "import", "--kind", "entries", file)
	m.want(0, "read 6, added 0, already there 6, refused 0\n", "", "import", "--kind", "entries", file)
	m.want(0, "read 12, added 0, already there 12, refused 0\n", "", "import", "--kind", "entries", file, file)
	more := m.file("b.ndjson", strings.Repeat(`{"message":"beat","timestamp":"2024-06-01T00:00:00Z"}`+"\n", 5)+
		`{"id":"d52b328a-2f98-55dc-9c73-7c8b3e3c6451","message":"other content"}`)
	m.want(1, "read 6, added 1, already there 4, refused 1\n",
		more+":6: id: d52b328a-2f98-55dc-9c73-7c8b3e3c6451 is there already with other content\n",
		"import", "--kind", "entries", more)
}

func TestImportOfManyInputs(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	fmt.Fprintln(w, `{"message":"packed 1"}`)
	fmt.Fprintln(w, `{"message":"packed 2"}`)
	w.Close()
	whole := m.file("whole.ndjson.gz", packed.String())
	short := m.file("short.ndjson.gz", packed.String()[:packed.Len()-10])
	missing := filepath.Join(m.dir, "missing")
	plain := m.file("plain.ndjson", `{"message":"plain"}`)
	m.stdin = strings.NewReader(`{"message":"piped"}`)
	code, out, stderr := m.run("import", "--kind", "entries", whole, missing, m.dir, short, "-", plain)
	if code != 1 || out != "read 6, added 4, already there 2, refused 0\n" && out != "read 5, added 4, already there 1, refused 0\n" {
		t.Errorf("ends with %d, %q", code, out)
	}
	for _, want := range []string{
		"logbook: open " + missing + ": no such file or directory\n",
		"logbook: " + m.dir + ":1: ",
		"is a directory\n",
		"logbook: " + short + ":",
		"the gzip data ends too early; the lines before this one were read\n",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("says %q, want %q", stderr, want)
		}
	}
}

// TestImportStops ends an import whose input never ends, as Ctrl-C does.
func TestImportStops(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	var stop context.CancelFunc
	m.ctx, stop = context.WithCancel(m.ctx)
	reader, writer := io.Pipe()
	defer writer.Close()
	m.stdin = reader
	go func() {
		_, _ = io.WriteString(writer, `{"message":"first"}`+"\n")
		// The second write ends when the first line has been taken, and what was
		// taken from a live input is stored before it is read on.
		_, _ = io.WriteString(writer, `{"message":"half`)
		_, _ = io.WriteString(writer, ` a line`)
		stop()
	}()
	m.want(1, "read 1, added 1, already there 0, refused 0\n",
		"logbook: stopped; what was added stays, and the same import adds the rest\n", "import", "--kind", "entries", "-")
	m.ctx, m.stdin = t.Context(), strings.NewReader(`{"message":"first"}`)
	m.want(0, "read 1, added 0, already there 1, refused 0\n", "", "import", "--kind", "entries", "-")
}

func TestImportShowsProgressOnATerminal(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.terminal = true
	file := m.file("a.ndjson", `{"message":"a"}`+"\n"+`7`)
	code, out, stderr := m.run("import", "--kind", "entries", file)
	if code != 1 || out != "read 2, added 1, already there 0, refused 1\n" {
		t.Errorf("ends with %d, %q", code, out)
	}
	if want := "\r\033[Kread 2, added 1, already there 0, refused 1 ("; !strings.Contains(stderr, want) || !strings.HasSuffix(stderr, "lines/s)\r\033[K") {
		t.Errorf("shows %q", stderr)
	}
}

func TestExportIsTheInput(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	lines := []string{
		`{"id":"550e8400-e29b-41d4-a716-446655440000","tenant_id":"550e8400-e29b-41d4-a716-446655440001","tenant_name":"示例租户","category_id":"550e8400-e29b-41d4-a716-446655440002","category_name":"系统日志","category_code":"system","level":"info","message":"用户登录成功","source":"auth_service","user_id":"550e8400-e29b-41d4-a716-446655440003","username":"admin","ip_address":"192.168.1.1","user_agent":"Mozilla/5.0","request_id":"req-123456","metadata":{ "b":1.50,"a":"\u00e9"},"timestamp":"2023-06-15T08:30:45Z"}`,
		`{"id":"550e8400-e29b-41d4-a716-446655440009","level":"critical","message":" \u0000 <b>&\n\"😀\" ","source":null,"ip_address":"AWS Internal","user_agent":null,"request_id":"","metadata":{},"timestamp":"2023-06-15T08:30:45.000001Z"}`,
		`{"id":"00000000-0000-0000-0000-000000000000","level":"debug","message":"","source":"a","ip_address":null,"user_agent":null,"request_id":null,"metadata":{"n":9007199254740992},"timestamp":"9999-12-31T23:59:59.999999Z"}`,
	}
	first := `{"id":"550e8400-e29b-41d4-a716-44665544000a","level":"warning","message":"old","source":null,"ip_address":null,"user_agent":null,"request_id":null,"metadata":{},"timestamp":"0001-01-01T00:00:00Z"}`
	file := m.file("a.ndjson", strings.Join(lines, "\n")+"\n"+first)
	m.want(0, "read 4, added 4, already there 0, refused 0\n", "", "import", "--kind", "entries", file)
	all := first + "\n" + strings.Join(lines, "\n") + "\n"
	m.want(0, all, "", "export", "--kind", "entries")

	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--since", "2023-06-15T08:30:45.000001Z"}, lines[1] + "\n" + lines[2] + "\n"},
		{[]string{"--until", "2023-06-15"}, first + "\n"},
		{[]string{"--since", "2023-06-15T16:30:45", "--until", "2023-06-15 16:30:46", "--timezone", "Asia/Shanghai"}, lines[0] + "\n" + lines[1] + "\n"},
		{[]string{"--filter", "tenant_id=550E8400-e29b-41d4-a716-446655440001"}, lines[0] + "\n"},
		{[]string{"--filter", "category_id=550e8400-e29b-41d4-a716-446655440002"}, lines[0] + "\n"},
		{[]string{"--filter", "category_code=system", "--filter", "level=info"}, lines[0] + "\n"},
		{[]string{"--filter", "level=warning"}, first + "\n"},
		{[]string{"--filter", "source=a"}, lines[2] + "\n"},
		{[]string{"--filter", "user_id=550e8400-e29b-41d4-a716-446655440003"}, lines[0] + "\n"},
		{[]string{"--filter", "search=登录"}, lines[0] + "\n"},
		{[]string{"--filter", "search=<B>&"}, lines[1] + "\n"},
		{[]string{"--filter", "search=a=b"}, ""},
	} {
		m.want(0, c.want, "", append([]string{"export", "--kind", "entries"}, c.args...)...)
	}

	// What export writes, import reads, and the two are equal.
	other := newMachine(t)
	other.want(0, "read 4, added 4, already there 0, refused 0\n", "", "import", "--kind", "entries", other.file("b.ndjson", all))
	other.want(0, all, "", "export", "--kind", "entries")
}

func TestSampleIsGood(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	var loaded []string
	entries := 0
	for _, kind := range []struct{ name, plural string }{
		{"entries", "entries"}, {"audit", "audit events"}, {"operations", "operations"},
		{"usage", "usage records"}, {"api-calls", "API calls"}, {"users", "users"},
	} {
		text, err := examples.Files.ReadFile(kind.name + ".ndjson")
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Count(text, []byte("\n"))
		if kind.name == "entries" {
			entries = lines
		}
		loaded = append(loaded, fmt.Sprintf("%d %s", lines, kind.plural))
		file := m.file("sample.ndjson", string(text))
		m.want(0, fmt.Sprintf("read %d, added %d, already there 0, refused 0\n", lines, lines), "", "import", "--kind", kind.name, file)
	}

	settings := cli.Settings{DB: "sqlite:" + filepath.Join(m.dir, "demo.db")}
	store, err := settings.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	var out bytes.Buffer
	process := &cli.Process{Context: t.Context(), Stdout: &out, Stderr: io.Discard}
	for _, want := range []string{
		fmt.Sprintf("loaded the sample: %s\n", strings.Join(loaded, ", ")),
		fmt.Sprintf("the database holds %d entries already, so the sample was left out\n", entries),
	} {
		out.Reset()
		if err := cli.LoadSample(process, store, examples.Files); err != nil || out.String() != want {
			t.Errorf("says %q, %v, want %q", out.String(), err, want)
		}
	}
}

func TestImportLeavesNoRejectsItCannotWrite(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	file := m.file("a.ndjson", `{"message":"a"}`)
	rejects := filepath.Join(m.dir, "no", "such", "folder")
	m.want(1, "", "logbook: --rejects: open "+rejects+": no such file or directory\n",
		"import", "--kind", "entries", "--rejects", rejects, file)
	if _, err := os.Stat(rejects); err == nil {
		t.Error("it is there")
	}
}
