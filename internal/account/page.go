package account

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/accesstoken"
	"logbook/internal/auth"
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
	return oneUser(ctx, a.db.Ent(), id)
}

// Own gives the user that the context's principal is, with its identities, whatever it
// may see else; where the principal is bound to a tenant, a user of that tenant alone. It
// fails with kind NotFound where such a user is not stored.
func (a *Accounts) Own(ctx context.Context) (*ent.User, error) {
	if err := auth.Require(ctx, auth.Need{}); err != nil {
		return nil, err
	}
	p := auth.From(ctx)
	id, err := strconv.ParseInt(p.Subject, 10, 64)
	if err != nil {
		return nil, fault.New(fault.NotFound, "there is no user %q", fault.Shorten(p.Subject))
	}
	found, err := a.User(auth.System(ctx, "own user"), id)
	if err == nil && p.Tenant != nil && (found.TenantID == nil || [16]byte(*found.TenantID) != *p.Tenant) {
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

// UserPage gives a page of the users with their identities, by id.
func (a *Accounts) UserPage(ctx context.Context, asked journal.KeysetPage) (*UserConnection, error) {
	return page(asked, "user", func(u *ent.User) int64 { return u.ID }, func(part func(*sql.Selector)) ([]*ent.User, error) {
		return a.db.Ent().User.Query().Where(part).WithIdentities().All(ctx)
	})
}

// TokenPage gives a page of the access tokens, revoked ones included, by id.
func (a *Accounts) TokenPage(ctx context.Context, asked journal.KeysetPage) (*AccessTokenConnection, error) {
	return page(asked, "token", func(t *ent.AccessToken) int64 { return t.ID }, func(part func(*sql.Selector)) ([]*ent.AccessToken, error) {
		return a.db.Ent().AccessToken.Query().Where(part).All(ctx)
	})
}

// page gives a page of rows, whose cursors are their ids. List gives the part of the
// rows that it is asked for.
func page[R any](asked journal.KeysetPage, kind string, idOf func(*R) int64, list func(part func(*sql.Selector)) ([]*R, error)) (*journal.Connection[R], error) {
	size, backward, err := asked.Size()
	if err != nil {
		return nil, err
	}
	after, err := readCursor("after", kind, asked.After)
	if err != nil {
		return nil, err
	}
	before, err := readCursor("before", kind, asked.Before)
	if err != nil {
		return nil, err
	}
	rows, err := list(func(s *sql.Selector) {
		id := s.C("id")
		if after != nil {
			s.Where(sql.GT(id, *after))
		}
		if before != nil {
			s.Where(sql.LT(id, *before))
		}
		if backward {
			id = sql.Desc(id)
		}
		s.OrderBy(id).Limit(size + 1)
	})
	if err != nil {
		return nil, err
	}
	more := len(rows) > size
	rows = rows[:min(size, len(rows))]
	c := &journal.Connection[R]{PageInfo: journal.PageInfo{HasNextPage: more, HasPreviousPage: after != nil}}
	if backward {
		slices.Reverse(rows)
		c.PageInfo = journal.PageInfo{HasNextPage: before != nil, HasPreviousPage: more}
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

// readCursor reads a row's id from its cursor, nil where there is none.
func readCursor(argument, kind string, cursor *string) (*int64, error) {
	if cursor == nil {
		return nil, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(*cursor)
	number, ours := strings.CutPrefix(string(text), kind+":")
	id, bad := strconv.ParseInt(number, 10, 64)
	if err != nil || !ours || bad != nil {
		return nil, fault.RefuseField(argument, fault.Malformed, *cursor, "a cursor that this server gave")
	}
	return &id, nil
}
