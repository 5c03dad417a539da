package main_test

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// one draws one of the values.
func one[T any](p *parity, what string, values ...T) T {
	return rapid.SampledFrom(values).Draw(p.T, what)
}

// number draws a number from 0 to most.
func (p *parity) number(what string, most int) int { return rapid.IntRange(0, most).Draw(p.T, what) }

var parityTexts = rapid.OneOf(
	rapid.SampledFrom([]string{"alice", "Alice", "ALICE ", "100%", "a_c", "abc", "abc ", "日志 名", "é", "É", "e", "a\nb", "😀", "2", `a\%`, "'--"}),
	rapid.StringOfN(rapid.SampledFrom([]rune(`aAbc%_\ 日é😀1`)), 0, 4, -1),
)

// text draws a text in which much can go wrong.
func (p *parity) text(what string) string { return parityTexts.Draw(p.T, what) }

// nullable draws a text or null.
func (p *parity) nullable(what string) any {
	if one(p, what+"?", false, false, true) {
		return nil
	}
	return p.text(what)
}

// age draws how old a row is: never within an hour of a number of whole days, so
// that no window of days moves past it while the test runs.
func (p *parity) age() time.Duration {
	return time.Duration(one(p, "days", 0, 0, 1, 2, 6, 29, 30, 64))*24*time.Hour + time.Duration(one(p, "hours", 1, 1, 5, 22))*time.Hour
}

// instant draws a time in microseconds, as the lines have it.
func (p *parity) instant() string {
	return instantText(p.now.Add(-p.age() + time.Duration(one(p, "µs", 0, 0, 1, 500_000, 999_999))*time.Microsecond))
}

// instantText writes a time as Logbook does: with no more digits than it needs, but
// none, 3 or 6.
func instantText(t time.Time) string {
	layout := "2006-01-02T15:04:05.000000Z"
	switch {
	case t.Nanosecond() == 0:
		layout = "2006-01-02T15:04:05Z"
	case t.Nanosecond()%1e6 == 0:
		layout = "2006-01-02T15:04:05.000Z"
	}
	return t.UTC().Format(layout)
}

// some draws a row of a kind, nil where there is none. A question is about it: most
// of its filters let the row pass.
func (p *parity) some(kind string) row {
	if rows := p.rows[kind]; len(rows) > 0 {
		return rows[p.number("which", len(rows)-1)]
	}
	return nil
}

// asked draws whether a filter is asked for, and gives what a row has under the field
// or another text; "" where it is not asked for, as a blank parameter is not.
func (p *parity) asked(about row, field string, other func(what string) string) (text string) {
	switch one(p, field+"?", 0, 0, 0, 0, 0, 0, 1, 1, 2) {
	case 1:
		text = about.text(field)
	case 2:
		text = other(field)
	}
	if blank(text) {
		return ""
	}
	return text
}

// askedPart is asked for filters by a part of the text: it gives a piece of it in
// either case.
func (p *parity) askedPart(about row, field string) string {
	runes := []rune(p.asked(about, field, p.text))
	if len(runes) == 0 {
		return ""
	}
	from := p.number("from", len(runes)-1)
	part := string(runes[from : from+1+p.number("length", len(runes)-1-from)])
	if rapid.Bool().Draw(p.T, "lower") {
		part = strings.ToLower(part)
	}
	if blank(part) {
		return ""
	}
	return part
}

// blank says whether a dialect takes a parameter for absent.
func blank(text string) bool { return strings.TrimSpace(text) == "" }

// askedTenant draws whether a tenant is asked for.
func (p *parity) askedTenant() string {
	return one(p, "tenant?", "", "", "", "", "", "", "", parityTenantA, parityTenantB, "550e8400-e29b-41d4-a716-44665544000f")
}

// span is a span of time, both ends included; a zero end is open.
type span struct{ since, until time.Time }

// span draws one whose ends are the times of rows or beside them.
func (p *parity) span(kind, field string, unit time.Duration) (s span) {
	for _, end := range []*time.Time{&s.since, &s.until} {
		if about := p.some(kind); about != nil && one(p, "bound?", false, false, false, true) {
			*end = about.moment(field).Add(time.Duration(one(p, "beside", -1, 0, 0, 1)) * unit)
		}
	}
	if !s.until.IsZero() && s.since.After(s.until) && one(p, "turn", true, true, false) {
		s.since, s.until = s.until, s.since
	}
	return s
}

func (s span) holds(at time.Time) bool {
	return (s.since.IsZero() || !at.Before(s.since)) && (s.until.IsZero() || !at.After(s.until))
}

// filter adds the span to a filter of GraphQL, whose end is not included. Unit is how
// fine the kind's times are.
func (s span) filter(filter map[string]any, unit time.Duration) {
	if !s.since.IsZero() {
		filter["since"] = instantText(s.since)
	}
	if !s.until.IsZero() {
		filter["until"] = instantText(s.until.Add(unit))
	}
}

// fits says whether a text is the one that is asked for, or none is.
func fits(asked, text string) bool { return asked == "" || asked == text }

// asksFor gives names with their values, without those that are "".
func asksFor(pairs ...string) map[string]any {
	asked := map[string]any{}
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			asked[pair[0]] = pair[1]
		}
	}
	return asked
}

// filterFor is asksFor for a filter of GraphQL, of fields that are to equal.
func filterFor(pairs ...string) map[string]any {
	asked := asksFor(pairs...)
	for name, value := range asked {
		asked[name] = exactly(value)
	}
	return asked
}

// exactly is a condition of GraphQL.
func exactly(value any) map[string]any { return map[string]any{"eq": value} }

// parameters is asksFor for a dialect.
func parameters(pairs ...string) url.Values {
	params := url.Values{}
	for name, value := range asksFor(pairs...) {
		params.Set(name, value.(string))
	}
	return params
}

// both says whether a row passes two tests.
func both(a, b func(row) bool) func(row) bool { return func(r row) bool { return a(r) && b(r) } }
