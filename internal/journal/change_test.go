package journal_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/retentionpolicy"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// own gives the operations and the audit events that Logbook recorded of itself,
// oldest first.
func (w *world) own(t *testing.T, ctx context.Context) (done []*ent.Operation, events []*ent.AuditEvent) {
	t.Helper()
	err := errors.Join(
		w.Operations.Each(ctx, journal.OperationFilter{Module: journal.Is("logbook")}, func(o *ent.Operation) error {
			done = append(done, o)
			return nil
		}),
		w.AuditEvents.Each(ctx, journal.AuditEventFilter{ApplicationID: journal.Is(journal.OwnApplication)}, func(e *ent.AuditEvent) error {
			events = append(events, e)
			return nil
		}))
	if err != nil {
		t.Fatal(err)
	}
	return done, events
}

// said gives the sentences of operations, one a line.
func said(done []*ent.Operation) string {
	var lines []string
	for _, o := range done {
		lines = append(lines, o.Description)
	}
	return strings.Join(lines, "\n")
}

func TestChangesAreRecorded(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		tenantID := unrecorded(t, ctx, w, "A")
		alice := auth.With(ctx, &auth.Principal{Subject: "7", Username: "alice", Account: "user 7", Role: auth.Admin, Tenant: (*[16]byte)(&tenantID)})
		alice = auth.WithOrigin(alice, auth.Origin{Address: "192.0.2.7", UserAgent: "\xff" + strings.Repeat("字", 700), RequestID: "req_1"})

		policy := must[*ent.RetentionPolicy](t)(w.CreateRetentionPolicy(alice, journal.RetentionPolicyDraft{Name: "short", Days: 1, TenantID: &tenantID}))
		must[[]*ent.Entry](t)(w.Entries.Append(ctx, []journal.EntryDraft{
			{Message: "old", Timestamp: at(-100), TenantID: &tenantID}, {Message: "older", Timestamp: at(-200)},
		}))
		for range 2 { // the second removes nothing, and so changes nothing
			must[[]journal.Retained](t)(w.ApplyRetention(alice, false))
			must[int64](t)(w.Entries.Purge(ctx, journal.EntryFilter{Until: at(-150), Source: journal.IsNot("x"), Level: &journal.Where[column.Level]{AtMost: ptr(column.Error)}}))
		}
		if err := w.DeleteRetentionPolicy(alice, policy.ID); err != nil {
			t.Fatal(err)
		}
		wantKind(t, w.DeleteRetentionPolicy(alice, policy.ID), fault.NotFound)

		done, events := w.own(t, ctx)
		if got, want := said(done), `retention policy "short", 1 days
retention policy "short", 1 days: removed 1 rows of entries
removed 1 rows of entries
retention policy "short", 1 days`; got != want {
			t.Fatalf("recorded operations:\n%s\nwant:\n%s", got, want)
		}
		wanted := []struct {
			key, payload string
			action       column.Action
			user         string
			mine         bool // alice's, of her tenant
		}{
			{"Logbook.RetentionPolicy.Create", `{"by":"user 7","days":1,"name":"short","policy_id":"P","request_id":"req_1","tenant_id":"T","username":"alice"}`, column.ActionCreate, "7", true},
			{"Logbook.Retention", `{"before":"2025-06-14T12:00:00Z","by":"user 7","days":1,"kind":"entries","name":"short","policy_id":"P","removed":1,"request_id":"req_1","state":"complete","tenant_id":"T","username":"alice"}`, column.ActionDelete, "7", true},
			{"Logbook.Purge", `{"by":"logbook","filter":{"level":{"atMost":"error"},"source":{"not":["x"]},"until":"2025-06-09T06:00:00Z"},"kind":"entries","removed":1,"state":"complete","username":"logbook test"}`, column.ActionDelete, "0", false},
			{"Logbook.RetentionPolicy.Delete", `{"by":"user 7","days":1,"name":"short","policy_id":"P","request_id":"req_1","tenant_id":"T","username":"alice"}`, column.ActionDelete, "7", true},
		}
		if len(events) != len(wanted) {
			t.Fatalf("%d audit events, want %d", len(events), len(wanted))
		}
		ids := strings.NewReplacer(policy.ID.String(), "P", tenantID.String(), "T")
		for i, want := range wanted {
			e, o := events[i], done[i]
			if e.Key != want.key || ids.Replace(string(e.Payload)) != want.payload || *e.UserID != want.user {
				t.Errorf("event %d is %s of %s: %s", i, e.Key, *e.UserID, e.Payload)
			}
			if o.Action != want.action || string(o.RequestData) != string(e.Payload) || o.UserID != nil || o.Status != 1 {
				t.Errorf("operation %d is %v", i, o)
			}
			for _, tenanted := range []*column.ID{e.TenantID, o.TenantID} {
				if (tenanted != nil) != want.mine {
					t.Errorf("record %d belongs to the tenant %v", i, tenanted)
				}
			}
			if !want.mine {
				if e.IP != nil || e.UserAgent != nil || o.IPAddress != nil {
					t.Errorf("a job comes from %v", e)
				}
				continue
			}
			if *e.IP != "192.0.2.7" || *e.UserAgent != "\uFFFD"+strings.Repeat("字", 681) || *o.IPAddress != "192.0.2.7" || *o.UserAgent != "\uFFFD"+strings.Repeat("字", 499) {
				t.Errorf("record %d comes from %s, %d bytes of %d", i, *e.IP, len(*e.UserAgent), len(*o.UserAgent))
			}
		}
		w.recount(t)
	})
}

// TestChangeAndRecordAreOne wants no change without its record and no record without
// its change.
func TestChangeAndRecordAreOne(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		broken := errors.New("broken")
		change := journal.Change{Event: "Test", Action: column.ActionUpdate}
		create := func(tx *db.Tx, name string) error {
			return tx.RetentionPolicy.Create().SetID(column.ID{15: 1}).SetName(name).SetDays(1).SetCreatedAt(0).Exec(ctx)
		}
		err := w.Change(ctx, func(tx *db.Tx) ([]journal.Change, error) {
			return []journal.Change{change}, errors.Join(create(tx, "a"), broken)
		})
		if !errors.Is(err, broken) {
			t.Errorf("a change that fails: %v", err)
		}
		unfit := change
		unfit.Details = map[string]any{"text": strings.Repeat("x", 1<<20)}
		err = w.Change(ctx, func(tx *db.Tx) ([]journal.Change, error) { return []journal.Change{change, unfit}, create(tx, "b") })
		wantKind(t, err, fault.Internal)
		if done, events := w.own(t, ctx); len(done)+len(events) != 0 {
			t.Errorf("recorded %v and %v", done, events)
		}
		if n := must[int](t)(w.database.Ent().RetentionPolicy.Query().Count(ctx)); n != 0 {
			t.Errorf("%d policies were made without a record", n)
		}
		change.Action = 0
		if err := w.Change(ctx, func(tx *db.Tx) ([]journal.Change, error) { return []journal.Change{change}, create(tx, "c") }); err != nil {
			t.Fatal(err)
		}
		if done, events := w.own(t, ctx); len(done) != 0 || len(events) != 1 {
			t.Errorf("what nobody administers: recorded %v and %v", done, events)
		}
		if !must[bool](t)(w.database.Ent().RetentionPolicy.Query().Where(retentionpolicy.Name("c")).Exist(ctx)) {
			t.Error("the change is not there")
		}
		w.recount(t)
	})
}

// TestLongPurges wants the record of a purge of many transactions at its beginning
// and at its end, and never purged by itself.
func TestLongPurges(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		w.PurgeBy(200)
		fill := func() {
			drafts := make([]journal.OperationDraft, 1000)
			for i := range drafts {
				drafts[i] = journal.OperationDraft{Module: "m", CreatedAt: at(float64(-i))}
			}
			must[[]*ent.Operation](t)(w.Operations.Append(ctx, drafts))
		}
		fill()
		if gone := must[int64](t)(w.Operations.Purge(ctx, journal.OperationFilter{Until: at(1)})); gone != 1000 {
			t.Errorf("purged %d rows, want 1000", gone)
		}
		done, events := w.own(t, ctx)
		last := 0
		for i, o := range done[:len(done)-1] {
			var far int
			if _, err := fmt.Sscanf(o.Description, "is removing rows, %d so far, of operations", &far); err != nil || i == 0 && far != 200 || far < 2*last {
				t.Errorf("record %d, behind %d rows, is %q", i, last, o.Description)
			}
			last = far
		}
		if end := done[len(done)-1].Description; end != "removed 1000 rows of operations" || last < 300 || len(events) != len(done) {
			t.Errorf("at %d rows, with %d events of %d operations, the end is %q", last, len(events), len(done), end)
		}
		before := len(events)

		fill()
		w.now = noon.AddDate(0, 0, 1) // behind what is purged
		cut, cancel := context.WithCancel(ctx)
		asked := 0
		w.onNow = func() {
			if asked++; asked > 3 { // twice for the record, once for the lease of the first transaction
				cancel()
			}
		}
		gone, err := w.Operations.Purge(cut, journal.OperationFilter{Until: at(1)})
		w.onNow = nil
		if err == nil || gone != 200 {
			t.Fatalf("a purge that is given up removed %d rows (%v)", gone, err)
		}
		done, events = w.own(t, ctx)
		if last := done[len(done)-1].Description; last != "broke off after removing 200 rows of operations" || len(events) != before+2 {
			t.Errorf("recorded %d events and at last %q", len(events), last)
		}
		w.recount(t)
	})
}

// TestOwnRecordsAreNotForged lets nobody append what would pass for Logbook's own.
func TestOwnRecordsAreNotForged(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		_, err := w.AuditEvents.Append(ctx, []journal.AuditEventDraft{{Key: "k"}, {Key: "k", ApplicationID: ptr("logbook")}})
		wantKind(t, err, fault.Invalid)
		_, err = w.Operations.Append(ctx, []journal.OperationDraft{{Module: "logbook"}})
		wantKind(t, err, fault.Invalid)
		if done, events := w.own(t, ctx); len(done)+len(events) != 0 {
			t.Errorf("recorded %v and %v", done, events)
		}
		// What was exported comes back.
		outcomes, err := w.AuditEvents.Import(ctx, []journal.Imported[journal.AuditEventDraft]{
			{Draft: journal.AuditEventDraft{ID: ptr("log_1"), Key: "Logbook.Purge", ApplicationID: ptr("logbook")}},
		})
		if err != nil || !outcomes[0].Stored {
			t.Errorf("an import of an own event: %v (%v)", outcomes, err)
		}
	})
}
