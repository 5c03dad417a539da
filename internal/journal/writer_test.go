package journal_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"logbook/ent/column"
	"logbook/ent/entry"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// TestWritersNeverShareAPlace lets several journals write to one database while
// their leases run out under them, and wants every (writer, sequence) once, in
// commit order.
func TestWritersNeverShareAPlace(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		var clock sync.Mutex
		now := noon
		tick := func() time.Time { // each look at the clock takes 20 s
			clock.Lock()
			defer clock.Unlock()
			now = now.Add(20 * time.Second)
			return now
		}
		const writers, batches = 4, 25
		var all sync.WaitGroup
		for range writers {
			j := journal.New(w.database, journal.Options{Now: tick})
			all.Go(func() {
				for range batches {
					_, err := j.Entries.Append(ctx, []journal.EntryDraft{{Message: "a"}, {Message: "b"}})
					for fault.KindOf(err) == fault.Unavailable { // this clock robs leases; nothing was stored
						_, err = j.Entries.Append(ctx, []journal.EntryDraft{{Message: "a"}, {Message: "b"}})
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		type place struct {
			writer   int32
			sequence int64
		}
		seen := map[place]column.ID{}
		rows, err := w.database.Ent().Entry.Query().Order(entry.ByID()).All(ctx)
		if err != nil {
			t.Fatal(err)
		}
		highest := map[int32]int64{}
		for _, row := range rows {
			at := place{row.Writer, row.Sequence}
			if twin, taken := seen[at]; taken {
				t.Errorf("%v and %v both have the place %v", twin, row.ID, at)
			}
			seen[at] = row.ID
			highest[row.Writer] = max(highest[row.Writer], row.Sequence)
		}
		if len(seen) != writers*batches*2 {
			t.Errorf("%d places, want %d", len(seen), writers*batches*2)
		}
		var sum int64
		for _, sequence := range highest {
			sum += sequence
		}
		if sum != int64(len(seen)) {
			t.Errorf("the writers' last sequences add up to %d, want %d: there are gaps", sum, len(seen))
		}
	})
}

// TestReleasedWriterIsTakenOver wants few numbers over many processes.
func TestReleasedWriterIsTakenOver(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		for range 3 {
			j := journal.New(w.database, journal.Options{Now: func() time.Time { return noon }})
			rows, err := j.Entries.Append(ctx, []journal.EntryDraft{{Message: "m"}})
			if err != nil {
				t.Fatal(err)
			}
			if rows[0].Writer != 1 {
				t.Errorf("writer %d, want the released 1", rows[0].Writer)
			}
			if err := j.Close(ctx); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestLostAnswer lets a commit succeed without the journal hearing of it, as when
// the connection breaks at that moment, and wants its places never given again.
func TestLostAnswer(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		first, err := w.Entries.Append(ctx, []journal.EntryDraft{{Message: "heard of"}})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.database.Write(ctx, func(tx *db.Tx) error {
			return tx.Writer.UpdateOneID(first[0].Writer).AddSequence(3).Exec(ctx)
		}); err != nil {
			t.Fatal(err)
		}
		next, err := w.Entries.Append(ctx, []journal.EntryDraft{{Message: "after it"}})
		if err != nil {
			t.Fatal(err)
		}
		if next[0].Writer == first[0].Writer && next[0].Sequence <= first[0].Sequence+3 {
			t.Errorf("the row has the place (%d, %d), which may be taken", next[0].Writer, next[0].Sequence)
		}
	})
}
