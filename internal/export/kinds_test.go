package export_test

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"logbook/ent/column"
	"logbook/internal/db"
	"logbook/internal/export"
	"logbook/internal/journal"
)

// sample is rows of one kind and what each filter means in plain Go.
type sample[D any] struct {
	kind    string
	id      string // the key of ids
	key     func(D) string
	time    func(D) column.Time
	drafts  []D
	store   func([]D) error
	filters []filter[D]
}

type filter[D any] struct {
	field, value string
	passes       func(D) bool
}

// texts are values that a format could break.
var texts = []string{"plain", "", "a,b", `say "hi"`, "two\nlines", "two\r\nlines", "\rlone", "=1+1", " blank ends ", "用户登录成功 😀", "-"}

func some(list []string, i int) *string {
	if i%(len(list)+1) == len(list) {
		return nil
	}
	return &list[i%(len(list)+1)]
}

func is[T comparable](value *T, wanted T) bool { return value != nil && *value == wanted }

func (w *world) tenant(i int) *column.ID { return []*column.ID{nil, &w.one, &w.two}[i%3] }

// at gives distinct times in no order, an hour apart.
func at(i int) *column.Time {
	return new(column.TimeOf(noon.Add(time.Duration(i*37%rows-rows) * time.Hour)))
}

const rows = 60

func make60[D any](one func(i int) D) []D {
	list := make([]D, rows)
	for i := range list {
		list[i] = one(i)
	}
	return list
}

// TestKinds wants of every kind that each filter gives the rows that it gives in
// plain Go, oldest first, over HTTP the same bytes as from the command line, and as
// CSV the same values.
func TestKinds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		since, until := column.TimeOf(noon.Add(-40*time.Hour)), column.TimeOf(noon.Add(-10*time.Hour))
		category := column.ID{7}
		err := w.database.Write(w.ctx, func(tx *db.Tx) error {
			return tx.Category.Create().SetID(category).SetName("系统, logs").SetCode("system").SetCreatedAt(column.TimeOf(noon)).Exec(w.ctx)
		})
		if err != nil {
			t.Fatal(err)
		}
		json := []column.JSON{nil, column.JSON(`{"a":"x,\"y\"","b":[1.50,true,null]}`), column.JSON(`{"π":"\u00e9"}`)}

		t.Run("entries", func(t *testing.T) {
			check(t, w, sample[journal.EntryDraft]{
				kind: "entries", id: "id",
				key:  func(d journal.EntryDraft) string { return d.ID.String() },
				time: func(d journal.EntryDraft) column.Time { return *d.Timestamp },
				drafts: make60(func(i int) journal.EntryDraft {
					d := journal.EntryDraft{
						ID: &column.ID{1, byte(i)}, Timestamp: at(i), TenantID: w.tenant(i), Level: &column.Levels[i%5],
						Message: "m" + texts[i%len(texts)], Source: some(texts, i), UserID: some(texts, i/2), Username: some(texts, i/3),
						IPAddress: some(texts, i/4), UserAgent: some(texts, i/5), RequestID: some(texts, i/6), Metadata: json[i%3],
					}
					if i%4 == 0 {
						d.CategoryID = &category
					}
					return d
				}),
				store: func(drafts []journal.EntryDraft) error { _, err := w.Entries.Append(w.ctx, drafts); return err },
				filters: []filter[journal.EntryDraft]{
					{"tenant_id", w.one.String(), func(d journal.EntryDraft) bool { return is(d.TenantID, w.one) }},
					{"category_id", category.String(), func(d journal.EntryDraft) bool { return is(d.CategoryID, category) }},
					{"category_code", "system", func(d journal.EntryDraft) bool { return is(d.CategoryID, category) }},
					{"level", "error", func(d journal.EntryDraft) bool { return is(d.Level, column.Error) }},
					{"source", "a,b", func(d journal.EntryDraft) bool { return is(d.Source, "a,b") }},
					{"source", "", func(d journal.EntryDraft) bool { return is(d.Source, "") }},
					{"user_id", " blank ends ", func(d journal.EntryDraft) bool { return is(d.UserID, " blank ends ") }},
					{"search", "LINES", func(d journal.EntryDraft) bool { return strings.Contains(d.Message, "lines") }},
					{"since", since.String(), func(d journal.EntryDraft) bool { return *d.Timestamp >= since }},
					{"until", until.String(), func(d journal.EntryDraft) bool { return *d.Timestamp < until }},
				},
			})
		})

		t.Run("audit", func(t *testing.T) {
			keys := []string{"SignIn.Password", "Token.Exchange", "=cmd()"}
			check(t, w, sample[journal.AuditEventDraft]{
				kind: "audit", id: "id",
				key:  func(d journal.AuditEventDraft) string { return *d.ID },
				time: func(d journal.AuditEventDraft) column.Time { return *d.CreatedAt },
				drafts: make60(func(i int) journal.AuditEventDraft {
					return journal.AuditEventDraft{
						ID: new(fmt.Sprintf("log_%03d", i)), CreatedAt: at(i), TenantID: w.tenant(i), Key: keys[i%3], Payload: json[i/2%3],
						UserID: some(texts, i), ApplicationID: some(texts, i/2), IP: some(texts, i/3), UserAgent: some(texts, i/5),
					}
				}),
				store: func(drafts []journal.AuditEventDraft) error {
					_, err := w.AuditEvents.Append(w.ctx, drafts)
					return err
				},
				filters: []filter[journal.AuditEventDraft]{
					{"key", "=cmd()", func(d journal.AuditEventDraft) bool { return d.Key == "=cmd()" }},
					{"user_id", "two\nlines", func(d journal.AuditEventDraft) bool { return is(d.UserID, "two\nlines") }},
					{"application_id", "plain", func(d journal.AuditEventDraft) bool { return is(d.ApplicationID, "plain") }},
					{"ip", "-", func(d journal.AuditEventDraft) bool { return is(d.IP, "-") }},
					{"tenant_id", w.two.String(), func(d journal.AuditEventDraft) bool { return is(d.TenantID, w.two) }},
					{"since", since.String(), func(d journal.AuditEventDraft) bool { return *d.CreatedAt >= since }},
					{"until", until.String(), func(d journal.AuditEventDraft) bool { return *d.CreatedAt < until }},
				},
			})
		})

		t.Run("operations", func(t *testing.T) {
			data := append(json, column.JSON(`"a text"`), column.JSON(`[1]`), column.JSON(`7`))
			check(t, w, sample[journal.OperationDraft]{
				kind: "operations", id: "log_id",
				key:  func(d journal.OperationDraft) string { return strconv.FormatInt(*d.ID, 10) },
				time: func(d journal.OperationDraft) column.Time { return *d.CreatedAt },
				drafts: make60(func(i int) journal.OperationDraft {
					d := journal.OperationDraft{
						ID: new(int64(i + 1)), CreatedAt: at(i), TenantID: w.tenant(i), Username: some(texts, i),
						Action: column.Action(i%10 + 1), Module: texts[i/2%len(texts)], Description: texts[i/3%len(texts)],
						TargetModel: some(texts, i/4), IPAddress: some(texts, i/5), UserAgent: some(texts, i/6),
						RequestData: data[i%len(data)], Failed: i%3 == 0,
					}
					if i%2 == 0 {
						d.UserID, d.TargetID, d.ResponseStatus = new(int64(i%4)), new(int64(i)), new(int64(200))
					}
					return d
				}),
				store: func(drafts []journal.OperationDraft) error { _, err := w.Operations.Append(w.ctx, drafts); return err },
				filters: []filter[journal.OperationDraft]{
					{"user", "2", func(d journal.OperationDraft) bool { return is(d.UserID, 2) }},
					{"username", `say "hi"`, func(d journal.OperationDraft) bool { return is(d.Username, `say "hi"`) }},
					{"action_type", "login", func(d journal.OperationDraft) bool { return d.Action.String() == "login" }},
					{"module", "=1+1", func(d journal.OperationDraft) bool { return d.Module == "=1+1" }},
					{"status", "0", func(d journal.OperationDraft) bool { return d.Failed }},
					{"status", "1", func(d journal.OperationDraft) bool { return !d.Failed }},
					{"ip_address", "\rlone", func(d journal.OperationDraft) bool { return is(d.IPAddress, "\rlone") }},
					{"tenant_id", w.one.String(), func(d journal.OperationDraft) bool { return is(d.TenantID, w.one) }},
					{"since", since.String(), func(d journal.OperationDraft) bool { return *d.CreatedAt >= since }},
					{"until", until.String(), func(d journal.OperationDraft) bool { return *d.CreatedAt < until }},
				},
			})
		})

		t.Run("usage", func(t *testing.T) {
			check(t, w, sample[journal.UsageRecordDraft]{
				kind: "usage", id: "id",
				key:  func(d journal.UsageRecordDraft) string { return strconv.FormatInt(*d.ID, 10) },
				time: func(d journal.UsageRecordDraft) column.Time { return *d.CreatedAt },
				drafts: make60(func(i int) journal.UsageRecordDraft {
					return journal.UsageRecordDraft{
						ID: new(int64(i + 1)), CreatedAt: at(i), TenantID: w.tenant(i), Type: column.UsageTypes[i%5], UserID: int64(i % 7),
						Username: texts[i%len(texts)], TokenID: int64(i % 5), TokenName: texts[i/2%len(texts)],
						ModelName: texts[i/3%len(texts)], Quota: int64(i) << 40, PromptTokens: int64(i), CompletionTokens: -1, UseTime: 2,
						IsStream: i%2 == 0, ChannelID: int64(i % 3), ChannelName: texts[i/4%len(texts)], Group: texts[i/5%len(texts)],
						IP: texts[i/6%len(texts)], Content: texts[i%len(texts)] + " Content", Other: `{"admin_info":{"x":1},"y":"a,b"}`,
					}
				}),
				store: func(drafts []journal.UsageRecordDraft) error {
					_, err := w.UsageRecords.Append(w.ctx, drafts)
					return err
				},
				filters: []filter[journal.UsageRecordDraft]{
					{"type", "2", func(d journal.UsageRecordDraft) bool { return d.Type == 2 }},
					{"user_id", "3", func(d journal.UsageRecordDraft) bool { return d.UserID == 3 }},
					{"username", "a,b", func(d journal.UsageRecordDraft) bool { return d.Username == "a,b" }},
					{"token_id", "0", func(d journal.UsageRecordDraft) bool { return d.TokenID == 0 }},
					{"token_name", "", func(d journal.UsageRecordDraft) bool { return d.TokenName == "" }},
					{"model_name", "plain", func(d journal.UsageRecordDraft) bool { return d.ModelName == "plain" }},
					{"channel_id", "1", func(d journal.UsageRecordDraft) bool { return d.ChannelID == 1 }},
					{"group", "用户登录成功 😀", func(d journal.UsageRecordDraft) bool { return d.Group == "用户登录成功 😀" }},
					{"tenant_id", w.two.String(), func(d journal.UsageRecordDraft) bool { return is(d.TenantID, w.two) }},
					{"search", "lines content", func(d journal.UsageRecordDraft) bool { return strings.Contains(d.Content, "lines Content") }},
					{"since", since.String(), func(d journal.UsageRecordDraft) bool { return *d.CreatedAt >= since }},
					{"until", until.String(), func(d journal.UsageRecordDraft) bool { return *d.CreatedAt < until }},
				},
			})
		})

		t.Run("api-calls", func(t *testing.T) {
			apps := []string{"app-0123456789", "short", "=HYPERLINK(\"x\")"}
			methods := []string{"GET", "POST", ""}
			codes := []int64{200, 404, 0, 999}
			check(t, w, sample[journal.APICallDraft]{
				kind: "api-calls", id: "log_id",
				key:  func(d journal.APICallDraft) string { return *d.ID },
				time: func(d journal.APICallDraft) column.Time { return *d.OperationTime },
				drafts: make60(func(i int) journal.APICallDraft {
					return journal.APICallDraft{
						ID: new(fmt.Sprintf("%03d", i)), OperationTime: at(i), TenantID: w.tenant(i), AppID: apps[i%3],
						APIPath: "/" + texts[i/2%len(texts)], HTTPMethod: methods[i/3%3], SourceIP: texts[i/4%len(texts)], StatusCode: codes[i%4],
					}
				}),
				store: func(drafts []journal.APICallDraft) error { _, err := w.APICalls.Append(w.ctx, drafts); return err },
				filters: []filter[journal.APICallDraft]{
					{"app_id", "app-0123456789", func(d journal.APICallDraft) bool { return d.AppID == "app-0123456789" }},
					{"api_path", "/a,b", func(d journal.APICallDraft) bool { return d.APIPath == "/a,b" }},
					{"http_method", "POST", func(d journal.APICallDraft) bool { return d.HTTPMethod == "POST" }},
					{"source_ip", "=1+1", func(d journal.APICallDraft) bool { return d.SourceIP == "=1+1" }},
					{"status_code", "404", func(d journal.APICallDraft) bool { return d.StatusCode == 404 }},
					{"status_code", "0", func(d journal.APICallDraft) bool { return d.StatusCode == 0 }},
					{"tenant_id", w.one.String(), func(d journal.APICallDraft) bool { return is(d.TenantID, w.one) }},
					{"since", since.String(), func(d journal.APICallDraft) bool { return *d.OperationTime >= since }},
					{"until", until.String(), func(d journal.APICallDraft) bool { return *d.OperationTime < until }},
				},
			})
		})
	})
}

func check[D any](t *testing.T, w *world, s sample[D]) {
	kind, _ := export.KindOf(s.kind)
	// A table without rows has its header and nothing else.
	if a := w.ask("GET", "/export/"+s.kind+"?format=csv", "admin"); a.body != strings.Join(kind.Columns, ",")+"\r\n" {
		t.Errorf("the empty table gives %q", a.body)
	}
	if a := w.ask("GET", "/export/"+s.kind, "admin"); a.status != 200 || a.body != "" {
		t.Errorf("the empty table gives %d %q", a.status, a.body)
	}
	if err := s.store(s.drafts); err != nil {
		t.Fatal(err)
	}

	asked := map[string]bool{}
	cases := append(s.filters, filter[D]{"", "", func(D) bool { return true }})
	for i, first := range s.filters { // two at once
		second := s.filters[(i+1)%len(s.filters)]
		if first.field != second.field {
			cases = append(cases, filter[D]{first.field + "&" + second.field, first.value + "&" + second.value,
				func(d D) bool { return first.passes(d) && second.passes(d) }})
		}
	}
	for _, f := range cases {
		query, terms := url.Values{}, []export.Term(nil)
		if f.field != "" {
			values := strings.Split(f.value, "&")
			for i, field := range strings.Split(f.field, "&") {
				asked[field] = true
				terms = append(terms, export.Term{Field: field, Value: values[i]})
				query.Set(field, values[i])
			}
		}
		var passing []D
		for _, d := range s.drafts {
			if f.passes(d) {
				passing = append(passing, d)
			}
		}
		if !strings.Contains(f.field, "&") && len(passing) == 0 {
			t.Errorf("no draft passes %s=%q", f.field, f.value)
		}
		slices.SortFunc(passing, func(a, b D) int { return cmp.Compare(s.time(a), s.time(b)) })
		var want []string
		for _, d := range passing {
			want = append(want, s.key(d))
		}

		lines := w.lines(s.kind, terms...)
		var got []string
		var parsed []map[string]json.RawMessage
		for line := range strings.Lines(lines) {
			var members map[string]json.RawMessage
			if err := json.Unmarshal([]byte(line), &members); err != nil {
				t.Fatal(err)
			}
			parsed = append(parsed, members)
			got = append(got, strings.Trim(string(members[s.id]), `"`))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s=%q: rows %v, want %v", f.field, f.value, got, want)
		}
		a := w.ask("GET", "/export/"+s.kind+"?"+query.Encode(), "admin")
		if a.status != 200 || a.body != lines || a.header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("%s=%q over HTTP: %d %s", f.field, f.value, a.status, a.body)
		}
		query.Set("format", "csv")
		a = w.ask("GET", "/export/"+s.kind+"?"+query.Encode(), "admin")
		if a.status != 200 || a.header.Get("Content-Type") != "text/csv; charset=utf-8" {
			t.Errorf("%s=%q as CSV: %d %v", f.field, f.value, a.status, a.header)
		}
		sameAsCSV(t, kind, a.body, parsed)
	}
	for _, field := range kind.Fields {
		if !asked[field] {
			t.Errorf("no filter asks for %s", field)
		}
	}
	// Some row has every key, and the keys stand in the columns' order.
	full := false
	for line := range strings.Lines(w.lines(s.kind)) {
		keys := keysOf(t, line)
		place := -1
		for _, key := range keys {
			at := slices.Index(kind.Columns, key)
			if at <= place {
				t.Fatalf("the keys are %v, the columns %v", keys, kind.Columns)
			}
			place = at
		}
		full = full || len(keys) == len(kind.Columns)
	}
	if !full {
		t.Error("no line has all the columns")
	}
}

// keysOf gives an object's keys in their order.
func keysOf(t *testing.T, object string) (keys []string) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(object))
	if _, err := decoder.Token(); err != nil {
		t.Fatal(err)
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.(string))
	}
	return keys
}

// sameAsCSV wants CSV, as encoding/csv reads it, to have the values of lines. That
// reader makes LF of CR LF inside values.
func sameAsCSV(t *testing.T, kind *export.Kind, text string, lines []map[string]json.RawMessage) {
	t.Helper()
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if len(records) != len(lines)+1 || !slices.Equal(records[0], kind.Columns) {
		t.Fatalf("%d records with the header %v, want %d with %v", len(records), records[0], len(lines)+1, kind.Columns)
	}
	for i, line := range lines {
		for c, column := range kind.Columns {
			want := string(line[column])
			switch {
			case want == "null":
				want = ""
			case strings.HasPrefix(want, `"`) && column != "request_data":
				if err := json.Unmarshal(line[column], &want); err != nil {
					t.Fatal(err)
				}
				want = strings.ReplaceAll(want, "\r\n", "\n")
			}
			if got := records[i+1][c]; got != want {
				t.Errorf("row %d has %s %q, want %q", i, column, got, want)
			}
		}
	}
}
