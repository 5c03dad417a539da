package resolvers

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"logbook/ent"
	"logbook/graph"
	"logbook/internal/fault"
)

// nodeType is what is to be known of a type that implements Node.
type nodeType struct {
	uuid bool // whether ids within the type are UUIDs
	find func(query, context.Context, string) (graph.Node, error)
}

// nodeTypes are the types that implement Node. Who may see a node of one is what the
// schema says of the root field that gives one by its id.
var nodeTypes = map[string]nodeType{
	"Entry":           {true, finds[*ent.Entry](query.Entry)},
	"AuditEvent":      {false, finds[*ent.AuditEvent](query.AuditEvent)},
	"Operation":       {false, finds[*ent.Operation](query.Operation)},
	"UsageRecord":     {false, finds[*ent.UsageRecord](query.UsageRecord)},
	"APICall":         {false, finds[*ent.APICall](query.APICall)},
	"Tenant":          {true, finds[*ent.Tenant](query.Tenant)},
	"Category":        {true, finds[*ent.Category](query.Category)},
	"RetentionPolicy": {true, finds[*ent.RetentionPolicy](query.RetentionPolicy)},
	"User":            {false, finds[*ent.User](query.User)},
	"AccessToken":     {false, finds[*ent.AccessToken](query.AccessToken)},
}

// finds makes a root field's resolver one of nodes.
func finds[P interface {
	graph.Node
	comparable
}](field func(query, context.Context, string) (P, error)) func(query, context.Context, string) (graph.Node, error) {
	return func(q query, ctx context.Context, id string) (graph.Node, error) {
		row, err := field(q, ctx, id)
		if none := *new(P); err != nil || row == none {
			return nil, err // not an interface around nothing
		}
		return row, nil
	}
}

// maxNodes is how many nodes may be asked for at once.
const maxNodes = 100

// Node gives the node of a global id, which was checked before.
func (q query) Node(ctx context.Context, id string) (graph.Node, error) {
	named, local, _ := strings.Cut(id, ":")
	found, err := guard(ctx, gatesOf(graphql.GetFieldContext(ctx).Field.ObjectDefinition, named), func(ctx context.Context) (any, error) {
		return nodeTypes[named].find(q, ctx, local)
	})
	node, _ := found.(graph.Node)
	return node, err
}

// gatesOf gives the directives of the root field that gives a node of a type by its id.
func gatesOf(queries *ast.Definition, named string) ast.DirectiveList {
	for _, field := range queries.Fields {
		if field.Type.NamedType == named && len(field.Arguments) == 1 && field.Arguments[0].Name == "id" {
			return field.Directives
		}
	}
	return nil
}

// Nodes gives the nodes of global ids. What goes wrong with one is an error at its place.
func (q query) Nodes(ctx context.Context, ids []string) ([]graph.Node, error) {
	if len(ids) > maxNodes {
		return nil, fault.RefuseField("ids", fault.Outside, "", "at most 100 ids")
	}
	nodes := make([]graph.Node, len(ids))
	for i, id := range ids {
		node, err := q.Node(ctx, id)
		if err != nil {
			graphql.AddError(graphql.WithPathContext(ctx, graphql.NewPathWithIndex(i)), err)
		}
		nodes[i] = node
	}
	return nodes, nil
}
