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
// or by an issuer's public keys (KeySet), as its alg says.
package authn

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"sync"
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

// tokenFresh is how long a token's principal is remembered: a revoked token is
// dead everywhere within this time.
const tokenFresh = time.Second

// Authenticator knows the credentials. It is safe for concurrent use.
type Authenticator struct {
	client     *ent.Client
	now        func() time.Time
	adminToken *[sha256.Size]byte
	jwt        *jwtVerifier
	watch      func(Event)

	mu    sync.Mutex
	known map[[sha256.Size]byte]remembered
}

// remembered is a principal found a moment ago.
type remembered struct {
	principal *auth.Principal
	err       error
	until     time.Time
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
	a := &Authenticator{client: client, now: options.Now, watch: options.Watch, known: map[[sha256.Size]byte]remembered{}}
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

// Middleware puts a request's principal, or why it has none, into its context.
func (a *Authenticator) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if credential := credentialOf(r); credential != "" {
			principal, err := a.Principal(r.Context(), credential)
			ctx := auth.With(r.Context(), principal)
			if err != nil {
				a.refused(r.Context(), err)
				ctx = auth.WithRefused(r.Context(), err)
			}
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}

// credentialOf gives what a request sends, "" for nothing.
func credentialOf(r *http.Request) string {
	if value := strings.TrimSpace(r.Header.Get("Authorization")); value != "" {
		scheme, rest, found := strings.Cut(value, " ")
		if found && strings.EqualFold(scheme, "Bearer") {
			return strings.TrimSpace(rest)
		}
		if !found && !strings.EqualFold(value, "Bearer") {
			return value
		}
		if found {
			return value // another scheme: a credential, but none of ours
		}
	}
	return strings.TrimSpace(r.Header.Get("X-Api-Key"))
}

// Principal gives who a credential belongs to. It fails with kind
// Unauthenticated, or Unavailable where the database does not answer or a JWT's
// key cannot be fetched.
func (a *Authenticator) Principal(ctx context.Context, credential string) (*auth.Principal, error) {
	hash := HashKey(credential)
	if a.adminToken != nil && hash == *a.adminToken {
		return &auth.Principal{Subject: "0", Username: "admin", Role: auth.Admin}, nil
	}
	if looksLikeJWT(credential) {
		return a.jwt.principal(ctx, credential, a.now())
	}
	now := a.now()
	a.mu.Lock()
	if found, ok := a.known[hash]; ok && now.Before(found.until) {
		a.mu.Unlock()
		return found.principal, found.err
	}
	a.mu.Unlock()

	_, principal, err := a.find(auth.System(ctx, "sign-in"), accesstoken.Hash(hash[:]))
	if err == nil || fault.KindOf(err) == fault.Unauthenticated {
		a.mu.Lock()
		if len(a.known) >= 4096 {
			clear(a.known)
		}
		a.known[hash] = remembered{principal, err, now.Add(tokenFresh)}
		a.mu.Unlock()
	}
	return principal, err
}

// badToken refuses an access token. Every one that does not sign in is refused in the
// same words, so that nobody learns which exist; why is for Logbook's own record.
func badToken(token *ent.AccessToken, why string) error {
	return fault.Wrap(fault.Unauthenticated, &refusal{token, why}, "the access token is not valid: it is unknown, revoked or expired")
}

// refusal is why an access token was refused.
type refusal struct {
	token *ent.AccessToken // nil for an unknown one
	why   string
}

// Error gives why.
func (r *refusal) Error() string { return "the access token is " + r.why }

// refused says to whoever watches that a credential was refused.
func (a *Authenticator) refused(ctx context.Context, err error) {
	if fault.KindOf(err) != fault.Unauthenticated {
		return // nobody could tell
	}
	event := Event{Refused: fault.As(err).Message, From: auth.OriginOf(ctx), At: a.now()}
	if why := (*refusal)(nil); errors.As(err, &why) {
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

// Token gives the access token, a gateway key too, that a key belongs to. A gateway
// key may be sent with the "sk-" in front that it is kept without. It fails with kind
// NotFound for a key that is unknown, revoked, expired or of a user who is disabled.
// A token that names no tenant is bound to its user's, as at sign-in.
func (a *Authenticator) Token(ctx context.Context, key string) (*ent.AccessToken, error) {
	ctx = auth.System(ctx, "token")
	hashes := [2][sha256.Size]byte{HashKey(strings.TrimPrefix(key, "sk-")), HashKey(key)}
	token, by, err := a.find(ctx, accesstoken.HashIn(hashes[0][:], hashes[1][:]))
	if fault.KindOf(err) == fault.Unauthenticated {
		a.refused(ctx, err)
		return nil, fault.New(fault.NotFound, "there is no such access token")
	}
	if err == nil {
		token.TenantID = (*column.ID)(by.Tenant)
	}
	return token, err
}

// find gives the token that meets a condition, the oldest of several, and whom it
// signs in.
func (a *Authenticator) find(ctx context.Context, condition predicate.AccessToken) (*ent.AccessToken, *auth.Principal, error) {
	token, err := a.client.AccessToken.Query().Where(condition).Order(accesstoken.ByID()).First(ctx)
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
		Tenant: (*[16]byte)(token.TenantID),
	}
	for _, name := range strings.Fields(token.Permissions) {
		by.Permissions = append(by.Permissions, auth.Permission(name))
	}
	owners, err := a.client.User.Query().Where(user.ID(token.UserID)).Limit(1).All(ctx)
	switch {
	case err != nil:
		return nil, nil, fault.Wrap(fault.Unavailable, err, "the database does not answer, try again")
	case len(owners) > 0 && owners[0].DisabledAt != nil:
		return nil, nil, badToken(token, "of a user who is disabled")
	case len(owners) > 0:
		by.Username = owners[0].Username
		if by.Tenant == nil {
			by.Tenant = (*[16]byte)(owners[0].TenantID)
		}
	}
	a.used(ctx, token, by)
	return token, by, nil
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
