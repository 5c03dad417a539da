// Command diff writes the next migration: the SQL that leads from what the
// numbered files make to what ent/schema declares.
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

// run replays the files into an empty database and asks ent what it would still
// change there.
func run(ctx context.Context, name string) error {
	files, err := migrations.For(dialect.SQLite)
	if err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:replay?mode=memory&_pragma=foreign_keys(1)")
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection would be a database of its own
	for _, file := range files {
		if _, err := db.ExecContext(ctx, file.SQL); err != nil {
			return fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	var changes bytes.Buffer
	writer := &schema.WriteDriver{Driver: entsql.OpenDB(dialect.SQLite, db), Writer: &changes}
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
	if statements.Len() == 0 {
		fmt.Println("nothing to do: the migrations make what ent/schema declares")
		return nil
	}
	path := filepath.Join("ent", "migrations", "sqlite", fmt.Sprintf("%04d_%s.sql", len(files)+1, name))
	if err := os.WriteFile(path, []byte(statements.String()), 0o644); err != nil {
		return err
	}
	fmt.Println(path)
	return nil
}
