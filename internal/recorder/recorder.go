// Package recorder records what happens beside the answers to requests, best effort:
// calls of an API, tokens that are refused. It never fails a request and never makes
// one wait. What is to be recorded waits in a queue of limited length, from which one
// goroutine stores it in batches; what finds the queue full, or the database failing,
// is counted, named in the log at most once a minute, and lost.
//
// Whoever knocks without being let in cannot fill the disk: of what First is asked
// about, one of a kind is recorded a minute and caller, and few altogether (perMinute,
// perDay). Of a knock's texts, which its sender makes as long as it likes, KnockText
// bytes are enough.
package recorder

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"logbook/internal/auth"
	"logbook/internal/fault"
)

const (
	queueLength  = 4096                   // records that wait
	batchLength  = 256                    // records of one transaction
	batchPause   = 200 * time.Millisecond // to gather a batch
	storeTimeout = 10 * time.Second       // for the database to store a batch
	drainTimeout = 2 * time.Second        // for what waits when the recorder stops
	warnPause    = time.Minute            // between two lines of the log about losses
	perMinute    = 20                     // firsts
	perDay       = 10000                  // firsts: some 20 MB
)

// KnockText is how much of a text of a knock is kept, in bytes.
const KnockText = 200

// Recorder records values of type R. It is safe for concurrent use.
type Recorder[R any] struct {
	what  string
	store func(context.Context, []R) error
	now   func() time.Time
	log   *slog.Logger

	queue   chan R
	flush   chan chan struct{}
	stop    chan struct{}
	stopped chan struct{}
	ctx     context.Context    // of run
	cancel  context.CancelFunc // ends what the database is still at
	once    sync.Once          // closes stop

	recorded, gathered, lost atomic.Int64

	mu               sync.Mutex
	strangers, known budget

	// What the log has said of losses; belongs to run.
	warned  time.Time        // when
	said    int64            // how many
	failure error            // the last one of the database
	later   <-chan time.Time // when to say more; nil where there is no more
}

// budget is how many firsts are recorded of one sort of callers. The clock of what it
// is asked about may jump back; its own does not.
type budget struct {
	minute, day int64
	seen        map[knock]struct{} // firsts of the minute
	today       int                // firsts of the day
}

// knock is what makes records one.
type knock struct {
	caller string
	like   int
}

func (b *budget) first(one knock, at time.Time) bool {
	if minute := at.Unix() / 60; minute > b.minute || b.seen == nil {
		b.minute, b.seen = minute, map[knock]struct{}{}
	}
	if day := at.Unix() / 86400; day > b.day {
		b.day, b.today = day, 0
	}
	if _, seen := b.seen[one]; seen || len(b.seen) >= perMinute || b.today >= perDay {
		return false
	}
	b.seen[one] = struct{}{}
	b.today++
	return true
}

// Counts says what became of records since the recorder began.
type Counts struct {
	Recorded int64 // stored
	Gathered int64 // left out, since one of the same minute stands for them
	Lost     int64 // could not be recorded
}

// New starts a recorder. What says in the log what is recorded; store stores a batch
// under the rights of the system. Where store fails with kind Invalid the batch is
// stored one by one, so that one record spoils no other. Stop it before what store
// uses is closed.
func New[R any](what string, store func(context.Context, []R) error, now func() time.Time, log *slog.Logger) *Recorder[R] {
	ctx, cancel := context.WithCancel(auth.System(context.Background(), what))
	r := &Recorder[R]{
		what: what, store: store, now: now, log: log, ctx: ctx, cancel: cancel,
		queue: make(chan R, queueLength), flush: make(chan chan struct{}),
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	go r.run() // until Stop
	return r
}

// Counts says what became of the records so far. Those that wait are in no number.
func (r *Recorder[R]) Counts() Counts {
	return Counts{Recorded: r.recorded.Load(), Gathered: r.gathered.Load(), Lost: r.lost.Load()}
}

// Stop stores what waits, for two seconds at most, and ends the recorder. Records that
// come later are lost, and counted.
func (r *Recorder[R]) Stop() {
	r.once.Do(func() { close(r.stop) })
	defer time.AfterFunc(drainTimeout, r.cancel).Stop()
	<-r.stopped
}

// Flush returns when the records that wait are stored or lost.
func (r *Recorder[R]) Flush() {
	done := make(chan struct{})
	select {
	case r.flush <- done:
		<-done
	case <-r.stopped:
	}
}

// Record queues a record. It does not wait.
func (r *Recorder[R]) Record(record R) {
	select {
	case <-r.stop:
		r.lost.Add(1)
		return
	default:
	}
	select {
	case r.queue <- record:
	default:
		r.lost.Add(1)
	}
}

// First says whether something is the first of its like from a caller in a minute of the
// clock, and so to be recorded. What is not counts as gathered, and so does all behind
// the first few of a minute and of a day. A caller who is known, who signed in or brought
// a token that once did, shares these with the other known ones: strangers, who may be as
// many as they like, take nothing of it. Of a stranger the caller is auth.Origin's network.
func (r *Recorder[R]) First(caller string, known bool, like int, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	of := &r.strangers
	if known {
		of = &r.known
	}
	if !of.first(knock{caller, like}, at) {
		r.gathered.Add(1)
		return false
	}
	return true
}

// run stores what is queued, in batches, until Stop.
func (r *Recorder[R]) run() {
	defer close(r.stopped)
	defer r.cancel()
	var batch []R
	var pause <-chan time.Time // nil while the batch is empty
	store := func() {
		ctx, cancel := context.WithTimeout(r.ctx, storeTimeout)
		defer cancel()
		r.storeAll(ctx, batch)
		clear(batch)
		batch, pause = batch[:0], nil
	}
	rest := func() {
		for len(r.queue) > 0 {
			if batch = append(batch, <-r.queue); len(batch) == batchLength {
				store()
			}
		}
		store()
	}
	for {
		select {
		case record := <-r.queue:
			if batch = append(batch, record); len(batch) == 1 {
				pause = time.After(batchPause)
			}
			if len(batch) == batchLength {
				store()
			}
		case <-pause:
			store()
		case <-r.later:
			r.later = nil
		case done := <-r.flush:
			rest()
			r.warn(false)
			close(done)
		case <-r.stop:
			rest()
			r.warn(true)
			return
		}
		r.warn(false)
	}
}

// storeAll stores records. Where one of them cannot be stored the others still are.
func (r *Recorder[R]) storeAll(ctx context.Context, batch []R) {
	if len(batch) == 0 {
		return
	}
	err := r.store(ctx, batch)
	switch {
	case err == nil:
		r.recorded.Add(int64(len(batch)))
	case fault.KindOf(err) == fault.Invalid && len(batch) > 1:
		for i := range batch {
			r.storeAll(ctx, batch[i:i+1])
		}
	default:
		r.lost.Add(int64(len(batch)))
		r.failure = err
	}
}

// warn names new losses in the log, at most once a warnPause unless it is the last time.
func (r *Recorder[R]) warn(last bool) {
	lost, now := r.lost.Load(), r.now()
	if lost == r.said {
		return
	}
	if wait := warnPause - now.Sub(r.warned); !last && wait > 0 {
		if r.later == nil {
			r.later = time.After(wait)
		}
		return
	}
	r.log.Warn(r.what+" were not recorded: the database failed, or they came too fast",
		"lost", lost-r.said, "since_start", lost, "error", r.failure)
	r.warned, r.said, r.failure, r.later = now, lost, nil, nil
}
