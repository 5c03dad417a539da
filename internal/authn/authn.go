// Package authn finds out who a request comes from: credential in, Principal
// out. It stands in front of everything and never refuses a request itself,
// since each surface refuses in its own words; it only leaves in the context
// the principal (auth.From) or why a credential was not accepted
// (auth.Refused).
//
// A credential is an access token or a JWT, sent as "Authorization: Bearer …";
// an access token also as "X-Api-Key". Of access tokens only a SHA-256 is
// known, and they are found by it, so that comparing takes the same time
// whether a token exists or not. A JWT is verified by the shared secret (HS256)
// or by an issuer's public keys (KeySet), as its alg says. Where a request brings
// no credential, a trusted proxy may say who the caller is (identity.go).
package authn

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode"

	"logbook/ent"
	"logbook/ent/accesstoken"
	"logbook/ent/column"
	"logbook/ent/predicate"
	"logbook/ent/user"
	"logbook/internal/auth"
	"logbook/internal/fault"
)

// Authenticator knows the credentials. It is safe for concurrent use.
type Authenticator struct {
	client     *ent.Client
	now        func() time.Time
	adminToken *[sha256.Size]byte
	jwt        *jwtVerifier
	watch      func(Event)

	tokens, identities cache // apart, so that no credential is taken for an identity
}

// Options are the credentials from the settings.
type Options struct {
	AdminToken  string           // "" for none
	JWTSecret   string           // "" for no HS256
	Keys        *KeySet          // verifies RS, PS, ES and EdDSA; nil for none; stays the caller's to close
	JWTIssuer   string           // "" for any
	JWTAudience string           // "" for any
	Now         func() time.Time // nil for the system's clock
	Watch       func(Event)      // hears of credentials; must not wait; nil for nobody
}

// Event is something about a credential that is worth a record: it was refused, or an
// access token signed in that had never been used before (which may be said several
// times, until that is stored).
type Event struct {
	Refused string           // why; "" for a first use
	Token   *ent.AccessToken // nil for a JWT, and for a key that is unknown
	By      *auth.Principal  // who signed in; nil where refused
	From    auth.Origin
	At      time.Time
}

// New makes an authenticator that looks access tokens up with client.
func New(client *ent.Client, options Options) *Authenticator {
	a := &Authenticator{client: client, now: options.Now, watch: options.Watch}
	if a.now == nil {
		a.now = time.Now
	}
	if a.watch == nil {
		a.watch = func(Event) {}
	}
	if token := strings.TrimSpace(options.AdminToken); token != "" { // as a caller's is trimmed
		sum := HashKey(token)
		a.adminToken = &sum
	}
	a.jwt = newJWTVerifier(options)
	return a
}

// Middleware puts a request's principal, or why it has none, into its context, and the
// way to ask for it again (auth.StillSignedIn). It expects the request's origin there
// (package web).
func (a *Authenticator) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		find := func(ctx context.Context, authorization string) (*auth.Principal, error) {
			principal, err := a.caller(ctx, r, authorization)
			if err != nil {
				a.refused(ctx, err)
			}
			return principal, err
		}
		next.ServeHTTP(w, r.WithContext(auth.WithSignIn(r.Context(), find)))
	})
}

// caller gives who a request comes from, as auth.SignIn says.
func (a *Authenticator) caller(ctx context.Context, r *http.Request, authorization string) (*auth.Principal, error) {
	credential := bearer(authorization)
	if credential == "" {
		credential = credentialOf(r)
	}
	if credential != "" {
		return a.Principal(ctx, credential)
	}
	if said, some := identityOf(r); some {
		return a.forwarded(ctx, said)
	}
	return nil, nil
}

// credentialOf gives what a request sends, "" for nothing.
func credentialOf(r *http.Request) string {
	if credential := bearer(r.Header.Get("Authorization")); credential != "" {
		return credential
	}
	return strings.TrimSpace(r.Header.Get("X-Api-Key"))
}

// bearer gives the credential in a value of the header Authorization, "" for none.
// Another scheme's is a credential too, but none of ours.
func bearer(authorization string) string {
	value := strings.TrimSpace(authorization)
	scheme, rest, found := strings.Cut(value, " ")
	switch {
	case found && strings.EqualFold(scheme, "Bearer"):
		return strings.TrimSpace(rest)
	case strings.EqualFold(value, "Bearer"):
		return ""
	}
	return value
}

// Principal gives who a credential belongs to. It fails with kind
// Unauthenticated, or Unavailable where the database does not answer or a JWT's
// key cannot be fetched.
func (a *Authenticator) Principal(ctx context.Context, credential string) (*auth.Principal, error) {
	hash := HashKey(credential)
	if a.adminToken != nil && hash == *a.adminToken {
		return &auth.Principal{Subject: "0", Username: "admin", Role: auth.Admin, Account: "administrator of the settings"}, nil
	}
	if looksLikeJWT(credential) {
		return a.jwt.principal(ctx, credential, a.now())
	}
	return a.tokens.recall(hash, a.now(), func() (*auth.Principal, error) {
		token, principal, err := a.find(auth.System(ctx, "sign-in"), credential)
		if err == nil && !bytes.Equal(token.Hash, hash[:]) {
			return nil, badToken(nil, "") // a gateway key: it signs nobody in, and that is no knocking
		}
		return principal, err
	})
}

// badToken refuses an access token. Every one that does not sign in is refused in the
// same words, so that nobody learns which exist; why is for Logbook's own record.
func badToken(token *ent.AccessToken, why string) error {
	return fault.Wrap(fault.Unauthenticated, &refusal{token, why}, "the access token is not valid: it is unknown, revoked or expired")
}

// refusal is why an access token was refused.
type refusal struct {
	token *ent.AccessToken // nil for an unknown one
	why   string           // "" for what needs no record
}

// Error gives why.
func (r *refusal) Error() string { return "the access token is " + r.why }

// refused says to whoever watches that a credential was refused.
func (a *Authenticator) refused(ctx context.Context, err error) {
	if fault.KindOf(err) != fault.Unauthenticated {
		return // nobody could tell
	}
	event := Event{Refused: fault.As(err).In(fault.English), From: auth.OriginOf(ctx), At: a.now()}
	if why := (*refusal)(nil); errors.As(err, &why) {
		if why.why == "" {
			return
		}
		event.Refused, event.Token = why.Error(), why.token
	}
	a.watch(event)
}

// used says to whoever watches that a token signed in for the first time.
func (a *Authenticator) used(ctx context.Context, token *ent.AccessToken, by *auth.Principal) {
	if token.FirstUsedAt == nil {
		a.watch(Event{Token: token, By: by, From: auth.OriginOf(ctx), At: a.now()})
	}
}

// Token gives the access token, a gateway key too, that a key belongs to. It fails with
// kind NotFound for a key that is unknown, revoked, expired or of a user who is disabled.
// A token that names no tenant is bound to its user's, as at sign-in.
func (a *Authenticator) Token(ctx context.Context, key string) (*ent.AccessToken, error) {
	ctx = auth.System(ctx, "token")
	token, by, err := a.find(ctx, key)
	if fault.KindOf(err) == fault.Unauthenticated {
		a.refused(ctx, err)
		return nil, fault.New(fault.NotFound, "there is no such access token")
	}
	if err == nil {
		token.TenantID = (*column.ID)(by.Tenant)
	}
	return token, err
}

// find gives the token that a key belongs to, and whom it signs in. A gateway key may
// be sent with the "sk-" in front that it is kept without.
func (a *Authenticator) find(ctx context.Context, key string) (*ent.AccessToken, *auth.Principal, error) {
	whole, bare := HashKey(key), HashKey(strings.TrimPrefix(key, "sk-"))
	token, err := a.client.AccessToken.Query().Where(accesstoken.HashIn(whole[:], bare[:])).Order(accesstoken.ByID()).First(ctx)
	switch {
	case ent.IsNotFound(err):
		return nil, nil, badToken(nil, "unknown")
	case err != nil:
		return nil, nil, fault.Wrap(fault.Unavailable, err, "the database does not answer, try again")
	case token.RevokedAt != nil:
		return nil, nil, badToken(token, "revoked")
	case token.ExpiresAt != nil && int64(*token.ExpiresAt) <= a.now().UnixMicro():
		return nil, nil, badToken(token, "expired")
	}
	by := &auth.Principal{
		Subject: itoa(token.UserID), Username: token.Name, Role: auth.Role(token.Role),
		Tenant: (*[16]byte)(token.TenantID), Account: auth.UserAccount(itoa(token.UserID)),
	}
	if token.UserID == 0 {
		by.Account = "token " + itoa(token.ID)
	}
	for _, name := range strings.Fields(token.Permissions) {
		by.Permissions = append(by.Permissions, auth.Permission(name))
	}
	owner, stored, err := a.enabled(ctx, user.ID(token.UserID))
	switch {
	case err == errDisabled:
		return nil, nil, badToken(token, "of a user who is disabled")
	case err != nil:
		return nil, nil, err
	case stored:
		by.Username = owner.Username
		if by.Tenant == nil {
			by.Tenant = (*[16]byte)(owner.TenantID)
		}
	}
	a.used(ctx, token, by)
	return token, by, nil
}

// errDisabled is for whoever asked for the user to word.
var errDisabled = fault.New(fault.Unauthenticated, "the user is disabled")

// enabled gives the one user whom all conditions fit; false where there is none. It
// fails with errDisabled for one who is disabled.
func (a *Authenticator) enabled(ctx context.Context, conditions ...predicate.User) (found *ent.User, stored bool, err error) {
	users, err := a.client.User.Query().Where(conditions...).Limit(1).All(ctx)
	switch {
	case err != nil:
		return nil, false, fault.Wrap(fault.Unavailable, err, "the database does not answer, try again")
	case len(users) == 0:
		return nil, false, nil
	case users[0].DisabledAt != nil:
		return nil, false, errDisabled
	}
	return users[0], true, nil
}

// NewKey makes the key of a new access token: "lb_" and 26 random characters of
// base 32, 130 bits.
func NewKey() string { return "lb_" + strings.ToLower(rand.Text()) }

// HashKey gives what is kept of a key. A plain hash suffices, since keys are
// random.
func HashKey(key string) [sha256.Size]byte { return sha256.Sum256([]byte(key)) }

// CanSignIn says whether a key that was made elsewhere can sign in as an access
// token: a request's header brings it as it is, and it is not taken for a JWT.
func CanSignIn(key string) bool {
	return key != "" && key == strings.TrimSpace(key) && !strings.ContainsFunc(key, unicode.IsControl) && !looksLikeJWT(key)
}

// PrefixOf gives the part of a key that people may see: its first characters, at
// most a third of it.
func PrefixOf(key string) string { return fault.Cut(key, min(8, len(key)/3)) }
