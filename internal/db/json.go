package db

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"modernc.org/sqlite"

	"logbook/internal/rawjson"
)

// Member is a member of the JSON objects in a column, as conditions ask for it. The
// engines' own functions will not do: SQLite's read more than JSON, MariaDB's read no
// escapes in keys, go 31 levels deep and compare numbers by how they are written. So
// SQLite calls rawjson.Member, and MariaDB finds the member by a regular expression that
// is JSON's grammar. MySQL's regular expressions have no recursion: it refuses.
type Member struct {
	column, key string
	verbatim    bool
}

// MemberOf gives the member of a key. Verbatim says that the column holds any text, not
// only checked JSON. One that is no JSON object has no members, nor has one of more than
// 1,000 opening brackets: it may be nested deep enough to keep an engine busy for hours.
func MemberOf(column, key string, verbatim bool) Member { return Member{column, key, verbatim} }

// Exists says whether the member is there, null or not.
func (m Member) Exists(wanted bool) *sql.Predicate {
	return m.holds(wanted, func(b *sql.Builder, found func()) {
		b.WriteString("LENGTH(")
		found()
		b.WriteString(") > 0")
	})
}

// Among says whether the member is there and equals one of the values; a wanted of false
// finds all other rows.
func (m Member) Among(values []rawjson.Scalar, wanted bool) *sql.Predicate {
	return m.holds(wanted, func(b *sql.Builder, found func()) {
		if b.Dialect() == dialect.MySQL {
			among(b, found, values)
			return
		}
		found()
		list(b, values, func(value rawjson.Scalar) { b.Arg(comparable(value)) })
	})
}

// holds gives a condition that is never null, of one on what was found, which may be.
func (m Member) holds(wanted bool, condition func(b *sql.Builder, found func())) *sql.Predicate {
	return sql.P(func(b *sql.Builder) {
		b.WriteString("COALESCE(")
		condition(b, func() { m.find(b) })
		b.WriteString(", 0) = ").Arg(map[bool]int{false: 0, true: 1}[wanted])
	})
}

// find writes what gives the member: NULL or the empty text where it is not there.
func (m Member) find(b *sql.Builder) {
	bounded := "" // this part is the same SQL on all engines
	if m.verbatim {
		bounded = "LENGTH(" + m.column + ") - LENGTH(REPLACE(REPLACE(" + m.column + ", '[', ''), '{', '')) <= 1000"
	}
	if b.Dialect() != dialect.MySQL {
		if bounded == "" {
			bounded = "1"
		}
		b.WriteString("CASE WHEN " + bounded + " THEN " + memberFunction + "(" + m.column + ", ").Arg([]byte(m.key)).WriteString(") END")
		return
	}
	if bounded != "" {
		bounded += " AND "
	}
	// Most rows are spared the expression by a look for the key or an escape.
	b.WriteString("CASE WHEN " + bounded + "(INSTR(" + m.column + ", ").Arg([]byte(`\`)).WriteString(") > 0")
	if quoted := rawjson.AppendText(nil, m.key); !strings.ContainsRune(string(quoted), '\\') {
		b.WriteString(" OR INSTR(" + m.column + ", ").Arg(quoted).WriteString(") > 0")
	}
	b.WriteString(") THEN REGEXP_SUBSTR(" + m.column + ", ").Arg([]byte(memberPattern(m.key))).WriteString(") END")
}

// among compares what MariaDB found, a value as it is written.
func among(b *sql.Builder, found func(), values []rawjson.Scalar) {
	var words, texts, numbers []any
	for _, value := range values {
		switch value.Kind {
		case 's':
			texts = append(texts, []byte(value.Text))
			words = append(words, rawjson.AppendText(nil, value.Text))
		case '0':
			numbers = append(numbers, strconv.FormatFloat(value.Number, 'g', -1, 64))
		case 't':
			words = append(words, []byte("true"))
		case 'f':
			words = append(words, []byte("false"))
		case 'n':
			words = append(words, []byte("null"))
		}
	}
	b.WriteString("(0")
	if len(words) > 0 {
		b.WriteString(" OR ")
		found()
		list(b, words, func(word any) { b.Arg(word) })
	}
	if len(texts) > 0 { // written with escapes, but not with half a surrogate pair, which JSON_UNQUOTE lets pass
		b.WriteString(" OR CASE WHEN ")
		found()
		b.WriteString(" REGEXP ").Arg([]byte(escapedText)).WriteString(" THEN CAST(JSON_UNQUOTE(CONVERT(")
		found()
		b.WriteString(" USING utf8mb4)) AS BINARY) END")
		list(b, texts, func(text any) { b.Arg(text) })
	}
	if len(numbers) > 0 {
		b.WriteString(" OR CAST(NULLIF(REGEXP_SUBSTR(")
		found()
		b.WriteString(", ").Arg([]byte(`^-?[0-9].*+`)).WriteString("), '') AS DOUBLE)")
		list(b, numbers, func(number any) { b.WriteString("CAST(").Arg(number).WriteString(" AS DOUBLE)") })
	}
	b.WriteString(")")
}

// list writes " IN (…)"; of nothing, what is never true.
func list[T any](b *sql.Builder, values []T, write func(T)) {
	if len(values) == 0 {
		b.WriteString(" IN (NULL)")
		return
	}
	b.WriteString(" IN (")
	for i, value := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		write(value)
	}
	b.WriteString(")")
}

// The grammar of RFC 8259 for PCRE. Nothing in it is ever tried twice.
const grammar = `(?(DEFINE)(?<w>[ \t\r\n]*+)` +
	`(?<s>"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")` +
	`(?<v>(?&s)|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][-+]?+[0-9]++)?+|true|false|null` +
	`|\[(?&w)(?:(?&v)(?&w)(?:,(?&w)(?&v)(?&w))*+)?+\]|\{(?&w)(?:(?&m)(?:,(?&w)(?&m))*+)?+\})` +
	`(?<m>(?&s)(?&w):(?&w)(?&v)(?&w)))`

// escapedText is a string with an escape and without half a surrogate pair.
const escapedText = `^"[^"\\]*+(?=\\)(?:[^"\\]++|\\(?:[^u]|u(?![dD][89a-fA-F])[0-9a-fA-F]{4}` +
	`|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}))*+"$`

// memberPattern matches an object's first member of a key, less the key.
func memberPattern(key string) string {
	var k strings.Builder
	for _, r := range key {
		writeSpellings(&k, r)
	}
	return grammar + `(?(DEFINE)(?<k>"` + k.String() + `"(?&w):(?&w)))` +
		`^(?&w)\{(?&w)(?:(?!(?&k))(?&m),(?&w))*+(?&k)\K(?&v)(?=(?&w)(?:,(?&w)(?&m))*+\}(?&w)\z)`
}

// writeSpellings writes all ways of which JSON has to write a character.
func writeSpellings(k *strings.Builder, r rune) {
	k.WriteString("(?:")
	if r >= ' ' && r != '"' && r != '\\' {
		if r < 0x80 {
			fmt.Fprintf(k, `\x%02x|`, r)
		} else {
			k.WriteRune(r)
			k.WriteByte('|')
		}
	}
	if short := strings.IndexRune("\"\\/\b\f\n\r\t", r); short >= 0 {
		fmt.Fprintf(k, `\\\x%02x|`, `"\/bfnrt`[short])
	}
	if r > 0xffff {
		r -= 0x10000
		fmt.Fprintf(k, `\\u(?i:%04x)\\u(?i:%04x))`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		return
	}
	fmt.Fprintf(k, `\\u(?i:%04x))`, r)
}

// memberFunction is SQLite's function that gives a member, NULL where it is not there.
const memberFunction = "logbook_member"

func init() {
	// The driver knows functions by name only, for all its connections.
	sqlite.MustRegisterDeterministicScalarFunction(memberFunction, 2, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		var raw []byte
		switch held := args[0].(type) {
		case []byte:
			raw = held
		case string:
			raw = []byte(held)
		}
		key, _ := args[1].([]byte)
		if rawjson.CheckSyntax(raw) != nil {
			return nil, nil
		}
		value, ok := rawjson.Member(raw, string(key))
		if !ok {
			return nil, nil
		}
		scalar, ok := rawjson.ScalarOf(value)
		if !ok {
			return []byte{'?'}, nil // there, and equal to nothing that can be asked for
		}
		return comparable(scalar), nil
	})
}

// comparable gives a value as SQLite compares it.
func comparable(value rawjson.Scalar) []byte {
	b := append([]byte{value.Kind}, value.Text...)
	if value.Kind == '0' {
		b = strconv.AppendFloat(b, value.Number, 'g', -1, 64)
	}
	return b
}
