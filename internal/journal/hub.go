package journal

import (
	"context"
	"maps"
	"sync"
	"time"

	"logbook/internal/auth"
)

// pollEvery is how long it takes at the most until a commit of another process is seen.
const pollEvery = 200 * time.Millisecond

// hub tells the followers of a journal how far the order of arrival has come. This
// journal's commits say so themselves; for those of other processes one goroutine asks
// the database, as long as somebody follows. The zero value is ready; it is safe for
// concurrent use.
type hub struct {
	mu    sync.Mutex
	watch *watch // nil while nobody follows
}

// watch is the hub's goroutine and who waits for it, from the first follower that comes
// to the last that leaves. The hub's lock guards it.
type watch struct {
	followers int
	seen      frontier
	moved     chan struct{} // closed, and replaced, when seen moves; closed for good when it failed
	failed    error
	stop      context.CancelFunc
	ended     chan struct{} // closed when the goroutine has
}

// join gives a follower what to wait for. It must leave it.
func (h *hub) join(j *Journal) *watch {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watch == nil {
		ctx, stop := context.WithCancel(auth.System(context.Background(), "follow"))
		h.watch = &watch{seen: frontier{}, moved: make(chan struct{}), stop: stop, ended: make(chan struct{})}
		go h.poll(ctx, j, h.watch)
	}
	h.watch.followers++
	return h.watch
}

// leave takes a follower out. With the last one the goroutine ends.
func (h *hub) leave(w *watch) {
	h.mu.Lock()
	w.followers--
	last := w.followers == 0
	if last && h.watch == w {
		h.watch = nil
	}
	h.mu.Unlock()
	if last {
		w.stop()
		<-w.ended
	}
}

// poll asks for the frontier again and again until ctx ends or the database fails.
func (h *hub) poll(ctx context.Context, j *Journal, w *watch) {
	defer close(w.ended)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		now, err := readFrontier(ctx, j.db.Ent())
		h.mu.Lock()
		if err != nil {
			// Who follows hears of it and may begin anew where it was; who comes next
			// finds a hub without a watch.
			w.failed = err
			close(w.moved)
			if h.watch == w {
				h.watch = nil
			}
			h.mu.Unlock()
			return
		}
		w.reach(now)
		h.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// reach moves what is seen, under the hub's lock.
func (w *watch) reach(now frontier) {
	moved := false
	for writer, sequence := range now {
		moved = w.seen.reach(writer, sequence) || moved
	}
	if moved {
		close(w.moved)
		w.moved = make(chan struct{})
	}
}

// committed says that this journal has committed up to a position.
func (h *hub) committed(at position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watch != nil {
		h.watch.reach(frontier{at.writer: at.sequence})
	}
}

// ahead gives the frontier as soon as it is ahead of a place. It fails when ctx ends
// and when the database does.
func (h *hub) ahead(ctx context.Context, w *watch, of frontier) (frontier, error) {
	for {
		h.mu.Lock()
		var seen frontier
		if of.behind(w.seen) {
			seen = maps.Clone(w.seen)
		}
		moved, failed := w.moved, w.failed
		h.mu.Unlock()
		switch {
		case failed != nil:
			return nil, failed
		case seen != nil:
			return seen, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-moved:
		}
	}
}
