package rest_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"logbook/ent/column"
	"logbook/internal/db/dbtest"
	"logbook/internal/journal"
)

const november17 = "2025-11-17T12:00:00Z"

// get answers a query of the settings' administrator without a network. The query
// is sent as it is.
func (w *world) get(path, query string) *httptest.ResponseRecorder {
	request := httptest.NewRequest("GET", path, nil)
	request.URL.RawQuery = query
	request.Header.Set("X-Api-Key", adminToken)
	recorder := httptest.NewRecorder()
	w.server.Handler.ServeHTTP(recorder, request)
	return recorder
}

// strictly reads an answer of a dialect into an envelope that knows all keys there may
// be, after it held what every answer promises.
func strictly(t testing.TB, dialect string, recorder *httptest.ResponseRecorder, envelope any) {
	t.Helper()
	body := recorder.Body.Bytes()
	wellFormed(t, dialect, recorder.Code, recorder.Header(), body)
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(envelope); err != nil {
		t.Fatalf("no envelope: %v %q", err, body)
	}
}

// pageOf cuts a page out of all.
func pageOf[T any](all []T, page, size int) []T {
	from := min((page-1)*size, len(all))
	return all[from:min(from+size, len(all))]
}

// pick gives one of the values.
func pick[T any](random *rand.Rand, values ...T) T { return values[random.IntN(len(values))] }

// lowerASCII is written without the journal's, which it is to be held against.
func lowerASCII(text string) string {
	b := []byte(text)
	for i := range b {
		if 'A' <= b[i] && b[i] <= 'Z' {
			b[i] |= 0x20
		}
	}
	return string(b)
}

type hertzAnswer struct {
	Success *bool               `json:"success"`
	Code    int                 `json:"code"`
	Message string              `json:"message"`
	Data    json.RawMessage     `json:"data"`
	Errors  map[string][]string `json:"errors"`
}

func FuzzHertzQuery(f *testing.F) {
	for _, query := range []string{
		"", "page=2&page_size=1", "page=%zz&status=%ff", "user_id=99999999999999999999&status=0", "username=%00%25_&module=%F0%9F%98",
		"start_date=2025-11-17&end_date=2025-11-17T16:00:00+08:00", "page=9007199254740992&page_size=100", "page_size=0&page=-1",
		"end_date=9999-12-31T23:59:59.999999Z", "start_date=0001-01-01", "action_type=login&ip_address=\xff", ";;&=&a=b=c",
		"start_date=2025-11-18&end_date=2025-11-17&user_id=x", "username=" + strings.Repeat("x", 1025),
	} {
		f.Add(query)
	}
	worlds := fuzzWorlds(f, november17)
	for _, w := range worlds {
		for i, name := range []string{"one", "二", "three"} {
			draft := journal.OperationDraft{ID: new(int64(i + 1)), Username: &name, Module: "m", RequestData: column.JSON(`{"a":"\u0000"}`)}
			if _, err := w.Operations.Append(w.ctx, []journal.OperationDraft{draft}); err != nil {
				f.Fatal(err)
			}
		}
	}
	f.Fuzz(func(t *testing.T, query string) {
		for w := range worlds.each(t) {
			for _, path := range []string{"/api/log/list/", "/api/log/detail/2/"} {
				recorder := w.get(path, query)
				var a hertzAnswer
				strictly(t, "hertz", recorder, &a)
				switch ok := recorder.Code == 200; {
				case a.Success == nil || *a.Success != ok || a.Code != recorder.Code:
					t.Fatalf("status %d: %s", recorder.Code, recorder.Body)
				case ok && (a.Data == nil || a.Errors != nil):
					t.Fatalf("success wants data and nothing else: %s", recorder.Body)
				case !ok && (recorder.Code != 422 || a.Data != nil || len(a.Errors) == 0 || a.Message != "查询参数错误"):
					t.Fatalf("a refusal wants its errors and nothing else: %d %s", recorder.Code, recorder.Body)
				}
				for field, texts := range a.Errors {
					if field == "" || len(texts) == 0 || !strings.ContainsFunc(texts[0], isHan) {
						t.Fatalf("errors: %s", recorder.Body)
					}
				}
			}
		}
	})
}

// TestHertzParity asks for random operations by random filters, and holds the
// answers against a search in plain Go.
func TestHertzParity(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, november17, time.UTC)
		random := rand.New(rand.NewPCG(17, 11))
		begin := time.Date(2025, 11, 17, 0, 0, 0, 0, time.UTC)
		actions := []string{"create", "update", "delete", "view", "list", "login", "logout", "export", "import", "other"}
		names := []*string{nil, new("admin"), new("Administrator"), new("alice"), new("ALI_ce"), new("张三"), new("É%"), new("é%")}
		modules := []string{"", "认证", "用户管理", "Report", "report_b", "100%"}
		addresses := []*string{nil, new("10.0.0.1"), new("10.0.0.10"), new("::1"), new("AWS Internal")}
		statuses := []*int64{nil, new(int64(200)), new(int64(399)), new(int64(400)), new(int64(100))}
		drafts := make([]journal.OperationDraft, 400)
		for i := range drafts {
			at := column.TimeOf(begin.Add(time.Duration(random.IntN(4*3600)) * time.Second))
			if random.IntN(4) == 0 {
				at += column.Time(random.IntN(1_000_000))
			}
			action, _ := column.ParseAction(pick(random, actions...))
			drafts[i] = journal.OperationDraft{
				ID: new(int64(1000 + i*7919%400)), CreatedAt: &at, Username: pick(random, names...), Action: action,
				Module: pick(random, modules...), IPAddress: pick(random, addresses...), ResponseStatus: pick(random, statuses...),
				Failed: random.IntN(3) == 0,
			}
			if drafts[i].Username != nil {
				drafts[i].UserID = new(int64(random.IntN(4) + 1))
			}
		}
		if _, err := w.Operations.Append(w.ctx, drafts); err != nil {
			t.Fatal(err)
		}
		found := 0
		for range 300 {
			q := url.Values{}
			passes := func(*journal.OperationDraft) bool { return true }
			and := func(name, value string, one func(*journal.OperationDraft) bool) {
				if random.IntN(4) > 0 {
					return
				}
				q.Set(name, value)
				before := passes
				passes = func(d *journal.OperationDraft) bool { return before(d) && one(d) }
			}
			user := int64(random.IntN(5) + 1)
			and("user_id", strconv.FormatInt(user, 10), func(d *journal.OperationDraft) bool { return d.UserID != nil && *d.UserID == user })
			name := pick(random, "a", "ADMIN", "ali", "%", "_", "三", "é", "É%", "nobody")
			and("username", name, func(d *journal.OperationDraft) bool {
				return d.Username != nil && strings.Contains(lowerASCII(*d.Username), lowerASCII(name))
			})
			action := pick(random, actions...)
			and("action_type", action, func(d *journal.OperationDraft) bool { return d.Action.String() == action })
			module := pick(random, "REPORT", "管", "%", "_b", "认证", "x")
			and("module", module, func(d *journal.OperationDraft) bool {
				return strings.Contains(lowerASCII(d.Module), lowerASCII(module))
			})
			status := random.IntN(2)
			and("status", strconv.Itoa(status), func(d *journal.OperationDraft) bool { return d.Failed == (status == 0) })
			ip := pick(random, "10.0.0.1", "::1", "10.0.0", "AWS Internal")
			and("ip_address", ip, func(d *journal.OperationDraft) bool { return d.IPAddress != nil && *d.IPAddress == ip })
			edge := func() column.Time {
				if random.IntN(2) == 0 {
					return *drafts[random.IntN(len(drafts))].CreatedAt
				}
				return column.TimeOf(begin.Add(time.Duration(random.IntN(4*60)) * time.Minute))
			}
			since, until := edge(), edge()
			since, until = min(since, until), max(since, until)
			and("start_date", since.String(), func(d *journal.OperationDraft) bool { return *d.CreatedAt >= since })
			and("end_date", until.Time().In(time.FixedZone("", 8*3600)).Format(time.RFC3339Nano),
				func(d *journal.OperationDraft) bool { return *d.CreatedAt <= until })
			page, size := 1, 20
			if random.IntN(2) == 0 {
				page, size = random.IntN(4)+1, random.IntN(100)+1
				q.Set("page", strconv.Itoa(page))
				q.Set("page_size", strconv.Itoa(size))
			}

			var all []*journal.OperationDraft
			for i := range drafts {
				if passes(&drafts[i]) {
					all = append(all, &drafts[i])
				}
			}
			slices.SortFunc(all, func(a, b *journal.OperationDraft) int {
				return cmp.Or(-cmp.Compare(*a.CreatedAt, *b.CreatedAt), -cmp.Compare(*a.ID, *b.ID))
			})
			found += len(all)
			want := fmt.Sprintf("%d %d %v %v", len(all), (len(all)+size-1)/size, page*size < len(all), page > 1)
			for _, d := range pageOf(all, page, size) {
				shown := "匿名用户"
				if d.Username != nil {
					shown = *d.Username
				}
				success := !d.Failed && (d.ResponseStatus == nil || *d.ResponseStatus >= 200 && *d.ResponseStatus <= 399)
				want += fmt.Sprintf(" [%d %s %s %v]", *d.ID, shown, d.CreatedAt, success)
			}

			recorder := w.get("/api/log/list", q.Encode())
			var answered struct {
				Data struct {
					Logs []struct {
						LogID     int64 `json:"log_id"`
						Username  string
						CreatedAt string `json:"created_at"`
						IsSuccess bool   `json:"is_success"`
					}
					Pagination struct {
						Count       int  `json:"total_count"`
						Pages       int  `json:"total_pages"`
						HasNext     bool `json:"has_next"`
						HasPrevious bool `json:"has_previous"`
					}
				}
			}
			if err := json.Unmarshal(recorder.Body.Bytes(), &answered); err != nil || recorder.Code != 200 {
				t.Fatalf("%s: %d %s", q.Encode(), recorder.Code, recorder.Body)
			}
			p := answered.Data.Pagination
			got := fmt.Sprintf("%d %d %v %v", p.Count, p.Pages, p.HasNext, p.HasPrevious)
			for _, row := range answered.Data.Logs {
				got += fmt.Sprintf(" [%d %s %s %v]", row.LogID, row.Username, row.CreatedAt, row.IsSuccess)
			}
			if got != want {
				t.Fatalf("%s\n got %s\nwant %s", q.Encode(), got, want)
			}
		}
		if found < 300 {
			t.Errorf("the filters found %d rows in all: too few to show anything", found)
		}
	})
}
