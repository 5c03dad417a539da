package resolvers_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/authn"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/journal"
	"logbook/internal/web"
	"logbook/resolvers"
)

// records gives what Logbook recorded of itself, oldest first: the audit event's key
// and payload, and the operation beside it, which must say the same.
func (s *server) records() (list []string) {
	s.t.Helper()
	var operations []*ent.Operation
	s.check(s.journal.Operations.Each(s.system, journal.OperationFilter{Module: journal.Is("logbook")}, func(o *ent.Operation) error {
		operations = append(operations, o)
		return nil
	}))
	s.check(s.journal.AuditEvents.Each(s.system, journal.AuditEventFilter{ApplicationID: journal.Is("logbook")}, func(e *ent.AuditEvent) error {
		if len(operations) == 0 || string(operations[0].RequestData) != string(e.Payload) {
			s.t.Errorf("no operation stands beside %s %s", e.Key, e.Payload)
			return nil
		}
		owner := "nobody's"
		if e.TenantID != nil {
			owner = e.TenantID.String() + "'s"
		}
		list = append(list, fmt.Sprintf("%s %s, %s: %s", owner, e.Key, operations[0].Description, e.Payload))
		operations = operations[1:]
		return nil
	}))
	return list
}

// TestUpdates makes and changes what is administered, and reads what is recorded of it.
func TestUpdates(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.now.Store(int64(noon)) // advances below, so that records have an order
		var ids []string
		do := func(document, want string) {
			t.Helper()
			s.now.Add(int64(time.Second / time.Microsecond))
			for i, id := range ids {
				document = strings.ReplaceAll(document, fmt.Sprint("#", i), id)
			}
			a := s.ask(adminToken, "mutation { x: "+document+" }", nil)
			var got struct {
				X map[string]map[string]any
			}
			_ = json.Unmarshal(a.Data, &got)
			for _, made := range got.X {
				if id, some := made["id"].(string); some {
					ids = append(ids, id)
				}
			}
			told := a.code() + strings.Join(append(a.problems(), ""), ";")
			if len(a.Errors) == 0 {
				told = string(a.Data)
			}
			if !strings.Contains(told, want) {
				t.Errorf("%s\n got %s\nwant %s", document, a.body, want)
			}
		}
		do(`createTenant(input: {name: "A"}) { tenant { id } }`, "Tenant:")
		do(`createCategory(input: {name: "System", code: "system"}) { category { id } }`, "Category:")
		do(`createCategory(input: {name: "Other", code: "other"}) { category { id } }`, "Category:")
		do(`createRetentionPolicy(input: {name: "p", days: 30, tenantId: "#0"}) { retentionPolicy { id } }`, "RetentionPolicy:")
		do(`createUser(input: {username: "alice", tenantId: "#0", aliases: [{system: "hertz", externalId: "7"}]}) { user { id } }`, "User:")
		do(`createUser(input: {username: "bob", aliases: [{system: "trae", externalId: "8"}]}) { user { id } }`, "User:")
		do(`createTenant(input: {name: "B"}) { tenant { id } }`, "Tenant:")
		made := len(s.records())

		do(`updateTenant(input: {id: "#0", name: "A2"}) { tenant { name } }`, `"name":"A2"`)
		do(`updateTenant(input: {id: "#0", name: "A2"}) { tenant { name } }`, `"name":"A2"`) // changes nothing
		do(`updateTenant(input: {id: "#0", name: null}) { tenant { name } }`, `"name":"A2"`)
		do(`updateTenant(input: {id: "#0"}) { tenant { name } }`, `"name":"A2"`)
		do(`updateCategory(input: {id: "#1", code: "sys"}) { category { name code } }`, `"name":"System","code":"sys"`)
		do(`updateCategory(input: {id: "#1", name: "S"}) { category { name code } }`, `"name":"S","code":"sys"`)
		do(`updateRetentionPolicy(input: {id: "#3", active: false}) { retentionPolicy { name days active tenant { name } } }`, `"name":"p","days":30,"active":false,"tenant":{"name":"A2"}`)
		do(`updateRetentionPolicy(input: {id: "#3", days: 31, name: "q", active: true}) { retentionPolicy { name days active } }`, `"name":"q","days":31,"active":true`)
		do(`updateRetentionPolicy(input: {id: "#3", active: true}) { retentionPolicy { days } }`, `"days":31`)
		do(`updateUser(input: {id: "#4", role: VIEWER}) { user { role tenant { name } aliases { system externalId } } }`, `"role":"VIEWER","tenant":{"name":"A2"},"aliases":[{"system":"hertz","externalId":"7"}]`)
		do(`updateUser(input: {id: "#4", aliases: [{system: "trae", externalId: "x"}, {system: "hertz", externalId: "7"}], tenantId: "#6"}) { user { role tenant { name } } }`, `"role":"VIEWER","tenant":{"name":"B"}`)
		do(`updateUser(input: {id: "#4", aliases: [], unbind: true}) { user { tenant { name } aliases { system } } }`, `"tenant":null,"aliases":[]`)
		do(`updateUser(input: {id: "#4", aliases: null, unbind: false}) { user { aliases { system } } }`, `"aliases":[]`)
		do(`updateUser(input: {id: "#5", aliases: [{system: "hertz", externalId: "7"}]}) { user { aliases { system } } }`, `"aliases":[{"system":"hertz"}]`) // free again

		const nobodys = "0197a000-0000-7000-8000-00000000000f"
		do(`updateCategory(input: {id: "#2", code: "sys"}) { category { id } }`, "CONFLICT")
		do(`updateUser(input: {id: "#4", role: ADMIN, aliases: [{system: "hertz", externalId: "7"}]}) { user { id } }`, "CONFLICT")
		do(`updateUser(input: {id: "#4", aliases: [{system: "x", externalId: "7"}]}) { user { id } }`, `BAD_USER_INPUTinput.aliases: "x" is none of`)
		do(`updateUser(input: {id: "#4", aliases: [{system: "trae", externalId: "1"}, {system: "trae", externalId: "2"}]}) { user { id } }`, `BAD_USER_INPUTinput.aliases: names the system "trae" twice`)
		do(`updateUser(input: {id: "#4", tenantId: "#0", unbind: true}) { user { id } }`, "BAD_USER_INPUTinput.unbind: cannot stand beside tenantId")
		do(`updateUser(input: {id: "#4", tenantId: "`+nobodys+`"}) { user { id } }`, `BAD_USER_INPUTinput.tenantId: "`+nobodys+`" does not exist`)
		do(`updateUser(input: {id: "99", role: ADMIN}) { user { id } }`, "NOT_FOUND")
		do(`updateUser(input: {id: "x"}) { user { id } }`, `BAD_USER_INPUTinput.id: "x" is not a number`)
		do(`updateTenant(input: {id: "#0", name: " "}) { tenant { id } }`, "BAD_USER_INPUTinput.name: is required")
		do(`updateTenant(input: {id: "`+nobodys+`", name: "x"}) { tenant { id } }`, "NOT_FOUND")
		do(`updateTenant(input: {id: "#1", name: "x"}) { tenant { id } }`, "BAD_USER_INPUTinput.id: ")
		do(`updateCategory(input: {id: "#1", code: ""}) { category { id } }`, "BAD_USER_INPUTinput.code: is required")
		do(`updateCategory(input: {id: "`+nobodys+`", name: "x"}) { category { id } }`, "NOT_FOUND")
		do(`updateRetentionPolicy(input: {id: "#3", days: 0}) { retentionPolicy { id } }`, "BAD_USER_INPUTinput.days: must be between 1 and 36500")
		do(`updateRetentionPolicy(input: {id: "`+nobodys+`", days: 1}) { retentionPolicy { id } }`, "NOT_FOUND")
		do(`createUser(input: {username: "c", tenantId: "`+nobodys+`"}) { user { id } }`, `BAD_USER_INPUTinput.tenantId: "`+nobodys+`" does not exist`)
		do(`createAccessToken(input: {tenantId: "`+nobodys+`"}) { key }`, `BAD_USER_INPUTinput.tenantId: "`+nobodys+`" does not exist`)

		replace := []string{`,"by":"administrator of the settings"`, "", `"by":"administrator of the settings",`, "", `,"username":"admin"`, ""}
		for i, id := range ids {
			replace = append(replace, localID(id), fmt.Sprint("#", i))
		}
		got := strings.NewReplacer(replace...).Replace(strings.Join(s.records(), "\n"))
		want := `#0's Logbook.Tenant.Create, tenant "A": {"name":"A",REQ,"tenant_id":"#0"}
nobody's Logbook.Category.Create, category "System", system: {"category_id":"#1","code":"system","name":"System",REQ}
nobody's Logbook.Category.Create, category "Other", other: {"category_id":"#2","code":"other","name":"Other",REQ}
#0's Logbook.RetentionPolicy.Create, retention policy "p", 30 days: {"days":30,"name":"p","policy_id":"#3",REQ,"tenant_id":"#0"}
#0's Logbook.User.Create, user "alice", user: {REQ,"role":"user","tenant_id":"#0","user":"alice","user_id":#4}
nobody's Logbook.User.Create, user "bob", user: {REQ,"role":"user","user":"bob","user_id":#5}
#6's Logbook.Tenant.Create, tenant "B": {"name":"B",REQ,"tenant_id":"#6"}
#0's Logbook.Tenant.Update, tenant "A2": {"name":"A2",REQ,"tenant_id":"#0","was":{"name":"A"}}
nobody's Logbook.Category.Update, category "System", sys: {"category_id":"#1","code":"sys","name":"System",REQ,"was":{"code":"system","name":"System"}}
nobody's Logbook.Category.Update, category "S", sys: {"category_id":"#1","code":"sys","name":"S",REQ,"was":{"code":"sys","name":"System"}}
#0's Logbook.RetentionPolicy.Update, retention policy "p", 30 days: {"active":false,"days":30,"name":"p","policy_id":"#3",REQ,"tenant_id":"#0","was":{"active":true,"days":30,"name":"p"}}
#0's Logbook.RetentionPolicy.Update, retention policy "q", 31 days: {"active":true,"days":31,"name":"q","policy_id":"#3",REQ,"tenant_id":"#0","was":{"active":false,"days":30,"name":"p"}}
#0's Logbook.User.Update, user "alice", viewer: {"aliases":{"hertz":"7"},REQ,"role":"viewer","tenant_id":"#0","user":"alice","user_id":#4,"was":{"aliases":{"hertz":"7"},"role":"user","tenant_id":"#0"}}
#0's Logbook.User.Update, user "alice", viewer: {"aliases":{"hertz":"7","trae":"x"},REQ,"role":"viewer","tenant_id":"#6","user":"alice","user_id":#4,"was":{"aliases":{"hertz":"7"},"role":"viewer","tenant_id":"#0"}}
#6's Logbook.User.Update, user "alice", viewer: {"aliases":{},REQ,"role":"viewer","user":"alice","user_id":#4,"was":{"aliases":{"hertz":"7","trae":"x"},"role":"viewer","tenant_id":"#6"}}
nobody's Logbook.User.Update, user "bob", user: {"aliases":{"hertz":"7"},REQ,"role":"user","user":"bob","user_id":#5,"was":{"aliases":{"trae":"8"},"role":"user","tenant_id":null}}`
		for _, line := range strings.Split(got, "\n") {
			if i := strings.Index(line, `"request_id":"`); i >= 0 {
				id := line[i : i+len(`"request_id":"`)+strings.Index(line[i+len(`"request_id":"`):], `"`)+1]
				got = strings.Replace(got, id, "REQ", 1)
			}
		}
		if got != want {
			t.Errorf("recorded\n%s\nwant (%d of making)\n%s", got, made, want)
		}
	})
}

// TestTenantAdministratorsStayThere lets the administrator of a tenant change what is
// the tenant's and nothing beside, however it asks.
func TestTenantAdministratorsStayThere(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ours, theirs := s.tenant("ours"), s.tenant("theirs")
		category, err := s.journal.CreateCategory(s.system, "c", "c")
		s.check(err)
		user := func(name string, tenant *column.ID) string {
			made, err := s.accounts.AddUser(s.system, account.UserDraft{Username: name, TenantID: tenant, Aliases: map[string]string{"hertz": name}})
			s.check(err)
			return fmt.Sprint(made.ID)
		}
		policy := func(tenant *column.ID) string {
			made, err := s.journal.CreateRetentionPolicy(s.system, journal.RetentionPolicyDraft{Name: "p", TenantID: tenant, Days: 9})
			s.check(err)
			return made.ID.String()
		}
		mine, stranger, free := user("mine", &ours), user("stranger", &theirs), user("free", nil)
		admin := s.token(auth.Admin, &ours)
		for document, want := range map[string]string{
			`updateUser(input: {id: "` + mine + `", role: ADMIN}) { user { role } }`:                                    `{"user":{"role":"ADMIN"}}`,
			`updateUser(input: {id: "` + mine + `", tenantId: "` + ours.String() + `"}) { user { tenant { id } } }`:     `{"user":{"tenant":{"id":"Tenant:` + ours.String() + `"}}}`,
			`updateUser(input: {id: "` + mine + `", tenantId: "` + theirs.String() + `"}) { user { id } }`:              "FORBIDDEN",
			`updateUser(input: {id: "` + mine + `", tenantId: "0197a000-0000-7000-8000-00000000000f"}) { user { id } }`: "FORBIDDEN", // and learns not that there is none
			`updateUser(input: {id: "` + mine + `", unbind: true}) { user { id } }`:                                     "FORBIDDEN",
			`updateUser(input: {id: "` + mine + `", aliases: []}) { user { id } }`:                                      "FORBIDDEN",
			`updateUser(input: {id: "` + mine + `", aliases: [{system: "trae", externalId: "1"}]}) { user { id } }`:     "FORBIDDEN",
			`updateUser(input: {id: "` + stranger + `", role: ADMIN}) { user { id } }`:                                  "NOT_FOUND",
			`updateUser(input: {id: "` + stranger + `", tenantId: "` + ours.String() + `"}) { user { id } }`:            "NOT_FOUND",
			`updateUser(input: {id: "` + free + `", tenantId: "` + ours.String() + `"}) { user { id } }`:                "NOT_FOUND",
			`updateUser(input: {id: "` + free + `", role: USER}) { user { id } }`:                                       "NOT_FOUND",
			`updateTenant(input: {id: "` + ours.String() + `", name: "us"}) { tenant { name } }`:                        `{"tenant":{"name":"us"}}`,
			`updateTenant(input: {id: "` + theirs.String() + `", name: "x"}) { tenant { id } }`:                         "NOT_FOUND",
			`updateCategory(input: {id: "` + category.ID.String() + `", name: "x"}) { category { id } }`:                "FORBIDDEN",
			`updateRetentionPolicy(input: {id: "` + policy(&ours) + `", days: 1}) { retentionPolicy { days } }`:         `{"retentionPolicy":{"days":1}}`,
			`updateRetentionPolicy(input: {id: "` + policy(&theirs) + `", days: 1}) { retentionPolicy { id } }`:         "NOT_FOUND",
			`updateRetentionPolicy(input: {id: "` + policy(nil) + `", active: false}) { retentionPolicy { id } }`:       "NOT_FOUND",
			`createUser(input: {username: "x", tenantId: "0197a000-0000-7000-8000-00000000000f"}) { user { id } }`:      "FORBIDDEN",
			`createTenant(input: {name: "x"}) { tenant { id } }`:                                                        "FORBIDDEN",
		} {
			a := s.ask(admin, "mutation { x: "+document+" }", nil)
			if told := a.code(); told != want && (told != "" || string(a.Data) != `{"x":`+want+`}`) {
				t.Errorf("%s\n got %s\nwant %s", document, a.body, want)
			}
			for _, who := range []auth.Role{auth.Viewer, auth.Ingest, auth.User} {
				if a := s.ask(s.token(who, nil, auth.Permissions...), "mutation { x: "+document+" }", nil); a.code() != "FORBIDDEN" {
					t.Errorf("%s as %s: %s", document, who, a.body)
				}
			}
		}
		for id, want := range map[string]string{
			mine:     `{"user":{"role":"ADMIN","tenant":{"name":"us"},"aliases":[{"externalId":"mine"}]}}`,
			stranger: `{"user":{"role":"USER","tenant":{"name":"theirs"},"aliases":[{"externalId":"stranger"}]}}`,
			free:     `{"user":{"role":"USER","tenant":null,"aliases":[{"externalId":"free"}]}}`,
		} {
			if a := s.ask(adminToken, `{ user(id: "`+id+`") { role tenant { name } aliases { externalId } } }`, nil); string(a.Data) != want {
				t.Errorf("%s\nwant %s", a.body, want)
			}
		}
		// The row policy says so too, to whoever goes past GraphQL.
		bound := auth.With(t.Context(), &auth.Principal{Role: auth.Admin, Tenant: (*[16]byte)(&ours)})
		for name, move := range map[string]func(*ent.UserUpdate){
			"into another": func(u *ent.UserUpdate) { u.SetTenantID(theirs) },
			"into none":    func(u *ent.UserUpdate) { u.ClearTenantID() },
		} {
			err := s.database.Write(bound, func(tx *db.Tx) error {
				update := tx.User.Update()
				move(update)
				return update.Exec(bound)
			})
			if fault.KindOf(err) != fault.Forbidden {
				t.Errorf("a row is moved %s: %v", name, err)
			}
		}
	})
}

// TestTokensOfATenantsUsers shows the administrator of a tenant what signs in to it, by
// whomever it was made, and lets it end that.
func TestTokensOfATenantsUsers(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ours, theirs := s.tenant("ours"), s.tenant("theirs")
		made, err := s.accounts.AddUser(s.system, account.UserDraft{Username: "alice", TenantID: &ours})
		s.check(err)
		stranger, err := s.accounts.AddUser(s.system, account.UserDraft{Username: "bob", TenantID: &theirs})
		s.check(err)
		token := func(name string, user int64, tenant *column.ID) (id int64, key string) {
			made, key, err := s.accounts.AddToken(s.system, account.TokenDraft{Name: name, UserID: user, Role: auth.Viewer, TenantID: tenant})
			s.check(err)
			return made.ID, key
		}
		hers, key := token("hers", made.ID, nil)
		elsewhere, _ := token("hers, elsewhere", made.ID, &theirs)
		bobs, _ := token("bob's", stranger.ID, nil)
		bobsHere, _ := token("bob's, here", stranger.ID, &ours)
		nobodys, _ := token("nobody's", 0, nil)
		admin := s.token(auth.Admin, &ours)
		a := s.ask(admin, `{ accessTokens { edges { node { name } } } }`, nil)
		if want := `{"accessTokens":{"edges":[{"node":{"name":"hers"}},{"node":{"name":"bob's, here"}}]}}`; string(a.Data) != want {
			t.Errorf("%s\nwant %s", a.body, want)
		}
		s.signsIn(key, true)
		for id, want := range map[int64]string{hers: "", bobsHere: "", elsewhere: "NOT_FOUND", bobs: "NOT_FOUND", nobodys: "NOT_FOUND"} {
			if a := s.ask(admin, `mutation($id: ID!) { revokeAccessToken(input: {id: $id}) { accessToken { revokedAt } } }`, map[string]any{"id": fmt.Sprint("AccessToken:", id)}); a.code() != want {
				t.Errorf("token %d: %s, want %q", id, a.body, want)
			}
		}
		s.signsIn(key, false)
		// It goes with its user.
		s.must(adminToken, `mutation($id: ID!, $to: ID!) { updateUser(input: {id: $id, tenantId: $to}) { user { id } } }`, map[string]any{"id": fmt.Sprint(stranger.ID), "to": ours}, nil)
		a = s.ask(admin, `{ accessTokens { edges { node { name } } } }`, nil)
		if want := `{"accessTokens":{"edges":[{"node":{"name":"hers"}},{"node":{"name":"bob's"}},{"node":{"name":"bob's, here"}}]}}`; string(a.Data) != want {
			t.Errorf("%s\nwant %s", a.body, want)
		}
	})
}

// TestUpdatedUserBehindAProxy changes the role of somebody whom a trusted proxy names.
// (That a second is enough is held with a clock in package authn.)
func TestUpdatedUserBehindAProxy(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		log := slog.New(slog.NewTextHandler(s.log, nil))
		handler := authn.New(s.database.Ent(), authn.Options{}).Middleware(resolvers.Handler(s.journal, s.accounts, log, resolvers.Options{}))
		var proxies web.Proxies
		s.check(proxies.UnmarshalText([]byte("127.0.0.1")))
		server := httptest.NewServer(web.Server(handler, web.Options{Proxies: proxies}, log).Handler)
		t.Cleanup(server.Close)
		id := addUser(t, s, "alice", nil)
		me := func() string {
			return string(s.send("POST", server.URL+"/graphql", map[string]string{"Content-Type": "application/json", "X-Forwarded-User": "alice"}, `{"query":"{ me { role tenant { name } } }"}`).Data)
		}
		if got := me(); got != `{"me":{"role":"USER","tenant":null}}` {
			t.Fatalf("alice is %s", got)
		}
		tenant := s.tenant("ours")
		s.must(adminToken, `mutation($id: ID!, $t: ID!) { updateUser(input: {id: $id, role: VIEWER, tenantId: $t}) { user { id } } }`, map[string]any{"id": fmt.Sprint("User:", id), "t": tenant}, nil)
		got := ""
		for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline) && got != `{"me":{"role":"VIEWER","tenant":{"name":"ours"}}}`; got = me() {
		}
		if got != `{"me":{"role":"VIEWER","tenant":{"name":"ours"}}}` {
			t.Errorf("alice is %s", got)
		}
	})
}
