package journal_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// wares are the few tenants, categories and so on that random rows draw from, so
// that they meet often.
type wares struct {
	tenants    []*column.ID // nil among them
	categories []*column.ID
}

func stock(t testing.TB, ctx context.Context, w *world) wares {
	var s wares
	s.tenants, s.categories = []*column.ID{nil}, []*column.ID{nil}
	for i := range 3 {
		tenant := unrecorded(t, ctx, w, fmt.Sprint("tenant ", i))
		category := column.ID{0xca, byte(i)}
		err := w.database.Write(ctx, func(tx *db.Tx) error {
			return tx.Category.Create().SetID(category).SetName(fmt.Sprint("category ", i)).
				SetCode(fmt.Sprint("c", i)).SetCreatedAt(column.TimeOf(noon)).Exec(ctx)
		})
		if err != nil {
			t.Fatal(err)
		}
		s.tenants, s.categories = append(s.tenants, &tenant), append(s.categories, &category)
	}
	return s
}

// unrecorded makes a tenant as an import does: a record of it would stand among the rows
// under test.
func unrecorded(t testing.TB, ctx context.Context, w *world, name string) column.ID {
	t.Helper()
	hash := sha256.Sum256([]byte(name))
	id := column.ID(hash[:16])
	err := w.database.Write(ctx, func(tx *db.Tx) error {
		return tx.Tenant.Create().SetID(id).SetName(name).SetCreatedAt(column.TimeOf(noon)).Exec(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

var sources = []*string{nil, ptr(""), ptr("app"), ptr("app "), ptr("APP"), ptr("应用")}

// draft draws a row within some days of noon, on the edges of hours and days
// more often than chance would have it.
func (s wares) draft(t *rapid.T) journal.EntryDraft {
	moment := column.TimeOf(noon.Add(time.Duration(rapid.IntRange(-40*24, 24).Draw(t, "hour")) * time.Hour))
	moment += column.Time(rapid.SampledFrom([]int64{0, -1, 1, 30 * 60e6, 3599_999999}).Draw(t, "offset"))
	return journal.EntryDraft{
		Timestamp: &moment, Message: rapid.SampledFrom([]string{"Alpha", "beta ALPHA", "日志 beta", "100%_x"}).Draw(t, "message"),
		TenantID:   rapid.SampledFrom(s.tenants).Draw(t, "tenant"),
		CategoryID: rapid.SampledFrom(s.categories).Draw(t, "category"),
		Level:      ptr(rapid.SampledFrom(column.Levels).Draw(t, "level")),
		Source:     rapid.SampledFrom(sources).Draw(t, "source"),
		UserID:     rapid.SampledFrom([]*string{nil, ptr("1"), ptr("2")}).Draw(t, "user"),
		Username:   rapid.SampledFrom([]*string{nil, ptr(""), ptr("alice"), ptr("bob")}).Draw(t, "username"),
		IPAddress:  rapid.SampledFrom([]*string{nil, ptr("-"), ptr("::1")}).Draw(t, "ip"),
		RequestID:  rapid.SampledFrom([]*string{nil, ptr("a"), ptr("A")}).Draw(t, "request"),
	}
}

// filter draws a filter of any mix.
func (s wares) filter(t *rapid.T) journal.EntryFilter {
	var f journal.EntryFilter
	maybe := func(what string, set func()) {
		if rapid.IntRange(0, 3).Draw(t, what+"?") == 0 {
			set()
		}
	}
	moment := func(name string) *column.Time {
		return ptr(column.TimeOf(noon.Add(time.Duration(rapid.IntRange(-42*24*60, 30*60).Draw(t, name)) * time.Minute)))
	}
	maybe("since", func() { f.Since = moment("since") })
	maybe("until", func() { f.Until = moment("until") })
	maybe("tenant", func() { f.TenantID = drawWhere(t, "tenant", plain, valuesOf(s.tenants)...) })
	maybe("category", func() { f.CategoryID = drawWhere(t, "category", plain, valuesOf(s.categories)...) })
	maybe("level", func() { f.Level = drawWhere(t, "level", ranges, column.Levels...) })
	maybe("source", func() { f.Source = drawWhere(t, "source", parts, valuesOf(sources)...) })
	maybe("user", func() { f.UserID = drawWhere(t, "user", plain, "1", "2", "3", "") })
	if f.Since != nil && (f.Until == nil || f.Until.Time().Sub(f.Since.Time()) <= journal.MaxScan) && f.Since.Time().After(noon.Add(-30*24*time.Hour)) {
		maybe("username", func() { f.Username = drawWhere(t, "username", parts, "Alice", "bob", "") })
		maybe("ip", func() { f.IPAddress = drawWhere(t, "ip", plain, "-", "::1") })
		maybe("request", func() { f.RequestID = drawWhere(t, "request", plain, "a", "A") })
	}
	maybe("search", func() {
		f.Search = ptr(rapid.SampledFrom([]string{"a", "ALPHA", "日", "%", "_", "gamma"}).Draw(t, "search"))
	})
	return f
}

// valuesOf gives the values behind the pointers, without nil.
func valuesOf[T any](list []*T) (values []T) {
	for _, one := range list {
		if one != nil {
			values = append(values, *one)
		}
	}
	return values
}

// passes is the filter in plain Go.
func passes(f journal.EntryFilter, e *ent.Entry) bool {
	return (f.Since == nil || e.Timestamp >= *f.Since) && (f.Until == nil || e.Timestamp < *f.Until) &&
		meets(f.TenantID, e.TenantID) && meets(f.CategoryID, e.CategoryID) &&
		meets(f.Level, &e.Level) && meets(f.Source, e.Source) && meets(f.UserID, e.UserID) &&
		meets(f.Username, e.Username) && meets(f.IPAddress, e.IPAddress) && meets(f.RequestID, e.RequestID) &&
		(f.Search == nil || strings.Contains(strings.ToLower(e.Message), strings.ToLower(*f.Search)))
}

// entryKind is how the properties of lists and counts see entries.
func entryKind(w *world, s wares) kind[ent.Entry, journal.EntryDraft, journal.EntryFilter] {
	return kind[ent.Entry, journal.EntryDraft, journal.EntryFilter]{
		world: w, log: w.Entries, draft: s.draft, filter: s.filter, passes: passes,
		all: journal.EntryFilter{Until: at(1000)},
		key: func(e *ent.Entry) (column.Time, string) { return e.Timestamp, string(e.ID[:]) },
	}
}

func keep[R any](rows []*R, wanted func(*R) bool) []*R {
	kept := rows[:0]
	for _, row := range rows {
		if wanted(row) {
			kept = append(kept, row)
		}
	}
	return kept
}

// TestEntriesEqualPlainList mixes appends and purges of entries.
func TestEntriesEqualPlainList(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		entryKind(w, stock(t, ctx, w)).check(t, ctx, w)
	})
}

// TestRetentionMostSpecificWins holds random policies against random rows.
func TestRetentionMostSpecificWins(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		s := stock(t, ctx, w)
		rapid.Check(t, func(t *rapid.T) {
			if _, err := w.Entries.Purge(ctx, journal.EntryFilter{Until: at(1000)}); err != nil {
				t.Fatal(err)
			}
			old, err := w.RetentionPolicies(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, policy := range old {
				if err := w.DeleteRetentionPolicy(ctx, policy.ID); err != nil {
					t.Fatal(err)
				}
			}
			rows, err := w.Entries.Append(ctx, rapid.SliceOfN(rapid.Custom(s.draft), 1, 40).Draw(t, "drafts"))
			if err != nil {
				t.Fatal(err)
			}
			var policies []journal.RetentionPolicyDraft
			for range rapid.IntRange(0, 6).Draw(t, "policies") {
				policy := journal.RetentionPolicyDraft{
					Name: "p", Days: rapid.IntRange(1, 40).Draw(t, "days"),
					TenantID: rapid.SampledFrom(s.tenants).Draw(t, "of tenant"), CategoryID: rapid.SampledFrom(s.categories).Draw(t, "of category"),
				}
				if _, err := w.CreateRetentionPolicy(ctx, policy); err != nil {
					t.Fatal(err)
				}
				policies = append(policies, policy)
			}
			left := keep(append([]*ent.Entry(nil), rows...), func(e *ent.Entry) bool {
				days := decides(policies, e)
				return days == 0 || e.Timestamp >= column.TimeOf(noon.Add(-time.Duration(days)*24*time.Hour))
			})
			for _, dry := range []bool{true, false} {
				done, err := w.ApplyRetention(ctx, dry)
				if err != nil {
					t.Fatal(err)
				}
				var gone int64
				for _, one := range done {
					gone += one.Count
				}
				if want := int64(len(rows) - len(left)); gone != want {
					t.Fatalf("retention (dry run: %t) removes %d rows, want %d", dry, gone, want)
				}
			}
			if n := w.recount(t); n != len(left) {
				t.Fatalf("%d rows are left, want %d", n, len(left))
			}
		})
	})
}

// decides gives the days of the policy that decides about a row, 0 for none.
func decides(policies []journal.RetentionPolicyDraft, e *ent.Entry) (days int) {
	best := -1
	for _, p := range policies {
		specific := 0
		if p.TenantID != nil {
			if e.TenantID == nil || *e.TenantID != *p.TenantID {
				continue
			}
			specific++
		}
		if p.CategoryID != nil {
			if e.CategoryID == nil || *e.CategoryID != *p.CategoryID {
				continue
			}
			specific += 2
		}
		if specific > best || specific == best && p.Days > days {
			best, days = specific, p.Days
		}
	}
	return days
}

// TestStatsEqualRecount asks for statistics in zones whose days begin at odd
// moments, over changes of the clock too.
func TestStatsEqualRecount(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		zones := []string{"UTC", "America/Havana", "Asia/Shanghai", "Asia/Kolkata", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"}
		s := stock(t, ctx, w)
		rapid.Check(t, func(t *rapid.T) {
			zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
			if err != nil {
				t.Fatal(err)
			}
			w.now = noon.Add(time.Duration(rapid.IntRange(-600*24*60, 0).Draw(t, "now")) * time.Minute)
			shift := w.now.Sub(noon)
			if _, err := w.Entries.Purge(ctx, journal.EntryFilter{Until: at(10000)}); err != nil {
				t.Fatal(err)
			}
			drafts := rapid.SliceOfN(rapid.Custom(s.draft), 1, 40).Draw(t, "drafts")
			for i := range drafts {
				*drafts[i].Timestamp = drafts[i].Timestamp.Add(shift)
			}
			rows, err := w.Entries.Append(ctx, drafts)
			if err != nil {
				t.Fatal(err)
			}
			zoned := journal.New(w.database, journal.Options{Now: func() time.Time { return w.now }, Zone: zone})
			tenant := rapid.SampledFrom(s.tenants).Draw(t, "asked tenant")
			window := rapid.SampledFrom([]int{1, 7, 30, 40}).Draw(t, "days")
			stats, err := zoned.EntryStats(ctx, tenant, window)
			if err != nil {
				t.Fatal(err)
			}
			since := column.TimeOf(w.now.Add(-time.Duration(window) * 24 * time.Hour))
			days, levels, categories, total := map[string]int64{}, map[column.Level]int64{}, map[string]int64{}, int64(0)
			for _, row := range rows {
				if row.Timestamp < since || row.Timestamp > column.TimeOf(w.now) || tenant != nil && (row.TenantID == nil || *row.TenantID != *tenant) {
					continue
				}
				total++
				days[row.Timestamp.Time().In(zone).Format(time.DateOnly)]++
				levels[row.Level]++
				category := ""
				if row.CategoryID != nil {
					category = row.CategoryID.String()
				}
				categories[category]++
			}
			if stats.Total != total || len(stats.Daily) != len(days) || len(stats.ByCategory) != len(categories) {
				t.Fatalf("%d rows, %d days, %d categories; want %d, %d, %d", stats.Total, len(stats.Daily), len(stats.ByCategory), total, len(days), len(categories))
			}
			for i, day := range stats.Daily {
				if day.Count != days[day.Date] || i > 0 && stats.Daily[i-1].Date >= day.Date {
					t.Fatalf("%s has %d rows, want %d", day.Date, day.Count, days[day.Date])
				}
			}
			for _, one := range stats.ByLevel {
				if one.Count != levels[one.Level] {
					t.Fatalf("%s has %d rows, want %d", one.Level, one.Count, levels[one.Level])
				}
			}
			for _, one := range stats.ByCategory {
				id := ""
				if one.Category != nil {
					id = one.Category.ID.String()
				}
				if one.Count != categories[id] {
					t.Fatalf("category %q has %d rows, want %d", id, one.Count, categories[id])
				}
			}
		})
	})
}

// TestDaysWhereMidnightIsSkipped asks for days around changes of the clock at
// midnight, where a day begins at one o'clock.
func TestDaysWhereMidnightIsSkipped(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		for name, day := range map[string]string{
			"America/Havana": "2026-03-08", "America/Santiago": "2026-09-06", "Atlantic/Azores": "2026-03-29",
			"Africa/Cairo": "2026-04-24", "Asia/Beirut": "2026-03-29", "America/Asuncion": "2023-10-01",
			"Asia/Amman": "2021-10-29", // shown twice, and the day begins with the first
		} {
			zone, err := time.LoadLocation(name)
			if err != nil {
				t.Fatal(err)
			}
			changed, err := time.ParseInLocation(time.DateOnly, day, zone)
			if err != nil {
				t.Fatal(err)
			}
			w.now = changed.Add(60 * time.Hour)
			if _, err := w.Entries.Purge(ctx, journal.EntryFilter{Until: ptr(column.MaxTime)}); err != nil {
				t.Fatal(err)
			}
			want := map[string]int64{}
			var drafts []journal.EntryDraft
			for minutes := -48 * 60; minutes < 48*60; minutes += 15 {
				moment := changed.Add(time.Duration(minutes) * time.Minute)
				want[moment.Format(time.DateOnly)]++
				drafts = append(drafts, journal.EntryDraft{Message: "m", Timestamp: ptr(column.TimeOf(moment))})
			}
			if _, err := w.Entries.Append(ctx, drafts); err != nil {
				t.Fatal(err)
			}
			zoned := journal.New(w.database, journal.Options{Now: func() time.Time { return w.now }, Zone: zone})
			stats, err := zoned.EntryStats(ctx, nil, 7)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int64{}
			for _, day := range stats.Daily {
				got[day.Date] += day.Count
			}
			if !maps.Equal(got, want) || len(stats.Daily) != len(want) {
				t.Errorf("%s: got %v, want %v", name, got, want)
			}
		}
	})
}

// TestPoliciesAreBounded wants an end to policies: each is a condition on the
// others' work.
func TestPoliciesAreBounded(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		s := stock(t, ctx, w)
		for i := range journal.MaxRetentionPolicies {
			draft := journal.RetentionPolicyDraft{Name: fmt.Sprint("p", i), Days: 1 + i%30}
			if i > 0 { // all these stand in the global one's way
				tenant, err := w.CreateTenant(ctx, fmt.Sprint("t", i))
				if err != nil {
					t.Fatal(err)
				}
				draft.TenantID, draft.CategoryID = &tenant.ID, s.categories[1]
			}
			if _, err := w.CreateRetentionPolicy(ctx, draft); err != nil {
				t.Fatal(err)
			}
		}
		_, err := w.CreateRetentionPolicy(ctx, journal.RetentionPolicyDraft{Name: "one more", Days: 1})
		wantKind(t, err, fault.Conflict)
		if _, err := w.ApplyRetention(ctx, false); err != nil {
			t.Errorf("the most policies there may be: %v", err)
		}
	})
}
