package db_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
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
	"logbook/internal/db/dbtest"
	"logbook/internal/fault"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

// each runs a test on a fresh database of every engine, with the system's rights.
func each(t *testing.T, test func(t *testing.T, ctx context.Context, database *db.DB, address string)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, address string) {
		ctx := auth.System(context.Background(), "test")
		database, err := db.Open(ctx, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { database.Close() })
		test(t, ctx, database, address)
	})
}

// raw opens a database as a stranger would.
func raw(t *testing.T, address string) (file *sql.DB, engine string) {
	t.Helper()
	driver, engine, source := "sqlite", dialect.SQLite, ""
	if path, isFile := strings.CutPrefix(address, "sqlite:"); isFile {
		source = "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=foreign_keys(1)"
	} else {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		password, _ := u.User.Password()
		driver, engine = "mysql", dialect.MySQL
		source = u.User.Username() + ":" + password + "@tcp(" + u.Host + ")" + u.Path
	}
	file, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file, engine
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text := filepath.Join(folder, "text.db")
	if err := os.WriteFile(text, bytes.Repeat([]byte("this is no database. "), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"":                               "want sqlite:PATH",
		"logbook.db":                     "want sqlite:PATH",
		"postgres://x":                   "want sqlite:PATH",
		"mysql://u:secret@h":             "want mysql://USER:PASSWORD@HOST:PORT/DATABASE",
		"mysql://h/d":                    "want mysql://USER:PASSWORD@HOST:PORT/DATABASE",
		"mysql://u:se%zzcret@h/d":        "want mysql://USER:PASSWORD@HOST:PORT/DATABASE",
		"mysql://u:secret@h/d?a=b":       "takes no parameters",
		"mysql://u:secret@127.0.0.1:1/d": "--db mysql://u@127.0.0.1:1/d: the database server cannot be reached",
		"sqlite:":                        "name a file",
		"sqlite::memory:":                "name a file",
		"sqlite:" + folder:               "this is a folder",
		"sqlite:" + folder + "/no/a.db":  "does not exist, make it first",
		"sqlite:" + text:                 "the file is no SQLite database",
	} {
		database, err := db.Open(t.Context(), address)
		if err == nil {
			database.Close()
			t.Errorf("%q opened", address)
			continue
		}
		var known *fault.Error
		if !errors.As(err, &known) || !strings.Contains(known.Sentence.String(), want) || strings.Contains(known.Sentence.String(), "secret") {
			t.Errorf("%q: got %v, want %q", address, err, want)
		}
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, database *db.DB, address string) {
		database.Close()
		file, _ := raw(t, address)
		if _, err := file.Exec("INSERT INTO schema_migrations (version, name, statements) VALUES (999, 'from the future', 1)"); err != nil {
			t.Fatal(err)
		}
		_, err := db.Open(t.Context(), address)
		if err == nil || !strings.Contains(err.Error(), "version 999 and this program knows up to") {
			t.Errorf("a newer database: %v", err)
		}
	})
}

// TestMigratedEqualsSchema asks ent what it would still change in a migrated
// database.
func TestMigratedEqualsSchema(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, _ *db.DB, address string) {
		file, engine := raw(t, address)
		var changes bytes.Buffer
		writer := &schema.WriteDriver{Driver: entsql.OpenDB(engine, file), Writer: &changes}
		maker, err := schema.NewMigrate(writer, schema.WithForeignKeys(false), schema.WithDiffHook(migrations.Shape),
			schema.WithDropColumn(true), schema.WithDropIndex(true))
		if err != nil {
			t.Fatal(err)
		}
		if err := maker.Create(ctx, migrate.Tables...); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(changes.String()) {
			if !strings.HasPrefix(line, "PRAGMA foreign_keys") {
				t.Errorf("the migrations do not make what ent/schema declares; go run ./ent/migrations/diff NAME would add: %s", line)
			}
		}
		count := `SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = 'entries' AND sql IS NOT NULL`
		if engine == dialect.MySQL {
			count = `SELECT count(DISTINCT index_name) FROM information_schema.statistics
				WHERE table_schema = database() AND table_name = 'entries' AND index_name <> 'PRIMARY'`
		}
		var indexes int
		if err := file.QueryRow(count).Scan(&indexes); err != nil || indexes < 1 || indexes > 7 {
			t.Errorf("entries has %d secondary indexes (%v), at most 6 for filters and 1 for the order of arrival are allowed", indexes, err)
		}
	})
}

// TestSQLiteFile wants the file for its owner alone, and able to give disk back.
func TestSQLiteFile(t *testing.T) {
	t.Parallel()
	address := dbtest.SQLite(t)
	database, err := db.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()
	path := strings.TrimPrefix(address, "sqlite:")
	for _, name := range []string{path, path + "-wal"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is not there for its owner alone: %v (%v)", name, info, err)
		}
	}
	file, _ := raw(t, address)
	var vacuum int
	if err := file.QueryRow("PRAGMA auto_vacuum").Scan(&vacuum); err != nil || vacuum != 2 {
		t.Errorf("auto_vacuum is %d (%v), want 2: a purge would never give disk back", vacuum, err)
	}
}

// TestMigrationResumes stops MySQL's migrations behind every statement, before and
// after it is noted, and wants the next start to finish them.
func TestMigrationResumes(t *testing.T) {
	t.Parallel()
	files, err := migrations.For(dialect.MySQL)
	if err != nil {
		t.Fatal(err)
	}
	for stopped, file := range files {
		for done := range file.Statements {
			for _, noted := range []bool{false, true} {
				address := dbtest.MySQL(t)
				made, err := db.Open(t.Context(), address) // which makes the database
				if err != nil {
					t.Fatal(err)
				}
				made.Close()
				server, _ := raw(t, address)
				server.SetMaxOpenConns(1) // USE is a connection's
				name := address[strings.LastIndexByte(address, '/')+1:]
				for _, statement := range []string{"DROP DATABASE " + name, "CREATE DATABASE " + name + " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "USE " + name} {
					if _, err := server.Exec(statement); err != nil {
						t.Fatal(err)
					}
				}
				run := func(statement string, args ...any) {
					if _, err := server.Exec(statement, args...); err != nil {
						t.Fatal(err)
					}
				}
				run("CREATE TABLE schema_migrations (version integer NOT NULL PRIMARY KEY, name varchar(255) NOT NULL, statements integer NOT NULL)")
				note := func(file migrations.File, statements int) {
					if statements > 0 { // none is not noted at all
						run("INSERT INTO schema_migrations VALUES (?, ?, ?)", file.Version, file.Name, statements)
					}
				}
				for _, before := range files[:stopped] {
					for _, statement := range before.Statements {
						run(statement)
					}
					note(before, len(before.Statements))
				}
				for _, statement := range file.Statements[:done+1] {
					run(statement)
				}
				if noted {
					note(file, done+1)
				} else {
					note(file, done)
				}
				database, err := db.Open(t.Context(), address)
				if err != nil {
					t.Fatalf("stopped behind statement %d of %s (noted: %t): %v", done+1, file.Name, noted, err)
				}
				ctx := auth.System(t.Context(), "test")
				if _, err := database.Ent().Writer.Query().Count(ctx); err != nil {
					t.Errorf("stopped behind statement %d of %s (noted: %t): %v", done+1, file.Name, noted, err)
				}
				if _, err := database.Ent().UsageRecord.Query().Count(ctx); err != nil {
					t.Errorf("stopped behind statement %d of %s (noted: %t): %v", done+1, file.Name, noted, err)
				}
				database.Close()
			}
		}
	}
}

// TestMigrationKeepsRows brings a database of the first version to the newest and
// wants its roll-ups back.
func TestMigrationKeepsRows(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		database, err := db.Open(t.Context(), address)
		if err != nil {
			t.Fatal(err)
		}
		database.Close()
		file, engine := raw(t, address)
		file.SetMaxOpenConns(1)
		files, err := migrations.For(engine)
		if err != nil {
			t.Fatal(err)
		}
		run := func(statement string) {
			if _, err := file.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		for _, made := range files {
			for _, statement := range made.Statements {
				if words := strings.Split(statement, "`"); strings.HasPrefix(statement, "CREATE TABLE") && words[1] != "new_rollups" {
					run("DROP TABLE `" + words[1] + "`")
				}
			}
		}
		run("DELETE FROM schema_migrations WHERE version > 1")
		for _, statement := range files[0].Statements {
			run(statement)
		}
		run("INSERT INTO rollups (kind, dimension, tenant_id, value, bucket, class, row_count) VALUES (1, 1, x'00000000000000000000000000000000', x'61', 7, 20, 42)")
		if database, err = db.Open(t.Context(), address); err != nil {
			t.Fatal(err)
		}
		defer database.Close()
		rows, err := database.Ent().Rollup.Query().All(auth.System(t.Context(), "test"))
		if err != nil || len(rows) != 3 { // an hour, a day and 16 days
			t.Errorf("the roll-ups became %v (%v)", rows, err)
		}
		for _, row := range rows {
			if row.RowCount != 42 || row.Quota != 0 || string(row.Value) != "a" {
				t.Errorf("a roll-up became %v", row)
			}
		}
	})
}

// TestOpenAtOnce starts several processes' worth of migrations on one new file.
func TestOpenAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				database, err := db.Open(t.Context(), address)
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
	})
}

// TestContainsFold holds the engines' search against one in plain Go, for every
// byte and for texts of several languages.
func TestContainsFold(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, database *db.DB, _ string) {
		texts := []string{"", "Hello World", "ÄÖÜ äöü", "日志 LOG 请求", "İstanbul ıi", "100% _x_", "a\x00B", "🚀 Rocket", "ß ẞ", "Ã© ã©"}
		for r := rune(1); r < 0x180; r++ {
			texts = append(texts, "x"+string(r)+"Y")
		}
		err := database.Write(ctx, func(tx *db.Tx) error {
			for i, text := range texts {
				id := column.ID{byte(i >> 8), byte(i), 1}
				err := tx.Insert(ctx, entry.Table, []string{"id", "level", "timestamp", "writer", "sequence", "message"},
					[][]any{{id[:], 20, int64(i), 1, int64(i), text}})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		fold := func(text string) string {
			b := []byte(text)
			for i, c := range b {
				if c >= 'A' && c <= 'Z' {
					b[i] = c + 'a' - 'A'
				}
			}
			return string(b)
		}
		needles := append([]string{"l", "WORLD", "ä", "Ä", "日志 log", "i", "I", "ı", "%", "_", "\x00b", "🚀", "ß", "ã", "xY"}, texts[10:]...)
		for _, needle := range needles {
			var want []int64
			for i, text := range texts {
				if strings.Contains(fold(text), fold(needle)) {
					want = append(want, int64(i))
				}
			}
			found, err := database.Ent().Entry.Query().Where(func(s *entsql.Selector) {
				s.Where(db.ContainsFold(s.C(entry.FieldMessage), needle))
			}).Order(entry.ByTimestamp()).All(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var got []int64
			for _, row := range found {
				got = append(got, int64(row.Timestamp))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q: found in %v, want %v", needle, got, want)
			}
		}
	})
}

func TestReadersCannotWrite(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, database *db.DB, address string) {
		err := database.Ent().Tenant.Create().SetID(column.ID{1}).SetName("x").SetCreatedAt(1).Exec(ctx)
		if err == nil {
			t.Error("the client for reading wrote a row")
		}
	})
}

func TestFailedWriteLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, database *db.DB, address string) {
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
	})
}

// TestRowPolicyHoldsInEnt goes past the journal: even ent's own client obeys.
func TestRowPolicyHoldsInEnt(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, database *db.DB, address string) {
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
	})
}

// TestReadingErrorsAreForPeople takes the database away under a reader.
func TestReadingErrorsAreForPeople(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, database *db.DB, address string) {
		database.Close()
		_, err := database.Ent().Tenant.Query().All(ctx)
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("a closed database gives the reader %v", err)
		}
	})
}

// TestPingMissesTheFile takes the file away under a server, which would go on
// writing to what nobody can find any more.
func TestPingMissesTheFile(t *testing.T) {
	t.Parallel()
	address := dbtest.SQLite(t)
	database, err := db.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()
	if err := database.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(strings.TrimPrefix(address, "sqlite:")); err != nil {
		t.Fatal(err)
	}
	if err := database.Ping(t.Context()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("a removed database answers %v", err)
	}
}
