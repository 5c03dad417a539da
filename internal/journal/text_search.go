package journal

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/textblock"
	"logbook/internal/auth"
	"logbook/internal/db"
)

// searchSizes are how much a search for a part of a text reads at a time: how many of what
type searchSizes struct {
	blockRows    int // are in a block
	mostUnsealed int // rows are looked at by their arrival; where more lack a block, by their time
	leastBlocks  int // are read at first
}

// usualSizes are what was measured to serve best (docs/performance.md).
var usualSizes = searchSizes{blockRows: 2048, mostUnsealed: 20_000, leastBlocks: 4}

const (
	moreBlocks   = 4       // times as many are read next
	mostBlocks   = 256     // are read at a time
	mostSearched = 2_000   // rows are sought in blocks for a page by offset
	mostFilters  = 8 << 20 // bytes of filters are read at a time, about
	mostPassing  = 3       // of the blocks, one in so many may pass where rows are counted block by block
)

// has notes that a row which passes has a part of a text, but for the case of ASCII
// letters, in one of the columns that the kind's blocks know.
func (q *question) has(part string) {
	q.grams = append(q.grams, gramsOf(db.LowerASCII(part))...)
}

// reading runs fn on a snapshot where a question is found by blocks: they and the rows are
// of one moment. All others are one statement, which is a snapshot.
func (l *Log[R, D, F]) reading(ctx context.Context, q question, fn func(*ent.Client) error) error {
	if len(q.grams) == 0 {
		return fn(l.journal.db.Ent())
	}
	return l.journal.db.Read(ctx, fn)
}

// first gives the first rows that pass a question, in a direction and between cursors, on
// a client of reading.
//
// A part of a text is found among the rows by their time for as long as every block may
// have it; from the first that lacks it on among the rows that have no block yet and in the
// blocks whose filters have its grams, the newest of them first (backward the oldest), until
// no other can have a row that comes before those found.
func (l *Log[R, D, F]) first(ctx context.Context, client *ent.Client, q question, b bounds[cursor], limit int) ([]*R, error) {
	s := textSearch[R, D, F]{Log: l, client: client, question: q, after: b.after, before: b.before, backward: b.backward, limit: limit}
	if len(q.grams) == 0 {
		err := s.rest(ctx, limit)
		return s.found, err
	}
	err := s.run(ctx)
	return s.found, err
}

// textSearch is one search for the first rows that pass a question.
type textSearch[R, D, F any] struct {
	*Log[R, D, F]
	client        *ent.Client
	question      question // its times draw together as the search goes on
	after, before *cursor
	backward      bool
	limit         int
	found         []*R // in order, at most limit
	looked, check int  // into how many blocks it looked, and at how many an index is asked whether it knows better
}

// between gives the conditions of the cursors. The order is newest first, so what comes
// after one is smaller.
func (s *textSearch[R, D, F]) between() (shapes []shape) {
	if s.after != nil {
		shapes = append(shapes, s.beyond(s.after, true))
	}
	if s.before != nil {
		shapes = append(shapes, s.beyond(s.before, false))
	}
	return shapes
}

// rows reads the first rows that pass, at most so many, with more conditions.
func (s *textSearch[R, D, F]) rows(ctx context.Context, limit int, more ...shape) ([]*R, error) {
	return s.take(ctx, limit, append(more, s.ordered(!s.backward))...)
}

// take reads rows that pass, at most so many, in an order of its own.
func (s *textSearch[R, D, F]) take(ctx context.Context, limit int, more ...shape) ([]*R, error) {
	return s.all(ctx, s.client, shaped(slices.Concat(s.conditions(s.question), s.between(), more, []shape{limited(limit)})...))
}

// run is first for a question with grams.
func (s *textSearch[R, D, F]) run(ctx context.Context) error {
	var passed []*ent.TextBlock // those so far, while all pass
	dense := true
	from, to := s.times()
	err := s.eachBlocks(ctx, s.client, from, to, s.backward, func(blocks []*ent.TextBlock) (bool, error) {
		if !dense {
			return s.blocks(ctx, blocks)
		}
		lacking := slices.IndexFunc(blocks, s.lacks)
		if dense = lacking < 0; dense {
			lacking = len(blocks)
		}
		for _, block := range blocks[:lacking] {
			block.Filter = nil // it passed, and is large
			passed = append(passed, block)
		}
		if len(passed) > 0 {
			// What comes before a block stands in those before it or has none, so each row
			// would be looked at anyway: no more are read than it takes to find enough.
			_, behind := s.edge(blocks[min(lacking, len(blocks)-1)])
			if err := s.down(ctx, behind, blocks[:lacking]); err != nil || len(s.found) == s.limit {
				return false, err
			}
			s.pass(behind)
		}
		if dense {
			return true, nil
		}
		tails, sealed, err := s.tails(ctx, s.client)
		if err != nil {
			return false, err
		}
		if !sealed {
			return false, s.rest(ctx, s.limit)
		}
		for _, tail := range tails {
			if err := s.look(ctx, tail); err != nil {
				return false, err
			}
		}
		return s.blocks(ctx, append(passed, blocks[lacking:]...))
	})
	if err != nil || !dense || len(s.found) == s.limit {
		return err
	}
	return s.rest(ctx, s.limit-len(s.found))
}

// down adds what passes down to a time, of rows that were not looked at and of which some
// blocks may hold most.
func (s *textSearch[R, D, F]) down(ctx context.Context, edge column.Time, blocks []*ent.TextBlock) error {
	wanted := s.limit - len(s.found)
	if s.numbered(ctx, blocks) {
		done, err := s.walk(ctx, edge, wanted, int64((len(blocks)+1)*s.journal.sizes.blockRows))
		if err != nil || done {
			return err
		}
	}
	rows, err := s.rows(ctx, wanted, s.upTo(edge), s.sorted(ctx, s.question))
	s.add(rows)
	return err
}

// blocks adds what passes in some blocks, and says whether the next may have more. Where an
// index knows that fewer rows are left than were looked at, such as those of one user, these
// are read instead: whoever else's rows have the text then costs about twice as much at most.
func (s *textSearch[R, D, F]) blocks(ctx context.Context, blocks []*ent.TextBlock) (more bool, err error) {
	for _, block := range blocks {
		edge, behind := s.edge(block)
		if s.full(edge) {
			return false, nil
		}
		if s.lacks(block) || s.passed(block) {
			continue
		}
		if s.looked == s.check {
			s.check = max(2*s.check, 1)
			s.pass(behind) // whose rows stand in blocks that came before
			more, err := s.nth(ctx, max(s.looked, 1)*s.journal.sizes.blockRows)
			if err != nil {
				return false, err
			}
			if more == nil {
				return false, s.rest(ctx, s.limit)
			}
		}
		s.looked++
		if err := s.look(ctx, spanOf(block)); err != nil {
			return false, err
		}
	}
	return true, nil
}

// lacks says whether no row of a block has the grams.
func (s *textSearch[R, D, F]) lacks(block *ent.TextBlock) bool {
	return !gramFilter(block.Filter).mayHave(s.question.grams)
}

// edge gives the time of the row of a block that comes first, and the last time before it.
func (s *textSearch[R, D, F]) edge(block *ent.TextBlock) (edge, behind column.Time) {
	if s.backward {
		return block.Oldest, block.Oldest - 1
	}
	return block.Newest, block.Newest + 1
}

// passed says whether all rows of a block were left behind.
func (s *textSearch[R, D, F]) passed(block *ent.TextBlock) bool {
	from, to := s.times()
	return from != nil && block.Newest < *from || to != nil && block.Oldest > *to
}

// full says whether all rows that are wanted were found and none comes in between whose
// time is that of an edge or beyond it.
func (s *textSearch[R, D, F]) full(edge column.Time) bool {
	if len(s.found) < s.limit {
		return false
	}
	last := *s.Log.timeOf(s.found[s.limit-1])
	if s.backward {
		return last < edge
	}
	return last > edge
}

// upTo keeps the rows that come no later in the search's direction than a time.
func (s *textSearch[R, D, F]) upTo(edge column.Time) shape {
	if s.backward {
		return sql.FieldLTE(s.time, int64(edge))
	}
	return sql.FieldGTE(s.time, int64(edge))
}

// pass leaves behind all rows up to a time, those of that very time included. Each end of
// time stays one condition: of two SQLite takes the one that it meets first for its range.
func (s *textSearch[R, D, F]) pass(edge column.Time) {
	if s.backward {
		if edge++; s.question.since == nil || edge > *s.question.since {
			s.question.since = &edge
		}
		if s.before != nil && edge > s.before.time {
			s.before = nil
		}
		return
	}
	if s.question.until == nil || edge < *s.question.until {
		s.question.until = &edge
	}
	if s.after != nil && edge <= s.after.time {
		s.after = nil
	}
}

// times gives the time in which what is left happened; both ends are included.
func (s *textSearch[R, D, F]) times() (from, to *column.Time) {
	from, to = s.question.since, s.question.until
	if s.before != nil && (from == nil || s.before.time > *from) {
		from = &s.before.time
	}
	if s.after != nil && (to == nil || s.after.time < *to) {
		to = &s.after.time
	}
	return from, to
}

// nth gives the time of the n-th of the rows that pass what an index knows of the
// question; nil where there are fewer.
func (s *textSearch[R, D, F]) nth(ctx context.Context, n int) (*column.Time, error) {
	return s.timeOfRow(ctx, s.client, s.question, n, s.backward, s.between()...)
}

// look adds what passes in a part of a writer's sequence.
func (s *textSearch[R, D, F]) look(ctx context.Context, in span) error {
	rows, err := s.rows(ctx, s.limit, s.arrivedWithin(in))
	s.add(rows)
	return err
}

// rest adds the first rows that pass at all, at most so many, without a look at blocks.
func (s *textSearch[R, D, F]) rest(ctx context.Context, limit int) error {
	rows, err := s.rows(ctx, limit, s.sorted(ctx, s.question))
	s.add(rows)
	return err
}

// compare orders rows by time and id.
func (s *textSearch[R, D, F]) compare(a, b *R) int {
	return cmp.Or(cmp.Compare(*s.Log.timeOf(a), *s.Log.timeOf(b)), s.idOf(a).compare(s.idOf(b)))
}

// add merges rows, each of which counts once, with those found.
func (s *textSearch[R, D, F]) add(rows []*R) {
	if len(rows) == 0 {
		return
	}
	s.found = append(s.found, rows...)
	slices.SortFunc(s.found, func(a, b *R) int {
		if s.backward {
			return s.compare(a, b)
		}
		return s.compare(b, a)
	})
	s.found = slices.CompactFunc(s.found, func(a, b *R) bool { return s.idOf(a) == s.idOf(b) })
	s.found = s.found[:min(len(s.found), s.limit)]
}

// eachBlocks calls fn for the kind's blocks that may have rows between two times, both
// included, some at a time, the newest first (backward the oldest), until fn gives false.
func (l *Log[R, D, F]) eachBlocks(ctx context.Context, client *ent.Client, from, to *column.Time, backward bool, fn func([]*ent.TextBlock) (more bool, err error)) error {
	system := auth.System(ctx, "search")
	query := client.TextBlock.Query().Where(textblock.Kind(int8(l.kind)))
	if from != nil {
		query.Where(textblock.NewestGTE(*from))
	}
	if to != nil {
		query.Where(textblock.OldestLTE(*to))
	}
	order, compare := []string{textblock.FieldNewest, textblock.FieldOldest, textblock.FieldID}, sql.CompositeLT
	direction, bound := sql.OrderDesc(), sql.LTE
	if backward {
		order[0], order[1] = order[1], order[0]
		compare, direction, bound = sql.CompositeGT, sql.OrderAsc(), sql.GTE
	}
	for _, field := range order {
		query.Order(sql.OrderByField(field, direction).ToFunc())
	}
	var last *ent.TextBlock
	for n := l.journal.sizes.leastBlocks; ; {
		some := query.Clone().Limit(n)
		if last != nil {
			edge := []any{int64(last.Newest), int64(last.Oldest), last.ID}
			if backward {
				edge[0], edge[1] = edge[1], edge[0]
			}
			some.Where(func(s *sql.Selector) {
				s.Where(bound(s.C(order[0]), edge[0])) // for MySQL, which makes no range of a row value
				s.Where(compare([]string{s.C(order[0]), s.C(order[1]), s.C(order[2])}, edge...))
			})
		}
		blocks, err := some.All(system)
		if err != nil || len(blocks) == 0 {
			return err
		}
		bytes := 1
		for _, block := range blocks {
			bytes += len(block.Filter)
		}
		more, err := fn(blocks)
		if err != nil || !more || len(blocks) < n {
			return err
		}
		last = blocks[n-1]
		n = min(n*moreBlocks, mostBlocks, max(n*mostFilters/bytes, 1))
	}
}

// tails gives the parts of writers' sequences whose rows have no block yet; false where
// they are many, since the sealer has not come to them.
func (l *Log[R, D, F]) tails(ctx context.Context, client *ent.Client) (tails []span, sealed bool, err error) {
	system := auth.System(ctx, "search")
	at, err := readFrontier(system, client)
	if err != nil {
		return nil, false, err
	}
	for _, writer := range slices.Sorted(maps.Keys(at)) {
		last, err := lastSealed(system, client, l.kind, writer)
		if err != nil {
			return nil, false, err
		}
		tail := span{writer, last, at[writer]}
		if tail.upTo-tail.after > int64(l.journal.sizes.mostUnsealed) { // of all kinds
			if longer, err := l.longer(system, client, tail, l.journal.sizes.mostUnsealed); err != nil || longer {
				return nil, false, err
			}
		}
		if tail.upTo > tail.after {
			tails = append(tails, tail)
		}
	}
	return tails, true, nil
}

// parts gives questions that together ask for the rows that a question asks for, each row
// in one of them: where few blocks may have its text, one for each of these, the newest
// first. Narrowed is false where it is the question itself.
func (l *Log[R, D, F]) parts(ctx context.Context, client *ent.Client, q question) (parts []question, narrowed bool, err error) {
	whole := []question{q}
	if len(q.grams) == 0 || q.none {
		return whole, false, nil
	}
	in, sealed, err := l.tails(ctx, client)
	if err != nil || !sealed {
		return whole, false, err
	}
	all, passing := 0, 0
	err = l.eachBlocks(ctx, client, q.since, q.until, false, func(blocks []*ent.TextBlock) (bool, error) {
		for _, block := range blocks {
			if all++; gramFilter(block.Filter).mayHave(q.grams) {
				passing++
				in = append(in, spanOf(block))
			}
		}
		return true, nil
	})
	if err != nil || passing*mostPassing > all {
		return whole, false, err
	}
	if len(in) == 0 {
		q.none = true
		return []question{q}, true, nil
	}
	if more, err := l.timeOfRow(ctx, client, q, len(in)*l.journal.sizes.blockRows, false); err != nil || more == nil {
		return whole, false, err
	}
	slices.SortFunc(in, func(a, b span) int {
		return -cmp.Or(cmp.Compare(a.writer, b.writer), cmp.Compare(a.upTo, b.upTo))
	})
	joined := in[:0]
	for _, one := range in {
		if n := len(joined); n > 0 && joined[n-1].writer == one.writer && joined[n-1].after == one.upTo {
			joined[n-1].after = one.after
			continue
		}
		joined = append(joined, one)
	}
	for _, one := range joined {
		part := q
		part.grams = nil
		part.rest = append(q.rest[:len(q.rest):len(q.rest)], l.arrivedWithin(one))
		parts = append(parts, part)
	}
	return parts, true, nil
}
