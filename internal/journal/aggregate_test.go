package journal_test

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// clocks are zones at a moment when they do something that a histogram could trip over.
var clocks = []struct{ zone, around string }{
	{"UTC", "2024-02-29T00:00:00Z"},
	{"Europe/Berlin", "2025-03-30T01:00:00Z"}, {"Europe/Berlin", "2025-10-26T01:00:00Z"},
	{"Australia/Lord_Howe", "2025-04-05T15:00:00Z"}, {"Australia/Lord_Howe", "2025-10-04T15:30:00Z"},
	{"Asia/Kathmandu", "2024-07-01T18:15:00Z"}, {"Asia/Kolkata", "2024-12-31T18:30:00Z"},
	{"Pacific/Apia", "2011-12-30T10:00:00Z"}, // the 30th is left out
	{"America/Sao_Paulo", "2018-02-18T02:00:00Z"}, {"America/Sao_Paulo", "2018-11-04T03:00:00Z"},
	{"Asia/Amman", "2021-10-28T22:00:00Z"},     // midnight twice
	{"Asia/Pyongyang", "2018-05-04T15:00:00Z"}, // put forward from 23:30 to midnight
	{"America/Havana", "2024-03-10T05:00:00Z"}, {"Pacific/Kiritimati", "1994-12-31T10:00:00Z"},
}

// aggregated is a kind as the properties of aggregates see it.
type aggregated[R, D, F any] struct {
	log    *journal.Log[R, D, F]
	draft  func(*rand.Rand, column.Time) D
	filter func(t *rapid.T, since, until *column.Time) (F, func(*R) bool)
	time   func(*R) column.Time
	tenant func(*R) *column.ID
	owner  func(*R) int64 // nil where nobody has rows of its own
	read   []auth.Permission
	sums   func(*R) journal.UsageSums
	dims   map[journal.Dimension]func(*R) (value string, has bool)
	names  map[journal.Dimension]func(*R) string  // of values that another column names
	number []journal.Dimension                    // in order of size
	calls  func(journal.Dimension, string) string // what ids are called
}

// labelled says when a bucket ends: when its label changes.
var labelled = map[journal.Interval]func(time.Time) string{
	journal.Minute:      func(t time.Time) string { return t.Format("2006-01-02 15:04 -0700") },
	journal.FiveMinutes: func(t time.Time) string { return t.Format("2006-01-02 15 -0700 ") + strconv.Itoa(t.Minute()/5) },
	journal.Hour:        func(t time.Time) string { return t.Format("2006-01-02 15 -0700") },
	journal.Day:         func(t time.Time) string { return t.Format(time.DateOnly) },
	journal.Week:        func(t time.Time) string { year, week := t.ISOWeek(); return strconv.Itoa(year*100 + week) },
	journal.Month:       func(t time.Time) string { return t.Format("2006-01") },
}

// edges looks at every minute of a window and gives those that begin a bucket.
func edges(interval journal.Interval, zone *time.Location, since, until column.Time) []column.Time {
	label := labelled[interval]
	list := []column.Time{since}
	const minute = 60_000000
	last := label(since.Time().In(zone))
	for at := since - since%minute + minute; at < until; at += minute {
		if now := label(at.Time().In(zone)); now != last {
			list, last = append(list, at), now
		}
	}
	return append(list, until)
}

func (k aggregated[R, D, F]) check(t *testing.T, w *world, s wares, system context.Context) {
	random := rand.New(rand.NewPCG(1, 2))
	w.now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	drafts := make([]D, 900)
	for i := range drafts {
		drafts[i] = k.draft(random, someTime(random))
	}
	must[[]*R](t)(k.log.Append(system, drafts))
	var all []*R
	if err := k.log.Each(system, *new(F), func(row *R) error { all = append(all, row); return nil }); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		clock := of(t, "clock", clocks...)
		zone, err := time.LoadLocation(clock.zone)
		if err != nil {
			t.Fatal(err)
		}
		interval := of(t, "interval", journal.Minute, journal.FiveMinutes, journal.Hour, journal.Hour, journal.Day, journal.Day, journal.Week, journal.Month)
		around, _ := column.ParseTime(clock.around)
		hours := map[journal.Interval]int{journal.Minute: 4, journal.FiveMinutes: 24, journal.Hour: 24 * 12, journal.Day: 24 * 30, journal.Week: 24 * 80, journal.Month: 24 * 200}[interval]
		bound := func(name string, from, to int) *column.Time {
			at := around.Add(time.Duration(rapid.IntRange(from, to).Draw(t, name)) * time.Hour)
			return ptr(at + column.Time(of(t, name+" and", int64(0), 1, -1, 15*60e6, 1234567, 30*60e6)))
		}
		since, until := bound("since", -hours, 2), bound("until", -2, hours)
		filter, passes := k.filter(t, since, until)

		ctx, sees := system, func(*R) bool { return true }
		tenant := s.tenants[1]
		switch who := rapid.IntRange(0, 5).Draw(t, "who"); {
		case who == 0:
			ctx = as(auth.Viewer, &ent.Tenant{ID: *tenant}, k.read...)
			sees = func(r *R) bool { of := k.tenant(r); return of != nil && *of == *tenant }
		case who <= 2 && k.owner != nil:
			ctx = as(auth.User, nil)
			sees = func(r *R) bool { return k.owner(r) == 7 }
		case who == 3 && k.owner != nil:
			ctx = as(auth.User, &ent.Tenant{ID: *tenant})
			sees = func(r *R) bool { of := k.tenant(r); return k.owner(r) == 7 && of != nil && *of == *tenant }
		}
		rows := keep(slices.Clone(all), func(r *R) bool { return sees(r) && passes(r) })

		dims := make([]journal.Dimension, 0, len(k.dims))
		for dim := range k.dims {
			dims = append(dims, dim)
		}
		slices.Sort(dims)
		by := of(t, "by", dims...)
		first := rapid.IntRange(1, 6).Draw(t, "first")
		asked := k.log.Aggregate(filter)
		if count, err := asked.Count(ctx); err != nil || count != int64(len(rows)) {
			t.Fatalf("count %d, want %d (%v)", count, len(rows), err)
		}
		k.groups(t, ctx, asked, rows, by, first)
		if *since < *until {
			k.buckets(t, ctx, asked, rows, by, first, interval, zone, edges(interval, zone, *since, *until))
		}
	})
}

// want is a value with what a plain count says of it.
type want struct {
	value string
	none  bool
	label string
	journal.UsageSums
	names map[string]int64
}

// counted counts the rows of each value, the most frequent first.
func (k aggregated[R, D, F]) counted(rows []*R, by journal.Dimension) []*want {
	found := map[string]*want{}
	for _, row := range rows {
		value, has := k.dims[by](row)
		key := "+" + value
		if !has {
			key, value = "", ""
		}
		if found[key] == nil {
			found[key] = &want{value: value, none: !has, names: map[string]int64{}}
		}
		found[key].UsageSums = plus(found[key].UsageSums, k.sums(row))
		if k.names[by] != nil {
			found[key].names[k.names[by](row)]++
		}
	}
	var list []*want
	for _, one := range found {
		list = append(list, one)
		if k.calls != nil && !one.none {
			one.label = k.calls(by, one.value)
		}
		for name, count := range one.names {
			if most := one.names[one.label]; !one.none && (one.label == "" && most == 0 || count > most || count == most && name < one.label) {
				one.label = name
			}
		}
	}
	slices.SortFunc(list, func(a, b *want) int {
		if a.Count != b.Count {
			return cmp.Compare(b.Count, a.Count)
		}
		if a.none != b.none {
			return map[bool]int{true: -1, false: 1}[a.none]
		}
		return k.order(by, a.value, b.value)
	})
	return list
}

// order is how values of a dimension follow each other.
func (k aggregated[R, D, F]) order(by journal.Dimension, a, b string) int {
	switch by {
	case "LEVEL":
		return cmp.Compare(slices.Index(levels, a), slices.Index(levels, b))
	case "TYPE":
		return cmp.Compare(slices.Index(types, a), slices.Index(types, b))
	case "ACTION":
		return cmp.Compare(slices.Index(actions, a), slices.Index(actions, b))
	}
	if slices.Contains(k.number, by) {
		x, _ := strconv.ParseInt(a, 10, 64)
		y, _ := strconv.ParseInt(b, 10, 64)
		return cmp.Compare(x, y)
	}
	return cmp.Compare(a, b)
}

var (
	levels  = []string{"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
	types   = []string{"", "TOP_UP", "CONSUME", "MANAGE", "ERROR", "SYSTEM"}
	actions = []string{"", "CREATE", "UPDATE", "DELETE", "VIEW"}
)

func plus(a, b journal.UsageSums) journal.UsageSums {
	return journal.UsageSums{Count: a.Count + b.Count, Quota: a.Quota + b.Quota,
		PromptTokens: a.PromptTokens + b.PromptTokens, CompletionTokens: a.CompletionTokens + b.CompletionTokens}
}

func (w *want) is(value, label *string) bool {
	switch {
	case w.none:
		return value == nil && label == nil
	case value == nil || *value != w.value:
		return false
	case w.label == "":
		return label == nil
	}
	return label != nil && *label == w.label
}

// groups holds groups and values against plain counts.
func (k aggregated[R, D, F]) groups(t *rapid.T, ctx context.Context, asked *journal.Aggregate[R, D, F], rows []*R, by journal.Dimension, first int) {
	wanted := k.counted(rows, by)
	got, err := asked.Groups(ctx, by, first)
	if err != nil {
		t.Fatal(err)
	}
	if got.ValueCount != int64(len(wanted)) || len(got.Groups) != min(first, len(wanted)) {
		t.Fatalf("%s: %d groups of %d values, want of %d", by, len(got.Groups), got.ValueCount, len(wanted))
	}
	other := journal.UsageSums{}
	for i, one := range wanted {
		switch {
		case i >= first:
			other = plus(other, one.UsageSums)
		case !one.is(got.Groups[i].Value, got.Groups[i].Label) || got.Groups[i].UsageSums != one.UsageSums:
			t.Fatalf("%s: group %d is %+v, want %+v", by, i, show(got.Groups[i]), one)
		}
	}
	if got.Other.UsageSums != other || got.OtherCount() != other.Count {
		t.Fatalf("%s: the others are %+v, want %+v", by, got.Other.UsageSums, other)
	}

	part := ptr(of(t, "contains", "", "1", "A", "e", "用"))
	list, err := asked.Values(ctx, by, part, first)
	if err != nil {
		t.Fatal(err)
	}
	wanted = keep2(wanted, func(one *want) bool {
		return !one.none && (has(one.value, *part) || one.label != "" && has(one.label, *part))
	})
	slices.SortFunc(wanted, func(a, b *want) int {
		if k.calls != nil && a.label != b.label && (by == "TENANT" || by == "CATEGORY") {
			return cmp.Compare(a.label, b.label)
		}
		return k.order(by, a.value, b.value)
	})
	if len(list) != min(first, len(wanted)) {
		t.Fatalf("%s: %d values, want %d", by, len(list), len(wanted))
	}
	for i, one := range list {
		if !wanted[i].is(&one.Value, one.Label) {
			t.Fatalf("%s: value %d is %q, want %+v", by, i, one.Value, wanted[i])
		}
	}
}

func keep2(list []*want, wanted func(*want) bool) (kept []*want) {
	for _, one := range list {
		if wanted(one) {
			kept = append(kept, one)
		}
	}
	return kept
}

func show(g journal.Group) []any {
	list := []any{g.UsageSums}
	for _, text := range []*string{g.Value, g.Label} {
		if text != nil {
			list = append(list, *text)
		} else {
			list = append(list, nil)
		}
	}
	return list
}

// buckets holds histogram and series against plain counts.
func (k aggregated[R, D, F]) buckets(t *rapid.T, ctx context.Context, asked *journal.Aggregate[R, D, F], rows []*R, by journal.Dimension, first int, interval journal.Interval, zone *time.Location, edges []column.Time) {
	fill := func(rows []*R) []journal.UsageSums {
		list := make([]journal.UsageSums, len(edges)-1)
		for _, row := range rows {
			at := k.time(row)
			for i := range list {
				if at >= edges[i] && at < edges[i+1] {
					list[i] = plus(list[i], k.sums(row))
				}
			}
		}
		return list
	}
	same := func(what string, got []journal.Bucket, want []journal.UsageSums) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: %d buckets %v, want %d %v", what, len(got), got, len(want), edges)
		}
		for i, one := range got {
			if one.Start != edges[i] || one.End != edges[i+1] || one.UsageSums != want[i] {
				t.Fatalf("%s: bucket %d is %+v, want from %s until %s %+v", what, i, one, edges[i], edges[i+1], want[i])
			}
			rate := float64(want[i].PromptTokens+want[i].CompletionTokens) * 60e6 / float64(edges[i+1]-edges[i])
			if got := *one.TokensPerMinute(); got < rate*0.999999 || got > rate*1.000001 {
				t.Fatalf("%s: bucket %d has %f tokens a minute, want %f", what, i, got, rate)
			}
		}
	}
	name := zone.String()
	got, err := asked.Histogram(ctx, interval, &name)
	if err != nil {
		t.Fatal(err)
	}
	same("histogram", got, fill(rows))

	wanted := k.counted(rows, by)
	series, err := asked.Series(ctx, by, first, interval, &name)
	if err != nil {
		t.Fatal(err)
	}
	if len(series) != min(first+1, len(wanted)) {
		t.Fatalf("%s: %d series, want %d", by, len(series), min(first+1, len(wanted)))
	}
	rest := rows
	for i, one := range series {
		if one.IsOther != (i == first) {
			t.Fatalf("%s: series %d is other: %v", by, i, one.IsOther)
		}
		if one.IsOther {
			same("other", one.Buckets, fill(rest))
			continue
		}
		of := func(r *R) bool {
			value, has := k.dims[by](r)
			return has != wanted[i].none && (!has || value == wanted[i].value)
		}
		if !wanted[i].is(one.Value, one.Label) || one.UsageSums != wanted[i].UsageSums {
			t.Fatalf("%s: series %d is %v, want %+v", by, i, show(one.Group), wanted[i])
		}
		same("series", one.Buckets, fill(keep(slices.Clone(rows), of)))
		rest = keep(slices.Clone(rest), func(r *R) bool { return !of(r) })
	}
}

// someTime gives a moment around what one of the clocks does, on edges more often than
// chance would have it.
func someTime(random *rand.Rand) column.Time {
	around, _ := column.ParseTime(clocks[random.IntN(len(clocks))].around)
	hours := []int{3, 30, 300, 3000}[random.IntN(4)]
	at := around.Add(time.Duration(random.IntN(2*hours)-hours) * time.Hour)
	return at + []column.Time{0, -1, 1, 15 * 60e6, 30 * 60e6, 1234567, 60e6}[random.IntN(7)]
}

func any1[V any](random *rand.Rand, list ...V) V { return list[random.IntN(len(list))] }

func one[R any](*R) journal.UsageSums { return journal.UsageSums{Count: 1} }

func given(value *string) (string, bool) {
	if value == nil {
		return "", false
	}
	return *value, true
}

func ofID(id *column.ID) (string, bool) {
	if id == nil {
		return "", false
	}
	return id.String(), true
}

// called gives what the tenants and categories of a stock are called.
func called(t *testing.T, ctx context.Context, w *world) func(journal.Dimension, string) string {
	names := map[string]string{}
	for _, one := range must[[]*ent.Tenant](t)(w.Tenants(ctx)) {
		names[one.ID.String()] = one.Name
	}
	for _, one := range must[[]*ent.Category](t)(w.Categories(ctx)) {
		names[one.ID.String()] = one.Name
	}
	return func(by journal.Dimension, value string) string { return names[value] }
}

func TestEntryAggregateEqualsRecount(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		s := stock(t, ctx, w)
		aggregated[ent.Entry, journal.EntryDraft, journal.EntryFilter]{
			log: w.Entries, read: []auth.Permission{auth.EntriesRead}, sums: one[ent.Entry], calls: called(t, ctx, w),
			time: func(e *ent.Entry) column.Time { return e.Timestamp }, tenant: func(e *ent.Entry) *column.ID { return e.TenantID },
			draft: func(r *rand.Rand, at column.Time) journal.EntryDraft {
				return journal.EntryDraft{
					Timestamp: &at, Message: any1(r, "alpha", "beta"), TenantID: any1(r, s.tenants...), CategoryID: any1(r, s.categories...),
					Level: ptr(any1(r, column.Levels...)), Source: any1(r, sources...), UserID: any1(r, nil, ptr("1"), ptr("2"), ptr("用")),
				}
			},
			filter: func(r *rapid.T, since, until *column.Time) (f journal.EntryFilter, _ func(*ent.Entry) bool) {
				t := asks{r}
				f.Since, f.Until = since, until
				t.maybe("tenant", func() { f.TenantID = drawWhere(r, "of tenant", plain, valuesOf(s.tenants)...) })
				t.maybe("level", func() { f.Level = drawWhere(r, "of level", ranges, column.Levels...) })
				t.maybe("source", func() { f.Source = drawWhere(r, "of source", parts, valuesOf(sources)...) })
				t.maybe("category", func() { f.CategoryID = drawWhere(r, "of category", plain, valuesOf(s.categories)...) })
				t.maybe("search", func() { f.Search = ptr("ALPHA") })
				return f, func(e *ent.Entry) bool { return passes(f, e) }
			},
			dims: map[journal.Dimension]func(*ent.Entry) (string, bool){
				"LEVEL":    func(e *ent.Entry) (string, bool) { return strings.ToUpper(e.Level.String()), true },
				"CATEGORY": func(e *ent.Entry) (string, bool) { return ofID(e.CategoryID) },
				"SOURCE":   func(e *ent.Entry) (string, bool) { return given(e.Source) },
				"USER":     func(e *ent.Entry) (string, bool) { return given(e.UserID) },
				"TENANT":   func(e *ent.Entry) (string, bool) { return ofID(e.TenantID) },
			},
		}.check(t, w, s, ctx)
	})
}

func TestAuditEventAggregateEqualsRecount(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		s := stock(t, ctx, w)
		people := []*string{nil, ptr(""), ptr("usr_1"), ptr("usr_1 ")}
		aggregated[ent.AuditEvent, journal.AuditEventDraft, journal.AuditEventFilter]{
			log: w.AuditEvents, read: []auth.Permission{auth.AuditRead}, sums: one[ent.AuditEvent], calls: called(t, ctx, w),
			time: func(e *ent.AuditEvent) column.Time { return e.CreatedAt }, tenant: func(e *ent.AuditEvent) *column.ID { return e.TenantID },
			draft: func(r *rand.Rand, at column.Time) journal.AuditEventDraft {
				return journal.AuditEventDraft{CreatedAt: &at, TenantID: any1(r, s.tenants...), Key: any1(r, "SignIn", "Token", "token"),
					UserID: any1(r, people...), ApplicationID: any1(r, people...), IP: any1(r, people...)}
			},
			filter: func(r *rapid.T, since, until *column.Time) (f journal.AuditEventFilter, _ func(*ent.AuditEvent) bool) {
				t := asks{r}
				f.Since, f.Until = since, until
				t.maybe("key", func() { f.Key = drawWhere(r, "of key", parts, "SignIn", "Token", "token") })
				t.maybe("user", func() { f.UserID = drawWhere(r, "of user", plain, valuesOf(people)...) })
				t.maybe("ip", func() { f.IP = drawWhere(r, "of ip", plain, valuesOf(people)...) })
				t.maybe("except", func() { f.ApplicationID = drawWhere(r, "of application", plain, valuesOf(people)...) })
				return f, func(e *ent.AuditEvent) bool {
					return e.CreatedAt >= *since && e.CreatedAt < *until && meets(f.Key, &e.Key) && meets(f.UserID, e.UserID) &&
						meets(f.IP, e.IP) && meets(f.ApplicationID, e.ApplicationID)
				}
			},
			dims: map[journal.Dimension]func(*ent.AuditEvent) (string, bool){
				"KEY":         func(e *ent.AuditEvent) (string, bool) { return e.Key, true },
				"USER":        func(e *ent.AuditEvent) (string, bool) { return given(e.UserID) },
				"APPLICATION": func(e *ent.AuditEvent) (string, bool) { return given(e.ApplicationID) },
				"IP":          func(e *ent.AuditEvent) (string, bool) { return given(e.IP) },
				"TENANT":      func(e *ent.AuditEvent) (string, bool) { return ofID(e.TenantID) },
			},
		}.check(t, w, s, ctx)
	})
}

func TestOperationAggregateEqualsRecount(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		s := stock(t, ctx, w)
		names := []*string{nil, ptr(""), ptr("admin"), ptr("用户")}
		name := func(o *ent.Operation) string {
			if o.Username == nil {
				return ""
			}
			return *o.Username
		}
		aggregated[ent.Operation, journal.OperationDraft, journal.OperationFilter]{
			log: w.Operations, read: []auth.Permission{auth.OperationsList, auth.OperationsQuery}, sums: one[ent.Operation], calls: called(t, ctx, w),
			time: func(o *ent.Operation) column.Time { return o.CreatedAt }, tenant: func(o *ent.Operation) *column.ID { return o.TenantID },
			draft: func(r *rand.Rand, at column.Time) journal.OperationDraft {
				return journal.OperationDraft{CreatedAt: &at, TenantID: any1(r, s.tenants...), UserID: any1(r, nil, ptr[int64](2), ptr[int64](10), ptr[int64](-1)),
					Username: any1(r, names...), Action: column.Action(1 + r.IntN(4)), Module: any1(r, "", "auth", "认证"), Failed: r.IntN(2) == 0, IPAddress: any1(r, names...)}
			},
			filter: func(r *rapid.T, since, until *column.Time) (f journal.OperationFilter, _ func(*ent.Operation) bool) {
				t := asks{r}
				f.Since, f.Until = since, until
				t.maybe("user", func() { f.UserID = drawWhere[int64](r, "of user", plain, 10, 1) })
				t.maybe("name", func() { f.Username = drawWhere(r, "of name", parts, valuesOf(names)...); f.Username.Exists = nil })
				t.maybe("module", func() { f.Module = drawWhere(r, "of module", parts, "auth", "") })
				t.maybe("succeeded", func() { f.Succeeded = journal.Is(rapid.Bool().Draw(r, "of outcome")) })
				return f, func(o *ent.Operation) bool {
					return o.CreatedAt >= *since && o.CreatedAt < *until && meets(f.UserID, o.UserID) && meets(f.Username, ptr(name(o))) &&
						meets(f.Module, &o.Module) && meets(f.Succeeded, ptr(o.Status == 1))
				}
			},
			dims: map[journal.Dimension]func(*ent.Operation) (string, bool){
				"ACTION": func(o *ent.Operation) (string, bool) { return strings.ToUpper(o.Action.String()), true },
				"MODULE": func(o *ent.Operation) (string, bool) { return o.Module, true },
				"USER": func(o *ent.Operation) (string, bool) {
					if o.UserID == nil {
						return "", false
					}
					return strconv.FormatInt(*o.UserID, 10), true
				},
				"USERNAME":  func(o *ent.Operation) (string, bool) { return name(o), name(o) != "" },
				"SUCCEEDED": func(o *ent.Operation) (string, bool) { return strconv.FormatBool(o.Status == 1), true },
				"IP":        func(o *ent.Operation) (string, bool) { return given(o.IPAddress) },
				"TENANT":    func(o *ent.Operation) (string, bool) { return ofID(o.TenantID) },
			},
			names: map[journal.Dimension]func(*ent.Operation) string{"USER": name}, number: []journal.Dimension{"USER"},
		}.check(t, w, s, ctx)
	})
}

func TestUsageRecordAggregateEqualsRecount(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		s := stock(t, ctx, w)
		number := func(n int64) (string, bool) { return strconv.FormatInt(n, 10), true }
		aggregated[ent.UsageRecord, journal.UsageRecordDraft, journal.UsageRecordFilter]{
			log: w.UsageRecords, read: []auth.Permission{auth.UsageRead}, calls: called(t, ctx, w),
			time: func(u *ent.UsageRecord) column.Time { return u.CreatedAt }, tenant: func(u *ent.UsageRecord) *column.ID { return u.TenantID },
			owner: func(u *ent.UsageRecord) int64 { return u.UserID },
			sums: func(u *ent.UsageRecord) journal.UsageSums {
				return journal.UsageSums{Count: 1, Quota: u.Quota, PromptTokens: u.PromptTokens, CompletionTokens: u.CompletionTokens}
			},
			draft: func(r *rand.Rand, at column.Time) journal.UsageRecordDraft {
				return journal.UsageRecordDraft{
					CreatedAt: &at, TenantID: any1(r, s.tenants...), Type: any1(r, column.UsageTypes...), UserID: any1[int64](r, 7, 7, 70, 8, 0, 11),
					Username: any1(r, "", "alice", "Alice"), TokenID: int64(r.IntN(12)), TokenName: any1(r, "key", ""), ModelName: any1(r, "gpt-4", "GPT-4", "", "o1"),
					ChannelID: int64(r.IntN(12)), Group: any1(r, "default", ""), Content: any1(r, "a", "b"),
					Quota: int64(r.IntN(100) - 10), PromptTokens: int64(r.IntN(100)), CompletionTokens: int64(r.IntN(100)), UseTime: int64(r.IntN(9)),
				}
			},
			filter: func(r *rapid.T, since, until *column.Time) (f journal.UsageRecordFilter, _ func(*ent.UsageRecord) bool) {
				t := asks{r}
				f.Since, f.Until = since, until
				t.maybe("type", func() { f.Type = drawWhere(r, "of type", plain, column.Consume, column.TopUp) })
				t.maybe("user", func() { f.UserID = drawWhere[int64](r, "of user", plain, 7, 8) })
				t.maybe("name", func() { f.Username = drawWhere(r, "of name", plain, "", "alice") })
				t.maybe("model", func() { f.ModelName = drawWhere(r, "of model", parts, "gpt-4", "gpt") })
				t.maybe("token", func() { f.TokenID = drawWhere[int64](r, "of token", plain, 1, 2) })
				return f, func(u *ent.UsageRecord) bool {
					return u.CreatedAt >= *since && u.CreatedAt < *until && meets(f.Type, &u.Type) && meets(f.UserID, &u.UserID) && meets(f.Username, &u.Username) &&
						meets(f.ModelName, &u.ModelName) && meets(f.TokenID, &u.TokenID)
				}
			},
			dims: map[journal.Dimension]func(*ent.UsageRecord) (string, bool){
				"TYPE":    func(u *ent.UsageRecord) (string, bool) { return strings.ToUpper(u.Type.String()), true },
				"MODEL":   func(u *ent.UsageRecord) (string, bool) { return u.ModelName, true },
				"USER":    func(u *ent.UsageRecord) (string, bool) { return number(u.UserID) },
				"TOKEN":   func(u *ent.UsageRecord) (string, bool) { return number(u.TokenID) },
				"CHANNEL": func(u *ent.UsageRecord) (string, bool) { return number(u.ChannelID) },
				"GROUP":   func(u *ent.UsageRecord) (string, bool) { return u.Group, true },
				"TENANT":  func(u *ent.UsageRecord) (string, bool) { return ofID(u.TenantID) },
			},
			names: map[journal.Dimension]func(*ent.UsageRecord) string{
				"USER":  func(u *ent.UsageRecord) string { return u.Username },
				"TOKEN": func(u *ent.UsageRecord) string { return u.TokenName },
			},
			number: []journal.Dimension{"USER", "TOKEN", "CHANNEL"},
		}.check(t, w, s, ctx)
	})
}

func TestAPICallAggregateEqualsRecount(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		s := stock(t, ctx, w)
		// A bound administrator, since others see no app ids.
		aggregated[ent.APICall, journal.APICallDraft, journal.APICallFilter]{
			log: w.APICalls, sums: one[ent.APICall], calls: called(t, ctx, w), read: []auth.Permission{auth.APICallsRead},
			time: func(a *ent.APICall) column.Time { return a.OperationTime }, tenant: func(a *ent.APICall) *column.ID { return a.TenantID },
			draft: func(r *rand.Rand, at column.Time) journal.APICallDraft {
				return journal.APICallDraft{OperationTime: &at, TenantID: any1(r, s.tenants...), AppID: any1(r, "a1", "a2", ""), APIPath: any1(r, "/", "/a"),
					HTTPMethod: any1(r, "GET", "POST"), SourceIP: any1(r, "1.1.1.1", "", "::1"), StatusCode: any1(r, int64(0), 99, 200, 404)}
			},
			filter: func(r *rapid.T, since, until *column.Time) (f journal.APICallFilter, _ func(*ent.APICall) bool) {
				t := asks{r}
				f.Since, f.Until = since, until
				t.maybe("status", func() { f.StatusCode = drawWhere[int64](r, "of status", ranges, 200, 404) })
				t.maybe("path", func() { f.APIPath = drawWhere(r, "of path", plain, "/a", "/b") })
				return f, func(a *ent.APICall) bool {
					return a.OperationTime >= *since && a.OperationTime < *until && meets(f.StatusCode, ptr(int64(a.StatusCode))) && meets(f.APIPath, &a.APIPath)
				}
			},
			dims: map[journal.Dimension]func(*ent.APICall) (string, bool){
				"STATUS": func(a *ent.APICall) (string, bool) { return strconv.Itoa(int(a.StatusCode)), true },
				"PATH":   func(a *ent.APICall) (string, bool) { return a.APIPath, true },
				"METHOD": func(a *ent.APICall) (string, bool) { return a.HTTPMethod, true },
				"IP":     func(a *ent.APICall) (string, bool) { return a.SourceIP, true },
				"TENANT": func(a *ent.APICall) (string, bool) { return ofID(a.TenantID) },
			},
			number: []journal.Dimension{"STATUS"},
		}.check(t, w, s, ctx)
		apps, err := w.APICalls.Aggregate(journal.APICallFilter{}).Groups(ctx, "APP", 10)
		if err != nil || len(apps.Groups) != 3 {
			t.Errorf("apps: %v (%v)", apps, err)
		}
	})
}

// TestNumbersEqualSort holds percentiles against a sort of all values.
func TestNumbersEqualSort(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		random := rand.New(rand.NewPCG(3, 4))
		ranges := []int64{1, 3, 1000, 1 << 20, 1 << 42}
		var drafts []journal.UsageRecordDraft
		for i, size := range ranges {
			for n := range []int{1, 2, 7, 200, 400}[i] {
				d := journal.UsageRecordDraft{Type: column.Consume, UserID: 7 + int64(n%2), ModelName: strconv.Itoa(i), Quota: random.Int64N(2*size+1) - size, UseTime: random.Int64N(size)}
				drafts = append(drafts, d)
			}
		}
		must[[]*ent.UsageRecord](t)(w.UsageRecords.Append(ctx, drafts))
		for i := range ranges {
			for _, own := range []bool{false, true} {
				who := ctx
				if own {
					who = as(auth.User, nil)
				}
				for number, of := range map[journal.Number]func(*journal.UsageRecordDraft) int64{
					"QUOTA": func(d *journal.UsageRecordDraft) int64 { return d.Quota }, "USE_TIME": func(d *journal.UsageRecordDraft) int64 { return d.UseTime },
				} {
					var list []int64
					var sum int64
					for k := range drafts {
						if drafts[k].ModelName == strconv.Itoa(i) && (!own || drafts[k].UserID == 7) {
							list = append(list, of(&drafts[k]))
							sum += of(&drafts[k])
						}
					}
					slices.Sort(list)
					got, err := w.UsageRecords.Aggregate(journal.UsageRecordFilter{ModelName: journal.Is(strconv.Itoa(i))}).Numbers(who, number)
					if err != nil {
						t.Fatal(err)
					}
					// The smallest value that so many percent of all are not above.
					nearest := func(percent int) int64 {
						for k, value := range list {
							if (k+1)*100 >= percent*len(list) {
								return value
							}
						}
						panic("no value")
					}
					if got.Count != int64(len(list)) || got.Sum != sum || *got.Min != list[0] || *got.Max != list[len(list)-1] ||
						*got.P50 != nearest(50) || *got.P90 != nearest(90) || *got.P95 != nearest(95) || *got.P99 != nearest(99) {
						t.Errorf("%s of %d (own: %v): %d %d %d %d %d %d %d, want of %v", number, i, own, got.Count, *got.Min, *got.P50, *got.P90, *got.P95, *got.P99, *got.Max, list)
					}
				}
			}
		}
		none, err := w.UsageRecords.Aggregate(journal.UsageRecordFilter{ModelName: journal.Is("none")}).Numbers(ctx, "QUOTA")
		if err != nil || *none != (journal.Numbers{}) {
			t.Errorf("of nothing: %+v (%v)", none, err)
		}
		large := journal.UsageRecordDraft{Type: column.Consume, ModelName: "large", Quota: 1 << 53, CreatedAt: at(0)}
		must[[]*ent.UsageRecord](t)(w.UsageRecords.Append(ctx, []journal.UsageRecordDraft{large, large}))
		beyond := w.UsageRecords.Aggregate(journal.UsageRecordFilter{ModelName: journal.Is("large"), Since: at(-1)})
		_, err = beyond.Numbers(ctx, "QUOTA")
		wantKind(t, err, fault.Invalid)
		_, err = beyond.Groups(ctx, "USER", 1)
		wantKind(t, err, fault.Invalid)
		_, err = beyond.Histogram(ctx, journal.Day, nil)
		wantKind(t, err, fault.Invalid)
		_, err = beyond.Series(ctx, "USER", 1, journal.Day, nil)
		wantKind(t, err, fault.Invalid)
	})
}

// TestHistogramBounds asks for windows that cannot be cut, or that are cut by default.
func TestHistogramBounds(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		must[[]*ent.Entry](t)(w.Entries.Append(ctx, []journal.EntryDraft{{Message: "now", Timestamp: at(0)}, {Message: "later", Timestamp: at(1)}}))
		for _, c := range []struct {
			since, until *column.Time
			interval     journal.Interval
			zone, want   string
		}{
			{nil, nil, journal.Hour, "UTC", "since: is required"},
			{at(-1), nil, journal.Hour, "Mars/Olympus", `time_zone: "Mars/Olympus" is not the IANA name of a time zone, such as Europe/Berlin or UTC`},
			{at(-1), nil, journal.Hour, "Local", `time_zone: "Local" is not the IANA name of a time zone, such as Europe/Berlin or UTC`},
			{at(-1), nil, "FORTNIGHT", "UTC", `interval: "FORTNIGHT" is none of MINUTE, FIVE_MINUTES, HOUR, DAY, WEEK, MONTH`},
			{at(-1001.0 / 60), at(0), journal.Minute, "UTC", "interval: must be FIVE_MINUTES or longer for this window: there are at most 1,000 buckets"},
			{at(-90 * 24), at(0), journal.FiveMinutes, "UTC", "interval: must be DAY or longer for this window: there are at most 1,000 buckets"},
			{ptr(column.MinTime), ptr(column.MaxTime), journal.Minute, "UTC", "since: must be later: there are at most 1,000 buckets"},
			{at(-1000.0 / 60), at(0), journal.Minute, "UTC", ""},
		} {
			_, err := w.Entries.Aggregate(journal.EntryFilter{Since: c.since, Until: c.until}).Histogram(ctx, c.interval, &c.zone)
			if c.want == "" && err != nil || c.want != "" && (err == nil || err.Error() != c.want) {
				t.Errorf("%v: %v", c, err)
			}
		}
		for until, want := range map[*column.Time]int{nil: 1, at(2): 2, at(-1): 0} {
			buckets, err := w.Entries.Aggregate(journal.EntryFilter{Since: at(0), Until: until}).Histogram(ctx, journal.Day, nil)
			total := 0
			for _, one := range buckets {
				total += int(one.Count)
			}
			if err != nil || total != want || until == nil && buckets[0].End != *at(0)+1 {
				t.Errorf("until %v: %v (%v), want %d", until, buckets, err, want)
			}
		}
		_, err := w.Entries.Aggregate(journal.EntryFilter{}).Groups(as(auth.Viewer, nil), "LEVEL", 1)
		wantKind(t, err, fault.Forbidden)
		_, err = w.Operations.Aggregate(journal.OperationFilter{}).Groups(as(auth.Viewer, nil, auth.OperationsList), "USER", 1)
		wantKind(t, err, fault.Forbidden)
		_, err = w.APICalls.Aggregate(journal.APICallFilter{}).Values(as(auth.Viewer, nil, auth.APICallsRead), "APP", nil, 1)
		wantKind(t, err, fault.Forbidden)
	})
}
