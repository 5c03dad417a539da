package journal_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/journal"
)

// kind is one kind of log as the properties of all of them see it: random drafts
// and filters, and what a filter means in plain Go.
type kind[R, D, F any] struct {
	world  *world
	log    *journal.Log[R, D, F]
	draft  func(*rapid.T) D
	filter func(*rapid.T) F
	passes func(F, *R) bool
	key    func(*R) (column.Time, string) // the order of rows: time, then id
	all    F                              // a filter that every row passes
	kept   bool                           // nobody purges
	own    func(*R) bool                  // whether Logbook recorded the row of itself; nil for never
	sums   func(*rapid.T, F, []*R)        // asks for more than counts; nil for no more
}

// check mixes appends and purges, and after each asks random questions of the
// journal and of a plain list of the rows.
func (k kind[R, D, F]) check(t *testing.T, ctx context.Context, w *world) {
	var rows []*R
	rapid.Check(t, func(t *rapid.T) {
		if !k.kept {
			if _, err := k.log.Purge(ctx, k.all); err != nil {
				t.Fatal(err)
			}
			rows = k.recorded(t, ctx, nil)
		}
		for range rapid.IntRange(1, 4).Draw(t, "steps") {
			if k.kept && len(rows) > 300 {
				break // nothing takes them away
			}
			if k.kept || rapid.IntRange(0, 2).Draw(t, "step") < 2 {
				drafts := rapid.SliceOfN(rapid.Custom(k.draft), 0, 30).Draw(t, "drafts")
				added, err := k.log.Append(ctx, drafts)
				if err != nil {
					t.Fatal(err)
				}
				rows = append(rows, added...)
			} else {
				f := k.filter(t)
				before := len(rows)
				gone, err := k.log.Purge(ctx, f)
				if err != nil {
					if strings.Contains(err.Error(), "needs a condition") {
						continue
					}
					t.Fatal(err)
				}
				rows = keep(rows, func(row *R) bool { return !k.passes(f, row) })
				if gone != int64(before-len(rows)) {
					t.Fatalf("purged %d rows, want %d", gone, before-len(rows))
				}
				rows = k.recorded(t, ctx, rows)
			}
			brought := len(keep(slices.Clone(rows), func(row *R) bool { return k.own == nil || !k.own(row) }))
			if n := w.recount(t); n != brought {
				t.Fatalf("%d rows in the table, want %d", n, brought)
			}
		}
		sort.Slice(rows, func(i, j int) bool {
			a, idA := k.key(rows[i])
			b, idB := k.key(rows[j])
			return a > b || a == b && idA > idB
		})
		for range 4 {
			f := k.filter(t)
			want := keep(slices.Clone(rows), func(row *R) bool { return k.passes(f, row) })
			if got, err := k.log.Count(ctx, f); err != nil || got != int64(len(want)) {
				t.Fatalf("counted %d, want %d of %+v (%v)", got, len(want), f, err)
			}
			k.checkPages(t, ctx, f, want)
			if k.sums != nil {
				k.sums(t, f, want)
			}
		}
	})
}

// recorded gives the rows with those that Logbook has recorded of itself, which the
// purge before has made more of.
func (k kind[R, D, F]) recorded(t *rapid.T, ctx context.Context, rows []*R) []*R {
	if k.own == nil {
		return rows
	}
	rows = keep(rows, func(row *R) bool { return !k.own(row) })
	err := k.log.Each(ctx, k.all, func(row *R) error {
		if k.own(row) {
			rows = append(rows, row)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// checkPages walks forth, back and by offset, and one row after another, and wants
// the whole sort each time.
func (k kind[R, D, F]) checkPages(t *rapid.T, ctx context.Context, f F, want []*R) {
	size := max(rapid.IntRange(1, 7).Draw(t, "page size"), len(want)/5)
	k.world.JumpFrom(of[int64](t, "jump from", 0, 10, 1000))
	same := func(how string, got []*R) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: %d rows, want %d", how, len(got), len(want))
		}
		for i := range got {
			gotTime, gotID := k.key(got[i])
			wantTime, wantID := k.key(want[i])
			if gotTime != wantTime || gotID != wantID {
				t.Fatalf("%s: row %d is %q, want %q", how, i, gotID, wantID)
			}
		}
	}

	var forth []*R
	for page := (journal.KeysetPage{First: &size}); ; {
		c, err := k.log.Page(ctx, f, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, edge := range c.Edges {
			forth = append(forth, edge.Node)
		}
		if c.PageInfo.HasPreviousPage != (page.After != nil) {
			t.Fatalf("hasPreviousPage is %t behind cursor %v", c.PageInfo.HasPreviousPage, page.After)
		}
		if !c.PageInfo.HasNextPage {
			break
		}
		page.After = c.PageInfo.EndCursor
	}
	same("forth", forth)

	var back []*R
	for page := (journal.KeysetPage{Last: &size}); ; {
		c, err := k.log.Page(ctx, f, page)
		if err != nil {
			t.Fatal(err)
		}
		var rows []*R
		for _, edge := range c.Edges {
			rows = append(rows, edge.Node)
		}
		back = append(rows, back...)
		if !c.PageInfo.HasPreviousPage {
			break
		}
		page.Before = c.PageInfo.StartCursor
	}
	same("back", back)

	for _, ascending := range []bool{false, true} {
		var jumped []*R
		for offset := 0; ; offset += size {
			rows, total, err := k.log.PageAt(ctx, f, journal.OffsetPage{Ascending: ascending, Offset: offset, Limit: size})
			if err != nil || total != int64(len(want)) {
				t.Fatalf("total %d at offset %d, want %d (%v)", total, offset, len(want), err)
			}
			if len(rows) == 0 {
				break
			}
			jumped = append(jumped, rows...)
		}
		if ascending {
			slices.Reverse(jumped)
		}
		same("by offset", jumped)
	}

	var each []*R
	if err := k.log.Each(ctx, f, func(row *R) error { each = append(each, row); return nil }); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(each)
	same("each", each)
}

// asks sets a filter's fields now and then.
type asks struct{ *rapid.T }

func (t asks) maybe(what string, set func()) {
	if rapid.IntRange(0, 4).Draw(t.T, what+"?") == 0 {
		set()
	}
}

func (t asks) moment(name string) *column.Time {
	return ptr(column.TimeOf(era(t.T).Add(time.Duration(rapid.IntRange(-42*24*60, 30*60).Draw(t.T, name)) * time.Minute)))
}

// of draws one of some values.
func of[T any](t *rapid.T, name string, values ...T) T {
	return rapid.SampledFrom(values).Draw(t, name)
}

// era draws noon, but for some times that are about 1970, where times become negative.
func era(t *rapid.T) time.Time {
	return of(t, "era", noon, noon, noon, noon, time.Unix(0, 0))
}

// near draws an instant, on the edges of hours and days more often than chance
// would have it.
func near(t *rapid.T) *column.Time {
	moment := column.TimeOf(era(t).Add(time.Duration(rapid.IntRange(-40*24, 24).Draw(t, "hour")) * time.Hour))
	return ptr(moment + column.Time(of(t, "offset", int64(0), -1, 1, 30*60e6, 3599_999999)))
}

// auditKind is how the properties of lists and counts see audit events.
func auditKind(w *world, s wares) kind[ent.AuditEvent, journal.AuditEventDraft, journal.AuditEventFilter] {
	keys := []string{"SignIn.Password", "Token.Exchange", "signin.password"}
	people := []*string{nil, ptr(""), ptr("usr_1"), ptr("usr_1 "), ptr("USR_1")}
	return kind[ent.AuditEvent, journal.AuditEventDraft, journal.AuditEventFilter]{
		world: w, log: w.AuditEvents, kept: true,
		draft: func(t *rapid.T) journal.AuditEventDraft {
			return journal.AuditEventDraft{
				CreatedAt: near(t), TenantID: of(t, "tenant", s.tenants...), Key: of(t, "key", keys...),
				UserID: of(t, "user", people...), ApplicationID: of(t, "application", people...), IP: of(t, "ip", people...),
				Payload: of(t, "payload", nil, column.JSON(`{}`), column.JSON(`{"b":1,"a":"\u0041"}`)),
			}
		},
		filter: func(r *rapid.T) (f journal.AuditEventFilter) {
			t := asks{r}
			t.maybe("since", func() { f.Since = t.moment("since") })
			t.maybe("until", func() { f.Until = t.moment("until") })
			t.maybe("tenant", func() { f.TenantID = drawWhere(r, "of tenant", plain, valuesOf(s.tenants)...) })
			t.maybe("key", func() { f.Key = drawWhere(r, "of key", parts, keys...) })
			t.maybe("user", func() { f.UserID = drawWhere(r, "of user", plain, valuesOf(people)...) })
			t.maybe("application", func() { f.ApplicationID = drawWhere(r, "of application", plain, valuesOf(people)...) })
			t.maybe("ip", func() { f.IP = drawWhere(r, "of ip", plain, valuesOf(people)...) })
			return f
		},
		passes: func(f journal.AuditEventFilter, e *ent.AuditEvent) bool {
			return (f.Since == nil || e.CreatedAt >= *f.Since) && (f.Until == nil || e.CreatedAt < *f.Until) &&
				meets(f.TenantID, e.TenantID) && meets(f.Key, &e.Key) && meets(f.UserID, e.UserID) &&
				meets(f.ApplicationID, e.ApplicationID) && meets(f.IP, e.IP)
		},
		key: func(e *ent.AuditEvent) (column.Time, string) { return e.CreatedAt, e.ID },
	}
}

func TestAuditEventsEqualPlainList(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		auditKind(w, stock(t, ctx, w)).check(t, ctx, w)
	})
}

// operationKind is how the properties of lists and counts see operations.
func operationKind(w *world, s wares) kind[ent.Operation, journal.OperationDraft, journal.OperationFilter] {
	names := []*string{nil, ptr(""), ptr("admin"), ptr("Admin"), ptr("用户 admin"), ptr("bob")}
	numbers := []*int64{nil, ptr[int64](1), ptr[int64](10), ptr[int64](-1)}
	modules := []string{"", "菜单管理", "认证", "Auth", "auth "}
	return kind[ent.Operation, journal.OperationDraft, journal.OperationFilter]{
		world: w, log: w.Operations, all: journal.OperationFilter{Until: at(1000)},
		own: func(o *ent.Operation) bool { return o.Module == "logbook" },
		draft: func(t *rapid.T) journal.OperationDraft {
			return journal.OperationDraft{
				CreatedAt: near(t), TenantID: of(t, "tenant", s.tenants...), UserID: of(t, "user", numbers...),
				Username: of(t, "username", names...), Action: column.Action(rapid.IntRange(1, 4).Draw(t, "action")),
				Module: of(t, "module", modules...), Failed: rapid.Bool().Draw(t, "failed"),
				IPAddress: of(t, "ip", nil, ptr("::1"), ptr("10.0.0.1")),
			}
		},
		filter: func(r *rapid.T) (f journal.OperationFilter) {
			t := asks{r}
			t.maybe("since", func() { f.Since = t.moment("since") })
			t.maybe("until", func() { f.Until = t.moment("until") })
			t.maybe("tenant", func() { f.TenantID = drawWhere(r, "of tenant", plain, valuesOf(s.tenants)...) })
			t.maybe("user", func() { f.UserID = drawWhere(r, "of user", plain, valuesOf(numbers)...) })
			t.maybe("username", func() { f.Username = drawWhere(r, "of username", parts, valuesOf(names)...) })
			t.maybe("action", func() { f.Action = drawWhere(r, "of action", plain, column.Action(1), 2, 3, 5) })
			t.maybe("module", func() { f.Module = drawWhere(r, "of module", parts, modules...) })
			t.maybe("succeeded", func() { f.Succeeded = drawWhere(r, "of outcome", plain, true, false) })
			t.maybe("ip", func() { f.IPAddress = drawWhere(r, "of ip", plain, "::1", "10.0.0.1", "x") })
			return f
		},
		passes: func(f journal.OperationFilter, o *ent.Operation) bool {
			// No name and "" are one, and nobody.
			name, asked := o.Username, f.Username
			if asked != nil && asked.Exists != nil {
				if (name != nil && *name != "") != *asked.Exists {
					return false
				}
				rest := *asked
				rest.Exists, asked = nil, &rest
			}
			if name == nil {
				name = ptr("")
			}
			return (f.Since == nil || o.CreatedAt >= *f.Since) && (f.Until == nil || o.CreatedAt < *f.Until) &&
				meets(f.TenantID, o.TenantID) && meets(f.UserID, o.UserID) && meets(asked, name) &&
				meets(f.Action, &o.Action) && meets(f.Module, &o.Module) &&
				meets(f.Succeeded, ptr(o.Status == 1)) && meets(f.IPAddress, o.IPAddress)
		},
		key: func(o *ent.Operation) (column.Time, string) { return o.CreatedAt, fmt.Sprintf("%020d", o.ID) },
	}
}

func TestOperationsEqualPlainList(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		operationKind(w, stock(t, ctx, w)).check(t, ctx, w)
	})
}

// usageKind is how the properties of lists and counts see usage records.
func usageKind(ctx context.Context, w *world, s wares) kind[ent.UsageRecord, journal.UsageRecordDraft, journal.UsageRecordFilter] {
	models := []string{"gpt-4", "GPT-4", "gpt-4 ", ""}
	names := []string{"", "alice", "Alice", "bob"}
	return kind[ent.UsageRecord, journal.UsageRecordDraft, journal.UsageRecordFilter]{
		world: w, log: w.UsageRecords, all: journal.UsageRecordFilter{Until: at(1000)},
		draft: func(t *rapid.T) journal.UsageRecordDraft {
			number := func(name string) int64 { return int64(rapid.IntRange(0, 12).Draw(t, name)) }
			return journal.UsageRecordDraft{
				CreatedAt: near(t), TenantID: of(t, "tenant", s.tenants...), Type: of(t, "type", column.UsageTypes...),
				UserID: number("user"), Username: of(t, "username", names...), TokenID: number("token"), TokenName: of(t, "token name", names...),
				ModelName: of(t, "model", models...), Quota: number("quota") - 3, PromptTokens: number("prompt"), CompletionTokens: number("completion"),
				ChannelID: number("channel"), Group: of(t, "group", names...), Content: of(t, "content", "Fehler Ä", "error", "ERROR 100%"),
			}
		},
		filter: func(r *rapid.T) (f journal.UsageRecordFilter) {
			t := asks{r}
			number := func(name string) *journal.Where[int64] {
				return drawWhere(r, name, plain, int64(0), 1, 2, 3, 10, 11, 12, 13)
			}
			amount := func(name string) *journal.Where[int64] { return drawWhere(r, name, ranges, int64(-3), 0, 2, 5, 9) }
			t.maybe("since", func() { f.Since = t.moment("since") })
			t.maybe("until", func() { f.Until = t.moment("until") })
			t.maybe("tenant", func() { f.TenantID = drawWhere(r, "of tenant", plain, valuesOf(s.tenants)...) })
			t.maybe("type", func() { f.Type = drawWhere(r, "of type", plain, column.UsageTypes...) })
			t.maybe("user", func() { f.UserID = number("of user") })
			t.maybe("username", func() { f.Username = drawWhere(r, "of username", parts, names...) })
			t.maybe("token", func() { f.TokenID = number("of token") })
			t.maybe("token name", func() { f.TokenName = drawWhere(r, "of token name", parts, names...) })
			t.maybe("model", func() { f.ModelName = drawWhere(r, "of model", parts, models...) })
			t.maybe("channel", func() { f.ChannelID = number("of channel") })
			t.maybe("group", func() { f.Group = drawWhere(r, "of group", plain, names...) })
			t.maybe("search", func() { f.Search = ptr(of(r, "search for", "error", "Ä", "%", "x")) })
			t.maybe("like", func() { f.ModelLike = ptr(of(r, "model like", "gpt%", "%4", "GPT-_", "gpt-4", "%", "", "_%_4 ")) })
			t.maybe("keyword", func() {
				f.Keyword = &journal.UsageKeyword{Text: of(r, "keyword", "2", "error", "GPT", "100%"), Models: rapid.Bool().Draw(r, "models")}
			})
			if f.Since != nil && f.Since.Time().After(noon.Add(-29*24*time.Hour)) {
				t.maybe("quota", func() { f.Quota = amount("of quota") })
				t.maybe("prompt", func() { f.PromptTokens = amount("of prompt") })
				t.maybe("completion", func() { f.CompletionTokens = amount("of completion") })
				t.maybe("use time", func() { f.UseTime = amount("of use time") })
				t.maybe("ip", func() { f.IP = drawWhere(r, "of ip", plain, names...) })
				t.maybe("stream", func() { f.IsStream = drawWhere(r, "of stream", plain, true, false) })
			}
			return f
		},
		passes: func(f journal.UsageRecordFilter, u *ent.UsageRecord) bool {
			return (f.Since == nil || u.CreatedAt >= *f.Since) && (f.Until == nil || u.CreatedAt < *f.Until) &&
				meets(f.TenantID, u.TenantID) && meets(f.Type, &u.Type) && meets(f.UserID, &u.UserID) &&
				meets(f.Username, &u.Username) && meets(f.TokenID, &u.TokenID) && meets(f.TokenName, &u.TokenName) &&
				meets(f.ModelName, &u.ModelName) && meets(f.ChannelID, &u.ChannelID) && meets(f.Group, &u.Group) &&
				meets(f.Quota, &u.Quota) && meets(f.PromptTokens, &u.PromptTokens) && meets(f.CompletionTokens, &u.CompletionTokens) &&
				meets(f.UseTime, &u.UseTime) && meets(f.IP, &u.IP) && meets(f.IsStream, &u.IsStream) &&
				(f.Search == nil || has(u.Content, *f.Search)) && (f.ModelLike == nil || like(*f.ModelLike).MatchString(u.ModelName)) &&
				(f.Keyword == nil || has(u.Content, f.Keyword.Text) || f.Keyword.Text == fmt.Sprint(int(u.Type)) ||
					f.Keyword.Models && has(u.ModelName, f.Keyword.Text))
		},
		key: func(u *ent.UsageRecord) (column.Time, string) { return u.CreatedAt, fmt.Sprintf("%020d", u.ID) },
		sums: func(t *rapid.T, f journal.UsageRecordFilter, want []*ent.UsageRecord) {
			got, err := w.UsageStats(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			var sum journal.UsageSums
			for _, u := range want {
				sum.Count++
				sum.Quota += u.Quota
				sum.PromptTokens += u.PromptTokens
				sum.CompletionTokens += u.CompletionTokens
			}
			if got.UsageSums != sum {
				t.Fatalf("sums %+v, want %+v", got.UsageSums, sum)
			}
			var types journal.UsageSums
			for _, one := range got.ByType {
				types.Count += one.Count
				types.Quota += one.Quota
				types.PromptTokens += one.PromptTokens
				types.CompletionTokens += one.CompletionTokens
			}
			if types != sum {
				t.Fatalf("the types' sums are %+v, want %+v", types, sum)
			}
		},
	}
}

func TestUsageRecordsEqualPlainList(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		usageKind(ctx, w, stock(t, ctx, w)).check(t, ctx, w)
	})
}

// has is strings.Contains that ignores the case of letters.
func has(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}

// like gives a pattern of SQL's LIKE as a regular expression.
func like(pattern string) *regexp.Regexp {
	text := regexp.QuoteMeta(pattern)
	return regexp.MustCompile("(?is)^" + strings.NewReplacer("%", ".*", "_", ".").Replace(text) + "$")
}

// callKind is how the properties of lists and counts see API calls.
func callKind(w *world, s wares) kind[ent.APICall, journal.APICallDraft, journal.APICallFilter] {
	apps := []string{"-", "AK1234567890", "ak1234567890"}
	paths := []string{"/", "/openapi/v1/users", "/openapi/v1/users?x=1"}
	return kind[ent.APICall, journal.APICallDraft, journal.APICallFilter]{
		world: w, log: w.APICalls, all: journal.APICallFilter{Until: at(1000)},
		draft: func(t *rapid.T) journal.APICallDraft {
			return journal.APICallDraft{
				OperationTime: near(t), TenantID: of(t, "tenant", s.tenants...), AppID: of(t, "app", apps...), APIPath: of(t, "path", paths...),
				HTTPMethod: of(t, "method", "GET", "POST"), SourceIP: of(t, "ip", "1.2.3.4", "host.example"), StatusCode: of(t, "status", int64(200), 404, 0, 999),
			}
		},
		filter: func(r *rapid.T) (f journal.APICallFilter) {
			t := asks{r}
			t.maybe("since", func() { f.Since = t.moment("since") })
			t.maybe("until", func() { f.Until = t.moment("until") })
			t.maybe("tenant", func() { f.TenantID = drawWhere(r, "of tenant", plain, valuesOf(s.tenants)...) })
			t.maybe("app", func() { f.AppID = drawWhere(r, "of app", plain, apps...) })
			t.maybe("path", func() { f.APIPath = drawWhere(r, "of path", plain, paths...) })
			t.maybe("ip", func() { f.SourceIP = drawWhere(r, "of ip", plain, "1.2.3.4", "HOST.example") })
			t.maybe("status", func() { f.StatusCode = drawWhere(r, "of status", ranges, int64(200), 404, 500, -1, 70000) })
			t.maybe("method", func() { f.HTTPMethod = drawWhere(r, "of method", plain, "GET", "get") })
			return f
		},
		passes: func(f journal.APICallFilter, a *ent.APICall) bool {
			return (f.Since == nil || a.OperationTime >= *f.Since) && (f.Until == nil || a.OperationTime < *f.Until) &&
				meets(f.TenantID, a.TenantID) && meets(f.AppID, &a.AppID) && meets(f.APIPath, &a.APIPath) &&
				meets(f.SourceIP, &a.SourceIP) && meets(f.StatusCode, ptr(int64(a.StatusCode))) && meets(f.HTTPMethod, &a.HTTPMethod)
		},
		key: func(a *ent.APICall) (column.Time, string) { return a.OperationTime, a.ID },
	}
}

func TestAPICallsEqualPlainList(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		callKind(w, stock(t, ctx, w)).check(t, ctx, w)
	})
}
