package resolvers

import (
	"context"
	"slices"

	"logbook/graph"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// aggregate answers the fields of the aggregates of a kind.
type aggregate[R, D, F any] struct{}

// EntryAggregate answers about the entries that pass a filter.
func (q query) EntryAggregate(_ context.Context, filter *journal.EntryFilter) (*journal.EntryAggregate, error) {
	return q.journal.Entries.Aggregate(orAll(filter)), nil
}

// AuditEventAggregate answers about the audit events that pass a filter.
func (q query) AuditEventAggregate(_ context.Context, filter *journal.AuditEventFilter) (*journal.AuditEventAggregate, error) {
	return q.journal.AuditEvents.Aggregate(orAll(filter)), nil
}

// OperationAggregate answers about the operations that pass a filter.
func (q query) OperationAggregate(_ context.Context, filter *journal.OperationFilter) (*journal.OperationAggregate, error) {
	return q.journal.Operations.Aggregate(orAll(filter)), nil
}

// UsageRecordAggregate answers about the usage records that pass a filter.
func (q query) UsageRecordAggregate(_ context.Context, filter *journal.UsageRecordFilter) (*journal.UsageRecordAggregate, error) {
	return q.journal.UsageRecords.Aggregate(orAll(filter)), nil
}

// APICallAggregate answers about the API calls that pass a filter.
func (q query) APICallAggregate(_ context.Context, filter *journal.APICallFilter) (*journal.APICallAggregate, error) {
	return q.journal.APICalls.Aggregate(orAll(filter)), nil
}

// Count counts the rows.
func (aggregate[R, D, F]) Count(ctx context.Context, of *journal.Aggregate[R, D, F]) (int64, error) {
	count, err := of.Count(ctx)
	return count, place(err, inAggregate)
}

// Histogram gives the figures of each bucket of time.
func (aggregate[R, D, F]) Histogram(ctx context.Context, of *journal.Aggregate[R, D, F], interval journal.Interval, timeZone *string) ([]*journal.Bucket, error) {
	buckets, err := of.Histogram(ctx, interval, timeZone)
	return pointers(buckets), place(err, inAggregate)
}

// Series gives the figures of each bucket of time by value.
func (aggregate[R, D, F]) Series(ctx context.Context, of *journal.Aggregate[R, D, F], by journal.Dimension, interval journal.Interval, timeZone *string, first *int) ([]*journal.Series, error) {
	series, err := of.Series(ctx, by, orDefault(first, journal.DefaultSeries), interval, timeZone)
	return pointers(series), place(err, inAggregate)
}

// Groups gives the figures of each value.
func (aggregate[R, D, F]) Groups(ctx context.Context, of *journal.Aggregate[R, D, F], by journal.Dimension, first *int) (*journal.Groups, error) {
	groups, err := of.Groups(ctx, by, orDefault(first, journal.DefaultGroups))
	return groups, place(err, inAggregate)
}

// Values gives the values that occur.
func (aggregate[R, D, F]) Values(ctx context.Context, of *journal.Aggregate[R, D, F], dimension journal.Dimension, contains *string, first *int) ([]*journal.Value, error) {
	values, err := of.Values(ctx, dimension, contains, orDefault(first, journal.DefaultValues))
	return pointers(values), place(err, inAggregate)
}

// Numbers says how a number is spread over the rows.
func (aggregate[R, D, F]) Numbers(ctx context.Context, of *journal.Aggregate[R, D, F], number journal.Number) (*journal.Numbers, error) {
	numbers, err := of.Numbers(ctx, number)
	return numbers, place(err, inAggregate)
}

// inAggregate places the problems of an aggregate's field: those of its own arguments,
// and those of the filter above it.
func inAggregate(p *fault.Problem) {
	if own := []string{"interval", "time_zone", "first", "contains"}; slices.Contains(own, p.Field) {
		p.Field = camel(p.Field)
		return
	}
	inFilter(p)
}

func orDefault(n *int, otherwise int) int {
	if n == nil {
		return otherwise
	}
	return *n
}

func pointers[T any](list []T) []*T {
	to := make([]*T, len(list))
	for i := range list {
		to[i] = &list[i]
	}
	return to
}

// What the fields of an aggregate count towards the complexity beside their own fields.
const (
	histogramComplexity = 200
	groupsComplexity    = 200
	seriesComplexity    = 400
	numbersComplexity   = 1000
	bucketsComplexity   = 25 // times what a bucket counts: there may be many, of few figures
)

// slowAggregate is how many times as much the fields of an aggregate count where the
// filter is slow.
const slowAggregate = 10

// aggregateComplexity gives what an aggregate counts.
func aggregateComplexity[F any](slow func(*F) bool) func(children int, filter *F) int {
	return func(children int, filter *F) int {
		if surcharge(slow, filter) > 0 {
			return 1 + slowAggregate*children
		}
		return 1 + children
	}
}

func histogramFieldComplexity(children int, _ journal.Interval, _ *string) int {
	return histogramComplexity + bucketsComplexity*children
}

func seriesFieldComplexity(children int, by journal.Dimension, _ journal.Interval, _ *string, first *int) int {
	size := max(1, min(orDefault(first, journal.DefaultSeries), journal.MaxSeries))
	return seriesComplexity + bucketsComplexity*children*size + rowsComplexity(by)
}

func groupsFieldComplexity(children int, by journal.Dimension, first *int) int {
	size := max(1, min(orDefault(first, journal.DefaultGroups), journal.MaxGroups))
	return groupsComplexity + children*size + rowsComplexity(by)
}

func valuesFieldComplexity(children int, of journal.Dimension, _ *string, first *int) int {
	size := max(1, min(orDefault(first, journal.DefaultValues), journal.MaxValues))
	return groupsComplexity + children*size + rowsComplexity(of)
}

// rowsComplexity gives what is counted for a dimension that only rows know.
func rowsComplexity(by journal.Dimension) int {
	if by.ReadsRows() {
		return slowComplexity
	}
	return 0
}

// setAggregateComplexity says what the fields of the aggregates count.
func setAggregateComplexity(root *graph.ComplexityRoot) {
	query := &root.Query
	query.EntryAggregate = aggregateComplexity((*journal.EntryFilter).ReadsRows)
	query.AuditEventAggregate = aggregateComplexity((*journal.AuditEventFilter).ReadsRows)
	query.OperationAggregate = aggregateComplexity((*journal.OperationFilter).ReadsRows)
	query.UsageRecordAggregate = aggregateComplexity((*journal.UsageRecordFilter).ReadsRows)
	query.APICallAggregate = aggregateComplexity((*journal.APICallFilter).ReadsRows)

	count := func(int) int { return statsComplexity }
	root.EntryAggregate.Count, root.AuditEventAggregate.Count, root.OperationAggregate.Count = count, count, count
	root.UsageRecordAggregate.Count, root.APICallAggregate.Count = count, count
	for _, histogram := range []*func(int, journal.Interval, *string) int{
		&root.EntryAggregate.Histogram, &root.AuditEventAggregate.Histogram, &root.OperationAggregate.Histogram,
		&root.UsageRecordAggregate.Histogram, &root.APICallAggregate.Histogram,
	} {
		*histogram = histogramFieldComplexity
	}
	for _, series := range []*func(int, journal.Dimension, journal.Interval, *string, *int) int{
		&root.EntryAggregate.Series, &root.AuditEventAggregate.Series, &root.OperationAggregate.Series,
		&root.UsageRecordAggregate.Series, &root.APICallAggregate.Series,
	} {
		*series = seriesFieldComplexity
	}
	for _, groups := range []*func(int, journal.Dimension, *int) int{
		&root.EntryAggregate.Groups, &root.AuditEventAggregate.Groups, &root.OperationAggregate.Groups,
		&root.UsageRecordAggregate.Groups, &root.APICallAggregate.Groups,
	} {
		*groups = groupsFieldComplexity
	}
	for _, values := range []*func(int, journal.Dimension, *string, *int) int{
		&root.EntryAggregate.Values, &root.AuditEventAggregate.Values, &root.OperationAggregate.Values,
		&root.UsageRecordAggregate.Values, &root.APICallAggregate.Values,
	} {
		*values = valuesFieldComplexity
	}
	root.UsageRecordAggregate.Numbers = func(children int, _ journal.Number) int { return numbersComplexity + children }
}
