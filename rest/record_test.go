package rest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
	"logbook/internal/fault"
	"logbook/internal/journal"
	"logbook/internal/recorder"
)

// recording is a CallRecorder whose database is a function. The clock is the
// bubble's.
func recording(t *testing.T, store func(context.Context, []journal.APICallDraft) error) *CallRecorder {
	t.Helper()
	c := newCallRecorder(store, time.Now, slog.New(slog.DiscardHandler))
	t.Cleanup(c.Stop)
	return c
}

// call calls a recorded handler that answers with a status.
func call(c *CallRecorder, p *auth.Principal, from, method, target string, status int) {
	r := httptest.NewRequest(method, target, nil)
	host, _, err := net.SplitHostPort(from)
	if err != nil {
		host = from
	}
	r = r.WithContext(auth.WithOrigin(r.Context(), auth.Origin{Address: host}))
	if p != nil {
		r = r.WithContext(auth.With(r.Context(), p))
	}
	handler := c.Record(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	handler.ServeHTTP(httptest.NewRecorder(), r)
}

var somebody = &auth.Principal{Subject: "7", Username: "somebody", Role: auth.Viewer}

// TestRecordedCall holds what is recorded of a call, whatever the caller sends.
func TestRecordedCall(t *testing.T) {
	long := strings.Repeat("长", 1000)
	for _, c := range []struct {
		name                    string
		p                       *auth.Principal
		from, method, target    string
		status                  int
		app, ip, recorded, path string
	}{
		{"nobody", nil, "192.0.2.1:80", "GET", "/openapi/v1/x?secret=1", 401, "-", "192.0.2.1", "GET", "/openapi/v1/x"},
		{"a name", somebody, "192.0.2.1:80", "GET", "/openapi/", 200, "somebody", "192.0.2.1", "GET", "/openapi/"},
		{"no name", &auth.Principal{Subject: "7", Role: auth.User}, "192.0.2.1:80", "GET", "/", 200, "7", "192.0.2.1", "GET", "/"},
		{"a long name", &auth.Principal{Username: long, Role: auth.User}, "192.0.2.1:80", "GET", "/", 200, strings.Repeat("长", 85), "192.0.2.1", "GET", "/"},
		{"IPv6", somebody, "[2001:db8::1%eth0]:80", "GET", "/", 200, "somebody", "2001:db8::1%eth0", "GET", "/"},
		{"no port", somebody, "@", "GET", "/", 200, "somebody", "@", "GET", "/"},
		{"a long method", nil, "192.0.2.1:80", strings.Repeat("X", 300), "/", 405, "-", "192.0.2.1", strings.Repeat("X", 200), "/"},
		{"a long path", nil, "192.0.2.1:80", "GET", "/" + strings.Repeat("x", 3000), 404, "-", "192.0.2.1", "GET", "/" + strings.Repeat("x", 199)},
		{"a path that is no UTF-8", nil, "192.0.2.1:80", "GET", "/%ff%00%0a/", 404, "-", "192.0.2.1", "GET", "/%ff%00%0a/"},
	} {
		synctest.Test(t, func(t *testing.T) {
			var got []journal.APICallDraft
			r := recording(t, func(_ context.Context, drafts []journal.APICallDraft) error {
				got = append(got, drafts...)
				return nil
			})
			at := column.TimeOf(time.Now())
			call(r, c.p, c.from, c.method, c.target, c.status)
			r.Flush()
			if len(got) != 1 {
				t.Fatalf("%s: %d rows", c.name, len(got))
			}
			d := got[0]
			if d.AppID != c.app || d.SourceIP != c.ip || d.HTTPMethod != c.recorded || d.APIPath != c.path || d.StatusCode != int64(c.status) || *d.OperationTime != at {
				t.Errorf("%s: recorded %+v", c.name, d)
			}
		})
	}
}

// TestRecordedStatus holds that the status is the one that was answered, that of
// a panic too, which goes on.
func TestRecordedStatus(t *testing.T) {
	for name, c := range map[string]struct {
		handler http.HandlerFunc
		status  int64
	}{
		"nothing written":      {func(http.ResponseWriter, *http.Request) {}, 200},
		"a body alone":         {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }, 200},
		"a status":             {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(418) }, 418},
		"the first of two":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400); w.WriteHeader(200) }, 400},
		"a panic":              {func(http.ResponseWriter, *http.Request) { panic("x") }, 500},
		"a panic after a body": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x"); panic("x") }, 200},
	} {
		synctest.Test(t, func(t *testing.T) {
			var status int64
			r := recording(t, func(_ context.Context, drafts []journal.APICallDraft) error {
				status = drafts[0].StatusCode
				return nil
			})
			func() {
				defer func() {
					if panicked := recover() != nil; panicked != strings.Contains(name, "panic") {
						t.Errorf("%s: panicked %v", name, panicked)
					}
				}()
				r.Record(c.handler).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
			}()
			r.Flush()
			if status != c.status {
				t.Errorf("%s: recorded %d, want %d", name, status, c.status)
			}
		})
	}
}

// TestKnocking holds how many rows refusals make.
func TestKnocking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rows := map[string]int{}
		r := recording(t, func(_ context.Context, drafts []journal.APICallDraft) error {
			for _, d := range drafts {
				rows[fmt.Sprint(d.SourceIP, " ", d.StatusCode)]++
			}
			return nil
		})
		expect := func(what string, want map[string]int, counts recorder.Counts) {
			t.Helper()
			r.Flush()
			if fmt.Sprint(rows) != fmt.Sprint(want) {
				t.Errorf("%s: rows %v, want %v", what, rows, want)
			}
			if got := r.Counts(); got != counts {
				t.Errorf("%s: %+v, want %+v", what, got, counts)
			}
			clear(rows)
		}
		for i := range 50 {
			target := fmt.Sprintf("/openapi/%d", i)
			call(r, nil, "192.0.2.1:1", "GET", target, 401)
			call(r, nil, "192.0.2.1:2", "GET", target, 404)
			call(r, somebody, "192.0.2.1:3", "GET", target, 404)
			call(r, somebody, "192.0.2.1:3", "POST", target, 405)
			call(r, somebody, "192.0.2.1:3", "OPTIONS", target, 204)
			call(r, somebody, "192.0.2.2:4", "GET", target, 403)
			call(r, nil, "[::ffff:192.0.2.2]:4", "GET", target, 403)
			call(r, nil, fmt.Sprintf("[2001:db8:1:1::%x]:4", i), "GET", target, 401)
			call(r, nil, "[2001:db8:1:2::1]:4", "GET", target, 401)
			call(r, nil, "192.0.2.1:4", "GET", target, 500) // the database that would know the token is away
			call(r, somebody, "192.0.2.1:4", "GET", target, 200)
			call(r, somebody, "192.0.2.1:4", "GET", target, 400)
		}
		expect("one of a caller and status a minute, and all that passed the gate", map[string]int{
			"192.0.2.1 401": 1, "192.0.2.1 404": 2, "192.0.2.1 405": 1, "192.0.2.1 204": 1, "192.0.2.2 403": 1, "::ffff:192.0.2.2 403": 1,
			"2001:db8:1:1::0 401": 1, "2001:db8:1:2::1 401": 1, "192.0.2.1 500": 1, "192.0.2.1 200": 50, "192.0.2.1 400": 50,
		}, recorder.Counts{Recorded: 110, Gathered: 490})
		time.Sleep(time.Minute) // of the bubble
		call(r, nil, "192.0.2.1:1", "GET", "/", 401)
		expect("the next minute", map[string]int{"192.0.2.1 401": 1}, recorder.Counts{Recorded: 111, Gathered: 490})
		for i := range 1000 {
			call(r, nil, fmt.Sprintf("198.51.%d.%d:1", i/250, i%250), "GET", "/", 401)
		}
		r.Flush()
		if got := (recorder.Counts{Recorded: 130, Gathered: 1471}); r.Counts() != got {
			t.Errorf("of a thousand addresses: %+v, want %+v", r.Counts(), got)
		}
	})
}

// TestCallOfAnUnknownTenant holds that a row whose tenant the journal does not know is
// stored as nobody's, and keeps no other out.
func TestCallOfAnUnknownTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := recording(t, func(_ context.Context, drafts []journal.APICallDraft) error {
			for _, d := range drafts {
				if d.TenantID != nil || d.HTTPMethod == "BAD" {
					return fault.RefuseField("x", fault.Unknown, "", "")
				}
			}
			return nil
		})
		call(c, somebody, "192.0.2.1:1", "GET", "/", 200)
		call(c, somebody, "192.0.2.1:1", "BAD", "/", 200)
		call(c, &auth.Principal{Subject: "8", Role: auth.Viewer, Tenant: &[16]byte{1}}, "192.0.2.1:1", "GET", "/", 200)
		call(c, somebody, "192.0.2.1:1", "GET", "/", 200)
		c.Flush()
		if got, want := c.Counts(), (recorder.Counts{Recorded: 3, Lost: 1}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// TestRecorderOnEngines records on real engines: the row of a caller who is bound
// to a tenant is the tenant's, one of an unknown tenant is nobody's; and when the
// database is gone the calls are answered and counted.
func TestRecorderOnEngines(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		ctx := auth.System(t.Context(), "test")
		database, err := db.Open(ctx, address)
		if err != nil {
			t.Fatal(err)
		}
		defer database.Close()
		j := journal.New(database, journal.Options{})
		c := NewCallRecorder(j, slog.New(slog.NewTextHandler(io.Discard, nil)))
		defer c.Stop()
		tenant, err := j.CreateTenant(ctx, "tenant")
		if err != nil {
			t.Fatal(err)
		}
		bound := func(id column.ID) *auth.Principal {
			return &auth.Principal{Username: "bound", Role: auth.Viewer, Tenant: (*[16]byte)(&id)}
		}
		unknown := column.ID{15: 1}
		call(c, somebody, "192.0.2.1:1", "GET", "/openapi/a", 200)
		call(c, bound(tenant.ID), "192.0.2.1:1", "GET", "/openapi/b", 200)
		call(c, bound(unknown), "192.0.2.1:1", "GET", "/openapi/c", 200)
		c.Flush()
		want := map[string]*column.ID{"/openapi/a": nil, "/openapi/b": &tenant.ID, "/openapi/c": nil}
		rows, total, err := j.APICalls.PageAt(ctx, journal.APICallFilter{}, journal.OffsetPage{Limit: 10})
		if err != nil || total != int64(len(want)) {
			t.Fatalf("%d rows, %v", total, err)
		}
		for _, row := range rows {
			if id := want[row.APIPath]; (id == nil) != (row.TenantID == nil) || id != nil && *id != *row.TenantID {
				t.Errorf("%s belongs to %v, want %v", row.APIPath, row.TenantID, id)
			}
		}

		if err := database.Close(); err != nil {
			t.Fatal(err)
		}
		mux := http.NewServeMux()
		Mount(mux, j, Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Calls: c})
		for range 5 {
			r := httptest.NewRequestWithContext(ctx, "GET", "/openapi/v1/audit/openapi-logs?start_time=0&end_time=1", nil)
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, r)
			if got := strings.TrimSpace(w.Body.String()); w.Code != 500 || got != `{"code":2001,"message":"internal error","request_id":""}` {
				t.Errorf("answered %d %s", w.Code, got)
			}
		}
		c.Flush()
		if got, want := c.Counts(), (recorder.Counts{Recorded: 3, Lost: 5}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}
