// Command diff writes the next migration of each engine: the SQL that leads from
// what the numbered files make to what ent/schema declares. For MySQL it needs a
// server to try on, and starts MariaDB as the tests do.
//
//	go run ./ent/migrations/diff add_column_x
package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"
	_ "modernc.org/sqlite" // the engine

	tables "logbook/ent/migrate"
	"logbook/ent/migrations"
	"logbook/internal/db/dbtest"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./ent/migrations/diff NAME")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "diff:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name string) error {
	lite, err := sql.Open("sqlite", "file:replay?mode=memory&_pragma=foreign_keys(1)")
	if err != nil {
		return err
	}
	defer lite.Close()
	lite.SetMaxOpenConns(1) // each connection would be a database of its own
	if err := diff(ctx, dialect.SQLite, lite, name); err != nil {
		return err
	}

	server, err := dbtest.Start()
	if err != nil {
		return err
	}
	defer server.Stop()
	plain, err := server.Open("")
	if err != nil {
		return err
	}
	defer plain.Close()
	const anew = "DROP DATABASE IF EXISTS logbook_test_diff; CREATE DATABASE logbook_test_diff CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
	if _, err := plain.ExecContext(ctx, anew); err != nil {
		return err
	}
	maria, err := server.Open("logbook_test_diff")
	if err != nil {
		return err
	}
	defer maria.Close()
	return diff(ctx, dialect.MySQL, maria, name)
}

// diff replays a dialect's files into an empty database and asks ent what it
// would still change there.
func diff(ctx context.Context, dialect string, db *sql.DB, name string) error {
	files, err := migrations.For(dialect)
	if err != nil {
		return err
	}
	for _, file := range files {
		for _, statement := range file.Statements {
			if _, err := db.ExecContext(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", file.Name, err)
			}
		}
	}
	var changes bytes.Buffer
	writer := &schema.WriteDriver{Driver: entsql.OpenDB(dialect, db), Writer: &changes}
	maker, err := schema.NewMigrate(writer, schema.WithForeignKeys(false),
		schema.WithDiffHook(migrations.Shape), schema.WithDropColumn(true), schema.WithDropIndex(true))
	if err != nil {
		return err
	}
	if err := maker.Create(ctx, tables.Tables...); err != nil {
		return err
	}
	var statements strings.Builder
	for line := range strings.Lines(changes.String()) {
		if !strings.HasPrefix(line, "PRAGMA foreign_keys") {
			statements.WriteString(line)
		}
	}
	folder := migrations.Folder(dialect)
	if statements.Len() == 0 {
		fmt.Println(folder + ": nothing to do, the migrations make what ent/schema declares")
		return nil
	}
	path := filepath.Join("ent", "migrations", folder, fmt.Sprintf("%04d_%s.sql", len(files)+1, name))
	if err := os.WriteFile(path, []byte(statements.String()), 0o644); err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}
