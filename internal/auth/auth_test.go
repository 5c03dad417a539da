package auth_test

import (
	"context"
	"testing"

	"logbook/internal/auth"
	"logbook/internal/fault"
)

func TestRequire(t *testing.T) {
	t.Parallel()
	refused := fault.New(fault.Unavailable, "no database")
	admin := &auth.Principal{Role: auth.Admin}
	viewer := &auth.Principal{Role: auth.Viewer, Permissions: []auth.Permission{auth.EntriesRead, auth.EntriesWrite}}
	ingest := &auth.Principal{Role: auth.Ingest, Permissions: []auth.Permission{auth.EntriesRead, auth.EntriesWrite}}
	user := &auth.Principal{Role: auth.User, Permissions: []auth.Permission{auth.APICallsRead}}
	gateway := &auth.Principal{Permissions: []auth.Permission{auth.EntriesRead}}
	invented := &auth.Principal{Role: "root", Permissions: []auth.Permission{auth.EntriesRead}}
	anything := auth.Need{}
	for _, test := range []struct {
		name string
		who  *auth.Principal
		need auth.Need
		want fault.Kind
	}{
		{"nobody", nil, anything, fault.Unauthenticated},
		{"nobody, a role", nil, auth.Need{Role: auth.User}, fault.Unauthenticated},
		{"a gateway key", gateway, anything, fault.Forbidden},
		{"a gateway key, its permission", gateway, auth.Need{Permission: auth.EntriesRead}, fault.Forbidden},
		{"an invented role", invented, auth.Need{Permission: auth.EntriesRead}, fault.Forbidden},
		{"a viewer, administering", viewer, auth.Need{Role: auth.Admin}, fault.Forbidden},
		{"a viewer, writing", viewer, auth.Need{Permission: auth.EntriesWrite}, fault.Forbidden},
		{"an ingester, reading", ingest, auth.Need{Permission: auth.EntriesRead}, fault.Forbidden},
		{"a user, what it lacks", user, auth.Need{Permission: auth.EntriesRead}, fault.Forbidden},
		{"a role and a permission, one missing", user, auth.Need{Role: auth.Viewer, Permission: auth.APICallsRead}, fault.Forbidden},

		{"a viewer, reading", viewer, auth.Need{Permission: auth.EntriesRead}, -1},
		{"an ingester, writing", ingest, auth.Need{Permission: auth.EntriesWrite}, -1},
		{"a user, what it holds", user, auth.Need{Permission: auth.APICallsRead}, -1},
		{"a user, anything", user, anything, -1},
		{"an administrator, any role", admin, auth.Need{Role: auth.Viewer}, -1},
		{"an administrator, any permission", admin, auth.Need{Permission: auth.UsageWrite}, -1},
	} {
		err := auth.Require(auth.With(context.Background(), test.who), test.need)
		if test.want == -1 && err != nil || test.want != -1 && (err == nil || fault.KindOf(err) != test.want) {
			t.Errorf("%s: got %v", test.name, err)
		}
	}
	if err := auth.Require(auth.WithRefused(context.Background(), refused), anything); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a refused credential gives %v, want why it was refused", err)
	}
}

// What is Logbook's own opens for nobody else.
func TestRequireSystem(t *testing.T) {
	t.Parallel()
	for name, ctx := range map[string]context.Context{
		"nobody":           context.Background(),
		"a viewer":         auth.With(context.Background(), &auth.Principal{Role: auth.Viewer, Account: "user 1"}),
		"an administrator": auth.With(context.Background(), &auth.Principal{Role: auth.Admin, Subject: "0", Username: "logbook test"}),
		"a user's account": auth.With(context.Background(), &auth.Principal{Role: auth.Admin, Account: auth.UserAccount("logbook")}),
	} {
		want := fault.Forbidden
		if name == "nobody" {
			want = fault.Unauthenticated
		}
		if err := auth.RequireSystem(ctx); err == nil || fault.KindOf(err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := auth.RequireSystem(auth.System(context.Background(), "test")); err != nil {
		t.Errorf("the system: %v", err)
	}
}
