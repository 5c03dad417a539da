package main

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"logbook/ent/column"
)

// field is a field of an answer and how the floor writes it.
type field struct {
	key    string
	column string // of the table t, or table.column
	number bool   // the column holds numbers, else text or bytes
	write  func([]byte, *value) []byte
	of     []field // an object's fields; it is null where its first one is
	// mayLack leaves the field out where it is null.
	mayLack bool
}

// value is what was read of a column.
type value struct {
	number sql.NullInt64
	bytes  sql.RawBytes // nil for null
}

func (v *value) absent() bool { return !v.number.Valid && v.bytes == nil }

// selection gives the fields as GraphQL selects them.
func selection(fields []field) string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		if keys[i] = f.key; f.of != nil {
			keys[i] += " { " + selection(f.of) + " }"
		}
	}
	return strings.Join(keys, " ")
}

// columnsOf gives the fields' columns as SQL selects them.
func columnsOf(fields []field) (columns []string) {
	for _, f := range fields {
		switch {
		case f.of != nil:
			columns = append(columns, columnsOf(f.of)...)
		case strings.Contains(f.column, "."):
			columns = append(columns, f.column)
		default:
			columns = append(columns, "t.`"+f.column+"`")
		}
	}
	return columns
}

// targets gives where to scan the columns to, and appends the values behind.
func targets(fields []field, values []value) (list []any, rest []value) {
	for _, f := range fields {
		switch {
		case f.of != nil:
			var more []any
			more, values = targets(f.of, values)
			list = append(list, more...)
			continue
		case f.number:
			list = append(list, &values[0].number)
		default:
			list = append(list, &values[0].bytes)
		}
		values = values[1:]
	}
	return list, values
}

// appendRows appends the first rows of an answer as JSON objects, each between
// before and behind, and says whether there are more.
func appendRows(ctx context.Context, b []byte, statement *sql.Stmt, args []any, fields []field, most int, before, behind string) ([]byte, bool, error) {
	rows, err := statement.QueryContext(ctx, args...)
	if err != nil {
		return b, false, err
	}
	defer rows.Close()
	values := make([]value, len(columnsOf(fields)))
	list, _ := targets(fields, values)
	for n := 0; rows.Next(); n++ {
		if n == most {
			return b, true, nil
		}
		if err := rows.Scan(list...); err != nil {
			return b, false, err
		}
		if n > 0 {
			b = append(b, ',')
		}
		b = append(b, before...)
		b, _ = appendObject(b, fields, values)
		b = append(b, behind...)
	}
	return b, false, rows.Err()
}

// appendObject appends an object of the first values and gives the others.
func appendObject(b []byte, fields []field, values []value) ([]byte, []value) {
	b = append(b, '{')
	for _, f := range fields {
		if f.mayLack && values[0].absent() {
			values = values[1:]
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), f.key...), '"', ':')
		switch {
		case f.of == nil:
			b, values = f.write(b, &values[0]), values[1:]
		case values[0].absent():
			b, values = append(b, "null"...), values[len(columnsOf(f.of)):]
		default:
			b, values = appendObject(b, f.of, values)
		}
	}
	return append(b, '}'), values
}

// How values are written. Null is null.

func writeNumber(b []byte, v *value) []byte {
	if v.absent() {
		return append(b, "null"...)
	}
	return appendInt(b, v.number.Int64)
}

// writeID writes a number as a text.
func writeID(b []byte, v *value) []byte {
	return append(appendInt(append(b, '"'), v.number.Int64), '"')
}

// writeGlobal writes an id as GraphQL has it, with the name of its type in front.
func writeGlobal(of string, write func([]byte, *value) []byte) func([]byte, *value) []byte {
	name := []byte(of + ":")
	return func(b []byte, v *value) []byte {
		at := len(b) + 1 // behind the quote
		return slices.Insert(write(b, v), at, name...)
	}
}

func writeText(b []byte, v *value) []byte {
	if v.bytes == nil {
		return append(b, "null"...)
	}
	return appendText(b, v.bytes)
}

func writeUUID(b []byte, v *value) []byte {
	if v.bytes == nil {
		return append(b, "null"...)
	}
	return appendUUID(b, v.bytes)
}

func writeTime(b []byte, v *value) []byte {
	return append(column.Time(v.number.Int64).AppendFormat(append(b, '"')), '"')
}

func writeFlag(b []byte, v *value) []byte { return appendBool(b, v.number.Int64 != 0) }

// writeJSON writes a column of JSON, the given text where there is none.
func writeJSON(absent string) func([]byte, *value) []byte {
	return func(b []byte, v *value) []byte {
		if v.bytes == nil {
			return append(b, absent...)
		}
		return append(b, v.bytes...)
	}
}

// writeNamed writes a number as a name: the first name is that of the number step,
// the next one that of twice as much.
func writeNamed(step int64, names ...string) func([]byte, *value) []byte {
	return func(b []byte, v *value) []byte {
		return append(append(append(b, '"'), names[v.number.Int64/step-1]...), '"')
	}
}

func appendInt(b []byte, n int64) []byte { return strconv.AppendInt(b, n, 10) }

func appendBool(b []byte, yes bool) []byte { return strconv.AppendBool(b, yes) }

func appendUUID(b, id []byte) []byte {
	b = hex.AppendEncode(append(b, '"'), id[0:4])
	for _, part := range [][]byte{id[4:6], id[6:8], id[8:10], id[10:16]} {
		b = hex.AppendEncode(append(b, '-'), part)
	}
	return append(b, '"')
}

// appendText appends a JSON string.
func appendText(b, text []byte) []byte {
	b = append(b, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// shorten cuts an answer for a message.
func shorten(answer []byte) string {
	const most = 500
	if len(answer) <= most {
		return string(answer)
	}
	cut := most
	for cut > 0 && !utf8.RuneStart(answer[cut]) {
		cut--
	}
	return string(answer[:cut]) + "…"
}
