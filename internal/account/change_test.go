package account_test

import (
	"strings"
	"testing"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
	"logbook/internal/journal"
)

// TestChangesAreRecorded wants each user and token that is made, and each token that
// is ended, recorded once, with nothing in it that signs anybody in.
func TestChangesAreRecorded(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		ctx := auth.System(t.Context(), "test")
		database, err := db.Open(ctx, address)
		if err != nil {
			t.Fatal(err)
		}
		defer database.Close()
		noon := time.Date(2025, 6, 15, 12, 0, 0, 0, time.UTC)
		j := journal.New(database, journal.Options{Now: func() time.Time { return noon }})
		a := account.New(database, j)
		tenant, err := j.CreateTenant(ctx, "A")
		if err != nil {
			t.Fatal(err)
		}

		if _, err := a.AddUser(ctx, account.UserDraft{ID: new(int64(7)), Username: "alice", TenantID: &tenant.ID}); err != nil {
			t.Fatal(err)
		}
		_, _ = a.AddUser(ctx, account.UserDraft{ID: new(int64(7)), Username: "a conflict"})
		token, key, err := a.AddToken(ctx, account.TokenDraft{
			UserID: 7, Name: "ci", Role: auth.Ingest, Permissions: []auth.Permission{auth.EntriesWrite}, Lifetime: time.Hour,
		})
		if err != nil {
			t.Fatal(err)
		}
		_, _, _ = a.AddToken(ctx, account.TokenDraft{UserID: 99})
		for range 2 { // the second time it is there, or ended, already
			if err := a.DisableUser(ctx, 7); err != nil {
				t.Fatal(err)
			}
			if err := a.RevokeToken(ctx, token.ID); err != nil {
				t.Fatal(err)
			}
			if _, err := a.ImportUsers(ctx, []account.UserDraft{{Username: "bob"}, {Username: "alice", ID: new(int64(8))}}); err != nil {
				t.Fatal(err)
			}
			imported := account.KeyedToken{Key: "sk-of-the-old-system", TokenDraft: account.TokenDraft{UserID: 7, Name: "gateway", TenantID: &column.ID{9}}}
			if _, err := a.ImportTokens(ctx, []account.KeyedToken{imported}); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			if err := a.EnableUser(ctx, 7); err != nil {
				t.Fatal(err)
			}
		}

		var events, sentences []string
		err = j.AuditEvents.Each(ctx, journal.AuditEventFilter{}, func(e *ent.AuditEvent) error {
			owner := "nobody's "
			if e.TenantID != nil {
				owner = strings.Replace(e.TenantID.String(), tenant.ID.String(), "A's ", 1)
			}
			events = append(events, owner+e.Key+" "+strings.ReplaceAll(string(e.Payload), tenant.ID.String(), "A"))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = j.Operations.Each(ctx, journal.OperationFilter{}, func(o *ent.Operation) error {
			sentences = append(sentences, o.Action.String()+" "+o.Description)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		const by = `"username":"logbook test"}`
		prefix := key[:8]
		for what, pair := range map[string][2]string{
			"audit events": {strings.Join(events, "\n"), `A's Logbook.Tenant.Create {"by":"logbook","name":"A","tenant_id":"A",` + by + `
A's Logbook.User.Create {"by":"logbook","role":"user","tenant_id":"A","user":"alice","user_id":7,` + by + `
A's Logbook.Token.Create {"by":"logbook","expires_at":"2025-06-15T13:00:00Z","name":"ci","of_user_id":7,"permissions":["entries:write"],"prefix":"` + prefix + `","role":"ingest","token_id":1099511627776,` + by + `
A's Logbook.User.Disable {"by":"logbook","role":"user","tenant_id":"A","user":"alice","user_id":7,` + by + `
A's Logbook.Token.Revoke {"by":"logbook","expires_at":"2025-06-15T13:00:00Z","name":"ci","of_user_id":7,"permissions":["entries:write"],"prefix":"` + prefix + `","role":"ingest","token_id":1099511627776,` + by + `
nobody's Logbook.User.Create {"by":"logbook","role":"user","user":"bob","user_id":1099511627776,` + by + `
nobody's Logbook.Token.Create {"by":"logbook","name":"gateway","of_user_id":7,"prefix":"of-th","role":"","tenant_id":"09000000-0000-0000-0000-000000000000","token_id":1099511627777,` + by + `
A's Logbook.User.Enable {"by":"logbook","role":"user","tenant_id":"A","user":"alice","user_id":7,` + by},
			"operations": {strings.Join(sentences, "\n"), `create tenant "A"
create user "alice", user
create access token 1099511627776 "ci", ingest
update user "alice", user
update access token 1099511627776 "ci", ingest
create user "bob", user
create access token 1099511627777 "gateway", gateway key
update user "alice", user`},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%s:\n%s\nwant:\n%s", what, pair[0], pair[1])
			}
			for _, secret := range []string{key, "the-old-system"} {
				if strings.Contains(pair[0], secret) {
					t.Errorf("%s show a key", what)
				}
			}
		}
	})
}
