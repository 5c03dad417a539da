package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/db/dbtest"
	"logbook/internal/fault"
	"logbook/internal/journal"
	"logbook/internal/web"
	"logbook/rest"
)

// usage is an item of newapi's, and a line of its import, which is nearly the same.
type usage struct {
	ID               int64   `json:"id"`
	TenantID         *string `json:"tenant_id,omitempty"`
	TenantName       *string `json:"tenant_name,omitempty"`
	UserID           int64   `json:"user_id"`
	CreatedAt        int64   `json:"created_at"`
	Type             int     `json:"type"`
	Content          string  `json:"content"`
	Username         string  `json:"username"`
	TokenName        string  `json:"token_name"`
	ModelName        string  `json:"model_name"`
	Quota            int64   `json:"quota"`
	PromptTokens     int64   `json:"prompt_tokens"`
	CompletionTokens int64   `json:"completion_tokens"`
	UseTime          int64   `json:"use_time"`
	IsStream         bool    `json:"is_stream"`
	ChannelID        int64   `json:"channel_id"`
	Channel          int64   `json:"channel"`
	ChannelName      string  `json:"channel_name"`
	TokenID          int64   `json:"token_id"`
	Group            string  `json:"group"`
	IP               string  `json:"ip"`
	Other            string  `json:"other"`
}

// usageKeys are the keys of an item in their order.
var usageKeys = []string{
	"id", "user_id", "created_at", "type", "content", "username", "token_name", "model_name", "quota", "prompt_tokens",
	"completion_tokens", "use_time", "is_stream", "channel_id", "channel", "channel_name", "token_id", "group", "ip", "other",
}

// ask answers a request of newapi's; credential and user "" are not sent.
func (w *world) ask(method, target, credential, user string) *httptest.ResponseRecorder {
	path, query, _ := strings.Cut(target, "?")
	request := httptest.NewRequest(method, path, nil)
	request.URL.RawQuery = query
	for name, value := range map[string]string{"Authorization": credential, "New-Api-User": user} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	recorder := httptest.NewRecorder()
	w.server.Handler.ServeHTTP(recorder, request)
	return recorder
}

// readUsage reads an answer of newapi's: what stands under data, nil for a refusal,
// and the items in it. It fails where the envelope or an item is not well formed.
func readUsage(t testing.TB, recorder *httptest.ResponseRecorder) (data json.RawMessage, items []usage) {
	t.Helper()
	body := recorder.Body.Bytes()
	wellFormed(t, "newapi", recorder.Code, recorder.Header(), body)
	var e struct {
		Success *bool
		Message *string
		Data    json.RawMessage
	}
	err := json.Unmarshal(body, &e)
	switch {
	case recorder.Code != http.StatusOK:
		t.Fatalf("answered %d %s", recorder.Code, body)
	case err != nil || e.Success == nil || e.Message == nil:
		t.Fatalf("no envelope: %v %q", err, body)
	case !*e.Success && *e.Message != "target timestamp is required" && !strings.ContainsFunc(*e.Message, isHan):
		t.Fatalf("a failure wants one of the document's messages: %s", body)
	case *e.Success != (*e.Message == "") || *e.Success != (len(e.Data) > 0) || string(e.Data) == "null":
		t.Fatalf("success, message and data do not fit: %s", body)
	case !*e.Success:
		return nil, nil
	}
	var raw []json.RawMessage
	var page struct{ Items []json.RawMessage }
	if json.Unmarshal(e.Data, &raw) != nil && json.Unmarshal(e.Data, &page) == nil {
		raw = page.Items
	}
	for _, one := range raw {
		var keys []string
		read := json.NewDecoder(bytes.NewReader(one))
		for depth := 0; ; depth++ {
			token, err := read.Token()
			if err == io.EOF {
				break
			}
			if token == nil || err != nil {
				t.Fatalf("an item with null: %s (%v)", one, err)
			}
			if depth%2 == 1 {
				if key, ok := token.(string); ok {
					keys = append(keys, key)
				}
			}
		}
		if !slices.Equal(keys, usageKeys) {
			t.Fatalf("an item's keys are %q", keys)
		}
		var item usage
		if err := json.Unmarshal(one, &item); err != nil {
			t.Fatal(err)
		}
		items = append(items, item)
	}
	return e.Data, items
}

// usagePaths are newapi's endpoints that a user may read, then those that only an
// administrator may.
var usagePaths = [2][]string{
	{"/api/log/self", "/api/log/self/stat", "/api/log/self/search", "/api/log/token"},
	{"/api/log/", "/api/log/stat", "/api/log/search"},
}

func FuzzNewAPIQuery(f *testing.F) {
	for _, query := range []string{
		"", "p=1&page_size=20&type=2&start_timestamp=1640908800&end_timestamp=1640995200&username=testuser&token_name=api_token&model_name=gpt-4&channel=1&group=default",
		"p=9223372036854775807&page_size=100", "p=-9223372036854775808&ps=0", "start_timestamp=-9223372036854775808&end_timestamp=9223372036854775807",
		"type=%ff&channel=%zz", "model_name=%25%25%25_%5C", "username=%00&token_name=\xff", "keyword=2", "keyword=%27%20OR%201=1--", "keyword=%F0%9F%98",
		"user_id=2", "token_id=2", "username=bob", "key=alice-gate", "key=sk-alice-gate&key=", ";;&=&a=b=c", "target_timestamp=1", "target_timestamp=99999999999999999999",
		"group=%E9%BB%98", "model_name=GPT%25&group=g", "type=258", "channel=-1&type=-1",
	} {
		f.Add(query)
	}
	worlds := fuzzWorlds(f, june15)
	for _, w := range worlds {
		for id, name := range map[int64]string{1: "alice", 2: "bob"} {
			if _, err := w.accounts.AddUser(w.ctx, account.UserDraft{ID: &id, Username: name}); err != nil {
				f.Fatal(err)
			}
		}
		gate := account.KeyedToken{ID: ptr[int64](31), Key: "alice-gate", TokenDraft: account.TokenDraft{UserID: 1, Name: "gate"}}
		access := account.KeyedToken{ID: ptr[int64](32), Key: "alice", TokenDraft: account.TokenDraft{UserID: 1, Name: "access", Role: auth.User}}
		if outcomes, err := w.accounts.ImportTokens(w.ctx, []account.KeyedToken{gate, access}); err != nil || !outcomes[0].Stored || !outcomes[1].Stored {
			f.Fatal(outcomes, err)
		}
	}
	admin := worlds[0].credential(f, "admin") // a JWT, good in all
	fill := func(t testing.TB, w *world) (all int64) {
		t.Helper()
		const want = 12
		all, err := w.UsageRecords.Count(w.ctx, journal.UsageRecordFilter{})
		if err != nil {
			t.Fatal(err)
		}
		var drafts []journal.UsageRecordDraft
		for i := all; i < want; i++ {
			at := column.TimeOf(time.Unix(1_640_908_800+i*3600, 0))
			drafts = append(drafts, journal.UsageRecordDraft{
				CreatedAt: &at, Type: column.UsageTypes[i%5], UserID: i % 3, Username: []string{"", "alice", "bob"}[i%3], TokenID: 30 + i%4,
				TokenName: "api_token", ModelName: "gpt-4", Quota: i, ChannelID: i % 2, ChannelName: "渠道", Group: "default",
				Content: "API调用错误 error 100%", Other: `{"admin_info":{"use_channel":["1"]},"model_ratio":15.0}`,
			})
		}
		if len(drafts) > 0 {
			if _, err := w.UsageRecords.Append(w.ctx, drafts); err != nil {
				t.Fatal(err)
			}
		}
		return max(all, want)
	}
	f.Fuzz(func(t *testing.T, query string) {
		for w := range worlds.each(t) {
			before := fill(t, w)
			for _, path := range slices.Concat(usagePaths[0], usagePaths[1]) {
				readUsage(t, w.ask("GET", path+"?"+query, admin, "7"))
			}
			for _, path := range usagePaths[0] {
				for _, credential := range []string{"alice", "alice-gate"} {
					recorder := w.ask("GET", path+"?"+query, credential, "1")
					if strings.Contains(recorder.Body.String(), "admin_info") || strings.Contains(recorder.Body.String(), "渠道") {
						t.Fatalf("%s shows what is the administrator's: %s", path, recorder.Body)
					}
					_, items := readUsage(t, recorder)
					for _, item := range items {
						if item.UserID != 1 || credential == "alice-gate" && path != "/api/log/token" {
							t.Fatalf("%s gives %s %+v", path, credential, item)
						}
					}
				}
			}
			for _, path := range usagePaths[1] {
				if data, _ := readUsage(t, w.ask("GET", path+"?"+query, "alice", "1")); data != nil {
					t.Fatalf("%s gives a user %s", path, data)
				}
			}
			if data, _ := readUsage(t, w.ask("DELETE", "/api/log/?"+query, "alice", "1")); data != nil {
				t.Fatalf("a user deleted %s", data)
			}
			if after := fill(t, w); after != before {
				t.Fatalf("%d records became %d while nobody deleted any", before, after)
			}
			var deleted int64
			if data, _ := readUsage(t, w.ask("DELETE", "/api/log/?"+query, admin, "7")); data != nil {
				if err := json.Unmarshal(data, &deleted); err != nil {
					t.Fatal(err)
				}
			}
			after, err := w.UsageRecords.Count(w.ctx, journal.UsageRecordFilter{})
			if err != nil || after != before-deleted {
				t.Fatalf("%d records less %d are %d (%v)", before, deleted, after, err)
			}
		}
	})
}

// The values that random records and questions are made of. Those of other come
// with what a user may see of them.
var (
	usageNow    = time.Date(2023, 6, 15, 12, 0, 0, 0, time.UTC).Unix()
	usageTimes  = []int64{0, 1, 30, 59, 60, 61, 3600, 3601, 86400, 100_000, 2_000_000} // seconds before now
	usageNames  = []string{"", "alice", "Alice", "alice ", "100%", "名"}
	usageModels = []string{"", "gpt-4", "GPT-4", "gpt-4o", "gpt_4", "Ärger", "ärger", `a\b`}
	usageLikes  = []string{"gpt-4", "GPT%", "gpt_4", "%4", "_rger", "Ärger", "%", `a\b`, "gpt-4_", "_", "zz"}
	usageWords  = []string{"1", "2", "5", "6", "ERROR", "错误", "100%", "_", `\`, "gpt", "Ä", "zz", " "}
	usageTexts  = []string{"", "an error", "API调用错误", "100% of 2", "GPT_5", "Ä", `\n`}
	usageOther  = [][2]string{
		{"", ""}, {`{"model_ratio":15.0}`, `{"model_ratio":15.0}`}, {`{"admin_info":{"use_channel":["1"]},"a":1}`, `{"a":1}`},
		{"admin_info", ""}, {`{"a":{"b":[1, 2]}}`, `{"a":{"b":[1, 2]}}`},
	}
)

// usageFilter is a question of newapi's list; nil asks nothing.
type usageFilter struct {
	kind, since, until, channel             *int64
	username, tokenName, modelName, grouped *string
}

// matches is the filter in plain Go.
func (f usageFilter) matches(u usage) bool {
	return f.matchesNames(u) && (f.kind == nil || int64(u.Type) == *f.kind) &&
		(f.since == nil || u.CreatedAt >= *f.since) && (f.until == nil || u.CreatedAt <= *f.until)
}

func (f usageFilter) matchesNames(u usage) bool {
	if f.modelName != nil {
		pattern := regexp.QuoteMeta(lowerASCII(*f.modelName))
		pattern = strings.NewReplacer("%", "(?s:.*)", "_", "(?s:.)").Replace(pattern)
		if !regexp.MustCompile("^" + pattern + "$").MatchString(lowerASCII(u.ModelName)) {
			return false
		}
	}
	return (f.username == nil || u.Username == *f.username) && (f.tokenName == nil || u.TokenName == *f.tokenName) &&
		(f.channel == nil || u.ChannelID == *f.channel) && (f.grouped == nil || u.Group == *f.grouped)
}

// randomFilter gives a question and how a caller writes it: what is not asked is
// left out, or written so that it asks nothing.
func randomFilter(r *rand.Rand) (f usageFilter, q url.Values) {
	q = url.Values{}
	number := func(name string, field **int64, nothing []string, values ...int64) {
		switch r.IntN(4) {
		case 0:
			value := values[r.IntN(len(values))]
			*field = &value
			q.Set(name, strconv.FormatInt(value, 10))
		case 1:
			q.Set(name, nothing[r.IntN(len(nothing))])
		}
	}
	text := func(name string, field **string, values []string) {
		switch r.IntN(5) {
		case 0:
			if value := values[r.IntN(len(values))]; value != "" {
				*field = &value
				q.Set(name, value)
			}
		case 1:
			q.Set(name, " ")
		}
	}
	off := []string{"0", "", "x", "1.5", "\xff"}
	number("type", &f.kind, off, 1, 2, 2, 2, 3, 4, 5, 6, -1, 258)
	number("start_timestamp", &f.since, append(off, "-99999999999999999999"), usageNow-61, usageNow-60, usageNow-3600, usageNow-86_400, usageNow-90_000, usageNow+1, 253_402_300_800)
	number("end_timestamp", &f.until, append(off, "99999999999999999999"), usageNow-61, usageNow-60, usageNow-3600, usageNow-86_400, usageNow-90_000, usageNow+1, -1)
	text("username", &f.username, usageNames)
	text("token_name", &f.tokenName, usageNames)
	text("model_name", &f.modelName, usageLikes)
	number("channel", &f.channel, off, 1, 2, 9, -1)
	text("group", &f.grouped, usageNames)
	return f, q
}

// TestNewAPIEqualsRecount asks every endpoint random questions about random records
// and holds the answers against a recount of the same records in plain Go.
func TestNewAPIEqualsRecount(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, june15, time.UTC)
		r := rand.New(rand.NewPCG(4, 2))
		ids := r.Perm(500)
		rows := make([]usage, len(ids))
		shown := map[int64]string{} // by id, what a user may see of other
		lines := make([]json.RawMessage, len(ids))
		for i, id := range ids {
			other := usageOther[r.IntN(len(usageOther))]
			row := usage{
				ID: int64(id + 1), UserID: r.Int64N(4), CreatedAt: usageNow - usageTimes[r.IntN(len(usageTimes))], Type: 1 + r.IntN(5),
				Content: pick(r, usageTexts...), Username: pick(r, usageNames...), TokenName: pick(r, usageNames...), ModelName: pick(r, usageModels...),
				Quota: r.Int64N(1000) - 10, PromptTokens: r.Int64N(100), CompletionTokens: r.Int64N(100), UseTime: r.Int64N(9), IsStream: r.IntN(2) == 0,
				ChannelID: r.Int64N(3), ChannelName: pick(r, usageNames...), TokenID: 30 + r.Int64N(4), Group: pick(r, usageNames...), IP: "::1", Other: other[0],
			}
			row.Channel = row.ChannelID
			if tenants := []*string{nil, ptr(tenantA), ptr("550e8400-e29b-41d4-a716-446655440002")}; r.IntN(2) == 0 {
				if row.TenantID = tenants[r.IntN(3)]; row.TenantID != nil {
					row.TenantName = row.TenantID
				}
			}
			rows[i], shown[row.ID] = row, other[1]
			var err error
			if lines[i], err = json.Marshal(row); err != nil {
				t.Fatal(err)
			}
		}
		w.sow(t, seed{
			Usage: lines,
			Users: []json.RawMessage{json.RawMessage(`{"id":1,"username":"alice"}`), json.RawMessage(`{"id":2,"username":"eve"}`)},
			Tokens: []json.RawMessage{
				json.RawMessage(`{"id":31,"user_id":1,"name":"a","key":"alice","role":"user","permissions":["usage:read"]}`),
				json.RawMessage(`{"id":32,"user_id":2,"name":"e","key":"eve","role":"user","tenant_id":"` + tenantA + `"}`),
				json.RawMessage(`{"id":33,"name":"nobody's","key":"sk-ownerless"}`),
			},
		})
		slices.SortFunc(rows, func(a, b usage) int {
			if a.CreatedAt != b.CreatedAt {
				return int(b.CreatedAt - a.CreatedAt)
			}
			return int(b.ID - a.ID)
		})
		callers := []struct {
			credential, user string
			own              int64
			tenant           string
			admin            bool
		}{
			{w.credential(t, "admin"), "7", 7, "", true},
			{w.credential(t, "admin of the tenant"), "7", 7, tenantA, true},
			{"alice", "1", 1, "", false},
			{"eve", "2", 2, tenantA, false},
			{adminToken, "0", -1, "", true},
		}
		found := 0
		for range 1200 {
			caller := callers[r.IntN(len(callers))]
			own := !caller.admin || r.IntN(3) == 0
			choose := func(limit int, matches func(usage) bool) (all []usage, total int) {
				for _, row := range rows {
					if own && row.UserID != caller.own || caller.tenant != "" && (row.TenantID == nil || *row.TenantID != caller.tenant) || !matches(row) {
						continue
					}
					row.TenantID, row.TenantName = nil, nil
					if own {
						row.ChannelName, row.Other = "", shown[row.ID]
					}
					all, total = append(all, row), total+1
				}
				return all[:min(limit, len(all))], total
			}
			path := "/api/log/"
			if own {
				path = "/api/log/self/"
			}
			filter, q := randomFilter(r)
			var want []usage
			var wantData any
			switch r.IntN(4) {
			case 0, 1:
				if own {
					filter.username, filter.channel = nil, nil
				}
				all, total := choose(len(rows), filter.matches)
				p, size := 1+r.IntN(4), 1+r.IntN(120)
				q.Set("p", strconv.Itoa(p))
				q.Set([]string{"page_size", "ps", "size"}[r.IntN(3)], strconv.Itoa(size))
				size = min(size, 100)
				from := min((p-1)*size, total)
				want = all[from:min(from+size, total)]
				wantData = map[string]any{"items": want, "total": total, "page": p, "page_size": size}
			case 2:
				path += "stat"
				if own {
					filter.username = nil
				}
				if filter.kind == nil {
					filter.kind = ptr[int64](2)
				}
				var quota, rpm, tpm int64
				choose(0, func(u usage) bool {
					if filter.matches(u) {
						quota += u.Quota
					}
					if u.Type == 2 && u.CreatedAt >= usageNow-60 && filter.matchesNames(u) {
						rpm++
						tpm += u.PromptTokens + u.CompletionTokens
					}
					return false
				})
				wantData = map[string]any{"quota": quota, "rpm": rpm, "tpm": tpm}
			case 3:
				path += "search"
				q = url.Values{}
				word := usageWords[r.IntN(len(usageWords))]
				q.Set("keyword", word)
				has := func(text string) bool { return strings.Contains(lowerASCII(text), lowerASCII(word)) }
				want, _ = choose(100, func(u usage) bool {
					if word == " " {
						return !own
					}
					return word == strconv.Itoa(u.Type) || has(u.Content) || own && has(u.ModelName)
				})
				wantData = want
			}
			target := path + "?" + q.Encode()
			data, got := readUsage(t, w.ask("GET", target, caller.credential, caller.user))
			if !slices.Equal(got, want) {
				t.Fatalf("%s as user %s\ngives %+v\nwant  %+v", target, caller.user, got, want)
			}
			found += len(got)
			if want == nil && strings.HasSuffix(path, "search") {
				wantData = []usage{}
			}
			if same(t, data) != same(t, wantData) {
				t.Fatalf("%s as user %s\ngives %s\nwant  %v", target, caller.user, data, wantData)
			}
		}
		if found < 2000 {
			t.Errorf("only %d records were found in all answers", found)
		}
		for key, owner := range map[string]int64{"alice": 1, "eve": 2, "sk-ownerless": -1} {
			var want []usage
			for _, row := range rows {
				id := map[string]int64{"alice": 31, "eve": 32, "sk-ownerless": 33}[key]
				if row.TokenID != id || owner >= 0 && row.UserID != owner || key == "eve" && (row.TenantID == nil || *row.TenantID != tenantA) {
					continue
				}
				row.TenantID, row.TenantName, row.ChannelName, row.Other = nil, nil, "", shown[row.ID]
				want = append(want, row)
			}
			if _, got := readUsage(t, w.ask("GET", "/api/log/token?key="+key, "", "")); !slices.Equal(got, want) || len(got) == 0 {
				t.Errorf("the key %s\ngives %+v\nwant  %+v", key, got, want)
			}
		}
	})
}

// same gives a value as JSON with its keys sorted; no items are an empty array.
func same(t *testing.T, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(raw, &plain); err != nil {
		t.Fatal(err)
	}
	if page, ok := plain.(map[string]any); ok && page["items"] == nil && page["page"] != nil {
		page["items"] = []any{}
	}
	raw, err = json.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestNewAPIPagesPartition walks all pages of records that tie in their time: each
// stands on just one page.
func TestNewAPIPagesPartition(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, june15, time.UTC)
		drafts := make([]journal.UsageRecordDraft, 211)
		for i := range drafts {
			at := column.TimeOf(time.Date(2023, 6, 15, 0, 0, i%3, 0, time.UTC))
			drafts[i] = journal.UsageRecordDraft{CreatedAt: &at, Type: column.Consume, UserID: 7}
		}
		rows, err := w.UsageRecords.Append(w.ctx, drafts)
		if err != nil {
			t.Fatal(err)
		}
		var all []int64
		for _, row := range rows {
			all = append(all, row.ID)
		}
		slices.Sort(all)
		admin := w.credential(t, "admin")
		for _, path := range []string{"/api/log/", "/api/log/self"} {
			var seen []int64
			for p := 1; ; p++ {
				_, items := readUsage(t, w.ask("GET", fmt.Sprintf("%s?p=%d&page_size=17", path, p), admin, "7"))
				if len(items) == 0 {
					break
				}
				for _, item := range items {
					seen = append(seen, item.ID)
				}
			}
			slices.Sort(seen)
			if !slices.Equal(seen, all) {
				t.Errorf("%s: %d records on all pages, want %d", path, len(seen), len(all))
			}
		}
	})
}

// TestNewAPIKeys holds that a key which is revoked or expired is answered as one
// that never was.
func TestNewAPIKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t), june15, time.UTC)
	w.sow(t, seed{Users: []json.RawMessage{json.RawMessage(`{"id":1,"username":"alice"}`)}})
	const unknown = `{"success":false,"message":"Token不存在或无权限"}`
	for _, c := range []struct {
		name   string
		draft  account.TokenDraft
		become func(*ent.AccessToken)
		want   string
	}{
		{"revoked", account.TokenDraft{}, func(token *ent.AccessToken) {
			if err := w.accounts.RevokeToken(w.ctx, token.ID); err != nil {
				t.Fatal(err)
			}
		}, unknown},
		{"expired", account.TokenDraft{Lifetime: time.Hour}, func(*ent.AccessToken) { w.setClock(t, "2023-06-15T13:00:00Z") }, unknown},
		{"not yet expired", account.TokenDraft{Lifetime: time.Hour}, func(*ent.AccessToken) { w.setClock(t, "2023-06-15T13:59:59Z") }, `{"success":true,"message":"","data":[]}`},
	} {
		c.draft.UserID, c.draft.Name = 1, c.name
		token, key, err := w.accounts.AddToken(w.ctx, c.draft)
		if err != nil {
			t.Fatal(err)
		}
		c.become(token)
		if got := strings.TrimSpace(w.ask("GET", "/api/log/token?key="+key, "", "").Body.String()); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestNewAPIFailures holds that a call which fails answers with its document's
// message and status 200, and that the cause stands in the log, but no key.
func TestNewAPIFailures(t *testing.T) {
	t.Parallel()
	const key = "sk-Hy7vQ2-secret"
	w := newWorld(t, dbtest.SQLite(t), june15, time.UTC)
	broken, stop := context.WithCancelCause(auth.With(t.Context(), &auth.Principal{Subject: "7", Role: auth.Admin}))
	stop(errors.New("the database is gone"))
	for request, want := range map[string]string{
		"GET /api/log/token?key=" + key:            "Token不存在或无权限",
		"GET /api/log/self/stat":                   "获取统计信息失败",
		"GET /api/log/self/":                       "获取日志失败",
		"GET /api/log/self/search?keyword=" + key:  "搜索日志失败",
		"GET /api/log":                             "获取日志失败",
		"DELETE /api/log/?target_timestamp=1":      "删除日志失败",
		"GET /api/log/stat/":                       "获取统计信息失败",
		"GET /api/log/search/?keyword=&key=" + key: "搜索日志失败",
	} {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		mux := http.NewServeMux()
		keys := func(context.Context, string) (*ent.AccessToken, error) {
			return nil, fault.Wrap(fault.Unavailable, errors.New("no database"), "try again")
		}
		rest.Mount(mux, w.Journal, rest.Options{Log: logger, Keys: keys})
		method, target, _ := strings.Cut(request, " ")
		r := httptest.NewRequestWithContext(broken, method, target, nil)
		r.Header.Set("New-Api-User", "7")
		r.Header.Set("Authorization", "Bearer "+key)
		recorder := httptest.NewRecorder()
		web.Server(mux, web.Options{}, logger).Handler.ServeHTTP(recorder, r)
		want = `{"success":false,"message":"` + want + `"}`
		if got := strings.TrimSpace(recorder.Body.String()); recorder.Code != http.StatusOK || got != want {
			t.Errorf("%s: %d %s, want %s", request, recorder.Code, got, want)
		}
		if said := log.String(); !strings.Contains(said, "a REST request failed") || strings.Contains(said, "Hy7vQ2") || strings.Contains(said, "?") {
			t.Errorf("%s: the log says %q", request, said)
		}
	}
}

// TestNewAPITokenIsOpenToAnyOrigin holds that a page of any origin may read
// /api/log/token, and nothing else of what is not meant for it.
func TestNewAPITokenIsOpenToAnyOrigin(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dbtest.SQLite(t), june15, time.UTC)
	log := slog.New(slog.DiscardHandler)
	mux := http.NewServeMux()
	keys := func(context.Context, string) (*ent.AccessToken, error) {
		return nil, fault.New(fault.NotFound, "there is none")
	}
	rest.Mount(mux, w.Journal, rest.Options{Log: log, Keys: keys})
	origins := web.Options{Origins: []string{"https://app.example"}, OpenPaths: rest.OpenPaths(nil)}
	handler := web.Server(mux, origins, log).Handler
	for target, want := range map[string]string{
		"/api/log/token?key=x": "*", "/api/log/token/?key=x": "*", "/api/log/": "", "/api/log/self": "", "/api/log/token/x": "", "/api/log/tokens": "", "/": "",
	} {
		for _, method := range []string{"GET", "OPTIONS", "HEAD"} {
			r := httptest.NewRequest(method, target, nil)
			r.Header.Set("Origin", "https://anybody.example")
			if method == "OPTIONS" {
				r.Header.Set("Access-Control-Request-Method", "GET")
				r.Header.Set("Access-Control-Request-Headers", "content-type")
			}
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, r)
			if got := recorder.Header().Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%s %s allows %q, want %q", method, target, got, want)
			}
		}
	}
	if paths := rest.OpenPaths([]string{"scitiger"}); len(paths) > 0 {
		t.Errorf("without newapi %q are open", paths)
	}
}
