package resolvers

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"logbook/graph"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// find gives one row of a log; null, and no error, where the caller can see none.
func find[R, D, F any](ctx context.Context, log *journal.Log[R, D, F], id string) (*R, error) {
	return orNull(log.Get(ctx, id))
}

// page gives a page of a log. An absent filter asks nothing.
func page[R, D, F any](ctx context.Context, log *journal.Log[R, D, F], filter *F, at journal.KeysetPage) (*journal.Connection[R], error) {
	at.Live = selectsLive(ctx)
	connection, err := log.Page(ctx, orAll(filter), at)
	return connection, place(err, inList)
}

// selectsLive says whether a connection's liveCursor is selected.
func selectsLive(ctx context.Context) bool {
	return slices.Contains(graphql.CollectAllFields(ctx), "liveCursor")
}

// inList places the problems of a list's arguments.
func inList(p *fault.Problem) {
	switch p.Field {
	case "first", "after", "last", "before":
	default:
		inFilter(p)
	}
}

// orAll gives a filter, the one that asks nothing where it is absent.
func orAll[F any](filter *F) (asked F) {
	if filter != nil {
		asked = *filter
	}
	return asked
}

// inFilter places the problems of a filter.
func inFilter(p *fault.Problem) { p.Field = "filter." + camel(p.Field) }

// What some root fields count beside their own fields towards the complexity.
const (
	statsComplexity = 100
	slowComplexity  = 2000 // reading rows one by one, to find those that are wanted
)

// setComplexity says what the root fields count that are more than their fields.
func setComplexity(root *graph.ComplexityRoot) {
	query := &root.Query
	query.Entries = pageComplexity((*journal.EntryFilter).ReadsRows)
	query.AuditEvents = pageComplexity((*journal.AuditEventFilter).ReadsRows)
	query.Operations = pageComplexity((*journal.OperationFilter).ReadsRows)
	query.UsageRecords = pageComplexity((*journal.UsageRecordFilter).ReadsRows)
	query.APICalls = pageComplexity((*journal.APICallFilter).ReadsRows)
	query.Timeline = pageComplexity(scansTimeline)
	listed := func(children int, first *int, _ *string, last *int, _ *string) int {
		return sizeComplexity(children, first, last)
	}
	query.Users, query.AccessTokens = listed, listed
	query.Nodes = func(children int, ids []string) int { return 1 + children*max(1, len(ids)) }
	root.AccessToken.User = func(children int) int { return 20 + children } // a query of its own
	query.EntryStats = func(children int, _ *string, _ *int) int { return statsComplexity + children }
	query.UsageStats = func(children int, filter *journal.UsageRecordFilter) int {
		return statsComplexity + children + surcharge((*journal.UsageRecordFilter).ReadsRows, filter)
	}
	setAggregateComplexity(root)
	mutation := &root.Mutation
	mutation.CreateEntries = func(children int, in graph.CreateEntriesInput) int { return batchComplexity(children, len(in.Entries)) }
	mutation.CreateAuditEvents = func(children int, in graph.CreateAuditEventsInput) int {
		return batchComplexity(children, len(in.AuditEvents))
	}
	mutation.CreateOperations = func(children int, in graph.CreateOperationsInput) int {
		return batchComplexity(children, len(in.Operations))
	}
	mutation.CreateUsageRecords = func(children int, in graph.CreateUsageRecordsInput) int {
		return batchComplexity(children, len(in.UsageRecords))
	}
	mutation.CreateAPICalls = func(children int, in graph.CreateAPICallsInput) int {
		return batchComplexity(children, len(in.APICalls))
	}
}

// batchComplexity gives what a batch of rows to append counts: for every ten of them
// what one counts. A batch of the most rows may so be read back whole, once.
func batchComplexity(children, rows int) int { return 1 + children*max(1, min(rows, maxBatch)/10) }

// scansTimeline says whether a filter of all kinds reads rows of some.
func scansTimeline(f *graph.TimelineFilter) bool { return f.IPAddress != nil || f.RequestID != nil }
func surcharge[F any](slow func(*F) bool, filter *F) int {
	if filter == nil || !slow(filter) {
		return 0
	}
	return slowComplexity
}

// pageComplexity gives what a page of a log counts: as often as it may have edges
// what one of them counts, and a good deal more for a filter that is slow.
func pageComplexity[F any](slow func(*F) bool) func(children int, filter *F, first *int, after *string, last *int, before *string) int {
	return func(children int, filter *F, first *int, _ *string, last *int, _ *string) int {
		return sizeComplexity(children, first, last) + surcharge(slow, filter)
	}
}

// sizeComplexity gives what a page counts: as often as it may have edges what one of
// them counts.
func sizeComplexity(children int, first, last *int) int {
	size := journal.DefaultPageSize
	switch {
	case first != nil:
		size = *first
	case last != nil:
		size = *last
	}
	return 1 + children*max(1, min(size, journal.MaxPageSize))
}
