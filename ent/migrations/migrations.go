// Package migrations holds the SQL that makes and changes the tables, one folder
// an engine, numbered and embedded. "go run ./ent/migrations/diff NAME" writes
// the next file from the difference between the files and ent/schema; once
// released a file is never edited.
package migrations

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	atlas "ariga.io/atlas/sql/schema"
	"ariga.io/atlas/sql/sqlite"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql/schema"
)

//go:embed sqlite/*.sql mysql/*.sql
var files embed.FS

// folders names the folder of each of ent's dialects.
var folders = map[string]string{dialect.SQLite: "sqlite", dialect.MySQL: "mysql"}

// Shape is what the tables are beyond what ent can declare: the roll-ups' key of
// several columns, in whose order SQLite keeps the table. It is a hook of ent's
// migration engine, for making a database that the migrations must equal.
func Shape(next schema.Differ) schema.Differ {
	return schema.DiffFunc(func(current, desired *atlas.Schema) ([]atlas.Change, error) {
		table, ok := desired.Table("rollups")
		if !ok {
			return nil, errors.New("ent/schema declares no table rollups")
		}
		var key []*atlas.Column
		for _, name := range []string{"kind", "dimension", "width", "tenant_id", "value", "bucket", "class"} {
			column, ok := table.Column(name)
			if !ok {
				return nil, fmt.Errorf("the table rollups has no column %s", name)
			}
			key = append(key, column)
		}
		// The key's columns stand first and in its order, since that is how the
		// engine's inspection reads a key back.
		rest := slices.DeleteFunc(slices.Clone(table.Columns), func(c *atlas.Column) bool { return slices.Contains(key, c) })
		table.Columns = append(slices.Clone(key), rest...)
		table.SetPrimaryKey(atlas.NewPrimaryKey(key...)).AddAttrs(&sqlite.WithoutRowID{}) // MySQL always does
		return next.Diff(current, desired)
	})
}

// File is one migration.
type File struct {
	Version    int
	Name       string
	Statements []string
}

// statements cuts a file at the semicolons that end a line.
func statements(text string) []string {
	var list []string
	for _, statement := range strings.Split(text, ";\n") {
		if statement = strings.TrimSpace(statement); statement != "" {
			list = append(list, statement)
		}
	}
	return list
}

// Folder names the folder of a dialect's files, within this package's.
func Folder(dialect string) string { return folders[dialect] }

// For gives a dialect's migrations in order.
func For(dialect string) ([]File, error) {
	names, err := fs.Glob(files, path.Join(folders[dialect], "*.sql"))
	if err != nil {
		return nil, err
	}
	list := make([]File, 0, len(names))
	for _, name := range names {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		number, _, _ := strings.Cut(path.Base(name), "_")
		version, err := strconv.Atoi(number)
		if err != nil || version != len(list)+1 {
			return nil, fmt.Errorf("migration %s: want the number %04d", name, len(list)+1)
		}
		list = append(list, File{Version: version, Name: path.Base(name), Statements: statements(string(text))})
	}
	return list, nil
}
