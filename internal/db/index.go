package db

import (
	"slices"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"

	"logbook/ent/migrate"
)

// ByIndex makes MySQL read a table by the index that a column leads, if there is one;
// SQLite takes it anyway. Left alone MariaDB (10.11) takes a frequent value's index for
// the value only, and not for the time beside it: a page from the middle of 100,000 rows
// read 47,161 rows, all that are newer. It is the last word on where the query reads from.
func ByIndex(s *sql.Selector, table, column string) {
	if s.Dialect() == dialect.MySQL {
		OnlyByIndex(s, table, column)
	}
}

// OnlyByIndex makes either engine read a table by the index that a column leads, if there
// is one that has some other columns, too: for a condition of which the program knows that
// it leaves few rows, beside others of which the engine knows nothing. It is the last word
// on where the query reads from.
func OnlyByIndex(s *sql.Selector, table, column string, with ...string) {
	for _, t := range migrate.Tables {
		if t.Name != table {
			continue
		}
		for _, index := range t.Indexes {
			if index.Columns[0].Name == column && has(index, with) {
				from(s, table, "INDEXED BY `"+index.Name+"`", "FORCE INDEX (`"+index.Name+"`)")
			}
		}
	}
}

// has says whether an index has some columns.
func has(index *schema.Index, columns []string) bool {
	for _, name := range columns {
		if !slices.ContainsFunc(index.Columns, func(c *schema.Column) bool { return c.Name == name }) {
			return false
		}
	}
	return true
}

// OnlyByKey makes either engine read a table by its primary key. It is the last word on
// where the query reads from.
func OnlyByKey(s *sql.Selector, table string) {
	from(s, table, "NOT INDEXED", "FORCE INDEX (PRIMARY)")
}

// from makes a query read from a table as each engine is told to.
func from(s *sql.Selector, table, sqlite, mysql string) {
	how := sqlite
	if s.Dialect() == dialect.MySQL {
		how = mysql
	}
	s.From(sql.Table("`" + table + "` " + how).Unquote().As(table))
}
