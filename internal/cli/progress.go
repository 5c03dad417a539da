package cli

import (
	"fmt"
	"io"
	"time"
)

// progress shows how far an import is, on one line of a terminal that is written
// over; on anything else it stays silent.
type progress struct {
	out   io.Writer // nil: no terminal
	every time.Duration
	began time.Time
	last  time.Time
	shown bool
}

func newProgress(p *Process) *progress {
	bar := &progress{every: 200 * time.Millisecond, began: time.Now()}
	if p.Terminal {
		bar.out = p.Stderr
	}
	return bar
}

// show writes the counts, at most five times a second.
func (p *progress) show(c counts) {
	now := time.Now()
	if p.out == nil || now.Sub(p.last) < p.every {
		return
	}
	p.last, p.shown = now, true
	perSecond := float64(c.read) / max(now.Sub(p.began).Seconds(), 0.001)
	fmt.Fprintf(p.out, "\r\033[K%s (%.0f lines/s)", c, perSecond)
}

// clear takes the line away, to make room for another.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.out, "\r\033[K")
		p.shown = false
	}
}
