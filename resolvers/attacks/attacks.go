// Package attacks lists requests that cost a stock GraphQL server dear: each is small
// enough, or simple enough, to be sent by anybody. The tests of package resolvers show
// that all of them are refused, in few words and leaving nothing behind; the bench, how
// long that takes. A server in production is meant (resolvers.Options).
package attacks

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Document is an attack by what is asked.
type Document struct {
	Name      string
	Text      string // GraphQL
	Variables string // JSON, an object
	Code      string // the refusal's extensions.code
}

// Request is an attack by an HTTP request for /graphql.
type Request struct {
	Name      string
	Anonymous bool // nobody sends it; else an administrator does
	Method    string
	Query     string // of the URL
	Header    http.Header
	Body      string
	Code      string // as Document's
}

// The codes of refusals.
const (
	tooLarge        = "PAYLOAD_TOO_LARGE"
	invalid         = "GRAPHQL_VALIDATION_FAILED"
	unparsed        = "GRAPHQL_PARSE_FAILED"
	badInput        = "BAD_USER_INPUT"
	badRequest      = "BAD_REQUEST"
	unauthenticated = "UNAUTHENTICATED"
)

// many repeats a text that has its number once.
func many(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func long(n int) string { return strings.Repeat("x", n) }

// list gives a JSON array of n times a value.
func list(n int, value string) string {
	return "[" + strings.TrimSuffix(strings.Repeat(value+",", n), ",") + "]"
}

// Documents gives the attacks by documents and variables. Nobody is needed to be
// signed in for any of them to be refused with its code.
func Documents() []Document {
	bomb := "query { ...F0 } "
	for i := range 30 {
		bomb += fmt.Sprintf("fragment F%d on Query { ...F%d ...F%d } ", i, i+1, i+1)
	}
	bomb += "fragment F30 on Query { __typename }"
	attacks := []Document{
		{"large document", "{ __typename } #" + long(64<<10), "{}", tooLarge},
		{"many tokens", "{" + strings.Repeat("a ", 15_000) + "}", "{}", tooLarge},
		{"many aliases", "{" + many(1_500, "a%d:me{id} ") + "}", "{}", invalid},
		{"many equal fields", "{" + strings.Repeat("a ", 9_000) + "}", "{}", invalid},
		{"many root fields", "{" + many(101, "a%d:__typename ") + "}", "{}", invalid},
		{"many aliases below", "{me{" + many(501, "a%d:id ") + "}}", "{}", invalid},
		{"101 aliases", "{ me {" + many(101, "a%d:id ") + "} }", "{}", invalid},
		{"101 aliases in fragments", "{ ...F ...G } fragment F on Query { " + many(51, "a%d:__typename ") + "} fragment G on Query { " + many(50, "b%d:__typename ") + "}", "{}", invalid},
		{"many directives", "{ __typename " + strings.Repeat("@a ", 4_000) + "}", "{}", invalid},
		{"many include", "{ __typename " + strings.Repeat("@include(if:true) ", 1_000) + "}", "{}", invalid},
		{"many variables", "query(" + many(2_000, "$a%d:Int ") + "){ __typename }", "{}", invalid},
		{"many arguments", "{ entries(" + many(3_000, "a%d:1 ") + ") { totalCount } }", "{}", invalid},
		{"many bad values", "{ entries(filter:{" + many(3_000, "a%d:1 ") + "}) { totalCount } }", "{}", invalid},
		{"deep fields", strings.Repeat("{a", 900) + strings.Repeat("}", 900), "{}", invalid},
		{"deeper than the parser", strings.Repeat("{a", 4_000), "{}", unparsed},
		{"deep value", "{ entries(filter:" + strings.Repeat("[", 4_000), "{}", unparsed},
		{"deep inline fragments", strings.Repeat("{...", 2_400) + "{a" + strings.Repeat("}", 2_401), "{}", unparsed},
		{"sixteen deep", "{__schema{types{" + strings.Repeat("ofType{", 13) + "name" + strings.Repeat("}", 16), "{}", invalid},
		{"fragment bomb", bomb, "{}", invalid},
		{"fragment cycle", "{...A} fragment A on Query {...B} fragment B on Query {...A}", "{}", invalid},
		{"unused fragment", "{ __typename } fragment F on Query { " + strings.Repeat("a ", 9_000) + "}", "{}", invalid},
		{"many fragments", "{ __typename }" + many(900, "fragment F%d on Query{me{id}} "), "{}", invalid},
		{"many operations", many(1_200, "query Q%d{me{id}} "), "{}", invalid},
		{"complex", "{ entries(first: 500) {" + many(20, "e%d: edges { node { id message metadata } } ") + "} }", "{}", invalid},
		{"many large pages", "{" + many(30, "e%d: entries(first: 500) { edges { node { id message } } } ") + "}", "{}", invalid},
		{"many searches", "{" + many(50, `e%d: entries(first: 1, filter: {search: "x"}) { totalCount } `) + "}", "{}", invalid},
		{"long name", "{ " + long(60_000) + " }", "{}", invalid},
		{"long string for a level", `{ entries(filter: {level: {eq: "` + long(60_000) + `"}}) { totalCount } }`, "{}", invalid},
		{"unclosed", `{ me { id `, "{}", unparsed},
		{"unclosed string", `{ entry(id: "` + long(60_000), "{}", unparsed},
		{"half a surrogate pair", `{ entries(filter: {source: {eq: "\uD83D"}}) { totalCount } }`, "{}", unparsed},
		{"conflicting fields", "{ entries { edges {" + strings.Repeat("node { x: id } node { x: message } ", 120) + "} } }", "{}", invalid},
		{"the schema many times", "{" + many(90, "a%d: __schema { types { name fields { name } } } ") + "}", "{}", invalid},
		{"a listing many times", "{ __schema { types { fields {" + many(400, "a%d: name ") + "} } } }", "{}", invalid},
		{"a large integer", `{ entries(first: 99999999999999999999) { totalCount } }`, "{}", invalid},
		{"many slow usages", "{" + many(13, `e%d: usageRecords(first: 1, filter: {search: "x"}) { totalCount } `) + "}", "{}", invalid},
		{"many groups", "{" + many(13, `e%d: usageRecords(first: 1, filter: {group: {eq: ""}}) { totalCount } `) + "}", "{}", invalid},
		{"many slow statistics", "{" + many(12, `e%d: usageStats(filter: {search: "x"}) { count } `) + "}", "{}", invalid},
		{"many aggregates", "{" + many(100, `e%d: entryAggregate { series(by: LEVEL, interval: HOUR, first: 50) { buckets { count } } } `) + "}", "{}", invalid},
		{"many slow aggregates", "{" + many(26, `e%d: entryAggregate(filter: {search: "x"}) { count } `) + "}", "{}", invalid},
		{"many timelines", "{" + many(26, "e%d: timeline(first: 500) { edges { node { id } } } ") + "}", "{}", invalid},
		{"many nodes", "query ($ids: [ID!]!) {" + many(100, "n%d: nodes(ids: $ids) { ... on AccessToken { user { id } } } ") + "}", `{"ids":` + list(100, `"AccessToken:1"`) + `}`, invalid},
		{"two subscriptions", "subscription { a: entryAppended { cursor } b: entryAppended { cursor } }", "{}", invalid},
		{"a long alias", "{ __schema { types { fields { " + long(60_000) + ": name } } } }", "{}", invalid},
		{"a long alias, often", "{" + many(16, "e%d: entries(first: 500) { ...F } ") + "} fragment F on EntryConnection { edges { node { " + long(60_000) + ": id } } }", "{}", invalid},
		{"values of another type", listed, `{"in":` + list(100_000, "0") + `}`, badInput},
		{"many listed values", listed, `{"in":` + list(100_000, `""`) + `}`, badInput},
		{"nested variables", listed, `{"in":` + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000) + `}`, badInput},
		{"fields that are none", `query ($filter: EntryFilter) { entries(filter: $filter) { totalCount } }`,
			`{"filter":{"a":0` + many(20_000, `,"a%d":0`) + `}}`, badInput},
		{"values that are long to say", `query ($in: [Level!]) { entries(filter: {level: {in: $in}}) { totalCount } }`, `{"in":` + list(100, `"`+strings.Repeat(`\u0001`, 60)+`"`) + `}`, badInput},
		{"a number of many digits", `query ($first: Int) { entries(first: $first) { totalCount } }`, `{"first":` + strings.Repeat("9", 300_000) + `}`, badInput},
		{"many methods", "{" + many(13, `e%d: apiCalls(first: 1, filter: {httpMethod: {eq: "GET"}}) { totalCount } `) + "}", "{}", invalid},
	}
	for _, field := range []string{"auditEvents", "operations", "usageRecords", "apiCalls"} {
		attacks = append(attacks, Document{"many large pages of " + field, "{" + many(13, "e%d: "+field+"(first: 500) { edges { node { id tenant { id } } } } ") + "}", "{}", invalid})
	}
	return attacks
}

const listed = `query ($in: [String!]) { entries(filter: {source: {in: $in}}) { totalCount } }`

// Requests gives all attacks: those by documents, which an administrator sends, those
// by what is around a document, and those that only mean something to whoever is not
// signed in.
func Requests() []Request {
	var attacks []Request
	for _, d := range Documents() {
		attacks = append(attacks, post(d.Name, d.Code, about(d.Text, d.Variables)))
	}
	const query, mutation = "{ __typename }", `mutation { createTenant(input: {name: "x"}) { tenant { id } } }`
	large := func(value string) string { return list((16<<20-1_000)/(len(value)+1), value) }
	attacks = append(attacks,
		post("many errors that say much", badInput, about("query ($m: [JSONCondition!]) {"+many(11, "e%d: entries(first: 1, filter: {metadata: $m}) { totalCount } ")+"}",
			`{"m":`+list(10, `{"key":"`+long(300)+`","in":[[]]}`)+`}`)),
		post("a batch", badRequest, list(1_000, about(query, "null"))),
		post("a large batch", badRequest, large(about(query, "null"))),
		post("a large body", tooLarge, about(query, `"`+long(17<<20)+`"`)),
		post("a large body that is no JSON", badRequest, long(16<<20)),
		post("a large body of brackets", badRequest, strings.Repeat("[", 16<<20)),
		post("a body of many members", badRequest, `{"query":1`+many(900_000, `,"m%07d":0`)+`}`),
		post("16 MB of values of another type", badInput, about(listed, `{"in":`+large("0")+`}`)),
		post("16 MB of nested variables", badInput, about(listed, `{"in":`+large(strings.Repeat("[", 9_000)+strings.Repeat("]", 9_000))+`}`)),
		post("16 MB of rows", badInput, about(`mutation ($in: CreateEntriesInput!) { createEntries(input: $in) { entries { id } } }`, `{"in":{"entries":`+large(`{}`)+`}}`)),
		post("a digest of another document", badRequest, `{"query":"{ __typename }","documentId":"sha256:`+strings.Repeat("0", 64)+`"}`),
		post("a document that is not known", "PERSISTED_QUERY_NOT_FOUND", `{"documentId":"sha256:`+strings.Repeat("0", 64)+`"}`),
	)
	// What a page of another site may have a browser send unasked.
	const events = "text/event-stream"
	for _, as := range [][2]string{{"", "application/json"}, {", as events", events}} {
		for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""} {
			simple := post(strings.TrimSuffix("POST of "+media, "; boundary=x")+as[0], badRequest, about(mutation, "null"))
			simple.Header.Set("Accept", as[1])
			if simple.Header.Set("Content-Type", media); media == "" {
				simple.Name = "POST of no media type" + as[0]
				simple.Header.Del("Content-Type")
			}
			attacks = append(attacks, simple)
		}
		get := Request{Name: "mutation by GET" + as[0], Method: "GET", Query: "query=" + url.QueryEscape(mutation), Header: http.Header{"Accept": {as[1]}}, Code: badRequest}
		parts := get
		parts.Name, parts.Header = "mutation by GET with parts"+as[0], http.Header{"Accept": {as[1]}, "Content-Type": {"multipart/form-data; boundary=x"}}
		attacks = append(attacks, get, parts)
	}
	for _, asked := range [][2]string{
		{"nobody asks about the schema", `{ __schema { types { name } } }`},
		{"nobody asks about a type", `{ ...F } fragment F on Query { ... on Query { x: __type(name: "Entry") { name } } }`},
		{"nobody follows", `subscription { entryAppended { cursor } }`},
	} {
		attack := post(asked[0], unauthenticated, about(asked[1], "null"))
		attack.Anonymous = true
		attack.Header.Set("Accept", events)
		attacks = append(attacks, attack)
	}
	for _, sent := range [][2]string{
		{"nobody sends much", about(query, `{"x":"`+long(16<<20-1_000)+`"}`)},
		{"nobody sends many members", `{"query":1` + many(900_000, `,"m%07d":0`) + `}`},
		{"nobody sends values of another type", about(listed, `{"in":`+large("0")+`}`)},
	} {
		attack := post(sent[0], tooLarge, sent[1])
		attack.Anonymous = true
		attacks = append(attacks, attack)
	}
	return attacks
}

// about gives the body of a request.
func about(document, variables string) string {
	raw, _ := json.Marshal(document) // texts always encode
	return `{"query":` + string(raw) + `,"variables":` + variables + `}`
}

func post(name, code, body string) Request {
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/graphql-response+json"}}
	return Request{Name: name, Method: "POST", Header: header, Body: body, Code: code}
}
