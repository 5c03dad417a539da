package account_test

import (
	"context"
	"testing"
	"time"

	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/authn"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// TestEndedElsewhere revokes a token, and disables a user, in one process and wants them
// dead within a second in another one, which knew them a moment ago.
func TestEndedElsewhere(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		ctx := auth.System(t.Context(), "test")
		now := time.Date(2025, 6, 15, 12, 0, 0, 0, time.UTC)
		clock := func() time.Time { return now }
		var accounts []*account.Accounts // one a process
		var signIn []*authn.Authenticator
		for range 2 {
			database, err := db.Open(ctx, address)
			if err != nil {
				t.Fatal(err)
			}
			defer database.Close()
			accounts = append(accounts, account.New(database, journal.New(database, journal.Options{Now: clock})))
			signIn = append(signIn, authn.New(database.Ent(), authn.Options{Now: clock}))
		}
		for name, end := range map[string]func(user, token int64) error{
			"revoked":  func(_, token int64) error { return accounts[0].RevokeToken(ctx, token) },
			"disabled": func(user, _ int64) error { return accounts[0].DisableUser(ctx, user) },
		} {
			user, err := accounts[0].AddUser(ctx, account.UserDraft{Username: name})
			if err != nil {
				t.Fatal(err)
			}
			token, key, err := accounts[0].AddToken(ctx, account.TokenDraft{UserID: user.ID, Name: name, Role: auth.Viewer})
			if err != nil {
				t.Fatal(err)
			}
			for i, process := range signIn {
				if _, err := process.Principal(context.Background(), key); err != nil {
					t.Fatalf("%s, process %d: %v", name, i, err)
				}
			}
			if err := end(user.ID, token.ID); err != nil {
				t.Fatal(err)
			}
			now = now.Add(time.Second)
			for i, process := range signIn {
				if p, err := process.Principal(context.Background(), key); p != nil || fault.KindOf(err) != fault.Unauthenticated {
					t.Errorf("%s, process %d: got %v, %v", name, i, p, err)
				}
			}
		}
	})
}
