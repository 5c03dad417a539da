package main_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"logbook/examples"
	"logbook/internal/journal/journaltest"
)

// TestServe starts the program for the first time as a person does, uses what it
// prints, and stops it.
func TestServe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env = nil
	s := w.serve()
	for i, want := range []string{
		`^Logbook listens on http://127\.0\.0\.1:\d+$`,
		`^playground: http://127\.0\.0\.1:\d+/playground$`,
		`^administrator token, shown only now: lb_[a-z2-7]{26}$`,
	} {
		if i >= len(s.said) || !regexp.MustCompile(want).MatchString(s.said[i]) {
			t.Errorf("says %q, want line %d to be %s", s.said, i, want)
		}
	}
	s.rest("POST", "", `{"message":"the first"}`, &struct{}{})
	if n := s.total(nil); n != 1 {
		t.Errorf("%d rows", n)
	}
	for _, c := range []struct {
		method, path, accept string
		status               int
		location, body       string // a regular expression
	}{
		{"GET", "/", "text/html,*/*", 303, "/playground", ``},
		{"HEAD", "/", "text/html", 303, "/playground", ``},
		{"GET", "/", "application/json", 404, "", `"success":false`},
		{"POST", "/", "text/html", 404, "", `"success":false`},
		{"GET", "/nothing", "text/html", 404, "", `"success":false`},
		{"GET", "/healthz", "", 200, "", `^ok\n$`},
		{"GET", "/readyz", "", 200, "", `^ok\n$`},
		{"GET", "/playground", "text/html", 200, "", `(?i)<html`},
		{"GET", "/graphql?query=%7Bme%7Busername%7D%7D", "", 200, "", `"username"`},
		{"GET", "/api/management/logs/entries", "", 200, "", `"success":true`},
		{"GET", "/api/management/logs/entries/stats/", "", 200, "", `"total_logs":1`},
		{"GET", "/api/management/logs/entries/nothing/here/", "", 404, "", `"success":false`},
	} {
		request, err := http.NewRequest(c.method, s.url+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept", c.accept)
		request.Header.Set("Authorization", "Bearer "+s.token)
		got := s.send(request)
		if got.status != c.status || got.header.Get("Location") != c.location ||
			!regexp.MustCompile(c.body).Match(got.body) || got.header.Get("X-Request-Id") == "" {
			t.Errorf("%s %s answers %d %v %.300s", c.method, c.path, got.status, got.header, got.body)
		}
	}
	s.stop()

	// It is a lasting token, and no second one is made.
	w.env = []string{"LOGBOOK_TIMEZONE=Asia/Shanghai"}
	key := s.token
	s = w.serve()
	s.token = key
	if n := s.total(nil); n != 1 || len(s.said) > 2 {
		t.Errorf("%d rows; it says %q", n, s.said)
	}
	w.must("token", "revoke", strings.Fields(w.must("token", "list"))[9])
	s.stop()
	w.env = nil
	if again := w.serve(); again.token == key || !tokenIs.MatchString(again.token) {
		t.Error("without an administrator it makes no new token")
	}
}

// TestServeInProduction hides what strangers have no business with.
func TestServeInProduction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.serve("--production")
	stranger := *s
	stranger.token = ""
	if got := stranger.get("/playground"); got.status != 404 {
		t.Errorf("a stranger gets the playground: %d", got.status)
	}
	if got := s.get("/playground"); got.status != 200 {
		t.Errorf("an administrator gets no playground: %d", got.status)
	}
	const introspection = "/graphql?query=%7B__schema%7BqueryType%7Bname%7D%7D%7D"
	if got := stranger.get(introspection); bytes.Contains(got.body, []byte(`"name"`)) {
		t.Errorf("a stranger sees the schema: %s", got.body)
	}
	if got := s.get(introspection); !bytes.Contains(got.body, []byte(`"name":"Query"`)) {
		t.Errorf("an administrator does not see the schema: %s", got.body)
	}
	if strings.Contains(strings.Join(s.said, "\n"), "playground") {
		t.Errorf("it says %q", s.said)
	}
	s.stop()
}

// TestServeDemo loads the sample once.
func TestServeDemo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	text, err := examples.Files.ReadFile("entries.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	rows := bytes.Count(text, []byte("\n"))
	for _, want := range []string{
		fmt.Sprintf("loaded the sample: %d entries, 29 audit events, 23 operations, 64 usage records, 41 API calls, 5 users", rows),
		fmt.Sprintf("the database holds %d entries already, so the sample was left out", rows),
	} {
		s := w.serve("--demo")
		if s.said[0] != want {
			t.Errorf("says %q, want %q", s.said, want)
		}
		if n := s.total(nil); n != rows {
			t.Errorf("%d rows, want %d", n, rows)
		}
		s.stop()
	}
	if out := w.must("export", "--kind", "entries"); strings.Count(out, "\n") != rows {
		t.Errorf("export writes %d rows", strings.Count(out, "\n"))
	}
}

// TestServeFinishesRequests stops the server in the middle of a request, which
// still gets its answer and its row.
func TestServeFinishesRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.serve()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const body = `{"message":"the last one"}`
	fmt.Fprintf(conn, "POST /api/management/logs/entries/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", s.token, len(body))
	answers := bufio.NewReader(conn)
	// The server asks for the body, so the handler is at work.
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("answers %q, %v", line, err)
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	// Nobody new is let in once it has stopped listening; then the body goes on.
	for {
		other, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			break
		}
		other.Close()
	}
	_, _ = io.WriteString(conn, body)
	rest, err := io.ReadAll(answers)
	if err != nil || !bytes.Contains(rest, []byte("HTTP/1.1 201 Created")) {
		t.Errorf("answers %s, %v", rest, err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("the server ended with %v: %s", err, s.errors)
	}
	if out := w.must("export", "--kind", "entries"); !strings.Contains(out, "the last one") {
		t.Errorf("stored is %s", out)
	}
}

// TestImportsBesideAServer runs two imports, of which half the rows are the same,
// while the server takes rows and answers.
func TestImportsBesideAServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.serve()
	const each, both, single = 3000, 1500, 100
	var parts [2]string
	for i := range parts {
		var b strings.Builder
		for k := range each {
			from := i
			if k < both {
				from = 9 // in both files
			}
			fmt.Fprintf(&b, `{"message":"row %d of %d","level":"error","tenant_id":"6f1d0c52-3b0e-4c7a-9a51-0d5b1e7c0001","tenant_name":"one","timestamp":"2024-06-01T%02d:00:00Z"}`+"\n", k, from, k%24)
		}
		parts[i] = w.file(fmt.Sprintf("part%d.ndjson", i), b.String())
	}
	var work sync.WaitGroup
	var added [2]int
	for i, part := range parts {
		work.Go(func() {
			var read, present, refused int
			out := w.must("import", "--kind", "entries", part)
			if _, err := fmt.Sscanf(out, "read %d, added %d, already there %d, refused %d\n", &read, &added[i], &present, &refused); err != nil ||
				read != each || added[i]+present != each || refused != 0 {
				t.Errorf("the import says %q", out)
			}
		})
	}
	for i := range single {
		s.rest("POST", "", fmt.Sprintf(`{"message":"single %d","level":"info"}`, i), &struct{}{})
		s.total(map[string]any{"level": map[string]any{"eq": "ERROR"}})
	}
	work.Wait()
	if added[0]+added[1] != 2*each-both {
		t.Errorf("added %d and %d", added[0], added[1])
	}
	for filter, want := range map[string]int{"ERROR": 2*each - both, "INFO": single, "DEBUG": 0} {
		if n := s.total(map[string]any{"level": map[string]any{"eq": filter}}); n != want {
			t.Errorf("%d rows of level %s, want %d", n, filter, want)
		}
	}
	s.stop()
	if rows := journaltest.Recount(t, w.db); rows != 2*each-both+single {
		t.Errorf("%d rows", rows)
	}
}

// TestHelp wants every flag of the server in the help, with its default and its
// twin in the environment, also where no command is named.
func TestHelp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	flag := regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+)`)
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}} {
		help := w.must(args...)
		seen := map[string]bool{}
		places := flag.FindAllStringSubmatchIndex(help, -1)
		for i, place := range places {
			name, end := help[place[2]:place[3]], len(help)
			if i+1 < len(places) {
				end = places[i+1][0]
			}
			seen[name] = true
			text := strings.Join(strings.Fields(help[place[0]:end]), " ")
			twin := "($LOGBOOK_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + ")"
			if name != "help" && (!strings.Contains(text, twin) || !strings.Contains(text, "(default ")) {
				t.Errorf("%s: --%s lacks its default or %s: %s", args, name, twin, text)
			}
		}
		for _, name := range []string{"db", "timezone", "addr", "cors-origins", "production", "jwt-issuer", "jwt-audience", "trusted-proxies", "rate-limit", "demo"} {
			if !seen[name] {
				t.Errorf("%s: --%s is missing", args, name)
			}
		}
	}
}
