package metrics_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/authn"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
	"logbook/internal/export"
	"logbook/internal/journal"
	"logbook/internal/metrics"
	"logbook/internal/recorder"
	"logbook/internal/web"
	"logbook/resolvers"
	"logbook/rest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

// world is every surface behind the figures.
type world struct {
	*metrics.Metrics
	handler http.Handler
	calls   *rest.CallRecorder
	tokens  *account.TokenRecorder
	db      *db.DB
	path    string // of the database
	log     *bytes.Buffer
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx := auth.System(context.Background(), "test")
	w := &world{path: dbtest.SQLite(t)}
	begun := time.Now()
	clock := func() time.Time { return begun } // no minute ends meanwhile
	database, err := db.Open(ctx, w.path)
	if err != nil {
		t.Fatal(err)
	}
	j := journal.New(database, journal.Options{Zone: time.UTC, Now: clock})
	w.db, w.log = database, &bytes.Buffer{}
	log := slog.New(slog.NewTextHandler(w.log, nil))
	w.calls = rest.NewCallRecorder(j, log)
	w.tokens = account.NewTokenRecorder(account.New(database, j), log)
	w.Metrics = metrics.New(metrics.Build{Version: "v1", Commit: "c", Engine: "e"}, database.Collectors()...)
	w.Records("api_calls", w.calls.Counts)
	w.Records("token_events", w.tokens.Counts)
	w.Records("others", func() recorder.Counts { return recorder.Counts{Recorded: 1, Gathered: 2, Lost: 3} })
	mux := http.NewServeMux()
	mux.Handle("/graphql", web.Surface("graphql", resolvers.Handler(j, account.New(database, j), log, resolvers.Options{})))
	callers := authn.New(database.Ent(), authn.Options{AdminToken: "token", JWTSecret: strings.Repeat("s", 32), Watch: w.tokens.Watch, Now: clock})
	rest.Mount(mux, j, rest.Options{Log: log, Keys: callers.Token, Calls: w.calls})
	export.Mount(mux, j, log)
	web.Health(mux, database.Ping)
	w.Mount(mux, log)
	w.handler = web.Server(w.Requests(callers.Middleware(mux)), web.Options{}, log).Handler
	t.Cleanup(func() {
		w.calls.Stop()
		w.tokens.Stop()
		if err := j.Close(ctx); err != nil {
			t.Log(err) // one test takes the database away
		}
		database.Close()
	})
	return w
}

// ask sends a request as net/http's server would hand it over, and gives the status.
func (w *world) ask(method, path, token string) int {
	r := httptest.NewRequest("GET", "/", nil)
	r.Method, r.URL.Path, r.RequestURI = method, path, path
	if token != "" {
		r.Header.Set("Authorization", token)
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, r)
	return recorder.Code
}

// series are the values of a scrape, by name and labels.
func series(t testing.TB, handler http.Handler) map[string]float64 {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest("GET", "/metrics", nil))
	if recorder.Code != 200 || !strings.HasPrefix(recorder.Header().Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Errorf("a scrape answers %d %v", recorder.Code, recorder.Header())
		return nil
	}
	values := map[string]float64{}
	for lines := bufio.NewScanner(recorder.Body); lines.Scan(); {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		at := strings.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Errorf("%q: %v", line, err)
		}
		values[line[:at]] = value
	}
	return values
}

// TestSurfaces holds under which surface, method and code requests are counted, by
// the real mounts.
func TestSurfaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct{ method, path, token, want string }{
		{"GET", "/api/log/nothing", "", `code="404",method="GET",surface="newapi"`},
		{"GET", "/api/log", "", `code="401",method="GET",surface="newapi"`},
		{"PUT", "/api/log/list/", "", `code="405",method="PUT",surface="hertz"`},
		{"GET", "/api/log/list", "", `code="401",method="GET",surface="hertz"`},
		{"GET", "/api/management/logs/entries/stats/", "token", `code="200",method="GET",surface="scitiger"`},
		{"HEAD", "/api/v1/logs", "token", `code="200",method="HEAD",surface="codebird"`},
		{"GET", "/api/v1/logs/a/b", "token", `code="404",method="GET",surface="codebird"`},
		{"GET", "/openapi/v1/audit/openapi-logs", "", `code="401",method="GET",surface="trae"`},
		{"GET", "/openapi", "", `code="404",method="GET",surface="trae"`},
		{"GET", "/graphql", "", `code="400",method="GET",surface="graphql"`},
		{"OPTIONS", "/graphql", "", `code="204",method="OPTIONS",surface="graphql"`},
		{"GET", "/export/entries", "token", `code="200",method="GET",surface="export"`},
		{"GET", "/export/", "", `code="404",method="GET",surface="export"`},
		{"HEAD", "/healthz", "", `code="200",method="HEAD",surface="other"`},
		{"get", "/openapi.json", "", `code="405",method="other",surface="other"`},
	} {
		before := series(t, w.handler)
		w.ask(c.method, c.path, c.token)
		after := series(t, w.handler)
		for _, name := range []string{"logbook_http_requests_total", "logbook_http_request_duration_seconds_count"} {
			if after[name+"{"+c.want+"}"] != before[name+"{"+c.want+"}"]+1 {
				t.Errorf("%s %s is not counted in %s{%s}", c.method, c.path, name, c.want)
			}
		}
	}
}

// TestLabelsAreBounded sends methods and paths of all sorts: the labels keep to what
// there is.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	label := regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)
	known := map[string][]string{
		"surface": {"graphql", "newapi", "scitiger", "codebird", "hertz", "trae", "export", "other"},
		"method":  {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "other"},
		"code":    {"200", "204", "301", "303", "307", "400", "401", "403", "404", "405", "406", "415", "422", "503"},
	}
	methods := rapid.OneOf(rapid.StringMatching("[!-~]{1,12}"), rapid.SampledFrom(known["method"]), rapid.SampledFrom([]string{"get", "BREW", "PROPFIND"}))
	start := rapid.SampledFrom([]string{"", "/", "/api/log/", "/api/log/detail/", "/api/v1/logs/", "/openapi/", "/graphql", "/export/", "/api/management/logs/entries/", "/metrics"})
	rapid.Check(t, func(t *rapid.T) {
		for range 10 {
			path := start.Draw(t, "start") + rapid.StringN(0, 12, 40).Draw(t, "rest")
			if !strings.HasPrefix(path, "/") {
				path = "/" + path
			}
			w.ask(methods.Draw(t, "method"), path, rapid.SampledFrom([]string{"", "token", "wrong"}).Draw(t, "token"))
		}
	})
	for name := range series(t, w.handler) {
		if !strings.HasPrefix(name, "logbook_http_") {
			continue
		}
		for _, pair := range label.FindAllStringSubmatch(name, -1) {
			if values, ours := known[pair[1]]; ours && !slices.Contains(values, pair[2]) || !ours && pair[1] != "le" {
				t.Errorf("%s has the label %s", name, pair[0])
			}
		}
	}
}

// TestCounts holds that no request is lost or counted twice when many are answered
// at once, and what the recorder says of them.
func TestCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const callers, each = 8, 50
	var work, scraping sync.WaitGroup
	done := make(chan struct{})
	scraping.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				series(t, w.handler)
			}
		}
	})
	for range callers {
		work.Go(func() {
			for range each {
				w.ask("GET", "/openapi/v1/nothing", "")
				w.ask("GET", "/openapi/v1/audit/openapi-logs", "")
				w.ask("GET", "/api/v1/logs", "token")
			}
		})
	}
	work.Wait()
	close(done)
	scraping.Wait()
	w.calls.Flush()
	got := series(t, w.handler)
	for name, want := range map[string]float64{
		`logbook_http_requests_total{code="404",method="GET",surface="trae"}`:                            callers * each,
		`logbook_http_requests_total{code="401",method="GET",surface="trae"}`:                            callers * each,
		`logbook_http_requests_total{code="200",method="GET",surface="codebird"}`:                        callers * each,
		`logbook_http_request_duration_seconds_count{code="200",method="GET",surface="codebird"}`:        callers * each,
		`logbook_http_request_duration_seconds_bucket{code="401",method="GET",surface="trae",le="+Inf"}`: callers * each,
		`logbook_http_requests_in_flight`:                                                                1,
		`logbook_records_total{outcome="lost",record="api_calls"}`:                                       0,
		`logbook_records_total{outcome="recorded",record="others"}`:                                      1,
		`logbook_records_total{outcome="gathered",record="others"}`:                                      2,
		`logbook_records_total{outcome="lost",record="others"}`:                                          3,
		`logbook_build_info{commit="c",engine="e",version="v1"}`:                                         1,
		`go_sql_max_open_connections{db_name="write"}`:                                                   1,
	} {
		if value, there := got[name]; !there || value != want {
			t.Errorf("%s is %v (%v), want %v", name, value, there, want)
		}
	}
	counts := w.calls.Counts()
	if sum := got[`logbook_records_total{outcome="recorded",record="api_calls"}`] + got[`logbook_records_total{outcome="gathered",record="api_calls"}`]; sum != 2*callers*each {
		t.Errorf("%v calls of %d were recorded or gathered; the recorder says %+v", sum, 2*callers*each, counts)
	}
}

// TestDatabaseGone holds that calls and refused tokens which cannot be recorded are
// answered all the same, counted and named in the log.
func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	const path, badJWT = "/openapi/v1/audit/openapi-logs", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.bad"
	for range 3 {
		if code := w.ask("GET", path, "token"); code != http.StatusBadRequest {
			t.Errorf("a call without its parameters answers %d", code)
		}
		if code := w.ask("GET", path, badJWT); code != http.StatusUnauthorized {
			t.Errorf("a bad JWT answers %d", code)
		}
	}
	w.calls.Flush()
	w.tokens.Flush()
	got := series(t, w.handler)
	for name, want := range map[string]float64{
		`logbook_records_total{outcome="lost",record="api_calls"}`:        4, // three, and the first refusal
		`logbook_records_total{outcome="gathered",record="api_calls"}`:    2,
		`logbook_records_total{outcome="recorded",record="api_calls"}`:    0,
		`logbook_records_total{outcome="lost",record="token_events"}`:     1,
		`logbook_records_total{outcome="gathered",record="token_events"}`: 2,
		`logbook_records_total{outcome="recorded",record="token_events"}`: 0,
	} {
		if got[name] != want {
			t.Errorf("%s is %v, want %v", name, got[name], want)
		}
	}
	w.calls.Stop()
	w.tokens.Stop()
	for _, text := range []string{"API calls were not recorded", "events of tokens were not recorded"} {
		if !strings.Contains(w.log.String(), text) {
			t.Errorf("the log does not say %q", text)
		}
	}
}

// TestInFlight holds that a request counts while it is answered, and one whose
// handler panics as a 500.
func TestInFlight(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Build{})
	mux := http.NewServeMux()
	m.Mount(mux, slog.New(slog.DiscardHandler))
	at, goOn := make(chan struct{}), make(chan struct{})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, _ *http.Request) {
		at <- struct{}{}
		<-goOn
		panic("the secret of the house")
	})
	handler := web.Server(m.Requests(mux), web.Options{}, slog.New(slog.DiscardHandler)).Handler
	var work sync.WaitGroup
	for range 2 {
		work.Go(func() { handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/slow", nil)) })
		<-at
	}
	if n := series(t, handler)["logbook_http_requests_in_flight"]; n != 3 {
		t.Errorf("%v requests in flight, want two and the scrape", n)
	}
	close(goOn)
	work.Wait()
	got := series(t, handler)
	if n := got["logbook_http_requests_in_flight"]; n != 1 {
		t.Errorf("%v requests in flight, want the scrape", n)
	}
	if n := got[`logbook_http_requests_total{code="500",method="GET",surface="other"}`]; n != 2 {
		t.Errorf("%v panics counted, want 2", n)
	}
}

// BenchmarkRequests is what counting adds to a request: compare its two lines.
func BenchmarkRequests(b *testing.B) {
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	for name, handler := range map[string]http.Handler{
		"bare":    answer,
		"counted": metrics.New(metrics.Build{}).Requests(web.Surface("graphql", answer)),
	} {
		b.Run(name, func(b *testing.B) {
			r, w := httptest.NewRequest("GET", "/", nil), &nowhere{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				handler.ServeHTTP(w, r)
			}
		})
	}
}

// nowhere is a writer that costs nothing.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) WriteHeader(int)             {}
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
