package web

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"logbook/internal/auth"
	"logbook/internal/fault"
)

// mostCallers is how many callers a generation of RateLimit holds.
const mostCallers = 16384

// burstSeconds is how many seconds' worth of requests may come at once.
const burstSeconds = 10

// RateLimit admits so many requests a second of one caller, on average: a caller
// that has been quiet may send ten seconds' worth at once, and at least one. A caller
// is who is signed in (a user; a token that is no user's, by its name; in one tenant),
// else the network that the request comes from.
//
// It remembers up to 32,768 callers. Where more ask, those that have not asked for the
// longest time begin anew, so that many addresses fill no memory; nobody is refused for
// them. It is safe for concurrent use.
type RateLimit struct {
	Now func() time.Time

	perSecond rate.Limit
	burst     int

	mu         sync.Mutex
	young, old map[caller]*rate.Limiter // who asked since old was young; who asked before
}

// caller is whom a limit is for.
type caller struct {
	subject, username string
	tenant            [16]byte
	network           string // "" for who is signed in
}

// NewRateLimit makes a limit of so many requests a second, more than 0, by the
// system's clock.
func NewRateLimit(perSecond float64) *RateLimit {
	return &RateLimit{
		Now: time.Now, perSecond: rate.Limit(perSecond), burst: int(math.Ceil(burstSeconds * perSecond)),
		young: map[caller]*rate.Limiter{},
	}
}

// Middleware leaves in a request's context what admits it (auth.Admit), which fails
// with kind TooMany. It expects the caller's principal there. A request that no gate is
// asked about, such as one for /healthz, counts for nothing.
func (l *RateLimit) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		admit := func(ctx context.Context) error { return l.admit(callerOf(ctx)) }
		next.ServeHTTP(w, r.WithContext(auth.WithAdmission(r.Context(), admit)))
	})
}

func callerOf(ctx context.Context) caller {
	p := auth.From(ctx)
	if p == nil {
		return caller{network: auth.OriginOf(ctx).Network()}
	}
	c := caller{subject: p.Subject, username: p.Username}
	if p.Tenant != nil {
		c.tenant = *p.Tenant
	}
	return c
}

// admit counts a request of the caller.
func (l *RateLimit) admit(c caller) error {
	now := l.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter := l.of(c)
	if limiter.AllowN(now, 1) {
		return nil
	}
	missing := (1 - limiter.TokensAt(now)) / float64(l.perSecond)
	wait := time.Duration(math.Ceil(missing)) * time.Second
	refusal := fault.New(fault.TooMany, "you ask too often, try again in %d s", int(wait/time.Second))
	refusal.After = wait
	return refusal
}

// of gives the caller's limiter.
func (l *RateLimit) of(c caller) *rate.Limiter {
	if found, ok := l.young[c]; ok {
		return found
	}
	found, ok := l.old[c]
	if !ok {
		found = rate.NewLimiter(l.perSecond, l.burst)
	}
	if len(l.young) == mostCallers {
		l.old, l.young = l.young, map[caller]*rate.Limiter{}
	}
	l.young[c] = found
	return found
}

// RetryAfter sets the header of that name, in whole seconds, for an answer with an
// error that says when to try again.
func RetryAfter(w http.ResponseWriter, err error) {
	if after := fault.As(err).After; after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	}
}
