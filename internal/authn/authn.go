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
	"context"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"strings"
	"time"
	"unicode"

	"logbook/ent"
	"logbook/ent/accesstoken"
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
}

// New makes an authenticator that looks access tokens up with client.
func New(client *ent.Client, options Options) *Authenticator {
	a := &Authenticator{client: client, now: options.Now}
	if a.now == nil {
		a.now = time.Now
	}
	if token := strings.TrimSpace(options.AdminToken); token != "" { // as a caller's is trimmed
		sum := HashKey(token)
		a.adminToken = &sum
	}
	a.jwt = newJWTVerifier(options)
	return a
}

// Middleware puts a request's principal, or why it has none, into its context. It
// expects the request's origin there (package web).
func (a *Authenticator) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var principal *auth.Principal
		var err error
		if credential := credentialOf(r); credential != "" {
			principal, err = a.Principal(r.Context(), credential)
		} else if said, some := identityOf(r); some {
			principal, err = a.forwarded(r, said)
		}
		switch {
		case err != nil:
			r = r.WithContext(auth.WithRefused(r.Context(), err))
		case principal != nil:
			r = r.WithContext(auth.With(r.Context(), principal))
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
	return a.tokens.recall(hash, a.now(), func() (*auth.Principal, error) { return a.lookUp(ctx, hash) })
}

// errBadToken is said of every access token that does not sign in, so that
// nobody learns which exist.
var errBadToken = fault.New(fault.Unauthenticated, "the access token is not valid: it is unknown, revoked or expired")

// Token gives the access token, a gateway key too, that a key belongs to. A gateway
// key may be sent with the "sk-" in front that it is kept without. It fails with kind
// NotFound for a key that is unknown, revoked, expired or of a user who is disabled.
// A token that names no tenant is bound to its user's, as at sign-in.
func (a *Authenticator) Token(ctx context.Context, key string) (*ent.AccessToken, error) {
	ctx = auth.System(ctx, "token")
	hashes := [2][sha256.Size]byte{HashKey(strings.TrimPrefix(key, "sk-")), HashKey(key)}
	token, err := a.client.AccessToken.Query().Where(accesstoken.HashIn(hashes[0][:], hashes[1][:])).
		Order(accesstoken.ByID()).First(ctx)
	if err == nil {
		token, err = a.usable(token)
	}
	if err == nil {
		var owner *ent.User
		if owner, _, err = a.owner(ctx, token); owner != nil && token.TenantID == nil {
			token.TenantID = owner.TenantID
		}
	}
	if ent.IsNotFound(err) || fault.KindOf(err) == fault.Unauthenticated {
		return nil, fault.New(fault.NotFound, "there is no such access token")
	}
	return token, err
}

// usable gives a token that is neither revoked nor expired.
func (a *Authenticator) usable(token *ent.AccessToken) (*ent.AccessToken, error) {
	if token.RevokedAt != nil || token.ExpiresAt != nil && int64(*token.ExpiresAt) <= a.now().UnixMicro() {
		return nil, errBadToken
	}
	return token, nil
}

// owner gives the user whom a token belongs to; false where that is no stored one.
func (a *Authenticator) owner(ctx context.Context, token *ent.AccessToken) (owner *ent.User, stored bool, err error) {
	return a.enabled(ctx, user.ID(token.UserID))
}

// enabled gives the one user whom all conditions fit; false where there is none. It
// fails with errBadToken for one who is disabled.
func (a *Authenticator) enabled(ctx context.Context, conditions ...predicate.User) (found *ent.User, stored bool, err error) {
	users, err := a.client.User.Query().Where(conditions...).Limit(1).All(ctx)
	switch {
	case err != nil:
		return nil, false, fault.Wrap(fault.Unavailable, err, "the database does not answer, try again")
	case len(users) == 0:
		return nil, false, nil
	case users[0].DisabledAt != nil:
		return nil, false, errBadToken
	}
	return users[0], true, nil
}

// lookUp finds an access token by its hash.
func (a *Authenticator) lookUp(ctx context.Context, hash [sha256.Size]byte) (*auth.Principal, error) {
	ctx = auth.System(ctx, "sign-in")
	token, err := a.client.AccessToken.Query().Where(accesstoken.Hash(hash[:])).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, errBadToken
	}
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the database does not answer, try again")
	}
	if token, err = a.usable(token); err != nil {
		return nil, err
	}
	principal := &auth.Principal{
		Subject: itoa(token.UserID), Username: token.Name, Role: auth.Role(token.Role),
		Tenant: (*[16]byte)(token.TenantID),
	}
	for _, name := range strings.Fields(token.Permissions) {
		principal.Permissions = append(principal.Permissions, auth.Permission(name))
	}
	owner, stored, err := a.owner(ctx, token)
	if err != nil {
		return nil, err
	}
	if stored {
		principal.Username = owner.Username
		if principal.Tenant == nil {
			principal.Tenant = (*[16]byte)(owner.TenantID)
		}
	}
	return principal, nil
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
func PrefixOf(key string) string {
	cut := min(8, len(key)/3)
	for cut > 0 && key[cut]&0xC0 == 0x80 {
		cut--
	}
	return key[:cut]
}
