package rest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"logbook/ent/column"
	"logbook/internal/journal"
)

// envelope is every answer of the scitiger dialect.
type envelope struct {
	Success *bool
	Message *string
	Results json.RawMessage
}

// readEnvelope reads an answer after it held what every answer promises.
func readEnvelope(t *testing.T, recorder *httptest.ResponseRecorder) envelope {
	t.Helper()
	body := recorder.Body.String()
	wellFormed(t, "scitiger", recorder.Code, recorder.Header(), recorder.Body.Bytes())
	var e envelope
	if err := json.Unmarshal([]byte(body), &e); err != nil || e.Success == nil {
		t.Fatalf("no envelope: %v %q", err, body)
	}
	switch ok := recorder.Code < 400; {
	case ok != *e.Success:
		t.Fatalf("status %d and success %v", recorder.Code, *e.Success)
	case ok && e.Results == nil:
		t.Fatalf("success without results: %s", body)
	case !ok && (e.Results != nil || e.Message == nil || !strings.ContainsFunc(*e.Message, isHan)):
		t.Fatalf("a refusal wants a Chinese message and nothing else: %s", body)
	}
	return e
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

func FuzzScitigerQuery(f *testing.F) {
	for _, query := range []string{
		"", "page=2&page_size=1", "page=%zz&level=%ff", "tenant_id=" + tenantA, "start_time=2023-06-15&end_time=2023-06-15T08:00:00+08:00",
		"search_text=%00%25_&sort_field=level&sort_order=asc", "days=-9223372036854775808", "page=9223372036854775807&page_size=100",
		"end_time=9999-12-31T23:59:59.999999Z", "start_time=0001-01-01", ";;&=&a=b=c", "search_text=%F0%9F%98", "source=\xff&user_id=\x00",
	} {
		f.Add(query)
	}
	worlds := fuzzWorlds(f, june15)
	for _, w := range worlds {
		for _, message := range []string{"one", "二", "three"} {
			w.add(f, journal.EntryDraft{Message: message, Source: ptr("s")})
		}
	}
	f.Fuzz(func(t *testing.T, query string) {
		for w := range worlds.each(t) {
			for _, path := range []string{entries, entries + "stats", entries + tenantA} {
				request := httptest.NewRequest("GET", path, nil)
				request.URL.RawQuery = query
				request.Header.Set("X-Api-Key", adminToken)
				recorder := httptest.NewRecorder()
				w.server.Handler.ServeHTTP(recorder, request)
				readEnvelope(t, recorder)
			}
		}
	})
}

func FuzzScitigerBody(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `null`, `[]`, `{"logs":[]}`, `{"logs":[{"message":"a"},{"message":"b","metadata":{"k":[1e3]}}]}`,
		`{"message":" x ","level":"error","category_code":"c","user_id":"u","ip_address":"::1"}`,
		`{"message":"\u0000\ud83d\ude00"}`, `{"message":"\ud800"}`, `{"message":"x","metadata":{"\ud800":"\udfff"}}`,
		`{"before_date":"2023-01-01"}`, `{"tenant_id":"` + tenantA + `"}`, `{"before_date":"2100-01-01T00:00:00+08:00"}`,
		`{"message":"x","metadata":{"n":1e400}}`, "{\"message\":\"\xff\"}", `{"message":"a","message":"b"}`,
	} {
		for which := range uint8(3) {
			f.Add(which, body)
		}
	}
	worlds := fuzzWorlds(f, june15)
	for _, w := range worlds {
		if _, err := w.CreateCategory(w.ctx, "c", "c"); err != nil {
			f.Fatal(err)
		}
	}
	paths := []string{entries, entries + "batch_create/", entries + "delete_logs/"}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		which %= 3
		for w := range worlds.each(t) {
			before := w.count(t)
			request := httptest.NewRequest("POST", paths[which], strings.NewReader(body))
			request.Header.Set("X-Api-Key", adminToken)
			recorder := httptest.NewRecorder()
			w.server.Handler.ServeHTTP(recorder, request)
			e := readEnvelope(t, recorder)
			if recorder.Code >= http.StatusBadRequest {
				if after := w.count(t); after != before {
					t.Fatalf("refused with %d, and %d rows became %d", recorder.Code, before, after)
				}
				continue
			}
			var changed int64
			switch which {
			case 0:
				changed = 1
			case 1:
				var rows []json.RawMessage
				if err := json.Unmarshal(e.Results, &rows); err != nil {
					t.Fatal(err)
				}
				changed = int64(len(rows))
			case 2:
				var deleted struct {
					Count int64 `json:"deleted_count"`
				}
				if err := json.Unmarshal(e.Results, &deleted); err != nil {
					t.Fatal(err)
				}
				changed = -deleted.Count
			}
			if after := w.count(t); after != before+changed {
				t.Fatalf("answered %s, and %d rows became %d", recorder.Body, before, after)
			}
		}
	})
}

// strange is in every text of the rows that FuzzTenant's caller must not see.
const strange = "of a stranger, 6f1d0c52"

// strangers gives a tenant one row of each kind, and a function that counts them.
func strangers(t testing.TB, w *world) (count func(testing.TB) int64) {
	t.Helper()
	tenant, err := w.CreateTenant(w.ctx, strange)
	if err != nil {
		t.Fatal(err)
	}
	at, text := column.Time(1), ptr(strange)
	_, err = w.Entries.Append(w.ctx, []journal.EntryDraft{{TenantID: &tenant.ID, Timestamp: &at, Message: strange, Source: text, UserID: text}})
	if err == nil {
		_, err = w.AuditEvents.Append(w.ctx, []journal.AuditEventDraft{{ID: ptr("1"), TenantID: &tenant.ID, CreatedAt: &at, Key: strange, UserID: text}})
	}
	if err == nil {
		_, err = w.Operations.Append(w.ctx, []journal.OperationDraft{{ID: ptr[int64](1), TenantID: &tenant.ID, CreatedAt: &at, Action: column.ActionList, Module: strange, Username: text}})
	}
	if err == nil {
		_, err = w.UsageRecords.Append(w.ctx, []journal.UsageRecordDraft{{ID: ptr[int64](1), TenantID: &tenant.ID, CreatedAt: &at, Type: column.Consume, UserID: 7, Content: strange, ModelName: strange}})
	}
	if err == nil {
		_, err = w.APICalls.Append(w.ctx, []journal.APICallDraft{{ID: ptr("1"), TenantID: &tenant.ID, OperationTime: &at, APIPath: strange, SourceIP: strange}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return func(t testing.TB) (all int64) {
		t.Helper()
		for _, count := range []func() (int64, error){
			func() (int64, error) {
				return w.Entries.Count(w.ctx, journal.EntryFilter{TenantID: journal.Is(tenant.ID)})
			},
			func() (int64, error) {
				return w.AuditEvents.Count(w.ctx, journal.AuditEventFilter{TenantID: journal.Is(tenant.ID)})
			},
			func() (int64, error) {
				return w.Operations.Count(w.ctx, journal.OperationFilter{TenantID: journal.Is(tenant.ID)})
			},
			func() (int64, error) {
				return w.UsageRecords.Count(w.ctx, journal.UsageRecordFilter{TenantID: journal.Is(tenant.ID)})
			},
			func() (int64, error) {
				return w.APICalls.Count(w.ctx, journal.APICallFilter{TenantID: journal.Is(tenant.ID)})
			},
		} {
			n, err := count()
			if err != nil {
				t.Fatal(err)
			}
			all += n
		}
		return all
	}
}

// hertzs are the paths under the base that it shares with newapi that are hertz's.
var hertzs = regexp.MustCompile(`(?s)^/api/log/(list|detail/[^/]+)/?$`)

// FuzzTenant sends any method, path, query and body to every dialect as the
// administrator of a tenant. Whatever comes, the answer is the own dialect's, and no
// other tenant's row is told or gone.
func FuzzTenant(f *testing.F) {
	for _, c := range [][3]string{
		{"/api/log/", "p=1&page_size=100", ""}, {"/api/log/", "target_timestamp=253402300799", ""}, {"/api/log/self", "page_size=100", ""},
		{"/api/log/search", "keyword=stranger", ""}, {"/api/log/self/search", "keyword=stranger", ""}, {"/api/log/token", "key=x", ""}, {"/api/log/stat", "", ""},
		{"/api/log/list/", "page_size=100", ""}, {"/api/log/detail/1/", "", ""}, {"/api/log/detail/\xff", "", ""}, {"/api/log/detail/99999999999999999999", "", ""}, {"/api/log/detail/.1", "", ""},
		{"/api/management/logs/entries/", "tenant_id=x&search_text=stranger", `{"message":"m","tenant_id":"` + tenantA + `"}`},
		{"/api/management/logs/entries/" + tenantA, "", ""}, {"/api/management/logs/entries/stats/", "days=365", ""},
		{"/api/management/logs/entries/delete_logs/", "", `{"before_date":"2100-01-01"}`}, {"/api/management/logs/entries/apply_retention_policies", "", "{}"},
		{"/api/management/logs/entries/batch_create/", "", `{"logs":[{"message":"m"}]}`}, {"/api/v1/logs", "page_size=100", ""}, {"/api/v1/logs/1", "", ""},
		{"/openapi/v1/audit/openapi-logs", "start_time=0&end_time=1&page_size=200", ""}, {"/openapi/x", "", ""},
	} {
		for method := range uint8(3) {
			f.Add(method, c[0], c[1], c[2])
		}
	}
	worlds := fuzzWorlds(f, june15)
	count := map[*world]func(testing.TB) int64{}
	for _, w := range worlds {
		count[w] = strangers(f, w)
		if _, err := w.CreateRetentionPolicy(w.ctx, journal.RetentionPolicyDraft{Name: "all", Days: 1}); err != nil {
			f.Fatal(err)
		}
	}
	key := worlds[0].credential(f, "admin of the tenant") // a JWT, good in all
	f.Fuzz(func(t *testing.T, method uint8, path, query, body string) {
		dialect := dialectOf(path)
		if dialect == "nobody" {
			return
		}
		if hertzs.MatchString(path) {
			dialect = "hertz"
		}
		for w := range worlds.each(t) {
			request := httptest.NewRequest([]string{"GET", "POST", "DELETE", "PUT", "BREW"}[method%5], "/", strings.NewReader(body))
			request.URL = &url.URL{Path: path, RawQuery: query}
			request.Header.Set("Authorization", "Bearer "+key)
			request.Header.Set("New-Api-User", "7")
			recorder := httptest.NewRecorder()
			w.server.Handler.ServeHTTP(recorder, request)
			wellFormed(t, dialect, recorder.Code, recorder.Header(), recorder.Body.Bytes())
			if strings.Contains(recorder.Body.String(), strange) {
				t.Fatalf("another tenant's row: %s", recorder.Body)
			}
			if all := count[w](t); all != 5+2 { // which record that it was made
				t.Fatalf("of another tenant's 7 rows %d are left", all)
			}
		}
	})
}
