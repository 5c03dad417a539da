package db_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"

	"logbook/ent/column"
	"logbook/ent/entry"
	"logbook/ent/migrate"
	"logbook/ent/migrations"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// open opens a fresh database with the system's rights.
func open(t *testing.T) (context.Context, *db.DB, string) {
	t.Helper()
	ctx := auth.System(t.Context(), "test")
	path := filepath.Join(t.TempDir(), "a b%23?.db") // every character an address could trip over
	database, err := db.Open(ctx, "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { database.Close() })
	for _, name := range []string{path, path + "-wal"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("%s is not there for its owner alone: %v (%v)", name, info, err)
		}
	}
	return ctx, database, path
}

// raw opens the file as a stranger would.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	file, err := sql.Open("sqlite", "file:"+strings.NewReplacer("%", "%25", "?", "%3f", " ", "%20").Replace(path)+"?_pragma=foreign_keys(1)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text := filepath.Join(folder, "text.db")
	if err := os.WriteFile(text, bytes.Repeat([]byte("this is no database. "), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"":                              "want sqlite:PATH",
		"logbook.db":                    "want sqlite:PATH",
		"postgres://x":                  "want sqlite:PATH",
		"mysql://u:secret@h/d":          "MySQL is not served by this version yet",
		"sqlite:":                       "name a file",
		"sqlite::memory:":               "name a file",
		"sqlite:" + folder:              "this is a folder",
		"sqlite:" + folder + "/no/a.db": "does not exist, make it first",
		"sqlite:" + text:                "the file is no SQLite database",
	} {
		database, err := db.Open(t.Context(), address)
		if err == nil {
			database.Close()
			t.Errorf("%q opened", address)
			continue
		}
		var known *fault.Error
		if !errors.As(err, &known) || !strings.Contains(known.Message, want) || strings.Contains(known.Message, "secret") {
			t.Errorf("%q: got %v, want %q", address, err, want)
		}
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	_, database, path := open(t)
	database.Close()
	if _, err := raw(t, path).Exec("INSERT INTO schema_migrations (version, name) VALUES (999, 'from the future')"); err != nil {
		t.Fatal(err)
	}
	_, err := db.Open(t.Context(), "sqlite:"+path)
	if err == nil || !strings.Contains(err.Error(), "version 999 and this program knows up to") {
		t.Errorf("a newer database: %v", err)
	}
}

// TestMigratedEqualsSchema asks ent what it would still change in a migrated
// database.
func TestMigratedEqualsSchema(t *testing.T) {
	t.Parallel()
	_, _, path := open(t)
	file := raw(t, path)
	var changes bytes.Buffer
	writer := &schema.WriteDriver{Driver: entsql.OpenDB(dialect.SQLite, file), Writer: &changes}
	maker, err := schema.NewMigrate(writer, schema.WithForeignKeys(false), schema.WithDiffHook(migrations.Shape), schema.WithDropColumn(true), schema.WithDropIndex(true))
	if err != nil {
		t.Fatal(err)
	}
	if err := maker.Create(t.Context(), migrate.Tables...); err != nil {
		t.Fatal(err)
	}
	if text := strings.TrimSpace(changes.String()); text != "" && text != "PRAGMA foreign_keys = off;\nPRAGMA foreign_keys = on;" {
		t.Errorf("the migrations do not make what ent/schema declares; run go run ./ent/migrations/diff NAME:\n%s", text)
	}
	var vacuum int
	if err := file.QueryRow("PRAGMA auto_vacuum").Scan(&vacuum); err != nil || vacuum != 2 {
		t.Errorf("auto_vacuum is %d (%v), want 2: a purge would never give disk back", vacuum, err)
	}
	var indexes int
	const count = `SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = 'entries' AND sql IS NOT NULL`
	if err := file.QueryRow(count).Scan(&indexes); err != nil || indexes > 6 {
		t.Errorf("entries has %d secondary indexes (%v), at most 6 are allowed", indexes, err)
	}
}

// TestOpenAtOnce starts several processes' worth of migrations on one new file.
func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "new.db")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			database, err := db.Open(t.Context(), "sqlite:"+path)
			if err != nil {
				t.Error(err)
				return
			}
			if err := database.Ping(t.Context()); err != nil {
				t.Error(err)
			}
			database.Close()
		})
	}
	all.Wait()
}

func TestReadersCannotWrite(t *testing.T) {
	t.Parallel()
	ctx, database, _ := open(t)
	err := database.Ent().Tenant.Create().SetID(column.ID{1}).SetName("x").SetCreatedAt(1).Exec(ctx)
	if err == nil {
		t.Error("the client for reading wrote a row")
	}
}

func TestFailedWriteLeavesNothing(t *testing.T) {
	t.Parallel()
	ctx, database, _ := open(t)
	failure := errors.New("no")
	err := database.Write(ctx, func(tx *db.Tx) error {
		if err := tx.Tenant.Create().SetID(column.ID{1}).SetName("x").SetCreatedAt(1).Exec(ctx); err != nil {
			return err
		}
		return failure
	})
	if !errors.Is(err, failure) {
		t.Errorf("got %v", err)
	}
	if n, err := database.Ent().Tenant.Query().Count(ctx); err != nil || n != 0 {
		t.Errorf("%d tenants are left (%v)", n, err)
	}
}

// TestRowPolicyHoldsInEnt goes past the journal: even ent's own client obeys.
func TestRowPolicyHoldsInEnt(t *testing.T) {
	t.Parallel()
	ctx, database, _ := open(t)
	a, b := column.ID{0xa}, column.ID{0xb}
	insert := func(tx *db.Tx, id byte, tenant column.ID) error {
		return tx.Insert(ctx, entry.Table,
			[]string{"id", "tenant_id", "level", "timestamp", "writer", "sequence", "message"},
			[][]any{{[]byte{id, 15: 0}, tenant[:], 20, 1, 1, int64(id), "m"}})
	}
	if err := database.Write(ctx, func(tx *db.Tx) error {
		return errors.Join(insert(tx, 1, a), insert(tx, 2, a), insert(tx, 3, b))
	}); err != nil {
		t.Fatal(err)
	}
	adminB := auth.With(t.Context(), &auth.Principal{Subject: "1", Role: auth.Admin, Tenant: (*[16]byte)(&b)})
	if n, err := database.Ent().Entry.Query().Count(adminB); err != nil || n != 1 {
		t.Errorf("B sees %d rows (%v), want 1", n, err)
	}
	err := database.Write(adminB, func(tx *db.Tx) error {
		if n, err := tx.Entry.Update().SetMessage("changed").Save(adminB); err != nil || n != 1 {
			t.Errorf("B changed %d rows (%v), want 1", n, err)
		}
		if err := tx.Entry.DeleteOneID(column.ID{1}).Exec(adminB); err == nil {
			t.Error("B removed a row of A by its id")
		}
		if n, err := tx.Entry.Delete().Exec(adminB); err != nil || n != 1 {
			t.Errorf("B removed %d rows (%v), want 1", n, err)
		}
		err := tx.Entry.Create().SetID(column.ID{4}).SetTenantID(a).SetLevel(column.Info).SetMessage("m").
			SetTimestamp(1).SetWriter(1).SetSequence(4).Exec(adminB)
		if fault.KindOf(err) != fault.Forbidden {
			t.Errorf("B made a row of A: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := database.Ent().Entry.Query().Where(entry.Message("m")).Count(ctx); err != nil || n != 2 {
		t.Errorf("%d rows of A are left (%v), want 2", n, err)
	}
	if _, err := database.Ent().Entry.Query().Count(t.Context()); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("a context without principal: %v", err)
	}
}
