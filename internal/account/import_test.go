package account_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/authn"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

// open opens a fresh database at an address.
func open(t *testing.T, address string) (*account.Accounts, *db.DB) {
	t.Helper()
	database, err := db.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { database.Close() })
	return account.New(database, journal.New(database, journal.Options{})), database
}

// says words an outcome.
func says(outcome journal.Outcome) string {
	switch {
	case outcome.Problem != nil:
		return outcome.Problem.String()
	case outcome.Stored:
		return "added"
	}
	return "there"
}

// wants compares outcomes with words, one a draft.
func wants(t *testing.T, outcomes []journal.Outcome, err error, words ...string) {
	t.Helper()
	if err != nil || len(outcomes) != len(words) {
		t.Fatalf("%d outcomes, want %d: %v", len(outcomes), len(words), err)
	}
	for i, outcome := range outcomes {
		if got := says(outcome); got != words[i] {
			t.Errorf("%d: %s\nwant %s", i, got, words[i])
		}
	}
}

var tenant = &column.ID{1}

func TestImportUsers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		ctx := auth.System(t.Context(), "test")
		accounts, _ := open(t, address)
		good := []account.UserDraft{
			{ID: new(int64(2)), Username: "alice", Role: auth.Viewer, TenantID: tenant, Aliases: map[string]string{"hertz": "7", "codebird": "usr_a"}},
			{Username: "bob", Aliases: map[string]string{"hertz": "8"}},
			{ID: new(int64(1 << 53)), Username: "Alice "},
		}
		for _, test := range []struct {
			name  string
			draft account.UserDraft
			want  string
		}{
			{"no name", account.UserDraft{}, "username: is required"},
			{"a long name", account.UserDraft{Username: strings.Repeat("x", 256)}, "username: is longer than 255 bytes"},
			{"id 0", account.UserDraft{ID: new(int64(0)), Username: "c"}, "id: must be between 1 and 2^53"},
			{"id beyond 2^53", account.UserDraft{ID: new(int64(1<<53 + 1)), Username: "c"}, "id: must be between 1 and 2^53"},
			{"an unknown role", account.UserDraft{Username: "c", Role: "root"}, `role: "root" is none of admin, viewer, ingest, user`},
			{"no tenant's id", account.UserDraft{Username: "c", TenantID: new(column.ID)}, `tenant_id: "00000000-0000-0000-0000-000000000000" does not exist`},
			{"an unknown system", account.UserDraft{Username: "c", Aliases: map[string]string{"zeus": "1"}}, `aliases: "zeus" is none of newapi, scitiger, codebird, hertz, trae`},
			{"an empty alias", account.UserDraft{Username: "c", Aliases: map[string]string{"hertz": ""}}, "aliases.hertz: is required"},

			{"a taken name", account.UserDraft{ID: new(int64(3)), Username: "alice"}, `username: "alice" is user 2's`},
			{"a taken alias", account.UserDraft{ID: new(int64(3)), Username: "c", Aliases: map[string]string{"trae": "1", "hertz": "8"}}, `aliases.hertz: "8" is user 1099511627776's`},
			{"a taken id", account.UserDraft{ID: new(int64(2)), Username: "c"}, "id: 2 is there already with other content: username, role, tenant_id, aliases"},
			{"a taken id and a taken name", account.UserDraft{ID: new(int64(2)), Username: "bob", Role: auth.Viewer, TenantID: tenant, Aliases: good[0].Aliases}, "id: 2 is there already with other content: username"},
			{"another role", account.UserDraft{Username: "bob", Role: auth.Admin, Aliases: good[1].Aliases}, "username: bob is there already with other content: role"},
			{"an alias less", account.UserDraft{ID: good[0].ID, Username: "alice", Role: auth.Viewer, TenantID: tenant, Aliases: map[string]string{"hertz": "7"}}, "id: 2 is there already with other content: aliases"},
			{"an alias more", account.UserDraft{Username: "bob", Aliases: map[string]string{"hertz": "8", "trae": "8"}}, "username: bob is there already with other content: aliases"},
			{"another alias", account.UserDraft{Username: "bob", Aliases: map[string]string{"hertz": "9"}}, "username: bob is there already with other content: aliases"},
			{"another tenant", account.UserDraft{ID: good[0].ID, Username: "alice", Role: auth.Viewer, TenantID: &column.ID{2}, Aliases: good[0].Aliases}, "id: 2 is there already with other content: tenant_id"},
		} {
			t.Run(test.name, func(t *testing.T) {
				// A refused user in front and in the middle keeps nobody out, and leaves
				// nothing behind.
				outcomes, err := accounts.ImportUsers(ctx, []account.UserDraft{good[0], good[1], test.draft, good[2]})
				if err != nil || len(outcomes) != 4 || outcomes[0].Problem != nil || outcomes[1].Problem != nil || outcomes[3].Problem != nil {
					t.Fatalf("got %+v, %v", outcomes, err)
				}
				wants(t, outcomes[2:3], nil, test.want)
			})
		}
		users, err := accounts.Users(ctx)
		if err != nil || len(users) != 3 {
			t.Fatalf("%d users, %v", len(users), err)
		}
		if u := users[0]; u.ID != 2 || u.Username != "alice" || u.Role != "viewer" || *u.TenantID != *tenant || len(u.Edges.Identities) != 2 {
			t.Errorf("got %v, %v", u, u.Edges.Identities)
		}
		if u := users[1]; u.ID != 1<<40 || u.Username != "bob" || u.Role != "user" || u.TenantID != nil || len(u.Edges.Identities) != 1 {
			t.Errorf("got %v, %v", u, u.Edges.Identities)
		}
		// Whoever was given an id may also come with it.
		outcomes, err := accounts.ImportUsers(ctx, []account.UserDraft{{ID: new(int64(1 << 40)), Username: "bob", Role: auth.User, Aliases: good[1].Aliases}})
		wants(t, outcomes, err, "there")
	})
}

func TestImportUsersTwice(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		ctx := auth.System(t.Context(), "test")
		accounts, _ := open(t, address)
		var drafts []account.UserDraft
		for i := range 120 { // some transactions
			draft := account.UserDraft{Username: fmt.Sprint("user ", i), Aliases: map[string]string{"trae": fmt.Sprint(i)}}
			if i%2 == 0 {
				draft.ID = new(int64(i + 1))
			}
			drafts = append(drafts, draft)
		}
		drafts = append(drafts, drafts...)
		for _, want := range []int{120, 0} {
			outcomes, err := accounts.ImportUsers(ctx, drafts)
			if err != nil || len(outcomes) != 240 {
				t.Fatal(len(outcomes), err)
			}
			stored := 0
			for _, outcome := range outcomes {
				if outcome.Problem != nil {
					t.Fatal(outcome.Problem)
				}
				if outcome.Stored {
					stored++
				}
			}
			if stored != want {
				t.Errorf("added %d, want %d", stored, want)
			}
		}
	})
}

func TestImportTokens(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		ctx := auth.System(t.Context(), "test")
		accounts, database := open(t, address)
		if _, err := accounts.AddUser(ctx, account.UserDraft{ID: new(int64(2)), Username: "alice"}); err != nil {
			t.Fatal(err)
		}
		const key, gateway = "0123456789abcdef key of an old system 日", "sk-Xo7pQ0123456789abcdefghij0123456789abcdefghij012"
		good := []account.KeyedToken{
			{ID: new(int64(5)), Key: key, TokenDraft: account.TokenDraft{UserID: 2, Name: "api_token", Role: auth.Viewer, TenantID: tenant,
				Permissions: []auth.Permission{auth.APICallsRead, auth.EntriesRead, auth.APICallsRead}}},
			{Key: gateway, TokenDraft: account.TokenDraft{UserID: 2}},
			{Key: "sk-with role", TokenDraft: account.TokenDraft{Role: auth.Admin}},
		}
		viewer := func(change func(*account.KeyedToken)) account.KeyedToken {
			token := good[0]
			change(&token)
			return token
		}
		keyed := func(key string, role auth.Role) account.KeyedToken {
			return account.KeyedToken{Key: key, TokenDraft: account.TokenDraft{Role: role}}
		}
		const unsendable = "key: no request can bring it: it has white space at an end, a control character or the form of a JWT"
		for _, test := range []struct {
			name  string
			token account.KeyedToken
			want  string
		}{
			{"no key", keyed("", auth.Viewer), "key: is required"},
			{"nothing behind sk-", keyed("sk-", ""), "key: is required"},
			{"a long key", keyed(strings.Repeat("x", 256), auth.Viewer), "key: is longer than 255 bytes"},
			{"a key with a blank", keyed(" secret", auth.Viewer), unsendable},
			{"a key with a line end", keyed("sec\nret", auth.Viewer), unsendable},
			{"a JWT", keyed("eysecret.secret.secret", auth.Viewer), unsendable},
			{"id 0", account.KeyedToken{ID: new(int64(0)), Key: "secret"}, "id: must be between 1 and 2^53"},
			{"of nobody", account.KeyedToken{Key: "secret", TokenDraft: account.TokenDraft{UserID: 99}}, `user_id: "99" does not exist`},
			{"of less than nobody", account.KeyedToken{Key: "secret", TokenDraft: account.TokenDraft{UserID: -1}}, `user_id: "-1" does not exist`},
			{"an unknown role", keyed("secret", "root"), `role: "root" is none of admin, viewer, ingest, user`},
			{"a long name", account.KeyedToken{Key: "secret", TokenDraft: account.TokenDraft{Name: strings.Repeat("x", 256)}}, "name: is longer than 255 bytes"},
			{"an unknown permission", account.KeyedToken{Key: "secret", TokenDraft: account.TokenDraft{Permissions: []auth.Permission{"fly"}}},
				`permissions: "fly" is none of entries:read, entries:write, audit:read, audit:write, system:log:list, system:log:query, operations:write, usage:read, usage:write, audit, api-calls:write`},
			{"a taken key", viewer(func(k *account.KeyedToken) { k.ID = new(int64(6)) }), "key: it is access token 5's"},
			{"a taken gateway key", keyed(strings.TrimPrefix(gateway, "sk-"), auth.Viewer), "key: it is there already with other content: user_id, role"},
			{"another key", viewer(func(k *account.KeyedToken) { k.Key = "another secret" }), "id: 5 is there already with other content: key"},
			{"another name", viewer(func(k *account.KeyedToken) { k.Name = "b" }), "id: 5 is there already with other content: name"},
			{"another user", viewer(func(k *account.KeyedToken) { k.UserID = 0 }), "id: 5 is there already with other content: user_id"},
			{"a permission less", viewer(func(k *account.KeyedToken) { k.Permissions = k.Permissions[:1] }), "id: 5 is there already with other content: permissions"},
			{"another role without id", viewer(func(k *account.KeyedToken) { k.ID, k.Role, k.TenantID = nil, auth.User, nil }),
				"key: it is there already with other content: role, tenant_id"},
		} {
			t.Run(test.name, func(t *testing.T) {
				outcomes, err := accounts.ImportTokens(ctx, []account.KeyedToken{good[0], good[1], test.token, good[2]})
				if err != nil || len(outcomes) != 4 || outcomes[0].Problem != nil || outcomes[1].Problem != nil || outcomes[3].Problem != nil {
					t.Fatalf("got %+v, %v", outcomes, err)
				}
				wants(t, outcomes[2:3], nil, test.want)
				if said := says(outcomes[2]); test.token.Key != "" && strings.Contains(said, test.token.Key) {
					t.Errorf("it says the key: %s", said)
				}
			})
		}
		same := []account.KeyedToken{
			viewer(func(k *account.KeyedToken) { k.Permissions = []auth.Permission{auth.EntriesRead, auth.APICallsRead} }),
			viewer(func(k *account.KeyedToken) { k.ID = nil }),
			{Key: strings.TrimPrefix(gateway, "sk-"), TokenDraft: account.TokenDraft{UserID: 2}},
		}
		outcomes, err := accounts.ImportTokens(ctx, same)
		wants(t, outcomes, err, "there", "there", "there")

		tokens, err := accounts.Tokens(ctx)
		if err != nil || len(tokens) != 3 {
			t.Fatalf("%d tokens, %v", len(tokens), err)
		}
		if token := tokens[0]; token.ID != 5 || token.Permissions != "audit entries:read" || token.Prefix != key[:8] || token.ExpiresAt != nil {
			t.Errorf("got %v", token)
		}
		hash := authn.HashKey(strings.TrimPrefix(gateway, "sk-"))
		if token := tokens[1]; token.ID != 1<<40 || token.Role != "" || string(token.Hash) != string(hash[:]) || token.Prefix != "Xo7pQ012" {
			t.Errorf("got %v", token)
		}

		// What was imported signs in, whole.
		signIn := authn.New(database.Ent(), authn.Options{})
		principal, err := signIn.Principal(t.Context(), key)
		if err != nil || principal.Role != auth.Viewer || principal.Subject != "2" || principal.Username != "alice" || *principal.Tenant != *tenant ||
			!principal.Holds(auth.EntriesRead) || principal.Holds(auth.AuditRead) {
			t.Errorf("signs in as %+v, %v", principal, err)
		}
		if principal, err := signIn.Principal(t.Context(), "sk-with role"); err != nil || principal.Role != auth.Admin {
			t.Errorf("signs in as %+v, %v", principal, err)
		}
		for _, wrong := range []string{"with role", strings.ToUpper(key), gateway} {
			if _, err := signIn.Principal(t.Context(), wrong); fault.KindOf(err) != fault.Unauthenticated {
				t.Errorf("%q: %v", wrong, err)
			}
		}

		// A token that was revoked is there, and stays revoked.
		if err := accounts.RevokeToken(ctx, 5); err != nil {
			t.Fatal(err)
		}
		outcomes, err = accounts.ImportTokens(ctx, good[:1])
		wants(t, outcomes, err, "there")
		if tokens, err := accounts.Tokens(ctx); err != nil || tokens[0].RevokedAt == nil {
			t.Errorf("got %v, %v", tokens, err)
		}
	})
}

// TestImportSideBySide imports the same users and tokens twice at a time: each goes
// in once.
func TestImportSideBySide(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		ctx := auth.System(t.Context(), "test")
		var users []account.UserDraft
		var tokens []account.KeyedToken
		for i := range 200 {
			users = append(users, account.UserDraft{Username: fmt.Sprint(i), Aliases: map[string]string{"trae": fmt.Sprint(i)}})
			tokens = append(tokens, account.KeyedToken{Key: fmt.Sprint("key ", i)})
		}
		type result struct {
			stored int
			err    error
		}
		results := make(chan result)
		for range 2 {
			accounts, _ := open(t, address) // as another process
			go func() {
				someUsers, err := accounts.ImportUsers(ctx, users)
				someTokens, tokensErr := accounts.ImportTokens(ctx, tokens)
				if err == nil {
					err = tokensErr
				}
				r := result{err: err}
				for _, outcome := range append(someUsers, someTokens...) {
					if outcome.Stored {
						r.stored++
					}
					if outcome.Problem != nil && r.err == nil {
						r.err = fmt.Errorf("refused: %s", outcome.Problem)
					}
				}
				results <- r
			}()
		}
		first, second := <-results, <-results
		if first.err != nil || second.err != nil || first.stored+second.stored != 400 {
			t.Errorf("added %d and %d, want 400 in all: %v, %v", first.stored, second.stored, first.err, second.err)
		}
	})
}

func TestImportIsForAdministrators(t *testing.T) {
	t.Parallel()
	accounts, _ := open(t, dbtest.SQLite(t))
	viewer := auth.With(t.Context(), &auth.Principal{Role: auth.Viewer, Permissions: auth.Permissions})
	if outcomes, err := accounts.ImportUsers(viewer, []account.UserDraft{{Username: "a"}}); fault.KindOf(err) != fault.Forbidden || len(outcomes) != 0 {
		t.Errorf("users: got %v, %v", outcomes, err)
	}
	if outcomes, err := accounts.ImportTokens(viewer, []account.KeyedToken{{Key: "k"}}); fault.KindOf(err) != fault.Forbidden || len(outcomes) != 0 {
		t.Errorf("tokens: got %v, %v", outcomes, err)
	}
}
