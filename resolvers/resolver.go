// Package resolvers is GraphQL's side of Logbook: what only GraphQL needs and
// nothing that the journal knows. Handler serves /graphql.
//
// A request's way through it: http.go reads it (media types, methods, sizes),
// document.go parses and checks its document against limits.go and the schema,
// literals.go and variables.go check every value before anything runs,
// directives.go asks auth.Require for each root field, the resolvers call the
// journal, and errors.go gives every error its code and its sentence. A subscription
// goes the same way up to the resolver; follow.go makes its stream of answers, of which a
// transport asks one after the other.
//
// Who may select a field is said in schema.graphqls, which rows somebody sees by
// ent's row policy; no resolver decides either.
package resolvers

import (
	"logbook/graph"
	"logbook/internal/account"
	"logbook/internal/journal"
)

// Resolver answers all fields that are more than a Go field. It is safe for
// concurrent use.
type Resolver struct {
	Journal  *journal.Journal
	Accounts *account.Accounts
}

var _ graph.ResolverRoot = (*Resolver)(nil)

type (
	root struct {
		journal  *journal.Journal
		accounts *account.Accounts
	}
	query        struct{ root }
	mutation     struct{ root }
	subscription struct{ root }

	entry           struct{ journal *journal.Journal }
	auditEvent      struct{ journal *journal.Journal }
	operation       struct{ journal *journal.Journal }
	usageRecord     struct{ journal *journal.Journal }
	apiCall         struct{ journal *journal.Journal }
	retentionPolicy struct{ journal *journal.Journal }
	user            struct{ journal *journal.Journal }
	accessToken     struct{ journal *journal.Journal }
)

// Query answers the fields of Query.
func (r *Resolver) Query() graph.QueryResolver { return query{root{r.Journal, r.Accounts}} }

// Mutation carries out the fields of Mutation.
func (r *Resolver) Mutation() graph.MutationResolver { return mutation{root{r.Journal, r.Accounts}} }

// Subscription follows the logs.
func (r *Resolver) Subscription() graph.SubscriptionResolver {
	return subscription{root{r.Journal, r.Accounts}}
}

// Entry answers the fields of Entry that its row does not hold.
func (r *Resolver) Entry() graph.EntryResolver { return entry{r.Journal} }

// AuditEvent answers the fields of AuditEvent that its row does not hold.
func (r *Resolver) AuditEvent() graph.AuditEventResolver { return auditEvent{r.Journal} }

// Operation answers the fields of Operation that its row does not hold.
func (r *Resolver) Operation() graph.OperationResolver { return operation{r.Journal} }

// UsageRecord answers the fields of UsageRecord that its row does not hold.
func (r *Resolver) UsageRecord() graph.UsageRecordResolver { return usageRecord{r.Journal} }

// APICall answers the fields of APICall that its row does not hold.
func (r *Resolver) APICall() graph.APICallResolver { return apiCall{r.Journal} }

// RetentionPolicy answers the fields of RetentionPolicy that its row does not hold.
func (r *Resolver) RetentionPolicy() graph.RetentionPolicyResolver {
	return retentionPolicy{r.Journal}
}

// User answers the fields of User that its row does not hold.
func (r *Resolver) User() graph.UserResolver { return user{r.Journal} }

// AccessToken answers the fields of AccessToken that its row does not hold.
func (r *Resolver) AccessToken() graph.AccessTokenResolver { return accessToken{r.Journal} }
