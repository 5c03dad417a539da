package export_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
	"logbook/internal/export"
	"logbook/internal/journal"
	"logbook/internal/web"
)

// noon is when these tests happen.
var noon = time.Date(2025, 6, 15, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

// world is a server over a journal on a fresh database. Its requests come from the
// principal that the header X-As names.
type world struct {
	*journal.Journal
	t        testing.TB
	ctx      context.Context // with the system's rights
	database *db.DB
	url      string
	client   *http.Client
	log      logged
	ended    chan any  // what each request's handler panicked with, nil for nothing
	one, two column.ID // tenants
}

// logged collects what is logged.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// each runs a test in a world of every engine.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, address string) { test(t, newWorld(t, address)) })
}

func newWorld(t testing.TB, address string) *world {
	t.Helper()
	w := &world{t: t, ctx: auth.System(context.Background(), "test"), ended: make(chan any, 10_000)}
	var err error
	if w.database, err = db.Open(w.ctx, address); err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	w.Journal = journal.New(w.database, journal.Options{Now: func() time.Time { return noon }, Zone: zone})
	for name, id := range map[string]*column.ID{"one": &w.one, "two, \"the second\"": &w.two} {
		*id = column.ID{byte(len(name))} // made as an import does, which leaves no record
		err := w.database.Write(w.ctx, func(tx *db.Tx) error {
			return tx.Tenant.Create().SetID(*id).SetName(name).SetCreatedAt(column.TimeOf(noon)).Exec(w.ctx)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	log := slog.New(slog.NewTextHandler(&w.log, nil))
	mux := http.NewServeMux()
	export.Mount(mux, w.Journal, log)
	server := httptest.NewUnstartedServer(nil)
	server.Config = web.Server(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		defer func() {
			what := recover()
			w.ended <- what
			if what != nil {
				panic(what)
			}
		}()
		if p := w.principal(r.Header.Get("X-As")); p != nil {
			r = r.WithContext(auth.With(r.Context(), p))
		}
		mux.ServeHTTP(rw, r)
	}), web.Options{}, log)
	server.Start()
	w.url, w.client = server.URL, server.Client()
	w.client.Transport.(*http.Transport).DisableCompression = true // tests ask for it
	t.Cleanup(func() {
		server.Close()
		_ = w.Close(w.ctx) // a test may have closed the database
		_ = w.database.Close()
	})
	return w
}

// principal gives who a name stands for: a role, then permissions, then perhaps a
// tenant: "viewer entries:read audit @one".
func (w *world) principal(name string) *auth.Principal {
	words := strings.Fields(name)
	if len(words) == 0 {
		return nil
	}
	p := &auth.Principal{Subject: "7", Username: "somebody", Role: auth.Role(words[0])}
	if words[0] == "gateway" {
		p.Role = ""
	}
	for _, word := range words[1:] {
		switch word {
		case "@one":
			p.Tenant = (*[16]byte)(&w.one)
		case "@two":
			p.Tenant = (*[16]byte)(&w.two)
		default:
			p.Permissions = append(p.Permissions, auth.Permission(word))
		}
	}
	return p
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request with headers as pairs and reads the answer to its end.
func (w *world) ask(method, path, as string, headers ...string) answer {
	w.t.Helper()
	response := w.send(method, path, as, headers...)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

func (w *world) send(method, path, as string, headers ...string) *http.Response {
	w.t.Helper()
	request, err := http.NewRequest(method, w.url+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("X-As", as)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := w.client.Do(request)
	if err != nil {
		w.t.Fatal(err)
	}
	return response
}

// lines gives what the command line would write.
func (w *world) lines(kind string, terms ...export.Term) string {
	w.t.Helper()
	k, known := export.KindOf(kind)
	if !known {
		w.t.Fatalf("there is no kind %s", kind)
	}
	rows, err := k.Rows(w.ctx, w.Journal, terms)
	if err != nil {
		w.t.Fatal(err)
	}
	var out bytes.Buffer
	if err := rows.WriteNDJSON(w.ctx, &out); err != nil {
		w.t.Fatal(err)
	}
	return out.String()
}
