package account_test

import (
	"path/filepath"
	"strings"
	"testing"

	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	ctx := auth.System(t.Context(), "test")
	database, err := db.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()
	a := account.New(database, journal.New(database, journal.Options{}))
	first := account.UserDraft{ID: new(int64(2)), Username: "alice", Aliases: map[string]string{"hertz": "7"}}
	if _, err := a.AddUser(ctx, first); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		draft account.UserDraft
		kind  fault.Kind
	}{
		"no name":          {account.UserDraft{Username: " "}, fault.Invalid},
		"a long name":      {account.UserDraft{Username: strings.Repeat("x", 256)}, fault.Invalid},
		"an unknown role":  {account.UserDraft{Username: "b", Role: "root"}, fault.Invalid},
		"id 0":             {account.UserDraft{Username: "b", ID: new(int64(0))}, fault.Invalid},
		"the same id":      {account.UserDraft{Username: "b", ID: new(int64(2))}, fault.Conflict},
		"the same name":    {account.UserDraft{Username: "alice"}, fault.Conflict},
		"the same alias":   {account.UserDraft{Username: "b", Aliases: map[string]string{"hertz": "7"}}, fault.Conflict},
		"no such system":   {account.UserDraft{Username: "b", Aliases: map[string]string{"x": "7"}}, fault.Invalid},
		"an alias of none": {account.UserDraft{Username: "b", Aliases: map[string]string{"hertz": ""}}, fault.Invalid},
	} {
		if _, err := a.AddUser(ctx, test.draft); err == nil || fault.KindOf(err) != test.kind {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, draft := range map[string]account.TokenDraft{
		"of nobody":             {UserID: 99, Role: auth.Viewer},
		"an unknown role":       {Role: "root"},
		"an unknown permission": {Role: auth.Viewer, Permissions: []auth.Permission{"everything"}},
		"ended before it began": {Role: auth.Viewer, Lifetime: -1},
	} {
		if _, _, err := a.AddToken(ctx, draft); fault.KindOf(err) != fault.Invalid {
			t.Errorf("a token %s: %v", name, err)
		}
	}
	viewer := auth.With(t.Context(), &auth.Principal{Role: auth.Viewer, Permissions: auth.Permissions})
	if _, _, err := a.AddToken(viewer, account.TokenDraft{Role: auth.Admin}); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a viewer made itself an administrator: %v", err)
	}
	if _, err := a.Tokens(viewer); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("a viewer listed the tokens: %v", err)
	}
	second, err := a.AddUser(ctx, account.UserDraft{Username: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	third, err := a.AddUser(ctx, account.UserDraft{Username: "carol"})
	if err != nil || second.ID != 1<<40 || third.ID != 1<<40+1 {
		t.Errorf("given ids %d and %d, want them from 2^40 on (%v)", second.ID, third.ID, err)
	}
}
