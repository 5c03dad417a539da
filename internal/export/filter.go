package export

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"logbook/ent/column"
	"logbook/internal/fault"
	"logbook/internal/journal"
	"logbook/internal/rawjson"
)

// field is a field of a filter F and how its text is read.
type field[F any] struct {
	name string
	set  func(t *reading, filter *F) error
}

// reading is a term while it is read.
type reading struct {
	Term
	ctx     context.Context
	journal *journal.Journal
}

// not refuses the value: it is not what is wanted.
func (t *reading) not(wanted fault.Sentence) error {
	return fault.Refuse(fault.Problem{Index: -1, Field: t.Field, Reason: fault.Malformed, Value: fault.Shorten(t.Value), Detail: wanted})
}

// clash refuses the term.
func (t *reading) clash(format string, args ...any) error {
	return fault.RefuseField(t.Field, fault.Clash, "", format, args...)
}

// readTerms reads terms into a filter.
func readTerms[F any](ctx context.Context, j *journal.Journal, fields []field[F], terms []Term) (filter F, err error) {
	given := map[string]bool{}
	for _, term := range terms {
		t := &reading{term, ctx, j}
		var known *field[F]
		names := make([]string, len(fields))
		for i := range fields {
			if names[i] = fields[i].name; names[i] == term.Field {
				known = &fields[i]
			}
		}
		switch {
		case known == nil:
			t.Field = fault.Shorten(strings.ToValidUTF8(t.Field, "\ufffd"))
			return filter, t.clash("the fields are %s", strings.Join(names, ", "))
		case given[term.Field]:
			return filter, t.clash("stands twice")
		case !utf8.ValidString(term.Value):
			return filter, fault.RefuseField(t.Field, fault.Malformed, "", "valid UTF-8")
		}
		given[term.Field] = true
		if err := known.set(t, &filter); err != nil {
			return filter, err
		}
	}
	return filter, nil
}

// choice is a field whose values parse reads; wanted says what they are.
func choice[F any, V comparable](name string, at func(*F) **journal.Where[V], parse func(string) (V, bool), wanted fault.Sentence) field[F] {
	return field[F]{name, func(t *reading, filter *F) error {
		value, ok := parse(t.Value)
		if !ok {
			return t.not(wanted)
		}
		*at(filter) = journal.Is(value)
		return nil
	}}
}

func id[F any](name string, at func(*F) **journal.Where[column.ID]) field[F] {
	return choice(name, at, column.ParseID, fault.Say("a UUID"))
}

func number[F any](name string, at func(*F) **journal.Where[int64]) field[F] {
	return choice(name, at, parseNumber, fault.Say("a whole number within 2^53"))
}

func text[F any](name string, at func(*F) **journal.Where[string]) field[F] {
	return choice(name, at, func(value string) (string, bool) { return value, true }, fault.Sentence{})
}

// search is a part of a text.
func search[F any](at func(*F) **string) field[F] {
	return field[F]{"search", func(t *reading, filter *F) error {
		if problem := fault.Text(t.Field, t.Value, journal.MaxSearch); problem != nil {
			return fault.Refuse(*problem)
		}
		*at(filter) = &t.Value
		return nil
	}}
}

// instant is a time.
func instant[F any](name string, at func(*F) **column.Time) field[F] {
	return field[F]{name, func(t *reading, filter *F) error {
		value, ok := parseTime(t.Value, t.journal.Zone())
		if !ok {
			return t.not(fault.Say("a time such as 2025-06-15T08:30:45Z or 2025-06-15"))
		}
		*at(filter) = &value
		return nil
	}}
}

// parseTime reads RFC 3339. A time without an offset is read in zone, and a date is
// its midnight there.
func parseTime(text string, zone *time.Location) (column.Time, bool) {
	// In a query the plus of an offset arrives as a space where it was not escaped.
	if at := strings.LastIndexByte(text, ' '); at > len(time.DateOnly) {
		text = text[:at] + "+" + text[at+1:]
	}
	if instant, ok := column.ParseTime(text); ok {
		return instant, true
	}
	for _, layout := range []string{"2006-01-02T15:04:05", time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			instant := column.TimeOf(t)
			return instant, instant >= column.MinTime && instant <= column.MaxTime
		}
	}
	return 0, false
}

func parseNumber(text string) (int64, bool) { return rawjson.Integer([]byte(text)) }

func parseStatus(text string) (succeeded, ok bool) {
	return text == "1", text == "0" || text == "1"
}

func parseUsageType(text string) (column.UsageType, bool) {
	value, ok := parseNumber(text)
	if !ok {
		return 0, false
	}
	return column.ParseUsageType(value)
}

func parseStatusCode(text string) (int64, bool) {
	code, err := strconv.ParseInt(text, 10, 64)
	return code, err == nil && code >= 0 && code <= 999
}

func setCategoryID(t *reading, filter *journal.EntryFilter) error {
	id, ok := column.ParseID(t.Value)
	switch {
	case !ok:
		return t.not(fault.Say("a UUID"))
	case filter.CategoryID != nil && *filter.CategoryID.Eq != id:
		return t.clash("names another category than category_code")
	}
	filter.CategoryID = journal.Is(id)
	return nil
}

func setCategoryCode(t *reading, filter *journal.EntryFilter) error {
	known, err := t.journal.CategoryByCode(t.ctx, t.Value)
	switch {
	case err != nil:
		return err
	case known == nil:
		return t.not(fault.Say("the code of a category here"))
	case filter.CategoryID != nil && *filter.CategoryID.Eq != known.ID:
		return t.clash("names another category than category_id")
	}
	filter.CategoryID = journal.Is(known.ID)
	return nil
}
