package web

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"logbook/internal/fault"
)

// AtOnce admits so many things at once of one caller, whom it tells from others as
// RateLimit does. It remembers only callers who are at it now. It is safe for
// concurrent use.
type AtOnce struct {
	most  int
	total atomic.Int64

	mu  sync.Mutex
	now map[caller]int
}

// NewAtOnce makes one that admits most things at once of one caller.
func NewAtOnce(most int) *AtOnce { return &AtOnce{most: most, now: map[caller]int{}} }

// Enter counts one thing more of the context's caller, until leave is called, which has
// to be once. It fails with kind TooMany.
func (a *AtOnce) Enter(ctx context.Context) (leave func(), err error) {
	who := callerOf(ctx)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.now[who] >= a.most {
		refusal := fault.New(fault.TooMany, "you have %d of these at work already, try again when one has ended", a.most)
		refusal.After = time.Second
		return nil, refusal
	}
	a.now[who]++
	a.total.Add(1)
	return func() {
		a.total.Add(-1)
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.now[who]--; a.now[who] == 0 {
			delete(a.now, who)
		}
	}, nil
}

// Total gives how many there are of all callers.
func (a *AtOnce) Total() int64 { return a.total.Load() }
