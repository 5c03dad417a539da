package journal

import (
	"context"
	"slices"
	"time"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/schema"
	"logbook/ent/textblock"
	"logbook/internal/auth"
	"logbook/internal/db"
)

// blockText is about how many bytes of searched text a block has at the most.
const blockText = 4 << 20

// How often the sealer looks whether there is something to do.
const (
	sealEvery  = time.Second
	sweepEvery = time.Hour
)

// sealing is what the sealer asks of a kind of log.
type sealing interface {
	sealBlock(ctx context.Context, writer int32, upTo int64) (sealed bool, err error)
	sweepBlocks(ctx context.Context, pause func(took time.Duration) error) error
}

func (j *Journal) sealings() []sealing {
	return []sealing{j.Entries, j.AuditEvents, j.Operations, j.UsageRecords, j.APICalls}
}

// KeepSealed makes the blocks by which texts are searched, of rows that any process
// appends and of those that are there already, until ctx ends. It rests as long as it
// works, so that it disturbs nobody; several processes may do it at a time, and any of them
// may be killed. What is not sealed is searched all the same, row by row. What fails is
// handed to failed and tried again.
func (j *Journal) KeepSealed(ctx context.Context, failed func(error)) {
	ctx = auth.System(ctx, "seal")
	pause := func(took time.Duration) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(took):
			return nil
		}
	}
	var sealed frontier
	var swept time.Time
	for {
		at, err := readFrontier(ctx, j.db.Ent())
		if err == nil && sealed.behind(at) {
			if err = j.sealUpTo(ctx, at, pause); err == nil {
				sealed = at
			}
		}
		if err == nil && time.Since(swept) >= sweepEvery {
			swept = time.Now()
			err = j.sweep(ctx, pause)
		}
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		if pause(sealEvery) != nil {
			return
		}
	}
}

// Seal makes all blocks that are full, and removes those whose rows are all gone. It is
// KeepSealed without its pauses, for whoever wants to wait.
func (j *Journal) Seal(ctx context.Context) error {
	ctx = auth.System(ctx, "seal")
	at, err := readFrontier(ctx, j.db.Ent())
	if err != nil {
		return err
	}
	pause := func(time.Duration) error { return ctx.Err() }
	if err := j.sealUpTo(ctx, at, pause); err != nil {
		return err
	}
	return j.sweep(ctx, pause)
}

// sealUpTo makes the full blocks of all kinds up to a frontier.
func (j *Journal) sealUpTo(ctx context.Context, at frontier, pause func(time.Duration) error) error {
	for _, kind := range j.sealings() {
		for writer, sequence := range at {
			for {
				began := time.Now()
				sealed, err := kind.sealBlock(ctx, writer, sequence)
				if err != nil {
					return err
				}
				if err := pause(time.Since(began)); err != nil {
					return err
				}
				if !sealed {
					break
				}
			}
		}
	}
	return nil
}

func (j *Journal) sweep(ctx context.Context, pause func(time.Duration) error) error {
	for _, kind := range j.sealings() {
		if err := kind.sweepBlocks(ctx, pause); err != nil {
			return err
		}
	}
	return nil
}

// lastSealed gives the sequence of a writer up to which the rows of a kind have blocks, 0
// for none. Beyond it no row has one, and up to it every row has: each block begins where
// the one before it ended, and only those without rows are removed.
func lastSealed(ctx context.Context, client *ent.Client, kind schema.Kind, writer int32) (int64, error) {
	var found []int64
	err := client.TextBlock.Query().
		Where(textblock.Kind(int8(kind)), textblock.Writer(writer)).
		Order(textblock.ByFirstSequence(sql.OrderDesc())).Limit(1).
		Select(textblock.FieldLastSequence).Scan(ctx, &found)
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0], nil
}

// sealBlock makes the next block of a writer's rows, where there are enough. All rows up
// to upTo can be read.
func (l *Log[R, D, F]) sealBlock(ctx context.Context, writer int32, upTo int64) (sealed bool, err error) {
	client := l.journal.db.Ent()
	last, err := lastSealed(ctx, client, l.kind, writer)
	if err != nil {
		return false, err
	}
	in := span{writer, last, upTo}
	full, err := l.longer(ctx, client, in, l.journal.sizes.blockRows-1)
	if err != nil || !full {
		return false, err
	}
	block := unsealed{grams: map[uint64]struct{}{}, oldest: end, newest: beginning}
	texts := l.searchedTexts()
	for portion := 16; block.rows < l.journal.sizes.blockRows && block.bytes < blockText; {
		if portion = min(portion*4, 256, l.journal.sizes.blockRows-block.rows); block.bytes > 0 { // texts may be long
			portion = max(min(portion, (1<<20)*block.rows/block.bytes), 1)
		}
		rows, err := l.all(ctx, client, shaped(l.arrivedWithin(in), l.sealed, func(s *sql.Selector) { s.OrderBy(s.C("sequence")) }, limited(portion)))
		if err != nil {
			return false, err
		}
		for _, row := range rows {
			_, sequence := l.arrivalOf(row)
			in.after = *sequence
			block.add(*l.timeOf(row), *sequence)
			for _, text := range texts {
				block.read(text.value(row))
			}
			if block.bytes >= blockText {
				break
			}
		}
		if len(rows) < portion {
			break
		}
	}
	if block.rows == 0 { // all were purged just now
		return false, nil
	}
	return true, l.journal.db.Write(ctx, func(tx *db.Tx) error {
		// Another process may have been first.
		there, err := tx.TextBlock.Query().
			Where(textblock.Kind(int8(l.kind)), textblock.Writer(writer), textblock.FirstSequence(last+1)).Exist(ctx)
		if err != nil || there {
			return err
		}
		return tx.TextBlock.Create().SetKind(int8(l.kind)).SetWriter(writer).
			SetFirstSequence(last + 1).SetLastSequence(block.last).
			SetOldest(block.oldest).SetNewest(block.newest).
			SetFilter(makeGramFilter(block.grams, block.bytes)).Exec(ctx)
	})
}

// longer says whether there are more than so many rows in a part of a writer's sequence.
func (t *table[R, D, F]) longer(ctx context.Context, client *ent.Client, in span, rows int) (bool, error) {
	var found []struct {
		Sequence int64 `sql:"sequence"`
	}
	err := t.scan(ctx, client, shaped(t.arrivedWithin(in), func(s *sql.Selector) {
		s.Select(s.C("sequence")).OrderBy(s.C("sequence")).Offset(rows).Limit(1)
	}), &found)
	return len(found) > 0, err
}

// unsealed is a block in the making.
type unsealed struct {
	rows, bytes    int
	last           int64
	oldest, newest column.Time
	grams          map[uint64]struct{}
}

func (u *unsealed) add(at column.Time, sequence int64) {
	u.rows++
	u.last = sequence
	u.oldest, u.newest = min(u.oldest, at), max(u.newest, at)
}

// read adds the grams of a value; nil has none.
func (u *unsealed) read(value any) {
	if text, ok := value.(string); ok {
		u.bytes += len(text)
		eachGram(text, func(hash uint64) { u.grams[hash] = struct{}{} })
	}
}

// searchedTexts gives the columns whose texts the filters hold.
func (t *table[R, D, F]) searchedTexts() []attribute[R] {
	return slices.DeleteFunc(slices.Clone(t.columns), func(a attribute[R]) bool { return !slices.Contains(t.texts, a.column) })
}

// sealed selects only the columns that blocks are made of.
func (t *table[R, D, F]) sealed(s *sql.Selector) {
	columns := []string{s.C(t.id), s.C(t.time), s.C("sequence")}
	for _, text := range t.texts {
		columns = append(columns, s.C(text))
	}
	s.Select(columns...)
}

// sweptBlocks is how many blocks are looked at between two pauses.
const sweptBlocks = 256

// sweepBlocks removes the blocks whose rows were all purged.
func (l *Log[R, D, F]) sweepBlocks(ctx context.Context, pause func(took time.Duration) error) error {
	client := l.journal.db.Ent()
	var after int64
	for {
		began := time.Now()
		blocks, err := client.TextBlock.Query().
			Where(textblock.Kind(int8(l.kind)), textblock.IDGT(after)).Order(textblock.ByID()).Limit(sweptBlocks).
			Select(textblock.FieldID, textblock.FieldWriter, textblock.FieldFirstSequence, textblock.FieldLastSequence).All(ctx)
		if err != nil || len(blocks) == 0 {
			return err
		}
		var empty []int64
		for _, block := range blocks {
			after = block.ID
			some, err := l.longer(ctx, client, spanOf(block), 0)
			if err != nil {
				return err
			}
			if !some {
				empty = append(empty, block.ID)
			}
		}
		if len(empty) > 0 {
			// No row comes in behind a sequence that was committed, so they stay empty.
			err := l.journal.db.Write(ctx, func(tx *db.Tx) error {
				_, err := tx.TextBlock.Delete().Where(textblock.IDIn(empty...)).Exec(ctx)
				return err
			})
			if err != nil {
				return err
			}
		}
		if err := pause(time.Since(began)); err != nil {
			return err
		}
	}
}

// spanOf gives the part of a writer's sequence that a block stands for.
func spanOf(block *ent.TextBlock) span {
	return span{block.Writer, block.FirstSequence - 1, block.LastSequence}
}

// arrivedWithin keeps the rows of a part of a writer's sequence, and finds them by their
// arrival.
func (t *table[R, D, F]) arrivedWithin(in span) shape {
	return func(s *sql.Selector) {
		db.OnlyByIndex(s, t.name, "writer")
		s.Where(sql.EQ(s.C("writer"), in.writer))
		s.Where(sql.GT(s.C("sequence"), in.after))
		s.Where(sql.LTE(s.C("sequence"), in.upTo))
	}
}
