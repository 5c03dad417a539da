package resolvers_test

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/journal"
)

// sample is some rows of a kind: as drafts, which plain Go filters, and as stored.
type sample[D any] struct {
	one, many  string // the root fields
	filter     string // the type of the filter
	drafts     []D
	ids        []string // of the drafts
	time       func(*D) column.Time
	tenant     func(*D) *column.ID
	numbered   bool // ids are numbers
	conditions conditions[D]
}

// condition is a field of a filter with its value, as JSON, and what it means.
type condition[D any] struct {
	field, value string
	pass         func(*D) bool
	bounded      bool // asked beside a span of time only
}

// conditions are several that hold together.
type conditions[D any] []condition[D]

func (list conditions[D]) filter() string {
	members := make([]string, len(list))
	bounded, given := false, map[string]bool{}
	for i, one := range list {
		members[i] = fmt.Sprintf("%q:%s", one.field, one.value)
		bounded, given[one.field] = bounded || one.bounded, true
	}
	for field, at := range map[string]column.Time{"since": noon.Add(-20 * 24 * time.Hour), "until": noon.Add(24 * time.Hour)} {
		if bounded && !given[field] { // which every row passes
			members = append(members, fmt.Sprintf("%q:%q", field, at))
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func (list conditions[D]) pass(d *D) bool {
	for _, one := range list {
		if !one.pass(d) {
			return false
		}
	}
	return true
}

// without leaves the conditions of some fields out.
func (list conditions[D]) without(fields ...string) (rest conditions[D]) {
	for _, one := range list {
		if !slices.Contains(fields, one.field) {
			rest = append(rest, one)
		}
	}
	return rest
}

// meets makes a condition of a field and a value.
func meets[D any](field string, value any, pass func(*D) bool) condition[D] {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return condition[D]{field: field, value: string(raw), pass: pass}
}

// equals makes a condition of each value that a field is to equal; nil is none's.
func equals[D any, V comparable](field string, of func(*D) *V, values ...V) (list []condition[D]) {
	for _, value := range values {
		list = append(list, meets(field, map[string]V{"eq": value}, func(d *D) bool { has := of(d); return has != nil && *has == value }))
	}
	return list
}

// among adds to equals those of lists: of the values that are wanted, and of those that
// are not.
func among[D any, V comparable](field string, of func(*D) *V, values ...V) []condition[D] {
	list := equals(field, of, values...)
	for _, some := range [][]V{{}, values[:1], values[:2], values[1:], values} {
		in := func(d *D) bool { has := of(d); return has != nil && slices.Contains(some, *has) }
		list = append(list, meets(field, map[string][]V{"in": some}, in), meets(field, map[string][]V{"not": some}, func(d *D) bool { return !in(d) }),
			meets(field, map[string]any{"in": values, "not": some}, func(d *D) bool { has := of(d); return has != nil && slices.Contains(values, *has) && !in(d) }))
	}
	return list
}

// wheres adds to among the conditions of fields that may be absent.
func wheres[D any, V comparable](field string, of func(*D) *V, values ...V) []condition[D] {
	list := among(field, of, values...)
	for _, exists := range []bool{true, false} {
		list = append(list, meets(field, map[string]bool{"exists": exists}, func(d *D) bool { return (of(d) != nil) == exists }),
			meets(field, map[string]any{"exists": exists, "not": values[:1]}, func(d *D) bool {
				has := of(d)
				return (has != nil) == exists && (has == nil || *has != values[0])
			}))
	}
	return list
}

// within makes conditions of ranges.
func within[D any](field string, of func(*D) *int64, values ...int64) (list []condition[D]) {
	for _, value := range values {
		list = append(list, meets(field, map[string]int64{"atLeast": value}, func(d *D) bool { return *of(d) >= value }),
			meets(field, map[string]int64{"atMost": value}, func(d *D) bool { return *of(d) <= value }),
			meets(field, map[string]int64{"atLeast": value, "atMost": value + 1}, func(d *D) bool { return *of(d) >= value && *of(d) <= value+1 }))
	}
	return list
}

// members makes conditions of a member of a JSON object, x.
func members[D any](field string, of func(*D) string, values ...string) (list []condition[D]) {
	for _, value := range values {
		list = append(list, meets(field, json.RawMessage(`[{"key":"x","eq":`+value+`}]`), func(d *D) bool { return of(d) == value }),
			meets(field, json.RawMessage(`{"key":"x","not":`+value+`}`), func(d *D) bool { return of(d) != value }))
	}
	return append(list, meets(field, json.RawMessage(`[{"key":"x","exists":true}]`), func(d *D) bool { return of(d) != "" }))
}

// bounded makes conditions that need a span of time.
func bounded[D any](list []condition[D]) []condition[D] {
	for i := range list {
		list[i].bounded = true
	}
	return list
}

// contains makes a condition of each text that a field is to hold.
func contains[D any](field string, of func(*D) string, values ...string) (list []condition[D]) {
	lower := func(text string) string {
		b := []byte(text)
		for i, c := range b {
			if 'A' <= c && c <= 'Z' {
				b[i] = c + 'a' - 'A'
			}
		}
		return string(b)
	}
	for _, value := range values {
		var asked any = map[string]string{"contains": value}
		if field == "search" {
			asked = value
		}
		list = append(list, meets(field, asked, func(d *D) bool { return strings.Contains(lower(of(d)), lower(value)) }))
	}
	return list
}

// common adds the conditions of every kind: by time and tenant.
func (k *sample[D]) common(tenants ...column.ID) {
	times := map[column.Time]bool{}
	for i := range k.drafts {
		times[k.time(&k.drafts[i])] = true
	}
	for at := range times {
		k.conditions = append(k.conditions,
			meets("since", at, func(d *D) bool { return k.time(d) >= at }),
			meets("until", at, func(d *D) bool { return k.time(d) < at }))
	}
	k.conditions = append(k.conditions, wheres("tenantId", k.tenant, tenants...)...)
}

// want gives the ids of the rows that pass, newest first.
func (k *sample[D]) want(pass ...func(*D) bool) []string {
	rows := []int{}
	for i := range k.drafts {
		if !slices.ContainsFunc(pass, func(one func(*D) bool) bool { return !one(&k.drafts[i]) }) {
			rows = append(rows, i)
		}
	}
	slices.SortFunc(rows, func(a, b int) int {
		if c := cmp.Compare(k.time(&k.drafts[b]), k.time(&k.drafts[a])); c != 0 {
			return c
		}
		if k.numbered {
			x, _ := strconv.ParseInt(k.ids[a], 10, 64)
			y, _ := strconv.ParseInt(k.ids[b], 10, 64)
			return cmp.Compare(y, x)
		}
		return strings.Compare(k.ids[b], k.ids[a])
	})
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = k.global(k.ids[row])
	}
	return ids
}

// global gives the id that GraphQL has of one within the kind.
func (k *sample[D]) global(id string) string {
	return strings.TrimSuffix(k.filter, "Filter") + ":" + id
}

// document gives a query of the list.
func (k *sample[D]) document() string {
	return fmt.Sprintf(`query($f: %s, $first: Int, $after: String, $last: Int, $before: String) {
		rows: %s(filter: $f, first: $first, after: $after, last: $last, before: $before) {
			totalCount edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`, k.filter, k.many)
}

// rows is what document answers.
type rows struct {
	Rows struct {
		TotalCount int
		Edges      []struct {
			Cursor string
			Node   struct{ ID string }
		}
		PageInfo struct {
			HasNextPage, HasPreviousPage bool
			StartCursor, EndCursor       *string
		}
	}
}

func (r rows) ids() []string {
	ids := make([]string, len(r.Rows.Edges))
	for i, edge := range r.Rows.Edges {
		ids[i] = edge.Node.ID
	}
	return ids
}

// testKind holds what all kinds have in common against the sample: filters, pages,
// details, tenants.
func testKind[D any](s *server, k *sample[D]) {
	s.t.Helper()
	testFilters(s, k, adminToken)
	testDryRuns(s, k)
	testPages(s, k)
	testIDs(s, k)
	testCursors(s, k)
}

// filters gives filters of no condition, of each, and of a few together.
func (k *sample[D]) filters() []conditions[D] {
	list := []conditions[D]{nil}
	for _, one := range k.conditions {
		list = append(list, conditions[D]{one})
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		var chosen conditions[D]
		for range 2 + random.IntN(2) {
			one := k.conditions[random.IntN(len(k.conditions))]
			chosen = append(chosen.without(one.field), one)
		}
		list = append(list, chosen)
	}
	return list
}

// testFilters holds lists and totals of a caller, who sees what passes visible,
// against plain Go.
func testFilters[D any](s *server, k *sample[D], token string, visible ...func(*D) bool) {
	s.t.Helper()
	found := 0
	for _, filter := range k.filters() {
		var got rows
		s.must(token, k.document(), `{"first":500,"f":`+filter.filter()+`}`, &got)
		want := k.want(append(visible, filter.pass)...)
		found += len(want)
		if !slices.Equal(got.ids(), want) || got.Rows.TotalCount != len(want) {
			s.t.Errorf("%s, filter %s: total %d, %v\nwant %d, %v", k.many, filter.filter(), got.Rows.TotalCount, got.ids(), len(want), want)
		}
	}
	if found == 0 {
		s.t.Errorf("%s: no filter finds anything, the test shows nothing", k.many)
	}
}

// testDryRuns counts what purges would remove.
func testDryRuns[D any](s *server, k *sample[D]) {
	s.t.Helper()
	name := strings.ToUpper(k.many[:1]) + k.many[1:]
	if k.many == "apiCalls" {
		name = "APICalls"
	}
	if k.many == "auditEvents" { // which nobody purges
		return
	}
	for _, filter := range k.filters() {
		a := s.ask(adminToken, `mutation($f: `+k.filter+`!) { gone: purge`+name+`(input: {filter: $f, dryRun: true}) { count } }`, `{"f":`+filter.filter()+`}`)
		want := k.want(filter.pass)
		if a.code() == "BAD_USER_INPUT" && strings.Contains(a.body, "needs a condition") && len(want) == len(k.ids) {
			continue
		}
		if string(a.Data) != fmt.Sprintf(`{"gone":{"count":%d}}`, len(want)) {
			s.t.Errorf("purge%s would remove of %s: %s, want %d", name, filter.filter(), a.body, len(want))
		}
	}
}

// testPages joins pages in either direction to the full sort.
func testPages[D any](s *server, k *sample[D]) {
	s.t.Helper()
	for _, filter := range []conditions[D]{nil, k.conditions[:1], k.conditions[len(k.conditions)-1:]} {
		want := k.want(filter.pass)
		for _, size := range []int{1, 7, 500} {
			for _, backward := range []bool{false, true} {
				got := []string{}
				variables := map[string]any{"f": json.RawMessage(filter.filter())}
				for more := true; more; {
					variables["first"] = size
					if backward {
						delete(variables, "first")
						variables["last"] = size
					}
					var p rows
					s.must(adminToken, k.document(), variables, &p)
					info, edges := p.Rows.PageInfo, p.Rows.Edges
					if len(edges) == 0 || len(edges) > size || *info.StartCursor != edges[0].Cursor || *info.EndCursor != edges[len(edges)-1].Cursor {
						s.t.Fatalf("%s, filter %s, size %d: the page %v has the cursors %v", k.many, filter.filter(), size, edges, info)
					}
					if p.Rows.TotalCount != len(want) {
						s.t.Errorf("%s, filter %s: the total on a page is %d, want %d", k.many, filter.filter(), p.Rows.TotalCount, len(want))
					}
					if backward {
						got = append(p.ids(), got...)
						variables["before"], more = *info.StartCursor, info.HasPreviousPage
					} else {
						got = append(got, p.ids()...)
						variables["after"], more = *info.EndCursor, info.HasNextPage
					}
				}
				if !slices.Equal(got, want) {
					s.t.Errorf("%s, filter %s, size %d, backward %v: %v\nwant %v", k.many, filter.filter(), size, backward, got, want)
				}
			}
		}
	}
}

// testIDs looks each row up by its id, and finds nothing under any other text.
func testIDs[D any](s *server, k *sample[D]) {
	s.t.Helper()
	document := `query($id: ID!) { row: ` + k.one + `(id: $id) { id } }`
	for _, id := range k.ids {
		for _, form := range []string{id, k.global(id)} {
			if a := s.ask(adminToken, document, map[string]any{"id": form}); string(a.Data) != `{"row":{"id":`+text(s.t, k.global(id))+`}}` {
				s.t.Errorf("%s %q: %s", k.one, form, a.body)
			}
		}
	}
	for _, id := range []string{
		"", " ", "0", "-1", "x", "1e3", " " + k.ids[0], k.ids[0] + " ", "0" + k.ids[0], "+" + k.ids[0], strings.ToUpper(k.ids[0]) + "X",
		k.global(""), k.global(k.global(k.ids[0])), strings.ToLower(k.global(k.ids[0])), ":" + k.ids[0], "Nothing:" + k.ids[0],
		"9223372036854775808", "550e8400-e29b-41d4-a716-446655440000", "a\x00b", "日志", `'"\`, long(10_000),
	} {
		for _, a := range []answer{
			s.ask(adminToken, document, map[string]any{"id": id}),
			s.ask(adminToken, `{ row: `+k.one+`(id: `+text(s.t, id)+`) { id } }`, nil),
		} {
			if a.body != `{"data":{"row":null}}`+"\n" {
				s.t.Errorf("%s %.50q: %.300s", k.one, id, a.body)
			}
		}
	}
	for _, id := range []any{5, 1.5, true, []any{}, map[string]any{}} {
		a := s.ask(adminToken, document, map[string]any{"id": id})
		if a.code() != "BAD_USER_INPUT" || !strings.HasPrefix(strings.Join(a.problems(), "|"), "id: must be an id as a string, not ") {
			s.t.Errorf("%s of %v: %s", k.one, id, a.body)
		}
	}
	if a := s.ask(adminToken, `{ `+k.one+`(id: 5) { id } }`, nil); !slices.Equal(a.problems(), []string{"id: must be an id as a string"}) {
		s.t.Errorf("%s of 5: %s", k.one, a.body)
	}
}

// testCursors sends cursors that the server never gave. Some can be read: they
// stand somewhere, and are never the server's fault.
func testCursors[D any](s *server, k *sample[D]) {
	s.t.Helper()
	var got rows
	s.must(adminToken, k.document(), `{"first":1}`, &got)
	raw, err := base64.RawURLEncoding.DecodeString(got.Rows.Edges[0].Cursor)
	if err != nil {
		s.t.Fatal(err)
	}
	foreign := append([]byte{raw[0]%5 + 1}, raw[1:]...)
	for name, cursor := range map[string][]byte{"another kind's": foreign, "short": raw[:8], "only its kind": raw[:1]} {
		text := base64.RawURLEncoding.EncodeToString(cursor)
		a := s.ask(adminToken, k.document(), map[string]any{"after": text})
		if a.code() != "BAD_USER_INPUT" || !strings.Contains(a.body, "is not a cursor that this server gave") {
			s.t.Errorf("%s, a cursor that is %s: %s", k.many, name, a.body)
		}
	}
	for _, id := range []string{"", "\xff\xfe\xff\xfe\xff\xfe\xff\xfe", "\x00\x00\x00\x00\x00\x00\x00\x00", strings.Repeat("\xc3", 5_000)} {
		text := base64.RawURLEncoding.EncodeToString(append(raw[:9:9], id...))
		for _, side := range []string{"after", "before"} {
			if a := s.ask(adminToken, k.document(), map[string]any{side: text}); a.code() != "" && a.code() != "BAD_USER_INPUT" {
				s.t.Errorf("%s %s a cursor with the id %.10q: %s", k.many, side, id, a.body)
			}
		}
	}
}

// testTenants lets somebody who is bound to a tenant see its rows and no others.
func testTenants[D any](s *server, k *sample[D], tenant column.ID, permissions ...auth.Permission) {
	s.t.Helper()
	ours := func(d *D) bool { of := k.tenant(d); return of != nil && *of == tenant }
	for who, token := range map[string]string{
		"viewer": s.token(auth.Viewer, &tenant, permissions...),
		"user":   s.token(auth.User, &tenant, permissions...),
		"admin":  s.token(auth.Admin, &tenant),
	} {
		testFilters(s, k, token, ours)
		for i, id := range k.ids {
			want := `{"row":null}`
			if ours(&k.drafts[i]) {
				want = `{"row":{"id":` + text(s.t, k.global(id)) + `,"tenant":{"name":"ours"}}}`
			}
			a := s.ask(token, `query($id: ID!) { row: `+k.one+`(id: $id) { id tenant { name } } }`, map[string]any{"id": id})
			if string(a.Data) != want {
				s.t.Errorf("%s: %s %s: %s, want %s", who, k.one, id, a.body, want)
			}
		}
	}
}

// detail asks for all fields of a row.
func (s *server) detail(token, field, id, selection, want string) {
	s.t.Helper()
	a := s.ask(token, `query($id: ID!) { `+field+`(id: $id) { `+selection+` } }`, map[string]any{"id": id})
	if string(a.Data) != `{"`+field+`":`+want+`}` || len(a.Errors) > 0 {
		s.t.Errorf("%s %s:\n%s\nwant %s", field, id, a.body, want)
	}
}

// pick gives one of the values, the same in every run.
func pick[V any](random *rand.Rand, values ...V) V { return values[random.IntN(len(values))] }

// orNil gives a pointer to one of the values, or nil.
func orNil[V any](random *rand.Rand, values ...V) *V {
	if random.IntN(len(values)+1) == 0 {
		return nil
	}
	return ptr(pick(random, values...))
}

// noon is when what has a clock happens.
var noon = *at("2025-06-15T12:00:00Z")

// sometime gives one of a few times: some rows have the same, some differ by the
// least there is, some by days.
func sometime(random *rand.Rand, least column.Time) *column.Time {
	const hour = 3600_000000
	return ptr(noon + pick[column.Time](random, 0, least, -least, -hour, -24*hour, -50*hour+least))
}

// The refused values of the new filters, with their place in the arguments.
func TestFilterRefusals(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		for document, want := range map[string]string{
			`{ operations(filter: {username: {contains: "` + long(1025) + `"}}) { totalCount } }`:                           "filter.username.contains: is longer than 1024 bytes",
			`{ operations(filter: {module: {contains: "` + long(1025) + `"}}) { edges { cursor } } }`:                       "filter.module.contains: is longer than 1024 bytes",
			`{ operations(filter: {action: {eq: FLY}}) { totalCount } }`:                                                    "",
			`{ operations(first: 501) { totalCount } }`:                                                                     "first: must be between 0 and 500",
			`{ usageRecords(filter: {search: "` + long(1025) + `"}) { totalCount } }`:                                       "filter.search: is longer than 1024 bytes",
			`{ usageRecords(last: -1) { totalCount } }`:                                                                     "last: must be between 0 and 500",
			`{ usageStats(filter: {search: "` + long(1025) + `"}) { count } }`:                                              "filter.search: is longer than 1024 bytes",
			`{ usageStats(filter: {tenantId: {eq: "x"}}) { count } }`:                                                       `filter.tenantId.eq: "x" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`,
			`{ usageRecords(filter: {userId: {not: [1, 9007199254740993]}}) { totalCount } }`:                               "filter.userId.not[1]: must be a whole number between -2^53 and 2^53",
			`{ usageRecords(filter: {userId: {in: "7"}}) { totalCount } }`:                                                  "filter.userId.in: must be a whole number",
			`{ entries(filter: {ipAddress: {eq: "-"}}) { totalCount } }`:                                                    "filter.ipAddress: is found by reading rows one by one: set since, too, at most 31 days before until, or before now where there is no until",
			`{ entries(filter: {since: "2020-01-01T00:00:00Z", metadata: {key: "a", eq: 1}}) { totalCount } }`:              "filter.metadata: is found by reading rows one by one: set since, too, at most 31 days before until, or before now where there is no until",
			`{ operations(filter: {until: "2020-01-01T00:00:00Z", requestData: {key: "a", isNull: true}}) { totalCount } }`: "filter.requestData: is found by reading rows one by one: set since, too, at most 31 days before until, or before now where there is no until",
			`{ operations(filter: {requestData: [{key: "a"}, {key: "b", in: [1, {c: 2}]}]}) { totalCount } }`:               "filter.requestData[1].in[1]: must be a string, a number within 2^53, true or false",
			`{ entries(filter: {source: {in: [` + strings.Repeat(`"x",`, 101) + `]}}) { totalCount } }`:                     "filter.source.in: must be a list of at most 100 values",
			`{ auditEvents(first: 1, last: 1) { totalCount } }`:                                                             "last: cannot stand beside first",
			`{ auditEvents(after: "x") { totalCount } }`:                                                                    `after: "x" is not a cursor that this server gave`,
			`{ auditEvents(filter: {since: "2025-06-15"}) { totalCount } }`:                                                 `filter.since: "2025-06-15" is not an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999`,
			`{ apiCalls(before: "") { totalCount } }`:                                                                       "before: is not a cursor that this server gave",
			`{ apiCalls(filter: {statusCode: {atLeast: 9007199254740993}}) { totalCount } }`:                                "filter.statusCode.atLeast: must be a whole number between -2^53 and 2^53",
			`{ apiCalls(filter: {tenantId: {in: ["550e8400-e29b-41d4-a716-446655440000", "550e8400"]}}) { totalCount } }`:   `filter.tenantId.in[1]: "550e8400" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`,
			`query($a: OperationAction = "fly") { operations(filter: {action: {eq: $a}}) { totalCount } }`:                  "",
			`query($f: UsageRecordFilter = {tenantId: {not: "x"}}) { usageRecords(filter: $f) { edges { cursor } } }`:       `f.tenantId.not: "x" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`,
		} {
			a := s.ask(adminToken, document, nil)
			code := "BAD_USER_INPUT"
			if want == "" { // the validator's own
				code = "GRAPHQL_VALIDATION_FAILED"
			}
			if got := strings.Join(a.problems(), "|"); a.code() != code || got != want {
				t.Errorf("%.90s: %s\nwant %s %s", document, a.body, code, want)
			}
		}
		for variables, want := range map[string]string{
			`{"o":{"action":{"in":["LIST","fly"]}}}`: `o.action.in[1]: "fly" is none of CREATE, UPDATE, DELETE, VIEW, LIST, LOGIN, LOGOUT, EXPORT, IMPORT, OTHER`,
			`{"u":{"type":{"eq":"2"}}}`:              `u.type.eq: "2" is none of TOP_UP, CONSUME, MANAGE, ERROR, SYSTEM`,
			`{"u":{"type":2}}`:                       `u.type: must be an object (UsageTypeCondition), not a number`,
			`{"u":{"userId":{"eq":1.5}}}`:            `u.userId.eq: must be a whole number between -2^53 and 2^53`,
			`{"o":{"succeeded":{"eq":1}}}`:           `o.succeeded.eq: must be true or false, not a number`,
			`{"o":{"nope":1}}`:                       `o.nope: is no field of OperationFilter`,
			`{"u":{"tenantId":{"not":["\ud800"]}}}`:  `u.tenantId.not[0]: is not valid Unicode: it has half a surrogate pair`,
		} {
			a := s.ask(adminToken, `query($o: OperationFilter, $u: UsageRecordFilter) { operations(filter: $o) { totalCount } usageStats(filter: $u) { count } }`, variables)
			if got := strings.Join(a.problems(), "|"); a.code() != "BAD_USER_INPUT" || got != want {
				t.Errorf("%s: %s\nwant %s", variables, a.body, want)
			}
		}
	})
}

// drafted stores drafts and gives the ids of the rows.
func drafted[R, D, F any](s *server, log *journal.Log[R, D, F], drafts []D, id func(*R) string) []string {
	s.t.Helper()
	stored, err := log.Append(s.system, drafts)
	if err != nil {
		s.t.Fatal(err)
	}
	ids := make([]string, len(stored))
	for i, row := range stored {
		ids[i] = id(row)
	}
	return ids
}
