package db

import (
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
)

// Column is a column with the value that is asked for.
type Column struct {
	Name  string
	Value any
}

// Distinct selects the values that a column has in the rows of a table in which some
// columns, which stand in front of it in the table's key, have a value each, and that meet
// more conditions. MySQL jumps from one value to the next by itself; SQLite would read all
// the rows, so there the jumps are a recursion, each by the key. It is the last word on
// where the query reads from, and no other column can be asked for.
func Distinct(s *sql.Selector, table, column string, fixed []Column, where func(*sql.Selector)) {
	conditions := func(s *sql.Selector) {
		for _, one := range fixed {
			s.Where(sql.EQ(s.C(one.Name), one.Value))
		}
		where(s)
	}
	s.Select(s.C(column))
	if s.Dialect() == dialect.MySQL {
		conditions(s)
		s.Distinct()
		return
	}
	least := sql.Dialect(s.Dialect()).Select().From(sql.Table(table))
	least.Select(sql.Min(least.C(column)))
	conditions(least)
	first, args := least.Query()
	next, _ := least.Where(sql.ExprP(least.C(column) + " > `jump`.`to`")).Query()
	text := "WITH RECURSIVE `jump` (`to`) AS (" + first + " UNION ALL SELECT (" + next + ") FROM `jump` WHERE `to` IS NOT NULL), `jumped` AS (SELECT "
	args = append(args, args...)
	for _, one := range fixed { // for what narrows the query further, such as a row policy
		text += "? AS `" + one.Name + "`, "
		args = append(args, one.Value)
	}
	text += "`to` AS `" + column + "` FROM `jump` WHERE `to` IS NOT NULL)"
	s.Prefix(sql.Expr(text, args...)).From(sql.Table("jumped").As(table))
}
