package journal_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"logbook/ent/column"
	"logbook/internal/journal"
)

// imported gives n rows that differ in their message.
func imported(n int) []journal.Imported[journal.EntryDraft] {
	rows := make([]journal.Imported[journal.EntryDraft], n)
	for i := range rows {
		rows[i].Draft.Message, rows[i].Draft.Timestamp = fmt.Sprint("row ", i), at(float64(-i))
	}
	return rows
}

// tallied counts outcomes: stored, there already, refused.
func tallied(outcomes []journal.Outcome) (counts [3]int) {
	for _, one := range outcomes {
		switch {
		case one.Stored:
			counts[0]++
		case one.Problem == nil:
			counts[1]++
		default:
			counts[2]++
		}
	}
	return counts
}

func TestImportAgainAddsNothing(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		rows := imported(700)
		rows[600].Draft.Timestamp = nil // the clock's, which will have moved on
		rows[699] = rows[0]             // equal lines stay
		rows[699].Occurrence = 1
		outcomes, err := w.Entries.Import(ctx, rows)
		if err != nil || tallied(outcomes) != [3]int{700, 0, 0} {
			t.Fatal(tallied(outcomes), err)
		}
		w.now = w.now.Add(3600e9)
		again := imported(700)
		again[600].Draft.Timestamp = nil
		again[699] = again[0]
		again[699].Occurrence = 1
		if outcomes, err = w.Entries.Import(ctx, again); err != nil || tallied(outcomes) != [3]int{0, 700, 0} {
			t.Fatal(tallied(outcomes), err)
		}
		if n := w.recount(t); n != 700 {
			t.Errorf("%d rows, want 700", n)
		}
	})
}

func TestImportJudgesEachRow(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		tenant, category, other := column.ID{1}, column.ID{2}, column.ID{3}
		id := column.ID{9}
		rows := imported(9)
		rows[0].Draft.TenantID, rows[0].TenantName = &tenant, ptr("acme")
		rows[0].Draft.CategoryID, rows[0].CategoryName, rows[0].CategoryCode = &category, ptr("System"), ptr("system")
		rows[1].Draft.TenantID = &tenant                                     // known by now
		rows[2].Draft.TenantID = &other                                      // new, and no name
		rows[3].Draft.TenantID, rows[3].TenantName = &tenant, ptr("another") // contradicts
		rows[4].Draft.CategoryID, rows[4].CategoryName, rows[4].CategoryCode = &other, ptr("S"), ptr("system")
		rows[5].Draft.ID, rows[5].Draft.Metadata = &id, column.JSON(`{"a":1,"b":"\u0041"}`)
		rows[6].Draft.ID, rows[6].Draft.Metadata = &id, column.JSON(`{"b": "A", "a": 1}`) // the same in other words
		rows[6].Draft.Message, rows[6].Draft.Timestamp = rows[5].Draft.Message, rows[5].Draft.Timestamp
		rows[7].Draft.ID = &id // other content
		rows[8].Draft.Metadata = column.JSON(`{"n":9007199254740993}`)
		outcomes, err := w.Entries.Import(ctx, rows)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{
			"stored", "stored",
			"tenant_id: 03000000-0000-0000-0000-000000000000 is a new tenant and the line has no tenant_name to make it",
			`tenant_name: tenant 01000000-0000-0000-0000-000000000000 is called "acme" here, not "another"`,
			`category_code: "system" is the code of another category, 02000000-0000-0000-0000-000000000000`,
			"stored", "there",
			"id: 09000000-0000-0000-0000-000000000000 is there already with other content",
			"metadata.n: is a number beyond 2^53, write it as a string",
		} {
			got := "there"
			switch one := outcomes[i]; {
			case one.Stored:
				got = "stored"
			case one.Problem != nil:
				got = one.Problem.String()
			}
			if got != want {
				t.Errorf("row %d:\ngot  %s\nwant %s", i, got, want)
			}
		}
		if n := w.recount(t); n != 3 {
			t.Errorf("%d rows, want 3", n)
		}
		if tenants, err := w.Tenants(ctx); err != nil || len(tenants) != 1 {
			t.Errorf("refused rows made tenants: %v (%v)", tenants, err)
		}
	})
}

// TestImportsOfTheSameRows runs side by side, each in an order of its own.
func TestImportsOfTheSameRows(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		const n = 1200
		rows := make([]journal.Imported[journal.APICallDraft], n)
		for i := range rows {
			rows[i].Draft = journal.APICallDraft{ID: ptr(fmt.Sprint("call ", i)), OperationTime: at(float64(-i)), APIPath: "/"}
		}
		backwards := slices.Clone(rows)
		slices.Reverse(backwards)
		var all sync.WaitGroup
		var stored [4]int
		for i := range stored {
			all.Go(func() {
				j := journal.New(w.database, journal.Options{})
				defer j.Close(ctx)
				mine := [][]journal.Imported[journal.APICallDraft]{rows, backwards}[i%2]
				outcomes, err := j.APICalls.Import(ctx, mine)
				counts := tallied(outcomes)
				if err != nil || counts[0]+counts[1] != n {
					t.Errorf("import %d: %v of %d (%v)", i, counts, n, err)
				}
				stored[i] = counts[0]
			})
		}
		all.Wait()
		if sum := stored[0] + stored[1] + stored[2] + stored[3]; sum != n {
			t.Errorf("%v rows were stored, want %d in all", stored, n)
		}
		if rows := w.recount(t); rows != n {
			t.Errorf("%d rows, want %d", rows, n)
		}
	})
}
