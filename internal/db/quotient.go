package db

import (
	"strconv"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
)

// Quotient gives SQL for how many whole widths, which are positive, the value of a
// column is above an origin, so that one statement groups rows by equal stretches.
// Values below the origin round towards it: let the origin be the smallest. SQLite
// divides whole numbers by "/", MySQL by "DIV".
func Quotient(s *sql.Selector, column string, origin, width int64) string {
	by := " / "
	if s.Dialect() == dialect.MySQL {
		by = " DIV "
	}
	return "((" + s.C(column) + " - (" + strconv.FormatInt(origin, 10) + "))" + by + strconv.FormatInt(width, 10) + ")"
}
