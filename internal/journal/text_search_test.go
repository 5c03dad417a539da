package journal_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/db"
	"logbook/internal/journal"
)

// searchedPieces are what random texts are made of, so that needles occur in few of them,
// in many, in part, and across the edges of what has grams.
var searchedPieces = []string{
	"timeout", "TimeOut", "connection refused", "Error", "id=", "100%", "a_b", `\`, " ", "é", "É",
	"登录", "登录失败", "用户", "錯", "🙂", "🙂🙃", "👩‍👧", "\uFFFD", "日志abc", "x",
}

// searchedText draws a text of pieces, numbers and any characters.
func searchedText(t *rapid.T, name string, pieces int) string {
	var b strings.Builder
	for range rapid.IntRange(0, pieces).Draw(t, name) {
		switch rapid.IntRange(0, 5).Draw(t, "piece") {
		case 0:
			fmt.Fprintf(&b, "%08x", rapid.Uint32().Draw(t, "number"))
		case 1:
			b.WriteString(strings.ReplaceAll(rapid.StringN(1, 4, 20).Draw(t, "any"), "\x00", ""))
		default:
			b.WriteString(rapid.SampledFrom(searchedPieces).Draw(t, "known"))
		}
	}
	return b.String()
}

// needle draws a part of one of the texts, or another text, in any case.
func needle(t *rapid.T, texts []string) string {
	text := searchedText(t, "needle", 3)
	if len(texts) > 0 && rapid.IntRange(0, 4).Draw(t, "is there") > 0 {
		runes := []rune(rapid.SampledFrom(texts).Draw(t, "text"))
		from := rapid.IntRange(0, len(runes)).Draw(t, "from")
		text = string(runes[from:min(len(runes), from+rapid.IntRange(1, 14).Draw(t, "length"))])
	}
	if rapid.Bool().Draw(t, "upper") {
		text = strings.Map(func(r rune) rune {
			if 'a' <= r && r <= 'z' {
				return r - 'a' + 'A'
			}
			return r
		}, text)
	}
	return text
}

// contains is the naive answer.
func contains(text string, part *string) bool {
	return part == nil || strings.Contains(db.LowerASCII(text), db.LowerASCII(*part))
}

// searched is a kind of log as the search for texts sees it, beside two journals that write
// to one database and seal it.
type searched[R, D, F any] struct {
	kind[R, D, F]
	imported func(D) journal.Imported[D]
	logs     []*journal.Log[R, D, F]
	journals []*journal.Journal
	ask      func(t *rapid.T, rows []*R) F // with a text to look for
	removed  func(t *rapid.T, rows []*R) F // what a purge takes
	begin    func(t *rapid.T)              // before each check; nil for nothing
}

// check appends, imports, purges and seals as it comes, and after each holds searches
// against a plain list of all rows.
func (s searched[R, D, F]) check(t *testing.T, ctx context.Context) {
	rapid.Check(t, func(t *rapid.T) {
		if _, err := s.log.Purge(ctx, s.all); err != nil {
			t.Fatal(err)
		}
		if s.begin != nil {
			s.begin(t)
		}
		for _, j := range s.journals {
			j.SearchBy(rapid.IntRange(1, 8).Draw(t, "rows a block"),
				rapid.IntRange(1, 6).Draw(t, "blocks at a time"), rapid.SampledFrom([]int{0, 10, 1000}).Draw(t, "unsealed"))
		}
		for range rapid.IntRange(1, 6).Draw(t, "steps") {
			n := rapid.IntRange(0, len(s.logs)-1).Draw(t, "journal")
			switch rapid.IntRange(0, 5).Draw(t, "step") {
			case 0, 1:
				if _, err := s.logs[n].Append(ctx, rapid.SliceOfN(rapid.Custom(s.draft), 1, 25).Draw(t, "drafts")); err != nil {
					t.Fatal(err)
				}
			case 2:
				var rows []journal.Imported[D]
				for _, draft := range rapid.SliceOfN(rapid.Custom(s.draft), 1, 25).Draw(t, "imported") {
					rows = append(rows, s.imported(draft))
				}
				if _, err := s.logs[n].Import(ctx, rows); err != nil {
					t.Fatal(err)
				}
			case 3:
				rows := s.rows(t, ctx)
				f := s.removed(t, rows)
				want := len(keep(rows, func(row *R) bool { return s.passes(f, row) }))
				if gone, err := s.logs[n].Purge(ctx, f); err != nil || gone != int64(want) {
					t.Fatalf("purged %d rows, want %d (%v)", gone, want, err)
				}
			default:
				if err := s.journals[n].Seal(ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
		rows := s.rows(t, ctx)
		for range 5 {
			f := s.ask(t, rows)
			want := keep(slices.Clone(rows), func(row *R) bool { return s.passes(f, row) })
			if got, err := s.log.Count(ctx, f); err != nil || got != int64(len(want)) {
				t.Fatalf("counted %d, want %d of %+v (%v)", got, len(want), f, err)
			}
			s.checkPages(t, ctx, f, want)
		}
	})
}

// rows gives all rows, the newest first, by a list that searches nothing.
func (s searched[R, D, F]) rows(t *rapid.T, ctx context.Context) (rows []*R) {
	err := s.log.Each(ctx, s.all, func(row *R) error {
		rows = append(rows, row)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(rows)
	return rows
}

// somewhen draws a time within some days before noon; many share one.
func somewhen(t *rapid.T) *column.Time { return at(-float64(rapid.IntRange(0, 200).Draw(t, "hours"))) }

func maybe[T any](t *rapid.T, what string, draw func() T) (none T) {
	if rapid.IntRange(0, 3).Draw(t, what+"?") > 0 {
		return none
	}
	return draw()
}

// TestSearchedEntriesEqualNaiveScan searches messages and what has no index.
func TestSearchedEntriesEqualNaiveScan(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		other := journal.New(w.database, journal.Options{Now: func() time.Time { return noon }})
		defer other.Close(ctx)
		s := searched[ent.Entry, journal.EntryDraft, journal.EntryFilter]{
			kind: kind[ent.Entry, journal.EntryDraft, journal.EntryFilter]{
				world: w,
				log:   w.Entries, all: journal.EntryFilter{Until: at(1000)}, passes: passes,
				key: func(e *ent.Entry) (column.Time, string) { return e.Timestamp, string(e.ID[:]) },
				draft: func(t *rapid.T) journal.EntryDraft {
					return journal.EntryDraft{
						Timestamp: somewhen(t), Message: "m" + searchedText(t, "message", 6),
						Level:    ptr(rapid.SampledFrom(column.Levels).Draw(t, "level")),
						Username: maybe(t, "username", func() *string { return ptr(searchedText(t, "username", 2)) }),
						RequestID: maybe(t, "request", func() *string {
							return ptr(fmt.Sprintf("%08x-%08x", rapid.IntRange(0, 20).Draw(t, "high"), rapid.IntRange(0, 3).Draw(t, "low")))
						}),
					}
				},
			},
			imported: func(d journal.EntryDraft) journal.Imported[journal.EntryDraft] {
				return journal.Imported[journal.EntryDraft]{Draft: d}
			},
			logs: []*journal.EntryLog{w.Entries, other.Entries}, journals: []*journal.Journal{w.Journal, other},
			removed: func(t *rapid.T, rows []*ent.Entry) journal.EntryFilter {
				f := journal.EntryFilter{Until: somewhen(t)}
				f.Since = maybe(t, "since", func() *column.Time { return somewhen(t) })
				f.Level = maybe(t, "level", func() *journal.LevelCondition { return journal.Is(column.Info) })
				return f
			},
		}
		s.ask = func(t *rapid.T, rows []*ent.Entry) (f journal.EntryFilter) {
			var messages, usernames, requests []string
			for _, row := range rows {
				messages = append(messages, row.Message)
				if row.Username != nil {
					usernames = append(usernames, *row.Username)
				}
				if row.RequestID != nil {
					requests = append(requests, *row.RequestID)
				}
			}
			f.Since = maybe(t, "since", func() *column.Time { return somewhen(t) })
			f.Until = maybe(t, "until", func() *column.Time { return somewhen(t) })
			f.Level = maybe(t, "level", func() *journal.LevelCondition {
				return journal.OneOf(column.Info, rapid.SampledFrom(column.Levels).Draw(t, "level"))
			})
			if rapid.IntRange(0, 4).Draw(t, "search?") > 0 {
				f.Search = ptr(needle(t, messages))
			}
			if f.Since == nil {
				f.Since = at(-300)
			}
			f.Username = maybe(t, "username", func() *journal.TextCondition { return journal.Has(needle(t, usernames)) })
			f.RequestID = maybe(t, "request", func() *journal.TextCondition {
				if len(requests) > 0 {
					return journal.Is(rapid.SampledFrom(requests).Draw(t, "request"))
				}
				return journal.Is("00000000-00000000")
			})
			return f
		}
		s.passes = func(f journal.EntryFilter, e *ent.Entry) bool {
			return contains(e.Message, f.Search) && (f.Since == nil || e.Timestamp >= *f.Since) && (f.Until == nil || e.Timestamp < *f.Until) &&
				meets(f.Level, &e.Level) && meets(f.RequestID, e.RequestID) &&
				(f.Username == nil || *f.Username.Contains == "" || e.Username != nil && contains(*e.Username, f.Username.Contains))
		}
		s.check(t, ctx)
	})
}

// TestSearchedUsageEqualsNaiveScan looks for the newapi system's keywords, for all and for
// a user among its own. Some records bring a number, in no order or in that of their arrival.
func TestSearchedUsageEqualsNaiveScan(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		other := journal.New(w.database, journal.Options{Now: func() time.Time { return noon }})
		defer other.Close(ctx)
		var drafts int64
		var orderly bool // times mostly rise, and many texts have one part
		number := func(t *rapid.T) *int64 {
			return maybe(t, "number", func() *int64 {
				if rapid.Bool().Draw(t, "rising") {
					return ptr(1<<39 + drafts)
				}
				return ptr(drafts * 7919 % 1_000_003) // a prime, so each comes once
			})
		}
		s := searched[ent.UsageRecord, journal.UsageRecordDraft, journal.UsageRecordFilter]{
			begin: func(t *rapid.T) { drafts, orderly = 0, rapid.Bool().Draw(t, "orderly") },
			kind: kind[ent.UsageRecord, journal.UsageRecordDraft, journal.UsageRecordFilter]{
				world: w,
				log:   w.UsageRecords, all: journal.UsageRecordFilter{Until: at(1000)},
				key: func(u *ent.UsageRecord) (column.Time, string) { return u.CreatedAt, fmt.Sprintf("%020d", u.ID) },
				draft: func(t *rapid.T) journal.UsageRecordDraft {
					drafts++
					when, content := somewhen(t), searchedText(t, "content", 6)
					if orderly {
						when = at(float64(drafts/2 - int64(rapid.SampledFrom([]int{0, 0, 0, 0, 1, 3, 20}).Draw(t, "late"))))
						if rapid.IntRange(0, 2).Draw(t, "frequent") > 0 {
							content += "Connection"
						}
					}
					return journal.UsageRecordDraft{
						ID: number(t), CreatedAt: when, Content: content, Type: rapid.SampledFrom(column.UsageTypes).Draw(t, "type"),
						UserID: rapid.Int64Range(1, 2).Draw(t, "user"), ModelName: rapid.SampledFrom([]string{"", "gpt-4o", "qwen-错误", "2"}).Draw(t, "model"),
					}
				},
			},
			imported: func(d journal.UsageRecordDraft) journal.Imported[journal.UsageRecordDraft] {
				return journal.Imported[journal.UsageRecordDraft]{Draft: d}
			},
			logs: []*journal.UsageLog{w.UsageRecords, other.UsageRecords}, journals: []*journal.Journal{w.Journal, other},
			removed: func(t *rapid.T, rows []*ent.UsageRecord) journal.UsageRecordFilter {
				return journal.UsageRecordFilter{Until: somewhen(t), Since: maybe(t, "since", func() *column.Time { return somewhen(t) })}
			},
		}
		s.ask = func(t *rapid.T, rows []*ent.UsageRecord) (f journal.UsageRecordFilter) {
			var contents []string
			for _, row := range rows {
				contents = append(contents, row.Content, row.ModelName)
			}
			if orderly && rapid.Bool().Draw(t, "alone") {
				f.Keyword = &journal.UsageKeyword{Text: "connection"}
				return f
			}
			f.Since = maybe(t, "since", func() *column.Time { return somewhen(t) })
			f.UserID = maybe(t, "user", func() *journal.NumberCondition { return journal.Is(rapid.Int64Range(1, 3).Draw(t, "user")) })
			f.Search = maybe(t, "search", func() *string { return ptr(needle(t, contents)) })
			if f.Search == nil || rapid.Bool().Draw(t, "both") {
				f.Keyword = &journal.UsageKeyword{Text: needle(t, contents), Models: rapid.Bool().Draw(t, "models")}
				if rapid.IntRange(0, 5).Draw(t, "number") == 0 {
					f.Keyword.Text = rapid.SampledFrom([]string{"2", "+0002", "0005", "-0001", "02222"}).Draw(t, "typed")
				}
			}
			return f
		}
		s.passes = func(f journal.UsageRecordFilter, u *ent.UsageRecord) bool {
			found := true
			if k := f.Keyword; k != nil {
				number, err := strconv.Atoi(k.Text)
				found = contains(u.Content, &k.Text) || err == nil && int(u.Type) == number || k.Models && contains(u.ModelName, &k.Text)
			}
			return found && contains(u.Content, f.Search) && (f.Since == nil || u.CreatedAt >= *f.Since) && (f.Until == nil || u.CreatedAt < *f.Until) &&
				meets(f.UserID, &u.UserID)
		}
		s.check(t, ctx)
	})
}

// TestSearchFindsRowsThatArrivedEarlier asks for as many rows as a search finds by walking
// back through arrivals, of which one that arrived before all of them comes before one.
func TestSearchFindsRowsThatArrivedEarlier(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		w.SearchBy(2, 4, 1000)
		var drafts []journal.UsageRecordDraft
		for _, hour := range []float64{0, 1, 2, 3, 4, 5, 10, 11, 9, 12, 13} {
			drafts = append(drafts, journal.UsageRecordDraft{CreatedAt: at(hour), Type: column.Consume, UserID: 1, Content: "connection"})
		}
		if _, err := w.UsageRecords.Append(ctx, drafts); err != nil {
			t.Fatal(err)
		}
		if err := w.Seal(ctx); err != nil {
			t.Fatal(err)
		}
		rows, _, err := w.UsageRecords.PageAt(ctx, journal.UsageRecordFilter{Search: ptr("connection")}, journal.OffsetPage{Limit: 4})
		if err != nil {
			t.Fatal(err)
		}
		var got []column.Time
		for _, row := range rows {
			got = append(got, row.CreatedAt)
		}
		if want := []column.Time{*at(13), *at(12), *at(11), *at(10)}; !slices.Equal(got, want) {
			t.Fatalf("found rows of %v, want %v", got, want)
		}
	})
}
