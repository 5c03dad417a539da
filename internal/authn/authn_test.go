package authn_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/authn"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

var noon = time.Date(2025, 6, 15, 12, 0, 0, 0, time.UTC)

// world is a database with accounts, and a clock to turn.
type world struct {
	*account.Accounts
	authn *authn.Authenticator
	now   time.Time
}

func newWorld(t *testing.T, options authn.Options) (context.Context, *world) {
	t.Helper()
	ctx := auth.System(context.Background(), "test")
	database, err := db.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { database.Close() })
	w := &world{now: noon}
	options.Now = func() time.Time { return w.now }
	w.Accounts = account.New(database, journal.New(database, journal.Options{Now: options.Now}))
	w.authn = authn.New(database.Ent(), options)
	return ctx, w
}

func (w *world) wantRefused(t *testing.T, what, credential string) {
	t.Helper()
	p, err := w.authn.Principal(context.Background(), credential)
	if p != nil || fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("%s: got %v, %v", what, p, err)
	}
}

func TestAccessTokens(t *testing.T) {
	t.Parallel()
	ctx, w := newWorld(t, authn.Options{AdminToken: "the administrator's"})
	w.wantRefused(t, "an unknown token", "lb_nothing")
	w.wantRefused(t, "the administrator's, shortened", "the administrator'")

	tenant := column.ID{5}
	alice, err := w.AddUser(ctx, account.UserDraft{ID: new(int64(2)), Username: "alice", TenantID: &tenant})
	if err != nil {
		t.Fatal(err)
	}
	token, key, err := w.AddToken(ctx, account.TokenDraft{
		UserID: alice.ID, Name: "t", Role: auth.Viewer, Permissions: []auth.Permission{auth.EntriesRead}, Lifetime: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(token.Hash), key) || !strings.HasPrefix(key, token.Prefix) || len(token.Prefix)*2 > len(key) {
		t.Errorf("token %v shows too much of its key", token)
	}
	p, err := w.authn.Principal(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	if p.Subject != "2" || p.Username != "alice" || p.Role != auth.Viewer || !p.Holds(auth.EntriesRead) || p.Tenant == nil || *p.Tenant != tenant {
		t.Errorf("signed in as %+v", p)
	}
	w.wantRefused(t, "another's case", strings.ToUpper(key))
	w.now = noon.Add(2 * time.Hour)
	w.wantRefused(t, "an expired token", key)
	w.now = noon.Add(10 * time.Second)

	if err := w.RevokeToken(ctx, token.ID); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(time.Second) // what the contract allows a cache
	w.wantRefused(t, "a revoked token", key)
	if err := w.RevokeToken(ctx, 1); fault.KindOf(err) != fault.NotFound {
		t.Errorf("revoking no token: %v", err)
	}
	if p, err := w.authn.Principal(context.Background(), "the administrator's"); err != nil || p.Subject != "0" || p.Role != auth.Admin {
		t.Errorf("the fixed administrator is %+v (%v)", p, err)
	}
}

// A user has one account, whatever it signs in with; of those who are no user each has
// one of its own.
func TestAccounts(t *testing.T) {
	t.Parallel()
	const secret = "a secret that only this test knows, 32 bytes or more"
	ctx, w := newWorld(t, authn.Options{AdminToken: "the administrator's", JWTSecret: secret})
	accounts := map[string]string{}
	of := func(who, credential string) {
		p, err := w.authn.Principal(context.Background(), credential)
		if err != nil {
			t.Fatal(who, err)
		}
		accounts[who] = p.Account
	}
	for _, id := range []int64{2, 3} {
		if _, err := w.AddUser(ctx, account.UserDraft{ID: &id, Username: "user " + strconv.FormatInt(id, 10)}); err != nil {
			t.Fatal(err)
		}
	}
	for who, user := range map[string]int64{"2's": 2, "2's other": 2, "3's": 3, "nobody's": 0, "nobody's other": 0} {
		_, key, err := w.AddToken(ctx, account.TokenDraft{UserID: user, Name: "t", Role: auth.Ingest})
		if err != nil {
			t.Fatal(err)
		}
		of(who, key)
	}
	for _, subject := range []string{"2", "0", "somebody"} {
		claims := jwt.MapClaims{"sub": subject, "exp": noon.Add(time.Hour).Unix()}
		signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		of("JWT "+subject, signed)
	}
	of("settings", "the administrator's")
	named, err := w.pass(t, proxied("POST", http.Header{"X-Forwarded-User-Id": {"2"}}))
	if err != nil {
		t.Fatal(err)
	}
	accounts["proxy"] = named.Account
	for who := range accounts {
		for other := range accounts {
			two := map[string]bool{"2's": true, "2's other": true, "JWT 2": true, "proxy": true}
			if same := accounts[who] == accounts[other]; same != (who == other || two[who] && two[other]) || accounts[who] == "" {
				t.Errorf("%s has the account %q, %s has %q", who, accounts[who], other, accounts[other])
			}
		}
	}
	if auth.RequireSystem(auth.With(ctx, &auth.Principal{Role: auth.Admin, Account: accounts["settings"]})) == nil {
		t.Error("the administrator of the settings passes for Logbook itself")
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	ctx, w := newWorld(t, authn.Options{AdminToken: "the administrator's"})
	tenant, other := column.ID{5}, column.ID{6}
	if _, err := w.AddUser(ctx, account.UserDraft{ID: new(int64(2)), Username: "alice", TenantID: &tenant}); err != nil {
		t.Fatal(err)
	}
	id := func(n int64) *int64 { return &n }
	outcomes, err := w.ImportTokens(ctx, []account.KeyedToken{
		{ID: id(11), Key: "sk-gate", TokenDraft: account.TokenDraft{UserID: 2, Name: "gate"}},
		{ID: id(12), Key: "sk-access", TokenDraft: account.TokenDraft{UserID: 2, Name: "access", Role: auth.User, TenantID: &other}},
		{ID: id(13), Key: "nobody's", TokenDraft: account.TokenDraft{Name: "nobody's"}},
		{ID: id(14), Key: "sk-revoked", TokenDraft: account.TokenDraft{UserID: 2, Name: "revoked"}},
		{ID: id(15), Key: "sk-expired", TokenDraft: account.TokenDraft{UserID: 2, Name: "expired", Lifetime: time.Hour}},
	})
	for _, outcome := range outcomes {
		if !outcome.Stored || err != nil {
			t.Fatal(outcome.Problem, err)
		}
	}
	if err := w.RevokeToken(ctx, 14); err != nil {
		t.Fatal(err)
	}
	w.now = noon.Add(time.Hour)
	for key, want := range map[string]struct {
		id     int64 // 0: there is none
		tenant *column.ID
	}{
		"": {}, "sk-": {}, "gat": {}, "GATE": {}, "sk-sk-gate": {}, "access": {}, "the administrator's": {},
		"revoked": {}, "sk-revoked": {}, "sk-expired": {},
		"gate": {11, &tenant}, "sk-gate": {11, &tenant}, "sk-access": {12, &other}, "nobody's": {13, nil},
	} {
		token, err := w.authn.Token(context.Background(), key)
		switch {
		case want.id == 0 && (token != nil || fault.KindOf(err) != fault.NotFound):
			t.Errorf("%q gives %v, %v", key, token, err)
		case want.id == 0:
		case err != nil || token.ID != want.id || (token.TenantID == nil) != (want.tenant == nil) || want.tenant != nil && *token.TenantID != *want.tenant:
			t.Errorf("%q gives %+v, %v", key, token, err)
		}
	}
}

func TestFirstAdministrator(t *testing.T) {
	t.Parallel()
	ctx, w := newWorld(t, authn.Options{})
	key, err := w.EnsureAdministrator(ctx)
	if err != nil || key == "" {
		t.Fatal(key, err)
	}
	if p, err := w.authn.Principal(ctx, key); err != nil || p.Role != auth.Admin || p.Subject != "0" {
		t.Errorf("signed in as %+v (%v)", p, err)
	}
	if again, err := w.EnsureAdministrator(ctx); err != nil || again != "" {
		t.Errorf("a second administrator's token %q (%v)", again, err)
	}
	if _, _, err := w.AddToken(ctx, account.TokenDraft{Role: auth.Admin, TenantID: &column.ID{}}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a token was bound to the nil tenant: %v", err)
	}
	tokens, err := w.Tokens(ctx)
	if err != nil || len(tokens) != 1 {
		t.Fatal(tokens, err)
	}
	if err := w.RevokeToken(ctx, tokens[0].ID); err != nil {
		t.Fatal(err)
	}
	// Bound to a tenant it could make no other tenant, so it does not count.
	if _, _, err := w.AddToken(ctx, account.TokenDraft{Role: auth.Admin, TenantID: &column.ID{1}}); err != nil {
		t.Fatal(err)
	}
	if again, err := w.EnsureAdministrator(ctx); err != nil || again == "" {
		t.Errorf("locked out after the last token was revoked (%v)", err)
	}
}

func TestJWT(t *testing.T) {
	t.Parallel()
	const secret = "0123456789abcdef0123456789abcdef"
	_, w := newWorld(t, authn.Options{JWTSecret: secret, JWTIssuer: "issuer", JWTAudience: "logbook"})
	sign := func(method jwt.SigningMethod, key any, changes jwt.MapClaims) string {
		claims := jwt.MapClaims{
			"sub": "usr_1", "username": "bob", "role": "viewer", "permissions": []string{"entries:read"},
			"tenant_id": "05000000-0000-0000-0000-000000000000", "exp": noon.Add(time.Hour).Unix(), "iss": "issuer", "aud": "logbook",
		}
		for claim, value := range changes {
			if claims[claim] = value; value == nil {
				delete(claims, claim)
			}
		}
		text, err := jwt.NewWithClaims(method, claims).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	hs := func(changes jwt.MapClaims) string { return sign(jwt.SigningMethodHS256, []byte(secret), changes) }
	for what, token := range map[string]string{
		"another secret":      sign(jwt.SigningMethodHS256, []byte("another"), nil),
		"no signature":        sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"another method":      sign(jwt.SigningMethodHS512, []byte(secret), nil),
		"expired":             hs(jwt.MapClaims{"exp": noon.Add(-time.Minute).Unix()}),
		"no end":              hs(jwt.MapClaims{"exp": nil}),
		"not yet":             hs(jwt.MapClaims{"nbf": noon.Add(time.Hour).Unix()}),
		"another issuer":      hs(jwt.MapClaims{"iss": "x"}),
		"no issuer":           hs(jwt.MapClaims{"iss": nil}),
		"another audience":    hs(jwt.MapClaims{"aud": []string{"x"}}),
		"no sub":              hs(jwt.MapClaims{"sub": nil}),
		"an unknown role":     hs(jwt.MapClaims{"role": "root"}),
		"a tenant of no UUID": hs(jwt.MapClaims{"tenant_id": "5"}),
		"garbage":             "eyJ.eyJ.x",
	} {
		w.wantRefused(t, what, token)
	}
	p, err := w.authn.Principal(context.Background(), hs(nil))
	if err != nil {
		t.Fatal(err)
	}
	if p.Subject != "usr_1" || p.Username != "bob" || p.Role != auth.Viewer || !p.Holds(auth.EntriesRead) || *p.Tenant != [16]byte{5} {
		t.Errorf("signed in as %+v", p)
	}
	if p, err := w.authn.Principal(context.Background(), hs(jwt.MapClaims{"sub": 7, "role": nil, "tenant_id": nil})); err != nil || p.Subject != "7" || p.Role != auth.User || p.Tenant != nil {
		t.Errorf("a bare JWT signs in as %+v (%v)", p, err)
	}
	_, without := newWorld(t, authn.Options{})
	without.wantRefused(t, "a JWT where none are taken", hs(nil))
}

// TestMiddleware wants every form of sending a credential understood, and no
// request refused.
func TestMiddleware(t *testing.T) {
	t.Parallel()
	_, w := newWorld(t, authn.Options{AdminToken: "k"})
	for _, test := range []struct {
		header, value   string
		signed, refused bool
	}{
		{"", "", false, false},
		{"Authorization", "", false, false},
		{"Authorization", "Bearer", false, false},
		{"Authorization", "Basic azpr", false, true},
		{"Authorization", "Bearer wrong", false, true},
		{"X-Api-Key", "wrong", false, true},
		{"Authorization", "Bearer k", true, false},
		{"Authorization", "bearer  k ", true, false},
		{"Authorization", "k", true, false},
		{"X-Api-Key", "k", true, false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if test.header != "" {
			r.Header.Set(test.header, test.value)
		}
		passed := false
		w.authn.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			passed = true
			if signed := auth.From(r.Context()) != nil; signed != test.signed {
				t.Errorf("%s: %q: signed in %t", test.header, test.value, signed)
			}
			if refused := auth.Refused(r.Context()) != nil; refused != test.refused {
				t.Errorf("%s: %q: refused %t", test.header, test.value, refused)
			}
		})).ServeHTTP(httptest.NewRecorder(), r)
		if !passed {
			t.Errorf("%s: %q: the request was held up", test.header, test.value)
		}
	}
}

// TestFixedAdministrator wants any text to do, one that looks like a JWT or has
// white space around it too.
func TestFixedAdministrator(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"ey.a.b", " padded "} {
		_, w := newWorld(t, authn.Options{AdminToken: token})
		if p, err := w.authn.Principal(context.Background(), strings.TrimSpace(token)); err != nil || p.Role != auth.Admin {
			t.Errorf("%q signs in as %+v (%v)", token, p, err)
		}
	}
}
