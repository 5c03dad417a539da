package journal_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// account gives the context of an administrator with an account of that name.
func account(name string, tenant *column.ID) context.Context {
	return auth.With(context.Background(), &auth.Principal{
		Subject: "0", Username: name, Role: auth.Admin, Account: "token " + name, Tenant: (*[16]byte)(tenant),
	})
}

// keys counts the keys that are remembered.
func (w *world) keys(t testing.TB, ctx context.Context) int {
	t.Helper()
	return must[int](t)(w.database.Ent().IdempotencyKey.Query().Count(ctx))
}

func TestAppendOnceRefuses(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		drafts := []journal.EntryDraft{{Message: "m"}}
		for key, want := range map[string]string{
			"":                          "idempotency_key: must be 1 to 255 bytes long",
			strings.Repeat("长", 86):     "idempotency_key: is longer than 255 bytes",
			"half a rune \xe9":          "idempotency_key: is not valid UTF-8",
			strings.Repeat("\x00", 256): "idempotency_key: is longer than 255 bytes",
		} {
			if _, err := w.Entries.AppendOnce(ctx, key, drafts); err == nil || fault.KindOf(err) != fault.Invalid || err.Error() != want {
				t.Errorf("%.10q: %v, want %s", key, err, want)
			}
		}
		for name, refused := range map[string]struct {
			who  context.Context
			kind fault.Kind
		}{
			"nobody":       {context.Background(), fault.Unauthenticated},
			"a reader":     {as(auth.Viewer, nil, auth.Permissions...), fault.Forbidden},
			"no account":   {as(auth.Admin, nil), fault.Internal},
			"another kind": {as(auth.Ingest, nil, auth.AuditWrite), fault.Forbidden},
		} {
			for _, list := range [][]journal.EntryDraft{drafts, nil} {
				if _, err := w.Entries.AppendOnce(refused.who, "k", list); err == nil || fault.KindOf(err) != refused.kind {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		// A bad draft stores neither rows nor the key.
		_, err := w.Entries.AppendOnce(ctx, "k", []journal.EntryDraft{{Message: "good"}, {Message: " "}})
		wantKind(t, err, fault.Invalid)
		if n := w.recount(t); n != 0 || w.keys(t, ctx) != 0 {
			t.Errorf("refused appends left %d rows and %d keys", n, w.keys(t, ctx))
		}
		if _, err := w.Entries.AppendOnce(ctx, "k", drafts); err != nil {
			t.Fatal(err)
		}
		_, err = w.database.Ent().IdempotencyKey.Query().All(account("admin", nil))
		wantKind(t, err, fault.Forbidden)
		err = w.database.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.IdempotencyKey.Delete().Exec(account("admin", nil))
			return err
		})
		wantKind(t, err, fault.Forbidden)
	})
}

// TestSameBody says which drafts are a repeat of which, and which are not.
func TestSameBody(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		type entries = []journal.EntryDraft
		tenant := must[*ent.Tenant](t)(w.CreateTenant(ctx, "t"))
		bound := account("bound", &tenant.ID)
		test := func(name string, who context.Context, first, second entries, same bool) {
			t.Helper()
			stored, err := w.Entries.AppendOnce(who, name, first)
			if err != nil {
				t.Fatal(name, err)
			}
			before := w.recount(t)
			w.now = w.now.Add(time.Second)
			again, err := w.Entries.AppendOnce(who, name, second)
			if !same {
				if err == nil || fault.KindOf(err) != fault.Conflict {
					t.Errorf("%s: %v, want a conflict", name, err)
				}
			} else if err != nil || !slices.EqualFunc(stored, again, func(a, b *ent.Entry) bool {
				return a.ID == b.ID && a.Timestamp == b.Timestamp && a.Message == b.Message && string(a.Metadata) == string(b.Metadata)
			}) {
				t.Errorf("%s: %v became %v (%v)", name, stored, again, err)
			}
			if n := w.recount(t); n != before {
				t.Errorf("%s: a repeat stored %d rows", name, n-before)
			}
		}
		test("equal", ctx, entries{{Message: "m"}}, entries{{Message: "m"}}, true)
		test("two", ctx, entries{{Message: "m"}, {Message: "n"}}, entries{{Message: "m"}, {Message: "n"}}, true)
		test("none", ctx, nil, entries{}, true)
		test("none, then one", ctx, nil, entries{{Message: "m"}}, false)
		test("order", ctx, entries{{Message: "m"}, {Message: "n"}}, entries{{Message: "n"}, {Message: "m"}}, false)
		test("shorter", ctx, entries{{Message: "m"}, {Message: "m"}}, entries{{Message: "m"}}, false)
		test("other text", ctx, entries{{Message: "m"}}, entries{{Message: "m "}}, false)
		test("absent text", ctx, entries{{Message: "m"}}, entries{{Message: "m", Source: ptr("")}}, false)
		test("another place", ctx, entries{{Message: "m", Source: ptr("x")}}, entries{{Message: "m", UserID: ptr("x")}}, false)
		test("time", ctx, entries{{Message: "m", Timestamp: at(1)}}, entries{{Message: "m", Timestamp: at(1)}}, true)
		test("absent time", ctx, entries{{Message: "m"}}, entries{{Message: "m", Timestamp: at(0)}}, false)
		test("other time", ctx, entries{{Message: "m", Timestamp: at(0)}}, entries{{Message: "m", Timestamp: at(1)}}, false)
		test("white space and order", ctx, entries{{Message: "m", Metadata: column.JSON(`{"a":[1,2],"b":"é"}`)}},
			entries{{Message: "m", Metadata: column.JSON(`{ "b" : "\u00e9", "a": [1, 2] }`)}}, true)
		test("other metadata", ctx, entries{{Message: "m", Metadata: column.JSON(`{"a":1}`)}}, entries{{Message: "m", Metadata: column.JSON(`{"a":"1"}`)}}, false)
		test("defaults", ctx, entries{{Message: "m"}}, entries{{Message: "m", Level: ptr(column.Info), Metadata: column.JSON(`{ }`)}}, true)
		test("other level", ctx, entries{{Message: "m"}}, entries{{Message: "m", Level: ptr(column.Error)}}, false)
		test("the bound tenant", bound, entries{{Message: "m"}}, entries{{Message: "m", TenantID: &tenant.ID}}, true)
		test("a tenant", ctx, entries{{Message: "m"}}, entries{{Message: "m", TenantID: &tenant.ID}}, false)
		test("an id", ctx, entries{{Message: "m", ID: &column.ID{1}}}, entries{{Message: "m", ID: &column.ID{1}}}, true)
		test("no id", ctx, entries{{Message: "m", ID: &column.ID{2}}}, entries{{Message: "m"}}, false)
		test("another id", ctx, entries{{Message: "m", ID: &column.ID{3}}}, entries{{Message: "m", ID: &column.ID{4}}}, false)

		// A user who is known by now changes nothing about what was sent.
		anonymous := entries{{Message: "m", UserID: ptr("u-1")}}
		must[[]*ent.Entry](t)(w.Entries.AppendOnce(ctx, "named later", anonymous))
		if err := w.database.Write(ctx, func(tx *db.Tx) error {
			user, err := tx.User.Create().SetID(9).SetUsername("alice").SetRole("user").SetCreatedAt(1).Save(ctx)
			if err != nil {
				return err
			}
			return tx.Identity.Create().SetSystem("scitiger").SetExternalID("u-1").SetUser(user).Exec(ctx)
		}); err != nil {
			t.Fatal(err)
		}
		if again, err := w.Entries.AppendOnce(ctx, "named later", anonymous); err != nil || again[0].Username != nil {
			t.Errorf("%v (%v)", again, err)
		}
		// Secrets are masked before anything is made of them.
		secret := func(text string) []journal.OperationDraft {
			return []journal.OperationDraft{{RequestData: column.JSON(`{"password":"` + text + `"}`)}}
		}
		must[[]*ent.Operation](t)(w.Operations.AppendOnce(ctx, "secret", secret("a")))
		if _, err := w.Operations.AppendOnce(ctx, "secret", secret("b")); err != nil {
			t.Errorf("a masked secret makes another body: %v", err)
		}
	})
}

// TestKeysOfAccountsAreApart lets several callers use one key.
func TestKeysOfAccountsAreApart(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		a, b := must[*ent.Tenant](t)(w.CreateTenant(ctx, "a")), must[*ent.Tenant](t)(w.CreateTenant(ctx, "b"))
		callers := []context.Context{ctx, account("1", nil), account("2", nil), account("2", &a.ID), account("2", &b.ID)}
		seen := map[column.ID]bool{}
		for i, who := range callers {
			drafts := []journal.EntryDraft{{Message: fmt.Sprint("m", i)}}
			for range 2 {
				rows, err := w.Entries.AppendOnce(who, "k", drafts)
				if err != nil {
					t.Fatal(i, err)
				}
				seen[rows[0].ID] = true
			}
		}
		if n := w.recount(t); n != len(callers) || len(seen) != n {
			t.Errorf("%d rows, %d ids, want %d", n, len(seen), len(callers))
		}
		// What a repeat answers is what its caller may see, as the first answer was.
		writer := auth.With(ctx, &auth.Principal{Role: auth.Ingest, Account: "token 9", Permissions: []auth.Permission{auth.APICallsWrite}})
		for range 2 {
			calls, err := w.APICalls.AppendOnce(writer, "k", []journal.APICallDraft{{AppID: "AK12345678905678"}})
			if err != nil || calls[0].AppID != "AK1234****5678" {
				t.Errorf("an ingester reads %v (%v)", calls, err)
			}
		}
	})
}

// TestKeyOfPurgedRows wants no row back that somebody removed.
func TestKeyOfPurgedRows(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		drafts := []journal.EntryDraft{{Message: "old", Timestamp: at(-1)}, {Message: "new", Timestamp: at(1)}}
		must[[]*ent.Entry](t)(w.Entries.AppendOnce(ctx, "k", drafts))
		must[int64](t)(w.Entries.Purge(ctx, journal.EntryFilter{Until: at(0)}))
		_, err := w.Entries.AppendOnce(ctx, "k", drafts)
		wantKind(t, err, fault.Conflict)
		if !strings.Contains(err.Error(), "removed since") {
			t.Errorf("%v", err)
		}
		if n := w.recount(t); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
	})
}

// TestKeyNeedsItsRows wants the key forgotten where the append under it failed late.
func TestKeyNeedsItsRows(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		must[[]*ent.Entry](t)(w.Entries.Append(ctx, []journal.EntryDraft{{ID: &column.ID{1}, Message: "first", Timestamp: at(-1)}}))
		drafts := []journal.EntryDraft{{Message: "a"}, {ID: &column.ID{1}, Message: "second"}}
		_, err := w.Entries.AppendOnce(ctx, "k", drafts)
		wantKind(t, err, fault.Conflict)
		if n := w.keys(t, ctx); n != 0 {
			t.Errorf("%d keys of nothing", n)
		}
		must[int64](t)(w.Entries.Purge(ctx, journal.EntryFilter{Until: at(0)}))
		if rows, err := w.Entries.AppendOnce(ctx, "k", drafts); err != nil || len(rows) != 2 || w.recount(t) != 2 {
			t.Errorf("%v (%v)", rows, err)
		}
	})
}

// TestKeysExpire wants a key free after 24 hours, and expired ones gone bite by bite.
func TestKeysExpire(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		once := func(key, message string) error {
			_, err := w.Entries.AppendOnce(ctx, key, []journal.EntryDraft{{Message: message}})
			return err
		}
		const many = 50
		for i := range many {
			if err := once(fmt.Sprint("old ", i), "m"); err != nil {
				t.Fatal(err)
			}
		}
		w.now = noon.Add(24*time.Hour - time.Microsecond)
		wantKind(t, once("old 7", "other"), fault.Conflict)
		if n := w.keys(t, ctx); n != many {
			t.Errorf("%d keys before their time is over, want %d", n, many)
		}
		w.now = noon.Add(24 * time.Hour)
		if err := once("old 49", "other"); err != nil {
			t.Errorf("a key is not free after 24 hours: %v", err)
		}
		wantKind(t, once("old 49", "m"), fault.Conflict)
		left := w.keys(t, ctx)
		if left >= many || left < many/2 {
			t.Errorf("%d keys behind one append, want some gone, but not all at once", left)
		}
		for i := range 5 {
			if err := once(fmt.Sprint("new ", i), "m"); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.keys(t, ctx); n != 6 {
			t.Errorf("%d keys, want the 6 that are in force", n)
		}
	})
}

// TestRepeatsRace sends the same, and something else, under one key to several
// processes at once: one stores it, the others answer like a repeat or a conflict.
func TestRepeatsRace(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		var journals []*journal.Journal
		for range 4 {
			j := journal.New(w.database, journal.Options{Now: func() time.Time { return noon }})
			defer j.Close(ctx)
			journals = append(journals, j)
		}
		for round := range 12 {
			var all sync.WaitGroup
			var mu sync.Mutex
			ids := map[string]int{}
			conflicts := 0
			for i, j := range journals {
				message := "the same"
				if i == 3 && round%2 == 1 {
					message = "something else"
				}
				all.Go(func() {
					rows, err := j.Entries.AppendOnce(ctx, fmt.Sprint("k", round), []journal.EntryDraft{{Message: message}, {Message: "second"}})
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						ids[rows[0].ID.String()+rows[1].ID.String()]++
					case fault.KindOf(err) == fault.Conflict && strings.Contains(err.Error(), "stands for something else"):
						conflicts++
					default:
						t.Error(err)
					}
				})
			}
			all.Wait()
			if len(ids) != 1 || conflicts == 0 != (round%2 == 0) {
				t.Errorf("round %d: %v, %d conflicts", round, ids, conflicts)
			}
			if n := w.recount(t); n != 2*(round+1) {
				t.Fatalf("round %d: %d rows, want %d", round, n, 2*(round+1))
			}
		}
	})
}

// TestKeysSideBySide lets several processes append under keys of their own while old
// keys go, and wants nobody in another's way.
func TestKeysSideBySide(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		const old, writers, times = 150, 4, 25
		for i := range old {
			must[[]*ent.Entry](t)(w.Entries.AppendOnce(ctx, fmt.Sprint("old ", i), []journal.EntryDraft{{Message: "m"}}))
		}
		var all sync.WaitGroup
		for n := range writers {
			j := journal.New(w.database, journal.Options{Now: func() time.Time { return noon.Add(24 * time.Hour) }})
			defer j.Close(ctx)
			all.Go(func() {
				for i := range times {
					if _, err := j.Entries.AppendOnce(ctx, fmt.Sprint(n, " ", i), []journal.EntryDraft{{Message: "m"}}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if rows, keys := w.recount(t), w.keys(t, ctx); rows != old+writers*times || keys != writers*times {
			t.Errorf("%d rows and %d keys, want %d and %d", rows, keys, old+writers*times, writers*times)
		}
	})
}

// bodies is how many different things keyedKind appends.
const bodies = 4

// keyedKind is a kind as TestAppendOnceEqualsModel sees it.
type keyedKind struct {
	name   string
	append func(j *journal.Journal, ctx context.Context, key *string, body int) (ids []string, err error)
	purge  func() error // nil for a kind that is kept
}

// sizeOf gives how many rows a body has: none, one, another one, three.
func sizeOf(body int) int { return []int{0, 1, 1, 3}[body] }

func keyed[R, D, F any](name string, log func(*journal.Journal) *journal.Log[R, D, F], draft func(text string) D, id func(*R) string, purge func() error) keyedKind {
	return keyedKind{name, func(j *journal.Journal, ctx context.Context, key *string, body int) ([]string, error) {
		drafts := make([]D, sizeOf(body))
		for i := range drafts {
			drafts[i] = draft(fmt.Sprint(body, ".", i))
		}
		var rows []*R
		var err error
		if key == nil {
			rows, err = log(j).Append(ctx, drafts)
		} else {
			rows, err = log(j).AppendOnce(ctx, *key, drafts)
		}
		ids := make([]string, len(rows))
		for i, row := range rows {
			ids[i] = id(row)
		}
		return ids, err
	}, purge}
}

// TestAppendOnceEqualsModel mixes appends with and without keys, repeats, other bodies
// and kinds, removals and jumps of the clock over two journals, and holds every answer
// and the rows against a plain model.
func TestAppendOnceEqualsModel(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		other := journal.New(w.database, journal.Options{Now: func() time.Time { return w.now }})
		defer other.Close(ctx)
		journals := []*journal.Journal{w.Journal, other}
		until := at(1e6)
		kinds := []keyedKind{
			keyed("entries", func(j *journal.Journal) *journal.EntryLog { return j.Entries },
				func(text string) journal.EntryDraft { return journal.EntryDraft{Message: text} }, func(e *ent.Entry) string { return e.ID.String() },
				func() error { _, err := w.Entries.Purge(ctx, journal.EntryFilter{Until: until}); return err }),
			keyed("audit events", func(j *journal.Journal) *journal.AuditLog { return j.AuditEvents },
				func(text string) journal.AuditEventDraft { return journal.AuditEventDraft{Key: text} }, func(e *ent.AuditEvent) string { return e.ID }, nil),
			keyed("operations", func(j *journal.Journal) *journal.OperationLog { return j.Operations },
				func(text string) journal.OperationDraft { return journal.OperationDraft{Description: text} }, func(o *ent.Operation) string { return fmt.Sprint(o.ID) },
				func() error { _, err := w.Operations.Purge(ctx, journal.OperationFilter{Until: until}); return err }),
			keyed("usage records", func(j *journal.Journal) *journal.UsageLog { return j.UsageRecords },
				func(text string) journal.UsageRecordDraft {
					return journal.UsageRecordDraft{Type: column.Consume, Quota: 3, ModelName: text}
				}, func(u *ent.UsageRecord) string { return fmt.Sprint(u.ID) },
				func() error {
					_, err := w.UsageRecords.Purge(ctx, journal.UsageRecordFilter{Until: until})
					return err
				}),
			keyed("API calls", func(j *journal.Journal) *journal.APICallLog { return j.APICalls },
				func(text string) journal.APICallDraft { return journal.APICallDraft{APIPath: text} }, func(a *ent.APICall) string { return a.ID },
				func() error { _, err := w.APICalls.Purge(ctx, journal.APICallFilter{Until: until}); return err }),
		}
		type remembered struct {
			kind, body int
			ids        []string
			expires    time.Time
			gone       bool
		}
		rows := make([]map[string]bool, len(kinds)) // what the model says is stored
		for i := range rows {
			rows[i] = map[string]bool{}
		}
		run := 0
		rapid.Check(t, func(t *rapid.T) {
			run++
			model := map[string]*remembered{}
			for range rapid.IntRange(2, 14).Draw(t, "steps") {
				switch rapid.SampledFrom([]string{"keyed", "keyed", "keyed", "keyed", "plain", "jump", "purge"}).Draw(t, "step") {
				case "jump":
					w.now = w.now.Add(rapid.SampledFrom([]time.Duration{time.Second, 12 * time.Hour, 24*time.Hour - time.Second, 24 * time.Hour}).Draw(t, "jump"))
				case "purge":
					n := rapid.IntRange(0, len(kinds)-1).Draw(t, "kind")
					if kinds[n].purge == nil {
						continue
					}
					if err := kinds[n].purge(); err != nil {
						t.Fatal(err)
					}
					clear(rows[n])
					for _, known := range model {
						if known.kind == n {
							known.gone = known.gone || len(known.ids) > 0
						}
					}
				case "plain":
					n := rapid.IntRange(0, len(kinds)-1).Draw(t, "kind")
					ids, err := kinds[n].append(rapid.SampledFrom(journals).Draw(t, "journal"), ctx, nil, rapid.IntRange(0, bodies-1).Draw(t, "body"))
					if err != nil {
						t.Fatal(err)
					}
					for _, id := range ids {
						rows[n][id] = true
					}
				case "keyed":
					who := rapid.SampledFrom([]string{"1", "2"}).Draw(t, "account")
					key := fmt.Sprint(run, " ", rapid.IntRange(0, 2).Draw(t, "key"))
					// A key has its own kind and body more often than not.
					n, body := int(key[len(key)-1]-'0'), 1+int(key[len(key)-1]-'0')
					if rapid.IntRange(0, 3).Draw(t, "other") == 0 {
						n, body = rapid.IntRange(0, len(kinds)-1).Draw(t, "kind"), rapid.IntRange(0, bodies-1).Draw(t, "body")
					}
					ids, err := kinds[n].append(rapid.SampledFrom(journals).Draw(t, "journal"), account(who, nil), &key, body)
					known := model[who+key]
					if known == nil || !w.now.Before(known.expires) {
						if err != nil || len(ids) != sizeOf(body) {
							t.Fatalf("%s under a free key: %v (%v)", kinds[n].name, ids, err)
						}
						for _, id := range ids {
							if rows[n][id] {
								t.Fatalf("%s under a free key: the row %s is an old one", kinds[n].name, id)
							}
							rows[n][id] = true
						}
						model[who+key] = &remembered{n, body, ids, w.now.Add(24 * time.Hour), false}
						continue
					}
					if known.kind != n || known.body != body || known.gone {
						if err == nil || fault.KindOf(err) != fault.Conflict {
							t.Fatalf("%+v, asked for %s %d: %v (%v)", known, kinds[n].name, body, ids, err)
						}
					} else if err != nil || !slices.Equal(ids, known.ids) {
						t.Fatalf("%+v, repeated: %v (%v)", known, ids, err)
					}
				}
			}
			want := 0
			for _, stored := range rows {
				want += len(stored)
			}
			if n := w.recount(t); n != want {
				t.Fatalf("%d rows, want %d", n, want)
			}
		})
	})
}
