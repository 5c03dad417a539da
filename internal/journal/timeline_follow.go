package journal

import (
	"cmp"
	"context"
	"iter"
	"slices"
)

// TimelineAppended is a row of any kind that was appended, with the cursor that follows
// right behind it.
type TimelineAppended struct {
	Cursor string
	Node   Record
}

// FollowTimeline gives the rows of all kinds that pass a filter and that the principal
// may see as they are appended, as Log.Follow gives those of one kind: each once, those
// of one writer in the order in which they were committed, whatever kinds they are of.
// Cursors of the kinds' followers are as good here.
//
// It needs no times, whatever the filter asks, since it reads by the order of arrival.
// It fails as Timeline and Log.Follow do.
func (j *Journal) FollowTimeline(ctx context.Context, filter TimelineFilter, after *string) (iter.Seq2[*TimelineAppended, error], error) {
	readable, err := filter.readable(ctx)
	if err != nil {
		return nil, err
	}
	if err := filter.check(); err != nil {
		return nil, err
	}
	filter.Kinds = readable
	begin, err := j.beginning(ctx, after)
	if err != nil {
		return nil, err
	}
	return func(yield func(*TimelineAppended, error) bool) {
		read := func(ctx context.Context, in span, limit int) ([]arrived[Record], error) {
			return j.timelineIn(ctx, &filter, in, limit)
		}
		err := follow(ctx, j, begin, read, func(record Record, cursor string) bool {
			return yield(&TimelineAppended{cursor, record}, nil)
		})
		if err != nil && ctx.Err() == nil {
			yield(nil, err)
		}
	}, nil
}

// timelineIn gives the first rows of a span that pass a checked filter, by their
// sequence, which all kinds share. It looks the user up anew: an alias may have come since.
func (j *Journal) timelineIn(ctx context.Context, filter *TimelineFilter, in span, limit int) ([]arrived[Record], error) {
	client := j.db.Ent()
	lanes, err := j.lanes(ctx, client, filter)
	if err != nil {
		return nil, err
	}
	var rows []arrived[Record]
	for _, lane := range lanes {
		found, err := lane.arrived(ctx, client, in, limit)
		if err != nil {
			return nil, err
		}
		rows = append(rows, found...)
	}
	slices.SortFunc(rows, func(x, y arrived[Record]) int { return cmp.Compare(x.sequence, y.sequence) })
	return rows[:min(len(rows), limit)], nil
}
