package journal

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	entwriter "logbook/ent/writer"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// writerLease is how long a writer number stays with a process that does not
// renew it. Every commit renews it.
const writerLease = time.Minute

// mostLeases is how many numbers one commit tries before it gives up.
const mostLeases = 10

// writer is this process's leased writer number. Rows carry (writer, sequence),
// and the sequence rises in commit order, which is what lets a reader follow the
// log without gap or repeat.
//
// The lease is only a convenience: what makes it safe is that each commit
// updates the writer's row on the condition that the lease's secret is still
// there, so a process that slept through its lease cannot commit under it.
type writer struct {
	mu       sync.Mutex // held from the first statement of a commit to its end
	number   int32      // 0: none leased
	holder   []byte
	sequence int64
}

// errLeaseLost says that another process took the number over; a caller sees it
// where that happened mostLeases times on end.
var errLeaseLost = fault.New(fault.Unavailable, "other processes keep taking the writer number of this one, try again")

// position is what a transaction stamps its rows with.
type position struct {
	writer   int32
	sequence int64 // the last one given
}

// next gives the next sequence.
func (p *position) next() int64 {
	p.sequence++
	return p.sequence
}

// commit runs fn in a write transaction under the writer number; it may run more
// than once and begins anew each time. Commits of one journal stand in line.
func (j *Journal) commit(ctx context.Context, fn func(*db.Tx, *position) error) error {
	w := &j.writer
	w.mu.Lock()
	defer w.mu.Unlock()
	for try := 1; ; try++ {
		err := j.commitOnce(ctx, fn)
		if !errors.Is(err, errLeaseLost) || try == mostLeases {
			return err
		}
		w.number = 0
	}
}

func (j *Journal) commitOnce(ctx context.Context, fn func(*db.Tx, *position) error) error {
	w := &j.writer
	var at position
	var holder []byte
	err := j.db.Write(ctx, func(tx *db.Tx) error {
		at, holder = position{writer: w.number, sequence: w.sequence}, w.holder
		if w.number == 0 {
			var err error
			if at, holder, err = lease(ctx, tx.Client, j.now()); err != nil {
				return err
			}
		}
		begun := at.sequence
		if err := fn(tx, &at); err != nil {
			return err
		}
		// The sequence is part of the condition: a commit whose answer got lost may
		// have been one, and its places are taken.
		kept, err := tx.Writer.Update().
			Where(entwriter.ID(at.writer), entwriter.Holder(holder), entwriter.Sequence(begun)).
			SetSequence(at.sequence).
			SetLeasedUntil(column.TimeOf(j.now().Add(writerLease))).
			Save(ctx)
		if err == nil && kept == 0 {
			err = errLeaseLost
		}
		return err
	})
	if err == nil {
		w.number, w.holder, w.sequence = at.writer, holder, at.sequence
		j.hub.committed(at)
	}
	return err
}

// lease takes the lowest number whose lease has ended, or a new one.
func lease(ctx context.Context, client *ent.Client, now time.Time) (position, []byte, error) {
	holder := make([]byte, 16)
	_, _ = rand.Read(holder) // never fails
	until := column.TimeOf(now.Add(writerLease))

	free, err := client.Writer.Query().
		Where(entwriter.LeasedUntilLT(column.TimeOf(now))).
		Order(entwriter.ByID()).First(ctx)
	if err == nil {
		// Where transactions run side by side another process may take it first.
		taken, err := client.Writer.Update().
			Where(entwriter.ID(free.ID), entwriter.Holder(free.Holder), entwriter.LeasedUntil(free.LeasedUntil)).
			SetHolder(holder).SetLeasedUntil(until).Save(ctx)
		if err == nil && taken == 0 {
			err = errLeaseLost
		}
		return position{free.ID, free.Sequence}, holder, err
	}
	if !ent.IsNotFound(err) {
		return position{}, nil, err
	}
	taken, err := client.Writer.Query().Count(ctx)
	if err != nil {
		return position{}, nil, err
	}
	number := int32(taken) + 1
	if number >= mostWriters {
		return position{}, nil, fault.New(fault.Unavailable, "%d processes have written within the last minute, the most there may be", taken)
	}
	err = client.Writer.Create().SetID(number).SetHolder(holder).SetLeasedUntil(until).SetSequence(0).Exec(ctx)
	return position{writer: number}, holder, err
}

// KeepLease renews the lease until the context ends, so that other processes
// know somebody may write beside them and yield. It returns when ctx is done.
func (j *Journal) KeepLease(ctx context.Context, failed func(error)) {
	tick := time.NewTicker(writerLease / 3)
	defer tick.Stop()
	for {
		err := j.commit(ctx, func(*db.Tx, *position) error { return nil })
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// othersWrite says whether another process holds a lease.
func (j *Journal) othersWrite(ctx context.Context) (bool, error) {
	j.writer.mu.Lock()
	holder := j.writer.holder
	j.writer.mu.Unlock()
	live, err := j.db.Ent().Writer.Query().
		Where(entwriter.LeasedUntilGT(column.TimeOf(j.now()))).All(ctx)
	if err != nil {
		return false, err
	}
	for _, other := range live {
		if !bytes.Equal(other.Holder, holder) {
			return true, nil
		}
	}
	return false, nil
}

// yield says whether another process may be writing, and pauses as long as the lock was
// held where that keeps it from doing so.
func (j *Journal) yield(ctx context.Context, held time.Duration) (others bool, err error) {
	others, err = j.othersWrite(ctx)
	if err != nil || !others || !j.db.OneWriter() {
		return others, err
	}
	select {
	case <-ctx.Done():
		return true, ctx.Err()
	case <-time.After(held):
		return true, nil
	}
}

// release ends the lease.
func (w *writer) release(ctx context.Context, database *db.DB) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.number == 0 {
		return nil
	}
	return database.Write(ctx, func(tx *db.Tx) error {
		return tx.Writer.Update().
			Where(entwriter.ID(w.number), entwriter.Holder(w.holder)).
			SetLeasedUntil(0).Exec(ctx)
	})
}
