package resolvers_test

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// The status, media type and code of every kind of HTTP request. Statuses are
// those of the GraphQL over HTTP draft of September 2025 and of the audits of the
// npm package graphql-http.
func TestHTTP(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		const (
			jsonType = "application/json"
			gqlType  = "application/graphql-response+json"
			query    = `{"query":"{ __typename }"}`
			mutation = `{"query":"mutation { createTenant(input: {name: \"t\"}) { tenant { name } } }"}`
		)
		get := func(pairs ...string) string {
			values := url.Values{}
			for i := 0; i < len(pairs); i += 2 {
				values.Set(pairs[i], pairs[i+1])
			}
			return "?" + values.Encode()
		}
		for _, c := range []struct {
			name, method, search, accept, contentType, body string
			status                                          int
			media, code                                     string
		}{
			// Refused before it is read as GraphQL.
			{"PUT", "PUT", "", "", jsonType, query, 405, jsonType, "BAD_REQUEST"},
			{"DELETE", "DELETE", "", gqlType, "", "", 405, gqlType, "BAD_REQUEST"},
			{"accepts nothing we have", "POST", "", "text/html", jsonType, query, 406, jsonType, "BAD_REQUEST"},
			{"a mutation by GET as a stream", "GET", get("query", "mutation { createTenant(input: {name: \"t\"}) { tenant { name } } }"), "text/event-stream", "", "", 405, gqlType, "BAD_REQUEST"},
			{"a stream of a form", "POST", "", "text/event-stream", "text/plain", mutation, 415, gqlType, "BAD_REQUEST"},
			{"a subscription as JSON", "POST", "", "", jsonType, `{"query":"subscription {entryAppended {cursor}}"}`, 406, jsonType, "BAD_REQUEST"},
			{"a subscription as anything", "GET", get("query", "subscription {entryAppended {cursor}}"), "*/*", "", "", 406, jsonType, "BAD_REQUEST"},
			{"an id of a document that is none", "POST", "", "", jsonType, `{"documentId":"x"}`, 400, jsonType, "BAD_REQUEST"},
			{"a number as documentId", "POST", "", "", jsonType, `{"documentId":1}`, 400, jsonType, "BAD_REQUEST"},
			{"another documentId than the query's", "POST", "", "", jsonType, `{"query":"{__typename}","documentId":"` + strings.Repeat("0", 64) + `"}`, 400, jsonType, "BAD_REQUEST"},
			{"an unknown documentId", "POST", "", gqlType, jsonType, `{"documentId":"sha256:` + strings.Repeat("0", 64) + `"}`, 400, gqlType, "PERSISTED_QUERY_NOT_FOUND"},
			{"accepts nothing at all", "POST", "", "*/*;q=0", jsonType, query, 406, jsonType, "BAD_REQUEST"},
			{"accepts another charset", "POST", "", "application/json;charset=iso-8859-1", jsonType, query, 406, jsonType, "BAD_REQUEST"},
			{"no content type", "POST", "", "", "", query, 415, jsonType, "BAD_REQUEST"},
			{"a form", "POST", "", "", "application/x-www-form-urlencoded", "query=%7B__typename%7D", 415, jsonType, "BAD_REQUEST"},
			{"a multipart form", "POST", "", "", "multipart/form-data; boundary=x", "--x--", 415, jsonType, "BAD_REQUEST"},
			{"plain text", "POST", "", "", "text/plain", mutation, 415, jsonType, "BAD_REQUEST"},
			{"application/graphql", "POST", "", "", "application/graphql", "{__typename}", 415, jsonType, "BAD_REQUEST"},
			{"in UTF-16", "POST", "", "", "application/json; charset=utf-16", query, 415, jsonType, "BAD_REQUEST"},
			{"a broken content type", "POST", "", "", "application/json; =", query, 415, jsonType, "BAD_REQUEST"},
			{"a large body", "POST", "", "", jsonType, `{"query":"` + long(16<<20) + `"}`, 413, jsonType, "PAYLOAD_TOO_LARGE"},
			{"no body", "POST", "", "", jsonType, "", 400, jsonType, "BAD_REQUEST"},
			{"broken JSON", "POST", "", "", jsonType, `{"query":"secret`, 400, jsonType, "BAD_REQUEST"},
			{"broken JSON, newer type", "POST", "", gqlType, jsonType, `{"query"`, 400, gqlType, "BAD_REQUEST"},
			{"more behind the JSON", "POST", "", "", jsonType, query + "x", 400, jsonType, "BAD_REQUEST"},
			{"no UTF-8", "POST", "", "", jsonType, "{\"query\":\"{ __typename } #\xff\"}", 400, jsonType, "BAD_REQUEST"},
			{"a raw NUL", "POST", "", "", jsonType, "{\"query\":\"{ __typename } #\x00\"}", 400, jsonType, "BAD_REQUEST"},
			{"half a surrogate pair", "POST", "", "", jsonType, `{"query":"{ __typename } #\ud800"}`, 400, jsonType, "BAD_REQUEST"},
			{"a batch", "POST", "", "", jsonType, "[" + query + "]", 400, jsonType, "BAD_REQUEST"},
			{"a string", "POST", "", "", jsonType, `"{ __typename }"`, 400, jsonType, "BAD_REQUEST"},
			{"null", "POST", "", "", jsonType, `null`, 400, jsonType, "BAD_REQUEST"},
			{"no query", "POST", "", "", jsonType, `{}`, 400, jsonType, "BAD_REQUEST"},
			{"a null query", "POST", "", "", jsonType, `{"query":null}`, 400, jsonType, "BAD_REQUEST"},
			{"an empty query", "POST", "", "", jsonType, `{"query":" "}`, 400, jsonType, "BAD_REQUEST"},
			{"a number as query", "POST", "", gqlType, jsonType, `{"query":1}`, 400, gqlType, "BAD_REQUEST"},
			{"an object as query", "POST", "", "", jsonType, `{"query":{}}`, 400, jsonType, "BAD_REQUEST"},
			{"query twice", "POST", "", "", jsonType, `{"query":"{a}","query":"{__typename}"}`, 400, jsonType, "BAD_REQUEST"},
			{"a number as operationName", "POST", "", "", jsonType, `{"query":"{__typename}","operationName":1}`, 400, jsonType, "BAD_REQUEST"},
			{"a string as variables", "POST", "", "", jsonType, `{"query":"{__typename}","variables":"{}"}`, 400, jsonType, "BAD_REQUEST"},
			{"an array as variables", "POST", "", "", jsonType, `{"query":"{__typename}","variables":[]}`, 400, jsonType, "BAD_REQUEST"},
			{"true as extensions", "POST", "", "", jsonType, `{"query":"{__typename}","extensions":true}`, 400, jsonType, "BAD_REQUEST"},
			{"GET without query", "GET", "", "", "", "", 400, jsonType, "BAD_REQUEST"},
			{"GET with two", "GET", "?query=%7B__typename%7D&query=x", "", "", "", 400, jsonType, "BAD_REQUEST"},
			{"GET, no UTF-8", "GET", "?query=%ff", "", "", "", 400, jsonType, "BAD_REQUEST"},
			{"GET, broken escape", "GET", "?query=%7", "", "", "", 400, jsonType, "BAD_REQUEST"},
			{"GET, broken variables", "GET", get("query", "{__typename}", "variables", "{"), "", "", "", 400, jsonType, "BAD_REQUEST"},
			{"GET, variables that are none", "GET", get("query", "{__typename}", "variables", "1"), "", "", "", 400, jsonType, "BAD_REQUEST"},
			{"GET of a mutation", "GET", get("query", "mutation { createTenant(input: {name: \"t\"}) { tenant { name } } }"), "", "", "", 405, jsonType, "BAD_REQUEST"},
			{"GET of a mutation among queries", "GET", get("query", "query Q { __typename } mutation M { createTenant(input: {name: \"t\"}) { tenant { name } } }", "operationName", "M"), gqlType, "", "", 405, gqlType, "BAD_REQUEST"},
			// A document that is refused: the status is the older type's 200 or 400.
			{"broken document", "POST", "", "", jsonType, `{"query":"{"}`, 200, jsonType, "GRAPHQL_PARSE_FAILED"},
			{"broken document, newer type", "POST", "", gqlType, jsonType, `{"query":"{"}`, 400, gqlType, "GRAPHQL_PARSE_FAILED"},
			{"unknown field", "POST", "", "", jsonType, `{"query":"{a}"}`, 200, jsonType, "GRAPHQL_VALIDATION_FAILED"},
			{"unknown field, newer type", "POST", "", gqlType, jsonType, `{"query":"{a}"}`, 400, gqlType, "GRAPHQL_VALIDATION_FAILED"},
			{"unknown operation", "POST", "", gqlType, jsonType, `{"query":"query A {__typename}","operationName":"B"}`, 400, gqlType, "GRAPHQL_VALIDATION_FAILED"},
			{"two operations", "POST", "", "", jsonType, `{"query":"query A {__typename} query B {__typename}"}`, 200, jsonType, "GRAPHQL_VALIDATION_FAILED"},
			{"only a fragment", "POST", "", gqlType, jsonType, `{"query":"fragment F on Query {__typename}"}`, 400, gqlType, "GRAPHQL_VALIDATION_FAILED"},
			{"bad variable", "POST", "", gqlType, jsonType, `{"query":"query($i:ID!){entry(id:$i){id}}","variables":{"i":1}}`, 400, gqlType, "BAD_USER_INPUT"},
			{"missing variable", "POST", "", "", jsonType, `{"query":"query($i:ID!){entry(id:$i){id}}"}`, 200, jsonType, "BAD_USER_INPUT"},
			{"a subscription", "POST", "", gqlType, jsonType, `{"query":"subscription {a}"}`, 400, gqlType, "GRAPHQL_VALIDATION_FAILED"},
			{"GET of a broken document", "GET", get("query", "{"), gqlType, "", "", 400, gqlType, "GRAPHQL_PARSE_FAILED"},
			// One that ran, with errors or without.
			{"a field that is refused", "POST", "", gqlType, jsonType, `{"query":"{me{id}}"}`, 200, gqlType, "UNAUTHENTICATED"},
			{"a mutation that is refused", "POST", "", "", jsonType, mutation, 200, jsonType, "UNAUTHENTICATED"},
			{"query", "POST", "", "", jsonType, query, 200, jsonType, ""},
			{"query, charset", "POST", "", "", "application/json; charset=UTF-8", query, 200, jsonType, ""},
			{"query, newer type", "POST", "", gqlType, jsonType, query, 200, gqlType, ""},
			{"query, both types", "POST", "", gqlType + ", " + jsonType, jsonType, query, 200, gqlType, ""},
			{"query, both types the other way", "POST", "", jsonType + ", " + gqlType, jsonType, query, 200, gqlType, ""},
			{"query, weights", "POST", "", gqlType + ";q=0.8, " + jsonType + ";q=0.9", jsonType, query, 200, jsonType, ""},
			{"query, never json", "POST", "", "*/*, " + jsonType + ";q=0", jsonType, query, 200, gqlType, ""},
			{"query, anything", "POST", "", "*/*", jsonType, query, 200, jsonType, ""},
			{"query, any application", "POST", "", "text/html, application/*;q=0.5", jsonType, query, 200, jsonType, ""},
			{"query, as urql asks", "POST", "", "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed", jsonType, query, 200, gqlType, ""},
			{"query, null beside it", "POST", "", "", jsonType, `{"query":"{__typename}","operationName":null,"variables":null,"extensions":null}`, 200, jsonType, ""},
			{"query, empty beside it", "POST", "", "", jsonType, ` {"query":"{__typename}","operationName":"","variables":{},"extensions":{"a":[1]},"id":7} `, 200, jsonType, ""},
			{"query, named", "POST", "", "", jsonType, `{"query":"query A {__typename} query B {a:__typename}","operationName":"A"}`, 200, jsonType, ""},
			{"query, other variables", "POST", "", "", jsonType, `{"query":"{__typename}","variables":{"x":[1e999]}}`, 200, jsonType, ""},
			{"GET", "GET", get("query", "{__typename}"), "", "", "", 200, jsonType, ""},
			{"GET with all", "GET", get("query", "query A($x: Boolean = false) {__typename @skip(if: $x)}", "operationName", "A", "variables", `{"x":false}`, "extensions", "{}"), gqlType, "", "", 200, gqlType, ""},
			{"GET with empties", "GET", get("query", "{__typename}", "operationName", "", "variables", "", "extensions", ""), "", "", "", 200, jsonType, ""},
			{"GET of a query among mutations", "GET", get("query", "query Q { __typename } mutation M { createTenant(input: {name: \"t\"}) { tenant { name } } }", "operationName", "Q"), "", "", "", 200, jsonType, ""},
		} {
			headers := map[string]string{}
			if c.accept != "" {
				headers["Accept"] = c.accept
			}
			if c.contentType != "" {
				headers["Content-Type"] = c.contentType
			}
			a := s.send(c.method, s.url+c.search, headers, c.body)
			if a.status != c.status || a.code() != c.code || a.header.Get("Content-Type") != c.media+"; charset=utf-8" {
				t.Errorf("%s: %d %s %s, want %d %s %s: %.300s", c.name, a.status, a.header.Get("Content-Type"), a.code(), c.status, c.media, c.code, a.body)
			}
			if ran := a.Data != nil; ran != (c.code == "" || c.code == "UNAUTHENTICATED") {
				t.Errorf("%s: the answer has data: %v: %.300s", c.name, ran, a.body)
			}
			if strings.Contains(a.body, "secret") || len(a.body) > 1024 {
				t.Errorf("%s: the answer repeats the request: %.300s", c.name, a.body)
			}
			if allow := a.header.Get("Allow"); (allow != "") != (c.status == 405) {
				t.Errorf("%s: Allow is %q", c.name, allow)
			}
		}
		if tenants, err := s.journal.Tenants(s.system); err != nil || len(tenants) != 0 {
			t.Errorf("a request that should have been refused made %v, %v", tenants, err)
		}
	})
}

// Compressed bodies are refused, not misread.
func TestContentEncoding(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		a := s.send("POST", s.url, map[string]string{"Content-Type": "application/json", "Content-Encoding": "gzip"}, "\x1f\x8b")
		if a.status != 415 {
			t.Errorf("%d %s", a.status, a.body)
		}
	})
}

// OPTIONS says what is served, HEAD is GET without the body, and a mutation is
// sent elsewhere.
func TestOtherMethods(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		if a := s.send("OPTIONS", s.url, nil, ""); a.status != 204 || a.header.Get("Allow") != "GET, HEAD, OPTIONS, POST" || a.body != "" {
			t.Errorf("OPTIONS: %d %v %s", a.status, a.header, a.body)
		}
		if a := s.send("PATCH", s.url, nil, ""); a.header.Get("Allow") != "GET, HEAD, OPTIONS, POST" {
			t.Errorf("PATCH: Allow is %q", a.header.Get("Allow"))
		}
		search := "?query=" + url.QueryEscape(`mutation { createTenant(input: {name: "t"}) { tenant { name } } }`)
		for _, method := range []string{"GET", "HEAD"} {
			if a := s.send(method, s.url+search, map[string]string{"Authorization": "Bearer " + adminToken}, ""); a.status != 405 || a.header.Get("Allow") != "POST" {
				t.Errorf("%s of a mutation: %d, Allow %q", method, a.status, a.header.Get("Allow"))
			}
		}
		get := s.send("GET", s.url+"?query={__typename}", nil, "")
		head := s.send("HEAD", s.url+"?query={__typename}", nil, "")
		if head.status != 200 || head.body != "" || head.header.Get("Content-Type") != get.header.Get("Content-Type") ||
			head.header.Get("Content-Length") != strconv.Itoa(len(get.body)) {
			t.Errorf("HEAD: %d %v, GET: %v %s", head.status, head.header, get.header, get.body)
		}
		for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
			if got := get.header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	})
}

// An answer comes in one piece, so nothing can be deferred, and nothing says that it
// could be.
func TestDefer(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		for _, document := range []string{
			`{ me { id ... @defer { role } } }`,
			`{ entries { ... @defer { totalCount } } }`,
			`{ entries { ...F @defer(if: false) } } fragment F on EntryConnection { totalCount }`,
		} {
			a := s.ask(adminToken, document, "{}")
			if a.code() != "GRAPHQL_VALIDATION_FAILED" || !strings.Contains(a.Errors[0].Message, `"@defer"`) || a.Data != nil {
				t.Errorf("%s: %d %s", document, a.status, a.body)
			}
		}
		directives := s.ask("", `{ __schema { directives { name } } }`, "{}").body
		if !strings.Contains(directives, `"skip"`) || strings.Contains(directives, `"defer"`) {
			t.Error(directives)
		}
	})
}
