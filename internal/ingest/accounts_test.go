package ingest_test

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/ingest"
)

func TestUserRefuses(t *testing.T) {
	refuses(t, ingest.User, []refusal{
		{"text as id", `{"id":"2"}`, `id: must be a whole number, not a string`},
		{"fraction as id", `{"id":2.5}`, `id: "2.5" is not a whole number in plain digits`},
		{"number as name", `{"username":1}`, `username: must be a string, not a number`},
		{"number as role", `{"role":1}`, `role: must be a string, not a number`},
		{"no UUID as tenant", `{"tenant_id":"1"}`, `tenant_id: "1" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`},
		{"array as aliases", `{"aliases":["7"]}`, `aliases: must be an object, not an array`},
		{"text as aliases", `{"aliases":"hertz=7"}`, `aliases: must be an object, not a string`},
		{"number as alias", `{"aliases":{"hertz":7}}`, `aliases.hertz: must be a string, not a number`},
		{"an alias twice", `{"aliases":{"hertz":"7","hertz":"8"}}`, `aliases.hertz: stands twice`},
		{"half a surrogate pair", `{"aliases":{"hertz":"\ud800"}}`, `aliases.hertz: has half a surrogate pair (such as \ud800), which no text can hold`},
	})
}

func TestUser(t *testing.T) {
	draft, problem := ingest.User([]byte(`{"id":2,"username":" alice ","role":"user","tenant_id":null,"aliases":{"hertz":"7","scitiger":"550e8400-e29b-41d4-a716-446655440003","codebird":"usr_a","trae":null},"email":1}`))
	if problem != nil || *draft.ID != 2 || draft.Username != " alice " || draft.Role != auth.User || draft.TenantID != nil ||
		!maps.Equal(draft.Aliases, map[string]string{"hertz": "7", "scitiger": "550e8400-e29b-41d4-a716-446655440003", "codebird": "usr_a"}) {
		t.Errorf("got %+v, %v", draft, problem)
	}
	draft, problem = ingest.User([]byte(`{"id":null,"username":"bob","role":null,"aliases":null}`))
	if problem != nil || !reflect.DeepEqual(draft, account.UserDraft{Username: "bob"}) {
		t.Errorf("got %+v, %v", draft, problem)
	}
}

func TestTokenRefuses(t *testing.T) {
	refuses(t, ingest.Token, []refusal{
		{"text as id", `{"id":"2"}`, `id: must be a whole number, not a string`},
		{"text as user", `{"user_id":"2"}`, `user_id: must be a whole number, not a string`},
		{"number as name", `{"name":1}`, `name: must be a string, not a number`},
		{"number as key", `{"key":1}`, `key: must be a string, not a number`},
		{"half a surrogate pair in the key", `{"key":"secret\ud800"}`, `key: has half a surrogate pair (such as \ud800), which no text can hold`},
		{"the key twice", `{"key":"secret","key":"secret"}`, `key: stands twice`},
		{"true as role", `{"role":true}`, `role: must be a string, not true or false`},
		{"text as permissions", `{"permissions":"audit"}`, `permissions: must be an array, not a string`},
		{"number as permission", `{"permissions":["audit",1]}`, `permissions[1]: must be a string, not a number`},
		{"null as permission", `{"permissions":[null]}`, `permissions[0]: must be a string, not null`},
		{"no UUID as tenant", `{"tenant_id":"1"}`, `tenant_id: "1" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`},
	})
}

func TestToken(t *testing.T) {
	token, problem := ingest.Token([]byte(`{"id":3,"user_id":2,"name":"api_token","key":"sk-1","role":"user","permissions":["audit","entries:read"],"tenant_id":"550E8400-e29b-41d4-a716-446655440001","quota":{}}`))
	if problem != nil || *token.ID != 3 || token.UserID != 2 || token.Name != "api_token" || token.Key != "sk-1" || token.Role != auth.User ||
		!slices.Equal(token.Permissions, []auth.Permission{auth.APICallsRead, auth.EntriesRead}) ||
		token.TenantID.String() != "550e8400-e29b-41d4-a716-446655440001" {
		t.Errorf("got %+v, %v", token, problem)
	}
	token, problem = ingest.Token([]byte(`{"id":null,"user_id":null,"name":null,"key":"k","role":null,"permissions":null,"tenant_id":null}`))
	if problem != nil || !reflect.DeepEqual(token, account.KeyedToken{Key: "k"}) {
		t.Errorf("got %+v, %v", token, problem)
	}
}

func FuzzUser(f *testing.F) {
	f.Add([]byte(`{"id":2,"username":"alice","role":"user","tenant_id":null,"aliases":{"hertz":"7"}}`))
	f.Add([]byte(`{"aliases":{"\ud800":"7"}}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		if _, problem := ingest.User(line); problem != nil && (problem.String() == "" || problem.Field == "") {
			t.Fatalf("refused without a reason: %+v", problem)
		}
	})
}

// FuzzToken holds that what is said of a line never shows its key.
func FuzzToken(f *testing.F) {
	f.Add(`"id":2,"user_id":2,"name":"api_token","role":"user","permissions":["audit"]`)
	f.Add(`"permissions":{},"role":7`)
	f.Add(`"permissions":["a"`)
	f.Add(`"key":"twice"`)
	f.Fuzz(func(t *testing.T, rest string) {
		const key = "Hy7vQ2-secret"
		if strings.Contains(rest, "Hy7") {
			return
		}
		_, problem := ingest.Token([]byte(`{"key":"` + key + `",` + rest + `}`))
		if problem != nil && (strings.Contains(problem.String(), key) || problem.Field == "") {
			t.Fatalf("says %+v", problem)
		}
	})
}
