package journal_test

import (
	"context"
	"strings"
	"testing"

	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

func TestAppendRefuses(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		nobody := column.ID{1}
		for name, test := range map[string]struct {
			draft   journal.EntryDraft
			problem string
		}{
			"no message":         {journal.EntryDraft{}, "[1].message: is required"},
			"blank message":      {journal.EntryDraft{Message: " \n"}, "[1].message: is required"},
			"long message":       {journal.EntryDraft{Message: strings.Repeat("x", 1<<20+1)}, "[1].message: is longer than 1048576 bytes"},
			"long source":        {journal.EntryDraft{Message: "m", Source: ptr(strings.Repeat("x", 256))}, "[1].source: is longer than 255 bytes"},
			"broken text":        {journal.EntryDraft{Message: "a\xffb"}, "[1].message: is not valid UTF-8"},
			"unknown tenant":     {journal.EntryDraft{Message: "m", TenantID: &nobody}, `[1].tenant_id: "01000000-0000-0000-0000-000000000000" does not exist`},
			"unknown category":   {journal.EntryDraft{Message: "m", CategoryID: &nobody}, `[1].category_id: "01000000-0000-0000-0000-000000000000" does not exist`},
			"metadata an array":  {journal.EntryDraft{Message: "m", Metadata: column.JSON("[1]")}, "[1].metadata: must be an object, not an array"},
			"metadata broken":    {journal.EntryDraft{Message: "m", Metadata: column.JSON(`{"a":`)}, "[1].metadata: is not valid JSON: it ends too early"},
			"metadata beyond 53": {journal.EntryDraft{Message: "m", Metadata: column.JSON(`{"a":{"b":[1,9007199254740993]}}`)}, "[1].metadata.a.b[1]: is a number beyond 2^53, write it as a string"},
			"year 10000":         {journal.EntryDraft{Message: "m", Timestamp: ptr(column.MaxTime + 1)}, "[1].timestamp: must be in the years 1 to 9999"},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := w.Entries.Append(ctx, []journal.EntryDraft{{Message: "good"}, test.draft})
				wantKind(t, err, fault.Invalid)
				if err.Error() != test.problem {
					t.Errorf("got  %s\nwant %s", err, test.problem)
				}
			})
		}
		if n := must[int64](t)(w.Entries.Count(ctx, journal.EntryFilter{})); n != 0 {
			t.Errorf("refused batches left %d rows", n)
		}
	})
}

func TestAppendKeepsWhatItWasGiven(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		tenant, err := w.CreateTenant(ctx, "acme")
		if err != nil {
			t.Fatal(err)
		}
		draft := journal.EntryDraft{
			TenantID: &tenant.ID, Level: ptr(column.Critical), Message: "  tabs\tand\x00nul 世界 🚀 ",
			Source: ptr(""), UserID: ptr("u 1"), Username: ptr("alice"), IPAddress: ptr("AWS Internal"),
			UserAgent: ptr("agent"), RequestID: ptr("req-1"), Metadata: column.JSON(`{ "b":1, "a":[1.50] }`),
			Timestamp: at(-1),
		}
		rows, err := w.Entries.Append(ctx, []journal.EntryDraft{draft, {Message: "bare"}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := w.Entries.Get(ctx, rows[0].ID.String())
		if err != nil {
			t.Fatal(err)
		}
		if got.Message != draft.Message || *got.Source != "" || *got.UserID != "u 1" || *got.Username != "alice" ||
			*got.IPAddress != "AWS Internal" || *got.UserAgent != "agent" || *got.RequestID != "req-1" ||
			string(got.Metadata) != string(draft.Metadata) || got.Level != column.Critical ||
			got.Timestamp != *draft.Timestamp || *got.TenantID != tenant.ID {
			t.Errorf("stored %v of %v", got, draft)
		}
		bare, err := w.Entries.Get(ctx, rows[1].ID.String())
		if err != nil {
			t.Fatal(err)
		}
		if bare.Source != nil || bare.UserID != nil || bare.Metadata != nil || bare.Level != column.Info || bare.Timestamp != column.TimeOf(noon) {
			t.Errorf("an absent value became something: %v", bare)
		}
		if got.Writer != bare.Writer || bare.Sequence != got.Sequence+1 {
			t.Errorf("order of arrival: (%d, %d) then (%d, %d)", got.Writer, got.Sequence, bare.Writer, bare.Sequence)
		}
	})
}

func TestAppendSameIDConflicts(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		id := column.ID{7}
		if _, err := w.Entries.Append(ctx, []journal.EntryDraft{{ID: &id, Message: "first"}}); err != nil {
			t.Fatal(err)
		}
		_, err := w.Entries.Append(ctx, []journal.EntryDraft{{Message: "new"}, {ID: &id, Message: "second"}})
		wantKind(t, err, fault.Conflict)
		if n := must[int64](t)(w.Entries.Count(ctx, journal.EntryFilter{})); n != 1 {
			t.Errorf("a conflicting batch left %d rows, want 1", n)
		}
	})
}

// TestTenantsAreStrangers tries every door that leads to a row.
func TestTenantsAreStrangers(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		a, err := w.CreateTenant(ctx, "A")
		if err != nil {
			t.Fatal(err)
		}
		b, err := w.CreateTenant(ctx, "B")
		if err != nil {
			t.Fatal(err)
		}
		rows, err := w.Entries.Append(ctx, []journal.EntryDraft{
			{Message: "of A", TenantID: &a.ID}, {Message: "of A too", TenantID: &a.ID},
			{Message: "of B", TenantID: &b.ID}, {Message: "of nobody"},
		})
		if err != nil {
			t.Fatal(err)
		}
		adminB := as(auth.Admin, b)

		_, err = w.Entries.Get(adminB, rows[0].ID.String())
		wantKind(t, err, fault.NotFound)
		for name, filter := range map[string]journal.EntryFilter{
			"all": {}, "A's": {TenantID: journal.Is(a.ID)}, "search": {Search: ptr("OF ")}, "of a day": {Since: at(-0.5), Until: at(0.5)},
		} {
			want := int64(1)
			if filter.TenantID != nil {
				want = 0
			}
			count := must[int64](t)(w.Entries.Count(adminB, filter))
			page, err := w.Entries.Page(adminB, filter, journal.KeysetPage{})
			if err != nil {
				t.Fatal(err)
			}
			listed, total, err := w.Entries.PageAt(adminB, filter, journal.OffsetPage{Limit: 20})
			if err != nil {
				t.Fatal(err)
			}
			if count != want || int64(len(page.Edges)) != want || total != want || int64(len(listed)) != want {
				t.Errorf("%s: count %d, page %d, list %d of %d, want %d", name, count, len(page.Edges), len(listed), total, want)
			}
		}
		stats, err := w.EntryStats(adminB, nil, 30)
		if err != nil {
			t.Fatal(err)
		}
		if stats.Total != 1 {
			t.Errorf("stats count %d rows, want B's one", stats.Total)
		}
		if stats, err = w.EntryStats(adminB, &a.ID, 30); err != nil || stats.Total != 0 {
			t.Errorf("B counts %d of A's rows (%v)", stats.Total, err)
		}
		if tenants, err := w.Tenants(adminB); err != nil || len(tenants) != 1 {
			t.Errorf("B sees %d tenants (%v)", len(tenants), err)
		}

		_, err = w.Entries.Append(adminB, []journal.EntryDraft{{Message: "smuggled", TenantID: &a.ID}})
		wantKind(t, err, fault.Forbidden)
		_, err = w.CreateTenant(adminB, "C")
		wantKind(t, err, fault.Forbidden)
		_, err = w.CreateCategory(adminB, "C", "c")
		wantKind(t, err, fault.Forbidden)
		if made, err := w.Entries.Append(adminB, []journal.EntryDraft{{Message: "B's own"}}); err != nil || *made[0].TenantID != b.ID {
			t.Errorf("a bound principal's row has the tenant %v (%v)", made[0].TenantID, err)
		}

		for name, purge := range map[string]journal.EntryFilter{
			"A's rows": {TenantID: journal.Is(a.ID)}, "old rows": {Until: at(24)},
		} {
			gone, err := w.Entries.Purge(adminB, purge)
			if err != nil {
				t.Fatal(err)
			}
			if want := map[string]int64{"A's rows": 0, "old rows": 2}[name]; gone > want {
				t.Errorf("purging %s, B removed %d rows", name, gone)
			}
		}
		if n := must[int64](t)(w.Entries.Count(ctx, journal.EntryFilter{})); n != 3 {
			t.Errorf("%d rows are left, want A's two and nobody's", n)
		}
	})
}

func TestRolesAtTheJournal(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		if _, err := w.Entries.Append(ctx, []journal.EntryDraft{{Message: "m"}}); err != nil {
			t.Fatal(err)
		}
		read := func(p *auth.Principal) error {
			_, err := w.Entries.Count(auth.With(t.Context(), p), journal.EntryFilter{})
			return err
		}
		write := func(p *auth.Principal) error {
			_, err := w.Entries.Append(auth.With(t.Context(), p), []journal.EntryDraft{{Message: "m"}})
			return err
		}
		purge := func(p *auth.Principal) error {
			_, err := w.Entries.Purge(auth.With(t.Context(), p), journal.EntryFilter{Until: at(-100)})
			return err
		}
		both := []auth.Permission{auth.EntriesRead, auth.EntriesWrite}
		for name, test := range map[string]struct {
			principal                *auth.Principal
			mayRead, mayWrite, purge bool
		}{
			"nobody":                {nil, false, false, false},
			"a gateway key":         {&auth.Principal{Permissions: both}, false, false, false},
			"a viewer with nothing": {&auth.Principal{Role: auth.Viewer}, false, false, false},
			"a user with nothing":   {&auth.Principal{Role: auth.User}, false, false, false},
			"a viewer":              {&auth.Principal{Role: auth.Viewer, Permissions: both}, true, false, false},
			"an ingester":           {&auth.Principal{Role: auth.Ingest, Permissions: both}, false, true, false},
			"a user":                {&auth.Principal{Role: auth.User, Permissions: both}, true, true, false},
			"an administrator":      {&auth.Principal{Role: auth.Admin}, true, true, true},
		} {
			for what, one := range map[string]struct {
				err error
				may bool
			}{
				"read": {read(test.principal), test.mayRead}, "append": {write(test.principal), test.mayWrite},
				"purge": {purge(test.principal), test.purge},
			} {
				if (one.err == nil) != one.may {
					t.Errorf("%s may %s: %t, but got %v", name, what, one.may, one.err)
				}
				if one.err != nil && test.principal != nil {
					wantKind(t, one.err, fault.Forbidden)
				}
			}
		}
	})
}

// TestNilTenant wants the nil UUID, which stands for all tenants in the roll-ups,
// to be nobody's.
func TestNilTenant(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		if _, err := w.Entries.Append(ctx, []journal.EntryDraft{{Message: "m"}, {Message: "n", Source: ptr("s")}}); err != nil {
			t.Fatal(err)
		}
		var none column.ID
		bound := auth.With(context.Background(), &auth.Principal{Subject: "1", Role: auth.Admin, Tenant: (*[16]byte)(&none)})
		_, err := w.Entries.Count(bound, journal.EntryFilter{})
		wantKind(t, err, fault.Forbidden)
		_, err = w.EntryStats(bound, nil, 30)
		wantKind(t, err, fault.Forbidden)
		_, err = w.Entries.Append(bound, []journal.EntryDraft{{Message: "m"}})
		wantKind(t, err, fault.Forbidden)
		_, err = w.Entries.Append(ctx, []journal.EntryDraft{{Message: "m", TenantID: &none}})
		wantKind(t, err, fault.Invalid)
		row := journal.Imported[journal.EntryDraft]{Draft: journal.EntryDraft{Message: "m", TenantID: &none}, TenantName: ptr("zero")}
		if outcomes, err := w.Entries.Import(ctx, []journal.Imported[journal.EntryDraft]{row}); err != nil || outcomes[0].Problem == nil {
			t.Errorf("an import made the nil tenant: %v (%v)", outcomes, err)
		}
		rows, total, err := w.Entries.PageAt(ctx, journal.EntryFilter{TenantID: journal.Is(none)}, journal.OffsetPage{Limit: 10})
		if err != nil || total != 0 || len(rows) != 0 {
			t.Errorf("the nil tenant has %d rows of %d (%v)", len(rows), total, err)
		}
		if stats, err := w.EntryStats(ctx, &none, 30); err != nil || stats.Total != 0 {
			t.Errorf("the nil tenant's statistics count %d (%v)", stats.Total, err)
		}
		w.recount(t)
	})
}

// TestBoundToNobody wants no row of a tenant that does not exist, though a
// credential is bound to it.
func TestBoundToNobody(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		ghost := auth.With(context.Background(), &auth.Principal{Subject: "1", Role: auth.Admin, Tenant: &[16]byte{0x11}})
		_, err := w.Entries.Append(ghost, []journal.EntryDraft{{Message: "m"}})
		wantKind(t, err, fault.Invalid)
	})
}
