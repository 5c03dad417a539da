package journal_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/journal"
)

// open gives a journal on a fresh database, with the system's rights.
func open(t *testing.T) (context.Context, *journal.Journal, *db.DB) {
	t.Helper()
	ctx := auth.System(t.Context(), "test")
	database, err := db.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	j := journal.New(database, journal.Options{})
	t.Cleanup(func() {
		if err := j.Close(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
		if err := database.Close(); err != nil {
			t.Error(err)
		}
	})
	return ctx, j, database
}

func TestSmoke(t *testing.T) {
	ctx, j, _ := open(t)
	tenant, err := j.CreateTenant(ctx, "t1")
	if err != nil {
		t.Fatal(err)
	}
	drafts := make([]journal.EntryDraft, 1000)
	for i := range drafts {
		at := column.TimeOf(time.Now().Add(-time.Duration(i) * time.Hour))
		drafts[i] = journal.EntryDraft{Message: "Hello 世界", Timestamp: &at}
		if i%2 == 0 {
			drafts[i].TenantID = &tenant.ID
		}
	}
	began := time.Now()
	rows, err := j.AppendEntries(ctx, drafts)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(len(rows), time.Since(began))
	n, err := j.CountEntries(ctx, journal.EntryFilter{TenantID: &tenant.ID})
	if err != nil || n != 500 {
		t.Fatal(n, err)
	}
	search := "hELLO 世"
	n, err = j.CountEntries(ctx, journal.EntryFilter{Search: &search})
	if err != nil || n != 1000 {
		t.Fatal(n, err)
	}
	s, err := j.EntryStats(ctx, nil, 30)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(s.Total, len(s.Daily), s.ByLevel)
	page, err := j.Entries(ctx, journal.EntryFilter{}, journal.KeysetPage{})
	if err != nil || len(page.Edges) != 20 || !page.PageInfo.HasNextPage {
		t.Fatal(err)
	}
	gone, err := j.PurgeEntries(ctx, journal.EntryPurge{TenantID: &tenant.ID})
	if err != nil || gone != 500 {
		t.Fatal(gone, err)
	}
	n, err = j.CountEntries(ctx, journal.EntryFilter{})
	if err != nil || n != 500 {
		t.Fatal(n, err)
	}
}
