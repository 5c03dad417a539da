package rest_test

import (
	"cmp"
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
	dbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, november17, time.UTC)
		entry := w.add(t, journal.EntryDraft{Message: "m"})
		if _, err := w.AuditEvents.Append(w.ctx, []journal.AuditEventDraft{{ID: ptr("e"), Key: "k"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Operations.Append(w.ctx, []journal.OperationDraft{{ID: ptr[int64](1), Action: column.ActionList}}); err != nil {
			t.Fatal(err)
		}
		ids := map[string]string{"/api/management/logs/entries/{log_id}": entry.String(), "/api/v1/logs/{id}": "e", "/api/log/detail/{log_id}": "1"}
		for _, spoken := range [][]string{nil, {"newapi"}, {"hertz"}, {"newapi", "hertz"}, {"hertz", "newapi"}, {"scitiger"}, {"codebird"}, {"trae"}} {
			t.Run(cmp.Or(strings.Join(spoken, " "), "all"), func(t *testing.T) {
				server := httptest.NewUnstartedServer(nil)
				server.Config = w.speaking(spoken)
				server.Start()
				t.Cleanup(server.Close)
				known := map[string]bool{}
				for path, item := range described(t, server.Config.Handler).Paths.Map() {
					path = strings.TrimSuffix(path, "/")
					if id := ids[path]; id != "" {
						path = path[:strings.IndexByte(path, '{')] + id
					}
					known[path] = true
					methods, dialect := []string{"OPTIONS"}, ""
					for method, operation := range item.Operations() {
						if methods, dialect = append(methods, method), operation.Tags[0]; method == "GET" {
							methods = append(methods, "HEAD")
						}
					}
					slices.Sort(methods)
					query := "" // what makes a GET a good one
					if path == openAPILogs {
						query = "?start_time=0&end_time=1"
					}
					for _, credential := range []string{adminToken, ""} {
						if dialect != "logbook" {
							knownPath(t, methodsOf{server, path + query, credential}, dialect, methods)
							knownPath(t, methodsOf{server, path + "/" + query, credential}, dialect, methods)
						}
					}
				}
				unknownPaths(t, server, known, func(dialect string) bool { return spoken == nil || slices.Contains(spoken, dialect) })
			})
		}
	})
}

// knownPath sends every method to a path of a dialect that knows some.
func knownPath(t *testing.T, m methodsOf, dialect string, methods []string) {
	t.Helper()
	allow := strings.Join(methods, ", ")
	get, head := m.send(t, "GET", false), m.send(t, "HEAD", true)
	if get.status != head.status || !maps.EqualFunc(get.header, head.header, slices.Equal) {
		t.Errorf("HEAD %s answers %d %v, GET %d %v", m.target, head.status, head.header, get.status, get.header)
	}
	wellFormed(t, dialect, get.status, get.header, get.body)
	if m.credential != "" && slices.Contains(methods, "GET") && get.status != http.StatusOK {
		t.Errorf("GET %s answers the administrator %d %s", m.target, get.status, get.body)
	}
	if got := m.send(t, "OPTIONS", true); got.status != http.StatusNoContent || got.header.Get("Allow") != allow || got.header.Get("X-Request-Id") == "" {
		t.Errorf("OPTIONS %s answers %d %v, want %s", m.target, got.status, got.header, allow)
	}
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} {
		if slices.Contains(methods, method) {
			continue
		}
		got := m.send(t, method, false)
		if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != allow {
			t.Errorf("%s %s answers %d, Allow %q, want %s", method, m.target, got.status, got.header.Get("Allow"), allow)
		}
		wellFormed(t, dialect, got.status, got.header, got.body)
	}
}

// unknownPaths sends requests to paths under every base that is spoken for, but for
// those that are known there.
func unknownPaths(t *testing.T, server *httptest.Server, known map[string]bool, speaks func(dialect string) bool) {
	t.Helper()
	for base, rests := range map[string][]string{
		"/api/log":                     {"", "/", "/list", "/detail", "/detail/", "/detail/1/2", "/self", "/self/stat", "/token", "/stat", "/search", "/nothing", "/%00", "/日志"},
		"/api/management/logs/entries": {"/1/2", "/stats/1", "/batch_create/x"},
		"/api/v1/logs":                 {"/1/2", "/e/payload"},
		"/openapi":                     {"", "/", "/v1", "/v1/audit", "/v1/audit/openapi-logs/1"},
	} {
		owner := dialectOf(base)
		if owner == "newapi" && !speaks("newapi") {
			owner = "hertz"
		}
		for _, rest := range rests {
			if !speaks(owner) || known[strings.TrimSuffix(base+rest, "/")] {
				continue
			}
			for _, credential := range []string{adminToken, ""} {
				for _, method := range []string{"GET", "POST", "DELETE", "BREW"} {
					got := methodsOf{server, base + rest, credential}.send(t, method, false)
					if got.status != http.StatusNotFound {
						t.Errorf("%s %s answers %d", method, base+rest, got.status)
					}
					wellFormed(t, owner, got.status, got.header, got.body)
				}
			}
		}
	}
}

// methodsOf sends requests of any method to one path.
type methodsOf struct {
	server     *httptest.Server
	target     string
	credential string // "" for none
}

type methodAnswer struct {
	status int
	header http.Header // without the date
	body   []byte
}

// send sends one and wants an answer with or without a body.
func (m methodsOf) send(t *testing.T, method string, empty bool) methodAnswer {
	t.Helper()
	request, err := http.NewRequest(method, m.server.URL+m.target, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Request-Id", "req-1")
	if m.credential != "" {
		request.Header.Set("X-Api-Key", m.credential)
		request.Header.Set("New-Api-User", "0")
	}
	response, err := m.server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if (len(body) == 0) != empty {
		t.Errorf("%s %s answers with %d bytes", method, m.target, len(body))
	}
	response.Header.Del("Date")
	return methodAnswer{response.StatusCode, response.Header, body}
}
