package journal_test

import (
	"context"
	"os"
	"testing"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
	"logbook/internal/fault"
	"logbook/internal/journal"
	"logbook/internal/journal/journaltest"
)

// noon is when these tests happen.
var noon = time.Date(2025, 6, 15, 12, 0, 0, 0, time.UTC)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

// world is a journal on a fresh database.
type world struct {
	*journal.Journal
	address  string
	database *db.DB
	now      time.Time
	onNow    func() // called when the journal asks for the time
}

// each runs a test in a world of every engine, with the system's rights.
func each(t *testing.T, test func(t *testing.T, ctx context.Context, w *world)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, address string) {
		ctx, w := newWorld(t, address)
		test(t, ctx, w)
	})
}

// newWorld opens a world and gives a context with the system's rights.
func newWorld(t testing.TB, address string) (context.Context, *world) {
	t.Helper()
	ctx := auth.System(context.Background(), "test")
	w := &world{address: address, now: noon}
	var err error
	if w.database, err = db.Open(ctx, address); err != nil {
		t.Fatal(err)
	}
	w.Journal = journal.New(w.database, journal.Options{Now: func() time.Time {
		if w.onNow != nil {
			w.onNow()
		}
		return w.now
	}})
	t.Cleanup(func() {
		if err := w.Close(ctx); err != nil {
			t.Error(err)
		}
		if err := w.database.Close(); err != nil {
			t.Error(err)
		}
	})
	return ctx, w
}

// recount holds the roll-ups against the rows and gives the number of rows.
func (w *world) recount(t journaltest.Failer) int {
	t.Helper()
	return journaltest.Recount(t, w.address)
}

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func ptr[T any](value T) *T { return &value }

// at gives the instant some hours after noon.
func at(hours float64) *column.Time {
	return ptr(column.TimeOf(noon.Add(time.Duration(hours * float64(time.Hour)))))
}

// as gives a context with a principal.
func as(role auth.Role, tenant *ent.Tenant, permissions ...auth.Permission) context.Context {
	p := &auth.Principal{Subject: "7", Username: "somebody", Role: role, Permissions: permissions}
	if tenant != nil {
		p.Tenant = (*[16]byte)(&tenant.ID)
	}
	return auth.With(context.Background(), p)
}

func wantKind(t testing.TB, err error, kind fault.Kind) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind {
		t.Fatalf("got error %v of kind %d, want kind %d", err, fault.KindOf(err), kind)
	}
}
