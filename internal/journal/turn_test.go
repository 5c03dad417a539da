package journal_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"logbook/internal/journal"
)

// TestSearchesTakeTurns holds two searches up in the middle and wants a third to wait, as
// long as its caller does and no longer, while whoever asks by an index is answered.
func TestSearchesTakeTurns(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		entered, release := make(chan struct{}), make(chan struct{})
		var held sync.Mutex
		left := 2
		w.onNow = func() { // a search asks for the time, to see whether it reads too many rows
			held.Lock()
			waits := left > 0
			left--
			held.Unlock()
			if waits {
				entered <- struct{}{}
				<-release
			}
		}
		search := journal.EntryFilter{Since: at(-1), RequestID: journal.Is("r")}
		var searches sync.WaitGroup
		for range 2 {
			searches.Go(func() {
				if _, err := w.Entries.Page(ctx, search, journal.KeysetPage{}); err != nil {
					t.Error(err)
				}
			})
			<-entered
		}
		impatient, leave := context.WithCancelCause(ctx)
		gone := errors.New("the caller has gone")
		leave(gone)
		for what, ask := range map[string]func(context.Context) error{
			"a page": func(ctx context.Context) error {
				_, err := w.Entries.Page(ctx, search, journal.KeysetPage{Live: true})
				return err
			},
			"a count":   func(ctx context.Context) error { _, err := w.Entries.Count(ctx, search); return err },
			"an export": func(ctx context.Context) error { return w.Entries.Each(ctx, search, nil) },
			"a list": func(ctx context.Context) error {
				_, _, err := w.Entries.PageAt(ctx, search, journal.OffsetPage{Limit: 1})
				return err
			},
			"figures": func(ctx context.Context) error {
				_, err := w.UsageRecords.Aggregate(journal.UsageRecordFilter{Search: ptr("x")}).Numbers(ctx, "QUOTA")
				return err
			},
			"sums": func(ctx context.Context) error {
				_, err := w.UsageStats(ctx, journal.UsageRecordFilter{Search: ptr("x")})
				return err
			},
		} {
			if err := ask(impatient); !errors.Is(err, gone) {
				t.Errorf("%s does not wait: %v", what, err)
			}
		}
		if _, err := w.Entries.Page(ctx, journal.EntryFilter{UserID: journal.Is("u")}, journal.KeysetPage{}); err != nil {
			t.Error(err)
		}
		close(release)
		searches.Wait()
		if _, err := w.Entries.Count(ctx, search); err != nil {
			t.Error(err)
		}
	})
}
