package main_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"logbook/internal/db/dbtest"
)

// TestParity puts the same random questions about the same random rows to GraphQL
// and to every legacy dialect, and holds both against a recount of the imported
// lines in plain Go: rows in their order, totals, sums and details, for callers who
// see everything, a tenant's rows or their own. Then it deletes, and asks again.
func TestParity(t *testing.T) {
	t.Parallel()
	for engine, fresh := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLite, "mysql": dbtest.MySQL} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(r *rapid.T) {
				w := newWorld(t)
				w.use = plain // with the race detector it would take minutes
				w.db = fresh(t)
				w.env = append(w.env, "LOGBOOK_JWT_SECRET="+paritySecret)
				p := &parity{T: r, now: time.Now().Truncate(time.Second)}
				p.load(w)
				p.s = w.serve()
				defer p.s.stop()
				p.askAuditEvents()
				p.askOperations()
				p.askAPICalls()
				p.askUsage()
				p.askEntries()
				// What is deleted may itself be told as operations and audit events, so
				// those are not asked about again.
				p.deleteUsage()
				p.askUsage()
				p.applyRetention()
				p.askEntries()
				p.deleteEntries()
				p.askEntries()
			})
		})
	}
}

// parity is one draw: rows, the server that has them, and questions to come.
type parity struct {
	*rapid.T
	s    *server
	now  time.Time        // shortly before the first question
	rows map[string][]row // by kind as --kind names it, newest first
}

const paritySecret = "a secret that only this test knows, 32 bytes or more"

// The tenants and whoever has rows of them.
const (
	parityTenantA = "550e8400-e29b-41d4-a716-44665544000a"
	parityTenantB = "550e8400-e29b-41d4-a716-44665544000b"
)

// parityCaller is somebody who asks.
type parityCaller struct {
	id          int64 // of the user
	role        string
	tenant      string // "" for none
	permissions []string
}

var parityCallers = []parityCaller{
	{id: 0, role: "admin"},
	{id: 1, role: "admin", tenant: parityTenantA},
	{id: 2, role: "viewer", permissions: []string{"entries:read", "audit:read", "usage:read", "system:log:list", "system:log:query", "audit"}},
	{id: 1, role: "viewer", tenant: parityTenantB, permissions: []string{"entries:read", "audit:read", "usage:read", "system:log:list", "audit"}},
	{id: 1, role: "user"},
	{id: 2, role: "user", tenant: parityTenantA},
}

func (c parityCaller) String() string { return fmt.Sprintf("%s %d of %q", c.role, c.id, c.tenant) }

// may says whether a caller holds a permission.
func (c parityCaller) may(permission string) bool {
	return c.role == "admin" || slices.Contains(c.permissions, permission)
}

// reaches says whether the tenant that a caller is bound to lets it see a row.
func (c parityCaller) reaches(r row) bool { return c.tenant == "" || r.text("tenant_id") == c.tenant }

// credential is what a caller sends. User 0 is whom the server's settings name.
func (c parityCaller) credential(t *testing.T) string {
	if c.id == 0 {
		return adminToken
	}
	claims := jwt.MapClaims{"sub": strconv.FormatInt(c.id, 10), "role": c.role, "permissions": c.permissions, "exp": time.Now().Add(time.Hour).Unix()}
	if c.tenant != "" {
		claims["tenant_id"] = c.tenant
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(paritySecret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// load draws the rows of all kinds and imports them.
func (p *parity) load(w *world) {
	p.rows = map[string][]row{}
	for _, k := range []struct {
		kind, id, time string
		draw           func(number int) row
	}{
		{"entries", "id", "timestamp", p.entry},
		{"audit", "id", "created_at", p.auditEvent},
		{"operations", "log_id", "created_at", p.operation},
		{"usage", "id", "created_at", p.usageRecord},
		{"api-calls", "log_id", "operation_time", p.apiCall},
	} {
		var text strings.Builder
		var rows []row
		for i := range p.number(k.kind, 60) {
			r := k.draw(i + 1)
			r["tenant_id"], r["tenant_name"] = nil, nil
			if tenant := one(p, "tenant", "", parityTenantA, parityTenantA, parityTenantB); tenant != "" {
				r["tenant_id"], r["tenant_name"] = tenant, "tenant "+tenant[len(tenant)-1:]
			}
			// An absent value is told as null or not at all.
			line := maps.Clone(r)
			if rapid.Bool().Draw(p.T, "leave out") {
				maps.DeleteFunc(line, func(_ string, value any) bool { return value == nil })
			}
			encoded, err := json.Marshal(line)
			if err != nil {
				p.Fatal(err)
			}
			text.Write(append(encoded, '\n'))
			if encoded, err = json.Marshal(r); err != nil {
				p.Fatal(err)
			}
			rows = append(rows, decode(w.t, string(encoded)))
		}
		slices.SortFunc(rows, func(a, b row) int {
			return cmp.Or(b.moment(k.time).Compare(a.moment(k.time)), cmp.Compare(b.number(k.id), a.number(k.id)), cmp.Compare(b.text(k.id), a.text(k.id)))
		})
		p.rows[k.kind] = rows
		w.must("import", "--kind", k.kind, w.file(k.kind+".ndjson", text.String()))
	}
	w.must("import", "--kind", "users", w.file("users.ndjson", parityUsers))
	w.must("import", "--kind", "tokens", w.file("tokens.ndjson", parityKeys))
}

// moment gives a field's time, written as RFC 3339 or as seconds since 1970.
func (r row) moment(field string) time.Time {
	if text := r.text(field); text != "" {
		instant, _ := time.Parse(time.RFC3339Nano, text)
		return instant
	}
	return time.Unix(r.number(field), 0)
}

// Drawing.

// one draws one of the values.
func one[T any](p *parity, what string, values ...T) T {
	return rapid.SampledFrom(values).Draw(p.T, what)
}

// number draws a number from 0 to most.
func (p *parity) number(what string, most int) int { return rapid.IntRange(0, most).Draw(p.T, what) }

var parityTexts = rapid.OneOf(
	rapid.SampledFrom([]string{"alice", "Alice", "ALICE ", "100%", "a_c", "abc", "日志 名", "é", "É", "😀", "2", `a\%`, "'--"}),
	rapid.StringOfN(rapid.SampledFrom([]rune(`aAbc%_\ 日é😀1`)), 0, 4, -1),
)

// text draws a text in which much can go wrong.
func (p *parity) text(what string) string { return parityTexts.Draw(p.T, what) }

// nullable draws a text or null.
func (p *parity) nullable(what string) any {
	if one(p, what+"?", false, false, true) {
		return nil
	}
	return p.text(what)
}

// age draws how old a row is: never within an hour of a number of whole days, so
// that no window of days moves past it while the test runs.
func (p *parity) age() time.Duration {
	return time.Duration(one(p, "days", 0, 0, 1, 2, 6, 29, 30, 64))*24*time.Hour + time.Duration(one(p, "hours", 1, 1, 5, 22))*time.Hour
}

// instant draws a time in microseconds, as the lines have it.
func (p *parity) instant() string {
	return instantText(p.now.Add(-p.age() + time.Duration(one(p, "µs", 0, 0, 1, 500_000, 999_999))*time.Microsecond))
}

// instantText writes a time as Logbook does: with no more digits than it needs, but
// none, 3 or 6.
func instantText(t time.Time) string {
	layout := "2006-01-02T15:04:05.000000Z"
	switch {
	case t.Nanosecond() == 0:
		layout = "2006-01-02T15:04:05Z"
	case t.Nanosecond()%1e6 == 0:
		layout = "2006-01-02T15:04:05.000Z"
	}
	return t.UTC().Format(layout)
}

// some draws a row of a kind, nil where there is none. A question is about it: most
// of its filters let the row pass.
func (p *parity) some(kind string) row {
	if rows := p.rows[kind]; len(rows) > 0 {
		return rows[p.number("which", len(rows)-1)]
	}
	return nil
}

// asked draws whether a filter is asked for, and gives what a row has under the field
// or another text; "" where it is not asked for, as a blank parameter is not.
func (p *parity) asked(about row, field string, other func(what string) string) (text string) {
	switch one(p, field+"?", 0, 0, 0, 0, 0, 0, 1, 1, 2) {
	case 1:
		text = about.text(field)
	case 2:
		text = other(field)
	}
	if blank(text) {
		return ""
	}
	return text
}

// askedPart is asked for filters by a part of the text: it gives a piece of it in
// either case.
func (p *parity) askedPart(about row, field string) string {
	runes := []rune(p.asked(about, field, p.text))
	if len(runes) == 0 {
		return ""
	}
	from := p.number("from", len(runes)-1)
	part := string(runes[from : from+1+p.number("length", len(runes)-1-from)])
	if rapid.Bool().Draw(p.T, "lower") {
		part = strings.ToLower(part)
	}
	if blank(part) {
		return ""
	}
	return part
}

// blank says whether a dialect takes a parameter for absent.
func blank(text string) bool { return strings.TrimSpace(text) == "" }

// Asking.

// get asks a dialect, which has to answer well, and gives the answer.
func (p *parity) get(c parityCaller, method, path string, params url.Values, body any) row {
	p.Helper()
	status, answered := p.send(c, method, path, params, body)
	if status != http.StatusOK {
		p.Fatalf("%s %s?%s answers %v with %d %v", method, path, params.Encode(), c, status, answered)
	}
	return answered
}

func (p *parity) send(c parityCaller, method, path string, params url.Values, body any) (status int, answered row) {
	p.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		p.Fatal(err)
	}
	request, err := http.NewRequest(method, p.s.url+path+"?"+params.Encode(), bytes.NewReader(encoded))
	if err != nil {
		p.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+c.credential(p.s.t))
	request.Header.Set("New-Api-User", strconv.FormatInt(c.id, 10))
	got := p.s.send(request)
	decoder := json.NewDecoder(bytes.NewReader(got.body))
	decoder.UseNumber()
	if err := decoder.Decode(&answered); err != nil {
		p.Fatalf("%s %s answers %d %q: %v", method, request.URL, got.status, got.body, err)
	}
	if rest, _ := io.ReadAll(decoder.Buffered()); !blank(string(rest)) {
		p.Fatalf("%s %s answers more than an envelope: %q", method, request.URL, got.body)
	}
	return got.status, answered
}

// rowsIn gives the objects of an array.
func (r row) rowsIn(field string) []row {
	list, _ := r[field].([]any)
	rows := make([]row, len(list))
	for i, one := range list {
		rows[i], _ = one.(map[string]any)
	}
	return rows
}

// pages walks over all pages of a dialect's list, each of which has to tell the same
// total, and holds them joined against the wanted rows. Read finds rows and total in
// an answer.
func (p *parity) pages(c parityCaller, path string, params url.Values, page, size string, read func(row) ([]row, int64), want []row) {
	p.Helper()
	params = maps.Clone(params)
	length := rapid.IntRange(3, 50).Draw(p.T, "page size")
	params.Set(size, strconv.Itoa(length))
	var joined []row
	for number := 1; ; number++ {
		params.Set(page, strconv.Itoa(number))
		rows, total := read(p.get(c, http.MethodGet, path, params, nil))
		if total != int64(len(want)) {
			p.Fatalf("%v: %s?%s says there are %d rows, want %d", c, path, params.Encode(), total, len(want))
		}
		joined = append(joined, rows...)
		if len(rows) < length {
			break
		}
	}
	p.same(fmt.Sprintf("%v: %s?%s", c, path, params.Encode()), joined, want)
}

// same holds rows against the wanted ones.
func (p *parity) same(what string, got, want []row) {
	p.Helper()
	a, b := encode(p.s.t, got), encode(p.s.t, want)
	for i := range max(len(a), len(b)) {
		switch {
		case i >= len(a):
			p.Fatalf("%s\ngives %d rows, want %d; the first that is missing is\n%s", what, len(a), len(b), b[i])
		case i >= len(b):
			p.Fatalf("%s\ngives %d rows, want %d; the first too many is\n%s", what, len(a), len(b), a[i])
		case a[i] != b[i]:
			p.Fatalf("%s\nrow %d is\n%swant\n%s", what, i, a[i], b[i])
		}
	}
}

// graphql asks GraphQL, which has to answer without errors, and gives its data.
func (p *parity) graphql(c parityCaller, query string, variables map[string]any) row {
	p.Helper()
	answered := p.get(c, http.MethodPost, "/graphql", nil, map[string]any{"query": query, "variables": variables})
	if answered["errors"] != nil {
		p.Fatalf("%v: %s %v\nanswers %v", c, query, variables, answered["errors"])
	}
	return answered.inside("data")
}

// parityKind is how GraphQL tells a kind: the names of its connection, of its single
// row and of its filter's type, and its fields under the names of the lines.
type parityKind struct {
	connection, single, filter, fields string
	line                               func(node row) row
}

// told gives a kind that the test of the real data tells, too.
func told(kind, single, filter string) parityKind {
	for _, k := range realKinds {
		if k.kind == kind {
			return parityKind{k.connection, single, filter, k.fields, k.line}
		}
	}
	panic("there is no kind " + kind)
}

// node gives what GraphQL tells of a row as a line, its tenant with it.
func (k parityKind) node(node row) row {
	tenant := node.inside("tenant")
	delete(node, "tenant")
	node = k.line(node)
	node["tenant_id"], node["tenant_name"] = tenant["id"], tenant["name"]
	return node
}

// connection walks over all pages of a connection, each of which has to tell the same
// total, and holds them joined against the wanted rows.
func (p *parity) connection(c parityCaller, k parityKind, filter map[string]any, want []row) {
	p.Helper()
	query := fmt.Sprintf(`query($f: %s, $n: Int, $after: String) { %s(filter: $f, first: $n, after: $after) {
		totalCount pageInfo { hasNextPage endCursor } edges { node { %s tenant { id name } } } } }`, k.filter, k.connection, k.fields)
	variables := map[string]any{"f": filter, "n": rapid.IntRange(3, 50).Draw(p.T, "first")}
	var joined []row
	for {
		page := p.graphql(c, query, variables).inside(k.connection)
		if total := page.number("totalCount"); total != int64(len(want)) {
			p.Fatalf("%v: %s %v says there are %d rows, want %d", c, k.connection, filter, total, len(want))
		}
		for _, edge := range page.rowsIn("edges") {
			joined = append(joined, k.node(edge.inside("node")))
		}
		if page.inside("pageInfo")["hasNextPage"] != true {
			break
		}
		variables["after"] = page.inside("pageInfo")["endCursor"]
	}
	p.same(fmt.Sprintf("%v: %s %v", c, k.connection, filter), joined, want)
}

// single asks GraphQL for one row, which has to be null where none is wanted.
func (p *parity) single(c parityCaller, k parityKind, id string, want []row) {
	p.Helper()
	data := p.graphql(c, fmt.Sprintf("query($id: ID!) { %s(id: $id) { %s tenant { id name } } }", k.single, k.fields), map[string]any{"id": id})
	var got []row
	if data[k.single] != nil {
		got = append(got, k.node(data.inside(k.single)))
	}
	p.same(fmt.Sprintf("%v: %s %q", c, k.single, id), got, want)
}

// detail asks a dialect for one row: told as it should be, or not found where the
// caller does not reach it. Read finds the row in an answer.
func (p *parity) detail(c parityCaller, path string, r row, read func(row) row, told func(row) row) {
	p.Helper()
	status, answered := p.send(c, http.MethodGet, path, nil, nil)
	if want := chosen([]row{r}, c.reaches, told); len(want) > 0 {
		p.same(fmt.Sprintf("%v: %s", c, path), []row{read(answered)}, want)
	} else if status != http.StatusNotFound {
		p.Fatalf("%v: %s answers %d %v about another tenant's row", c, path, status, answered)
	}
}

// chosen gives the rows that pass, each as told.
func chosen(rows []row, passes func(row) bool, told func(row) row) []row {
	var list []row
	for _, r := range rows {
		if passes(r) {
			list = append(list, told(maps.Clone(r)))
		}
	}
	return list
}

// itself tells a row as it is.
func itself(r row) row { return r }

// only gives a row's fields of these names.
func (r row) only(names ...string) row {
	kept := row{}
	for _, name := range names {
		kept[name] = r[name]
	}
	return kept
}

// span is a span of time, both ends included; a zero end is open.
type span struct{ since, until time.Time }

// span draws one whose ends are the times of rows or beside them.
func (p *parity) span(kind, field string, unit time.Duration) (s span) {
	for _, end := range []*time.Time{&s.since, &s.until} {
		if about := p.some(kind); about != nil && one(p, "bound?", false, false, false, true) {
			*end = about.moment(field).Add(time.Duration(one(p, "beside", -1, 0, 0, 1)) * unit)
		}
	}
	if !s.until.IsZero() && s.since.After(s.until) && one(p, "turn", true, true, false) {
		s.since, s.until = s.until, s.since
	}
	return s
}

func (s span) holds(at time.Time) bool {
	return (s.since.IsZero() || !at.Before(s.since)) && (s.until.IsZero() || !at.After(s.until))
}

// filter adds the span to a filter of GraphQL, whose end is not included. Unit is how
// fine the kind's times are.
func (s span) filter(filter map[string]any, unit time.Duration) {
	if !s.since.IsZero() {
		filter["since"] = instantText(s.since)
	}
	if !s.until.IsZero() {
		filter["until"] = instantText(s.until.Add(unit))
	}
}

// fits says whether a text is the one that is asked for, or none is.
func fits(asked, text string) bool { return asked == "" || asked == text }

// asksFor gives names with their values, without those that are "".
func asksFor(pairs ...string) map[string]any {
	asked := map[string]any{}
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			asked[pair[0]] = pair[1]
		}
	}
	return asked
}

// parameters is asksFor for a dialect.
func parameters(pairs ...string) url.Values {
	params := url.Values{}
	for name, value := range asksFor(pairs...) {
		params.Set(name, value.(string))
	}
	return params
}

// both says whether a row passes two tests.
func both(a, b func(row) bool) func(row) bool { return func(r row) bool { return a(r) && b(r) } }

// askedTenant draws whether a tenant is asked for.
func (p *parity) askedTenant() string {
	return one(p, "tenant?", "", "", "", "", "", "", "", parityTenantA, parityTenantB, "550e8400-e29b-41d4-a716-44665544000f")
}
