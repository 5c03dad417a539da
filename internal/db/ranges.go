package db

import (
	"strconv"
	"strings"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
)

// Range is some neighbouring values of one column, High excluded, beside a value of
// another.
type Range struct{ Beside, Low, High int64 }

// InRanges keeps the rows of a table in which two columns, next to each other in a key
// whose columns in front of them are given, are in one of some ranges. It is the last word
// on where the query reads from. MySQL reads the ranges of an OR side by side; SQLite looks
// each row up a second time there (26 ms in place of 0.2 for 223 rows), and takes them
// as a table to begin with.
func InRanges(s *sql.Selector, table, beside, within string, ranges []Range) {
	list := make([]*sql.Predicate, len(ranges))
	values := make([]string, len(ranges))
	for i, one := range ranges {
		list[i] = sql.And(sql.EQ(s.C(beside), one.Beside), sql.GTE(s.C(within), one.Low), sql.LT(s.C(within), one.High))
		values[i] = "(" + strconv.FormatInt(one.Beside, 10) + ", " + strconv.FormatInt(one.Low, 10) + ", " + strconv.FormatInt(one.High, 10) + ")"
	}
	switch {
	case len(ranges) == 1: // ent's Or of one forgets an And's parentheses
		s.Where(list[0])
	case s.Dialect() == dialect.MySQL:
		s.Where(sql.Or(list...))
	default:
		s.From(sql.Table("(VALUES " + strings.Join(values, ", ") + ") AS `ranges` CROSS JOIN `" + table + "`").Unquote().As(table))
		s.Where(sql.ExprP(s.C(beside) + " = `ranges`.`column1`")).
			Where(sql.ExprP(s.C(within) + " >= `ranges`.`column2`")).
			Where(sql.ExprP(s.C(within) + " < `ranges`.`column3`"))
	}
}
