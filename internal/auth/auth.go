// Package auth knows who may do what: a Principal with a Role and Permissions,
// and Require, the one gate that GraphQL's directives and the REST route
// table both run. It does no I/O: who a request comes from is package authn's
// business, which rows a principal sees is the row policy's in ent/schema.
package auth

import (
	"context"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"logbook/internal/fault"
)

// Role is what a principal is in Logbook. A principal without a role (a gateway
// key) passes no gate.
type Role string

// The roles, as the contract lists them.
const (
	Admin  Role = "admin"  // everything
	Viewer Role = "viewer" // reads what its permissions name, changes nothing
	Ingest Role = "ingest" // appends to the kinds its permissions name, reads nothing
	User   Role = "user"   // its own usage records, and what its permissions name
)

// Roles lists all roles.
var Roles = []Role{Admin, Viewer, Ingest, User}

// ParseRole reads a role's name.
func ParseRole(name string) (Role, bool) {
	for _, role := range Roles {
		if string(role) == name {
			return role, true
		}
	}
	return "", false
}

// Permission names one right, in the words of the document it comes from where
// there is one.
type Permission string

// The permissions.
const (
	EntriesRead     Permission = "entries:read"
	EntriesWrite    Permission = "entries:write"
	AuditRead       Permission = "audit:read"
	AuditWrite      Permission = "audit:write"
	OperationsList  Permission = "system:log:list"
	OperationsQuery Permission = "system:log:query"
	OperationsWrite Permission = "operations:write"
	UsageRead       Permission = "usage:read"
	UsageWrite      Permission = "usage:write"
	APICallsRead    Permission = "audit"
	APICallsWrite   Permission = "api-calls:write"
)

// Permissions lists all permissions.
var Permissions = []Permission{
	EntriesRead, EntriesWrite, AuditRead, AuditWrite, OperationsList, OperationsQuery,
	OperationsWrite, UsageRead, UsageWrite, APICallsRead, APICallsWrite,
}

// ParsePermission reads a permission's name.
func ParsePermission(name string) (Permission, bool) {
	for _, permission := range Permissions {
		if string(permission) == name {
			return permission, true
		}
	}
	return "", false
}

// Writes says whether the permission is one to append.
func (p Permission) Writes() bool { return strings.HasSuffix(string(p), ":write") }

// Principal is who a request comes from. It is never changed once made, so it
// may be shared between goroutines.
type Principal struct {
	Subject     string // the user's id in Logbook, as text; "0" for the administrator of the settings
	Username    string
	Role        Role // "" opens no gate
	Permissions []Permission
	Tenant      *[16]byte // nil: not bound to a tenant

	// Account tells principals apart where the subject does not: access tokens of no
	// user have one each, a user's credentials have one together. "" for a principal of
	// whom nothing is remembered from one request to the next.
	Account string
}

// Holds says whether the principal's role lets it use the permission.
func (p *Principal) Holds(permission Permission) bool {
	if p == nil {
		return false
	}
	switch p.Role {
	case Admin:
		return true
	case Viewer:
		if permission.Writes() {
			return false
		}
	case Ingest:
		if !permission.Writes() {
			return false
		}
	case User:
	default:
		return false
	}
	for _, held := range p.Permissions {
		if held == permission {
			return true
		}
	}
	return false
}

// HoldsAny says whether the principal holds one of the permissions.
func (p *Principal) HoldsAny(permissions ...Permission) bool {
	for _, permission := range permissions {
		if p.Holds(permission) {
			return true
		}
	}
	return false
}

// Own gives the number of the user whose own rows the principal may see whatever
// it holds; false for principals that have no rows of their own.
func (p *Principal) Own() (int64, bool) {
	if p == nil || p.Role != User {
		return 0, false
	}
	id, err := strconv.ParseInt(p.Subject, 10, 64)
	return id, err == nil && id > 0
}

// UserAccount gives the account of the user with a subject, whatever it signs in with.
func UserAccount(subject string) string { return "user " + subject }

// Need is what an operation declares: a role, or a permission. A zero Need is
// met by anybody who is signed in.
type Need struct {
	Role       Role
	Permission Permission
	OrOwn      bool // whoever has rows of its own passes too, and the row policy shows it those
}

type contextKey struct{}

// With gives a context that carries the principal.
func With(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, contextKey{}, p)
}

// From gives the context's principal, nil where nobody is signed in.
func From(ctx context.Context) *Principal {
	p, _ := ctx.Value(contextKey{}).(*Principal)
	return p
}

type refusedKey struct{}

// WithRefused gives a context for a request whose credential was not accepted,
// with the error that says why.
func WithRefused(ctx context.Context, err error) context.Context {
	return context.WithValue(ctx, refusedKey{}, err)
}

// Refused gives why the request's credential was not accepted; nil where it was,
// or where none was sent.
func Refused(ctx context.Context) error {
	err, _ := ctx.Value(refusedKey{}).(error)
	return err
}

// SignIn finds out who a request comes from: by a value of the header Authorization
// or, where that is blank, by what the request itself brought; nil and no error where
// that is nothing. It fails with kind Unauthenticated where a credential is not
// accepted, with another where nobody could tell. Package authn makes one a request.
type SignIn func(ctx context.Context, authorization string) (*Principal, error)

// signedIn is how the context's principal was found, so that it can be asked again.
type signedIn struct {
	find          SignIn
	authorization string
}

type signedInKey struct{}

// WithSignIn gives a context with the principal that find finds for the request itself,
// or with why there is none (From, Refused).
func WithSignIn(ctx context.Context, find SignIn) context.Context {
	return signIn(ctx, signedIn{find: find})
}

// SignInWith gives a context as WithSignIn did, for a connection that names its
// credential only later than the request that began it.
func SignInWith(ctx context.Context, authorization string) context.Context {
	before, _ := ctx.Value(signedInKey{}).(signedIn)
	if before.find == nil {
		return WithRefused(With(ctx, nil), fault.New(fault.Unauthenticated, "no credential is taken here"))
	}
	return signIn(ctx, signedIn{before.find, authorization})
}

func signIn(ctx context.Context, by signedIn) context.Context {
	principal, err := by.find(ctx, by.authorization)
	if err != nil {
		principal = nil
	}
	return context.WithValue(WithRefused(With(ctx, principal), err), signedInKey{}, by)
}

// StillSignedIn passes while whatever signed the context's principal in would do so
// now, with the same rights, and where nobody is signed in. It fails with kind
// Unauthenticated. While nobody can tell it passes: a database that is away for a
// moment ends nothing.
//
// It is for what goes on long after its request, such as a subscription; whoever asks
// repeats it about every half a second.
func StillSignedIn(ctx context.Context) error {
	by, known := ctx.Value(signedInKey{}).(signedIn)
	began := From(ctx)
	if !known || began == nil {
		return nil
	}
	now, err := by.find(ctx, by.authorization)
	switch {
	case fault.KindOf(err) == fault.Unauthenticated:
		return err
	case err == nil && !reflect.DeepEqual(began, now):
		return fault.New(fault.Unauthenticated, "the credential stands for other rights than it did, connect again")
	}
	return nil
}

type admissionKey struct{}

// admission is what admits a request, and what it said.
type admission struct {
	admit func(context.Context) error
	said  func() error
}

// WithAdmission gives a context for a request that admit is to admit: admit is asked
// when a gate first wants to know, with the context given here, and never again.
func WithAdmission(ctx context.Context, admit func(context.Context) error) context.Context {
	return context.WithValue(ctx, admissionKey{}, admission{admit, sync.OnceValue(func() error { return admit(ctx) })})
}

// NextRequest gives a context for a further request on the connection that the
// context belongs to, which has to be admitted by itself.
func NextRequest(ctx context.Context) context.Context {
	if before, limited := ctx.Value(admissionKey{}).(admission); limited {
		return WithAdmission(ctx, before.admit)
	}
	return ctx
}

// Admit passes when the request that the context belongs to is admitted, so what is no
// request passes. It fails with kind TooMany where the caller asks too often. Require
// asks it; a gate that lets anybody in, or has much to do before it asks Require, asks
// it itself.
func Admit(ctx context.Context) error {
	if request, limited := ctx.Value(admissionKey{}).(admission); limited {
		return request.said()
	}
	return nil
}

// Origin is where a request comes from, as far as the server can tell.
type Origin struct {
	Address   string // the caller's IP address; as it was written where it is none
	UserAgent string // as the caller sent it, "" for none
	RequestID string // which the answer carries as X-Request-Id
	Proxied   bool   // whether a trusted proxy passed it on, whose word on who the caller is counts
	Foreign   bool   // whether a browser sends it for a page of another origin
}

// Network gives what stands for the caller where callers are told apart by where they
// come from: the address, in IPv6 its network of 64 bits, since one caller has all of
// that; what is no address as it is written.
func (o Origin) Network() string {
	address, err := netip.ParseAddr(o.Address)
	if err != nil {
		return o.Address
	}
	address = address.Unmap()
	if address.Is4() {
		return address.String()
	}
	return netip.PrefixFrom(address, 64).Masked().String() // without its zone
}

type originKey struct{}

// WithOrigin gives a context for a request that comes from there.
func WithOrigin(ctx context.Context, origin Origin) context.Context {
	return context.WithValue(ctx, originKey{}, origin)
}

// OriginOf gives where the context's request comes from; the zero Origin for what
// is no request, such as a job.
func OriginOf(ctx context.Context) Origin {
	origin, _ := ctx.Value(originKey{}).(Origin)
	return origin
}

// systemAccount is the account of Logbook itself; those of callers have a word and a
// space in front.
const systemAccount = "logbook"

// System gives a context for Logbook's own jobs and commands: an administrator
// of no tenant, under the job's name.
func System(ctx context.Context, job string) context.Context {
	return With(ctx, &Principal{Subject: "0", Username: "logbook " + job, Role: Admin, Account: systemAccount})
}

// RequireSystem passes in a context that System made. In any other it fails as Require
// does, for administrators too.
func RequireSystem(ctx context.Context) error {
	if err := Require(ctx, Need{Role: Admin}); err != nil {
		return err
	}
	if From(ctx).Account != systemAccount {
		return fault.New(fault.Forbidden, "nobody but Logbook itself may see or change this")
	}
	return nil
}

// Require passes when the context's request is admitted and its principal meets the
// need. It fails as Admit does, with kind Unauthenticated where there is no principal
// (or with what Refused says), and Forbidden where the principal may not.
func Require(ctx context.Context, need Need) error {
	if err := Admit(ctx); err != nil {
		return err
	}
	p := From(ctx)
	if p == nil {
		if err := Refused(ctx); err != nil {
			return err
		}
		return fault.New(fault.Unauthenticated, "sign in first: send an access token or a JWT as \"Authorization: Bearer …\"")
	}
	if _, owns := p.Own(); need.Permission != "" && !p.Holds(need.Permission) && !(need.OrOwn && owns) {
		return fault.New(fault.Forbidden, "this needs the permission %q", need.Permission)
	}
	if need.Role != "" && p.Role != need.Role && p.Role != Admin {
		return fault.New(fault.Forbidden, "this needs the role %q", need.Role)
	}
	if p.Tenant != nil && *p.Tenant == [16]byte{} {
		return fault.New(fault.Forbidden, "the nil UUID is no tenant that anybody can be bound to")
	}
	if p.Role == "" {
		return fault.New(fault.Forbidden, "a gateway key opens only its own usage log")
	}
	return nil
}

// ErrOtherTenant refuses a row of a tenant that the principal is not bound to.
var ErrOtherTenant = fault.New(fault.Forbidden, "you may write to your own tenant only")

// RequireAppend is the row policy of bulk appends, which do not pass through
// ent: it passes when the context's principal holds the permission and the row's
// tenant is one it may write to. Nil stands for no tenant.
func RequireAppend(ctx context.Context, permission Permission, tenant *[16]byte) error {
	if err := Require(ctx, Need{Permission: permission}); err != nil {
		return err
	}
	return RequireTenant(ctx, tenant)
}

// RequireTenant passes when the context's principal may write rows of the
// tenant. Nil stands for no tenant.
func RequireTenant(ctx context.Context, tenant *[16]byte) error {
	if err := Require(ctx, Need{}); err != nil {
		return err
	}
	if bound := From(ctx).Tenant; bound != nil && (tenant == nil || *tenant != *bound) {
		return ErrOtherTenant
	}
	return nil
}
