package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// moment gives a field's time, written as RFC 3339 or as seconds since 1970.
func (r row) moment(field string) time.Time {
	if text := r.text(field); text != "" {
		instant, _ := time.Parse(time.RFC3339Nano, text)
		return instant
	}
	return time.Unix(r.number(field), 0)
}

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
	node["tenant_id"], node["tenant_name"] = local("Tenant", tenant["id"]), tenant["name"]
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
	if one(p, "global id", false, true) {
		id = strings.TrimSuffix(k.filter, "Filter") + ":" + id
	}
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
