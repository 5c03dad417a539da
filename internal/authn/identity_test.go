package authn_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/authn"
	"logbook/internal/fault"
	"logbook/internal/web"
)

// pass sends a request through the middleware, and gives who it comes from or why
// that is not known.
func (w *world) pass(t *testing.T, r *http.Request) (principal *auth.Principal, refused error) {
	t.Helper()
	return w.passed(t, r, func(next http.Handler) http.Handler { return next })
}

// passed is pass with something in front of the middleware.
func (w *world) passed(t *testing.T, r *http.Request, front func(http.Handler) http.Handler) (principal *auth.Principal, refused error) {
	t.Helper()
	passed := false
	front(w.authn.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		passed = true
		principal, refused = auth.From(r.Context()), auth.Refused(r.Context())
	}))).ServeHTTP(httptest.NewRecorder(), r)
	if !passed {
		t.Error("the request was held up")
	}
	return principal, refused
}

// proxied makes a request that a trusted proxy passes on.
func proxied(method string, header http.Header) *http.Request {
	r := httptest.NewRequest(method, "https://logs.example/api/log/", nil)
	r.Header = header
	return r.WithContext(auth.WithOrigin(r.Context(), auth.Origin{Address: "192.0.2.1", Proxied: true}))
}

// newPeople makes a world with users: alice is 2, a tenant's administrator; 3's name
// is "2"; mallory, 4, is disabled.
func newPeople(t *testing.T) (context.Context, *world) {
	t.Helper()
	ctx, w := newWorld(t, authn.Options{AdminToken: "the administrator's"})
	for _, draft := range []account.UserDraft{
		{ID: new(int64(2)), Username: "alice", Role: auth.Admin, TenantID: &column.ID{5}},
		{ID: new(int64(3)), Username: "2"},
		{ID: new(int64(4)), Username: "mallory", Role: auth.Admin},
	} {
		if _, err := w.AddUser(ctx, draft); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.DisableUser(ctx, 4); err != nil {
		t.Fatal(err)
	}
	return ctx, w
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	_, w := newPeople(t)
	const user, id, both = "X-Forwarded-User", "X-Forwarded-User-Id", "once at the most"
	const unknown = "cannot sign in"
	for _, c := range []struct {
		name   string
		header http.Header
		want   string // the subject, or what the refusal says; nothing for nobody
	}{
		{"unknown name", http.Header{user: {"bob"}}, unknown},
		{"another case", http.Header{user: {"Alice"}}, unknown},
		{"unknown number", http.Header{id: {"9"}}, unknown},
		{"no number", http.Header{id: {"alice"}}, unknown},
		{"too large a number", http.Header{id: {"18446744073709551618"}}, unknown},
		{"the administrator of the settings", http.Header{id: {"0"}}, unknown},
		{"disabled, by name", http.Header{user: {"mallory"}}, unknown},
		{"disabled, by number", http.Header{id: {"4"}}, unknown},
		{"two users", http.Header{user: {"alice"}, id: {"3"}}, unknown},
		{"two users, one disabled", http.Header{user: {"alice"}, id: {"4"}}, unknown},
		{"two names", http.Header{user: {"alice", "alice"}}, both},
		{"two names, one blank", http.Header{user: {"", "alice"}}, both},
		{"two numbers", http.Header{id: {"2", "2"}}, both},
		{"two numbers in a line", http.Header{id: {"2, 2"}}, unknown},
		{"nobody", http.Header{}, ""},
		{"blank", http.Header{user: {""}, id: {""}}, ""},

		{"name", http.Header{user: {"alice"}}, "2"},
		{"number", http.Header{id: {"2"}}, "2"},
		{"both", http.Header{user: {"alice"}, id: {"2"}}, "2"},
		{"a name of digits", http.Header{user: {"2"}}, "3"},
		{"a blank name", http.Header{user: {""}, id: {"2"}}, "2"},
		{"an empty scheme", http.Header{"Authorization": {"Bearer"}, id: {"2"}}, "2"},

		{"a credential is better", http.Header{"Authorization": {"Bearer the administrator's"}, id: {"2"}}, "0"},
		{"a key is better", http.Header{"X-Api-Key": {"the administrator's"}, id: {"2"}}, "0"},
		{"a bad credential, too", http.Header{"Authorization": {"Bearer lb_bad"}, id: {"2"}}, "access token"},
	} {
		for range 2 { // found, then remembered
			principal, refused := w.pass(t, proxied("DELETE", c.header.Clone()))
			switch {
			case refused != nil && (c.want == "" || principal != nil || fault.KindOf(refused) != fault.Unauthenticated || !strings.Contains(refused.Error(), c.want)):
				t.Errorf("%s: %v, refused: %v", c.name, principal, refused)
			case refused == nil && (principal == nil) != (c.want == ""), principal != nil && principal.Subject != c.want:
				t.Errorf("%s: %+v, want %s", c.name, principal, c.want)
			}
		}
		if c.header.Get("Authorization") != "" || c.header.Get("X-Api-Key") != "" {
			continue
		}
		direct := httptest.NewRequest("GET", "/", nil)
		direct.Header = c.header
		if principal, refused := w.pass(t, direct); principal != nil || refused != nil {
			t.Errorf("%s, from no proxy: %+v, %v", c.name, principal, refused)
		}
	}
	alice, _ := w.pass(t, proxied("GET", http.Header{user: {"alice"}}))
	if alice == nil || alice.Username != "alice" || alice.Role != auth.Admin || len(alice.Permissions) != 0 ||
		alice.Tenant == nil || *alice.Tenant != [16]byte{5} {
		t.Errorf("alice is %+v", alice)
	}
}

// TestIdentityIsNoCredential sends what identities are remembered by as a key.
func TestIdentityIsNoCredential(t *testing.T) {
	t.Parallel()
	_, w := newPeople(t)
	if p, _ := w.pass(t, proxied("GET", http.Header{"X-Forwarded-User-Id": {"2"}})); p == nil {
		t.Fatal("2 is nobody")
	}
	w.wantRefused(t, "an identity as a key", `""2`)
}

// TestIdentityEnds wants a user who is disabled kept out within a second, and let
// in again likewise.
func TestIdentityEnds(t *testing.T) {
	t.Parallel()
	ctx, w := newPeople(t)
	signedIn := func() bool {
		p, _ := w.pass(t, proxied("GET", http.Header{"X-Forwarded-User": {"alice"}}))
		return p != nil
	}
	if !signedIn() {
		t.Fatal("alice is nobody")
	}
	if err := w.DisableUser(ctx, 2); err != nil {
		t.Fatal(err)
	}
	if w.now = w.now.Add(time.Second); signedIn() {
		t.Error("alice is in, disabled")
	}
	if err := w.EnableUser(ctx, 2); err != nil {
		t.Fatal(err)
	}
	if w.now = w.now.Add(time.Second); !signedIn() {
		t.Error("alice is out, enabled")
	}
}

// TestIdentityOfAnotherPage wants no page of another origin to use a sign-in at the
// proxy, which the browser sends along, whether it changes something or reads.
func TestIdentityOfAnotherPage(t *testing.T) {
	t.Parallel()
	_, w := newPeople(t)
	server := func(next http.Handler) http.Handler {
		var options web.Options
		if err := options.Proxies.UnmarshalText([]byte("192.0.2.1")); err != nil {
			t.Fatal(err)
		}
		return web.Server(next, options, slog.New(slog.DiscardHandler)).Handler
	}
	for _, c := range []struct {
		site, origin string // Sec-Fetch-Site and Origin
		taken        bool
	}{
		{"cross-site", "https://evil.example", false},
		{"cross-site", "", false},
		{"same-site", "https://other.logs.example", false},
		{"anything", "https://logs.example", false},
		{"", "https://evil.example", false},
		{"", "https://logs.example:444", false},
		{"", "null", false},
		{"", "", true}, // no browser, or an old one that asks its own origin
		{"", "https://logs.example", true},
		{"same-origin", "https://logs.example", true},
		{"none", "", true},
	} {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			r := httptest.NewRequest(method, "https://logs.example/graphql", nil)
			r.RemoteAddr = "192.0.2.1:5"
			r.Header.Set("X-Forwarded-User", "alice")
			if method == "GET" { // as a WebSocket begins
				r.Header.Set("Connection", "Upgrade")
				r.Header.Set("Upgrade", "websocket")
			}
			if r.Header.Set("Sec-Fetch-Site", c.site); c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			principal, refused := w.passed(t, r, server)
			if (principal != nil) != c.taken || (refused == nil) != c.taken {
				t.Errorf("%s for %q at %q: %v, refused: %v", method, c.origin, c.site, principal, refused)
			}
			if !c.taken && (fault.KindOf(refused) != fault.Unauthenticated || !strings.Contains(refused.Error(), "another origin")) {
				t.Errorf("%s for %q at %q: refused: %v", method, c.origin, c.site, refused)
			}
			// A token is not sent unasked, so whoever sends one may.
			r.Header.Set("Authorization", "Bearer the administrator's")
			if p, _ := w.passed(t, r, server); p == nil || p.Subject != "0" {
				t.Errorf("%s for %q at %q with a token: %v", method, c.origin, c.site, p)
			}
		}
	}
}
