package account

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"logbook/ent"
	"logbook/ent/accesstoken"
	"logbook/ent/user"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

type (
	// UserConnection is a page of users.
	UserConnection = journal.Connection[ent.User]
	// UserEdge is one of users with its cursor.
	UserEdge = journal.Edge[ent.User]
	// AccessTokenConnection is a page of access tokens.
	AccessTokenConnection = journal.Connection[ent.AccessToken]
	// AccessTokenEdge is one of access tokens with its cursor.
	AccessTokenEdge = journal.Edge[ent.AccessToken]
)

// User gives a user with its identities. It fails with kind NotFound.
func (a *Accounts) User(ctx context.Context, id int64) (*ent.User, error) {
	found, err := a.db.Ent().User.Query().Where(user.ID(id)).WithIdentities().Only(ctx)
	if ent.IsNotFound(err) {
		return nil, noUser(id)
	}
	return found, err
}

// Token gives an access token. It fails with kind NotFound.
func (a *Accounts) Token(ctx context.Context, id int64) (*ent.AccessToken, error) {
	found, err := a.db.Ent().AccessToken.Query().Where(accesstoken.ID(id)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, noToken(id)
	}
	return found, err
}

// UserPage gives a page of the users with their identities, by id. First nil stands
// for journal.DefaultPageSize; it is at most journal.MaxPageSize.
func (a *Accounts) UserPage(ctx context.Context, first *int, after *string) (*UserConnection, error) {
	return page(first, after, "user", func(u *ent.User) int64 { return u.ID }, func(after int64, limit int) ([]*ent.User, error) {
		return a.db.Ent().User.Query().Where(user.IDGT(after)).Order(user.ByID()).Limit(limit).WithIdentities().All(ctx)
	})
}

// TokenPage is UserPage for access tokens, revoked ones included.
func (a *Accounts) TokenPage(ctx context.Context, first *int, after *string) (*AccessTokenConnection, error) {
	return page(first, after, "token", func(t *ent.AccessToken) int64 { return t.ID }, func(after int64, limit int) ([]*ent.AccessToken, error) {
		return a.db.Ent().AccessToken.Query().Where(accesstoken.IDGT(after)).Order(accesstoken.ByID()).Limit(limit).All(ctx)
	})
}

// page gives the rows behind a cursor, which is the id of the one before.
func page[R any](first *int, after *string, kind string, idOf func(*R) int64, list func(after int64, limit int) ([]*R, error)) (*journal.Connection[R], error) {
	size, behind := journal.DefaultPageSize, int64(0)
	if first != nil {
		size = *first
	}
	if size < 0 || size > journal.MaxPageSize {
		return nil, fault.RefuseField("first", fault.Outside, "", "between 0 and 500")
	}
	if after != nil {
		text, err := base64.RawURLEncoding.DecodeString(*after)
		number, ours := strings.CutPrefix(string(text), kind+":")
		if behind, _ = strconv.ParseInt(number, 10, 64); err != nil || !ours || behind < 1 {
			return nil, fault.RefuseField("after", fault.Malformed, *after, "a cursor that this server gave")
		}
	}
	rows, err := list(behind, size+1)
	if err != nil {
		return nil, err
	}
	c := &journal.Connection[R]{PageInfo: journal.PageInfo{HasPreviousPage: after != nil}}
	if c.PageInfo.HasNextPage = len(rows) > size; c.PageInfo.HasNextPage {
		rows = slices.Delete(rows, size, len(rows))
	}
	for _, row := range rows {
		cursor := base64.RawURLEncoding.EncodeToString([]byte(kind + ":" + strconv.FormatInt(idOf(row), 10)))
		c.Edges = append(c.Edges, &journal.Edge[R]{Cursor: cursor, Node: row})
	}
	if n := len(c.Edges); n > 0 {
		c.PageInfo.StartCursor, c.PageInfo.EndCursor = &c.Edges[0].Cursor, &c.Edges[n-1].Cursor
	}
	return c, nil
}
