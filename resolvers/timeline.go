package resolvers

import (
	"context"
	"iter"
	"strconv"

	"logbook/graph"
	"logbook/internal/journal"
)

// Timeline gives a page of the rows of all kinds.
func (q query) Timeline(ctx context.Context, filter *graph.TimelineFilter, first *int, after *string, last *int, before *string) (*journal.TimelineConnection, error) {
	page := journal.KeysetPage{First: first, After: after, Last: last, Before: before, Live: selectsLive(ctx)}
	connection, err := q.journal.Timeline(ctx, readTimelineFilter(filter), page)
	return connection, place(err, inList)
}

// TimelineAppended gives the rows of all kinds as they are appended.
func (s subscription) TimelineAppended(ctx context.Context, filter *graph.TimelineFilter, after *string) (<-chan *journal.TimelineAppended, error) {
	return stream(ctx, func() (iter.Seq2[*journal.TimelineAppended, error], error) {
		return s.journal.FollowTimeline(ctx, readTimelineFilter(filter), after)
	})
}

// readTimelineFilter gives a filter with its user's number; a text that is no user's id
// finds nobody.
func readTimelineFilter(filter *graph.TimelineFilter) journal.TimelineFilter {
	in := orAll(filter)
	asked := in.TimelineFilter
	if in.User != nil {
		number, err := strconv.ParseInt(*in.User, 10, 64)
		if err != nil || strconv.FormatInt(number, 10) != *in.User {
			number = 0
		}
		asked.UserID = &number
	}
	return asked
}
