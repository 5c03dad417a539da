package resolvers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"logbook/ent/column"
	"logbook/internal/journal"
)

type page struct {
	Entries struct {
		TotalCount int
		Edges      []struct {
			Cursor string
			Node   struct{ ID, Message string }
		}
		PageInfo struct {
			HasNextPage, HasPreviousPage bool
			StartCursor, EndCursor       *string
		}
	}
}

const pageDocument = `query($f: EntryFilter, $first: Int, $after: String, $last: Int, $before: String) {
	entries(filter: $f, first: $first, after: $after, last: $last, before: $before) {
		edges { cursor node { id message } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
	}
}`

func at(text string) *column.Time {
	t, ok := column.ParseTime(text)
	if !ok {
		panic(text)
	}
	return &t
}

// Each field of the filter finds what it says, and the count agrees with the list.
func TestFilters(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		tenant := s.tenant("t")
		category, err := s.journal.CreateCategory(s.system, "System", "system")
		if err != nil {
			t.Fatal(err)
		}
		s.append(
			journal.EntryDraft{Message: "a Straße", Timestamp: at("2025-06-15T08:30:45.123456Z"), TenantID: &tenant, Level: ptr(column.Error)},
			journal.EntryDraft{Message: "b straße", Timestamp: at("2025-06-15T08:30:46Z"), CategoryID: &category.ID, Source: ptr("app")},
			journal.EntryDraft{Message: "c 100%_", Timestamp: at("2025-06-15T08:30:47Z"), UserID: ptr("7"), Source: ptr("app ")},
			journal.EntryDraft{Message: "d", Timestamp: at("2025-06-16T00:00:00+02:00"), UserID: ptr("7"), CategoryID: &category.ID},
		)
		for filter, want := range map[string]string{
			`null`:                             "dcba",
			`{}`:                               "dcba",
			`{"since":"2025-06-15T08:30:46Z"}`: "dcb",
			`{"until":"2025-06-15T08:30:46Z"}`: "a",
			`{"since":"2025-06-15T10:30:45.123457+02:00","until":"2025-06-15T22:00:00Z"}`: "cb",
			`{"tenantId":{"eq":"` + tenant.String() + `"}}`:                               "a",
			`{"tenantId":{"not":"` + tenant.String() + `"}}`:                              "dcb",
			`{"tenantId":{"exists":false}}`:                                               "dcb",
			`{"categoryId":{"in":["` + category.ID.String() + `"]}}`:                      "db",
			`{"categoryId":{"exists":false}}`:                                             "ca",
			`{"level":{"eq":"ERROR"}}`:                                                    "a",
			`{"level":{"atLeast":"WARNING","atMost":"ERROR"}}`:                            "a",
			`{"level":{"not":["ERROR"]}}`:                                                 "dcb",
			`{"level":null,"source":{"eq":"app"}}`:                                        "b",
			`{"source":{"eq":"app "}}`:                                                    "c",
			`{"source":{"contains":"PP "}}`:                                               "c",
			`{"source":{"in":["app","app "],"not":["app"]}}`:                              "c",
			`{"source":{"in":[]}}`:                                                        "",
			`{"userId":{"eq":"7"}}`:                                                       "dc",
			`{"userId":{"eq":"7"},"categoryId":{"eq":"` + category.ID.String() + `"}}`:    "d",
			`{"search":"STRASSE"}`:                                                        "",
			`{"search":"STRA"}`:                                                           "ba",
			`{"search":"0%_"}`:                                                            "c",
			`{"search":""}`:                                                               "dcba",
		} {
			var got page
			s.must(adminToken, `query($f: EntryFilter) { entries(filter: $f) { totalCount edges { node { message } } } }`, `{"f":`+filter+`}`, &got)
			names := ""
			for _, edge := range got.Entries.Edges {
				names += edge.Node.Message[:1]
			}
			if names != want || got.Entries.TotalCount != len(want) {
				t.Errorf("filter %s: %q, count %d, want %q", filter, names, got.Entries.TotalCount, want)
			}
		}
	})
}

// An entry comes back as it was stored, with what is absent as null.
func TestEntryDetail(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		tenant := s.tenant("示例租户")
		category, err := s.journal.CreateCategory(s.system, "系统日志", "system")
		if err != nil {
			t.Fatal(err)
		}
		ids := s.append(
			journal.EntryDraft{Message: "用户登录成功", Timestamp: at("2023-06-15T08:30:45Z"), TenantID: &tenant, CategoryID: &category.ID,
				Level: ptr(column.Warning), Source: ptr("auth_service"), UserID: ptr("u"), Username: ptr("admin"), IPAddress: ptr("-"),
				UserAgent: ptr("Mozilla/5.0"), RequestID: ptr("req-1"), Metadata: column.JSON(`{"z": 1.0, "a":"<&>"}`)},
			journal.EntryDraft{Message: "m", Timestamp: at("2023-06-15T08:30:45.12Z")},
		)
		const document = `query($id: ID!) { entry(id: $id) {
		__typename id timestamp level message tenant { id name } category { id name code } source userId username ipAddress userAgent requestId metadata } }`
		wants := []string{
			`{"entry":{"__typename":"Entry","id":"Entry:` + ids[0].String() + `","timestamp":"2023-06-15T08:30:45Z","level":"WARNING","message":"用户登录成功",` +
				`"tenant":{"id":"Tenant:` + tenant.String() + `","name":"示例租户"},"category":{"id":"Category:` + category.ID.String() + `","name":"系统日志","code":"system"},` +
				`"source":"auth_service","userId":"u","username":"admin","ipAddress":"-","userAgent":"Mozilla/5.0","requestId":"req-1","metadata":{"z": 1.0, "a":"<&>"}}}`,
			`{"entry":{"__typename":"Entry","id":"Entry:` + ids[1].String() + `","timestamp":"2023-06-15T08:30:45.120Z","level":"INFO","message":"m",` +
				`"tenant":null,"category":null,"source":null,"userId":null,"username":null,"ipAddress":null,"userAgent":null,"requestId":null,"metadata":{}}}`,
		}
		for i, want := range wants {
			if a := s.ask(adminToken, document, map[string]any{"id": ids[i]}); a.body != `{"data":`+want+"}\n" {
				t.Errorf("%s\nwant %s", a.body, want)
			}
		}
	})
}

// Pages joined, in either direction and of any size, are the full sort, also
// where many entries have the same time.
func TestPagesAreTheFullSort(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		base := *at("2025-01-01T00:00:00Z")
		drafts := make([]journal.EntryDraft, 57)
		for i := range drafts {
			when := base + column.Time(i%5) // eleven or twelve entries a microsecond
			drafts[i] = journal.EntryDraft{Message: fmt.Sprint(i), Timestamp: &when, Source: ptr(fmt.Sprint(i % 3))}
		}
		ids := s.append(drafts...)
		rapid.Check(t, func(r *rapid.T) {
			source := rapid.SampledFrom([]string{"", "0", "1", "2"}).Draw(r, "source")
			size := rapid.IntRange(1, 60).Draw(r, "size")
			backward := rapid.Bool().Draw(r, "backward")
			type row struct {
				time column.Time
				id   string
			}
			var rows []row
			filter := map[string]any{}
			for i, draft := range drafts {
				if source == "" || *draft.Source == source {
					rows = append(rows, row{*draft.Timestamp, ids[i].String()})
				}
			}
			if source != "" {
				filter["source"] = map[string]string{"eq": source}
			}
			slices.SortFunc(rows, func(a, b row) int {
				if a.time != b.time {
					return int(b.time - a.time)
				}
				return strings.Compare(b.id, a.id)
			})

			var got []string
			variables := map[string]any{"f": filter}
			for range len(rows) + 2 {
				variables["first"] = size
				if backward {
					delete(variables, "first")
					variables["last"] = size
				}
				var p page
				s.must(adminToken, pageDocument, variables, &p)
				here := make([]string, len(p.Entries.Edges))
				for i, edge := range p.Entries.Edges {
					here[i] = localID(edge.Node.ID)
				}
				info := p.Entries.PageInfo
				if len(here) == 0 || *info.StartCursor != p.Entries.Edges[0].Cursor || *info.EndCursor != p.Entries.Edges[len(here)-1].Cursor {
					r.Fatalf("the cursors %v do not fit the page %v", info, here)
				}
				more := info.HasNextPage
				if backward {
					got = append(here, got...)
					variables["before"], more = *info.StartCursor, info.HasPreviousPage
				} else {
					got = append(got, here...)
					variables["after"] = *info.EndCursor
				}
				if !more {
					break
				}
			}
			want := make([]string, len(rows))
			for i, row := range rows {
				want[i] = row.id
			}
			if !slices.Equal(got, want) {
				r.Fatalf("pages joined give\n%v\nwant\n%v", got, want)
			}
		})
	})
}

// A total is worked out only when it is selected: with the roll-ups broken, pages
// still come. The broken one is a fault of the server, and says nothing of it.
func TestTotalCountOnlyWhenSelected(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.append(journal.EntryDraft{Message: "m"})
		s.exec("DROP TABLE rollups")
		s.must(adminToken, pageDocument, nil, nil)
		s.must(adminToken, `query($no: Boolean = false) { entries { totalCount @include(if: $no) edges { cursor } } }`, nil, nil)
		a := s.ask(adminToken, `{ entries { totalCount } }`, nil)
		const want = `{"errors":[{"message":"the server failed to answer; its log has the details","path":["entries","totalCount"],` +
			`"locations":[{"line":1,"column":13}],"extensions":{"code":"INTERNAL"}}],"data":null}` + "\n"
		if a.body != want || a.status != 200 {
			t.Errorf("%d %s, want %s", a.status, a.body, want)
		}
		if text := s.log.String(); !strings.Contains(text, "rollups") || !strings.Contains(text, "request_id="+a.header.Get("X-Request-Id")) {
			t.Errorf("the log does not say what happened to which request: %s", text)
		}
	})
}

func TestStats(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		category, err := s.journal.CreateCategory(s.system, "System", "system")
		if err != nil {
			t.Fatal(err)
		}
		const document = `query($d: Int) { entryStats(days: $d) { total byLevel { level count } byCategory { category { code } count } daily { date count byLevel { level count } } } }`
		none := `[{"level":"DEBUG","count":0},{"level":"INFO","count":0},{"level":"WARNING","count":0},{"level":"ERROR","count":0},{"level":"CRITICAL","count":0}]`
		if a := s.ask(adminToken, document, nil); string(a.Data) != `{"entryStats":{"total":0,"byLevel":`+none+`,"byCategory":[],"daily":[]}}` {
			t.Errorf("empty: %s", a.body)
		}
		now := time.Now().UTC()
		old := column.TimeOf(now.Add(-40 * 24 * time.Hour))
		s.append(
			journal.EntryDraft{Message: "m", CategoryID: &category.ID, Level: ptr(column.Error)},
			journal.EntryDraft{Message: "m", CategoryID: &category.ID},
			journal.EntryDraft{Message: "m"},
			journal.EntryDraft{Message: "m", Timestamp: &old},
		)
		var got struct {
			EntryStats struct {
				Total      int
				ByCategory []struct {
					Category *struct{ Code string }
					Count    int
				}
				Daily []struct {
					Date  string
					Count int
				}
			}
		}
		for days, want := range map[any]int{nil: 3, 30: 3, 41: 4, 365: 4} {
			s.must(adminToken, document, map[string]any{"d": days}, &got)
			if got.EntryStats.Total != want {
				t.Errorf("%v days: %d entries, want %d", days, got.EntryStats.Total, want)
			}
		}
		s.must(adminToken, document, map[string]any{"d": 1}, &got)
		if c := got.EntryStats.ByCategory; len(c) != 2 || c[0].Category.Code != "system" || c[0].Count != 2 || c[1].Category != nil || c[1].Count != 1 {
			t.Errorf("by category: %+v", c)
		}
		for _, days := range []int{0, -1, 366} {
			a := s.ask(adminToken, document, map[string]any{"d": days})
			if a.code() != "BAD_USER_INPUT" || !slices.Equal(a.problems(), []string{"days: must be between 1 and 365"}) {
				t.Errorf("%d days: %s", days, a.body)
			}
		}
	})
}

// What a page cannot be.
func TestPageArguments(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		for variables, want := range map[string]string{
			`{"first":501}`:                             "first: must be between 0 and 500",
			`{"first":-1}`:                              "first: must be between 0 and 500",
			`{"last":501}`:                              "last: must be between 0 and 500",
			`{"first":1,"last":1}`:                      "last: cannot stand beside first",
			`{"after":"nonsense"}`:                      `after: "nonsense" is not a cursor that this server gave`,
			`{"before":""}`:                             `before: is not a cursor that this server gave`,
			`{"f":{"search":"` + long(1025) + `"}}`:     "filter.search: is longer than 1024 bytes",
			`{"f":{"tenantId":{"eq":"x"}}}`:             `f.tenantId.eq: "x" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`,
			`{"f":{"since":"2025-06-15"}}`:              `f.since: "2025-06-15" is not an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999`,
			`{"f":{"until":"10000-01-01T00:00:00Z"}}`:   `f.until: "10000-01-01T00:00:00Z" is not an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999`,
			`{"f":{"level":{"in":["INFO","error"]}}}`:   `f.level.in[1]: "error" is none of DEBUG, INFO, WARNING, ERROR, CRITICAL`,
			`{"f":{"level":{"atLeast":40}}}`:            `f.level.atLeast: must be a string, not a number`,
			`{"f":{"source":5}}`:                        `f.source: must be an object (SearchableTextCondition), not a number`,
			`{"f":{"source":{"eq":{}}}}`:                `f.source.eq: must be a string, not an object`,
			`{"f":{"nope":1}}`:                          `f.nope: is no field of EntryFilter`,
			`{"f":[]}`:                                  `f: must be an object (EntryFilter), not an array`,
			`{"first":"1"}`:                             `first: must be a whole number, not a string`,
			`{"first":1.5}`:                             `first: must be a whole number between -2147483648 and 2147483647`,
			`{"first":99999999999999999999}`:            `first: must be a whole number between -2147483648 and 2147483647`,
			`{"f":{"source":{"contains":"\ud800"}}}`:    `f.source.contains: is not valid Unicode: it has half a surrogate pair`,
			`{"first":true,"f":{"level":[],"until":7}}`: `f.level: must be an object (LevelCondition), not an array|f.until: must be a time as a string, not a number|first: must be a whole number, not true or false`,
		} {
			a := s.ask(adminToken, pageDocument, variables)
			if got := strings.Join(a.problems(), "|"); a.code() != "BAD_USER_INPUT" || got != want {
				t.Errorf("%.60s: %s: %s\nwant %s", variables, a.code(), got, want)
			}
		}
	})
}

func long(n int) string { return strings.Repeat("x", n) }
