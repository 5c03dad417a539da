package export_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"logbook/ent/column"
	"logbook/internal/db/dbtest"
	"logbook/internal/export"
	"logbook/internal/journal"
	"logbook/internal/web"
)

// few adds to each kind a row of no tenant, of tenant one and of tenant two. The
// user of the usage records is 7, 8, 7.
func (w *world) few() {
	w.t.Helper()
	for i, tenant := range []*column.ID{nil, &w.one, &w.two} {
		user := []int64{7, 8, 7}[i]
		_, err1 := w.Entries.Append(w.ctx, []journal.EntryDraft{{TenantID: tenant, Message: "m"}})
		_, err2 := w.AuditEvents.Append(w.ctx, []journal.AuditEventDraft{{TenantID: tenant, Key: "k"}})
		_, err3 := w.Operations.Append(w.ctx, []journal.OperationDraft{{TenantID: tenant, Module: "m", UserID: new(int64(1)), UserAgent: new("agent")}})
		_, err4 := w.UsageRecords.Append(w.ctx, []journal.UsageRecordDraft{
			{TenantID: tenant, Type: column.Consume, UserID: user, ChannelName: "hidden", Other: `{"admin_info":1}`}})
		_, err5 := w.APICalls.Append(w.ctx, []journal.APICallDraft{{TenantID: tenant, AppID: "app-0123456789"}})
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
			w.t.Fatal(err)
		}
	}
}

// shape is how every refusal looks.
var shape = regexp.MustCompile(`^\{"error":\{"code":"[A-Z_]+","message":"[^{}]+"\}\}\n$`)

func (a answer) code(t *testing.T) (code, message string) {
	t.Helper()
	if !shape.MatchString(a.body) || a.header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("the refusal is %q of type %q", a.body, a.header.Get("Content-Type"))
	}
	var body struct {
		Error struct{ Code, Message string }
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		t.Error(err)
	}
	return body.Error.Code, body.Error.Message
}

func TestWhoMay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.few()
		for _, c := range []struct {
			as, kind string
			status   int
			rows     int
		}{
			{"", "entries", 401, 0},
			{"", "audit", 401, 0},
			{"", "operations", 401, 0},
			{"", "usage", 401, 0},
			{"", "api-calls", 401, 0},
			{"gateway", "usage", 403, 0},
			{"gateway usage:read", "usage", 403, 0},
			{"gateway entries:read", "entries", 403, 0},
			{"viewer", "entries", 403, 0},
			{"viewer audit:read system:log:list system:log:query usage:read audit", "entries", 403, 0},
			{"viewer entries:read system:log:list system:log:query usage:read audit", "audit", 403, 0},
			{"viewer entries:read audit:read system:log:list usage:read audit", "operations", 403, 0},
			{"viewer entries:read audit:read system:log:query usage:read audit", "operations", 403, 0},
			{"viewer entries:read audit:read system:log:list system:log:query audit", "usage", 403, 0},
			{"viewer entries:read audit:read system:log:list system:log:query usage:read", "api-calls", 403, 0},
			{"ingest entries:write entries:read", "entries", 403, 0},
			{"ingest audit:read", "audit", 403, 0},
			{"ingest system:log:list system:log:query", "operations", 403, 0},
			{"ingest usage:write usage:read", "usage", 403, 0},
			{"ingest audit", "api-calls", 403, 0},
			{"user", "entries", 403, 0},
			{"user", "audit", 403, 0},
			{"user", "operations", 403, 0},
			{"user", "api-calls", 403, 0},

			{"user", "usage", 200, 2},
			{"user @one", "usage", 200, 0},
			{"user @two", "usage", 200, 1},
			{"user usage:read", "usage", 200, 3},
			{"user entries:read", "entries", 200, 3},
			{"viewer entries:read", "entries", 200, 3},
			{"viewer entries:read @one", "entries", 200, 1},
			{"viewer audit:read", "audit", 200, 3},
			{"viewer audit:read @two", "audit", 200, 1},
			{"viewer system:log:list system:log:query", "operations", 200, 3},
			{"viewer system:log:list system:log:query @one", "operations", 200, 1},
			{"viewer usage:read", "usage", 200, 3},
			{"viewer usage:read @one", "usage", 200, 1},
			{"viewer audit", "api-calls", 200, 3},
			{"viewer audit @two", "api-calls", 200, 1},
			{"admin", "entries", 200, 3},
			{"admin", "audit", 200, 3},
			{"admin", "operations", 200, 3},
			{"admin", "usage", 200, 3},
			{"admin", "api-calls", 200, 3},
			{"admin @one", "entries", 200, 1},
			{"admin @one", "api-calls", 200, 1},
		} {
			for _, path := range []string{"/export/" + c.kind, "/export/" + c.kind + "/?format=csv"} {
				a := w.ask("GET", path, c.as)
				head := w.ask("HEAD", path, c.as)
				if a.status != c.status || head.status != c.status || head.body != "" ||
					head.header.Get("Content-Type") != a.header.Get("Content-Type") ||
					head.header.Get("Content-Disposition") != a.header.Get("Content-Disposition") {
					t.Errorf("%q GET %s: %d, HEAD %d %v, want %d", c.as, path, a.status, head.status, head.header, c.status)
				}
				want := c.rows
				if strings.Contains(path, "csv") {
					want++ // the header row
				}
				switch a.status {
				case 200:
					if got := strings.Count(a.body, "\n"); got != want {
						t.Errorf("%q GET %s: %d lines, want %d: %s", c.as, path, got, want, a.body)
					}
				case 401:
					if code, _ := a.code(t); code != "UNAUTHENTICATED" || a.header.Get("WWW-Authenticate") != "Bearer" {
						t.Errorf("%q GET %s: %s %v", c.as, path, a.body, a.header)
					}
				case 403:
					if code, _ := a.code(t); code != "FORBIDDEN" {
						t.Errorf("%q GET %s: %s", c.as, path, a.body)
					}
				}
			}
		}
		// The gate comes before what is asked for is read.
		if a := w.ask("GET", "/export/audit?colour=red", "viewer"); a.status != 403 {
			t.Errorf("a bad question of somebody who may not: %d", a.status)
		}
		// What the lists hide, exports hide.
		for _, c := range []struct{ as, kind, has, lacks string }{
			{"viewer audit", "api-calls", `"app-01****6789"`, "app-0123456789"},
			{"admin", "api-calls", `"app-0123456789"`, "****"},
			{"user", "usage", `"user_id":7`, "hidden"},
			{"user", "usage", `"user_id":7`, "admin_info"},
			{"user", "usage", `"user_id":7`, `"user_id":8`},
			{"viewer usage:read", "usage", "hidden", "none"},
			{"viewer system:log:list system:log:query", "operations", `"user_agent":"agent"`, `"user":null`},
		} {
			if a := w.ask("GET", "/export/"+c.kind, c.as); !strings.Contains(a.body, c.has) || strings.Contains(a.body, c.lacks) {
				t.Errorf("%q sees %s", c.as, a.body)
			}
		}
		if a := w.ask("GET", "/export/usage?user_id=8", "user"); a.status != 200 || a.body != "" {
			t.Errorf("a user asks for another's rows: %d %s", a.status, a.body)
		}
		if a := w.ask("GET", "/export/entries?tenant_id="+w.two.String(), "viewer entries:read @one"); a.status != 200 || a.body != "" {
			t.Errorf("a tenant asks for another's rows: %d %s", a.status, a.body)
		}
		if logged := w.log.String(); logged != "" {
			t.Errorf("refusals are logged: %s", logged)
		}
	})
}

func TestBadQuestions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const parameters = "there are format, tenant_id, category_id, category_code, level, source, user_id, search, since, until"
		for _, c := range []struct {
			path    string
			status  int
			message string // its beginning
		}{
			{"", 404, "there is no such export; there are entries, audit, operations, usage, api-calls"},
			{"/", 404, "there is no such export"},
			{"/poems", 404, "there is no such export"},
			{"/entries/7", 404, "there is no such export"},
			{"/users", 404, "there is no such export"},
			{"/entries?colour=red", 400, "colour: is no parameter of this export; " + parameters},
			{"/entries?levle=error", 400, "levle: is no parameter of this export; " + parameters},
			{"/entries?Level=error", 400, "Level: is no parameter"},
			{"/entries?key=x", 400, "key: is no parameter"},
			{"/entries?level", 400, "level: is not one of debug"},
			{"/entries?level=", 400, "level: is not one of debug"},
			{"/entries?level=fatal", 400, `level: "fatal" is not one of debug, info, warning, error, critical`},
			{"/entries?level=info&level=info", 400, "level: stands twice"},
			{"/entries?level=%zz", 400, "level: is not well percent-encoded"},
			{"/entries?%zz=1", 400, "%zz: is no parameter"},
			{"/entries?source=%ff", 400, "source: is not valid UTF-8"},
			{"/entries?%ff=1", 400, "\ufffd: is no parameter"},
			{"/entries?tenant_id=1", 400, `tenant_id: "1" is not a UUID`},
			{"/entries?category_id=1", 400, `category_id: "1" is not a UUID`},
			{"/entries?category_code=none", 400, `category_code: "none" is not the code of a category here`},
			{"/entries?search=" + strings.Repeat("x", 1025), 400, "search: is longer than 1024 bytes"},
			{"/entries?since=yesterday", 400, `since: "yesterday" is not a time such as 2025-06-15T08:30:45Z or 2025-06-15`},
			{"/entries?since=", 400, `since: `},
			{"/entries?until=10000-01-01", 400, `until: "10000-01-01" is not a time`},
			{"/entries?format=xml", 400, `format: "xml" is none of ndjson, csv`},
			{"/entries?format=", 400, "format: "},
			{"/entries?format=csv&format=csv", 400, "format: stands twice"},
			{"/audit?level=error", 400, "level: is no parameter of this export; there are format, key, user_id, application_id, ip, tenant_id, since, until"},
			{"/operations?user=alice", 400, `user: "alice" is not a whole number within 2^53`},
			{"/operations?user=9007199254740993", 400, `user: `},
			{"/operations?action_type=fly", 400, `action_type: "fly" is not one of create, update`},
			{"/operations?status=2", 400, `status: "2" is not 0 (failed) or 1 (succeeded)`},
			{"/operations?user_id=1", 400, "user_id: is no parameter of this export; there are format, user, username"},
			{"/usage?type=6", 400, `type: "6" is not 1 (top-up)`},
			{"/usage?type=consume", 400, `type: "consume" is not 1 (top-up)`},
			{"/usage?channel_id=x", 400, `channel_id: "x" is not a whole number`},
			{"/usage?search=" + strings.Repeat("x", 1025), 400, "search: is longer than 1024 bytes"},
			{"/api-calls?status_code=1000", 400, `status_code: "1000" is not a whole number between 0 and 999`},
			{"/api-calls?status_code=-1", 400, `status_code: "-1" is not a whole number between 0 and 999`},
			{"/api-calls?app_id=a&app_id=b", 400, "app_id: stands twice"},
		} {
			a := w.ask("GET", "/export"+c.path, "admin")
			code, message := a.code(t)
			if a.status != c.status || !strings.HasPrefix(message, c.message) || code != map[int]string{404: "NOT_FOUND", 400: "BAD_USER_INPUT"}[c.status] {
				t.Errorf("GET %.60s: %d %s, want %d %s", c.path, a.status, a.body, c.status, c.message)
			}
			if a.header.Get("Content-Disposition") != "" {
				t.Errorf("GET %.60s: an error is a file", c.path)
			}
			if head := w.ask("HEAD", "/export"+c.path, "admin"); head.status != c.status {
				t.Errorf("HEAD %.60s: %d", c.path, head.status)
			}
		}
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "PURGE"} {
			a := w.ask(method, "/export/entries", "admin")
			if code, _ := a.code(t); a.status != 405 || code != "METHOD_NOT_ALLOWED" || a.header.Get("Allow") != "GET, HEAD, OPTIONS" {
				t.Errorf("%s: %d %v %s", method, a.status, a.header, a.body)
			}
		}
		if a := w.ask("OPTIONS", "/export/entries", ""); a.status != 204 || a.header.Get("Allow") != "GET, HEAD, OPTIONS" {
			t.Errorf("OPTIONS: %d %v %s", a.status, a.header, a.body)
		}
	})
}

func TestRefusalsInChinese(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct{ path, as, code, message string }{
			{"/usage", "", "UNAUTHENTICATED", `请先登录：以 "Authorization: Bearer …" 发送访问令牌或 JWT`},
			{"/usage", "viewer", "FORBIDDEN", `缺少权限 "usage:read"`},
			{"/nothing", "admin", "NOT_FOUND", "没有这种导出；可用的有 entries, audit, operations, usage, api-calls"},
			{"/entries?format=xml", "admin", "BAD_USER_INPUT", `format: "xml" 不在可选值之中：ndjson, csv`},
			{"/entries?level=loud", "admin", "BAD_USER_INPUT", `level: "loud" 不是以下之一：debug, info, warning, error, critical`},
			{"/entries?since=x", "admin", "BAD_USER_INPUT", `since: "x" 不是时间，例如 2025-06-15T08:30:45Z 或 2025-06-15`},
		} {
			a := w.ask("GET", "/export"+c.path, c.as, "Accept-Language", "zh-CN")
			if code, message := a.code(t); code != c.code || message != c.message || a.header.Get("Content-Language") != "zh" {
				t.Errorf("GET %s: %v %s", c.path, a.header, a.body)
			}
		}
	})
}

func TestGoodQuestions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		// One at 23:00 on the 14th, in Shanghai 07:00 on the 15th.
		_, err := w.Entries.Append(w.ctx, []journal.EntryDraft{
			{Message: "late", Timestamp: new(column.TimeOf(time.Date(2025, 6, 14, 23, 0, 0, 0, time.UTC)))},
			{Message: "early", Timestamp: new(column.TimeOf(time.Date(2025, 6, 14, 15, 59, 59, 0, time.UTC)))},
		})
		if err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string]int{
			"":                                   2,
			"?":                                  2,
			"?&":                                 2,
			"?format=ndjson":                     2,
			"?since=2025-06-15":                  1,
			"?until=2025-06-15":                  1,
			"?since=2025-06-15T07:00:00":         1,
			"?since=2025-06-15+07:00:00":         1,
			"?since=2025-06-14T23:00:00Z":        1,
			"?since=2025-06-15T07:00:00%2B08:00": 1,
			"?since=2025-06-15T07:00:00+08:00":   1, // a plus that nobody escaped
			"?since=2025-06-15T07:00:01":         0,
			"?search=":                           2,
			"?source=":                           0,
			"?search=LATE&level=info":            1,
			"?since=2025-06-15&until=2025-06-15": 0,
			"?tenant_id=" + strings.ToUpper(w.one.String()): 0,
		} {
			if a := w.ask("GET", "/export/entries"+query, "admin"); a.status != 200 || strings.Count(a.body, "\n") != want {
				t.Errorf("%s: %d %s, want %d rows", query, a.status, a.body, want)
			}
		}
		a := w.ask("GET", "/export/api-calls?format=csv", "admin")
		if got := a.header.Get("Content-Disposition"); got != `attachment; filename="api-calls-2025-06-15.csv"` {
			t.Errorf("the file is called %s", got)
		}
		if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Request-Id") == "" || a.header.Get("Content-Encoding") != "" {
			t.Errorf("the headers are %v", a.header)
		}
	})
}

// TestCSVBytes wants null and the empty text to be told apart, and nothing to be
// changed.
func TestCSVBytes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.Operations.Append(w.ctx, []journal.OperationDraft{{
			ID: new(int64(1)), CreatedAt: new(column.TimeOf(noon)), TenantID: &w.two, Username: new(""), Module: "=1+1", Description: "a\r\nb",
			IPAddress: new("@x"), RequestData: column.JSON(`"+text"`),
		}})
		if err != nil {
			t.Fatal(err)
		}
		want := "log_id,tenant_id,tenant_name,user,username,action_type,module,description,target_model,target_id,ip_address,user_agent,request_data,response_status,status,created_at\r\n" +
			"1," + w.two.String() + `,"two, ""the second""",,"",other,=1+1,"a` + "\r\n" + `b",,,@x,,"""+text""",,1,2025-06-15T12:00:00Z` + "\r\n"
		if a := w.ask("GET", "/export/operations?format=csv", "admin"); a.body != want {
			t.Errorf("got  %q\nwant %q", a.body, want)
		}
	})
}

func TestGzip(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.fill(20, 1<<10)
		want := w.lines("entries")
		for _, c := range []struct {
			accept string
			packed bool
		}{
			{"", false}, {"gzip;q=0", false}, {"br, gzip", true},
		} {
			a := w.ask("GET", "/export/entries", "admin", "Accept-Encoding", c.accept)
			body := a.body
			if c.packed {
				reader, err := gzip.NewReader(strings.NewReader(a.body))
				if err != nil {
					t.Fatalf("%q: %v", c.accept, err)
				}
				unpacked, err := io.ReadAll(reader)
				if err != nil {
					t.Fatal(err)
				}
				body = string(unpacked)
			}
			encoding := map[bool]string{true: "gzip"}[c.packed]
			if body != want || a.header.Get("Content-Encoding") != encoding || !slices.Contains(a.header.Values("Vary"), "Accept-Encoding") {
				t.Errorf("%q: %v %q", c.accept, a.header, body)
			}
			if a := w.ask("GET", "/export/entries?x=y", "admin", "Accept-Encoding", c.accept); a.header.Get("Content-Encoding") != "" {
				t.Errorf("%q: an error is packed", c.accept)
			}
		}
	})
}

// fill adds entries of some bytes of message each.
func (w *world) fill(rows, size int) {
	w.t.Helper()
	message := strings.Repeat("0123456789abcdef", size/16)
	const batch = 500
	for first := 0; first < rows; first += batch {
		drafts := make([]journal.EntryDraft, min(batch, rows-first))
		for i := range drafts {
			drafts[i] = journal.EntryDraft{Message: message, Timestamp: new(column.TimeOf(noon.Add(time.Duration(first+i) * time.Second)))}
		}
		if _, err := w.Entries.Append(w.ctx, drafts); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestCallerLeaves wants the reading to stop when nobody reads any more.
func TestCallerLeaves(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.fill(1500, 16<<10)
		response := w.send("GET", "/export/entries", "admin")
		if _, err := io.ReadFull(response.Body, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if what := <-w.ended; what != http.ErrAbortHandler {
			t.Errorf("the handler ended with %v", what)
		}
		if logged := w.log.String(); logged != "" {
			t.Errorf("that a caller left is logged: %s", logged)
		}
	})
}

// TestBreaksOff wants an error in the middle to end in an error at the caller's,
// too, and one at the beginning in a refusal.
func TestBreaksOff(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.fill(1500, 16<<10)
		response := w.send("GET", "/export/entries?format=csv", "admin")
		reader := bufio.NewReader(response.Body)
		if _, err := reader.ReadString('\n'); err != nil || response.StatusCode != 200 {
			t.Fatal(response.StatusCode, err)
		}
		if err := w.database.Close(); err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, reader)
		response.Body.Close()
		if !errors.Is(err, io.ErrUnexpectedEOF) || n >= 1500*16<<10 {
			t.Errorf("the caller gets %d bytes and the error %v", n, err)
		}
		if what := <-w.ended; what != http.ErrAbortHandler {
			t.Errorf("the handler ended with %v", what)
		}
		if logged := w.log.String(); strings.Count(logged, "an export broke off") != 1 || !strings.Contains(logged, "request_id=req_") {
			t.Errorf("the log has %s", logged)
		}

		a := w.ask("GET", "/export/audit", "admin")
		if code, message := a.code(t); a.status < 500 || strings.Contains(message, "sql") || a.header.Get("Content-Disposition") != "" {
			t.Errorf("an error at once: %d %s %v", a.status, code, a.body)
		}
	})
}

// TestMemory exports 100 MB. It is not parallel, so that nothing else is in the heap.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 100 MB")
	}
	w := newWorld(t, dbtest.SQLite(t))
	const size, rows = 16 << 10, 6400
	w.fill(rows, size)
	handler := web.Server(export.Handler(w.Journal, nil), web.Options{}, slog.New(slog.DiscardHandler)).Handler // which packs
	for query, accept := range map[string]string{"": "", "?format=csv": "gzip"} {
		request := httptest.NewRequest("GET", "/export/entries"+query, nil).WithContext(w.ctx)
		request.Header.Set("Accept-Encoding", accept)
		sink := &sink{header: http.Header{}}
		runtime.GC()
		sink.sample()
		before := sink.most
		handler.ServeHTTP(sink, request)
		if accept == "" && sink.bytes < size*rows {
			t.Errorf("only %d bytes", sink.bytes)
		}
		if grown := sink.most - before; grown > 64<<20 {
			t.Errorf("%s %s: the heap grew by %d MB", query, accept, grown>>20)
		}
	}
}

// sink takes an answer and looks at the heap each time.
type sink struct {
	header http.Header
	bytes  int
	most   uint64
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(int)     {}
func (s *sink) Write(p []byte) (int, error) {
	s.bytes += len(p)
	s.sample()
	return len(p), nil
}

func (s *sink) sample() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.most = max(s.most, m.HeapAlloc)
}
