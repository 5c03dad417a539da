package journal_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"logbook/ent/column"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// TestSumsTooLarge stores the largest numbers there may be until their sums cannot be
// held any more: the line that is too much is refused, the others stay, and counts go
// on.
func TestSumsTooLarge(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		const largest = 1 << 53
		rows := make([]journal.Imported[journal.UsageRecordDraft], 1100)
		for i := range rows {
			rows[i].Draft = journal.UsageRecordDraft{ID: ptr(int64(i + 1)), Type: column.Consume, UserID: 1, Quota: largest, CreatedAt: at(0)}
		}
		rows = append(rows, journal.Imported[journal.UsageRecordDraft]{Draft: journal.UsageRecordDraft{
			ID: ptr(int64(5000)), Type: column.Consume, UserID: 1, Quota: -5, CreatedAt: at(-2)}})
		outcomes, err := w.UsageRecords.Import(ctx, rows)
		if err != nil {
			t.Fatal(err)
		}
		counts := tallied(outcomes)
		if counts[0] < 1000 || counts[2] == 0 || counts[0]+counts[2] != len(rows) || !outcomes[len(rows)-1].Stored {
			t.Errorf("stored, there already, refused: %v; the last: %+v", counts, outcomes[len(rows)-1])
		}
		if problem := outcomes[len(rows)-2].Problem; problem == nil || !strings.Contains(problem.String(), "2^63") {
			t.Errorf("refused with %v", problem)
		}
		if n := must[int64](t)(w.UsageRecords.Count(ctx, journal.UsageRecordFilter{})); n != int64(counts[0]) {
			t.Errorf("%d rows are counted, want %d", n, counts[0])
		}
		w.recount(t)

		// One batch on its own.
		drafts := make([]journal.UsageRecordDraft, 2049)
		for i := range drafts {
			drafts[i] = journal.UsageRecordDraft{Type: column.Consume, Quota: largest, CreatedAt: at(-100)}
		}
		_, err = w.UsageRecords.Append(ctx, drafts)
		wantKind(t, err, fault.Invalid)

		// Sums of times that are far apart, each of which can be held.
		for i := range 4 {
			hour := make([]journal.UsageRecordDraft, 90)
			for k := range hour {
				hour[k] = journal.UsageRecordDraft{Type: column.Consume, UserID: int64(10 + i), Quota: largest, CreatedAt: at(float64(-1000 - 500*i))}
			}
			if _, err := w.UsageRecords.Append(ctx, hour); err != nil {
				t.Fatal(err)
			}
		}
		for _, filter := range []journal.UsageRecordFilter{{}, {Search: ptr("")}, {Group: journal.Is(""), ModelName: journal.Is("")}} {
			_, err = w.UsageStats(ctx, filter)
			wantKind(t, err, fault.Invalid)
		}
	})
}

// TestMoreValuesThanAStatementTakes asks for names and modules that too many others
// have for an IN.
func TestMoreValuesThanAStatementTakes(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		const many = 700
		operations := make([]journal.OperationDraft, many)
		usage := make([]journal.UsageRecordDraft, many)
		for i := range many {
			operations[i] = journal.OperationDraft{UserID: ptr(int64(i)), Username: ptr(fmt.Sprint("Name ", i)), Module: fmt.Sprint("Module ", i)}
			usage[i] = journal.UsageRecordDraft{Type: column.Consume, UserID: int64(i), Username: "same", ModelName: fmt.Sprint("model-", i)}
		}
		operations = append(operations, journal.OperationDraft{Username: nil, Module: ""}, journal.OperationDraft{Username: ptr("other"), Module: "other"})
		usage = append(usage, journal.UsageRecordDraft{Type: column.Consume, Username: "other", ModelName: "other"})
		if _, err := w.Operations.Append(ctx, operations); err != nil {
			t.Fatal(err)
		}
		if _, err := w.UsageRecords.Append(ctx, usage); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			filter journal.OperationFilter
			want   int64
		}{
			{journal.OperationFilter{Username: journal.Has("nAME")}, many},
			{journal.OperationFilter{Username: journal.Has("")}, many + 2},
			{journal.OperationFilter{Username: journal.Has("name 12")}, 11},
			{journal.OperationFilter{Module: journal.Has("mODULE")}, many},
			{journal.OperationFilter{Module: journal.Has("")}, many + 2},
			{journal.OperationFilter{Module: journal.Has("module"), Username: journal.Has("name")}, many},
			{journal.OperationFilter{Module: &journal.Where[string]{Contains: ptr("module"), Eq: ptr("Module 1")}}, 1},
		} {
			if n, err := w.Operations.Count(ctx, c.filter); err != nil || n != c.want {
				t.Errorf("%+v: %d operations, want %d (%v)", c.filter, n, c.want, err)
			}
		}
		for _, c := range []struct {
			filter journal.UsageRecordFilter
			want   int64
		}{
			{journal.UsageRecordFilter{Username: journal.Is("same")}, many},
			{journal.UsageRecordFilter{ModelLike: ptr("MODEL%")}, many},
			{journal.UsageRecordFilter{ModelLike: ptr("%%")}, many + 1},
			{journal.UsageRecordFilter{ModelLike: ptr("")}, 0},
		} {
			if n, err := w.UsageRecords.Count(ctx, c.filter); err != nil || n != c.want {
				t.Errorf("%+v: %d usage records, want %d (%v)", c.filter, n, c.want, err)
			}
		}
	})
}

// TestANewName is known at once to another process that looked a moment ago.
func TestANewName(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		other := journal.New(w.database, journal.Options{})
		defer other.Close(ctx)
		if one, err := w.CategoryByCode(ctx, "new"); err != nil || one != nil { // and now the cache is fresh
			t.Fatal(one, err)
		}
		tenant, err := other.CreateTenant(ctx, "new")
		if err != nil {
			t.Fatal(err)
		}
		category, err := other.CreateCategory(ctx, "New", "new")
		if err != nil {
			t.Fatal(err)
		}
		if one, err := w.Tenant(ctx, &tenant.ID); err != nil || one == nil || one.Name != "new" {
			t.Errorf("the tenant is %v (%v)", one, err)
		}
		if one, err := w.CategoryByCode(ctx, "new"); err != nil || one == nil {
			t.Errorf("the category is %v (%v)", one, err)
		}
		second, err := other.CreateTenant(ctx, "second")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Entries.Append(ctx, []journal.EntryDraft{{Message: "m", TenantID: &second.ID, CategoryID: &category.ID}}); err != nil {
			t.Errorf("an entry of a new tenant is refused: %v", err)
		}
		third, err := other.CreateTenant(ctx, "third")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.CreateRetentionPolicy(ctx, journal.RetentionPolicyDraft{Name: "p", TenantID: &third.ID, Days: 1}); err != nil {
			t.Errorf("a policy of a new tenant is refused: %v", err)
		}
	})
}

// TestIdsOfOneBatch gives no row an id that another one brings.
func TestIdsOfOneBatch(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		first, err := w.UsageRecords.Append(ctx, []journal.UsageRecordDraft{{Type: column.Consume}})
		if err != nil {
			t.Fatal(err)
		}
		next := first[0].ID + 1
		rows, err := w.UsageRecords.Append(ctx, []journal.UsageRecordDraft{{Type: column.Consume}, {Type: column.Consume, ID: &next}})
		if err != nil || rows[0].ID == rows[1].ID || rows[1].ID != next {
			t.Errorf("%v (%v)", rows, err)
		}
	})
}
