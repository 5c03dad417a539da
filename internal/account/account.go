// Package account keeps the users and the access tokens: who exists, and what
// signs them in. Only administrators may call it (the row policy sees to that).
// A token's key is given once, when it is made, and cannot be had again.
package account

import (
	"context"
	"fmt"
	"strings"
	"time"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/accesstoken"
	"logbook/ent/column"
	"logbook/ent/schema"
	"logbook/ent/user"
	"logbook/internal/auth"
	"logbook/internal/authn"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// firstID is where the ids that Logbook gives begin, so that imported rows can
// keep theirs.
const firstID = 1 << 40

// Accounts keeps users and tokens. It is safe for concurrent use.
type Accounts struct {
	db  *db.DB
	now func() time.Time
}

// New makes Accounts on an open database; now nil stands for the system's clock.
func New(database *db.DB, now func() time.Time) *Accounts {
	if now == nil {
		now = time.Now
	}
	return &Accounts{database, now}
}

// UserDraft is a user on its way in.
type UserDraft struct {
	ID       *int64 // nil: given
	Username string
	Role     auth.Role // "" for user
	TenantID *column.ID
	Aliases  map[string]string // system → the user's id there
}

// AddUser stores a user with its aliases. It fails with kind Conflict where the
// id, the name or an alias is taken.
func (a *Accounts) AddUser(ctx context.Context, draft UserDraft) (*ent.User, error) {
	if err := fault.Name("username", draft.Username, schema.MaxText); err != nil {
		return nil, err
	}
	if draft.Role == "" {
		draft.Role = auth.User
	}
	if err := checkRole(draft.Role); err != nil {
		return nil, err
	}
	if err := checkTenant(draft.TenantID); err != nil {
		return nil, err
	}
	if draft.ID != nil && (*draft.ID < 1 || *draft.ID > 1<<53) {
		return nil, fault.RefuseField("id", fault.Outside, "", "between 1 and 2^53")
	}
	var made *ent.User
	err := a.db.Write(ctx, func(tx *db.Tx) error {
		id := int64(0)
		if draft.ID != nil {
			id = *draft.ID
		} else {
			highest, err := tx.User.Query().Where(user.IDGTE(firstID)).Order(user.ByID(sql.OrderDesc())).Limit(1).IDs(ctx)
			if err != nil {
				return err
			}
			id = next(highest)
		}
		var err error
		made, err = tx.User.Create().SetID(id).SetUsername(draft.Username).SetRole(string(draft.Role)).
			SetNillableTenantID(draft.TenantID).SetCreatedAt(column.TimeOf(a.now())).Save(ctx)
		if ent.IsConstraintError(err) {
			return fault.Wrap(fault.Conflict, err, "the user id %d or the name %q is taken", id, draft.Username)
		}
		if err != nil {
			return err
		}
		for system, external := range draft.Aliases {
			if err := checkSystem(system); err != nil {
				return err
			}
			if err := fault.Name("aliases."+system, external, schema.MaxText); err != nil {
				return err
			}
			err := tx.Identity.Create().SetSystem(system).SetExternalID(external).SetUserID(id).Exec(ctx)
			if ent.IsConstraintError(err) {
				return fault.Wrap(fault.Conflict, err, "the %s id %q belongs to another user", system, external)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return made, err
}

// Users gives all users with their identities, by id.
func (a *Accounts) Users(ctx context.Context) ([]*ent.User, error) {
	return a.db.Ent().User.Query().Order(user.ByID()).WithIdentities().All(ctx)
}

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
// with kind Invalid for an unknown user, role or permission.
func (a *Accounts) AddToken(ctx context.Context, draft TokenDraft) (token *ent.AccessToken, key string, err error) {
	if problem := fault.Text("name", draft.Name, schema.MaxText); problem != nil {
		return nil, "", fault.Refuse(*problem)
	}
	if draft.Role != "" {
		if err := checkRole(draft.Role); err != nil {
			return nil, "", err
		}
	}
	if err := checkTenant(draft.TenantID); err != nil {
		return nil, "", err
	}
	permissions := make([]string, len(draft.Permissions))
	for i, permission := range draft.Permissions {
		if _, known := auth.ParsePermission(string(permission)); !known {
			return nil, "", fault.RefuseField("permissions", fault.NotChoice, string(permission), join(auth.Permissions))
		}
		permissions[i] = string(permission)
	}
	if draft.Lifetime < 0 {
		return nil, "", fault.RefuseField("expires", fault.Outside, "", "in the future")
	}
	key = authn.NewKey()
	err = a.db.Write(ctx, func(tx *db.Tx) error {
		if draft.UserID != 0 {
			known, err := tx.User.Query().Where(user.ID(draft.UserID)).Exist(ctx)
			if err != nil {
				return err
			}
			if !known {
				return fault.RefuseField("user_id", fault.Unknown, fmt.Sprint(draft.UserID), "")
			}
		}
		highest, err := tx.AccessToken.Query().Where(accesstoken.IDGTE(firstID)).
			Order(accesstoken.ByID(sql.OrderDesc())).Limit(1).IDs(ctx)
		if err != nil {
			return err
		}
		hash := authn.HashKey(key)
		create := tx.AccessToken.Create().SetID(next(highest)).SetUserID(draft.UserID).SetName(draft.Name).
			SetHash(hash[:]).SetPrefix(authn.PrefixOf(key)).SetRole(string(draft.Role)).
			SetPermissions(strings.Join(permissions, " ")).SetNillableTenantID(draft.TenantID).
			SetCreatedAt(column.TimeOf(a.now()))
		if draft.Lifetime > 0 {
			create.SetExpiresAt(column.TimeOf(a.now().Add(draft.Lifetime)))
		}
		token, err = create.Save(ctx)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return token, key, nil
}

// Tokens gives all tokens, revoked ones included, the oldest first.
func (a *Accounts) Tokens(ctx context.Context) ([]*ent.AccessToken, error) {
	return a.db.Ent().AccessToken.Query().Order(accesstoken.ByID()).All(ctx)
}

// RevokeToken ends a token for good. Revoking again changes nothing. It fails
// with kind NotFound.
func (a *Accounts) RevokeToken(ctx context.Context, id int64) error {
	return a.db.Write(ctx, func(tx *db.Tx) error {
		known, err := tx.AccessToken.Query().Where(accesstoken.ID(id)).Exist(ctx)
		if err != nil {
			return err
		}
		if !known {
			return fault.New(fault.NotFound, "there is no access token %d", id)
		}
		return tx.AccessToken.Update().Where(accesstoken.ID(id), accesstoken.RevokedAtIsNil()).
			SetRevokedAt(column.TimeOf(a.now())).Exec(ctx)
	})
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
	return fault.RefuseField("aliases", fault.NotChoice, system, strings.Join(systems, ", "))
}

func checkRole(role auth.Role) error {
	if _, known := auth.ParseRole(string(role)); !known {
		return fault.RefuseField("role", fault.NotChoice, string(role), join(auth.Roles))
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
