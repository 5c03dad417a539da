package resolvers_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/journal"
)

// oneOfEach makes a node of every type in a tenant, and gives their ids within their
// types.
func oneOfEach(s *server, tenant *column.ID, code string) map[string]string {
	s.t.Helper()
	category, err := s.journal.CreateCategory(s.system, "c", code)
	s.check(err)
	user, err := s.accounts.AddUser(s.system, account.UserDraft{Username: code, TenantID: tenant})
	s.check(err)
	token, _, err := s.accounts.AddToken(s.system, account.TokenDraft{Name: code, TenantID: tenant})
	s.check(err)
	policy, err := s.journal.CreateRetentionPolicy(s.system, journal.RetentionPolicyDraft{Name: code, TenantID: tenant, Days: 9})
	s.check(err)
	ids := map[string]string{
		"Entry":      s.append(journal.EntryDraft{Message: "m", TenantID: tenant})[0].String(),
		"AuditEvent": drafted(s, s.journal.AuditEvents, []journal.AuditEventDraft{{ID: ptr("Entry:" + code), Key: "k", TenantID: tenant}}, func(e *ent.AuditEvent) string { return e.ID })[0],
		"Operation": drafted(s, s.journal.Operations, []journal.OperationDraft{{Module: "m", TenantID: tenant}},
			func(o *ent.Operation) string { return strconv.FormatInt(o.ID, 10) })[0],
		"UsageRecord": drafted(s, s.journal.UsageRecords, []journal.UsageRecordDraft{{Type: column.Consume, UserID: user.ID, TenantID: tenant}},
			func(u *ent.UsageRecord) string { return strconv.FormatInt(u.ID, 10) })[0],
		"APICall":         drafted(s, s.journal.APICalls, []journal.APICallDraft{{AppID: "application", TenantID: tenant}}, func(a *ent.APICall) string { return a.ID })[0],
		"Category":        category.ID.String(),
		"RetentionPolicy": policy.ID.String(),
		"User":            strconv.FormatInt(user.ID, 10),
		"AccessToken":     strconv.FormatInt(token.ID, 10),
		"Tenant":          "0197a000-0000-7000-8000-000000000001", // nobody's
	}
	if tenant != nil {
		ids["Tenant"] = tenant.String()
	}
	return ids
}

// TestNodes asks for nodes of every type that the schema has, as every sort of caller,
// and holds what node and nodes say against what the field of the type says.
func TestNodes(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		schema := loadSchema(t)
		ours, theirs := s.tenant("ours"), s.tenant("theirs")
		there := []map[string]string{oneOfEach(s, &ours, "a"), oneOfEach(s, &theirs, "b"), oneOfEach(s, nil, "c")}
		known, err := strconv.ParseInt(there[0]["User"], 10, 64)
		s.check(err)
		callers := map[string]string{
			"nobody":        "",
			"admin":         adminToken,
			"tenant admin":  s.token(auth.Admin, &ours),
			"other admin":   s.token(auth.Admin, &theirs),
			"viewer of all": s.token(auth.Viewer, nil, auth.Permissions...),
			"tenant viewer": s.token(auth.Viewer, &ours, auth.Permissions...),
			"ingester":      s.token(auth.Ingest, nil, auth.Permissions...),
			"user":          s.tokenOf(known, auth.User, nil),
			"gateway key":   s.tokenOf(known, "", nil),
		}
		for _, permission := range auth.Permissions {
			callers[string(permission)] = s.token(auth.Viewer, &ours, permission)
		}
		absent := map[string]string{
			"Entry": "0197a000-0000-7000-8000-000000000002", "AuditEvent": "", "Operation": "7", "UsageRecord": "x", "APICall": "Entry:5",
			"Tenant": "0197a000-0000-7000-8000-000000000002", "Category": "0197a000-0000-7000-8000-000000000002",
			"RetentionPolicy": "0197a000-0000-7000-8000-000000000002", "User": "-1", "AccessToken": "9223372036854775808",
		}
		types := 0
		found := map[string]int{}
		for _, of := range schema.GetPossibleTypes(schema.Types["Node"]) {
			if of.Kind != ast.Object {
				continue // an interface between
			}
			types++
			field := strings.ToLower(of.Name[:1]) + of.Name[1:]
			if of.Name == "APICall" {
				field = "apiCall"
			}
			for i, ids := range append(there, absent) {
				local, made := ids[of.Name]
				if !made {
					t.Errorf("no %s is made", of.Name)
					continue
				}
				id := of.Name + ":" + local
				for who, token := range callers {
					own := s.ask(token, `query($id: ID!) { x: `+field+`(id: $id) { id __typename } }`, map[string]any{"id": id})
					one := s.ask(token, `query($id: ID!) { x: node(id: $id) { id __typename } }`, map[string]any{"id": id})
					if own.body != one.body && (who != "gateway key" || own.code() != one.code()) { // which is told so, and not what it lacks
						t.Errorf("%s, %s %d: node says %s, %s says %s", who, of.Name, i, one.body, field, own.body)
					}
					if strings.Contains(own.body, `{"id":"`+strings.ReplaceAll(id, `"`, `\"`)+`","__typename":"`+of.Name+`"}`) {
						found[of.Name]++
					}
					if own.code() == "UNAUTHENTICATED" || who == "gateway key" {
						continue // refused as a whole
					}
					many := s.ask(token, `query($ids: [ID!]!) { x: nodes(ids: $ids) { id __typename } }`, map[string]any{"ids": []string{id, id}})
					var single struct{ X json.RawMessage }
					s.check(json.Unmarshal(own.Data, &single))
					if want := fmt.Sprintf(`{"x":[%s,%[1]s]}`, single.X); string(many.Data) != want || len(many.Errors) != 2*len(own.Errors) {
						t.Errorf("%s, %s %d: nodes says %s, want %s", who, of.Name, i, many.body, want)
					}
					for j, refused := range many.Errors {
						if refused.Message != own.Errors[0].Message || refused.Extensions.Code != own.code() || fmt.Sprint(refused.Path) != fmt.Sprintf("[x %d]", j) {
							t.Errorf("%s, %s %d: nodes says %s, %s says %s", who, of.Name, i, many.body, field, own.body)
						}
					}
				}
			}
			if found[of.Name] < 2 {
				t.Errorf("%d callers found a %s", found[of.Name], of.Name)
			}
		}
		if types != len(absent) {
			t.Errorf("the schema has %d types of nodes, and %d are made", types, len(absent))
		}

		// All in one, in the order asked; what one caller may not see leaves the others.
		entry, event, user := "Entry:"+there[0]["Entry"], "AuditEvent:"+there[0]["AuditEvent"], "User:"+there[0]["User"]
		a := s.ask(callers["entries:read"], `query($ids: [ID!]!) { nodes(ids: $ids) { ... on Entry { message tenant { name } } ... on User { username } id } }`,
			map[string]any{"ids": []string{user, entry, event, "Entry:" + there[1]["Entry"], "Tenant:" + ours.String()}})
		want := `{"nodes":[null,{"message":"m","tenant":{"name":"ours"},"id":"` + entry + `"},null,null,{"id":"Tenant:` + ours.String() + `"}]}`
		if string(a.Data) != want || len(a.Errors) != 2 || a.code() != "FORBIDDEN" {
			t.Errorf("%s\nwant %s", a.body, want)
		}
		// One variable for a node and for a field that wants the id within its type.
		a = s.ask(adminToken, `query($id: ID!) { node(id: $id) { id } entry(id: $id) { id } nodes(ids: [$id]) { id } }`, map[string]any{"id": entry})
		if want := `{"node":{"id":"` + entry + `"},"entry":{"id":"` + entry + `"},"nodes":[{"id":"` + entry + `"}]}`; string(a.Data) != want {
			t.Errorf("%s\nwant %s", a.body, want)
		}
	})
}

func TestNodesRefuse(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ids := make([]string, 101)
		for i := range ids {
			ids[i] = fmt.Sprint("Operation:", i)
		}
		const document = `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`
		if a := s.ask(adminToken, document, map[string]any{"ids": ids[:100]}); len(a.Errors) > 0 || strings.Count(a.body, "null") != 100 {
			t.Errorf("100 ids: %s", a.body)
		}
		if a := s.ask(adminToken, document, map[string]any{"ids": ids}); fmt.Sprint(a.problems()) != "[ids: must be at most 100 ids]" {
			t.Errorf("101 ids: %s", a.body)
		}
		a := s.ask(adminToken, document, map[string]any{"ids": []string{"Operation:1", "5", "Entry:5", ":", ""}})
		want := `[ids[1]: "5" is not the id of a node, such as Operation:5` + ` ids[2]: "5" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000` +
			` ids[3]: ":" is not the id of a node, such as Operation:5 ids[4]: is not the id of a node, such as Operation:5]`
		if fmt.Sprint(a.problems()) != want {
			t.Errorf("%v\nwant %s", a.problems(), want)
		}
		// Each id counts as many fields as it asks for.
		deep := document[:len(document)-2-len("id }")] + strings.Repeat("__typename ", 260) + "} }"
		if a := s.ask(adminToken, deep, map[string]any{"ids": ids[:100]}); a.code() != "GRAPHQL_VALIDATION_FAILED" || !strings.Contains(a.body, "complexity") {
			t.Errorf("100 large nodes: %.300s", a.body)
		}
		if a := s.ask(adminToken, deep, map[string]any{"ids": ids[:10]}); len(a.Errors) > 0 {
			t.Errorf("10 large nodes: %.300s", a.body)
		}
	})
}

// fields gives so many fields of any node.

// TestOwnUser shows everybody the user that they are, and no stranger.
func TestOwnUser(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ours, theirs := s.tenant("ours"), s.tenant("theirs")
		user, err := s.accounts.AddUser(s.system, account.UserDraft{Username: "alice", TenantID: &ours, Aliases: map[string]string{"hertz": "7"}})
		s.check(err)
		shown := `{"me":{"id":"User:` + fmt.Sprint(user.ID) + `","user":{"id":"User:` + fmt.Sprint(user.ID) + `","username":"alice","aliases":[{"system":"hertz"}]}}}`
		hidden := `{"me":{"id":"User:` + fmt.Sprint(user.ID) + `","user":null}}`
		for token, want := range map[string]string{
			s.tokenOf(user.ID, auth.Viewer, nil):     shown,
			s.tokenOf(user.ID, auth.Ingest, &ours):   shown,
			s.tokenOf(user.ID, auth.Admin, &theirs):  hidden,
			s.tokenOf(0, auth.Admin, nil):            `{"me":{"id":"User:0","user":null}}`,
			adminToken:                               `{"me":{"id":"User:0","user":null}}`,
			s.token(auth.Viewer, &theirs):            `{"me":{"id":"User:0","user":null}}`,
			s.token(auth.User, nil, auth.AuditWrite): `{"me":{"id":"User:0","user":null}}`,
		} {
			if a := s.ask(token, `{ me { id user { id username aliases { system } } } }`, nil); string(a.Data) != want || len(a.Errors) > 0 {
				t.Errorf("%s\nwant %s", a.body, want)
			}
		}
		var got struct {
			AccessTokens struct {
				Edges []struct{ Node json.RawMessage }
			}
		}
		s.must(s.token(auth.Admin, &theirs), `{ accessTokens { edges { node { userId user { id } } } } }`, nil, &got)
		if len(got.AccessTokens.Edges) != 1 || string(got.AccessTokens.Edges[0].Node) != `{"userId":"User:`+fmt.Sprint(user.ID)+`","user":null}` {
			t.Errorf("a token of another tenant's user: %s", got.AccessTokens.Edges)
		}
		s.must(adminToken, `{ accessTokens { edges { node { userId user { username } } } } }`, nil, &got)
		if len(got.AccessTokens.Edges) != 4 || string(got.AccessTokens.Edges[0].Node) != `{"userId":"User:`+fmt.Sprint(user.ID)+`","user":{"username":"alice"}}` ||
			string(got.AccessTokens.Edges[3].Node) != `{"userId":null,"user":null}` && string(got.AccessTokens.Edges[0].Node) != `{"userId":null,"user":null}` {
			t.Errorf("tokens: %s", got.AccessTokens.Edges)
		}
	})
}
