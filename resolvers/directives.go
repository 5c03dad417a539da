package resolvers

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"logbook/graph"
	"logbook/internal/auth"
	"logbook/internal/fault"
)

// directives are the schema's gates. Each runs auth.Require before the field's
// resolver; a name that auth does not know lets nobody pass.
var directives = graph.DirectiveRoot{
	HasRole: func(ctx context.Context, _ any, next graphql.Resolver, name graph.Role) (any, error) {
		role, known := auth.ParseRole(strings.ToLower(string(name)))
		if !known {
			return nil, fault.New(fault.Internal, "the schema names the unknown role %q", name)
		}
		return pass(ctx, auth.Need{Role: role}, next)
	},
	HasPermission: func(ctx context.Context, _ any, next graphql.Resolver, name string, orOwn bool) (any, error) {
		permission, known := auth.ParsePermission(name)
		if !known {
			return nil, fault.New(fault.Internal, "the schema names the unknown permission %q", name)
		}
		return pass(ctx, auth.Need{Permission: permission, OrOwn: orOwn}, next)
	},
	SignedIn: func(ctx context.Context, _ any, next graphql.Resolver) (any, error) {
		return pass(ctx, auth.Need{}, next)
	},
}

func pass(ctx context.Context, need auth.Need, next graphql.Resolver) (any, error) {
	if err := auth.Require(ctx, need); err != nil {
		return nil, err
	}
	return next(ctx)
}
