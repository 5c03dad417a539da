package resolvers_test

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/journal"
)

var usageNames = map[column.UsageType]string{
	column.TopUp: "TOP_UP", column.Consume: "CONSUME", column.Manage: "MANAGE", column.UsageError: "ERROR", column.UsageSystem: "SYSTEM",
}

// sampleUsageRecords stores records of the last minute and of the days before; user
// 7 has had two names, and alice is two users.
func sampleUsageRecords(s *server, ours, theirs column.ID) *sample[journal.UsageRecordDraft] {
	type draft = journal.UsageRecordDraft
	s.now.Store(int64(noon) + 250_000)
	random := rand.New(rand.NewPCG(1, 1))
	k := &sample[draft]{
		one: "usageRecord", many: "usageRecords", filter: "UsageRecordFilter", numbered: true,
		time:   func(d *draft) column.Time { return *d.CreatedAt - *d.CreatedAt%1_000000 },
		tenant: func(d *draft) *column.ID { return d.TenantID },
	}
	for i := range 90 {
		const second = 1_000000
		d := draft{
			CreatedAt: ptr(noon + pick[column.Time](random, 0, -second/2, -59*second, -60*second, -61*second, -3600*second, -30*3600*second)),
			TenantID:  orNil(random, ours, theirs), Type: pick(random, column.Consume, column.Consume, column.TopUp, column.UsageError),
			UserID: pick[int64](random, 7, 7, 8, 0), Username: pick(random, "alice", "bob", "Alice", ""),
			TokenID: pick[int64](random, 1, 2, 0), TokenName: pick(random, "key", "Key", ""), ModelName: pick(random, "gpt-4", "gpt-4o", "GPT-4"),
			ChannelID: pick[int64](random, 0, 3), ChannelName: "secret channel", Group: pick(random, "default", "vip", ""),
			IP: pick(random, "::1", "-", ""), IsStream: pick(random, true, false), UseTime: pick[int64](random, 0, 1, 2, 3),
			Quota: int64(random.IntN(1000)), PromptTokens: int64(random.IntN(100)), CompletionTokens: int64(random.IntN(100)),
			Content: pick(random, "API调用成功", "api error 100%_", "Straße"), Other: `{"admin_info":{"use_channel":["3"]},"n": 1.50}`,
		}
		if i < 3 {
			d.ID = ptr([]int64{1001, 999, 1 << 53}[i])
		}
		k.drafts = append(k.drafts, d)
	}
	k.ids = drafted(s, s.journal.UsageRecords, k.drafts, func(u *ent.UsageRecord) string { return strconv.FormatInt(u.ID, 10) })
	for _, list := range [][]condition[draft]{
		among("type", func(d *draft) *string { return ptr(usageNames[d.Type]) }, "TOP_UP", "CONSUME", "MANAGE", "ERROR", "SYSTEM"),
		wheres("userId", func(d *draft) *int64 { return &d.UserID }, 7, 8, 0, 70, -1),
		wheres("username", func(d *draft) *string { return &d.Username }, "alice", "Alice", "", "ali"),
		wheres("tokenId", func(d *draft) *int64 { return &d.TokenID }, 1, 0, 12),
		wheres("tokenName", func(d *draft) *string { return &d.TokenName }, "key", "Key", "", "none"),
		wheres("modelName", func(d *draft) *string { return &d.ModelName }, "gpt-4", "GPT-4", "gpt"),
		wheres("channelId", func(d *draft) *int64 { return &d.ChannelID }, 3, 0, 33),
		wheres("group", func(d *draft) *string { return &d.Group }, "vip", "", "VIP"),
		contains("modelName", func(d *draft) string { return d.ModelName }, "GPT", "4O", "", "x"),
		bounded(wheres("ip", func(d *draft) *string { return &d.IP }, "::1", "-", "")),
		bounded(equals("isStream", func(d *draft) *bool { return &d.IsStream }, true, false)),
		bounded(among("quota", func(d *draft) *int64 { return &d.Quota }, 0, 500)),
		bounded(within("quota", func(d *draft) *int64 { return &d.Quota }, 0, 500)),
		bounded(within("promptTokens", func(d *draft) *int64 { return &d.PromptTokens }, 50)),
		bounded(within("completionTokens", func(d *draft) *int64 { return &d.CompletionTokens }, 50)),
		bounded(within("useTime", func(d *draft) *int64 { return &d.UseTime }, 1, 2)),
		bounded(members("other", func(*draft) string { return "" }, `"3"`, `1`)),
		contains("search", func(d *draft) string { return d.Content }, "API", "调用", "STRAß", "0%_", "", "none"),
	} {
		k.conditions = append(k.conditions, list...)
	}
	k.common(ours, theirs)
	return k
}

func TestUsageRecords(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ours, theirs := s.tenant("ours"), s.tenant("theirs")
		k := sampleUsageRecords(s, ours, theirs)
		testKind(s, k)
		testTenants(s, k, ours, auth.UsageRead)
		testUsageStats(s, k, adminToken)
		viewer := s.token(auth.Viewer, nil, auth.UsageRead)
		testFilters(s, k, viewer)
		testUsageStats(s, k, viewer)
		testUsageStats(s, k, s.token(auth.Viewer, &ours, auth.UsageRead), isOf(ours))
	})
}

func isOf(tenant column.ID) func(*journal.UsageRecordDraft) bool {
	return func(d *journal.UsageRecordDraft) bool { return d.TenantID != nil && *d.TenantID == tenant }
}

// A user sees its own records and no others, whatever it asks: in lists, totals,
// details and statistics.
func TestOwnUsage(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ours, theirs := s.tenant("ours"), s.tenant("theirs")
		k := sampleUsageRecords(s, ours, theirs)
		for _, id := range []int64{7, 70} {
			if _, err := s.accounts.AddUser(s.system, account.UserDraft{ID: &id, Username: "user " + strconv.FormatInt(id, 10)}); err != nil {
				t.Fatal(err)
			}
		}
		own := func(d *journal.UsageRecordDraft) bool { return d.UserID == 7 }
		user := s.tokenOf(7, auth.User, nil)
		testFilters(s, k, user, own)
		testUsageStats(s, k, user, own)
		bound := s.tokenOf(7, auth.User, &ours)
		testFilters(s, k, bound, own, isOf(ours))
		testUsageStats(s, k, bound, own, isOf(ours))
		reader := s.tokenOf(7, auth.User, nil, auth.UsageRead)
		testFilters(s, k, reader)
		testUsageStats(s, k, reader)

		const fields = `userId channelId channelName other`
		for i, id := range k.ids {
			want := `null`
			if own(&k.drafts[i]) {
				want = `{"userId":7,"channelId":` + strconv.FormatInt(k.drafts[i].ChannelID, 10) + `,"channelName":"","other":"{\"n\":1.50}"}`
			}
			s.detail(user, "usageRecord", id, fields, want)
		}
		i := 0
		for !own(&k.drafts[i]) {
			i++
		}
		s.detail(reader, "usageRecord", k.ids[i], fields, `{"userId":7,"channelId":`+strconv.FormatInt(k.drafts[i].ChannelID, 10)+
			`,"channelName":"secret channel","other":"{\"admin_info\":{\"use_channel\":[\"3\"]},\"n\": 1.50}"}`)
		a := s.ask(user, `{ usageRecords(first: 500) { edges { node { `+fields+` } } } }`, nil)
		var got struct {
			UsageRecords struct {
				Edges []struct{ Node map[string]any }
			}
		}
		if err := json.Unmarshal(a.Data, &got); err != nil || len(got.UsageRecords.Edges) != len(k.want(own)) {
			t.Fatalf("%s", a.body)
		}
		for _, edge := range got.UsageRecords.Edges {
			if edge.Node["userId"] != 7. || edge.Node["channelName"] != "" || edge.Node["other"] != `{"n":1.50}` {
				t.Errorf("the list shows %v", edge.Node)
			}
		}

		// 70 begins with 7, and has no records.
		const asked = `{ usageRecords { totalCount edges { cursor } } usageStats { count quota byType { count } requestsPerMinute tokensPerMinute } }`
		const nothing = `{"usageRecords":{"totalCount":0,"edges":[]},"usageStats":{"count":0,"quota":0,"byType":[],"requestsPerMinute":0,"tokensPerMinute":0}}`
		if a := s.ask(s.tokenOf(70, auth.User, nil), asked, nil); string(a.Data) != nothing {
			t.Errorf("user 70: %s", a.body)
		}
		for who, token := range map[string]string{
			"a viewer of nothing": s.tokenOf(7, auth.Viewer, nil),
			"an ingester":         s.tokenOf(7, auth.Ingest, nil, auth.UsageRead, auth.UsageWrite),
			"a gateway key":       s.tokenOf(7, "", nil, auth.UsageRead),
			"a user of no id":     s.token(auth.User, nil),
		} {
			for _, document := range []string{`{ usageRecord(id: "1001") { id } }`, `{ usageRecords { totalCount } }`, `{ usageStats { count } }`} {
				if a := s.ask(token, document, nil); a.code() != "FORBIDDEN" || !onlyNull.Match(a.Data) {
					t.Errorf("%s, %s: %s", who, document, a.body)
				}
			}
		}
	})
}

// usageSums is what plain Go and GraphQL say of some records.
type usageSums struct{ Count, Quota, PromptTokens, CompletionTokens int64 }

func (u *usageSums) add(d *journal.UsageRecordDraft) {
	u.Count++
	u.Quota += d.Quota
	u.PromptTokens += d.PromptTokens
	u.CompletionTokens += d.CompletionTokens
}

type usageTypeSums struct {
	Type string
	usageSums
}

type usageStats struct {
	usageSums
	ByType                             []usageTypeSums
	RequestsPerMinute, TokensPerMinute int64
}

// testUsageStats holds a caller's statistics against plain sums of what it sees.
func testUsageStats(s *server, k *sample[journal.UsageRecordDraft], token string, visible ...func(*journal.UsageRecordDraft) bool) {
	s.t.Helper()
	sees := func(d *journal.UsageRecordDraft) bool {
		return !slices.ContainsFunc(visible, func(one func(*journal.UsageRecordDraft) bool) bool { return !one(d) })
	}
	now := column.Time(s.now.Load())
	minuteAgo := now - now%1_000000 - 60_000000 // in whole seconds, as the records' times are
	busy := false
	for _, filter := range k.filters() {
		want := usageStats{ByType: []usageTypeSums{}}
		// The last minute's figures take neither a filter's times nor its type.
		lately := filter.without("since", "until", "type")
		types := map[column.UsageType]*usageTypeSums{}
		for i := range k.drafts {
			d := &k.drafts[i]
			if !sees(d) {
				continue
			}
			if filter.pass(d) {
				if types[d.Type] == nil {
					types[d.Type] = &usageTypeSums{Type: usageNames[d.Type]}
				}
				types[d.Type].add(d)
				want.add(d)
			}
			if lately.pass(d) && d.Type == column.Consume && k.time(d) >= minuteAgo {
				want.RequestsPerMinute++
				want.TokensPerMinute += d.PromptTokens + d.CompletionTokens
			}
		}
		for _, one := range column.UsageTypes {
			if types[one] != nil {
				want.ByType = append(want.ByType, *types[one])
			}
		}
		var got struct{ UsageStats usageStats }
		s.must(token, `query($f: UsageRecordFilter) { usageStats(filter: $f) { count quota promptTokens completionTokens
			byType { type count quota promptTokens completionTokens } requestsPerMinute tokensPerMinute } }`, `{"f":`+filter.filter()+`}`, &got)
		busy = busy || want.RequestsPerMinute > 0 && want.RequestsPerMinute < want.Count
		if !reflect.DeepEqual(got.UsageStats, want) {
			s.t.Errorf("usageStats, filter %s:\n%+v\nwant\n%+v", filter.filter(), got.UsageStats, want)
		}
	}
	if !busy {
		s.t.Error("no filter has some, and not all, of its records in the last minute: the test shows nothing")
	}
}

// A usage record comes back as it was stored.
func TestUsageRecordDetail(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		tenant := s.tenant("t")
		ids := drafted(s, s.journal.UsageRecords, []journal.UsageRecordDraft{
			{
				ID: ptr[int64](1), CreatedAt: at("2021-12-31T23:56:40.7Z"), TenantID: &tenant, Type: column.Consume, UserID: 1, Username: "testuser",
				TokenID: 2, TokenName: "api_token", ModelName: "gpt-4", Quota: 9007199254740992, PromptTokens: 50, CompletionTokens: 100, UseTime: 3,
				IsStream: true, ChannelID: 4, ChannelName: "c", Group: "default", IP: "1.2.3.4", Content: "API调用成功", Other: `{"admin_info": 1}`,
			},
			{CreatedAt: at("2021-12-31T23:56:40Z"), Type: column.TopUp, Quota: -5},
		}, func(u *ent.UsageRecord) string { return strconv.FormatInt(u.ID, 10) })
		const all = `__typename id createdAt type content tenant { id } userId username tokenId tokenName modelName quota promptTokens completionTokens ` +
			`useTime isStream channelId channelName group ip other`
		s.detail(adminToken, "usageRecord", "1", all, `{"__typename":"UsageRecord","id":"UsageRecord:1","createdAt":"2021-12-31T23:56:40Z","type":"CONSUME","content":"API调用成功",`+
			`"tenant":{"id":"Tenant:`+tenant.String()+`"},"userId":1,"username":"testuser","tokenId":2,"tokenName":"api_token","modelName":"gpt-4","quota":9007199254740992,`+
			`"promptTokens":50,"completionTokens":100,"useTime":3,"isStream":true,"channelId":4,"channelName":"c","group":"default","ip":"1.2.3.4",`+
			`"other":"{\"admin_info\": 1}"}`)
		s.detail(adminToken, "usageRecord", ids[1], all, `{"__typename":"UsageRecord","id":"UsageRecord:`+ids[1]+`","createdAt":"2021-12-31T23:56:40Z","type":"TOP_UP","content":"",`+
			`"tenant":null,"userId":0,"username":"","tokenId":0,"tokenName":"","modelName":"","quota":-5,`+
			`"promptTokens":0,"completionTokens":0,"useTime":0,"isStream":false,"channelId":0,"channelName":"","group":"","ip":"","other":""}`)
	})
}
