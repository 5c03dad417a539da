package resolvers

import (
	"context"
	"strconv"
	"strings"
	"time"

	"logbook/ent"
	"logbook/graph"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// User gives one user.
func (q query) User(ctx context.Context, id string) (*ent.User, error) {
	return numberOrNull(q.accounts.User, ctx, id)
}

// Users gives a page of the users the caller may see.
func (q query) Users(ctx context.Context, first *int, after *string, last *int, before *string) (*account.UserConnection, error) {
	return q.accounts.UserPage(ctx, journal.KeysetPage{First: first, After: after, Last: last, Before: before})
}

// AccessToken gives one access token.
func (q query) AccessToken(ctx context.Context, id string) (*ent.AccessToken, error) {
	return numberOrNull(q.accounts.Token, ctx, id)
}

// AccessTokens gives a page of the access tokens the caller may see.
func (q query) AccessTokens(ctx context.Context, first *int, after *string, last *int, before *string) (*account.AccessTokenConnection, error) {
	return q.accounts.TokenPage(ctx, journal.KeysetPage{First: first, After: after, Last: last, Before: before})
}

// numberOrNull gives what get finds, null for what it does not and for a text that is no id.
func numberOrNull[R any](get func(context.Context, int64) (*R, error), ctx context.Context, id string) (*R, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, nil
	}
	return orNull(get(ctx, number))
}

// CreateUser makes a user.
func (m mutation) CreateUser(ctx context.Context, input graph.CreateUserInput) (*graph.CreateUserPayload, error) {
	aliases, err := aliasesOf(input.Aliases)
	if err != nil {
		return nil, err
	}
	draft := account.UserDraft{Username: input.Username, Role: roleOf(input.Role), TenantID: input.TenantID, Aliases: aliases}
	made, err := m.accounts.AddUser(ctx, draft)
	if err == nil {
		made, err = m.accounts.User(ctx, made.ID) // with its aliases
	}
	if err != nil {
		return nil, place(err, inInput)
	}
	return &graph.CreateUserPayload{User: made}, nil
}

// aliasesOf gives the ids of a user by their systems; nil for nil.
func aliasesOf(inputs []*graph.UserAliasInput) (map[string]string, error) {
	if inputs == nil {
		return nil, nil
	}
	aliases := map[string]string{}
	for _, alias := range inputs {
		if _, twice := aliases[alias.System]; twice {
			return nil, fault.RefuseField("input.aliases", fault.Clash, "", "names the system %q twice", fault.Shorten(alias.System))
		}
		aliases[alias.System] = alias.ExternalID
	}
	return aliases, nil
}

// UpdateUser changes a user.
func (m mutation) UpdateUser(ctx context.Context, input graph.UpdateUserInput) (*graph.UpdateUserPayload, error) {
	id, err := numberIn(input.ID)
	if err != nil {
		return nil, err
	}
	update := account.UserUpdate{TenantID: input.TenantID, Unbind: input.Unbind != nil && *input.Unbind}
	if input.Role != nil {
		update.Role = new(roleOf(input.Role))
	}
	if update.Aliases, err = aliasesOf(input.Aliases); err != nil {
		return nil, err
	}
	user, err := m.accounts.UpdateUser(ctx, id, update)
	if err != nil {
		return nil, place(err, inInput)
	}
	return &graph.UpdateUserPayload{User: user}, nil
}

// numberIn reads the id of an input, a number.
func numberIn(id string) (int64, error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return 0, fault.RefuseField("input.id", fault.Malformed, id, "a number")
	}
	return number, nil
}

// DisableUser keeps a user out.
func (m mutation) DisableUser(ctx context.Context, input graph.DisableUserInput) (*graph.DisableUserPayload, error) {
	changed, err := changed(ctx, input.ID, m.accounts.DisableUser, m.accounts.User)
	if err != nil {
		return nil, err
	}
	return &graph.DisableUserPayload{User: changed}, nil
}

// EnableUser lets a user in again.
func (m mutation) EnableUser(ctx context.Context, input graph.EnableUserInput) (*graph.EnableUserPayload, error) {
	changed, err := changed(ctx, input.ID, m.accounts.EnableUser, m.accounts.User)
	if err != nil {
		return nil, err
	}
	return &graph.EnableUserPayload{User: changed}, nil
}

// CreateAccessToken makes an access token.
func (m mutation) CreateAccessToken(ctx context.Context, input graph.CreateAccessTokenInput) (*graph.CreateAccessTokenPayload, error) {
	draft := account.TokenDraft{Role: roleOf(input.Role), TenantID: input.TenantID}
	if input.Name != nil {
		draft.Name = *input.Name
	}
	for _, name := range input.Permissions {
		draft.Permissions = append(draft.Permissions, auth.Permission(name))
	}
	if input.UserID != nil {
		number, err := strconv.ParseInt(*input.UserID, 10, 64)
		if err != nil || number == 0 {
			return nil, fault.RefuseField("input.userId", fault.Unknown, *input.UserID, "")
		}
		draft.UserID = number
	}
	if seconds := input.LifetimeSeconds; seconds != nil {
		if *seconds < 1 {
			return nil, fault.RefuseField("input.lifetimeSeconds", fault.Outside, "", "1 or more")
		}
		draft.Lifetime = time.Duration(*seconds) * time.Second
	}
	made, key, err := m.accounts.AddToken(ctx, draft)
	if err != nil {
		return nil, place(err, inInput)
	}
	return &graph.CreateAccessTokenPayload{AccessToken: made, Key: key}, nil
}

// RevokeAccessToken ends an access token.
func (m mutation) RevokeAccessToken(ctx context.Context, input graph.RevokeAccessTokenInput) (*graph.RevokeAccessTokenPayload, error) {
	changed, err := changed(ctx, input.ID, m.accounts.RevokeToken, m.accounts.Token)
	if err != nil {
		return nil, err
	}
	return &graph.RevokeAccessTokenPayload{AccessToken: changed}, nil
}

// changed changes what an id names and gives it as it is then.
func changed[R any](ctx context.Context, id string, change func(context.Context, int64) error, get func(context.Context, int64) (*R, error)) (*R, error) {
	number, err := numberIn(id)
	if err != nil {
		return nil, err
	}
	if err := change(ctx, number); err != nil {
		return nil, err
	}
	return get(ctx, number)
}

// roleOf gives a role's own name, "" for none.
func roleOf(role *graph.Role) auth.Role {
	if role == nil {
		return ""
	}
	return auth.Role(strings.ToLower(string(*role)))
}

func (r user) Role(_ context.Context, row *ent.User) (graph.Role, error) {
	return graph.Role(strings.ToUpper(row.Role)), nil
}

func (r user) Tenant(ctx context.Context, row *ent.User) (*ent.Tenant, error) {
	return r.journal.Tenant(ctx, row.TenantID)
}

// Aliases gives the identities that every user here was asked for with.
func (r user) Aliases(_ context.Context, row *ent.User) ([]*ent.Identity, error) {
	return row.Edges.Identities, nil
}

func (r accessToken) Role(_ context.Context, row *ent.AccessToken) (*graph.Role, error) {
	if row.Role == "" {
		return nil, nil
	}
	return new(graph.Role(strings.ToUpper(row.Role))), nil
}

func (r accessToken) Permissions(_ context.Context, row *ent.AccessToken) ([]string, error) {
	return strings.Fields(row.Permissions), nil
}

func (r accessToken) UserID(_ context.Context, row *ent.AccessToken) (*string, error) {
	if row.UserID == 0 {
		return nil, nil
	}
	return new(strconv.FormatInt(row.UserID, 10)), nil
}

func (r accessToken) User(ctx context.Context, row *ent.AccessToken) (*ent.User, error) {
	if row.UserID == 0 {
		return nil, nil
	}
	return orNull(r.accounts.User(ctx, row.UserID))
}

func (r accessToken) Tenant(ctx context.Context, row *ent.AccessToken) (*ent.Tenant, error) {
	return r.journal.Tenant(ctx, row.TenantID)
}
