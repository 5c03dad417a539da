package rest

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
	"logbook/internal/web"
)

// CallRecorder records the calls to Logbook's own OpenAPI paths as API calls, those
// that are refused included. It does so best effort: a call is never failed or
// slowed by it. Calls wait in a queue of limited length, from which one goroutine
// stores them in batches; what finds the queue full, or the database failing, is
// counted (Counts), named in the log at most once a minute, and lost.
//
// Who knocks without being let in cannot fill the disk: calls without a principal,
// and those whose answer anybody gets (401, 403, 404, 405, 429, and the 204 of OPTIONS),
// are gathered. Of those alike in address (in IPv6: in the network of 64 bits) and
// status, which is 404 for unknown paths alone, the first of each minute of the clock is
// recorded, under its own caller, method and path; the others are only counted. So are
// all behind the first mostRefusals of a minute: at most 288,000 rows a day come of
// knocking.
//
// A row's app is the name of the user or token, else the user's id, "-" for nobody; its
// path is as it was sent, percent-encoding included, without the query; its address is
// the other end of the connection. It belongs to the tenant that the caller is bound to.
//
// It is safe for concurrent use.
type CallRecorder struct {
	append func(context.Context, []journal.APICallDraft) error
	now    func() time.Time
	log    *slog.Logger

	queue   chan journal.APICallDraft
	flush   chan chan struct{}
	stop    chan struct{}
	stopped chan struct{}
	ctx     context.Context    // of run
	cancel  context.CancelFunc // ends what the database is still at
	once    sync.Once          // closes stop

	recorded, gathered, lost atomic.Int64

	mu     sync.Mutex
	minute int64 // of the clock, whose refusals seen holds
	seen   map[refusedCall]struct{}

	// What the log has said of losses; belongs to run.
	warned  time.Time // when
	said    int64     // how many
	failure error     // the last one of the database
}

// refusedCall is what makes refusals one.
type refusedCall struct {
	from   string // auth.Origin's network
	status int    // 404 tells unknown paths from known ones
}

const (
	callQueue    = 4096                   // calls that wait
	callBatch    = 256                    // calls of one transaction
	callPause    = 200 * time.Millisecond // to gather a batch
	callTimeout  = 10 * time.Second       // for the database to store a batch
	callDrain    = 2 * time.Second        // for what waits when the recorder stops
	mostRefusals = 200                    // rows of refusals a minute
)

// Bounds of a row's texts, in bytes, as the journal has them.
const (
	callText = 255
	callPath = 2048
)

// CallCounts says what became of calls since the recorder began.
type CallCounts struct {
	Recorded int64 // rows stored
	Gathered int64 // refusals that a row of the same minute stands for
	Lost     int64 // calls that could not be recorded
}

// NewCallRecorder starts a recorder. Stop it before the journal is closed.
func NewCallRecorder(j *journal.Journal, log *slog.Logger) *CallRecorder {
	c := newCallRecorder(func(ctx context.Context, drafts []journal.APICallDraft) error {
		_, err := j.APICalls.Append(ctx, drafts)
		return err
	}, j.Now, log, callQueue)
	go c.run() // until Stop
	return c
}

func newCallRecorder(append func(context.Context, []journal.APICallDraft) error, now func() time.Time, log *slog.Logger, queue int) *CallRecorder {
	ctx, cancel := context.WithCancel(auth.System(context.Background(), "API calls"))
	return &CallRecorder{
		append: append, now: now, log: log, ctx: ctx, cancel: cancel,
		queue: make(chan journal.APICallDraft, queue), flush: make(chan chan struct{}),
		stop: make(chan struct{}), stopped: make(chan struct{}),
		seen: map[refusedCall]struct{}{},
	}
}

// Counts says what became of the calls so far. Those that wait are in no number.
func (c *CallRecorder) Counts() CallCounts {
	return CallCounts{Recorded: c.recorded.Load(), Gathered: c.gathered.Load(), Lost: c.lost.Load()}
}

// Stop stores what waits, for two seconds at most, and ends the recorder. Calls that
// come later are lost, and counted.
func (c *CallRecorder) Stop() {
	c.once.Do(func() { close(c.stop) })
	defer time.AfterFunc(callDrain, c.cancel).Stop()
	<-c.stopped
}

// Flush returns when the calls that wait are stored or lost.
func (c *CallRecorder) Flush() {
	done := make(chan struct{})
	select {
	case c.flush <- done:
		<-done
	case <-c.stopped:
	}
}

// Record gives a handler that answers as next does and then records the call.
func (c *CallRecorder) Record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := column.TimeOf(c.now())
		web.Watch(w, r, next, func(status int) { c.record(r, begun, status) })
	})
}

// record queues a call, unless another stands for it or the queue is full.
func (c *CallRecorder) record(r *http.Request, at column.Time, status int) {
	origin := auth.OriginOf(r.Context())
	p := auth.From(r.Context())
	if (p == nil || forAnybody(status)) && !c.first(refusedCall{origin.Network(), status}, at) {
		c.gathered.Add(1)
		return
	}
	draft := journal.APICallDraft{
		OperationTime: &at,
		AppID:         cutBytes(callerOf(p), callText),
		APIPath:       cutBytes(r.URL.EscapedPath(), callPath), // plain ASCII, whatever the caller sent
		HTTPMethod:    cutBytes(r.Method, callText),
		SourceIP:      cutBytes(origin.Address, callText),
		StatusCode:    int64(status),
	}
	if p != nil {
		draft.TenantID = (*column.ID)(p.Tenant)
	}
	select {
	case <-c.stop:
		c.lost.Add(1)
		return
	default:
	}
	select {
	case c.queue <- draft:
	default:
		c.lost.Add(1)
	}
}

// forAnybody says whether an answer's status is one that needs no permission, or one of
// those that come in masses by their nature.
func forAnybody(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusNoContent, // of OPTIONS
		http.StatusTooManyRequests:
		return true
	}
	return false
}

// callerOf gives what is recorded as the app of a call: the user's or token's name,
// the user's id where there is no name, "-" for nobody.
func callerOf(p *auth.Principal) string {
	switch {
	case p == nil:
		return "-"
	case p.Username != "":
		return p.Username
	}
	return p.Subject
}

// first says whether a refusal is the first of its like in its minute.
func (c *CallRecorder) first(call refusedCall, at column.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if minute := int64(at) / int64(time.Minute/time.Microsecond); minute != c.minute {
		c.minute = minute
		clear(c.seen)
	}
	if _, seen := c.seen[call]; seen || len(c.seen) >= mostRefusals {
		return false
	}
	c.seen[call] = struct{}{}
	return true
}

// cutBytes gives at most so many bytes of a text, ending on a rune's edge.
func cutBytes(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for text[most]&0xC0 == 0x80 {
		most--
	}
	return text[:most]
}

// run stores what is queued, in batches, until Stop.
func (c *CallRecorder) run() {
	defer close(c.stopped)
	defer c.cancel()
	var batch []journal.APICallDraft
	var pause <-chan time.Time // nil while the batch is empty
	store := func() {
		ctx, cancel := context.WithTimeout(c.ctx, callTimeout)
		defer cancel()
		c.store(ctx, batch)
		batch, pause = batch[:0], nil
	}
	rest := func() {
		for len(c.queue) > 0 {
			if batch = append(batch, <-c.queue); len(batch) == callBatch {
				store()
			}
		}
		store()
	}
	for {
		select {
		case call := <-c.queue:
			if batch = append(batch, call); len(batch) == 1 {
				pause = time.After(callPause)
			}
			if len(batch) == callBatch {
				store()
			}
		case <-pause:
			store()
		case done := <-c.flush:
			rest()
			c.warn(false)
			close(done)
		case <-c.stop:
			rest()
			c.warn(true)
			return
		}
		c.warn(false)
	}
}

// store stores calls. Where one of them cannot be stored, since its tenant is
// unknown for instance, the others still are.
func (c *CallRecorder) store(ctx context.Context, batch []journal.APICallDraft) {
	if len(batch) == 0 {
		return
	}
	err := c.append(ctx, batch)
	switch {
	case err == nil:
		c.recorded.Add(int64(len(batch)))
	case fault.KindOf(err) == fault.Invalid && len(batch) > 1:
		for i := range batch {
			c.store(ctx, batch[i:i+1])
		}
	case fault.KindOf(err) == fault.Invalid && batch[0].TenantID != nil:
		batch[0].TenantID = nil
		c.store(ctx, batch)
	default:
		c.lost.Add(int64(len(batch)))
		c.failure = err
	}
}

// warn names new losses in the log, at most once a minute unless it is the last time.
func (c *CallRecorder) warn(last bool) {
	lost, now := c.lost.Load(), c.now()
	if lost == c.said || !last && now.Sub(c.warned) < time.Minute {
		return
	}
	c.log.Warn("API calls were not recorded: the database failed, or they came too fast",
		"calls", lost-c.said, "since_start", lost, "error", c.failure)
	c.warned, c.said, c.failure = now, lost, nil
}
