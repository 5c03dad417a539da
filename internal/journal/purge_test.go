package journal_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

func TestPurgeRefuses(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		if _, err := w.Entries.Append(ctx, []journal.EntryDraft{{Message: "m"}}); err != nil {
			t.Fatal(err)
		}
		for _, purge := range []func(context.Context, journal.EntryFilter) (int64, error){w.Entries.Purge, w.Entries.WouldPurge} {
			_, err := purge(ctx, journal.EntryFilter{})
			wantKind(t, err, fault.Invalid)
			_, err = purge(as(auth.Viewer, nil, auth.Permissions...), journal.EntryFilter{Until: at(1)})
			wantKind(t, err, fault.Forbidden)
		}
		_, err := w.ApplyRetention(as(auth.Viewer, nil, auth.Permissions...), true)
		wantKind(t, err, fault.Forbidden)
		if n := must[int64](t)(w.Entries.WouldPurge(ctx, journal.EntryFilter{Until: at(1)})); n != 1 {
			t.Errorf("a purge would remove %d rows, want 1", n)
		}
		if n := must[int64](t)(w.Entries.Count(ctx, journal.EntryFilter{})); n != 1 {
			t.Errorf("a refused purge left %d rows, want 1", n)
		}
	})
}

// TestPurgeGivesDiskBack wants the pages of purged rows out of the file.
func TestPurgeGivesDiskBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	ctx, w := newWorld(t, "sqlite:"+path)
	pages := func() (total, free int) {
		file, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if err := file.QueryRow("SELECT page_count, freelist_count FROM pragma_page_count, pragma_freelist_count").Scan(&total, &free); err != nil {
			t.Fatal(err)
		}
		return total, free
	}
	empty, _ := pages()
	drafts := make([]journal.EntryDraft, 3000)
	for i := range drafts {
		drafts[i] = journal.EntryDraft{Message: strings.Repeat("x", 3000), Timestamp: at(float64(-i))}
	}
	if _, err := w.Entries.Append(ctx, drafts); err != nil {
		t.Fatal(err)
	}
	full, _ := pages()
	gone, err := w.Entries.Purge(ctx, journal.EntryFilter{Until: at(1)})
	if err != nil || gone != 3000 {
		t.Fatal(gone, err)
	}
	if err := w.Trim(ctx); err != nil {
		t.Fatal(err)
	}
	total, free := pages()
	if full < 2000 || total > empty+20 || free != 0 {
		t.Errorf("%d pages empty, %d full, %d after the purge and %d of them free", empty, full, total, free)
	}
}

// TestPurgesSideBySide lets several purge the same rows at once, beside somebody
// who writes, and wants each row counted as removed once.
func TestPurgesSideBySide(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		drafts := make([]journal.EntryDraft, 2000)
		for i := range drafts {
			drafts[i] = journal.EntryDraft{Message: "old", Timestamp: at(float64(-i) / 100), Source: ptr("s")}
		}
		if _, err := w.Entries.Append(ctx, drafts); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		var gone atomic.Int64
		for range 4 {
			j := journal.New(w.database, journal.Options{Now: func() time.Time { return noon }})
			all.Go(func() {
				removed, err := j.Entries.Purge(ctx, journal.EntryFilter{Until: at(0.5)})
				if err != nil {
					t.Error(err)
				}
				gone.Add(removed)
			})
		}
		all.Go(func() {
			for range 20 {
				if _, err := w.Entries.Append(ctx, []journal.EntryDraft{{Message: "new", Timestamp: at(1), Source: ptr("s")}}); err != nil {
					t.Error(err)
				}
			}
		})
		all.Wait()
		if gone.Load() != 2000 {
			t.Errorf("%d rows were removed, want 2000", gone.Load())
		}
		if left := w.recount(t); left != 20 {
			t.Errorf("%d rows are left, want the 20 new ones", left)
		}
	})
}
