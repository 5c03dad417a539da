package journal

import (
	"strings"

	"entgo.io/ent/dialect/sql"

	"logbook/ent/rollup"
	"logbook/ent/schema"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// MaxSearch is how long a text to look for may be, in bytes.
const MaxSearch = 1024

// mostValues is how many values of a dimension a question names. Engines take some
// ten thousand arguments at most, and a list that long is no quicker than the rows.
const mostValues = 500

// chooseAmong asks for those of a dimension's known values that are wanted: every row
// has one. Where they are too many to name, direct says on rows what is wanted.
func (q *question) chooseAmong(dimension int8, known []string, wanted func(string) bool, rows func(values []string) shape, direct shape) {
	var values []string
	for _, value := range known {
		if wanted(value) {
			values = append(values, value)
		}
	}
	switch {
	case len(values) == 0:
		q.none = true
		return
	case len(values) > mostValues:
		q.rest = append(q.rest, direct)
		return
	}
	q.picked = append(q.picked, "")
	q.choices = append(q.choices, choice{dimension: dimension, named: true, rollups: rollupsOf(values...), rows: rows(values)})
}

func rollupsOf(values ...string) shape {
	return func(s *sql.Selector) { s.Where(valueAmong(s, values)) }
}

// rollupsOfNumbers asks for numbers, at least one, whatever names they had.
func rollupsOfNumbers(numbers []int64) shape {
	digits := make([]string, len(numbers))
	for i, number := range numbers {
		digits[i] = numberValue(number)
	}
	return rollupsOfFirst(digits)
}

// rollupsOfFirst asks for joined values whose first part is one of some, at least one.
func rollupsOfFirst(parts []string) shape {
	return func(s *sql.Selector) {
		ranges := make([]*sql.Predicate, len(parts))
		for i, part := range parts {
			low, high := schema.RollupRange(part)
			ranges[i] = sql.And(sql.GTE(s.C(rollup.FieldValue), low), sql.LT(s.C(rollup.FieldValue), high))
		}
		if len(ranges) == 1 { // ent's Or of one forgets an And's parentheses
			s.Where(ranges[0])
			return
		}
		s.Where(sql.Or(ranges...))
	}
}

// valueAmong says that a roll-up's value is one of some.
func valueAmong(s *sql.Selector, values []string) *sql.Predicate {
	raw := make([]any, len(values))
	for i, value := range values {
		raw[i] = []byte(value)
	}
	return sql.In(s.C(rollup.FieldValue), raw...)
}

// search asks for a text in one of the columns.
func (q *question) search(text *string, columns ...string) error {
	if text == nil || *text == "" {
		return nil
	}
	if err := checkContains("search", text); err != nil {
		return err
	}
	q.scans = true
	q.has(*text)
	q.rest = append(q.rest, func(s *sql.Selector) {
		found := make([]*sql.Predicate, len(columns))
		for i, column := range columns {
			found[i] = db.ContainsFold(s.C(column), *text)
		}
		s.Where(sql.Or(found...))
	})
	return nil
}

// checkContains refuses a text that is too long to look for.
func checkContains(field string, text *string) error {
	if text != nil && len(*text) > MaxSearch {
		return fault.Refuse(fault.Problem{Index: -1, Field: field, Reason: fault.TooLong, Limit: MaxSearch})
	}
	return nil
}

// asksPart says whether a part that is to be contained asks anything: the empty one is
// in every text.
func asksPart(part *string) bool { return part != nil && *part != "" }

// containsFold says whether text holds a part, byte for byte but for the case of
// ASCII letters, as db.ContainsFold says it in SQL; nil is in every text.
func containsFold(text string, part *string) bool {
	return part == nil || strings.Contains(db.LowerASCII(text), db.LowerASCII(*part))
}

// likeFold says whether text matches a pattern as a whole, in which % stands for any
// text and _ for any one character. The case of ASCII letters does not matter.
func likeFold(text, pattern string) bool {
	t, p := []rune(db.LowerASCII(text)), []rune(db.LowerASCII(pattern))
	star, mark := -1, 0 // the last %, and how far it has eaten
	at, i := 0, 0
	for at < len(t) {
		switch {
		case i < len(p) && p[i] == '%':
			star, mark = i, at
			i++
		case i < len(p) && (p[i] == '_' || p[i] == t[at]):
			at++
			i++
		case star >= 0:
			mark++
			at, i = mark, star+1
		default:
			return false
		}
	}
	for i < len(p) && p[i] == '%' {
		i++
	}
	return i == len(p)
}
