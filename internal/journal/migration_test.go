package journal_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"logbook/ent/column"
	"logbook/ent/migrations"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
	"logbook/internal/journal"
)

// TestMigrationWidensBuckets brings a database of the fifth version, with rows of all kinds
// from before and after 1970, to the newest, and wants the roll-ups that its rows make.
func TestMigrationWidensBuckets(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		fillAround1970(t, ctx, w)
		rows := w.recount(t)
		from, _ := rawDatabase(t, w.address)

		address := dbtest.SQLite(t)
		if strings.HasPrefix(w.address, "mysql:") {
			address = dbtest.MySQL(t)
		}
		to, engine := rawDatabase(t, address)
		files, err := migrations.For(engine)
		if err != nil {
			t.Fatal(err)
		}
		run := func(statement string, args ...any) {
			t.Helper()
			if _, err := to.Exec(statement, args...); err != nil {
				t.Fatal(err)
			}
		}
		run("CREATE TABLE schema_migrations (version integer NOT NULL PRIMARY KEY, name varchar(255) NOT NULL, statements integer NOT NULL)")
		for _, file := range files[:5] {
			for _, statement := range file.Statements {
				run(statement)
			}
			run("INSERT INTO schema_migrations VALUES (?, ?, ?)", file.Version, file.Name, len(file.Statements))
		}
		for _, table := range []string{"entries", "audit_events", "operations", "usage_records", "api_calls"} {
			copyTable(t, from, to, table, "")
		}
		// Roll-ups had one width each: the hour or, where there is none now, the day; users
		// had the day.
		copyTable(t, from, to, "rollups", ` WHERE width = 60 OR width = 1440 AND (kind = 4 AND dimension = 3 OR NOT EXISTS (
			SELECT 1 FROM rollups AS narrow WHERE narrow.kind = rollups.kind AND narrow.dimension = rollups.dimension AND narrow.width = 60))`)

		database, err := db.Open(ctx, address)
		if err != nil {
			t.Fatal(err)
		}
		defer database.Close()
		migrated := &world{address: address}
		if n := migrated.recount(t); n != rows {
			t.Errorf("%d rows, want %d", n, rows)
		}
	})
}

// fillAround1970 writes rows of all kinds.
func fillAround1970(t *testing.T, ctx context.Context, w *world) {
	t.Helper()
	tenants := []*column.ID{nil, ptr(unrecorded(t, ctx, w, "a")), ptr(unrecorded(t, ctx, w, "b"))}
	const rows = 400
	var entries []journal.EntryDraft
	var events []journal.AuditEventDraft
	var operations []journal.OperationDraft
	var usage []journal.UsageRecordDraft
	var calls []journal.APICallDraft
	for i := range rows {
		// Some hours apart, on the edges of buckets more often than not.
		moment := column.Time((i - rows/2)) * 5 * 3600_000_000 / column.Time(1+i%3)
		switch i % 4 {
		case 1:
			moment -= moment % (24 * 3600_000_000)
		case 2:
			moment--
		}
		tenant, name := tenants[i%3], ptr(fmt.Sprint("name ", i%5))
		entries = append(entries, journal.EntryDraft{Timestamp: &moment, TenantID: tenant, Message: "m", Source: name, UserID: name, Level: &column.Levels[i%5]})
		events = append(events, journal.AuditEventDraft{CreatedAt: &moment, TenantID: tenant, Key: *name, UserID: name})
		operations = append(operations, journal.OperationDraft{CreatedAt: &moment, TenantID: tenant, Username: name, UserID: ptr(int64(i % 7)), Module: *name, Action: column.ActionDelete})
		usage = append(usage, journal.UsageRecordDraft{CreatedAt: &moment, TenantID: tenant, Type: column.UsageTypes[i%5], UserID: int64(i%7 - 3), Username: *name,
			TokenID: int64(i % 11), TokenName: *name, ModelName: *name, ChannelID: int64(i % 3), Quota: int64(i - 50), PromptTokens: int64(i), CompletionTokens: 1})
		calls = append(calls, journal.APICallDraft{OperationTime: &moment, TenantID: tenant, AppID: *name, HTTPMethod: "GET", StatusCode: int64(200 + i%2)})
	}
	for _, err := range []error{
		second(w.Entries.Append(ctx, entries)), second(w.AuditEvents.Append(ctx, events)), second(w.Operations.Append(ctx, operations)),
		second(w.UsageRecords.Append(ctx, usage)), second(w.APICalls.Append(ctx, calls)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// rawDatabase opens a database past everything Logbook does, makes it where it is absent,
// and gives ent's name for its engine.
func rawDatabase(t *testing.T, address string) (database *sql.DB, engine string) {
	t.Helper()
	var err error
	if path, isFile := strings.CutPrefix(address, "sqlite:"); isFile {
		engine = dialect.SQLite
		database, err = sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath())
	} else {
		var u *url.URL
		if u, err = url.Parse(address); err != nil {
			t.Fatal(err)
		}
		password, _ := u.User.Password()
		source := u.User.Username() + ":" + password + "@tcp(" + u.Host + ")/"
		engine = dialect.MySQL
		var server *sql.DB
		if server, err = sql.Open("mysql", source); err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		if _, err := server.Exec("CREATE DATABASE IF NOT EXISTS " + strings.Trim(u.Path, "/") + " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"); err != nil {
			t.Fatal(err)
		}
		database, err = sql.Open("mysql", source+strings.Trim(u.Path, "/"))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { database.Close() })
	return database, engine
}

// copyTable copies the rows of a table, in the columns that both databases have.
func copyTable(t *testing.T, from, to *sql.DB, table, where string) {
	t.Helper()
	of := func(database *sql.DB) []string {
		rows, err := database.Query("SELECT * FROM " + table + " LIMIT 0")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		return must[[]string](t)(rows.Columns())
	}
	columns := "`" + strings.Join(of(to), "`, `") + "`"
	rows, err := from.Query("SELECT " + columns + " FROM " + table + where)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	tx, err := to.Begin() // or each row is synced
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	copied := 0
	for width := len(of(to)); rows.Next(); copied++ {
		values, targets := make([]any, width), make([]any, width)
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		for i, value := range values {
			if raw, isBytes := value.([]byte); isBytes && len(raw) == 0 {
				values[i] = []byte{} // the driver takes a nil slice for null
			}
		}
		if _, err := tx.Exec("INSERT INTO "+table+" ("+columns+") VALUES ("+strings.Repeat("?, ", width-1)+"?)", values...); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(rows.Err(), tx.Commit()); err != nil || copied == 0 {
		t.Fatalf("copied %d rows of %s (%v)", copied, table, err)
	}
}
