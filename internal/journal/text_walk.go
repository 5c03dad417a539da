package journal

import (
	"context"
	"slices"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/db"
)

// numbered says whether rows' ids mostly follow their times: they are numbers that rise as
// one writer appends. No index knows any of what is asked but the time.
func (s *textSearch[R, D, F]) numbered(ctx context.Context, blocks []*ent.TextBlock) bool {
	if s.idOf(new(R)).form != formNumber || s.backward || len(blocks) == 0 ||
		len(s.question.picked) > 0 || s.question.except != nil || !boundTenant(ctx).IsZero() {
		return false
	}
	return !slices.ContainsFunc(blocks, func(b *ent.TextBlock) bool { return b.Writer != blocks[0].Writer })
}

// walk is down by the rows' own order, that of their numbers: one behind the other, where the
// index of times has to find each anew. It begins at the newest row and goes through so many
// numbers at the most; then it looks at what else comes before those found, which the index
// knows. Where that is much, as with several writers, walk adds nothing and is not done.
func (s *textSearch[R, D, F]) walk(ctx context.Context, edge column.Time, wanted int, numbers int64) (done bool, err error) {
	var newest []struct {
		ID int64 `sql:"id"`
	}
	known := s.question
	known.rest = nil
	err = s.scan(ctx, s.client, shaped(slices.Concat(s.conditions(known), s.between(), []shape{s.ordered(true), func(sel *sql.Selector) {
		sel.Select(sql.As(sel.C(s.id), "id")).Limit(1)
	}})...), &newest)
	if err != nil || len(newest) == 0 {
		return len(newest) == 0, err
	}
	high := newest[0].ID
	low := high - min(numbers, high)
	rows, err := s.take(ctx, wanted, s.upTo(edge), func(sel *sql.Selector) {
		db.OnlyByKey(sel, s.name)
		sel.Where(sql.And(sql.GT(sel.C(s.id), low), sql.LTE(sel.C(s.id), high))).OrderBy(sql.Desc(sel.C(s.id)))
	})
	if err != nil {
		return false, err
	}
	others := s.upTo(edge)
	if len(rows) == wanted {
		low = s.idOf(rows[wanted-1]).number - 1
		last := s.cursorOf(slices.MinFunc(rows, s.compare))
		others = s.beyond(&last, false)
	}
	more, err := s.take(ctx, wanted, others, func(sel *sql.Selector) {
		db.OnlyByIndex(sel, s.name, s.time)
		sel.Where(sql.Or(sql.LTE(sel.C(s.id), low), sql.GT(sel.C(s.id), high)))
	}, s.ordered(false)) // in which order does not matter, and MySQL asks the index of ids upwards alone
	if err != nil || len(more) == wanted {
		return false, err
	}
	s.add(append(rows, more...))
	return true, nil
}
