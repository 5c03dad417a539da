package rest_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"logbook/ent/column"
	"logbook/internal/db/dbtest"
	"logbook/internal/journal"
)

type codebirdAnswer struct {
	Code    *int            `json:"code"`
	Message *string         `json:"message"`
	Result  json.RawMessage `json:"result"`
}

func FuzzCodebird(f *testing.F) {
	for _, c := range [][2]string{
		{"", "page=2&page_size=1"}, {"x", "page=%zz&page_size=%ff"}, {"log_1", "page=9223372036854775807&page_size=100"},
		{"a/b", ""}, {"\xff", ""}, {"\x00", ";;&=&a=b=c"}, {"..", ""}, {"空 格", "page=-1"}, {"own", ""}, {strings.Repeat("x", 3000), ""},
	} {
		f.Add(c[0], c[1])
	}
	worlds := fuzzWorlds(f, june15)
	for _, w := range worlds {
		for _, id := range []string{"x", "空 格", "a/b", "own"} {
			draft := journal.AuditEventDraft{ID: &id, Key: "k", Payload: column.JSON(`{"a":"\u0000"}`)}
			if id == "own" {
				draft.ApplicationID = new("logbook")
			}
			bring(f, w.ctx, w.AuditEvents, draft)
		}
	}
	f.Fuzz(func(t *testing.T, id, query string) {
		for w := range worlds.each(t) {
			for _, path := range []string{"/api/v1/logs", "/api/v1/logs/" + url.PathEscape(id)} {
				recorder := w.get(path, query)
				var a codebirdAnswer
				strictly(t, "codebird", recorder, &a)
				switch ok := recorder.Code == 200; {
				case a.Code == nil || a.Message == nil || a.Result == nil:
					t.Fatalf("a key is missing: %s", recorder.Body)
				case ok && (*a.Code != 0 || *a.Message != "success" || a.Result[0] != '{'):
					t.Fatalf("no success: %s", recorder.Body)
				case !ok && (recorder.Code != 404 || *a.Code != 404 || string(a.Result) != `""` || !strings.ContainsFunc(*a.Message, isHan)):
					t.Fatalf("no refusal: %d %s", recorder.Code, recorder.Body)
				}
				if strings.Contains(recorder.Body.String(), `"logbook"`) {
					t.Fatalf("an event of Logbook's own: %s", recorder.Body)
				}
			}
		}
	})
}

// TestCodebirdParity asks for every page of random events, of which some are
// Logbook's own, and holds the answers against a list in plain Go.
func TestCodebirdParity(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, june15, time.UTC)
		random := rand.New(rand.NewPCG(3, 4))
		begin := time.Date(2023, 6, 15, 0, 0, 0, 0, time.UTC)
		applications := []*string{nil, new("logbook"), new("Logbook"), new("app"), new("")}
		var all []journal.AuditEventDraft
		for round := range 3 {
			drafts := make([]journal.AuditEventDraft, 130)
			for i := range drafts {
				at := column.TimeOf(begin.Add(time.Duration(random.IntN(200)) * time.Minute))
				drafts[i] = journal.AuditEventDraft{
					ID: new(fmt.Sprintf("%s%d-%d", pick(random, "", "log_", "L", "日志"), round, i)), CreatedAt: &at,
					Key: pick(random, "SignIn.Password", "Token.Refresh", "x"), ApplicationID: pick(random, applications...),
					UserID: pick(random, nil, new("u")), IP: pick(random, nil, new("10.0.0.1"), new("")), UserAgent: pick(random, nil, new("a")),
					Payload: column.JSON(pick(random, `{}`, `{"b":1,"a":[]}`)),
				}
				if *cmp.Or(drafts[i].ApplicationID, new("")) != "logbook" {
					all = append(all, drafts[i])
				}
			}
			bring(t, w.ctx, w.AuditEvents, drafts...)
			slices.SortFunc(all, func(a, b journal.AuditEventDraft) int {
				return cmp.Or(-cmp.Compare(*a.CreatedAt, *b.CreatedAt), -cmp.Compare(*a.ID, *b.ID))
			})
			for _, size := range []int{1, 7, 20, 100} {
				for page := 1; page <= len(all)/size+2; page += 1 + random.IntN(size+1)*40/size {
					type item struct {
						ID            string          `json:"id"`
						Key           string          `json:"key"`
						Payload       json.RawMessage `json:"payload"`
						UserID        *string         `json:"user_id"`
						ApplicationID *string         `json:"application_id"`
						IP            string          `json:"ip"`
						UserAgent     string          `json:"user_agent"`
						CreatedAt     string          `json:"created_at"`
					}
					text := func(s *string) string { return *cmp.Or(s, new("")) }
					want := []item{}
					for _, d := range pageOf(all, page, size) {
						want = append(want, item{*d.ID, d.Key, json.RawMessage(d.Payload), d.UserID, d.ApplicationID, text(d.IP), text(d.UserAgent), d.CreatedAt.String()})
					}
					wanted, err := json.Marshal(map[string]any{"code": 0, "message": "success", "result": map[string]any{
						"data": want, "total": len(all), "page": page, "page_size": size}})
					if err != nil {
						t.Fatal(err)
					}
					recorder := w.get("/api/v1/logs", fmt.Sprintf("page=%d&page_size=%d", page, size))
					var a codebirdAnswer
					strictly(t, "codebird", recorder, &a)
					var got, should any
					if json.Unmarshal(recorder.Body.Bytes(), &got) != nil || json.Unmarshal(wanted, &should) != nil || fmt.Sprint(got) != fmt.Sprint(should) {
						t.Fatalf("page %d of %d\n got %s\nwant %s", page, size, recorder.Body, wanted)
					}
				}
			}
		}
	})
}
