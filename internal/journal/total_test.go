package journal_test

import (
	"context"
	"testing"
	"time"

	"logbook/ent/column"
	"logbook/internal/journal"
)

// TestTotalIsCutOff counts a text search, which has to look at every row, with all the
// time it wants and with none: then it says that there may be more, and never that
// there are rows that there are not. Many rows share a moment, some across the edge of
// what is looked at first.
func TestTotalIsCutOff(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		hurried := journal.New(w.database, journal.Options{CountBudget: time.Nanosecond})
		const batches, batch = 3, 10_000
		for i := range batches {
			drafts := make([]journal.EntryDraft, batch)
			for k := range drafts {
				message := "hay"
				if k%100 == 0 {
					message = "a needle"
				}
				drafts[k] = journal.EntryDraft{Message: message, Timestamp: at(float64(i) + float64(k/700)/100)}
			}
			if _, err := w.Entries.Append(ctx, drafts); err != nil {
				t.Fatal(err)
			}
		}
		const needles = batches * batch / 100
		for _, c := range []struct {
			name   string
			of     *journal.Journal
			filter journal.EntryFilter
			least  int64
			most   int64
			kind   journal.CountKind
		}{
			{"with time", w.Journal, journal.EntryFilter{Search: ptr("NEEDLE")}, needles, needles, journal.Exact},
			{"without", hurried, journal.EntryFilter{Search: ptr("NEEDLE")}, needles / 2, needles - 1, journal.AtLeast},
			{"of one batch", hurried, journal.EntryFilter{Search: ptr("needle"), Until: at(0.99)}, needles / batches, needles / batches, journal.Exact},
			{"in no row", w.Journal, journal.EntryFilter{Search: ptr("nowhere")}, 0, 0, journal.Exact},
			{"what the roll-ups know", hurried, journal.EntryFilter{}, batches * batch, batches * batch, journal.Exact},
		} {
			page, err := c.of.Entries.Page(ctx, c.filter, journal.KeysetPage{First: ptr(0)})
			if err != nil {
				t.Fatal(err)
			}
			kind := must[journal.CountKind](t)(page.TotalCountKind(ctx))
			count := must[int64](t)(page.TotalCount(ctx))
			if kind != c.kind || count < c.least || count > c.most {
				t.Errorf("%s: %s %d, want %s between %d and %d", c.name, kind, count, c.kind, c.least, c.most)
			}
		}
	})
}

// TestPageByOffsetWithoutBucket: a time that is longer than the narrowest bucket may hold
// none, as from 12:35 to 13:47, and a page by offset finds its rows all the same.
func TestPageByOffsetWithoutBucket(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		w.JumpFrom(0)
		noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		minute := func(n int) *column.Time { return ptr(column.TimeOf(noon.Add(time.Duration(n) * time.Minute))) }
		var drafts []journal.AuditEventDraft
		for n := range 120 {
			drafts = append(drafts, journal.AuditEventDraft{Key: "k", CreatedAt: minute(n)})
		}
		if _, err := w.AuditEvents.Append(ctx, drafts); err != nil {
			t.Fatal(err)
		}
		rows, total, err := w.AuditEvents.PageAt(ctx, journal.AuditEventFilter{Since: minute(35), Until: minute(107)}, journal.OffsetPage{Offset: 10, Limit: 1})
		if err != nil || total != 72 || len(rows) != 1 || rows[0].CreatedAt != *minute(96) {
			t.Errorf("got %v of %d (%v), want the event of 13:36 of 72", rows, total, err)
		}
	})
}
