package rest_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
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

const openAPILogs = "/openapi/v1/audit/openapi-logs"

type traeAnswer struct {
	Code      *int            `json:"code"`
	Message   string          `json:"message"`
	RequestID string          `json:"request_id"`
	Data      json.RawMessage `json:"data"`
}

func FuzzTraeQuery(f *testing.F) {
	for _, query := range []string{
		"", "start_time=1700000000&end_time=1700086400", "start_time=1700000000&end_time=1700086400&page=2&page_size=200",
		"start_time=-62135596800&end_time=-62135596800", "start_time=253402300799&end_time=253402300799&page=9007199254740992",
		"start_time=%zz&end_time=%ff", "start_time=0&end_time=0&source_ip=%00&api_path=\xff", "start_time=99999999999999999999&end_time=-99999999999999999999",
		";;&=&a=b=c", "start_time=1&start_time=&end_time=1", "start_time=0&end_time=7776001&page=0&page_size=-1",
	} {
		f.Add(query)
	}
	worlds := fuzzWorlds(f, june15)
	for _, w := range worlds {
		for _, seconds := range []int64{0, 1, 1700000000} {
			at := column.Time(seconds * 1_000_000)
			if _, err := w.APICalls.Append(w.ctx, []journal.APICallDraft{{AppID: "the secret of an app", APIPath: "/p", OperationTime: &at}}); err != nil {
				f.Fatal(err)
			}
		}
	}
	f.Fuzz(func(t *testing.T, query string) {
		for w := range worlds.each(t) {
			recorder := w.get(openAPILogs, query)
			var a traeAnswer
			strictly(t, "trae", recorder, &a)
			switch ok := recorder.Code == 200; {
			case a.Code == nil || a.RequestID == "" || a.RequestID != recorder.Header().Get("X-Request-Id"):
				t.Fatalf("code or request_id: %s", recorder.Body)
			case ok && (*a.Code != 0 || a.Message != "success" || a.Data == nil):
				t.Fatalf("no success: %s", recorder.Body)
			case !ok && (recorder.Code != 400 || *a.Code != 4001 || a.Data != nil || !strings.HasPrefix(a.Message, "invalid parameter: ")):
				t.Fatalf("no refusal: %d %s", recorder.Code, recorder.Body)
			}
			if strings.Contains(recorder.Body.String(), "secret") {
				t.Fatalf("an app unmasked: %s", recorder.Body)
			}
		}
	})
}

// TestTraeParity asks for random calls by random filters, and holds the answers
// against a search in plain Go.
func TestTraeParity(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, june15, time.UTC)
		random := rand.New(rand.NewPCG(5, 6))
		const begin, day = 1_700_000_000, 86_400
		apps := map[string]string{"": "****", "AK12345678": "****", "AK123456789": "AK1234****6789", "AK1234****5678": "AK1234****5678", "应用编号一二三四五六七": "应用编号一二****四五六七"}
		var appIDs []string
		for id := range apps {
			appIDs = append(appIDs, id)
		}
		slices.Sort(appIDs)
		paths := []string{"/openapi/v1/users", "/openapi/v1/users/", "/OPENAPI/v1/users", "/a%_b", "/路径"}
		addresses := []string{"", "1.2.3.4", "1.2.3.40", "::1", "host.example"}
		drafts := make([]journal.APICallDraft, 500)
		for i := range drafts {
			at := column.Time((begin+random.Int64N(120*day))*1_000_000 + random.Int64N(2)*500_000)
			if i%3 == 0 {
				at = column.Time((begin + 30*day + random.Int64N(5)) * 1_000_000) // ties
			}
			drafts[i] = journal.APICallDraft{
				ID: new(strconv.Itoa(i * 37)), OperationTime: &at, AppID: pick(random, appIDs...), APIPath: pick(random, paths...),
				HTTPMethod: pick(random, "GET", "POST", ""), SourceIP: pick(random, addresses...), StatusCode: pick[int64](random, 200, 403, 0, 999),
			}
		}
		if _, err := w.APICalls.Append(w.ctx, drafts); err != nil {
			t.Fatal(err)
		}
		seconds := func(d *journal.APICallDraft) int64 { return int64(*d.OperationTime) / 1_000_000 }
		found := 0
		for range 300 {
			since := begin + random.Int64N(120*day)
			if random.IntN(2) == 0 {
				since = seconds(&drafts[random.IntN(len(drafts))])
			}
			until := since + pick(random, 0, 1, 3600, 90*day, random.Int64N(90*day))
			page, size := 1, 50
			q := url.Values{"start_time": {strconv.FormatInt(since, 10)}, "end_time": {strconv.FormatInt(until, 10)}}
			if random.IntN(2) == 0 {
				page, size = random.IntN(4)+1, random.IntN(200)+1
				q.Set("page", strconv.Itoa(page))
				q.Set("page_size", strconv.Itoa(size))
			}
			path, ip := pick(random, append(paths, "/nothing")...), pick(random, addresses[1:]...)
			byPath, byIP := random.IntN(3) == 0, random.IntN(3) == 0
			if byPath {
				q.Set("api_path", path)
			}
			if byIP {
				q.Set("source_ip", ip)
			}
			var all []*journal.APICallDraft
			for i := range drafts {
				d := &drafts[i]
				if at := seconds(d); at >= since && at <= until && (!byPath || d.APIPath == path) && (!byIP || d.SourceIP == ip) {
					all = append(all, d)
				}
			}
			slices.SortFunc(all, func(a, b *journal.APICallDraft) int {
				return cmp.Or(-cmp.Compare(seconds(a), seconds(b)), -cmp.Compare(*a.ID, *b.ID))
			})
			found += len(all)
			want := fmt.Sprintf("%d %d %d %d", page, size, len(all), (len(all)+size-1)/size)
			for _, d := range pageOf(all, page, size) {
				want += fmt.Sprintf(" [%s %s %s %s %s %d %d]", *d.ID, apps[d.AppID], d.APIPath, d.HTTPMethod, d.SourceIP, d.StatusCode, seconds(d))
			}

			recorder := w.get(openAPILogs, q.Encode())
			var a traeAnswer
			strictly(t, "trae", recorder, &a)
			var data struct {
				Items []struct {
					LogID         string `json:"log_id"`
					AppID         string `json:"app_id"`
					APIPath       string `json:"api_path"`
					HTTPMethod    string `json:"http_method"`
					SourceIP      string `json:"source_ip"`
					StatusCode    int    `json:"status_code"`
					OperationTime int64  `json:"operation_time"`
				}
				Pagination struct {
					Page, Total int
					PageSize    int `json:"page_size"`
					TotalPages  int `json:"total_pages"`
				}
			}
			if err := json.Unmarshal(a.Data, &data); err != nil || recorder.Code != 200 {
				t.Fatalf("%s: %d %s", q.Encode(), recorder.Code, recorder.Body)
			}
			p := data.Pagination
			got := fmt.Sprintf("%d %d %d %d", p.Page, p.PageSize, p.Total, p.TotalPages)
			for _, row := range data.Items {
				got += fmt.Sprintf(" [%s %s %s %s %s %d %d]", row.LogID, row.AppID, row.APIPath, row.HTTPMethod, row.SourceIP, row.StatusCode, row.OperationTime)
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
