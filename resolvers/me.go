package resolvers

import (
	"context"
	"strings"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/graph"
	"logbook/internal/auth"
)

// User gives the stored user who is asking, whatever its role.
func (p principal) User(ctx context.Context, _ *graph.Principal) (*ent.User, error) {
	return orNull(p.accounts.Own(ctx))
}

// Me says who is asking.
func (q query) Me(ctx context.Context) (*graph.Principal, error) {
	p := auth.From(ctx)
	tenant, err := q.journal.Tenant(ctx, (*column.ID)(p.Tenant))
	if err != nil {
		return nil, err
	}
	me := &graph.Principal{
		ID: p.Subject, Username: p.Username, Role: graph.Role(strings.ToUpper(string(p.Role))),
		Permissions: []string{}, Tenant: tenant,
	}
	for _, permission := range auth.Permissions {
		if p.Holds(permission) {
			me.Permissions = append(me.Permissions, string(permission))
		}
	}
	return me, nil
}
