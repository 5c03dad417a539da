package journal_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"logbook/ent/apicall"
	"logbook/ent/auditevent"
	"logbook/ent/column"
	"logbook/ent/rollup"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// user gives a context of a user of Logbook, with its own rows.
func user(id string, permissions ...auth.Permission) context.Context {
	return auth.With(context.Background(), &auth.Principal{Subject: id, Username: "u", Role: auth.User, Permissions: permissions})
}

func TestAUserSeesItsOwnUsage(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		drafts := []journal.UsageRecordDraft{
			{Type: column.Consume, UserID: 2, Username: "alice", ModelName: "gpt-4", Quota: 5, ChannelName: "c", Other: `{"admin_info":{"use_channel":["1"]},"ratio":1}`, CreatedAt: at(0)},
			{Type: column.Consume, UserID: 2, Username: "alice", ModelName: "gpt-5", Quota: 7, CreatedAt: at(-50)},
			{Type: column.Consume, UserID: 20, Username: "bob", ModelName: "gpt-4", Quota: 100, CreatedAt: at(0)},
			{Type: column.Consume, UserID: 20, Username: "bob", ModelName: "claude", CreatedAt: at(0)},
			{Type: column.Consume, UserID: 0, ModelName: "gpt-4", Quota: 1000, CreatedAt: at(0)},
		}
		rows, err := w.UsageRecords.Append(ctx, drafts)
		if err != nil {
			t.Fatal(err)
		}
		alice := user("2")
		for name, test := range map[string]struct {
			filter journal.UsageRecordFilter
			count  int64
			quota  int64
		}{
			"everything":         {journal.UsageRecordFilter{}, 2, 12},
			"herself":            {journal.UsageRecordFilter{UserID: journal.Is[int64](2)}, 2, 12},
			"somebody else":      {journal.UsageRecordFilter{UserID: journal.Is[int64](20)}, 0, 0},
			"by another's name":  {journal.UsageRecordFilter{Username: journal.Is("bob")}, 0, 0},
			"by her name":        {journal.UsageRecordFilter{Username: journal.Is("alice")}, 2, 12},
			"a model of both":    {journal.UsageRecordFilter{ModelName: journal.Is("gpt-4")}, 1, 5},
			"a model and a time": {journal.UsageRecordFilter{ModelName: journal.Is("gpt-4"), Since: at(-1)}, 1, 5},
			"models of both":     {journal.UsageRecordFilter{ModelLike: ptr("GPT%")}, 2, 12},
			"a model's pattern":  {journal.UsageRecordFilter{ModelLike: ptr("gpt-_"), Since: at(-1)}, 1, 5},
			"another's model":    {journal.UsageRecordFilter{ModelLike: ptr("claude%")}, 0, 0},
			"a word":             {journal.UsageRecordFilter{Keyword: &journal.UsageKeyword{Text: "PT-5", Models: true}}, 1, 7},
			"a type's word":      {journal.UsageRecordFilter{Keyword: &journal.UsageKeyword{Text: "2"}}, 2, 12},
			"a type":             {journal.UsageRecordFilter{Type: journal.Is(column.Consume)}, 2, 12},
			"a range":            {journal.UsageRecordFilter{Since: at(-60), Until: at(-40)}, 1, 7},
			"nobody":             {journal.UsageRecordFilter{UserID: journal.Is[int64](0)}, 0, 0},
		} {
			if n := must[int64](t)(w.UsageRecords.Count(alice, test.filter)); n != test.count {
				t.Errorf("%s: alice counts %d, want %d", name, n, test.count)
			}
			page, err := w.UsageRecords.Page(alice, test.filter, journal.KeysetPage{})
			if err != nil || int64(len(page.Edges)) != test.count {
				t.Errorf("%s: alice sees %d rows, want %d (%v)", name, len(page.Edges), test.count, err)
			}
			for _, edge := range page.Edges {
				if edge.Node.UserID != 2 || edge.Node.ChannelName != "" || strings.Contains(edge.Node.Other, "admin_info") {
					t.Errorf("%s: alice sees %+v", name, edge.Node)
				}
			}
			stats, err := w.UsageStats(alice, test.filter)
			if err != nil || stats.Quota != test.quota {
				t.Errorf("%s: alice sums %d, want %d (%v)", name, stats.Quota, test.quota, err)
			}
		}
		own, err := w.UsageRecords.Get(alice, fmt.Sprint(rows[0].ID))
		if err != nil || own.Other != `{"ratio":1}` {
			t.Errorf("alice's own row is %+v (%v)", own, err)
		}
		_, err = w.UsageRecords.Get(alice, fmt.Sprint(rows[2].ID))
		wantKind(t, err, fault.NotFound)

		// Nobody else without the permission sees anything, and the other kinds stay
		// closed to alice, their roll-ups included.
		for name, who := range map[string]context.Context{
			"a viewer": as(auth.Viewer, nil), "an ingester": as(auth.Ingest, nil, auth.UsageWrite),
			"user 0": user("0"), "a user of another system": user("usr_2"), "nobody": context.Background(),
		} {
			_, err := w.UsageRecords.Count(who, journal.UsageRecordFilter{})
			if kind := fault.KindOf(err); err == nil || kind != fault.Forbidden && kind != fault.Unauthenticated {
				t.Errorf("%s counts usage: %v", name, err)
			}
		}
		_, err = w.Entries.Count(alice, journal.EntryFilter{})
		wantKind(t, err, fault.Forbidden)
		_, err = w.EntryStats(alice, nil, 30)
		wantKind(t, err, fault.Forbidden)
		sums, err := w.database.Ent().Rollup.Query().All(alice)
		if err != nil || len(sums) == 0 {
			t.Fatalf("alice reads %d roll-ups (%v)", len(sums), err)
		}
		for _, one := range sums {
			if one.Kind != 4 || !strings.HasPrefix(string(one.Value), "2\x00") {
				t.Errorf("alice reads the roll-up %+v", one)
			}
		}
		if all := must[int](t)(w.database.Ent().Rollup.Query().Where(rollup.Kind(4)).Count(user("3", auth.UsageRead))); all <= len(sums) {
			t.Errorf("a reader of usage reads %d roll-ups, alice %d", all, len(sums))
		}
	})
}

func TestTenantsOfTheOtherKinds(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		a, b := unrecorded(t, ctx, w, "A"), unrecorded(t, ctx, w, "B")
		for _, id := range []*column.ID{&a, &b, nil} {
			if _, err := w.AuditEvents.Append(ctx, []journal.AuditEventDraft{{Key: "k", TenantID: id}}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Operations.Append(ctx, []journal.OperationDraft{{Module: "m", TenantID: id, Username: ptr("n")}}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.UsageRecords.Append(ctx, []journal.UsageRecordDraft{{Type: column.Consume, TenantID: id, UserID: 7, Username: "n", Quota: 3}}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.APICalls.Append(ctx, []journal.APICallDraft{{AppID: "application-1", TenantID: id}}); err != nil {
				t.Fatal(err)
			}
		}
		admin := auth.With(ctx, &auth.Principal{Role: auth.Admin, Tenant: (*[16]byte)(&b)})
		counts := func(who context.Context) (n [4]int64) {
			n[0] = must[int64](t)(w.AuditEvents.Count(who, journal.AuditEventFilter{}))
			n[1] = must[int64](t)(w.Operations.Count(who, journal.OperationFilter{Username: journal.Has("N")}))
			n[2] = must[int64](t)(w.UsageRecords.Count(who, journal.UsageRecordFilter{Username: journal.Is("n")}))
			n[3] = must[int64](t)(w.APICalls.Count(who, journal.APICallFilter{AppID: journal.Is("application-1")}))
			return n
		}
		if n := counts(admin); n != [4]int64{1, 1, 1, 1} {
			t.Errorf("an administrator of one tenant counts %v", n)
		}
		if n := counts(ctx); n != [4]int64{3, 3, 3, 3} {
			t.Errorf("the system counts %v", n)
		}
		if stats := must[*journal.UsageStats](t)(w.UsageStats(admin, journal.UsageRecordFilter{})); stats.Quota != 3 {
			t.Errorf("an administrator of one tenant sums %d", stats.Quota)
		}
		if stats := must[*journal.UsageStats](t)(w.UsageStats(admin, journal.UsageRecordFilter{TenantID: journal.Is(a)})); stats.Count != 0 {
			t.Errorf("an administrator of B sums %d rows of A", stats.Count)
		}
		_, err := w.Operations.Append(admin, []journal.OperationDraft{{TenantID: &a}})
		wantKind(t, err, fault.Forbidden)
		if gone := must[int64](t)(w.UsageRecords.Purge(admin, journal.UsageRecordFilter{Until: at(100)})); gone != 1 {
			t.Errorf("an administrator of B purged %d rows", gone)
		}
		if n := counts(ctx); n != [4]int64{4, 3, 2, 3} { // the purge is an operation
			t.Errorf("behind B's purge the system counts %v", n)
		}
		w.recount(t)
	})
}

func TestAuditEventsOnlyEverGrow(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		agent := "A\"g\u2028ent"
		rows, err := w.AuditEvents.Append(ctx, []journal.AuditEventDraft{
			{ID: ptr("log_001"), Key: "SignIn.Password", Payload: column.JSON(`{ "b": 1.0, "a": "\u0041\u2028" }`), UserID: ptr("usr_1"), IP: ptr("::1"), UserAgent: &agent, CreatedAt: at(0)},
			{Key: "SignIn.Password", CreatedAt: at(0)},
		})
		if err != nil {
			t.Fatal(err)
		}
		stored, err := w.database.Ent().AuditEvent.Query().Order(auditevent.ByID()).All(ctx)
		if err != nil || len(stored) != 2 {
			t.Fatal(len(stored), err)
		}
		first := stored[0]
		const want = `{"application_id":null,"created_at":1749988800000000,"id":"log_001","ip":"::1","key":"SignIn.Password",` +
			`"payload":{"a":"A` + "\u2028" + `","b":1.0},"tenant_id":null,"user_agent":"A\"g` + "\u2028" + `ent","user_id":"usr_1"}`
		if string(first.Canonical) != want {
			t.Errorf("canonical bytes\n%s\nwant\n%s", first.Canonical, want)
		}
		if string(first.Payload) != `{ "b": 1.0, "a": "\u0041\u2028" }` {
			t.Errorf("the payload became %s", first.Payload)
		}
		if len(first.Nonce) != 16 || len(stored[1].Nonce) != 16 || string(first.Nonce) == string(stored[1].Nonce) {
			t.Errorf("nonces %x and %x", first.Nonce, stored[1].Nonce)
		}
		if !strings.HasPrefix(rows[1].ID, "log_1") {
			t.Errorf("a given id is %q", rows[1].ID)
		}
		_, err = w.AuditEvents.Purge(ctx, journal.AuditEventFilter{Until: at(100)})
		wantKind(t, err, fault.Forbidden)
		err = w.database.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.AuditEvent.Delete().Exec(ctx)
			return err
		})
		wantKind(t, err, fault.Forbidden)
		err = w.database.Write(ctx, func(tx *db.Tx) error {
			return tx.AuditEvent.Update().Exec(ctx)
		})
		wantKind(t, err, fault.Forbidden)
		if n := must[int64](t)(w.AuditEvents.Count(ctx, journal.AuditEventFilter{})); n != 2 {
			t.Errorf("%d events, want 2", n)
		}
		_, err = w.AuditEvents.Append(ctx, []journal.AuditEventDraft{{Key: "new"}, {ID: ptr("log_001"), Key: "k"}})
		wantKind(t, err, fault.Conflict)
		_, err = w.AuditEvents.Append(ctx, []journal.AuditEventDraft{{ID: ptr("log_002"), Key: "k"}, {ID: ptr("log_002"), Key: "k"}})
		wantKind(t, err, fault.Conflict)
		_, err = w.AuditEvents.Append(ctx, []journal.AuditEventDraft{{Key: ""}, {ID: ptr(""), Key: "k", Payload: column.JSON(`[]`)}})
		if err == nil || err.Error() != "[0].key: is required; [1].id: is required; [1].payload: must be an object, not an array" {
			t.Errorf("refused: %v", err)
		}
	})
}

// TestNumbersBegin gives ids from 2^40 on and passes by the ones that came in from
// another Logbook.
func TestNumbersBegin(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		const first = 1 << 40
		one, err := w.Operations.Append(ctx, []journal.OperationDraft{{}})
		if err != nil {
			t.Fatal(err)
		}
		if one[0].ID <= first {
			t.Errorf("an operation got the id %d", one[0].ID)
		}
		// What another Logbook numbered, right behind.
		taken := make([]journal.Imported[journal.OperationDraft], 500)
		for i := range taken {
			taken[i].Draft.ID = ptr(one[0].ID + 1 + int64(i))
		}
		if outcomes, err := w.Operations.Import(ctx, taken); err != nil || tallied(outcomes) != [3]int{500, 0, 0} {
			t.Fatal(tallied(outcomes), err)
		}
		for range 3 {
			if _, err := w.Operations.Append(ctx, make([]journal.OperationDraft, 40)); err != nil {
				t.Fatal(err)
			}
		}
		if n := w.recount(t); n != 621 {
			t.Errorf("%d rows, want 621", n)
		}
		calls, err := w.APICalls.Append(ctx, []journal.APICallDraft{{}, {ID: ptr("007")}})
		if err != nil || len(calls[0].ID) < 13 || calls[1].ID != "007" {
			t.Errorf("API calls got the ids %q and %q (%v)", calls[0].ID, calls[1].ID, err)
		}
		// Imported rows without an id keep theirs apart from both.
		rows := make([]journal.Imported[journal.UsageRecordDraft], 3)
		for i := range rows {
			rows[i].Draft = journal.UsageRecordDraft{Type: column.Consume, CreatedAt: at(0)}
			rows[i].Occurrence = uint32(i)
		}
		for _, want := range [][3]int{{3, 0, 0}, {0, 3, 0}} {
			if outcomes, err := w.UsageRecords.Import(ctx, rows); err != nil || tallied(outcomes) != want {
				t.Errorf("imported %v, want %v (%v)", tallied(outcomes), want, err)
			}
		}
		all, _, err := w.UsageRecords.PageAt(ctx, journal.UsageRecordFilter{}, journal.OffsetPage{Limit: 10})
		for _, row := range all {
			if row.ID < 1<<52 || row.ID >= 1<<53 {
				t.Errorf("an imported usage record got the id %d (%v)", row.ID, err)
			}
		}
	})
}

// TestAHashThatIsTaken puts a stranger where an imported row's content would put
// it.
func TestAHashThatIsTaken(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		row := journal.Imported[journal.UsageRecordDraft]{Draft: journal.UsageRecordDraft{Type: column.Consume, Content: "mine", CreatedAt: at(0)}}
		load := func(want [3]int, rows ...journal.Imported[journal.UsageRecordDraft]) {
			t.Helper()
			if outcomes, err := w.UsageRecords.Import(ctx, rows); err != nil || tallied(outcomes) != want {
				t.Fatalf("imported %v, want %v (%v)", tallied(outcomes), want, err)
			}
		}
		load([3]int{1, 0, 0}, row)
		rows, _, err := w.UsageRecords.PageAt(ctx, journal.UsageRecordFilter{}, journal.OffsetPage{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.UsageRecords.Purge(ctx, journal.UsageRecordFilter{Until: at(100)}); err != nil {
			t.Fatal(err)
		}
		stranger := row
		stranger.Draft.ID, stranger.Draft.Content = &rows[0].ID, "a stranger's"
		load([3]int{1, 0, 0}, stranger)
		load([3]int{1, 0, 0}, row)
		load([3]int{0, 1, 0}, row)
		load([3]int{0, 2, 0}, stranger, row)
		if n := w.recount(t); n != 2 {
			t.Errorf("%d rows, want 2", n)
		}
	})
}

func TestOperationsAreCutAndMasked(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		long := strings.Repeat("长", 600)
		rows, err := w.Operations.Append(ctx, []journal.OperationDraft{{
			Description: long, UserAgent: &long,
			RequestData: column.JSON(`{"username":"a","password": {"x":1} ,"deep":[{"token":null,"keys":"stay","k\u0065y":"s"}],"text":"\"key\":1","secret":"","csrf_token":5}`),
		}})
		if err != nil {
			t.Fatal(err)
		}
		stored, err := w.Operations.Get(ctx, fmt.Sprint(rows[0].ID))
		if err != nil {
			t.Fatal(err)
		}
		if d, a := utf8.RuneCountInString(stored.Description), utf8.RuneCountInString(*stored.UserAgent); d != 255 || a != 500 {
			t.Errorf("cut at %d and %d characters", d, a)
		}
		const want = `{"username":"a","password": "***" ,"deep":[{"token":"***","keys":"stay","k\u0065y":"***"}],"text":"\"key\":1","secret":"***","csrf_token":"***"}`
		if string(stored.RequestData) != want {
			t.Errorf("request data\n%s\nwant\n%s", stored.RequestData, want)
		}
		// The list's permission alone does not show the detail.
		list := must[*journal.OperationConnection](t)(w.Operations.Page(as(auth.Viewer, nil, auth.OperationsList), journal.OperationFilter{}, journal.KeysetPage{}))
		if o := list.Edges[0].Node; o.RequestData != nil || o.UserAgent != nil || o.Description == "" {
			t.Errorf("the list's permission shows %+v", o)
		}
	})
}

func TestAppIDsAreMasked(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		if _, err := w.APICalls.Append(ctx, []journal.APICallDraft{{AppID: "AK12345678905678"}, {AppID: "AK12345678"}}); err != nil {
			t.Fatal(err)
		}
		for who, want := range map[context.Context]string{
			ctx: "AK12345678 AK12345678905678", as(auth.Viewer, nil, auth.APICallsRead): "**** AK1234****5678",
		} {
			rows, err := w.database.Ent().APICall.Query().Order(apicall.ByAppID()).All(who)
			if err != nil || len(rows) != 2 {
				t.Fatal(len(rows), err)
			}
			page := must[*journal.APICallConnection](t)(w.APICalls.Page(who, journal.APICallFilter{}, journal.KeysetPage{}))
			got := []string{page.Edges[0].Node.AppID, page.Edges[1].Node.AppID}
			if got[0] > got[1] || got[1] == "****" {
				got[0], got[1] = got[1], got[0]
			}
			if strings.Join(got, " ") != want {
				t.Errorf("app ids %v, want %s", got, want)
			}
		}
		_, err := w.APICalls.Count(as(auth.Viewer, nil, auth.APICallsRead), journal.APICallFilter{AppID: journal.Is("AK12345678905678")})
		wantKind(t, err, fault.Forbidden)
	})
}

func TestTheLastMinute(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		ago := func(seconds int) *column.Time { return at(-float64(seconds) / 3600) }
		_, err := w.UsageRecords.Append(ctx, []journal.UsageRecordDraft{
			{Type: column.Consume, ModelName: "a", PromptTokens: 1, CompletionTokens: 10, CreatedAt: ago(0)},
			{Type: column.Consume, ModelName: "a", PromptTokens: 2, CompletionTokens: 20, CreatedAt: ago(60)},
			{Type: column.Consume, ModelName: "b", PromptTokens: 4, CompletionTokens: 40, CreatedAt: ago(30)},
			{Type: column.Consume, ModelName: "a", PromptTokens: 8, CompletionTokens: 80, CreatedAt: ago(61)},
			{Type: column.UsageError, ModelName: "a", PromptTokens: 16, CreatedAt: ago(1)},
			{Type: column.Consume, ModelName: "later", PromptTokens: 32, CreatedAt: ago(-3600)},
		})
		if err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			filter        journal.UsageRecordFilter
			rpm, tpm, all int64
		}{
			"all":                      {journal.UsageRecordFilter{}, 3, 77, 6},
			"a model":                  {journal.UsageRecordFilter{ModelName: journal.Is("a")}, 2, 33, 4},
			"whatever the type":        {journal.UsageRecordFilter{Type: journal.Is(column.UsageError)}, 3, 77, 1},
			"whatever the range":       {journal.UsageRecordFilter{Until: at(-1)}, 3, 77, 0},
			"a model that is not used": {journal.UsageRecordFilter{ModelName: journal.Is("c")}, 0, 0, 0},
		} {
			got, err := w.UsageStats(ctx, test.filter)
			if err != nil || got.RequestsPerMinute != test.rpm || got.TokensPerMinute != test.tpm || got.Count != test.all {
				t.Errorf("%s: %+v, want %d requests and %d tokens a minute, %d rows (%v)", name, got, test.rpm, test.tpm, test.all, err)
			}
		}
	})
}
