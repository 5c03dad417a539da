// Package account keeps the users and the access tokens: who exists, and what
// signs them in. Only administrators may call it (the row policy sees to that).
// A token's key is given once, when it is made, and cannot be had again.
package account

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/accesstoken"
	"logbook/ent/column"
	"logbook/ent/identity"
	"logbook/ent/schema"
	"logbook/ent/user"
	"logbook/internal/auth"
	"logbook/internal/authn"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// firstID is where the ids that Logbook gives begin, and lastID where they end, so
// that imported rows can keep theirs.
const (
	firstID = 1 << 40
	lastID  = 1 << 52
)

// Accounts keeps users and tokens. It is safe for concurrent use.
type Accounts struct {
	db      *db.DB
	journal *journal.Journal
}

// New makes Accounts on an open database, whose journal records what changes.
func New(database *db.DB, j *journal.Journal) *Accounts { return &Accounts{database, j} }

func (a *Accounts) now() time.Time { return a.journal.Now() }

// UserDraft is a user on its way in.
type UserDraft struct {
	ID       *int64 // nil: given
	Username string
	Role     auth.Role // "" for user
	TenantID *column.ID
	Aliases  map[string]string // system → the user's id there
}

// AddUser stores a user with its aliases. It fails with kind Conflict where the
// id, the name or an alias is taken, and Invalid for an unknown tenant. An administrator
// bound to a tenant makes users of that tenant.
func (a *Accounts) AddUser(ctx context.Context, draft UserDraft) (*ent.User, error) {
	if err := draft.check(); err != nil {
		return nil, err
	}
	tenant, err := a.bound(ctx, draft.TenantID)
	if err != nil {
		return nil, err
	}
	draft.TenantID = tenant
	var made *ent.User
	err = a.journal.Change(ctx, func(tx *db.Tx) (changes []journal.Change, err error) {
		made, err = a.addUser(ctx, tx, &draft)
		if err != nil {
			return nil, err
		}
		return []journal.Change{userChange("User.Create", column.ActionCreate, made)}, nil
	})
	return made, err
}

// check refuses what can be no user, and fills in the role.
func (d *UserDraft) check() error {
	if err := fault.Name("username", d.Username, schema.MaxText); err != nil {
		return err
	}
	if d.Role == "" {
		d.Role = auth.User
	}
	if err := checkRole(d.Role); err != nil {
		return err
	}
	if err := checkTenant(d.TenantID); err != nil {
		return err
	}
	if err := checkAliases(d.Aliases); err != nil {
		return err
	}
	return checkID(d.ID)
}

// checkAliases refuses what can be no aliases.
func checkAliases(aliases map[string]string) error {
	for _, system := range sortedSystems(aliases) {
		if err := checkSystem(system); err != nil {
			return err
		}
		if err := fault.Name("aliases."+system, aliases[system], schema.MaxText); err != nil {
			return err
		}
	}
	return nil
}

// sortedSystems gives the systems that know a user by an alias, in a fixed order.
func sortedSystems(aliases map[string]string) []string { return slices.Sorted(maps.Keys(aliases)) }

// addUser stores a checked user. Where it fails the transaction is spoilt.
func (a *Accounts) addUser(ctx context.Context, tx *db.Tx, draft *UserDraft) (*ent.User, error) {
	id := int64(0)
	if draft.ID != nil {
		id = *draft.ID
	} else {
		// Of all tenants, whichever the caller may see.
		highest, err := tx.User.Query().Where(user.IDGTE(firstID), user.IDLT(lastID)).
			Order(user.ByID(sql.OrderDesc())).Limit(1).IDs(auth.System(ctx, "next id"))
		if err != nil {
			return nil, err
		}
		id = next(highest)
	}
	made, err := tx.User.Create().SetID(id).SetUsername(draft.Username).SetRole(string(draft.Role)).
		SetNillableTenantID(draft.TenantID).SetCreatedAt(column.TimeOf(a.now())).Save(ctx)
	if ent.IsConstraintError(err) {
		return nil, fault.Wrap(fault.Conflict, err, "the user id %d or the name %q is taken", id, draft.Username)
	}
	if err != nil {
		return nil, err
	}
	if err := addAliases(ctx, tx, id, draft.Aliases); err != nil {
		return nil, err
	}
	return made, nil
}

// addAliases stores the ids by which systems know a user. Where it fails the transaction
// is spoilt.
func addAliases(ctx context.Context, tx *db.Tx, id int64, aliases map[string]string) error {
	for _, system := range sortedSystems(aliases) {
		external := aliases[system]
		err := tx.Identity.Create().SetSystem(system).SetExternalID(external).SetUserID(id).Exec(ctx)
		if ent.IsConstraintError(err) {
			return fault.Wrap(fault.Conflict, err, "the %s id %q belongs to another user", system, external)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// UserUpdate is what of a user changes, nil for what stays.
type UserUpdate struct {
	Role     *auth.Role
	TenantID *column.ID
	Unbind   bool              // to no tenant
	Aliases  map[string]string // all of them; empty and not nil for none
}

// UpdateUser changes a user and gives it as it is then, with its identities; whoever a
// proxy names as it is what it is then within a second. Its tokens keep their roles and
// the tenants they are bound to. It fails with kind NotFound, Conflict where an alias is
// taken, and Forbidden where an administrator bound to a tenant gives aliases or takes a
// user out of the tenant.
func (a *Accounts) UpdateUser(ctx context.Context, id int64, update UserUpdate) (*ent.User, error) {
	if update.Role != nil {
		if err := checkRole(*update.Role); err != nil {
			return nil, err
		}
	}
	if update.Unbind && update.TenantID != nil {
		return nil, fault.RefuseField("unbind", fault.Clash, "", "cannot stand beside tenantId")
	}
	if err := checkAliases(update.Aliases); err != nil {
		return nil, err
	}
	if err := a.nameable(ctx, update.TenantID); err != nil {
		return nil, err
	}
	var now *ent.User
	err := a.journal.Change(ctx, func(tx *db.Tx) ([]journal.Change, error) {
		was, err := oneUser(ctx, tx.Client, id)
		if err != nil {
			return nil, err
		}
		changed := was.Update().SetNillableTenantID(update.TenantID)
		if update.Role != nil {
			changed.SetRole(string(*update.Role))
		}
		if update.Unbind {
			changed.ClearTenantID()
		}
		if err := changed.Exec(ctx); err != nil {
			return nil, err
		}
		if update.Aliases != nil {
			if _, err := tx.Identity.Delete().Where(identity.UserID(id)).Exec(ctx); err != nil {
				return nil, err
			}
			if err := addAliases(ctx, tx, id, update.Aliases); err != nil {
				return nil, err
			}
		}
		if now, err = oneUser(ctx, tx.Client, id); err != nil {
			return nil, err
		}
		before := UserDraft{Username: was.Username, Role: auth.Role(was.Role), TenantID: was.TenantID, Aliases: aliasesOf(was)}
		if len(before.differences(now)) == 0 {
			return nil, nil
		}
		change := userChange("User.Update", column.ActionUpdate, now)
		change.Details["aliases"] = aliasesOf(now)
		change.Details["was"] = map[string]any{"role": was.Role, "tenant_id": was.TenantID, "aliases": before.Aliases}
		if was.TenantID != nil { // which sees where its user went
			change.Tenant = was.TenantID
		}
		return []journal.Change{change}, nil
	})
	return now, err
}

// oneUser gives a user with its identities. It fails with kind NotFound.
func oneUser(ctx context.Context, client *ent.Client, id int64) (*ent.User, error) {
	found, err := client.User.Query().Where(user.ID(id)).WithIdentities().Only(ctx)
	if ent.IsNotFound(err) {
		return nil, noUser(id)
	}
	return found, err
}

// aliasesOf gives the aliases of a user that came with its identities.
func aliasesOf(u *ent.User) map[string]string {
	aliases := make(map[string]string, len(u.Edges.Identities))
	for _, one := range u.Edges.Identities {
		aliases[one.System] = one.ExternalID
	}
	return aliases
}

// Users gives all users with their identities, by id.
func (a *Accounts) Users(ctx context.Context) ([]*ent.User, error) {
	return a.db.Ent().User.Query().Order(user.ByID()).WithIdentities().All(ctx)
}

// DisableUser keeps a user out: its tokens, its keys and the identity that a proxy
// names stop to open anything within a second; its rows stay. A JWT is its issuer's
// business. Disabling again changes nothing. It fails with kind NotFound.
func (a *Accounts) DisableUser(ctx context.Context, id int64) error {
	return a.changeUser(ctx, id, "User.Disable", func(update *ent.UserUpdate) {
		update.Where(user.DisabledAtIsNil()).SetDisabledAt(column.TimeOf(a.now()))
	})
}

// EnableUser lets a disabled user in again, with the tokens and keys that were not
// revoked. Enabling again changes nothing. It fails with kind NotFound.
func (a *Accounts) EnableUser(ctx context.Context, id int64) error {
	return a.changeUser(ctx, id, "User.Enable", func(update *ent.UserUpdate) {
		update.Where(user.DisabledAtNotNil()).ClearDisabledAt()
	})
}

func (a *Accounts) changeUser(ctx context.Context, id int64, event string, change func(*ent.UserUpdate)) error {
	return a.journal.Change(ctx, func(tx *db.Tx) ([]journal.Change, error) {
		there, err := tx.User.Query().Where(user.ID(id)).Only(ctx)
		if ent.IsNotFound(err) {
			return nil, noUser(id)
		}
		if err != nil {
			return nil, err
		}
		update := tx.User.Update().Where(user.ID(id))
		change(update)
		changed, err := update.Save(ctx)
		if err != nil || changed == 0 {
			return nil, err
		}
		return []journal.Change{userChange(event, column.ActionUpdate, there)}, nil
	})
}

// bound gives the tenant that the context's principal is bound to where none is named.
func (a *Accounts) bound(ctx context.Context, named *column.ID) (*column.ID, error) {
	if p := auth.From(ctx); named == nil && p != nil {
		return (*column.ID)(p.Tenant), nil
	}
	return named, a.nameable(ctx, named)
}

// nameable passes where the context's principal may name a tenant that something is to
// be bound to, and the tenant exists; nil names none. To a command it may come later, with
// the first import that names it: no command makes one.
func (a *Accounts) nameable(ctx context.Context, id *column.ID) error {
	if id == nil || auth.RequireSystem(ctx) == nil {
		return nil
	}
	if err := auth.RequireTenant(ctx, (*[16]byte)(id)); err != nil { // who learns of no other
		return err
	}
	known, err := a.journal.Tenant(ctx, id)
	if err == nil && known == nil {
		return fault.RefuseField("tenant_id", fault.Unknown, id.String(), "")
	}
	return err
}

func noUser(id int64) error  { return fault.New(fault.NotFound, "there is no user %d", id) }
func noToken(id int64) error { return fault.New(fault.NotFound, "there is no access token %d", id) }

// next gives the id behind the highest one given so far.
func next(highest []int64) int64 {
	if len(highest) == 0 {
		return firstID
	}
	return highest[0] + 1
}

// TokenDraft is an access token on its way in.
type TokenDraft struct {
	UserID      int64 // 0: of no stored user
	Name        string
	Role        auth.Role // "" makes a gateway key
	Permissions []auth.Permission
	TenantID    *column.ID
	Lifetime    time.Duration // 0: until it is revoked
}

// AddToken makes a token and gives its key, which nobody can see again. It fails
// with kind Invalid for an unknown user, tenant, role or permission. An administrator bound to
// a tenant makes tokens that are bound to it.
func (a *Accounts) AddToken(ctx context.Context, draft TokenDraft) (token *ent.AccessToken, key string, err error) {
	if err := draft.check(); err != nil {
		return nil, "", err
	}
	if draft.TenantID, err = a.bound(ctx, draft.TenantID); err != nil {
		return nil, "", err
	}
	key = authn.NewKey()
	err = a.journal.Change(ctx, func(tx *db.Tx) (changes []journal.Change, err error) {
		token, err = a.addToken(ctx, tx, nil, key, &draft)
		if err != nil {
			return nil, err
		}
		return oneChange(tokenChange(ctx, tx, "Token.Create", column.ActionCreate, token))
	})
	if err != nil {
		return nil, "", err
	}
	return token, key, nil
}

// check refuses what can be no token.
func (d *TokenDraft) check() error {
	if problem := fault.Text("name", d.Name, schema.MaxText); problem != nil {
		return fault.Refuse(*problem)
	}
	if d.Role != "" {
		if err := checkRole(d.Role); err != nil {
			return err
		}
	}
	if err := checkTenant(d.TenantID); err != nil {
		return err
	}
	for _, permission := range d.Permissions {
		if _, known := auth.ParsePermission(string(permission)); !known {
			return fault.RefuseField("permissions", fault.NotChoice, string(permission), "%s", join(auth.Permissions))
		}
	}
	if d.Lifetime < 0 {
		return fault.RefuseField("expires", fault.Outside, "", "in the future")
	}
	return nil
}

// permissions gives the permissions as they are kept, each once.
func (d *TokenDraft) permissions() string {
	var names []string
	for _, permission := range d.Permissions {
		if name := string(permission); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, " ")
}

// addToken stores a checked token under a key; id nil is given. A user that is not
// stored is an error of kind Invalid, and leaves the transaction as it was.
func (a *Accounts) addToken(ctx context.Context, tx *db.Tx, id *int64, key string, draft *TokenDraft) (*ent.AccessToken, error) {
	if draft.UserID != 0 {
		known, err := tx.User.Query().Where(user.ID(draft.UserID)).Exist(ctx)
		if err != nil {
			return nil, err
		}
		if !known {
			return nil, fault.RefuseField("user_id", fault.Unknown, fmt.Sprint(draft.UserID), "")
		}
	}
	if id == nil {
		highest, err := tx.AccessToken.Query().Where(accesstoken.IDGTE(firstID), accesstoken.IDLT(lastID)).
			Order(accesstoken.ByID(sql.OrderDesc())).Limit(1).IDs(auth.System(ctx, "next id"))
		if err != nil {
			return nil, err
		}
		id = new(next(highest))
	}
	hash := authn.HashKey(key)
	create := tx.AccessToken.Create().SetID(*id).SetUserID(draft.UserID).SetName(draft.Name).
		SetHash(hash[:]).SetPrefix(authn.PrefixOf(key)).SetRole(string(draft.Role)).
		SetPermissions(draft.permissions()).SetNillableTenantID(draft.TenantID).
		SetCreatedAt(column.TimeOf(a.now()))
	if draft.Lifetime > 0 {
		create.SetExpiresAt(column.TimeOf(a.now().Add(draft.Lifetime)))
	}
	return create.Save(ctx)
}

// Tokens gives all tokens, revoked ones included, the oldest first.
func (a *Accounts) Tokens(ctx context.Context) ([]*ent.AccessToken, error) {
	return a.db.Ent().AccessToken.Query().Order(accesstoken.ByID()).All(ctx)
}

// RevokeToken ends a token for good. Revoking again changes nothing. It fails
// with kind NotFound.
func (a *Accounts) RevokeToken(ctx context.Context, id int64) error {
	return a.journal.Change(ctx, func(tx *db.Tx) ([]journal.Change, error) {
		token, err := tx.AccessToken.Query().Where(accesstoken.ID(id)).Only(ctx)
		if ent.IsNotFound(err) {
			return nil, noToken(id)
		}
		if err != nil {
			return nil, err
		}
		ended, err := tx.AccessToken.Update().Where(accesstoken.ID(id), accesstoken.RevokedAtIsNil()).
			SetRevokedAt(column.TimeOf(a.now())).Save(ctx)
		if err != nil || ended == 0 {
			return nil, err
		}
		return oneChange(tokenChange(ctx, tx, "Token.Revoke", column.ActionUpdate, token))
	})
}

// userChange is what happened to a user.
func userChange(event string, action column.Action, u *ent.User) journal.Change {
	details := map[string]any{"user": u.Username, "user_id": u.ID, "role": u.Role}
	if u.TenantID != nil {
		details["tenant_id"] = u.TenantID
	}
	return journal.Change{
		Event: event, Action: action, Tenant: u.TenantID, Target: "User", TargetID: &u.ID,
		Sentence: fmt.Sprintf("user %q, %s", u.Username, u.Role), Details: details,
	}
}

// oneChange makes a change a list of changes.
func oneChange(change journal.Change, err error) ([]journal.Change, error) {
	return []journal.Change{change}, err
}

// tokenChange is what happened to an access token; action 0 where nobody
// administered it. It is the token's tenant's, or its user's where it names none.
func tokenChange(ctx context.Context, tx *db.Tx, event string, action column.Action, t *ent.AccessToken) (journal.Change, error) {
	owner := t.TenantID
	if owner == nil && t.UserID != 0 {
		of, err := found(tx.User.Query().Where(user.ID(t.UserID)).Only(auth.System(ctx, "record")))
		if err != nil {
			return journal.Change{}, err
		}
		if of != nil {
			owner = of.TenantID
		}
	}
	details := map[string]any{"token_id": t.ID, "prefix": t.Prefix, "name": t.Name, "role": t.Role, "of_user_id": t.UserID}
	if t.Permissions != "" {
		details["permissions"] = strings.Fields(t.Permissions)
	}
	if t.TenantID != nil {
		details["tenant_id"] = t.TenantID
	}
	if t.ExpiresAt != nil {
		details["expires_at"] = t.ExpiresAt
	}
	role := t.Role
	if role == "" {
		role = "gateway key"
	}
	return journal.Change{
		Event: event, Action: action, Tenant: owner, Target: "AccessToken", TargetID: &t.ID,
		Sentence: fmt.Sprintf("access token %d %q, %s", t.ID, t.Name, role), Details: details,
	}, nil
}

// EnsureAdministrator makes an administrator's token where no usable one and no
// administrator exists yet, and gives its key; "" where there is one. Those bound to
// a tenant do not count: nobody but an administrator of no tenant can make tenants.
func (a *Accounts) EnsureAdministrator(ctx context.Context) (key string, err error) {
	now := column.TimeOf(a.now())
	usable, err := a.db.Ent().AccessToken.Query().Where(
		accesstoken.Role(string(auth.Admin)), accesstoken.TenantIDIsNil(), accesstoken.RevokedAtIsNil(),
		accesstoken.Or(accesstoken.ExpiresAtIsNil(), accesstoken.ExpiresAtGT(now))).Exist(ctx)
	if err != nil || usable {
		return "", err
	}
	administrators, err := a.db.Ent().User.Query().Where(user.Role(string(auth.Admin)), user.TenantIDIsNil(), user.DisabledAtIsNil()).Exist(ctx)
	if err != nil || administrators {
		return "", err
	}
	_, key, err = a.AddToken(ctx, TokenDraft{Name: "first administrator", Role: auth.Admin})
	return key, err
}

// systems are the five systems that know users by ids of their own.
var systems = []string{"newapi", "scitiger", "codebird", "hertz", "trae"}

func checkSystem(system string) error {
	for _, known := range systems {
		if system == known {
			return nil
		}
	}
	return fault.RefuseField("aliases", fault.NotChoice, system, "%s", strings.Join(systems, ", "))
}

func checkRole(role auth.Role) error {
	if _, known := auth.ParseRole(string(role)); !known {
		return fault.RefuseField("role", fault.NotChoice, string(role), "%s", join(auth.Roles))
	}
	return nil
}

// checkID refuses numbers that can be no id.
func checkID(id *int64) error {
	if id != nil && (*id < 1 || *id > 1<<53) {
		return fault.RefuseField("id", fault.Outside, "", "between 1 and 2^53")
	}
	return nil
}

// checkTenant refuses the nil UUID. The tenant itself may come later, with the
// first import that names it.
func checkTenant(id *column.ID) error {
	if id != nil && id.IsZero() {
		return fault.RefuseField("tenant_id", fault.Unknown, id.String(), "")
	}
	return nil
}

// join lists names for a message.
func join[T ~string](names []T) string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = string(name)
	}
	return strings.Join(texts, ", ")
}
