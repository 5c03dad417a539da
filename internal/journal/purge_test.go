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

	"pgregory.net/rapid"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/rollup"
	"logbook/internal/auth"
	"logbook/internal/db"
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

// TestPurgesByTime draws records and times on the edges of buckets of every width and
// beside them, and purges by time in transactions of any size. Rows of other kinds stand at
// the same times.
func TestPurgesByTime(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		s := stock(t, ctx, w)
		bound := auth.With(ctx, &auth.Principal{Subject: "9", Username: "bound", Role: auth.Admin, Permissions: auth.Permissions, Tenant: (*[16]byte)(s.tenants[1])})
		widths := []int{5, 60, 240, 1440, 23040}
		var rows []*ent.UsageRecord
		rapid.Check(t, func(t *rapid.T) {
			begin := of(t, "era", noon, time.Unix(0, 0))
			moment := func(t *rapid.T) column.Time {
				bucket := time.Duration(of(t, "width", widths...)) * time.Minute
				edge := begin.Truncate(bucket).Add(bucket * time.Duration(rapid.IntRange(-3, 3).Draw(t, "bucket")))
				return column.TimeOf(edge.Add(time.Duration(of(t, "beside", 0, 0, -1, 1, 100)) * time.Second))
			}
			draft := func(t *rapid.T) journal.UsageRecordDraft {
				user := rapid.Int64Range(1, 2).Draw(t, "user")
				return journal.UsageRecordDraft{
					CreatedAt: ptr(moment(t)), TenantID: of(t, "tenant", s.tenants...), Type: of(t, "type", column.Consume, column.UsageError),
					UserID: user, Username: of(t, "username", "alice", "bob"), TokenID: user, ModelName: of(t, "model", "", "m"),
					ChannelID: user, Group: "g", Quota: rapid.Int64Range(-5, 5).Draw(t, "quota"), PromptTokens: 3, CompletionTokens: 4,
				}
			}
			if _, err := w.UsageRecords.Purge(ctx, journal.UsageRecordFilter{Since: ptr(column.TimeOf(time.Unix(-1e9, 0)))}); err != nil {
				t.Fatal(err)
			}
			drafts := rapid.SliceOfN(rapid.Custom(draft), 1, 40).Draw(t, "drafts")
			for range rapid.IntRange(0, 8).Draw(t, "of one instant") {
				drafts = append(drafts, drafts[0])
			}
			var err error
			if rows, err = w.UsageRecords.Append(ctx, drafts); err != nil {
				t.Fatal(err)
			}
			if _, err = w.Entries.Purge(ctx, journal.EntryFilter{Until: at(1e6)}); err != nil {
				t.Fatal(err)
			}
			if _, err = w.Entries.Append(ctx, []journal.EntryDraft{{Message: "m", Timestamp: drafts[0].CreatedAt, TenantID: drafts[0].TenantID}}); err != nil {
				t.Fatal(err)
			}
			for range rapid.IntRange(1, 3).Draw(t, "purges") {
				w.PurgeBy(of(t, "rows a transaction", 1, 2, 7, 1000))
				var filter journal.UsageRecordFilter
				bounds := rapid.IntRange(1, 3).Draw(t, "bounds")
				if bounds&1 != 0 {
					filter.Until = ptr(moment(t))
				}
				if bounds&2 != 0 {
					filter.Since = ptr(moment(t))
				}
				who, tenant := ctx, (*column.ID)(nil)
				if rapid.IntRange(0, 3).Draw(t, "bound") == 0 {
					who, tenant = bound, s.tenants[1]
				}
				before := len(rows)
				rows = keep(rows, func(u *ent.UsageRecord) bool {
					return filter.Until != nil && u.CreatedAt >= *filter.Until || filter.Since != nil && u.CreatedAt < *filter.Since ||
						tenant != nil && (u.TenantID == nil || *u.TenantID != *tenant)
				})
				gone, err := w.UsageRecords.Purge(who, filter)
				if err != nil || gone != int64(before-len(rows)) {
					t.Fatalf("removed %d rows, want %d (%v)", gone, before-len(rows), err)
				}
				if left := w.recount(t); left != len(rows)+1 {
					t.Fatalf("%d rows are left, want %d records and an entry", left, len(rows))
				}
			}
		})
	})
}

// TestPurgeOfWrongRollups wants a purge by time to go on where roll-ups count what is not
// there, as another process's rows may be for a moment, and to leave that alone.
func TestPurgeOfWrongRollups(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		made := must[[]*ent.Entry](t)(w.Entries.Append(ctx, []journal.EntryDraft{{Message: "m", Timestamp: at(-100)}, {Message: "n", Timestamp: at(1)}}))
		hours := func() *ent.RollupQuery {
			return w.database.Ent().Rollup.Query().Where(rollup.Kind(int8(journal.KindEntry)), rollup.Dimension(1), rollup.Width(60))
		}
		hour := must[*ent.Rollup](t)(hours().Order(rollup.ByID()).First(ctx))
		err := w.database.Write(ctx, func(tx *db.Tx) error {
			return tx.Add(ctx, rollup.Table, []string{"kind", "dimension", "width", "tenant_id", "value", "bucket", "class"}, []string{"row_count"},
				[][]any{{int64(hour.Kind), 1, 60, hour.TenantID[:], []byte{}, int64(hour.ID), int64(hour.Class), 2}})
		})
		if err != nil {
			t.Fatal(err)
		}
		gone, err := w.Entries.Purge(ctx, journal.EntryFilter{Until: at(0)})
		if err != nil || gone != 1 {
			t.Fatalf("removed %d of %d rows, want 1 (%v)", gone, len(made), err)
		}
		left := must[[]*ent.Rollup](t)(hours().Order(rollup.ByID()).All(ctx))
		if len(left) != 2 || left[0].RowCount != 2 || left[1].RowCount != 1 {
			t.Errorf("the hours are %v, want the two too many and the row that is left", left)
		}
	})
}
