package rest_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"logbook/ent/column"
	"logbook/internal/db/dbtest"
	"logbook/internal/journal"
)

// TestMethodsAndUnknownPaths walks over every path that is described, whatever
// dialects are spoken, with and without its slash, for an administrator and for
// nobody: HEAD is GET without its body, OPTIONS tells the methods, every other method
// is refused; and so is what is unknown under each base, by the dialect that owns it.
func TestMethodsAndUnknownPaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t), november17, time.UTC)
	entry := w.add(t, journal.EntryDraft{Message: "m"})
	if _, err := w.AuditEvents.Append(w.ctx, []journal.AuditEventDraft{{ID: ptr("e"), Key: "k"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Operations.Append(w.ctx, []journal.OperationDraft{{ID: ptr[int64](1), Action: column.ActionList}}); err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{"/api/management/logs/entries/{log_id}": entry.String(), "/api/v1/logs/{id}": "e", "/api/log/detail/{log_id}": "1"}
	unknown := map[string][]string{
		"/api/log":                     {"/", "/list", "/detail", "/detail/1/2", "/self", "/self/stat", "/token", "/stat", "/search", "/nothing", "/%00", "/日志"},
		"/api/management/logs/entries": {"/1/2", "/stats/1", "/batch_create/x"},
		"/api/v1/logs":                 {"/1/2", "/e/payload"},
		"/openapi":                     {"", "/", "/v1", "/v1/audit", "/v1/audit/openapi-logs/1"},
	}
	for _, spoken := range [][]string{nil, {"newapi"}, {"hertz"}, {"newapi", "hertz"}, {"hertz", "newapi"}, {"scitiger"}, {"codebird"}, {"trae"}} {
		t.Run(strings.Join(spoken, " "), func(t *testing.T) {
			server := httptest.NewUnstartedServer(nil)
			server.Config = w.speaking(spoken)
			server.Start()
			t.Cleanup(server.Close)
			document := described(t, server.Config.Handler)
			speaks := func(dialect string) bool { return spoken == nil || slices.Contains(spoken, dialect) }

			known := map[string]bool{}
			for path, item := range document.Paths.Map() {
				methods, dialect := []string{"OPTIONS"}, ""
				for method, operation := range item.Operations() {
					methods, dialect = append(methods, method), operation.Tags[0]
				}
				if dialect == "logbook" {
					continue
				}
				if slices.Contains(methods, "GET") {
					methods = append(methods, "HEAD")
				}
				slices.Sort(methods)
				bare := strings.TrimSuffix(path, "/")
				if id := ids[bare]; id != "" {
					bare = bare[:strings.IndexByte(bare, '{')] + id
				}
				known[bare] = true
				query := "" // what makes a GET a good one
				if bare == openAPILogs {
					query = "?start_time=0&end_time=1"
				}
				for _, target := range []string{bare + query, bare + "/" + query} {
					for _, credential := range []string{adminToken, ""} {
						m := methodsOf{t, server, target, credential}
						get, got := m.send("GET", false), m.send("HEAD", true)
						if get.status != got.status || !maps.EqualFunc(get.header, got.header, slices.Equal) {
							t.Errorf("HEAD %s answers %d %v, GET %d %v", target, got.status, got.header, get.status, get.header)
						}
						wellFormed(t, dialect, get.status, get.header, get.body)
						if credential != "" && slices.Contains(methods, "GET") && get.status != http.StatusOK {
							t.Errorf("GET %s answers the administrator %d %s", target, get.status, get.body)
						}
						if got := m.send("OPTIONS", true); got.status != http.StatusNoContent || got.header.Get("Allow") != strings.Join(methods, ", ") || got.header.Get("X-Request-Id") == "" {
							t.Errorf("OPTIONS %s answers %d %v, want %v", target, got.status, got.header, methods)
						}
						for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} {
							if slices.Contains(methods, method) {
								continue
							}
							got := m.send(method, false)
							if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != strings.Join(methods, ", ") {
								t.Errorf("%s %s answers %d, Allow %q, want %v", method, target, got.status, got.header.Get("Allow"), methods)
							}
							wellFormed(t, dialect, got.status, got.header, got.body)
						}
					}
				}
			}

			for base, rests := range unknown {
				owner := dialectOf(base)
				if owner == "newapi" && !speaks("newapi") {
					owner = "hertz"
				}
				if !speaks(owner) {
					continue
				}
				for _, rest := range rests {
					if known[strings.TrimSuffix(base+rest, "/")] {
						continue
					}
					for _, credential := range []string{adminToken, ""} {
						for _, method := range []string{"GET", "POST", "DELETE", "BREW"} {
							got := methodsOf{t, server, base + rest, credential}.send(method, false)
							if got.status != http.StatusNotFound {
								t.Errorf("%s %s answers %d", method, base+rest, got.status)
							}
							wellFormed(t, owner, got.status, got.header, got.body)
						}
					}
				}
			}
		})
	}
}

// methodsOf sends requests of any method to one path.
type methodsOf struct {
	t          *testing.T
	server     *httptest.Server
	target     string
	credential string // "" for none
}

type methodAnswer struct {
	status int
	header http.Header // without the date
	body   []byte
}

func (m methodsOf) send(method string, empty bool) methodAnswer {
	m.t.Helper()
	request, err := http.NewRequest(method, m.server.URL+m.target, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	request.Header.Set("X-Request-Id", "req-1")
	if m.credential != "" {
		request.Header.Set("X-Api-Key", m.credential)
		request.Header.Set("New-Api-User", "0")
	}
	response, err := m.server.Client().Do(request)
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	if (len(body) == 0) != empty {
		m.t.Errorf("%s %s answers with %d bytes", method, m.target, len(body))
	}
	response.Header.Del("Date")
	return methodAnswer{response.StatusCode, response.Header, body}
}
