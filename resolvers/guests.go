package resolvers

import (
	"context"
	"errors"
	"sync"
	"time"

	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/web"
)

// What one caller may have at once, which schema.graphqls promises. A client that
// appends has many mutations under way, since a commit takes those of a moment
// together; clients of one token may be many, and those that come again after a broken
// network find what they had still there.
const (
	maxRunning       = 100  // queries and mutations
	maxSubscriptions = 500  // subscriptions
	maxSockets       = 1000 // sockets, by whoever began them: for browsers a network, since they sign in later
	maxOperations    = 100  // operations of one socket, subscriptions among them
)

// liveSurface is what requests that stay are counted under, so that they are no part
// of how long answers take.
const liveSurface = "subscriptions"

// recheck is how often it is asked whether a guest is still signed in.
const recheck = 500 * time.Millisecond

// guests are the callers who stay: those of sockets and of streams. It is safe for
// concurrent use.
type guests struct {
	sockets  *web.AtOnce
	stopping chan struct{} // closed when the server stops

	mu      sync.Mutex
	stopped bool
	here    sync.WaitGroup
}

// errStopping ends what is live when the server stops.
var errStopping = errors.New("the server stops")

func newGuests() *guests {
	return &guests{sockets: web.NewAtOnce(maxSockets), stopping: make(chan struct{})}
}

// Stop ends all sockets and streams, and waits until they are gone: their callers are
// told to come again. It is for http.Server's RegisterOnShutdown, which does not wait,
// and for whoever closes the journal afterwards. It may be called several times.
func (s *Server) Stop() {
	s.guests.mu.Lock()
	if !s.guests.stopped {
		s.guests.stopped = true
		close(s.guests.stopping)
	}
	s.guests.mu.Unlock()
	s.guests.here.Wait()
}

// enter lets a guest in, who leaves once. It fails with kind Unavailable when the
// server stops.
func (g *guests) enter() (leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		return nil, fault.New(fault.Unavailable, "the server stops, try again in a moment")
	}
	g.here.Add(1)
	return g.here.Done, nil
}

// watch looks after a guest until the context ends, and gives nil then. It gives
// errStopping when the server stops, and an error of kind Unauthenticated when the
// caller of signedIn's context is signed in no longer; beat is called at every keepAlive.
func (g *guests) watch(ctx context.Context, keepAlive time.Duration, signedIn func() context.Context, beat func()) error {
	check, alive := time.NewTicker(recheck), time.NewTicker(keepAlive)
	defer check.Stop()
	defer alive.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-g.stopping:
			return errStopping
		case <-alive.C:
			beat()
		case <-check.C:
			if err := auth.StillSignedIn(signedIn()); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}
