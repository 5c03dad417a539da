package journal_test

import (
	"cmp"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"logbook/internal/journal"
)

// operators are what a condition is drawn with beside eq, in, not and exists.
type operators int

const (
	plain  operators = iota
	parts            // contains
	ranges           // atLeast and atMost
)

// drawWhere draws a condition of any mix on values that rows have or nearly have.
func drawWhere[T comparable](r *rapid.T, name string, with operators, values ...T) *journal.Where[T] {
	w := &journal.Where[T]{}
	list := func(what string) []T {
		return append([]T{}, rapid.SliceOfN(rapid.SampledFrom(values), 0, 3).Draw(r, name+" "+what)...)
	}
	for range rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(r, name+" operators") {
		switch rapid.IntRange(0, 5).Draw(r, name+" operator") {
		case 0, 1:
			w.Eq = ptr(of(r, name+" eq", values...))
		case 2:
			w.In = list("in")
		case 3:
			w.Not = list("not")
		case 4:
			w.Exists = ptr(rapid.Bool().Draw(r, name+" exists"))
		case 5:
			switch with {
			case parts:
				part, _ := any(of(r, name+" contains", values...)).(string)
				w.Contains = ptr(strings.ToUpper(part[:len(part)/2]))
				if !validUTF8(*w.Contains) {
					w.Contains = ptr("A")
				}
			case ranges:
				if rapid.Bool().Draw(r, name+" from") {
					w.AtLeast = ptr(of(r, name+" at least", values...))
				} else {
					w.AtMost = ptr(of(r, name+" at most", values...))
				}
			}
		}
	}
	return w
}

func validUTF8(text string) bool { return strings.ToValidUTF8(text, "") == text }

// meets is a condition in plain Go.
func meets[T comparable](w *journal.Where[T], have *T) bool {
	if w == nil {
		return true
	}
	if w.Exists != nil && (have != nil) != *w.Exists || w.Not != nil && have != nil && slices.Contains(w.Not, *have) {
		return false
	}
	if w.Eq == nil && w.In == nil && (w.Contains == nil || *w.Contains == "") && w.AtLeast == nil && w.AtMost == nil {
		return true
	}
	if have == nil {
		return false
	}
	if w.Eq != nil && *have != *w.Eq || w.In != nil && !slices.Contains(w.In, *have) {
		return false
	}
	if text, ok := any(*have).(string); ok && w.Contains != nil && !has(text, *w.Contains) {
		return false
	}
	return (w.AtLeast == nil || compare(*have, *w.AtLeast) >= 0) && (w.AtMost == nil || compare(*have, *w.AtMost) <= 0)
}

func compare(a, b any) int {
	if a, ok := a.(interface{ String() string }); ok {
		return cmp.Compare(slices.Index(levelNames, a.String()), slices.Index(levelNames, b.(interface{ String() string }).String()))
	}
	return cmp.Compare(a.(int64), b.(int64))
}

var levelNames = []string{"debug", "info", "warning", "error", "critical"}
