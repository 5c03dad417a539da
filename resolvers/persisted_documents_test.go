package resolvers_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/resolvers"
)

// documents writes a file of documents, as a front end's build does, and reads it.
func documents(t *testing.T, texts ...string) *resolvers.PersistedDocuments {
	t.Helper()
	list := map[string]string{}
	for _, text := range texts {
		list[sum(text)] = text
	}
	raw, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "documents.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := resolvers.ReadPersistedDocuments(path)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func sum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// With a list nothing else runs, by whatever way it is asked for, but for administrators.
func TestPersistedDocuments(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		const typename, me, other = "query Q { __typename }", "query Me {\n  me { username }\n}", "{ __typename }"
		const subscription = "subscription S { entryAppended { cursor } }"
		address := s.serve(resolvers.Options{Documents: documents(t, typename, me, subscription, "mutation M { createTenant(input: {name: \"T\"}) { tenant { name } } }")})
		user := s.token(auth.User, nil, auth.EntriesRead)
		post := func(token, body string) answer {
			headers := map[string]string{"Content-Type": "application/json"}
			if token != "" {
				headers["Authorization"] = "Bearer " + token
			}
			return s.send("POST", address, headers, body)
		}
		text := func(document string) string {
			raw, _ := json.Marshal(document)
			return string(raw)
		}
		persisted := func(hash string) string {
			return fmt.Sprintf(`{"persistedQuery":{"version":1,"sha256Hash":%q}}`, hash)
		}
		const no = "PERSISTED_QUERY_NOT_ALLOWED"
		for name, c := range map[string]struct{ token, body, code string }{
			"another text":                         {user, `{"query":` + text(other) + `}`, no},
			"another text, of nobody":              {"", `{"query":` + text(other) + `}`, no},
			"the same but for a blank":             {user, `{"query":` + text(typename+" ") + `}`, no},
			"another hash":                         {user, `{"documentId":"` + sum(other) + `"}`, no},
			"another text with its hash":           {user, `{"query":` + text(other) + `,"extensions":` + persisted(sum(other)) + `}`, no},
			"another text with a hash of the list": {user, `{"query":` + text(other) + `,"documentId":"` + sum(typename) + `"}`, "BAD_REQUEST"},
			"introspection":                        {user, `{"query":"{ __schema { types { name } } }"}`, no},
			"what is no document":                  {user, `{"query":"{"}`, no},

			"its text":                          {user, `{"query":` + text(typename) + `}`, ""},
			"its text, of nobody":               {"", `{"query":` + text(typename) + `}`, ""},
			"its id":                            {user, `{"documentId":"` + sum(me) + `","operationName":"Me"}`, ""},
			"its id with the algorithm":         {user, `{"documentId":"sha256:` + sum(me) + `"}`, ""},
			"its id beside an empty query":      {user, `{"query":"","documentId":"` + sum(me) + `"}`, ""},
			"its hash, as Apollo sends it":      {user, `{"extensions":` + persisted(sum(me)) + `}`, ""},
			"its hash and its text":             {user, `{"query":` + text(me) + `,"extensions":` + persisted(sum(me)) + `}`, ""},
			"who may is asked all the same":     {"", `{"documentId":"` + sum(me) + `"}`, "UNAUTHENTICATED"},
			"an administrator":                  {adminToken, `{"query":` + text(other) + `,"extensions":` + persisted(sum(other)) + `}`, ""},
			"an administrator, what is unknown": {adminToken, `{"documentId":"` + strings.Repeat("0", 64) + `"}`, "PERSISTED_QUERY_NOT_FOUND"},
		} {
			if a := post(c.token, c.body); a.code() != c.code || len(a.body) > 1024 {
				t.Errorf("%s: %d %s, want %q", name, a.status, a.body, c.code)
			}
		}
		// What an administrator had remembered is nobody else's.
		if a := post(adminToken, `{"documentId":"`+sum(other)+`"}`); a.code() != "" {
			t.Errorf("the administrator's: %s", a.body)
		}
		if a := post(user, `{"documentId":"`+sum(other)+`"}`); a.code() != no {
			t.Errorf("the administrator's, by a user: %s", a.body)
		}
		if a := s.send("GET", address+"?"+url.Values{"documentId": {sum(typename)}}.Encode(), nil, ""); a.code() != "" {
			t.Errorf("by GET: %s", a.body)
		}
		client := begin(t, address, user)
		client.send(subscribe("1", other))
		client.want(no)
		client.send(`{"type":"subscribe","id":"1","payload":{"documentId":"` + sum(typename) + `"}}`)
		client.want(`"data":{"__typename"`, "complete")
		s.listen(user, address, other).want(no, "complete")
	})
}

// A file that would let nobody in, or not what was meant, is refused with where it is
// wrong.
func TestPersistedDocumentsRefused(t *testing.T) {
	t.Parallel()
	const ok = "{ __typename }"
	for name, c := range map[string]struct{ content, want string }{
		"nothing":           {"", "want a JSON object"},
		"no JSON":           {"{", "want a JSON object"},
		"an array":          {"[]", "want a JSON object"},
		"no UTF-8":          {"{\"\xff\":1}", "want a JSON object"},
		"another key":       {`{"GetEntries": "` + ok + `"}`, `"GetEntries" is no SHA-256`},
		"MD5":               {`{"d41d8cd98f00b204e9800998ecf8427e": "` + ok + `"}`, "is no SHA-256"},
		"another text":      {`{"` + sum("x") + `": "` + ok + `"}`, sum("x") + " is not the SHA-256 of its document"},
		"no text":           {`{"` + sum(ok) + `": {}}`, "is not the SHA-256"},
		"twice":             {`{"` + sum(ok) + `": "` + ok + `","` + sum(ok) + `": "` + ok + `"}`, "twice"},
		"no document":       {`{"` + sum("{") + `": "{"}`, "the document " + sum("{") + " would be refused: Expected Name"},
		"an unknown field":  {`{"` + sum("{a}") + `": "{a}"}`, `would be refused: Cannot query field \"a\"`},
		"an empty document": {`{"` + sum("") + `": ""}`, "would be refused"},
	} {
		path := filepath.Join(t.TempDir(), "documents.json")
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := resolvers.ReadPersistedDocuments(path)
		if fault.KindOf(err) != fault.Invalid || !strings.HasPrefix(err.Error(), "--persisted-documents "+path+": ") || !strings.Contains(err.Error(), strings.ReplaceAll(c.want, `\"`, `"`)) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	if _, err := resolvers.ReadPersistedDocuments(filepath.Join(t.TempDir(), "none")); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no file: %v", err)
	}
}
