package account

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"logbook/ent"
	"logbook/ent/accesstoken"
	"logbook/ent/column"
	"logbook/ent/identity"
	"logbook/ent/schema"
	"logbook/ent/user"
	"logbook/internal/authn"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// KeyedToken is a token of another system on its way in, with the key that it has
// there.
type KeyedToken struct {
	ID  *int64 // nil: given
	Key string // any text of up to 255 bytes that a request can bring
	TokenDraft
}

// perTransaction is how many users or tokens one transaction imports, so that it
// holds SQLite's write lock for some milliseconds only.
const perTransaction = 50

// ImportUsers stores users one by one on their merits: good ones go in, those that
// are there already with the same content are left, all others are refused with the
// reason, and a name or an alias that another user has is never taken over. A user
// that is there is known by the id, or by the name where the draft has no id. The
// outcomes are in the drafts' order. An error means that the users behind the
// outcomes were not stored, and the same import may simply run again.
func (a *Accounts) ImportUsers(ctx context.Context, drafts []UserDraft) ([]journal.Outcome, error) {
	return importAll(ctx, a, drafts, a.importUser)
}

// ImportTokens is ImportUsers for tokens; one that is there is known by the id, or
// by the key where the draft has no id. No problem ever shows a key.
//
// Of a key its hash is kept, as of those that AddToken makes, so that it signs in
// as it did: whole, behind "Bearer ". A gateway key (no role) is kept without the
// "sk-" that it may begin with, since those who look up its usage may send it
// either way: whoever looks for one takes the "sk-" off first.
func (a *Accounts) ImportTokens(ctx context.Context, tokens []KeyedToken) ([]journal.Outcome, error) {
	return importAll(ctx, a, tokens, a.importToken)
}

// importAll imports rows in short transactions, and pauses after each as long as it
// took where it kept all others from writing. One gives the change that
// it made, nil for what was there already; a refusal is an error of kind Invalid that
// leaves the transaction as it was.
func importAll[D any](ctx context.Context, a *Accounts, drafts []D, one func(context.Context, *db.Tx, *D) (*journal.Change, error)) ([]journal.Outcome, error) {
	outcomes := make([]journal.Outcome, len(drafts))
	for start := 0; start < len(drafts); start += perTransaction {
		end := min(start+perTransaction, len(drafts))
		began := time.Now()
		err := a.journal.Change(ctx, func(tx *db.Tx) ([]journal.Change, error) {
			var changes []journal.Change
			for i := start; i < end; i++ {
				outcomes[i] = journal.Outcome{}
				change, err := one(ctx, tx, &drafts[i])
				var refused *fault.Error
				switch {
				case err == nil && change != nil:
					outcomes[i].Stored = true
					changes = append(changes, *change)
				case err == nil:
				case errors.As(err, &refused) && len(refused.Problems) > 0:
					outcomes[i].Problem = &refused.Problems[0]
				case ent.IsConstraintError(err):
					// Another process took it a moment ago. The bare cause makes the
					// transaction run again, and then it is seen.
					return nil, errors.Unwrap(err)
				default:
					return nil, err
				}
			}
			return changes, nil
		})
		if err != nil {
			return outcomes[:start], err
		}
		if !a.db.OneWriter() || end == len(drafts) {
			continue
		}
		select {
		case <-ctx.Done():
			return outcomes[:end], ctx.Err()
		case <-time.After(time.Since(began)):
		}
	}
	return outcomes, nil
}

func (a *Accounts) importUser(ctx context.Context, tx *db.Tx, draft *UserDraft) (*journal.Change, error) {
	if err := draft.check(); err != nil {
		return nil, err
	}
	find := func(condition func(*ent.UserQuery)) (*ent.User, error) {
		query := tx.User.Query().WithIdentities()
		condition(query)
		return found(query.Only(ctx))
	}
	named, err := find(func(q *ent.UserQuery) { q.Where(user.Username(draft.Username)) })
	if err != nil {
		return nil, err
	}
	there, field, value := named, "username", draft.Username
	if draft.ID != nil {
		if there, err = find(func(q *ent.UserQuery) { q.Where(user.ID(*draft.ID)) }); err != nil {
			return nil, err
		}
		field, value = "id", fmt.Sprint(*draft.ID)
	}
	switch {
	case there != nil:
		return nil, unlike(field, value, draft.differences(there))
	case named != nil:
		return nil, fault.RefuseField("username", fault.Clash, "", "%q is user %d's", fault.Shorten(draft.Username), named.ID)
	}
	for _, system := range sortedSystems(draft.Aliases) {
		external := draft.Aliases[system]
		owner, err := found(tx.Identity.Query().Where(identity.System(system), identity.ExternalID(external)).Only(ctx))
		if err != nil {
			return nil, err
		}
		if owner != nil {
			return nil, fault.RefuseField("aliases."+system, fault.Clash, "", "%q is user %d's", fault.Shorten(external), owner.UserID)
		}
	}
	made, err := a.addUser(ctx, tx, draft)
	if err != nil {
		return nil, err
	}
	return new(userChange("User.Create", column.ActionCreate, made)), nil
}

// differences names what a stored user has other than a checked draft.
func (d *UserDraft) differences(u *ent.User) (names []string) {
	if u.Username != d.Username {
		names = append(names, "username")
	}
	if u.Role != string(d.Role) {
		names = append(names, "role")
	}
	if !sameID(u.TenantID, d.TenantID) {
		names = append(names, "tenant_id")
	}
	if !maps.Equal(aliasesOf(u), d.Aliases) {
		names = append(names, "aliases")
	}
	return names
}

func (a *Accounts) importToken(ctx context.Context, tx *db.Tx, token *KeyedToken) (*journal.Change, error) {
	if err := token.check(); err != nil {
		return nil, err
	}
	key := token.kept()
	hash := authn.HashKey(key)
	keyed, err := found(tx.AccessToken.Query().Where(accesstoken.Hash(hash[:])).Only(ctx))
	if err != nil {
		return nil, err
	}
	there, field, value := keyed, "key", "it"
	if token.ID != nil {
		if there, err = found(tx.AccessToken.Query().Where(accesstoken.ID(*token.ID)).Only(ctx)); err != nil {
			return nil, err
		}
		field, value = "id", fmt.Sprint(*token.ID)
	}
	switch {
	case there != nil:
		return nil, unlike(field, value, token.differences(there, hash[:]))
	case keyed != nil:
		return nil, fault.RefuseField("key", fault.Clash, "", "it is access token %d's", keyed.ID)
	}
	made, err := a.addToken(ctx, tx, token.ID, key, &token.TokenDraft)
	if err != nil {
		return nil, err
	}
	change, err := tokenChange(ctx, tx, "Token.Create", column.ActionCreate, made)
	return &change, err
}

// check refuses what can be no token, and keys that no request could bring.
func (k *KeyedToken) check() error {
	if err := checkID(k.ID); err != nil {
		return err
	}
	if err := k.TokenDraft.check(); err != nil {
		return err
	}
	if err := fault.Name("key", k.kept(), schema.MaxText); err != nil {
		return err
	}
	if !authn.CanSignIn(k.kept()) {
		return fault.RefuseField("key", fault.Clash, "",
			"no request can bring it: it has white space at an end, a control character or the form of a JWT")
	}
	return nil
}

// kept gives the key that is hashed.
func (k *KeyedToken) kept() string {
	if k.Role == "" {
		return strings.TrimPrefix(k.Key, "sk-")
	}
	return k.Key
}

// differences names what a stored token has other than a checked draft.
func (k *KeyedToken) differences(t *ent.AccessToken, hash []byte) (names []string) {
	if t.UserID != k.UserID {
		names = append(names, "user_id")
	}
	if t.Name != k.Name {
		names = append(names, "name")
	}
	if !slices.Equal(t.Hash, hash) {
		names = append(names, "key")
	}
	if t.Role != string(k.Role) {
		names = append(names, "role")
	}
	if sorted(t.Permissions) != sorted(k.permissions()) {
		names = append(names, "permissions")
	}
	if !sameID(t.TenantID, k.TenantID) {
		names = append(names, "tenant_id")
	}
	return names
}

// sorted sorts words.
func sorted(words string) string {
	list := strings.Fields(words)
	slices.Sort(list)
	return strings.Join(list, " ")
}

func sameID(a, b *column.ID) bool { return a == b || a != nil && b != nil && *a == *b }

// unlike refuses what is there already in another form; no differences are no
// error.
func unlike(field, value string, differences []string) error {
	if len(differences) == 0 {
		return nil
	}
	return fault.RefuseField(field, fault.Clash, "",
		"%s is there already with other content: %s", fault.Shorten(value), strings.Join(differences, ", "))
}

// found makes the answer to a query for one row nil where there is none.
func found[R any](row *R, err error) (*R, error) {
	if ent.IsNotFound(err) {
		return nil, nil
	}
	return row, err
}
