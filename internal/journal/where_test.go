package journal_test

import (
	"cmp"
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/fault"
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

// TestRefusedFilters wants what cannot be asked to be refused with the place it stands
// at.
func TestRefusedFilters(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		now := column.TimeOf(w.now)
		days := func(n time.Duration) *column.Time { return ptr(now.Add(-n * 24 * time.Hour)) }
		many := make([]string, journal.MaxListed+1)
		for name, c := range map[string]struct {
			filter journal.EntryFilter
			want   string
		}{
			"no time":          {journal.EntryFilter{IPAddress: journal.Is("-")}, "ip_address: is found by reading rows"},
			"no since":         {journal.EntryFilter{Username: journal.IsNot("-"), Until: &now}, "username: is found by reading rows"},
			"a long time":      {journal.EntryFilter{RequestID: journal.Is("-"), Since: days(32)}, "request_id: is found by reading rows"},
			"until far ahead":  {journal.EntryFilter{RequestID: journal.Is("-"), Since: days(1), Until: ptr(now.Add(31 * 24 * time.Hour))}, "request_id: is found"},
			"31 days":          {journal.EntryFilter{RequestID: journal.Is("-"), Since: days(31)}, ""},
			"31 days long ago": {journal.EntryFilter{RequestID: journal.Is("-"), Since: days(1031), Until: days(1000)}, ""},
			"members, no time": {journal.EntryFilter{Metadata: []*journal.WhereMember{{Key: "a"}}}, "metadata: is found by reading rows"},
			"too many":         {journal.EntryFilter{Source: journal.OneOf(many...)}, "source.in: must be a list of at most 100 values"},
			"too many not":     {journal.EntryFilter{Source: journal.IsNot(many...)}, "source.not: must be a list of at most 100 values"},
			"too long":         {journal.EntryFilter{Source: journal.Has(strings.Repeat("x", 1025))}, "source.contains: is longer than 1024 bytes"},
			"an object":        {journal.EntryFilter{Since: days(1), Metadata: []*journal.WhereMember{{Key: "a", Eq: column.JSON("{}")}}}, "metadata[0].eq: must be a string"},
			"an array":         {journal.EntryFilter{Since: days(1), Metadata: []*journal.WhereMember{{}, {Key: "a", In: []column.JSON{column.JSON("1"), column.JSON("[]")}}}}, "metadata[1].in[1]: must be a string"},
			"a large number":   {journal.EntryFilter{Since: days(1), Metadata: []*journal.WhereMember{{Key: "a", Eq: column.JSON("9007199254740993")}}}, "metadata[0].eq: must be a string"},
			"a long text":      {journal.EntryFilter{Since: days(1), Metadata: []*journal.WhereMember{{Key: "a", Eq: column.JSON(`"` + strings.Repeat("x", 1025) + `"`)}}}, "metadata[0].eq: is longer"},
			"a long key":       {journal.EntryFilter{Since: days(1), Metadata: []*journal.WhereMember{{Key: strings.Repeat("k", 256)}}}, "metadata[0].key: is longer than 255 bytes"},
			"the longest":      {journal.EntryFilter{Since: days(1), Metadata: []*journal.WhereMember{{Key: strings.Repeat("键", 85), Eq: column.JSON(`"` + strings.Repeat("é", 512) + `"`)}}}, ""},
			"many members":     {journal.EntryFilter{Since: days(1), Metadata: make([]*journal.WhereMember, 11)}, "metadata: must be a list of at most 10 values"},
			"nothing is asked": {journal.EntryFilter{Username: &journal.Where[string]{}, Source: journal.IsNot[string](), Level: &journal.Where[column.Level]{}}, ""},
		} {
			_, err := w.Entries.Count(ctx, c.filter)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), c.want)) {
				t.Errorf("%s: %v, want %q", name, err, c.want)
			}
		}
		// Conditions that ask nothing are none for a purge.
		_, err := w.Entries.WouldPurge(ctx, journal.EntryFilter{Source: &journal.Where[string]{}, Level: &journal.Where[column.Level]{Not: []column.Level{}}})
		wantKind(t, err, fault.Invalid)

		// What somebody may not see it may not filter by.
		since := days(1)
		lists := as(auth.Viewer, nil, auth.OperationsList)
		_, err = w.Operations.Count(lists, journal.OperationFilter{Since: since, RequestData: []*journal.WhereMember{{Key: "a"}}})
		wantKind(t, err, fault.Forbidden)
		own := auth.With(ctx, &auth.Principal{Subject: "7", Role: auth.User})
		_, err = w.UsageRecords.Count(own, journal.UsageRecordFilter{Since: since, Other: []*journal.WhereMember{{Key: "x"}, {Key: "admin_info", Exists: ptr(true)}}})
		wantKind(t, err, fault.Forbidden)
		if _, err = w.UsageRecords.Count(own, journal.UsageRecordFilter{Since: since, Other: []*journal.WhereMember{{Key: "x", Exists: ptr(true)}}}); err != nil {
			t.Error(err)
		}
	})
}

// TestFiltersThatReadRows holds which fields need a span of time against what the filters
// say of themselves, and lets a record of a purge be shorter than its filter.
func TestFiltersThatReadRows(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		holdReaders(t, ctx, w.Entries, []string{"IPAddress", "Metadata", "RequestID", "Search", "Username"})
		holdReaders(t, ctx, w.AuditEvents, []string{"Payload"})
		holdReaders(t, ctx, w.Operations, []string{"RequestData"})
		holdReaders(t, ctx, w.UsageRecords, []string{"CompletionTokens", "Group", "IP", "IsStream", "Keyword", "Other", "PromptTokens", "Quota", "Search", "UseTime"})
		holdReaders(t, ctx, w.APICalls, []string{"HTTPMethod"})

		if _, err := w.Entries.Append(ctx, []journal.EntryDraft{{Message: "m", Timestamp: at(-1)}}); err != nil {
			t.Fatal(err)
		}
		long := strings.Repeat("\x01", 1<<20)
		if n, err := w.Entries.Purge(ctx, journal.EntryFilter{Until: at(1), Source: journal.IsNot(long)}); err != nil || n != 1 {
			t.Errorf("a purge by a long filter removed %d rows (%v)", n, err)
		}
	})
}

// holdReaders asks for one field after the other, without a time.
func holdReaders[R, D, F any, P interface {
	*F
	ReadsRows() bool
}](t *testing.T, ctx context.Context, log *journal.Log[R, D, F], want []string) {
	t.Helper()
	var got []string
	fields := reflect.TypeFor[F]()
	for i := range fields.NumField() {
		var filter F
		field := reflect.ValueOf(&filter).Elem().Field(i)
		switch field.Interface().(type) {
		case []*journal.WhereMember:
			field.Set(reflect.ValueOf([]*journal.WhereMember{{Key: "a"}}))
		case *string:
			field.Set(reflect.ValueOf(ptr("a")))
		default:
			field.Set(reflect.New(field.Type().Elem()))
			if eq := field.Elem(); eq.Kind() == reflect.Struct && eq.FieldByName("Eq").IsValid() {
				eq.FieldByName("Eq").Set(reflect.New(eq.FieldByName("Eq").Type().Elem()))
			}
		}
		reads := P(&filter).ReadsRows()
		_, err := log.Count(ctx, filter)
		if refused := err != nil && strings.Contains(err.Error(), "is found by reading rows"); err != nil && !refused || refused && !reads {
			t.Errorf("%s.%s: ReadsRows is %t, and the count says %v", fields.Name(), fields.Field(i).Name, reads, err)
		}
		if reads {
			got = append(got, fields.Field(i).Name)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q read rows, want %q", fields.Name(), got, want)
	}
}

// TestPartBesideName: a name that lacks the part of it that is asked for is nobody's, also
// where a number is asked for beside it.
func TestPartBesideName(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		if _, err := w.UsageRecords.Append(ctx, []journal.UsageRecordDraft{{Type: column.Consume, TokenID: 3, TokenName: "bob"}}); err != nil {
			t.Fatal(err)
		}
		for part, want := range map[string]int64{"ali": 0, "BO": 1} {
			f := journal.UsageRecordFilter{TokenID: journal.Is[int64](3), TokenName: &journal.Where[string]{Eq: ptr("bob"), Contains: &part}}
			if got, err := w.UsageRecords.Count(ctx, f); err != nil || got != want {
				t.Errorf("%q: counted %d, want %d (%v)", part, got, want, err)
			}
		}
	})
}

// TestCountsEqualRows asks each field of each kind by each operator, in spans that cut
// hours and days, and wants the count, which comes from roll-ups where it can, to be the
// number of rows.
func TestCountsEqualRows(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		s := stock(t, ctx, w)
		random := rapid.Custom(func(r *rapid.T) [4]any {
			entry := s.draft(r)
			if rapid.IntRange(0, 2).Draw(r, "within the shortest span") == 0 {
				entry.Timestamp = at(-25.5)
			}
			return [4]any{
				entry,
				journal.AuditEventDraft{CreatedAt: entry.Timestamp, TenantID: entry.TenantID, Key: entry.Message, UserID: entry.Source, ApplicationID: entry.Username},
				journal.OperationDraft{CreatedAt: entry.Timestamp, TenantID: entry.TenantID, UserID: of(r, "number", nil, ptr[int64](1), ptr[int64](2)), Username: entry.Username,
					Module: entry.Message, Action: column.Action(*entry.Level/10 + 1), Failed: rapid.Bool().Draw(r, "failed")},
				journal.UsageRecordDraft{CreatedAt: entry.Timestamp, TenantID: entry.TenantID, Type: of(r, "type", column.UsageTypes...), UserID: of[int64](r, "user", 0, 1, 2, 10),
					Username: of(r, "name", "", "alice", "bob"), TokenID: of[int64](r, "token", 0, 1, 2), TokenName: of(r, "token name", "", "alice"), ModelName: entry.Message, Group: entry.Message},
			}
		})
		var entries []journal.EntryDraft
		var events []journal.AuditEventDraft
		var done []journal.OperationDraft
		var usage []journal.UsageRecordDraft
		for i := range 150 {
			drafts := random.Example(i)
			entries, events = append(entries, drafts[0].(journal.EntryDraft)), append(events, drafts[1].(journal.AuditEventDraft))
			done, usage = append(done, drafts[2].(journal.OperationDraft)), append(usage, drafts[3].(journal.UsageRecordDraft))
		}
		countsEqualRows(t, ctx, w.Entries, entries, s)
		countsEqualRows(t, ctx, w.AuditEvents, events, s)
		countsEqualRows(t, ctx, w.Operations, done, s)
		countsEqualRows(t, ctx, w.UsageRecords, usage, s)
		w.recount(t)
	})
}

func countsEqualRows[R, D, F any](t *testing.T, ctx context.Context, log *journal.Log[R, D, F], drafts []D, s wares) {
	t.Helper()
	if _, err := log.Append(ctx, drafts); err != nil {
		t.Fatal(err)
	}
	fields := reflect.TypeFor[F]()
	for i := range fields.NumField() {
		for _, condition := range conditionsOf(fields.Field(i).Type, s) {
			for _, span := range [][2]*column.Time{{}, {at(-500.3), at(-3.7)}, {at(-30.5), nil}, {nil, at(-25.01)}, {at(-25.9), at(-25.1)}} {
				var filter F
				value := reflect.ValueOf(&filter).Elem()
				value.Field(i).Set(reflect.ValueOf(condition))
				value.FieldByName("Since").Set(reflect.ValueOf(span[0]))
				value.FieldByName("Until").Set(reflect.ValueOf(span[1]))
				rows := int64(0)
				if err := log.Each(ctx, filter, func(*R) error { rows++; return nil }); err != nil {
					if strings.Contains(err.Error(), "is found by reading rows") {
						continue
					}
					t.Fatal(err)
				}
				if n, err := log.Count(ctx, filter); err != nil || n != rows {
					t.Errorf("%s.%s %+v in %v: counted %d of %d rows (%v)", fields.Name(), fields.Field(i).Name, condition, span, n, rows, err)
				}
			}
		}
	}
}

// conditionsOf gives conditions of a field's type, of each operator and some together.
func conditionsOf(field reflect.Type, s wares) (list []any) {
	switch field {
	case reflect.TypeFor[*journal.Where[string]]():
		return conditionsFor("Alpha", "", "app", "alice", "1")
	case reflect.TypeFor[*journal.Where[int64]]():
		return conditionsFor[int64](1, 0, 2)
	case reflect.TypeFor[*journal.Where[column.ID]]():
		return conditionsFor(valuesOf(s.categories)...)
	case reflect.TypeFor[*journal.Where[column.Level]]():
		return conditionsFor(column.Levels...)
	case reflect.TypeFor[*journal.Where[column.Action]]():
		return conditionsFor[column.Action](1, 2, 3)
	case reflect.TypeFor[*journal.Where[column.UsageType]]():
		return conditionsFor(column.UsageTypes...)
	case reflect.TypeFor[*journal.Where[bool]]():
		return conditionsFor(true, false)
	}
	return nil
}

func conditionsFor[T comparable](values ...T) (list []any) {
	for _, w := range []*journal.Where[T]{
		journal.Is(values[0]), journal.Is(values[1]), journal.OneOf(values...), journal.OneOf(values[:2]...), journal.OneOf[T](),
		journal.IsNot(values[0]), journal.IsNot(values[1:]...), {In: values, Not: values[:1]}, {Eq: &values[0], In: values[1:]},
		{Exists: ptr(true)}, {Exists: ptr(false)}, {Exists: ptr(true), Not: values[1:]}, {Exists: ptr(false), Not: values[1:]}, {Exists: ptr(false), Eq: &values[0]},
	} {
		list = append(list, w)
	}
	return list
}
