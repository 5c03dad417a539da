// Package migrations holds the SQL that makes and changes the tables, one folder
// an engine, numbered and embedded. "go run ./ent/migrations/diff NAME" writes
// the next file from the difference between the files and ent/schema; once
// released a file is never edited.
package migrations

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

//go:embed sqlite/*.sql
var files embed.FS

// folders names the folder of each of ent's dialects.
var folders = map[string]string{"sqlite3": "sqlite"}

// File is one migration.
type File struct {
	Version int
	Name    string
	SQL     string
}

// For gives a dialect's migrations in order.
func For(dialect string) ([]File, error) {
	names, err := fs.Glob(files, path.Join(folders[dialect], "*.sql"))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no migrations for %s", dialect)
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
		list = append(list, File{Version: version, Name: path.Base(name), SQL: string(text)})
	}
	return list, nil
}
