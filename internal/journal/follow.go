package journal

import (
	"context"
	"iter"
	"maps"
	"slices"
	"time"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
)

// Appended is a row that was appended, with the cursor that follows right behind it.
type Appended[R any] struct {
	Cursor string
	Node   *R
}

// followPause is how often a follower reads at the most, so that a busy writer's many
// commits are one question of each follower. What comes after a quiet moment is read
// at once.
const followPause = 100 * time.Millisecond

// How much a follower reads at a time: rows may be long, and followers many.
const (
	followBytes    = 1 << 20 // about, of text
	followRows     = 100
	followSequence = 10_000 // places of a writer's sequence, whether rows stand there or not
)

// Follow gives the rows that pass a filter and that the principal may see as they are
// appended, whichever process appends them: those that are committed after Follow was
// called, or with after those behind that cursor. Each comes once, the rows of one writer
// in the order in which they were committed, whatever their times say; what was removed
// before it was read does not come. After is the cursor of a row of any kind that Follow
// gave, or the LiveCursor of a page.
//
// Follow fails with kind Invalid for a bad filter or cursor, and Forbidden for whoever
// may not read the kind. The sequence ends, without an error, when ctx does, which also
// holds the principal; an error is its last element, and whoever got it may follow on
// from the last cursor. It begins at the same place each time it is ranged over; it
// holds no goroutine, connection or snapshot while its loop's body runs, and a body that
// is slow delays nobody else.
func (l *Log[R, D, F]) Follow(ctx context.Context, filter F, after *string) (iter.Seq2[*Appended[R], error], error) {
	if _, err := l.askArrived(ctx, l.journal.db.Ent(), filter); err != nil {
		return nil, err
	}
	begin, err := l.journal.beginning(ctx, after)
	if err != nil {
		return nil, err
	}
	return func(yield func(*Appended[R], error) bool) {
		read := func(ctx context.Context, in span, limit int) ([]arrived[*R], error) {
			return l.arrivedIn(ctx, filter, in, limit)
		}
		err := follow(ctx, l.journal, begin, read, func(row *R, cursor string) bool {
			return yield(&Appended[R]{cursor, row}, nil)
		})
		if err != nil && ctx.Err() == nil {
			yield(nil, err)
		}
	}, nil
}

// span is a part of a writer's sequence: what is greater than after, up to upTo.
type span struct {
	writer      int32
	after, upTo int64
}

// arrived is a row, or what is made of one, in its place of its writer's sequence.
type arrived[T any] struct {
	sequence int64
	size     int // about, in bytes
	row      T
}

// follow hands over what read finds behind a place until ctx ends or hand gives false.
// Read gives the first rows of a span that are wanted, at most limit of them, by their
// sequence; where it gives fewer there are no more in the span.
func follow[T any](
	ctx context.Context, j *Journal, begin frontier,
	read func(ctx context.Context, in span, limit int) ([]arrived[T], error),
	hand func(row T, cursor string) bool,
) error {
	w := j.hub.join(j)
	defer j.hub.leave(w)
	at, limit := maps.Clone(begin), followRows/10
	for {
		seen, err := j.hub.ahead(ctx, w, at)
		if err != nil {
			return err
		}
		pause := time.NewTimer(followPause)
		// Writers take turns, so that the backlog of one hides no other's rows.
		for spans := at.spans(seen); len(spans) > 0; spans = at.spans(seen) {
			for _, in := range spans {
				rows, err := read(ctx, in, limit)
				if err != nil {
					return err
				}
				bytes := 1
				for _, one := range rows {
					bytes += one.size
					if at[in.writer] = one.sequence; !hand(one.row, at.text()) {
						return nil
					}
				}
				if len(rows) < limit {
					at[in.writer] = in.upTo
				}
				if len(rows) > 0 {
					limit = min(max(len(rows)*followBytes/bytes, 1), limit*4, followRows)
				}
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pause.C:
		}
	}
}

// spans gives what comes next of each writer between f and another frontier.
func (f frontier) spans(to frontier) []span {
	var list []span
	for _, writer := range slices.Sorted(maps.Keys(to)) {
		if after := f[writer]; after < to[writer] {
			list = append(list, span{writer, after, min(to[writer], after+followSequence)})
		}
	}
	return list
}

// arrivedIn gives the first rows of a span that pass a filter, as the principal may see
// them, by their sequence. It asks the filter anew: names that it looks up in roll-ups
// may have come since, in the commits of the very rows.
func (l *Log[R, D, F]) arrivedIn(ctx context.Context, filter F, in span, limit int) ([]arrived[*R], error) {
	client := l.journal.db.Ent()
	q, err := l.askArrived(ctx, client, filter)
	if err != nil {
		return nil, err
	}
	return l.arrivedOf(ctx, client, q, in, limit)
}

// arrivedOf is arrivedIn of a question.
func (l *Log[R, D, F]) arrivedOf(ctx context.Context, client *ent.Client, q question, in span, limit int) ([]arrived[*R], error) {
	rows, err := l.all(ctx, client, shaped(append(l.conditions(q), l.arrivedWithin(in),
		func(s *sql.Selector) { s.OrderBy(s.C("sequence")) }, limited(limit))...))
	if err != nil {
		return nil, err
	}
	list := make([]arrived[*R], len(rows))
	for i, row := range rows {
		_, sequence := l.arrivalOf(row)
		list[i] = arrived[*R]{*sequence, l.sizeOf(row), row}
	}
	l.shown(ctx, rows)
	return list, nil
}
