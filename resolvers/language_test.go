package resolvers_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"logbook/internal/auth"
)

// TestLanguage wants errors in the language that the caller asks for, and all else
// about them the same.
func TestLanguage(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		viewer := s.token(auth.Viewer, nil)
		for _, c := range []struct {
			key, query, code string
			english, chinese []string // the messages, then the problems
		}{
			{"", "{ entries { totalCount } }", "UNAUTHENTICATED",
				[]string{`sign in first: send an access token or a JWT as "Authorization: Bearer …"`},
				[]string{`请先登录：以 "Authorization: Bearer …" 发送访问令牌或 JWT`}},
			{"lb_nosuchtoken", "{ entries { totalCount } }", "UNAUTHENTICATED",
				[]string{"the access token is not valid: it is unknown, revoked or expired"},
				[]string{"访问令牌无效：不存在、已吊销或已过期"}},
			{viewer, "{ entries { totalCount } }", "FORBIDDEN",
				[]string{`this needs the permission "entries:read"`}, []string{`缺少权限 "entries:read"`}},
			{adminToken, "{ entries(first: 501) { totalCount edges { cursor } } }", "BAD_USER_INPUT",
				[]string{"first: must be between 0 and 500", "first: must be between 0 and 500"},
				[]string{"first: 应为 0 到 500 之间的数", "first: 应为 0 到 500 之间的数"}},
			{adminToken, `{ entry(id: "x") { id } }`, "BAD_USER_INPUT",
				[]string{`id: "x" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`, `id: "x" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`},
				[]string{`id: "x" 不是UUID，例如 550e8400-e29b-41d4-a716-446655440000`, `id: "x" 不是UUID，例如 550e8400-e29b-41d4-a716-446655440000`}},
			{adminToken, `mutation { deleteRetentionPolicy(input: {id: "550e8400-e29b-41d4-a716-446655440000"}) { deletedId } }`, "NOT_FOUND",
				[]string{"there is no retention policy 550e8400-e29b-41d4-a716-446655440000"},
				[]string{"没有保留策略 550e8400-e29b-41d4-a716-446655440000"}},
			{adminToken, "query a { me { id } } query b { me { id } }", "GRAPHQL_VALIDATION_FAILED",
				[]string{"the document has several operations: name one as operationName"},
				[]string{"文档中有多个操作：请以 operationName 指定一个"}},
			{adminToken, "", "BAD_REQUEST", []string{"there is no query"}, []string{"没有 query"}},
			// The parser's and the validator's own texts are in English always.
			{adminToken, "{ nothing }", "GRAPHQL_VALIDATION_FAILED",
				[]string{`Cannot query field "nothing" on type "Query".`}, []string{`Cannot query field "nothing" on type "Query".`}},
		} {
			body, err := json.Marshal(map[string]string{"query": c.query})
			if err != nil {
				t.Fatal(err)
			}
			for accept, want := range map[string][]string{"": c.english, "fr": c.english, "zh-CN, en;q=0.5": c.chinese} {
				language := "en"
				if strings.HasPrefix(accept, "zh") {
					language = "zh"
				}
				headers := map[string]string{"Content-Type": "application/json", "Accept-Language": accept}
				if c.key != "" {
					headers["Authorization"] = "Bearer " + c.key
				}
				a := s.send("POST", s.url, headers, string(body))
				got := []string{}
				for _, one := range a.Errors {
					got = append(got, one.Message)
				}
				if got = append(got, a.problems()...); !slices.Equal(got, want) || a.code() != c.code {
					t.Errorf("%s in %q: %s %q, want %s %q", c.query, accept, a.code(), got, c.code, want)
				}
				if a.header.Get("Content-Language") != language || !slices.Contains(a.header.Values("Vary"), "Accept-Language") {
					t.Errorf("%s in %q: %v", c.query, accept, a.header)
				}
			}
		}
		headers := map[string]string{"Content-Type": "application/json", "Accept-Language": "zh", "Authorization": "Bearer " + adminToken}
		if a := s.send("POST", s.url, headers, `{"query":"{ me { id } }"}`); a.code() != "" || a.header.Get("Content-Language") != "" {
			t.Errorf("an answer without errors: %v %s", a.header, a.body)
		}
	})
}
