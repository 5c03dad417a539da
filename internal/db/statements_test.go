package db

import (
	"context"
	"database/sql"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"logbook/internal/db/dbtest"
)

// TestKeptStatements wants a text that comes again prepared once, and run as it is where
// the server no longer has the statement.
func TestKeptStatements(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		d, err := Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		connection, err := d.read.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		const text = "SELECT version + ? FROM schema_migrations WHERE version <= ? ORDER BY version"
		ask := func(more int64) {
			t.Helper()
			var got int64
			if err := connection.QueryRowContext(t.Context(), text, more, 3).Scan(&got); err != nil || got != 1+more {
				t.Fatalf("got %d (%v), want %d", got, err, 1+more)
			}
		}
		mysql := strings.HasPrefix(address, "mysql:")
		prepares := func() (count int64) {
			if mysql {
				var name string
				if err := connection.QueryRowContext(t.Context(), "SHOW SESSION STATUS LIKE 'Com_stmt_prepare'").Scan(&name, &count); err != nil {
					t.Fatal(err)
				}
			}
			return count
		}
		before := prepares()
		for more := range int64(5) {
			ask(more)
		}
		k := keptOf(t, connection).kept[text]
		if k == nil || k.statement == nil || k.busy {
			t.Fatalf("%+v is kept of a text that came five times", k)
		}
		if mysql {
			if n := prepares() - before; n != 1 {
				t.Errorf("it was prepared %d times", n)
			}
			// As if somebody between took another server.
			*(*uint32)(unsafe.Pointer(reflect.ValueOf(k.statement).Elem().FieldByName("id").UnsafeAddr())) += 1 << 20
			ask(7)
			if again := keptOf(t, connection).kept[text]; again == k {
				t.Error("a statement that the server does not have is still kept")
			}
		}
		ask(8)
		// More than are kept: the oldest go, and nothing is wrong with any.
		for n := range 2 * (mostStatements + 10) {
			var got int
			shortened := strings.Repeat(" ", n/2) + "1"
			if err := connection.QueryRowContext(t.Context(), "SELECT 41 + "+shortened).Scan(&got); err != nil || got != 42 {
				t.Fatalf("got %d (%v)", got, err)
			}
		}
		if c := keptOf(t, connection); len(c.kept) > mostStatements {
			t.Errorf("%d statements are kept", len(c.kept))
		}
		if _, err := connection.QueryContext(t.Context(), "SELECT nothing FROM nowhere"); err == nil {
			t.Error("a statement that cannot be prepared gave no error")
		}
		if _, err := connection.QueryContext(t.Context(), "SELECT nothing FROM nowhere"); err == nil {
			t.Error("a statement that cannot be prepared gave no error when it came again")
		}
		ask(9)
	})
}

// keptOf looks into a connection.
func keptOf(t *testing.T, connection *sql.Conn) (c *keepingConn) {
	t.Helper()
	err := connection.Raw(func(raw any) error {
		if k, ok := raw.(*killing); ok {
			raw = k.queried
		}
		c = raw.(*keepingConn)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestKeptStatementGivenUp wants a kept statement that its caller gives up to leave the
// connection's pool of use.
func TestKeptStatementGivenUp(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		d, err := Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		d.read.SetMaxOpenConns(1)
		const text = "SELECT COUNT(*) FROM schema_migrations AS a, schema_migrations AS b WHERE a.version >= ?"
		for range 5 {
			ctx, leave := context.WithCancel(t.Context())
			rows, err := d.read.QueryContext(ctx, text, 0)
			if err != nil {
				t.Fatal(err)
			}
			leave()
			_ = rows.Close()
			var n int
			if err := d.read.QueryRowContext(t.Context(), text, 0).Scan(&n); err != nil || n == 0 {
				t.Fatalf("%d (%v) behind a query that was given up", n, err)
			}
		}
	})
}
