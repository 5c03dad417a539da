package authn

import (
	"encoding/json"
	"errors"
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

// jwtVerifier checks JWTs.
type jwtVerifier struct {
	secret  []byte
	options []jwt.ParserOption
}

func newJWTVerifier(options Options) *jwtVerifier {
	v := &jwtVerifier{
		secret: []byte(options.JWTSecret),
		options: []jwt.ParserOption{
			jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithLeeway(10 * time.Second),
		},
	}
	if options.JWTIssuer != "" {
		v.options = append(v.options, jwt.WithIssuer(options.JWTIssuer))
	}
	if options.JWTAudience != "" {
		v.options = append(v.options, jwt.WithAudience(options.JWTAudience))
	}
	return v
}

// looksLikeJWT says whether a credential has a JWT's three parts.
func looksLikeJWT(credential string) bool {
	return strings.HasPrefix(credential, "ey") && strings.Count(credential, ".") == 2
}

// principal gives whom a JWT names.
func (v *jwtVerifier) principal(token string, now time.Time) (*auth.Principal, error) {
	if v == nil {
		return nil, fault.New(fault.Unauthenticated, "this server takes no JWTs: it was started without LOGBOOK_JWT_SECRET")
	}
	parser := jwt.NewParser(append(v.options, jwt.WithTimeFunc(func() time.Time { return now }))...)
	var c claims
	_, err := parser.ParseWithClaims(token, &c, func(*jwt.Token) (any, error) { return v.secret, nil })
	refuse := func(why string) (*auth.Principal, error) {
		return nil, fault.Wrap(fault.Unauthenticated, err, "the JWT is not valid: %s", why)
	}
	switch {
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
