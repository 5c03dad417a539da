package resolvers_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// naming gives the extensions of a request that names a document by its digest.
func naming(document string) string {
	sum := sha256.Sum256([]byte(document))
	return fmt.Sprintf(`{"persistedQuery":{"version":1,"sha256Hash":"%s"}}`, hex.EncodeToString(sum[:]))
}

// persistedBody is a request that names a document, and brings it along if with.
func persistedBody(t *testing.T, document string, with bool) string {
	t.Helper()
	if !with {
		return `{"extensions":` + naming(document) + `}`
	}
	query, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return `{"query":` + string(query) + `,"extensions":` + naming(document) + `}`
}

func headers(token string) map[string]string {
	all := map[string]string{"Content-Type": "application/json"}
	if token != "" {
		all["Authorization"] = "Bearer " + token
	}
	return all
}

// A document that was sent beside its digest need not be sent again, by whatever
// method; what it asks is still up to whoever names it.
func TestPersistedQuery(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		const document = `query A { me { role } } query B { __typename }`
		get := func(token, operation string) answer {
			t.Helper()
			values := url.Values{"extensions": {naming(document)}, "operationName": {operation}}
			return s.send("GET", s.url+"?"+values.Encode(), headers(token), "")
		}
		post := func(token string, with bool) answer {
			t.Helper()
			body := strings.TrimSuffix(persistedBody(t, document, with), "}") + `,"operationName":"A"}`
			return s.send("POST", s.url, headers(token), body)
		}
		unknown := func(what string, a answer) {
			t.Helper()
			if a.status != 200 || a.code() != "PERSISTED_QUERY_NOT_FOUND" || a.Errors[0].Message != "PersistedQueryNotFound" || a.Data != nil {
				t.Errorf("%s: %d %s", what, a.status, a.body)
			}
		}
		unknown("POST before it was sent", post(adminToken, false))
		unknown("GET before it was sent", get(adminToken, "A"))
		if a := post("", true); a.code() != "UNAUTHENTICATED" {
			t.Errorf("sent by nobody: %d %s", a.status, a.body)
		}
		unknown("after nobody sent it", post(adminToken, false))

		const me = `{"me":{"role":"ADMIN"}}`
		if a := post(adminToken, true); a.status != 200 || string(a.Data) != me {
			t.Errorf("sent: %d %s", a.status, a.body)
		}
		for what, a := range map[string]answer{"POST": post(adminToken, false), "GET": get(adminToken, "A"), "sent again": post(adminToken, true)} {
			if a.status != 200 || string(a.Data) != me {
				t.Errorf("%s: %d %s", what, a.status, a.body)
			}
		}
		if a := get(adminToken, "B"); string(a.Data) != `{"__typename":"Query"}` {
			t.Errorf("its other operation: %d %s", a.status, a.body)
		}
		if a := post("", false); a.code() != "UNAUTHENTICATED" || string(a.Data) != `{"me":null}` {
			t.Errorf("named by nobody: %d %s", a.status, a.body)
		}
		blank := s.send("POST", s.url, headers(adminToken), `{"query":" ","operationName":"A","extensions":`+naming(document)+`}`)
		upper := s.send("POST", s.url, headers(adminToken), `{"operationName":"A","extensions":{"persistedQuery":{"version":1,"sha256Hash":"`+
			strings.ToUpper(naming(document)[len(`{"persistedQuery":{"version":1,"sha256Hash":"`):][:64])+`"}}}`)
		for what, a := range map[string]answer{"an empty query": blank, "in capitals": upper} {
			if string(a.Data) != me {
				t.Errorf("%s: %d %s", what, a.status, a.body)
			}
		}
		newer := s.send("POST", s.url, map[string]string{"Content-Type": "application/json", "Accept": "application/graphql-response+json", "Accept-Language": "zh"},
			persistedBody(t, "{ unknown }", false))
		if newer.status != 400 || newer.Errors[0].Message != "PersistedQueryNotFound" {
			t.Errorf("the newer media type, in Chinese: %d %s", newer.status, newer.body)
		}
	})
}

// Naming a mutation does not make it one that GET carries out.
func TestPersistedMutation(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		const document = `mutation { createTenant(input: {name: "t"}) { tenant { name } } }`
		for _, with := range []bool{true, false} {
			if a := s.send("POST", s.url, headers(adminToken), persistedBody(t, document, with)); string(a.Data) != `{"createTenant":{"tenant":{"name":"t"}}}` {
				t.Errorf("POST, with its text %v: %d %s", with, a.status, a.body)
			}
		}
		a := s.send("GET", s.url+"?extensions="+url.QueryEscape(naming(document)), headers(adminToken), "")
		if a.status != 405 || a.Data != nil {
			t.Errorf("GET: %d %s", a.status, a.body)
		}
		if tenants, err := s.journal.Tenants(s.system); err != nil || len(tenants) != 2 {
			t.Errorf("%v, %v", tenants, err)
		}
	})
}

// What is no such extension is refused and remembered under no digest.
func TestPersistedQueryRefused(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		const document, other = `{ __typename }`, `{ me { id } }`
		hash := naming(document)[len(`{"persistedQuery":{"version":1,"sha256Hash":"`):][:64]
		for extensions, message := range map[string]string{
			`{"persistedQuery":1}`:  "extensions.persistedQuery must be an object",
			`{"persistedQuery":[]}`: "extensions.persistedQuery must be an object",
			`{"persistedQuery":{}}`: "extensions.persistedQuery.version must be 1",
			`{"persistedQuery":{"version":"1","sha256Hash":"` + hash + `"}}`:    "extensions.persistedQuery.version must be 1",
			`{"persistedQuery":{"version":2,"sha256Hash":"` + hash + `"}}`:      "extensions.persistedQuery.version must be 1",
			`{"persistedQuery":{"version":1}}`:                                  "extensions.persistedQuery.sha256Hash must be a SHA-256, 64 hexadecimal digits",
			`{"persistedQuery":{"version":1,"sha256Hash":7}}`:                   "extensions.persistedQuery.sha256Hash must be a SHA-256, 64 hexadecimal digits",
			`{"persistedQuery":{"version":1,"sha256Hash":""}}`:                  "extensions.persistedQuery.sha256Hash must be a SHA-256, 64 hexadecimal digits",
			`{"persistedQuery":{"version":1,"sha256Hash":"` + hash + `00"}}`:    "extensions.persistedQuery.sha256Hash must be a SHA-256, 64 hexadecimal digits",
			`{"persistedQuery":{"version":1,"sha256Hash":"x` + hash[1:] + `"}}`: "extensions.persistedQuery.sha256Hash must be a SHA-256, 64 hexadecimal digits",
			`{"persistedQuery":{"version":1,"sha256Hash":"\ud800"}}`:            "extensions.persistedQuery.sha256Hash must be a SHA-256, 64 hexadecimal digits",
			`{"persistedQuery":null,"persistedQuery":{}}`:                       "extensions names a member twice, or by half a surrogate pair, or has more than 10000",
			`{"persistedQuery":{"version":1,"version":1}}`:                      "extensions names a member twice, or by half a surrogate pair, or has more than 10000",
			naming(other): "the SHA-256 beside the query is not that of the query",
		} {
			post := s.send("POST", s.url, headers(adminToken), `{"query":"`+document+`","extensions":`+extensions+`}`)
			get := s.send("GET", s.url+"?query="+url.QueryEscape(document)+"&extensions="+url.QueryEscape(extensions), headers(adminToken), "")
			for method, a := range map[string]answer{"POST": post, "GET": get} {
				if a.status != 400 || a.code() != "BAD_REQUEST" || a.Errors[0].Message != message {
					t.Errorf("%s %s: %d %s, want %s", method, extensions, a.status, a.body, message)
				}
			}
		}
		if a := s.send("POST", s.url, headers(adminToken), `{"query":"`+document+`","extensions":{"persistedQuery":null}}`); a.status != 200 || a.Data == nil {
			t.Errorf("null: %d %s", a.status, a.body)
		}
		if a := s.send("POST", s.url, headers(adminToken), `{"extensions":{"persistedQuery":null}}`); a.status != 400 || a.code() != "BAD_REQUEST" {
			t.Errorf("null and no query: %d %s", a.status, a.body)
		}
		broken := `{ nothing }`
		s.send("POST", s.url, headers(adminToken), persistedBody(t, broken, true))
		for _, text := range []string{other, document, broken} {
			if a := s.send("POST", s.url, headers(adminToken), persistedBody(t, text, false)); a.code() != "PERSISTED_QUERY_NOT_FOUND" {
				t.Errorf("%s is remembered: %d %s", text, a.status, a.body)
			}
		}
	})
}

// Documents are forgotten before they take more than 8 MiB: those first that were
// asked for longest ago.
func TestPersistedQueriesAreBounded(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		large := func(i int) string { return fmt.Sprintf("{ __typename } # %d %s", i, strings.Repeat("x", 60<<10)) }
		known := func(i int) bool {
			a := s.send("POST", s.url, headers(adminToken), persistedBody(t, large(i), false))
			return a.code() != "PERSISTED_QUERY_NOT_FOUND"
		}
		const room = 8 << 20 / (60<<10 + 256 + 20)
		for i := range room + 5 {
			if a := s.send("POST", s.url, headers(adminToken), persistedBody(t, large(i), true)); a.Data == nil {
				t.Fatalf("%d: %d %.300s", i, a.status, a.body)
			}
			if !known(0) {
				t.Fatalf("the document that is asked for all the time is forgotten after %d others", i)
			}
		}
		for i, want := range map[int]bool{0: true, 1: false, 5: false, 6: true, room + 4: true} {
			if known(i) != want {
				t.Errorf("document %d of %d is remembered: %v", i, room+5, !want)
			}
		}
	})
}
