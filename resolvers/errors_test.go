package resolvers_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"logbook/internal/auth"
	"logbook/internal/journal"
	"logbook/resolvers"
	"logbook/resolvers/attacks"
)

// A panic is a fault of the server: one plain sentence, and the stack in the log.
func TestPanic(t *testing.T) {
	t.Parallel()
	log := &logged{}
	handler := resolvers.Handler(nil, nil, slog.New(slog.NewTextHandler(log, nil)), resolvers.Options{})
	r := httptest.NewRequest("GET", "/graphql?query="+`{tenants{id}}`, nil)
	r = r.WithContext(auth.System(t.Context(), "test"))
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	const want = `"message":"the server failed to answer; its log has the details","path":["tenants"]`
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, want) || !strings.Contains(body, `"code":"INTERNAL"`) || strings.Contains(body, "nil pointer") {
		t.Errorf("%d %s", w.Code, body)
	}
	if text := log.String(); !strings.Contains(text, "nil pointer") || !strings.Contains(text, "goroutine") {
		t.Errorf("the log says %s", text)
	}
}

// When the time is up, or the caller has gone, the code says to try again.
func TestTimeIsUp(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		handler := resolvers.Handler(s.journal, s.accounts, slog.New(slog.NewTextHandler(s.log, nil)), resolvers.Options{})
		for name, make := range map[string]func() (context.Context, context.CancelFunc){
			"up":   func() (context.Context, context.CancelFunc) { return context.WithTimeout(s.system, 0) },
			"gone": func() (context.Context, context.CancelFunc) { return context.WithCancel(s.system) },
		} {
			ctx, cancel := make()
			cancel()
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest("GET", "/graphql?query={entries{totalCount}}", nil).WithContext(ctx))
			if body := w.Body.String(); !strings.Contains(body, `"code":"UNAVAILABLE"`) || strings.Contains(body, "context") {
				t.Errorf("%s: %d %s", name, w.Code, body)
			}
		}
	})
}

// A default stands where null is sent, also where null may not stand.
func TestNullIsAbsent(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.append(journal.EntryDraft{Message: "m"})
		a := s.ask(adminToken, `query($x: Boolean = true, $m: String = "d", $n: Int = 1) { __typename @include(if: $x) entries(first: $n, filter: {search: $m}) { totalCount } }`,
			`{"x":null,"m":null,"n":null}`)
		if string(a.Data) != `{"__typename":"Query","entries":{"totalCount":0}}` {
			t.Errorf("%s", a.body)
		}
		a = s.ask(adminToken, `query($f: EntryFilter, $d: Int) { entries(filter: $f, first: null, after: null) { totalCount } entryStats(tenantId: null, days: $d) { total } }`,
			`{"f":{"search":null,"since":null,"level":null,"tenantId":null},"d":null}`)
		if string(a.Data) != `{"entries":{"totalCount":1},"entryStats":{"total":1}}` {
			t.Errorf("%s", a.body)
		}
	})
}

// Whatever is sent, the answer is small JSON, and never the server's fault.
func FuzzRequest(f *testing.F) {
	for _, attack := range attacks.Requests() {
		if len(attack.Body) < 4<<10 {
			f.Add(attack.Body)
		}
	}
	for _, body := range []string{
		``, `{`, `[]`, `{"query":"{__typename}","variables":{"a":[{}]}}`,
		`{"query":"query($i: CreateEntriesInput!, $b: Boolean = true){ __typename @skip(if: $b) }","variables":{"i":{"entries":[{"message":"m","metadata":{"a":1.5}}]},"b":null}}`,
		`{"query":"mutation($i:[CreateEntryInput!]!){createEntries(input:{entries:$i}){entries{id}}}","variables":{"i":{"message":"m","level":"INFO","timestamp":"2025-01-01T00:00:00Z"}}}`,
		`{"query":"mutation{createEntry(input:{message:\"\"\"a\\ud83d\"\"\",metadata:{a:[1.50,$x,{}]}}){entry{id}}}"}`,
	} {
		f.Add(body)
	}
	log := &logged{}
	handler := resolvers.Handler(nil, nil, slog.New(slog.NewTextHandler(log, nil)), resolvers.Options{Production: true})
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest("POST", "/graphql", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		answer := w.Body.String()
		if w.Code >= 500 || !json.Valid(w.Body.Bytes()) || len(answer) > 64<<10 || strings.Contains(answer, `"INTERNAL"`) {
			t.Errorf("%d %s", w.Code, answer)
		}
		for _, foreign := range []string{"strconv.", "json: ", "interface {}", "runtime error", "goroutine ", "sql: ", "ent: "} {
			if strings.Contains(answer, foreign) && !strings.Contains(body, foreign) {
				t.Errorf("the answer is in Go's words: %s", answer)
			}
		}
		if text := log.String(); text != "" {
			t.Errorf("logged: %s", text)
		}
	})
}
