package authn

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"logbook/ent/predicate"
	"logbook/ent/user"
	"logbook/internal/auth"
	"logbook/internal/fault"
)

// The headers in which a trusted proxy says who signed in with it: a stored user's
// name, or its number. They are two because a name may be made of digits.
const (
	userHeader   = "X-Forwarded-User"
	userIDHeader = "X-Forwarded-User-Id"
)

// identity is what a proxy says of the caller: each header's values.
type identity struct{ names, ids []string }

// identityOf gives what a trusted proxy says of the caller, and whether it says
// anything; a blank header says nothing. From all others the headers mean nothing.
func identityOf(r *http.Request) (said identity, some bool) {
	if !auth.OriginOf(r.Context()).Proxied {
		return identity{}, false
	}
	said = identity{r.Header.Values(userHeader), r.Header.Values(userIDHeader)}
	return said, strings.Join(said.names, "")+strings.Join(said.ids, "") != ""
}

// Why an identity is not taken.
var (
	errManyUsers  = fault.New(fault.Unauthenticated, "the proxy's headers %s and %s must each stand once at the most", userHeader, userIDHeader)
	errNotOneUser = fault.New(fault.Unauthenticated,
		"the user that the proxy names in %s or %s cannot sign in: it is unknown or disabled, or the two name different users", userHeader, userIDHeader)
	errForeignPage = fault.New(fault.Unauthenticated,
		"the browser sends this for a page of another origin, which may not use the caller's sign-in at the proxy (nor can any page where the proxy changes the header Host)")
)

// forwarded gives the stored user whom a proxy names, with the user's role and
// tenant and no permissions, since users have none of their own. It fails as
// Principal does.
//
// What the proxy knows callers by, such as a cookie, a browser sends with whatever
// any page asks for. So requests of pages of other origins are refused, those that
// only read too: CORS lets any origin read, since a token is not sent unasked.
func (a *Authenticator) forwarded(ctx context.Context, said identity) (*auth.Principal, error) {
	if len(said.names) > 1 || len(said.ids) > 1 {
		return nil, errManyUsers
	}
	if auth.OriginOf(ctx).Foreign {
		return nil, errForeignPage
	}
	name, id := strings.Join(said.names, ""), strings.Join(said.ids, "")
	return a.identities.recall(HashKey(strconv.Quote(name)+id), a.now(), func() (*auth.Principal, error) {
		return a.named(ctx, name, id)
	})
}

// named finds the user whom both say, or the one that is not blank.
func (a *Authenticator) named(ctx context.Context, name, id string) (*auth.Principal, error) {
	var conditions []predicate.User
	if name != "" {
		conditions = append(conditions, user.Username(name))
	}
	if id != "" {
		number, err := strconv.ParseUint(id, 10, 63)
		if err != nil {
			return nil, errNotOneUser
		}
		conditions = append(conditions, user.ID(int64(number)))
	}
	found, stored, err := a.enabled(auth.System(ctx, "sign-in"), conditions...)
	switch {
	case err == errDisabled, err == nil && !stored:
		return nil, errNotOneUser
	case err != nil:
		return nil, err
	}
	return &auth.Principal{
		Subject: itoa(found.ID), Username: found.Username, Role: auth.Role(found.Role), Tenant: (*[16]byte)(found.TenantID),
		Account: auth.UserAccount(itoa(found.ID)),
	}, nil
}
