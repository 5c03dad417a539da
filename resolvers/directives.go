package resolvers

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

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

// guard runs what a root field of the schema guards elsewhere through the field's own
// gates. Where it has none nobody passes.
func guard(ctx context.Context, gates ast.DirectiveList, next graphql.Resolver) (any, error) {
	guarded := false
	for _, gate := range gates {
		within, arguments := next, gate.ArgumentMap(nil)
		switch gate.Name {
		case "hasRole":
			role, _ := arguments["role"].(string)
			next = func(ctx context.Context) (any, error) {
				return directives.HasRole(ctx, nil, within, graph.Role(role))
			}
		case "hasPermission":
			permission, _ := arguments["permission"].(string)
			orOwn, _ := arguments["orOwn"].(bool)
			next = func(ctx context.Context) (any, error) {
				return directives.HasPermission(ctx, nil, within, permission, orOwn)
			}
		case "signedIn":
			next = func(ctx context.Context) (any, error) { return directives.SignedIn(ctx, nil, within) }
		default:
			continue
		}
		guarded = true
	}
	if !guarded {
		return nil, fault.New(fault.Internal, "the schema does not say who may select this")
	}
	return next(ctx)
}

func pass(ctx context.Context, need auth.Need, next graphql.Resolver) (any, error) {
	if err := auth.Require(ctx, need); err != nil {
		return nil, err
	}
	return next(ctx)
}
