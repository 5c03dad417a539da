package journal

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"logbook/ent/schema"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// Appends that come while a commit is under way are joined in the next: one
// transaction, one statement for many rows, one change to each roll-up, one sync.
// Nobody waits for company: who finds no commit under way begins one at once.
const (
	// One commit joins appends up to this much; a larger one goes alone. Beyond some
	// thousand rows a commit grows no cheaper, and whoever comes next waits longer.
	groupRows  = 2_000
	groupBytes = 8 << 20

	// This much may wait in all, and each append for this long; what is beyond is
	// refused. A row counts rowBytes beside its values.
	waitingRows  = 100_000
	waitingBytes = 64 << 20
	waitingTime  = 5 * time.Second
	rowBytes     = 512

	// retryAfter is when a refused caller is to come again.
	retryAfter = time.Second

	// commitTime is how long the engine may take over one commit.
	commitTime = 30 * time.Second
)

// errNothing ends a transaction in which there is nothing to store: nobody waits for it
// any more, or all are refused or stored already.
var errNothing = errors.New("journal: there is nothing to store")

// overloaded refuses an append that the engine cannot keep up with.
func overloaded() error {
	refusal := fault.New(fault.Unavailable, "more is being written than the database keeps up with; nothing of this was stored, try again in %d s", int(retryAfter/time.Second))
	refusal.After = retryAfter
	return refusal
}

// pending is an append that waits for its commit.
type pending struct {
	log   joiner
	batch any // what the log makes of it: *batch[R]
	rows  int
	bytes int
	key   *onceKey // nil where it has none

	place *list.Element // in the line; nil once it has been taken from it

	// Written by the commit, read when it is done.
	repeated bool // stored before, under its key
	err      error
	done     chan struct{}
}

// joiner is a Log of any kind: what its appends do together. Each pending is one of
// its own.
type joiner interface {
	number() schema.Kind
	// refuseTaken gives those of the appends an error whose own ids are there already,
	// or belong to one before them.
	refuseTaken(ctx context.Context, tx *db.Tx, members []*pending) error
	// stamp gives an append's rows their places, and the ids that are made of them.
	stamp(p *pending, at *position)
	// clashes says whether an id that was made is another row's: one of these rows' or,
	// where every one is looked up, one in the table.
	clashes(ctx context.Context, tx *db.Tx, members []*pending, lookUp bool) (bool, error)
	// insertAll inserts the rows of all, with their roll-ups.
	insertAll(ctx context.Context, tx *db.Tx, members []*pending) error
	// recall finds the rows that were stored under an append's key.
	recall(ctx context.Context, tx *db.Tx, p *pending, known *knownKey) error
	// idTexts gives the ids of an append's rows.
	idTexts(p *pending) []string
}

// line is where appends wait for their commit, in the order in which they came.
type line struct {
	mu      sync.Mutex
	waiting list.List // of *pending
	rows    int
	bytes   int
	working bool // whether commitLine runs
	counts  AppendCounts
}

// AppendCounts says what became of appends since the journal was made, and what waits.
// Imports and Logbook's own records are in none of the numbers.
type AppendCounts struct {
	Commits      int64 // that stored appends
	Appends      int64 // that these commits joined
	Rows         int64 // of them
	Full, Late   int64 // appends that were refused: too much waited before them; they had waited too long
	WaitingRows  int64 // now
	WaitingBytes int64 // now, about
}

// AppendCounts gives the figures of this moment.
func (j *Journal) AppendCounts() AppendCounts {
	l := &j.line
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := l.counts
	counts.WaitingRows, counts.WaitingBytes = int64(l.rows), int64(l.bytes)
	return counts
}

// join stores an append in a commit with those that come at the same time, and returns
// once it is on disk or refused. It fails with kind Unavailable, and After, where too
// much waits or it has waited for too long. Until its commit has begun the end of ctx
// takes it out of the line and nothing of it is stored; from then on it is answered as
// the commit turns out, whatever becomes of ctx.
func (j *Journal) join(ctx context.Context, p *pending) error {
	l := &j.line
	if err := ctx.Err(); err != nil {
		return gaveUp(err)
	}
	p.done = make(chan struct{})
	l.mu.Lock()
	if l.waiting.Len() > 0 && (l.rows+p.rows > waitingRows || l.bytes+p.bytes > waitingBytes) {
		l.counts.Full++
		l.mu.Unlock()
		return overloaded()
	}
	p.place = l.waiting.PushBack(p)
	l.rows += p.rows
	l.bytes += p.bytes
	begin := !l.working
	l.working = true
	l.mu.Unlock()
	if begin {
		// Of its own, since this caller may go while others wait. It ends with the line.
		go j.commitLine()
	}
	late := time.NewTimer(waitingTime)
	defer late.Stop()
	select {
	case <-p.done:
	case <-ctx.Done():
		if l.leave(p, nil) {
			return gaveUp(ctx.Err())
		}
		<-p.done
	case <-late.C:
		if l.leave(p, &l.counts.Late) {
			return overloaded()
		}
		<-p.done
	}
	return p.err
}

func gaveUp(err error) error {
	return fault.Wrap(fault.Unavailable, err, "the answer took too long and was given up")
}

// leave takes an append out of the line, and counts it; false where its commit has
// begun.
func (l *line) leave(p *pending, count *int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p.place == nil {
		return false
	}
	l.drop(p)
	if count != nil {
		*count++
	}
	return true
}

func (l *line) drop(p *pending) {
	l.waiting.Remove(p.place)
	p.place = nil
	l.rows -= p.rows
	l.bytes -= p.bytes
}

// take gives the appends that the next commit joins, in the order in which they came.
// Of two under one key the second waits for what becomes of the first.
func (l *line) take(rows, bytes int) (group []*pending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	keys := map[onceID]bool{}
	for e := l.waiting.Front(); e != nil; {
		p := e.Value.(*pending)
		e = e.Next()
		if rows, bytes = rows-p.rows, bytes-p.bytes; len(group) > 0 && (rows < 0 || bytes < 0) {
			break
		}
		if p.key != nil {
			if keys[p.key.id] {
				rows, bytes = rows+p.rows, bytes+p.bytes
				continue
			}
			keys[p.key.id] = true
		}
		l.drop(p)
		group = append(group, p)
	}
	return group
}

// more says whether anybody waits; where nobody does, whoever comes next begins anew.
func (l *line) more() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.working = l.waiting.Len() > 0
	return l.working
}

// stored counts a commit.
func (l *line) stored(group []*pending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	appends := 0
	for _, p := range group {
		if p.err == nil && !p.repeated {
			appends++
			l.counts.Rows += int64(p.rows)
		}
	}
	if appends > 0 {
		l.counts.Commits++
		l.counts.Appends += int64(appends)
	}
}

// commitLine commits what waits, group after group, until nobody waits.
func (j *Journal) commitLine() {
	for j.line.more() {
		j.commitGroup(nil, false)
	}
}

// commitGroup stores appends in one transaction and answers each: an append that cannot
// be stored, and whose fault shows before anything is inserted, is left out; where the
// transaction fails as a whole its halves are tried, until the one that spoils it stands
// alone. A group of nil is whoever waits when the transaction has begun: whatever had to
// be waited for until then, they could still go, and others join them.
func (j *Journal) commitGroup(group []*pending, lookUp bool) {
	ctx, cancel := context.WithTimeout(auth.System(context.Background(), "append"), commitTime)
	defer cancel()
	mayBeStored := false // all of it has been written; only the engine knows whether it is committed
	store := func(tx *db.Tx, at *position) error {
		mayBeStored = false
		if group == nil {
			if group = j.line.take(groupRows, groupBytes); group == nil {
				return errNothing
			}
		} else if !lookUp {
			lookUp = true // this is not the first try, and an id that was made may be why
		}
		err := storeAll(ctx, tx, at, group, lookUp, j.now)
		mayBeStored = err == nil
		return err
	}
	err := safely(func() error { return j.commit(ctx, store) })
	if errors.Is(err, errNothing) {
		err = nil
	}
	if group == nil {
		if err == nil {
			return
		}
		// No transaction begins: whoever has waited for one hears why.
		group = j.line.take(waitingRows, waitingBytes)
	}
	switch {
	case err == nil:
		j.line.stored(group)
	case !mayBeStored && fault.KindOf(err) != fault.Unavailable && !lookUp:
		j.commitGroup(group, true)
		return
	case !mayBeStored && fault.KindOf(err) != fault.Unavailable && len(group) > 1:
		half := len(group) / 2
		j.commitGroup(group[:half], true)
		j.commitGroup(group[half:], true)
		return
	}
	for _, p := range group {
		if p.err == nil {
			p.err = err
		}
		close(p.done)
	}
}

// safely calls fn in a goroutine that answers for others: what panics is a fault of theirs,
// and does not end the server.
func safely(fn func() error) (err error) {
	defer func() {
		if what := recover(); what != nil {
			err = fault.Wrap(fault.Internal, fmt.Errorf("panic: %v\n%s", what, debug.Stack()), "the server failed to answer; the log has the details")
		}
	}()
	return fn()
}

// storeAll stores appends in a transaction, in the order in which they stand. One that
// cannot be stored gets its error and is left out; where that leaves none it fails with
// errNothing, and any error fails all. Ctx has the system's rights.
func storeAll(ctx context.Context, tx *db.Tx, at *position, group []*pending, lookUp bool, now func() time.Time) error {
	for _, p := range group {
		p.repeated, p.err = false, nil
	}
	if err := recallAll(ctx, tx, group, now); err != nil {
		return err
	}
	for _, part := range byKind(group) {
		if err := part[0].log.refuseTaken(ctx, tx, part); err != nil {
			return err
		}
	}
	parts := byKind(group)
	if len(parts) == 0 {
		return errNothing
	}
	for jump := int64(64); ; jump *= 2 {
		begun := at.sequence
		for _, p := range group {
			if p.fresh() {
				p.log.stamp(p, at)
			}
		}
		clash := false
		for _, part := range parts {
			one, err := part[0].log.clashes(ctx, tx, part, lookUp)
			if err != nil {
				return err
			}
			clash = clash || one
		}
		if !clash {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		// Rows that another Logbook numbered have come in, or are among these; go on
		// behind them.
		at.sequence = begun + jump
	}
	for _, part := range parts {
		if err := part[0].log.insertAll(ctx, tx, part); err != nil {
			return err
		}
	}
	return rememberAll(ctx, tx, group, now)
}

// fresh says whether there is something to store.
func (p *pending) fresh() bool { return p.err == nil && !p.repeated }

// byKind gives the fresh appends of a group by their kinds, in the order of the kinds:
// two journals never wait for each other in a circle.
func byKind(group []*pending) (parts [][]*pending) {
	for _, p := range group {
		if !p.fresh() {
			continue
		}
		at, found := slices.BinarySearchFunc(parts, p, func(part []*pending, p *pending) int {
			return int(part[0].log.number()) - int(p.log.number())
		})
		if !found {
			parts = slices.Insert(parts, at, nil)
		}
		parts[at] = append(parts[at], p)
	}
	return parts
}

// batch is the rows of a pending append.
type batch[R any] struct {
	rows    []*R
	brought []given
	values  [][]any // of the columns, but for what arrival makes
	answer  []*R    // stored before, where it is repeated
}

func batchOf[R any](p *pending) *batch[R] { return p.batch.(*batch[R]) }

// pending makes an append of rows that lack only what arrival gives. What can be made
// ready is, since commits stand in line and callers do not.
func (l *Log[R, D, F]) pending(rows []*R, brought []given) *pending {
	b := &batch[R]{rows: rows, brought: brought, values: make([][]any, len(rows))}
	p := &pending{log: l, batch: b, rows: len(rows), bytes: rowBytes * len(rows)}
	for i, row := range rows {
		b.values[i] = l.values(row)
		for _, value := range b.values[i] {
			p.bytes += sizeOf(value)
		}
	}
	return p
}

func (l *Log[R, D, F]) number() schema.Kind { return l.kind }

func (l *Log[R, D, F]) refuseTaken(ctx context.Context, tx *db.Tx, members []*pending) error {
	var given []rowID
	for _, p := range members {
		given = append(given, l.givenIDs(p)...)
	}
	if len(given) == 0 {
		return nil
	}
	taken, err := l.byID(ctx, tx.Client, given)
	if err != nil {
		return err
	}
	held := map[rowID]bool{}
	for _, p := range members {
		ids := l.givenIDs(p)
		at := slices.IndexFunc(ids, func(id rowID) bool { return taken[id] != nil || held[id] })
		if at >= 0 {
			p.err = fault.New(fault.Conflict, "the %s %s is there already; nothing was stored", l.noun, fault.Shorten(ids[at].String()))
			continue
		}
		for _, id := range ids {
			held[id] = true
		}
	}
	return nil
}

// givenIDs gives the ids that an append's drafts brought along.
func (l *Log[R, D, F]) givenIDs(p *pending) (ids []rowID) {
	b := batchOf[R](p)
	for i, row := range b.rows {
		if b.brought[i].id {
			ids = append(ids, l.idOf(row))
		}
	}
	return ids
}

func (l *Log[R, D, F]) stamp(p *pending, at *position) {
	b := batchOf[R](p)
	for i, row := range b.rows {
		writer, sequence := l.arrivalOf(row)
		*writer, *sequence = at.writer, at.next()
		if !b.brought[i].id {
			l.setID(row, at.number())
		}
	}
}

func (l *Log[R, D, F]) clashes(ctx context.Context, tx *db.Tx, members []*pending, lookUp bool) (bool, error) {
	count, brought, all := 0, false, map[rowID]bool{}
	for _, p := range members {
		count += p.rows
		brought = brought || slices.ContainsFunc(batchOf[R](p).brought, func(one given) bool { return one.id })
	}
	if !brought && !lookUp {
		return false, nil // they are numbered one after the other, or random
	}
	for _, p := range members {
		for _, row := range batchOf[R](p).rows {
			all[l.idOf(row)] = true
		}
	}
	if len(all) < count || !lookUp {
		return len(all) < count, nil
	}
	// Those that were given have been looked up and found free.
	stored, err := l.byID(ctx, tx.Client, slices.Collect(maps.Keys(all)))
	return len(stored) > 0, err
}

func (l *Log[R, D, F]) insertAll(ctx context.Context, tx *db.Tx, members []*pending) error {
	first := batchOf[R](members[0])
	rows, values := slices.Clip(first.rows), slices.Clip(first.values)
	for _, p := range members[1:] {
		rows, values = append(rows, batchOf[R](p).rows...), append(values, batchOf[R](p).values...)
	}
	return l.insertValues(ctx, tx, rows, values)
}
