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

// What began goes on for as long as whatever signed it in would do so now.
func TestStillSignedIn(t *testing.T) {
	t.Parallel()
	tenant := [16]byte{1}
	var found *auth.Principal
	var refused error
	find := func(_ context.Context, authorization string) (*auth.Principal, error) {
		if authorization == "Bearer other" {
			return &auth.Principal{Subject: "2"}, nil
		}
		return found, refused
	}
	ctx := auth.WithSignIn(t.Context(), find)
	if auth.From(ctx) != nil || auth.Refused(ctx) != nil || auth.StillSignedIn(ctx) != nil {
		t.Errorf("nobody is %v, %v, %v", auth.From(ctx), auth.Refused(ctx), auth.StillSignedIn(ctx))
	}
	refused = fault.New(fault.Unauthenticated, "revoked")
	if ctx := auth.WithSignIn(t.Context(), find); auth.Refused(ctx) != refused || auth.From(ctx) != nil {
		t.Errorf("who is refused is %v, %v", auth.From(ctx), auth.Refused(ctx))
	} else if ctx = auth.SignInWith(ctx, "Bearer other"); auth.Refused(ctx) != nil || auth.From(ctx).Subject != "2" || auth.StillSignedIn(ctx) != nil {
		t.Errorf("who is refused at first and then signs in is %v, %v", auth.From(ctx), auth.Refused(ctx))
	}
	if ctx := auth.SignInWith(t.Context(), "Bearer other"); fault.KindOf(auth.Refused(ctx)) != fault.Unauthenticated {
		t.Errorf("where no credential is known it is %v", auth.Refused(ctx))
	}

	found, refused = &auth.Principal{Subject: "1", Tenant: &[16]byte{1}, Permissions: []auth.Permission{auth.EntriesRead}}, nil
	ctx = auth.WithSignIn(t.Context(), find)
	for _, now := range []struct {
		name    string
		found   *auth.Principal
		refused error
		ends    bool
	}{
		{"the same, found anew", &auth.Principal{Subject: "1", Tenant: &tenant, Permissions: []auth.Permission{auth.EntriesRead}}, nil, false},
		{"nobody can tell", nil, fault.New(fault.Unavailable, "no database"), false},
		{"revoked", nil, fault.New(fault.Unauthenticated, "revoked"), true},
		{"another tenant", &auth.Principal{Subject: "1", Tenant: &[16]byte{2}, Permissions: []auth.Permission{auth.EntriesRead}}, nil, true},
		{"a permission less", &auth.Principal{Subject: "1", Tenant: &tenant}, nil, true},
		{"nobody", nil, nil, true},
	} {
		found, refused = now.found, now.refused
		if err := auth.StillSignedIn(ctx); (err != nil) != now.ends || err != nil && fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %v", now.name, err)
		}
	}
}

// A request is admitted once, and so is each that follows on its connection, for whom
// it comes from then.
func TestAdmit(t *testing.T) {
	t.Parallel()
	if err := auth.Admit(auth.NextRequest(t.Context())); err != nil {
		t.Errorf("what is no request: %v", err)
	}
	var asked []*auth.Principal
	ctx := auth.WithAdmission(t.Context(), func(ctx context.Context) error {
		asked = append(asked, auth.From(ctx))
		return nil
	})
	_, _ = auth.Admit(ctx), auth.Admit(auth.With(ctx, &auth.Principal{}))
	if len(asked) != 1 || asked[0] != nil {
		t.Errorf("one request asked for %v", asked)
	}
	who := &auth.Principal{Subject: "1"}
	next := auth.NextRequest(auth.With(ctx, who))
	_, _ = auth.Admit(next), auth.Admit(next)
	if len(asked) != 2 || asked[1] != who {
		t.Errorf("two requests asked for %v", asked)
	}
}
