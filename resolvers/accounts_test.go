package resolvers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/journal"
)

func TestAccountsRefuse(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		user := func(fields string) string { return `mutation { createUser(input: {` + fields + `}) { user { id } } }` }
		token := func(fields string) string {
			return `mutation { createAccessToken(input: {` + fields + `}) { key } }`
		}
		s.must(adminToken, user(`username: "alice", aliases: [{system: "hertz", externalId: "7"}]`), nil, nil)
		for document, want := range map[string]string{
			user(`username: " "`):             `BAD_USER_INPUT [input.username: is required]`,
			user(`username: "b", role: ROOT`): `GRAPHQL_VALIDATION_FAILED []`,
			user(`username: "alice"`):         `CONFLICT []`,
			user(`username: "b", aliases: [{system: "hertz", externalId: "7"}]`):                                   `CONFLICT []`,
			user(`username: "b", aliases: [{system: "x", externalId: "7"}]`):                                       `BAD_USER_INPUT [input.aliases: "x" is none of newapi, scitiger, codebird, hertz, trae]`,
			user(`username: "b", aliases: [{system: "trae", externalId: "1"}, {system: "trae", externalId: "2"}]`): `BAD_USER_INPUT [input.aliases: names the system "trae" twice]`,
			user(`username: "b", aliases: [{system: "trae", externalId: ""}]`):                                     `BAD_USER_INPUT [input.aliases.trae: is required]`,
			token(`role: VIEWER, permissions: ["all"]`):                                                            `BAD_USER_INPUT [input.permissions: "all" is none of ` + joined(auth.Permissions) + `]`,
			token(`userId: "99"`):       `BAD_USER_INPUT [input.userId: "99" does not exist]`,
			token(`userId: "alice"`):    `BAD_USER_INPUT [input.userId: "alice" does not exist]`,
			token(`userId: "0"`):        `BAD_USER_INPUT [input.userId: "0" does not exist]`,
			token(`lifetimeSeconds: 0`): `BAD_USER_INPUT [input.lifetimeSeconds: must be 1 or more]`,
			token(`tenantId: "x"`):      `BAD_USER_INPUT [input.tenantId: "x" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000]`,
			`mutation { disableUser(input: {id: "99"}) { user { id } } }`:              `NOT_FOUND []`,
			`mutation { enableUser(input: {id: "x"}) { user { id } } }`:                `BAD_USER_INPUT [input.id: "x" is not a number]`,
			`mutation { revokeAccessToken(input: {id: "99"}) { accessToken { id } } }`: `NOT_FOUND []`,
			`{ users(first: 501) { edges { cursor } } }`:                               `BAD_USER_INPUT [first: must be between 0 and 500]`,
			`{ users(first: 1, last: 1) { edges { cursor } } }`:                        `BAD_USER_INPUT [last: cannot stand beside first]`,
			`{ accessTokens(after: "dXNlcjox") { edges { cursor } } }`:                 `BAD_USER_INPUT [after: "dXNlcjox" is not a cursor that this server gave]`,
		} {
			a := s.ask(adminToken, document, nil)
			if got := fmt.Sprint(a.code(), " ", a.problems()); got != want {
				t.Errorf("%s\n got %s\nwant %s (%s)", document, got, want, a.body)
			}
		}
		if n := s.own("Logbook.User.Create"); n != 1 {
			t.Errorf("%d users were recorded as made, want 1", n)
		}
		for _, document := range []string{`{ user(id: "99") { id } }`, `{ user(id: "x") { id } }`, `{ accessToken(id: "99") { id } }`} {
			if a := s.ask(adminToken, document, nil); !onlyNull.Match(a.Data) || len(a.Errors) > 0 {
				t.Errorf("%s: %s", document, a.body)
			}
		}
	})
}

// joined lists permissions as an error does.
func joined(permissions []auth.Permission) string {
	var names []string
	for _, p := range permissions {
		names = append(names, string(p))
	}
	return strings.Join(names, ", ")
}

// own counts the audit events of a key.
func (s *server) own(key string) int64 {
	s.t.Helper()
	n, err := s.journal.AuditEvents.Count(s.system, journal.AuditEventFilter{Key: journal.Is(key)})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// TestAccounts makes users and tokens, signs in with them, and ends them.
func TestAccounts(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		tenant := s.tenant("A")
		var made struct {
			CreateUser        struct{ User json.RawMessage }
			CreateAccessToken struct {
				AccessToken struct{ ID, Prefix string }
				Key         string
			}
		}
		s.must(adminToken, `mutation($tenant: ID!) { createUser(input: {username: "爱丽丝", role: VIEWER, tenantId: $tenant,
			aliases: [{system: "hertz", externalId: "7"}, {system: "codebird", externalId: "usr_1"}]})
			{ user { id username role tenant { name } aliases { system externalId } disabledAt } } }`,
			map[string]any{"tenant": tenant}, &made)
		const alice = `{"id":"User:1099511627776","username":"爱丽丝","role":"VIEWER","tenant":{"name":"A"},` +
			`"aliases":[{"system":"codebird","externalId":"usr_1"},{"system":"hertz","externalId":"7"}],"disabledAt":null}`
		if string(made.CreateUser.User) != alice {
			t.Errorf("made %s, want %s", made.CreateUser.User, alice)
		}
		s.must(adminToken, `mutation { createAccessToken(input: {name: "ci", role: VIEWER, userId: "1099511627776",
			permissions: ["audit:read", "audit:read"], lifetimeSeconds: 3600}) { accessToken { id prefix } key } }`, nil, &made)
		key, token := made.CreateAccessToken.Key, made.CreateAccessToken.AccessToken
		if !strings.HasPrefix(key, token.Prefix) || len(key) < 20 {
			t.Errorf("the key %q begins with %q", key, token.Prefix)
		}
		var got struct{ Me, AccessToken json.RawMessage }
		s.must(key, `{ me { id username role permissions tenant { name } } }`, nil, &got)
		if want := `{"id":"User:1099511627776","username":"爱丽丝","role":"VIEWER","permissions":["audit:read"],"tenant":{"name":"A"}}`; string(got.Me) != want {
			t.Errorf("the key signs in %s, want %s", got.Me, want)
		}
		one := `{ accessToken(id: "` + token.ID + `") { name prefix role permissions userId tenant { name } expiresAt firstUsedAt revokedAt } }`
		a := s.ask(adminToken, one, nil)
		if strings.Contains(a.body, key) || !strings.Contains(a.body, `"role":"VIEWER","permissions":["audit:read"],"userId":"User:1099511627776","tenant":null,"expiresAt":"`) ||
			!strings.Contains(a.body, `"revokedAt":null`) {
			t.Errorf("the token is %s", a.body)
		}

		s.must(adminToken, `mutation { disableUser(input: {id: "1099511627776"}) { user { disabledAt } } }`, nil, nil)
		s.signsIn(key, false)
		s.must(adminToken, `mutation { enableUser(input: {id: "1099511627776"}) { user { disabledAt } } }`, nil, nil)
		s.signsIn(key, true)
		s.must(adminToken, `mutation { revokeAccessToken(input: {id: "`+token.ID+`"}) { accessToken { revokedAt } } }`, nil, nil)
		s.signsIn(key, false)
		for _, event := range []string{"User.Create", "User.Disable", "User.Enable", "Token.Create", "Token.Revoke"} {
			if n := s.own("Logbook." + event); n != 1 {
				t.Errorf("%s is recorded %d times", event, n)
			}
		}

		// Null is as good as absent.
		s.must(adminToken, `mutation($r: Role) { createUser(input: {username: "bob", role: $r}) { user { role } } }`,
			map[string]any{"r": nil}, &made)
		if string(made.CreateUser.User) != `{"role":"USER"}` {
			t.Errorf("without a role: %s", made.CreateUser.User)
		}
		for _, dry := range []string{`null`, `{}`} {
			a := s.ask(adminToken, `mutation($i: PurgeEntriesInput!) { purgeEntries(input: $i) { count } }`,
				`{"i":{"filter":{"until":"2001-01-01T00:00:00Z"}`+strings.Replace(strings.Replace(dry, "null", `,"dryRun":null`, 1), "{}", "", 1)+`}}`)
			if a.code() != "BAD_USER_INPUT" {
				t.Errorf("a purge that does not say whether it is one: %s", a.body)
			}
		}
		s.must(adminToken, `mutation { createAccessToken(input: {}) { key } }`, nil, &made)
		if a := s.ask(made.CreateAccessToken.Key, `{ me { id } }`, nil); a.code() != "FORBIDDEN" {
			t.Errorf("a gateway key: %s", a.body)
		}
	})
}

// signsIn waits until a key signs in, or does not. (That a second is enough is held with
// a clock in package authn.)
func (s *server) signsIn(key string, want bool) {
	s.t.Helper()
	var a answer
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if a = s.ask(key, `{ me { id } }`, nil); (a.code() == "") == want {
			return
		}
	}
	s.t.Errorf("the key signs in: %t, want %t (%s)", !want, want, a.body)
}

// TestAccountPages joins the pages, and shows an administrator of a tenant that
// tenant's users and tokens alone.
func TestAccountPages(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		a, b := s.tenant("A"), s.tenant("B")
		admins := map[string]string{"everybody": adminToken, "A": s.token(auth.Admin, &a), "B": s.token(auth.Admin, &b)}
		wanted := map[string][]string{}
		for i := range 7 {
			name := fmt.Sprint("user ", i)
			who := []string{"everybody", "A", "B"}[i%3]
			s.must(admins[who], `mutation($name: String!) {
				createUser(input: {username: $name}) { user { id } } createAccessToken(input: {name: $name}) { key } }`, map[string]any{"name": name}, nil)
			wanted["everybody"] = append(wanted["everybody"], name)
			if who != "everybody" {
				wanted[who] = append(wanted[who], name)
			}
		}
		for who, token := range admins {
			for field, name := range map[string]string{"users": "username", "accessTokens": "name"} {
				for _, size := range []int{1, 2, 500} {
					var names []string
					var after *string
					for more := true; more; {
						var got struct {
							List struct {
								Edges []struct {
									Cursor string
									Node   struct{ Name string }
								}
								PageInfo struct {
									HasNextPage, HasPreviousPage bool
									EndCursor                    *string
								}
							}
						}
						s.must(token, `query($first: Int, $after: String) { list: `+field+`(first: $first, after: $after)
							{ edges { cursor node { name: `+name+` } } pageInfo { hasNextPage hasPreviousPage endCursor } } }`,
							map[string]any{"first": size, "after": after}, &got)
						for _, edge := range got.List.Edges {
							names = append(names, edge.Node.Name)
						}
						if got.List.PageInfo.HasPreviousPage != (after != nil) || len(got.List.Edges) > size {
							t.Errorf("%s of %s: %+v", field, who, got.List.PageInfo)
						}
						more, after = got.List.PageInfo.HasNextPage, got.List.PageInfo.EndCursor
					}
					if back := s.backwards(token, field, name, size); fmt.Sprint(back) != fmt.Sprint(wanted[who]) {
						t.Errorf("%s of %s, %d a page from the end: %v, want %v", field, who, size, back, wanted[who])
					}
					if fmt.Sprint(names) != fmt.Sprint(wanted[who]) {
						t.Errorf("%s of %s, %d a page: %v, want %v", field, who, size, names, wanted[who])
					}
				}
			}
		}
		// What is another tenant's does not exist, and nobody makes anything there.
		for document, want := range map[string]string{
			`mutation { disableUser(input: {id: "1099511627778"}) { user { id } } }`:                                     "NOT_FOUND", // B's
			`mutation { revokeAccessToken(input: {id: "1099511627776"}) { accessToken { id } } }`:                        "NOT_FOUND", // nobody's
			`mutation { createAccessToken(input: {userId: "1099511627778"}) { key } }`:                                   "BAD_USER_INPUT",
			`mutation { createAccessToken(input: {tenantId: "` + column.ID(b).String() + `"}) { key } }`:                 "FORBIDDEN",
			`mutation { createUser(input: {username: "x", tenantId: "` + column.ID(b).String() + `"}) { user { id } } }`: "FORBIDDEN",
		} {
			if got := s.ask(admins["A"], document, nil); got.code() != want {
				t.Errorf("%s: %s", document, got.body)
			}
		}
	})
}

// backwards joins the pages of a list from its end.
func (s *server) backwards(token, field, name string, size int) (names []string) {
	s.t.Helper()
	var before *string
	for more := true; more; {
		var got struct {
			List struct {
				Edges    []struct{ Node struct{ Name string } }
				PageInfo struct {
					HasNextPage, HasPreviousPage bool
					StartCursor                  *string
				}
			}
		}
		s.must(token, `query($last: Int, $before: String) { list: `+field+`(last: $last, before: $before)
			{ edges { node { name: `+name+` } } pageInfo { hasNextPage hasPreviousPage startCursor } } }`,
			map[string]any{"last": size, "before": before}, &got)
		var page []string
		for _, edge := range got.List.Edges {
			page = append(page, edge.Node.Name)
		}
		names = append(page, names...)
		if got.List.PageInfo.HasNextPage != (before != nil) || len(page) > size {
			s.t.Errorf("%s from the end: %+v", field, got.List.PageInfo)
		}
		more, before = got.List.PageInfo.HasPreviousPage, got.List.PageInfo.StartCursor
	}
	return names
}

// TestPurges holds a dry run against the run, for every kind that is purged, and lets
// nobody remove audit events.
func TestPurges(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		old := column.TimeOf(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC))
		fresh := column.TimeOf(time.Now())
		for _, at := range []column.Time{old, old, fresh} {
			_, err := s.journal.Entries.Append(s.system, []journal.EntryDraft{{Message: "m", Timestamp: &at}})
			s.check(err)
			_, err = s.journal.Operations.Append(s.system, []journal.OperationDraft{{Module: "m", CreatedAt: &at}})
			s.check(err)
			_, err = s.journal.UsageRecords.Append(s.system, []journal.UsageRecordDraft{{Type: column.Consume, CreatedAt: &at}})
			s.check(err)
			_, err = s.journal.APICalls.Append(s.system, []journal.APICallDraft{{AppID: "a", APIPath: "/", HTTPMethod: "GET", OperationTime: &at}})
			s.check(err)
		}
		for i, kind := range []string{"Entries", "Operations", "UsageRecords", "APICalls"} {
			document := `mutation($dry: Boolean!) { gone: purge` + kind + `(input: {filter: {until: "2020-01-01T00:00:00Z"}, dryRun: $dry}) { count } }`
			for step, want := range []int64{2, 2, 2, 0} {
				var got struct{ Gone struct{ Count int64 } }
				s.must(adminToken, document, map[string]any{"dry": step < 2}, &got)
				if got.Gone.Count != want {
					t.Errorf("purge %d of %s: %d rows, want %d", step, kind, got.Gone.Count, want)
				}
			}
			if n := s.own("Logbook.Purge"); n != int64(i+1) {
				t.Errorf("%d purges are recorded behind %s", n, kind)
			}
			for _, dry := range []bool{true, false} {
				a := s.ask(adminToken, `mutation($dry: Boolean!) { purge`+kind+`(input: {filter: {}, dryRun: $dry}) { count } }`, map[string]any{"dry": dry})
				if a.code() != "BAD_USER_INPUT" {
					t.Errorf("a purge of all %s: %s", kind, a.body)
				}
			}
		}
		if a := s.ask(adminToken, `mutation { purgeAuditEvents(input: {filter: {}}) { count } }`, nil); a.code() != "GRAPHQL_VALIDATION_FAILED" {
			t.Errorf("audit events are purged: %s", a.body)
		}

		at := column.TimeOf(time.Now().AddDate(0, 0, -10))
		_, err := s.journal.Entries.Append(s.system, []journal.EntryDraft{{Message: "outlived", Timestamp: &at}})
		s.check(err)
		s.must(adminToken, `mutation { createRetentionPolicy(input: {name: "all", days: 5}) { retentionPolicy { id } } }`, nil, nil)
		for step, want := range []int64{1, 1, 1, 0} {
			var got struct {
				ApplyRetention struct {
					Retained []struct {
						Policy struct{ Name string }
						Count  int64
					}
				}
			}
			s.must(adminToken, `mutation($dry: Boolean!) { applyRetention(input: {dryRun: $dry}) { retained { policy { name } before count } } }`,
				map[string]any{"dry": step < 2}, &got)
			if list := got.ApplyRetention.Retained; len(list) != 1 || list[0].Count != want || list[0].Policy.Name != "all" {
				t.Errorf("retention %d: %+v, want %d", step, list, want)
			}
		}
	})
}
