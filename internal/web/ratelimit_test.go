package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/web"
)

// limited is a server behind a limit, with a clock of its own.
type limited struct {
	limit   *web.RateLimit
	handler http.Handler
	now     atomic.Int64 // nanoseconds
}

// newLimited serves a handler that asks several gates and says what the first said; at
// /open it asks none.
func newLimited(perSecond float64) *limited {
	l := &limited{limit: web.NewRateLimit(perSecond)}
	l.now.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	l.limit.Now = func() time.Time { return time.Unix(0, l.now.Load()) }
	l.handler = l.limit.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/open" {
			return
		}
		err := auth.Admit(r.Context())
		if again := auth.Require(r.Context(), auth.Need{}); (fault.KindOf(again) == fault.TooMany) != (err != nil) {
			panic(fmt.Sprint("the gates differ: ", err, ", ", again))
		}
		if err != nil {
			web.RetryAfter(w, err)
			w.WriteHeader(http.StatusTooManyRequests)
		}
	}))
	return l
}

// ask gives "" for a request that is admitted, else its Retry-After.
func (l *limited) ask(path, address string, p *auth.Principal) string {
	r := httptest.NewRequest("GET", path, nil)
	ctx := auth.WithOrigin(r.Context(), auth.Origin{Address: address})
	if p != nil {
		ctx = auth.With(ctx, p)
	}
	recorder := httptest.NewRecorder()
	l.handler.ServeHTTP(recorder, r.WithContext(ctx))
	if recorder.Code == http.StatusOK {
		return ""
	}
	return recorder.Header().Get("Retry-After")
}

// asks holds what each of a number of requests gets.
func (l *limited) asks(t *testing.T, n int, address string, p *auth.Principal, want string) {
	t.Helper()
	for i := range n {
		if got := l.ask("/", address, p); got != want {
			t.Errorf("request %d of %s %+v: %q, want %q", i+1, address, p, got, want)
		}
	}
}

func (l *limited) pass(d time.Duration) { l.now.Add(int64(d)) }

func TestRateLimit(t *testing.T) {
	t.Parallel()
	l := newLimited(2)
	l.asks(t, 20, "192.0.2.1", nil, "") // ten seconds' worth
	l.asks(t, 3, "192.0.2.1", nil, "1")
	l.pass(499 * time.Millisecond)
	l.asks(t, 1, "192.0.2.1", nil, "1")
	l.pass(time.Millisecond)
	l.asks(t, 1, "192.0.2.1", nil, "")
	l.asks(t, 1, "192.0.2.1", nil, "1")
	if got := l.ask("/open", "192.0.2.1", nil); got != "" {
		t.Errorf("a path without a gate answers %q", got)
	}
	l.pass(time.Hour)
	for range 100 {
		l.ask("/open", "192.0.2.1", nil) // counts for nothing
	}
	l.asks(t, 20, "192.0.2.1", nil, "") // never more
	l.asks(t, 1, "192.0.2.1", nil, "1")

	slow := newLimited(0.001)
	slow.asks(t, 1, "192.0.2.1", nil, "") // at least one
	slow.pass(10 * time.Second)
	slow.asks(t, 1, "192.0.2.1", nil, "990")
	slow.pass(990 * time.Second)
	slow.asks(t, 1, "192.0.2.1", nil, "")
}

// TestRateLimitCallers holds who is one caller and who is two.
func TestRateLimitCallers(t *testing.T) {
	t.Parallel()
	one, two := [16]byte{1}, [16]byte{2}
	l := newLimited(0.1)
	for _, c := range []struct {
		address string
		p       *auth.Principal
		own     bool // has a limit that nobody above has used
	}{
		{"192.0.2.1", nil, true},
		{"::ffff:192.0.2.1", nil, false},
		{"192.0.2.2", nil, true},
		{"2001:db8:0:1::1", nil, true},
		{"2001:db8:0:1:ffff::2", nil, false},
		{"2001:db8:0:2::1", nil, true},
		{"fe80::1%eth0", nil, true},
		{"fe80::1%eth1", nil, false},
		{"a pipe", nil, true},
		{"", nil, true},
		{"192.0.2.1", &auth.Principal{Subject: "7", Username: "ann"}, true},
		{"192.0.2.9", &auth.Principal{Subject: "7", Username: "ann"}, false},
		{"192.0.2.9", &auth.Principal{Subject: "8", Username: "ann"}, true},
		{"192.0.2.9", &auth.Principal{Subject: "7", Username: "ann", Tenant: &one}, true},
		{"192.0.2.9", &auth.Principal{Subject: "7", Username: "ann", Tenant: &two}, true},
		{"192.0.2.9", &auth.Principal{Subject: "0", Username: "shop"}, true}, // tokens of no user
		{"192.0.2.9", &auth.Principal{Subject: "0", Username: "till"}, true},
		{"192.0.2.9", nil, true},
	} {
		want := "10"
		if c.own {
			want = ""
		}
		l.asks(t, 1, c.address, c.p, want)
		l.asks(t, 1, c.address, c.p, "10")
	}
}

// TestRateLimitForgets sends from more addresses than are remembered: those that keep
// asking stay limited, of the others the oldest begin anew.
func TestRateLimitForgets(t *testing.T) {
	t.Parallel()
	l := newLimited(0.1)
	l.asks(t, 1, "192.0.2.1", nil, "")
	l.asks(t, 1, "192.0.2.2", nil, "")
	for i := range 40_000 {
		address := fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)
		if got := l.ask("/", address, nil); got != "" {
			t.Fatalf("%s is refused: %q", address, got)
		}
		if i%10_000 == 0 {
			l.asks(t, 1, "192.0.2.1", nil, "10")
		}
	}
	l.asks(t, 1, "192.0.2.1", nil, "10")
	l.asks(t, 1, "192.0.2.2", nil, "")
}

// TestRateLimitAtOnce holds that many requests at once are counted each.
func TestRateLimitAtOnce(t *testing.T) {
	t.Parallel()
	l := newLimited(10)
	var admitted atomic.Int64
	var work sync.WaitGroup
	for range 8 {
		work.Go(func() {
			for range 50 {
				if l.ask("/", "192.0.2.1", nil) == "" {
					admitted.Add(1)
				}
			}
		})
	}
	work.Wait()
	if n := admitted.Load(); n != 100 {
		t.Errorf("%d requests were admitted, want 100", n)
	}
}
