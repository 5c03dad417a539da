package authn

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/fault"
)

// claims are what a JWT says of its bearer. They suffice: the user need not be
// stored.
type claims struct {
	Subject     subject           `json:"sub"`
	Username    string            `json:"username"`
	Role        auth.Role         `json:"role"`
	Permissions []auth.Permission `json:"permissions"`
	TenantID    *string           `json:"tenant_id"`
	Issuer      string            `json:"iss"`
	Audience    jwt.ClaimStrings  `json:"aud"`
	Expires     *jwt.NumericDate  `json:"exp"`
	NotBefore   *jwt.NumericDate  `json:"nbf"`
	IssuedAt    *jwt.NumericDate  `json:"iat"`
}

func (c *claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.Expires, nil }
func (c *claims) GetNotBefore() (*jwt.NumericDate, error)      { return c.NotBefore, nil }
func (c *claims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.IssuedAt, nil }
func (c *claims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c *claims) GetSubject() (string, error)                  { return string(c.Subject), nil }
func (c *claims) GetAudience() (jwt.ClaimStrings, error)       { return c.Audience, nil }

// subject is a user id; issuers write it as a string or as a number.
type subject string

// UnmarshalJSON reads either.
func (s *subject) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*s = subject(text)
		return nil
	}
	var number json.Number
	if err := json.Unmarshal(raw, &number); err != nil {
		return errors.New("sub is neither a string nor a number")
	}
	*s = subject(number)
	return nil
}

// jwtVerifier checks JWTs. A token's alg chooses what verifies it: HS256 the
// secret and nothing else, any other the keys of the set and nothing else. So
// neither stands in for the other (RFC 8725, section 2.1).
type jwtVerifier struct {
	secret  []byte  // empty for none
	keys    *KeySet // nil or empty for none
	methods []string
	options []jwt.ParserOption
}

// newJWTVerifier gives nil where the options name nothing that verifies.
func newJWTVerifier(options Options) *jwtVerifier {
	v := &jwtVerifier{secret: []byte(options.JWTSecret), keys: options.Keys}
	if len(v.secret) > 0 {
		v.methods = append(v.methods, "HS256")
	}
	if v.keys.configured() {
		v.methods = append(v.methods, publicAlgs...)
	}
	if len(v.methods) == 0 {
		return nil
	}
	v.options = []jwt.ParserOption{
		jwt.WithValidMethods(v.methods), jwt.WithExpirationRequired(), jwt.WithLeeway(10 * time.Second),
	}
	if options.JWTIssuer != "" {
		v.options = append(v.options, jwt.WithIssuer(options.JWTIssuer))
	}
	if options.JWTAudience != "" {
		v.options = append(v.options, jwt.WithAudience(options.JWTAudience))
	}
	return v
}

// keyFor gives what may verify a token, by its header.
func (v *jwtVerifier) keyFor(ctx context.Context, token *jwt.Token) (any, error) {
	if _, critical := token.Header["crit"]; critical {
		return nil, fault.New(fault.Unauthenticated, "the JWT is not valid: it has a critical header (crit), and this server knows none")
	}
	alg := token.Method.Alg()
	switch {
	case !slices.Contains(v.methods, alg): // the parser has seen to that; a mistake there must not open anything
		return nil, errors.New("an algorithm that is not taken")
	case alg == "HS256":
		return v.secret, nil
	}
	kid := ""
	if value, named := token.Header["kid"]; named {
		text, isText := value.(string)
		if !isText {
			return nil, fault.New(fault.Unauthenticated, "the JWT is not valid: its kid is no string")
		}
		kid = text
	}
	keys, err := v.keys.find(ctx, alg, kid)
	return jwt.VerificationKeySet{Keys: keys}, err
}

// looksLikeJWT says whether a credential has a JWT's three parts.
func looksLikeJWT(credential string) bool {
	return strings.HasPrefix(credential, "ey") && strings.Count(credential, ".") == 2
}

// principal gives whom a JWT names. It fails with kind Unauthenticated, or
// Unavailable where the token's key is not known and cannot be fetched.
func (v *jwtVerifier) principal(ctx context.Context, token string, now time.Time) (*auth.Principal, error) {
	if v == nil {
		return nil, fault.New(fault.Unauthenticated, "this server takes no JWTs: it was started without LOGBOOK_JWT_SECRET, LOGBOOK_JWKS_URL and LOGBOOK_JWKS_FILE")
	}
	parser := jwt.NewParser(append(slices.Clip(v.options), jwt.WithTimeFunc(func() time.Time { return now }))...)
	var c claims
	parsed, err := parser.ParseWithClaims(token, &c, func(token *jwt.Token) (any, error) { return v.keyFor(ctx, token) })
	var known *fault.Error
	if errors.As(err, &known) {
		return nil, known
	}
	refuse := func(format string, args ...any) (*auth.Principal, error) {
		return nil, fault.Wrap(fault.Unauthenticated, err, "the JWT is not valid: %s", fault.Say(format, args...))
	}
	switch {
	case err != nil && parsed != nil && parsed.Method != nil && !slices.Contains(v.methods, parsed.Method.Alg()):
		return refuse("this server takes no JWTs that are signed by %s", parsed.Method.Alg())
	case errors.Is(err, jwt.ErrTokenExpired):
		return refuse("it has expired")
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return refuse("its time has not come yet")
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		return refuse("it has another issuer than this server takes")
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return refuse("it is meant for another audience")
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return refuse("it lacks a claim that this server wants (exp, iss, aud)")
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return refuse("its signature does not fit")
	case err != nil:
		return refuse("it cannot be read")
	case c.Subject == "":
		return refuse("it has no sub")
	}
	p := &auth.Principal{
		Subject: string(c.Subject), Username: c.Username, Role: auth.User, Permissions: c.Permissions,
		Account: auth.UserAccount(string(c.Subject)),
	}
	if c.Role != "" {
		role, known := auth.ParseRole(string(c.Role))
		if !known {
			return refuse("its role is none of admin, viewer, ingest, user")
		}
		p.Role = role
	}
	if c.TenantID != nil && *c.TenantID != "" {
		tenant, ok := column.ParseID(*c.TenantID)
		if !ok {
			return refuse("its tenant_id is no UUID")
		}
		p.Tenant = (*[16]byte)(&tenant)
	}
	return p, nil
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
