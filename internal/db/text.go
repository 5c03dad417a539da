package db

import (
	"strings"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
)

// ContainsFold gives the condition that a text column holds needle as a
// substring, byte for byte but for the case of ASCII letters. SQLite's lower()
// folds just these, and instr() knows no wildcards. MySQL folds nothing in binary
// text; the character set hebrew has one byte a character and no case but ASCII's,
// so there each byte stands for itself. The first cast keeps it so where MariaDB puts a
// text that the column is compared with in the column's place.
func ContainsFold(column, needle string) *sql.Predicate {
	return sql.P(func(b *sql.Builder) {
		if b.Dialect() == dialect.MySQL {
			b.WriteString("LOCATE(").Arg([]byte(LowerASCII(needle))).WriteString(", CAST(LOWER(CONVERT(CAST(").
				WriteString(column).WriteString(" AS BINARY) USING hebrew)) AS BINARY)) > 0")
			return
		}
		b.WriteString("instr(lower(").WriteString(column).WriteString("), ").Arg(LowerASCII(needle)).WriteString(") > 0")
	})
}

// LowerASCII lowers the ASCII letters and leaves every other byte alone.
func LowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}
