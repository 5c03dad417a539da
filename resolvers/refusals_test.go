package resolvers_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/journal"
)

// Who is refused what. The last column is the code, "" for an answer.
func TestWhoMay(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		userID := addUser(t, s, "alice", nil)
		tokens := map[string]string{
			"nobody":             "",
			"bad token":          "lb_nosuchtoken",
			"bad JWT":            "eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
			"gateway key":        s.tokenOf(0, "", nil),
			"viewer of nothing":  s.token(auth.Viewer, nil),
			"viewer of audit":    s.token(auth.Viewer, nil, auth.AuditRead),
			"viewer":             s.token(auth.Viewer, nil, auth.EntriesRead),
			"viewer that writes": s.token(auth.Viewer, nil, auth.EntriesRead, auth.EntriesWrite),
			"ingest of nothing":  s.token(auth.Ingest, nil),
			"ingest":             s.token(auth.Ingest, nil, auth.EntriesWrite),
			"ingest that reads":  s.token(auth.Ingest, nil, auth.EntriesRead, auth.EntriesWrite),
			"user":               s.token(auth.User, nil),
			"user of entries":    s.token(auth.User, nil, auth.EntriesRead, auth.EntriesWrite),
			"admin":              adminToken,

			"viewer of operations": s.token(auth.Viewer, nil, auth.OperationsList, auth.OperationsQuery),
			"viewer of lists":      s.token(auth.Viewer, nil, auth.OperationsList),
			"viewer of details":    s.token(auth.Viewer, nil, auth.OperationsQuery),
			"viewer of usage":      s.token(auth.Viewer, nil, auth.UsageRead),
			"viewer of API calls":  s.token(auth.Viewer, nil, auth.APICallsRead),
			"viewer that is known": s.tokenOf(userID, auth.Viewer, nil),
			"known user":           s.tokenOf(userID, auth.User, nil),
			"known gateway key":    s.tokenOf(userID, "", nil, auth.Permissions...),
			"writer of all":        s.token(auth.Ingest, nil, auth.Permissions...),
		}
		const unknown = "550e8400-e29b-41d4-a716-446655440000"
		fields := map[string]string{
			"entry":      `{ entry(id: "` + unknown + `") { id } }`,
			"entries":    `{ entries { totalCount } }`,
			"entryStats": `{ entryStats { total } }`,
			"tenants":    `{ tenants { id } }`,
			"categories": `{ categories { id } }`,
			"policies":   `{ retentionPolicies { id } }`,
			"me":         `{ me { id } }`,
			"timeline":   `{ timeline { totalCount } }`,
			"append":     `mutation { createEntry(input: {message: "m"}) { entry { id } } }`,
			"append all": `mutation { createEntries(input: {entries: [{message: "m"}]}) { entries { id } } }`,
			"tenant":     `mutation { createTenant(input: {name: "t"}) { tenant { id } } }`,
			"category":   `mutation { createCategory(input: {name: "c", code: "%s"}) { category { id } } }`,
			"policy":     `mutation { createRetentionPolicy(input: {name: "p", days: 1}) { retentionPolicy { id } } }`,
			"users":      `{ users { edges { node { id } } } }`,
			"tokens":     `{ accessTokens { edges { node { id } } } }`,
			"make user":  `mutation { createUser(input: {username: "made by %s"}) { user { id } } }`,
			"make token": `mutation { createAccessToken(input: {role: ADMIN}) { key } }`,
			"retention":  `mutation { applyRetention(input: {dryRun: true}) { retained { count } } }`,
			"purge":      `mutation { purgeEntries(input: {filter: {until: "2001-01-01T00:00:00Z"}, dryRun: false}) { count } }`,
			"no user":    `mutation { disableUser(input: {id: "999"}) { user { id } } }`,
			"no token":   `mutation { revokeAccessToken(input: {id: "999"}) { accessToken { id } } }`,
			"no policy":  `mutation { deleteRetentionPolicy(input: {id: "` + unknown + `"}) { deletedId } }`,
		}
		for field, selection := range map[string]string{
			"auditEvent": `(id: "log_1") { id }`, "auditEvents": `{ totalCount }`, "operation": `(id: "1") { id }`, "operations": `{ totalCount }`,
			"usageRecord": `(id: "1") { id }`, "usageRecords": `{ totalCount }`, "usageStats": `{ count }`, "apiCall": `(id: "1") { id }`, "apiCalls": `{ totalCount }`,
		} {
			fields[field] = "{ " + field + selection + " }"
		}
		reads := []string{"timeline", "entry", "entries", "entryStats", "tenants", "categories"}
		appends := []string{"append", "append all"}
		audit, calls := []string{"timeline", "auditEvent", "auditEvents"}, []string{"timeline", "apiCall", "apiCalls"}
		usage := []string{"timeline", "usageRecord", "usageRecords", "usageStats"}
		administers := []string{"policies", "tenant", "category", "policy", "users", "tokens", "make user", "make token", "retention", "purge"}
		may := map[string][]string{
			"nobody": {}, "bad token": {}, "bad JWT": {}, "gateway key": {},
			"viewer of nothing": {"me"}, "ingest of nothing": {"me"}, "user": {"me"},
			"viewer of audit":      append([]string{"me"}, audit...),
			"viewer of operations": {"me", "timeline", "operation", "operations"},
			"viewer of lists":      {"me", "timeline", "operations"},
			"viewer of details":    {"me", "timeline", "operation"},
			"viewer of usage":      append([]string{"me"}, usage...),
			"viewer of API calls":  append([]string{"me"}, calls...),
			"viewer that is known": {"me"},
			"known user":           append([]string{"me"}, usage...),
			"known gateway key":    {},
			"writer of all":        append([]string{"me"}, appends...),

			"viewer":             append([]string{"me"}, reads...),
			"viewer that writes": append([]string{"me"}, reads...),
			"ingest":             append([]string{"me"}, appends...),
			"ingest that reads":  append([]string{"me"}, appends...),
			"user of entries":    append(append([]string{"me"}, reads...), appends...),
			"admin":              slices.Concat([]string{"me", "operation", "operations"}, reads, appends, administers, audit, usage, calls),
		}
		for who, token := range tokens {
			allowed := map[string]bool{}
			for _, name := range may[who] {
				allowed[name] = true
			}
			for name, document := range fields {
				before := s.total()
				if strings.Contains(document, "%s") {
					document = fmt.Sprintf(document, strings.ReplaceAll(who, " ", "-"))
				}
				want := "FORBIDDEN"
				switch {
				case allowed[name]:
					want = ""
				case who == "admin":
					want = "NOT_FOUND" // there is no such thing
				case who == "nobody", who == "bad token", who == "bad JWT":
					want = "UNAUTHENTICATED"
				}
				a := s.ask(token, document, nil)
				if a.code() != want {
					t.Errorf("%s, %s: code %q, want %q: %s", who, name, a.code(), want, a.body)
				}
				if want != "" && s.total() != before {
					t.Errorf("%s, %s: refused, and yet something was stored", who, name)
				}
				if want != "" && !onlyNull.Match(a.Data) {
					t.Errorf("%s, %s: refused, and yet answered %s", who, name, a.body)
				}
			}
		}
		if text := s.log.String(); text != "" {
			t.Errorf("refusals are nobody's fault, yet logged: %s", text)
		}
	})
}

// onlyNull is data that says nothing: null, or one field that is.
var onlyNull = regexp.MustCompile(`^(null|{"\w+":null})$`)

// Whoever is bound to a tenant learns nothing of another, by any field.
func TestTenantsAreApart(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ours, theirs := s.tenant("ours"), s.tenant("theirs")
		ids := s.append(
			journal.EntryDraft{Message: "our secret", TenantID: &ours},
			journal.EntryDraft{Message: "their secret", TenantID: &theirs},
			journal.EntryDraft{Message: "their second secret", TenantID: &theirs},
			journal.EntryDraft{Message: "nobody's secret"},
		)
		for who, token := range map[string]string{
			"viewer": s.token(auth.Viewer, &ours, auth.EntriesRead),
			"admin":  s.token(auth.Admin, &ours),
		} {
			for _, id := range ids[1:] {
				a := s.ask(token, `query($id: ID!) { entry(id: $id) { id message } }`, map[string]any{"id": id})
				if a.body != `{"data":{"entry":null}}`+"\n" {
					t.Errorf("%s sees %s", who, a.body)
				}
			}
			for filter, want := range map[string]int{
				`{}`: 1,
				`{"tenantId":{"eq":"` + ours.String() + `"}}`:  1,
				`{"tenantId":{"not":"` + ours.String() + `"}}`: 0,
				`{"search":"secret"}`:                          1,
				`{"search":"their"}`:                           0,
				`{"level":{"eq":"INFO"}}`:                      1,
			} {
				var got struct {
					Entries struct {
						TotalCount int
						Edges      []struct{ Node struct{ Message string } }
					}
				}
				s.must(token, `query($f: EntryFilter) { entries(filter: $f) { totalCount edges { node { message } } } }`,
					`{"f":`+filter+`}`, &got)
				if got.Entries.TotalCount != want || len(got.Entries.Edges) != want {
					t.Errorf("%s, filter %s: %+v, want %d", who, filter, got, want)
				}
			}
			for tenant, want := range map[*column.ID]int{nil: 1, &ours: 1, &theirs: 0} {
				var got struct {
					EntryStats struct {
						Total      int
						ByCategory []struct{ Count int }
						Daily      []struct{ Count int }
					}
				}
				s.must(token, `query($t: ID) { entryStats(tenantId: $t) { total byCategory { count } daily { count } } }`,
					map[string]any{"t": tenant}, &got)
				if got.EntryStats.Total != want || len(got.EntryStats.Daily) != want || len(got.EntryStats.ByCategory) != want {
					t.Errorf("%s, stats of %v: %+v, want %d", who, tenant, got, want)
				}
			}
			var got struct{ Tenants []struct{ Name string } }
			s.must(token, `{ tenants { name } }`, nil, &got)
			if len(got.Tenants) != 1 || got.Tenants[0].Name != "ours" {
				t.Errorf("%s sees the tenants %v", who, got.Tenants)
			}
		}

		for who, token := range map[string]string{
			"ingest": s.token(auth.Ingest, &ours, auth.EntriesWrite),
			"admin":  s.token(auth.Admin, &ours),
		} {
			before := s.total()
			const document = `mutation($t: ID) { createEntries(input: {entries: [{message: "a"}, {message: "b", tenantId: $t}]}) { entries { tenant { name } } } }`
			if a := s.ask(token, document, map[string]any{"t": theirs}); a.code() != "FORBIDDEN" || s.total() != before {
				t.Errorf("%s writes to another tenant: %s", who, a.body)
			}
			a := s.ask(token, document, map[string]any{"t": nil})
			want := `{"createEntries":{"entries":[{"tenant":{"name":"ours"}},{"tenant":{"name":"ours"}}]}}`
			if who == "ingest" { // it learns no names
				want = `{"createEntries":{"entries":[{"tenant":null},{"tenant":null}]}}`
			}
			if string(a.Data) != want {
				t.Errorf("%s: a row without a tenant becomes %s, want its writer's", who, a.body)
			}
			count, err := s.journal.Entries.Count(s.system, journal.EntryFilter{TenantID: journal.Is(ours), Search: ptr("a")})
			if err != nil || count == 0 {
				t.Errorf("%s: a row without a tenant is not its writer's (%v)", who, err)
			}
		}
		bound := s.token(auth.Admin, &ours)
		for name, document := range map[string]string{
			"tenant":   `mutation { createTenant(input: {name: "x"}) { tenant { id } } }`,
			"category": `mutation { createCategory(input: {name: "x", code: "x"}) { category { id } } }`,
			"policy":   `mutation { createRetentionPolicy(input: {name: "x", days: 1}) { retentionPolicy { id } } }`,
		} {
			if a := s.ask(bound, document, nil); a.code() != "FORBIDDEN" {
				t.Errorf("an administrator of one tenant makes a %s for all: %s", name, a.body)
			}
		}
	})
}

// Whoever only appends learns no user's name from what comes back.
func TestIngestReadsNoNames(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.must(adminToken, `mutation { createEntry(input: {message: "m"}) { entry { id } } }`, nil, nil)
		addUser(t, s, "alice", map[string]string{"scitiger": "u-1"})
		const document = `mutation { createEntry(input: {message: "m", userId: "u-1"}) { entry { username } } }`
		for token, want := range map[string]string{
			adminToken: `"alice"`,
			s.token(auth.Ingest, nil, auth.EntriesWrite):                 `null`,
			s.token(auth.User, nil, auth.EntriesWrite):                   `null`,
			s.token(auth.User, nil, auth.EntriesWrite, auth.EntriesRead): `"alice"`,
		} {
			if a := s.ask(token, document, nil); string(a.Data) != `{"createEntry":{"entry":{"username":`+want+`}}}` {
				t.Errorf("%s, want the name %s", a.body, want)
			}
		}
	})
}

func TestMe(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ours := s.tenant("ours")
		for _, c := range []struct{ token, want string }{
			{s.token(auth.Viewer, &ours, auth.EntriesRead, auth.EntriesWrite),
				`{"me":{"id":"User:0","username":"test","role":"VIEWER","permissions":["entries:read"],"tenant":{"name":"ours"}}}`},
			{s.token(auth.Ingest, nil), `{"me":{"id":"User:0","username":"test","role":"INGEST","permissions":[],"tenant":null}}`},
		} {
			if a := s.ask(c.token, `{ me { id username role permissions tenant { name } } }`, nil); string(a.Data) != c.want {
				t.Errorf("%s\nwant %s", a.body, c.want)
			}
		}
		var got struct {
			Me struct{ Permissions []string }
		}
		s.must(adminToken, `{ me { permissions } }`, nil, &got)
		if len(got.Me.Permissions) != len(auth.Permissions) {
			t.Errorf("an administrator holds %v, want all", got.Me.Permissions)
		}
	})
}
