package db

import (
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
)

// ForUpdate makes a query inside a Write keep the rows it finds from every other
// transaction until this one ends, and see them as they are now. On SQLite that is
// so anyway. It is a condition of a query in form only.
func ForUpdate(s *sql.Selector) {
	if s.Dialect() == dialect.MySQL {
		s.ForUpdate()
	}
}
