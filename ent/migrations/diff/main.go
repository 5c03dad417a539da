// Command diff writes the next migration: the SQL that leads from what the
// numbered files make to what ent/schema declares.
//
//	go run ./ent/migrations/diff add_column_x
package main

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	"ariga.io/atlas/sql/migrate"
	atlas "ariga.io/atlas/sql/schema"
	"ariga.io/atlas/sql/sqlite"
	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"
	_ "modernc.org/sqlite"

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

// run replays the files into an empty database and compares it with another one
// that ent itself makes.
func run(ctx context.Context, name string) error {
	files, err := migrations.For(dialect.SQLite)
	if err != nil && !os.IsNotExist(err) {
		fmt.Fprintln(os.Stderr, "diff: starting from nothing:", err)
	}
	have, err := empty("have")
	if err != nil {
		return err
	}
	defer have.Close()
	for _, file := range files {
		if _, err := have.ExecContext(ctx, file.SQL); err != nil {
			return fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	want, err := empty("want")
	if err != nil {
		return err
	}
	defer want.Close()
	maker, err := schema.NewMigrate(entsql.OpenDB(dialect.SQLite, want), schema.WithForeignKeys(false))
	if err != nil {
		return err
	}
	if err := maker.Create(ctx, tables.Tables...); err != nil {
		return err
	}
	plan, err := difference(ctx, have, want, name)
	if err != nil {
		return err
	}
	if len(plan.Changes) == 0 {
		fmt.Println("nothing to do: the migrations make what ent/schema declares")
		return nil
	}
	path := filepath.Join("ent", "migrations", "sqlite", fmt.Sprintf("%04d_%s.sql", len(files)+1, name))
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	for _, change := range plan.Changes {
		fmt.Fprintf(out, "-- %s\n%s;\n", change.Comment, change.Cmd)
	}
	fmt.Println(path)
	return out.Close()
}

func empty(name string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+name+"?mode=memory&_pragma=foreign_keys(1)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // each connection would be a database of its own
	return db, nil
}

func difference(ctx context.Context, have, want *sql.DB, name string) (*migrate.Plan, error) {
	from, err := sqlite.Open(have)
	if err != nil {
		return nil, err
	}
	to, err := sqlite.Open(want)
	if err != nil {
		return nil, err
	}
	before, err := from.InspectSchema(ctx, "", &atlas.InspectOptions{})
	if err != nil {
		return nil, err
	}
	after, err := to.InspectSchema(ctx, "", &atlas.InspectOptions{})
	if err != nil {
		return nil, err
	}
	changes, err := from.SchemaDiff(before, after)
	if err != nil {
		return nil, err
	}
	return from.PlanChanges(ctx, name, changes)
}
