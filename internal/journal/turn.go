package journal

import "context"

// mostScans is how many questions at a time may look at row after row: half of SQLite's
// connections for reading, so that whoever asks by an index finds one free.
const mostScans = 2

// turn waits, where a filter has no index to look in, until others that have none have
// been answered. Call done, once, when the rows are read; never wait with a connection
// in hand. It fails when ctx ends.
func (l *Log[R, D, F]) turn(ctx context.Context, filter F) (done func(), err error) {
	if reads, ok := any(&filter).(interface{ ReadsRows() bool }); !ok || !reads.ReadsRows() {
		return func() {}, nil
	}
	select {
	case l.journal.scans <- struct{}{}:
		return func() { <-l.journal.scans }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
