// Package resolvers is GraphQL's side of Logbook: what only GraphQL needs and
// nothing that the journal knows. Handler serves /graphql.
//
// A request's way through it: http.go reads it (media types, methods, sizes),
// document.go parses and checks its document against limits.go and the schema,
// literals.go and variables.go check every value before anything runs,
// directives.go asks auth.Require for each root field, the resolvers call the
// journal, and errors.go gives every error its code and its sentence.
//
// Who may select a field is said in schema.graphqls, which rows somebody sees by
// ent's row policy; no resolver decides either.
package resolvers

import (
	"context"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/graph"
	"logbook/internal/auth"
	"logbook/internal/journal"
)

// Resolver answers all fields that are more than a Go field. It is safe for
// concurrent use.
type Resolver struct {
	Journal *journal.Journal
}

var _ graph.ResolverRoot = (*Resolver)(nil)

type (
	query           struct{ journal *journal.Journal }
	mutation        struct{ journal *journal.Journal }
	entry           struct{ journal *journal.Journal }
	retentionPolicy struct{ journal *journal.Journal }
)

// Query answers the fields of Query.
func (r *Resolver) Query() graph.QueryResolver { return query{r.Journal} }

// Mutation carries out the fields of Mutation.
func (r *Resolver) Mutation() graph.MutationResolver { return mutation{r.Journal} }

// Entry answers the fields of Entry that its row does not hold.
func (r *Resolver) Entry() graph.EntryResolver { return entry{r.Journal} }

// RetentionPolicy answers the fields of RetentionPolicy that its row does not hold.
func (r *Resolver) RetentionPolicy() graph.RetentionPolicyResolver {
	return retentionPolicy{r.Journal}
}

// Tenant and Category give names, which whoever only appends may not learn.
func (e entry) Tenant(ctx context.Context, row *ent.Entry) (*ent.Tenant, error) {
	if !auth.From(ctx).Holds(auth.EntriesRead) {
		return nil, nil
	}
	return e.journal.Tenant(ctx, row.TenantID)
}

func (e entry) Category(ctx context.Context, row *ent.Entry) (*ent.Category, error) {
	if !auth.From(ctx).Holds(auth.EntriesRead) {
		return nil, nil
	}
	return e.journal.Category(ctx, row.CategoryID)
}

func (entry) Metadata(_ context.Context, row *ent.Entry) (column.JSON, error) {
	if row.Metadata == nil {
		return column.JSON("{}"), nil
	}
	return row.Metadata, nil
}
