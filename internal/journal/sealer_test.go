package journal_test

import (
	"context"
	"testing"

	"logbook/ent"
	"logbook/internal/journal"
)

// blocks gives the blocks that there are.
func (w *world) blocks(t testing.TB, ctx context.Context) []*ent.TextBlock {
	t.Helper()
	return must[[]*ent.TextBlock](t)(w.database.Ent().TextBlock.Query().All(ctx))
}

// TestKeepSealed seals rows that were there before, by two at a time, and rows that come
// then, and removes the blocks of rows that were purged.
func TestKeepSealed(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		const rows, inBlock = 50, 4
		w.SearchBy(inBlock, 1, 1000)
		drafts := make([]journal.EntryDraft, rows)
		for i := range drafts {
			drafts[i] = journal.EntryDraft{Message: "m", Timestamp: at(float64(-i))}
		}
		appended := func() {
			t.Helper()
			if _, err := w.Entries.Append(ctx, drafts); err != nil {
				t.Fatal(err)
			}
		}
		appended()
		running, stop := context.WithCancel(ctx)
		ended := make(chan struct{}, 2)
		for range cap(ended) {
			go func() {
				w.KeepSealed(running, func(err error) { t.Error(err) })
				ended <- struct{}{}
			}()
		}
		sealed := func(want int) {
			t.Helper()
			for len(w.blocks(t, ctx)) < want {
				select {
				case <-t.Context().Done():
					return
				default:
				}
			}
			covered := map[int64]bool{}
			for _, block := range w.blocks(t, ctx) {
				for sequence := block.FirstSequence; sequence <= block.LastSequence; sequence++ {
					if covered[sequence] {
						t.Fatalf("two blocks have the sequence %d", sequence)
					}
					covered[sequence] = true
				}
			}
		}
		sealed(rows / inBlock)
		appended()
		sealed(2 * rows / inBlock)
		stop()
		for range cap(ended) {
			<-ended
		}
		if _, err := w.Entries.Purge(ctx, journal.EntryFilter{Until: at(-10)}); err != nil {
			t.Fatal(err)
		}
		if err := w.Seal(ctx); err != nil {
			t.Fatal(err)
		}
		// Of each append 11 rows are left, the first ones.
		for _, block := range w.blocks(t, ctx) {
			if block.Newest < *at(-12) {
				t.Errorf("a block of rows that are gone is left: %+v", block)
			}
		}
		if n := len(w.blocks(t, ctx)); n < 5 || n > 8 {
			t.Errorf("%d blocks are left of 25, want about 6", n)
		}
	})
}
