package rest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"logbook/internal/db/dbtest"
	"logbook/internal/journal"
)

// envelope is every answer of the scitiger dialect.
type envelope struct {
	Success *bool
	Message *string
	Results json.RawMessage
}

// readEnvelope fails where an answer is no well-formed envelope, or shows an error
// of the server's.
func readEnvelope(t *testing.T, recorder *httptest.ResponseRecorder) envelope {
	t.Helper()
	body := recorder.Body.String()
	if recorder.Code >= 500 {
		t.Fatalf("answered %d %s", recorder.Code, body)
	}
	if !utf8.ValidString(body) {
		t.Fatalf("the answer is no UTF-8: %q", body)
	}
	var e envelope
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil || e.Success == nil {
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
	w := newWorld(f, dbtest.SQLite(f), june15, time.UTC)
	for _, message := range []string{"one", "二", "three"} {
		w.add(f, journal.EntryDraft{Message: message, Source: ptr("s")})
	}
	key := w.credential(f, "settings")
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{entries, entries + "stats", entries + tenantA} {
			request := httptest.NewRequest("GET", path, nil)
			request.URL.RawQuery = query
			request.Header.Set("X-Api-Key", key)
			recorder := httptest.NewRecorder()
			w.server.Handler.ServeHTTP(recorder, request)
			readEnvelope(t, recorder)
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
	w := newWorld(f, dbtest.SQLite(f), june15, time.UTC)
	if _, err := w.CreateCategory(w.ctx, "c", "c"); err != nil {
		f.Fatal(err)
	}
	key := w.credential(f, "settings")
	paths := []string{entries, entries + "batch_create/", entries + "delete_logs/"}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		which %= 3
		before := w.count(t)
		request := httptest.NewRequest("POST", paths[which], strings.NewReader(body))
		request.Header.Set("X-Api-Key", key)
		recorder := httptest.NewRecorder()
		w.server.Handler.ServeHTTP(recorder, request)
		e := readEnvelope(t, recorder)
		if recorder.Code >= http.StatusBadRequest {
			if after := w.count(t); after != before {
				t.Fatalf("refused with %d, and %d rows became %d", recorder.Code, before, after)
			}
			return
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
	})
}
