package authn

import (
	"crypto/sha256"
	"sync"
	"time"

	"logbook/internal/auth"
	"logbook/internal/fault"
)

// fresh is how long a principal is remembered: a revoked token or a disabled user
// is dead everywhere within this time, and what is asked about every half a second
// (auth.StillSignedIn) within a second.
const fresh = 400 * time.Millisecond

// cache remembers principals that were found a moment ago, by a hash of what they
// were found by, and what belongs to nobody. It is safe for concurrent use.
type cache struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]remembered
}

type remembered struct {
	principal *auth.Principal
	err       error
	until     time.Time
}

// recall gives what is remembered, or what find gives.
func (c *cache) recall(key [sha256.Size]byte, now time.Time, find func() (*auth.Principal, error)) (*auth.Principal, error) {
	c.mu.Lock()
	found, ok := c.known[key]
	c.mu.Unlock()
	if ok && now.Before(found.until) {
		return found.principal, found.err
	}
	principal, err := find()
	if err == nil || fault.KindOf(err) == fault.Unauthenticated {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.known == nil || len(c.known) >= 4096 {
			c.known = map[[sha256.Size]byte]remembered{}
		}
		c.known[key] = remembered{principal, err, now.Add(fresh)}
	}
	return principal, err
}
