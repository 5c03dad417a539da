package resolvers_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/journal"
)

// figures are what GraphQL and plain Go say of some usage records.
type figures struct {
	usageSums
	TokensPerMinute *float64
}

// testUsageAggregate holds a caller's aggregates against plain sums of what it sees, for
// every filter of the sample.
func testUsageAggregate(s *server, k *sample[journal.UsageRecordDraft], token string, visible ...func(*journal.UsageRecordDraft) bool) {
	s.t.Helper()
	for _, filter := range k.filters() {
		var all usageSums
		models := map[string]*usageSums{}
		var quotas []int64
		for i := range k.drafts {
			d := &k.drafts[i]
			if !filter.pass(d) || slices.ContainsFunc(visible, func(sees func(*journal.UsageRecordDraft) bool) bool { return !sees(d) }) {
				continue
			}
			all.add(d)
			if models[d.ModelName] == nil {
				models[d.ModelName] = &usageSums{}
			}
			models[d.ModelName].add(d)
			quotas = append(quotas, d.Quota)
		}
		slices.Sort(quotas)
		names := []string{}
		for name := range models {
			names = append(names, name)
		}
		slices.Sort(names)

		var got struct {
			A struct {
				Count  int64
				Groups struct {
					Groups []struct {
						Value, Label *string
						figures
					}
					ValueCount int
					Other      figures
				}
				Values  []struct{ Value string }
				Numbers struct {
					Count, Sum    int64
					Min, Max, P50 *int64
				}
			}
		}
		s.must(token, `query($f: UsageRecordFilter) { a: usageRecordAggregate(filter: $f) { count
			groups(by: MODEL, first: 2) { groups { value label count quota promptTokens completionTokens tokensPerMinute } valueCount
				other { count quota promptTokens completionTokens tokensPerMinute } }
			values(of: MODEL) { value } numbers(of: QUOTA) { count sum min max p50 } } }`, `{"f":`+filter.filter()+`}`, &got)
		what := "filter " + filter.filter()
		if got.A.Count != all.Count || got.A.Numbers.Count != all.Count || got.A.Numbers.Sum != all.Quota {
			s.t.Errorf("%s: %+v, want %+v", what, got.A, all)
		}
		if len(quotas) == 0 != (got.A.Numbers.Min == nil) || len(quotas) > 0 &&
			(*got.A.Numbers.Min != quotas[0] || *got.A.Numbers.Max != quotas[len(quotas)-1] || *got.A.Numbers.P50 != quotas[(len(quotas)-1)/2]) {
			s.t.Errorf("%s: %+v, want of %v", what, got.A.Numbers, quotas)
		}
		listed := []string{}
		for _, one := range got.A.Values {
			listed = append(listed, one.Value)
		}
		if !slices.Equal(listed, names) || got.A.Groups.ValueCount != len(names) {
			s.t.Errorf("%s: models %v of %d, want %v", what, listed, got.A.Groups.ValueCount, names)
		}
		slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(models[b].Count, models[a].Count) })
		rest := usageSums{}
		for i, name := range names {
			if i >= 2 {
				rest.Count, rest.Quota = rest.Count+models[name].Count, rest.Quota+models[name].Quota
				rest.PromptTokens, rest.CompletionTokens = rest.PromptTokens+models[name].PromptTokens, rest.CompletionTokens+models[name].CompletionTokens
				continue
			}
			if one := got.A.Groups.Groups[i]; *one.Value != name || one.Label != nil || one.usageSums != *models[name] {
				s.t.Errorf("%s: %s: %+v, want %+v", what, name, one, models[name])
			}
		}
		if got.A.Groups.Other.usageSums != rest {
			s.t.Errorf("%s: others %+v, want %+v", what, got.A.Groups.Other, rest)
		}
	}
}

func TestUsageAggregate(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ours, theirs := s.tenant("ours"), s.tenant("theirs")
		k := sampleUsageRecords(s, ours, theirs)
		if _, err := s.accounts.AddUser(s.system, account.UserDraft{ID: ptr[int64](7), Username: "user 7"}); err != nil {
			t.Fatal(err)
		}
		testUsageAggregate(s, k, adminToken)
		testUsageAggregate(s, k, s.token(auth.Viewer, &ours, auth.UsageRead), isOf(ours))
		own := func(d *journal.UsageRecordDraft) bool { return d.UserID == 7 }
		testUsageAggregate(s, k, s.tokenOf(7, auth.User, nil), own)
		testUsageAggregate(s, k, s.tokenOf(7, auth.User, &ours), own, isOf(ours))
	})
}

// One answer of every field, as a front end gets it.
func TestAggregateAnswers(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.now.Store(int64(noon))
		tenant := s.tenant("ours")
		category, err := s.journal.CreateCategory(s.system, "Payments", "pay")
		s.check(err)
		for _, d := range []journal.EntryDraft{
			{Message: "a", Timestamp: at("2025-03-29T22:30:00Z"), Source: ptr("app"), CategoryID: &category.ID},
			{Message: "b", Timestamp: at("2025-03-29T23:00:00Z"), Source: ptr("app"), TenantID: &tenant},
			{Message: "c", Timestamp: at("2025-03-30T21:59:59Z"), Source: ptr("web")},
			{Message: "d", Timestamp: at("2025-03-30T22:00:00Z")},
		} {
			s.append(d)
		}
		const window = `since: "2025-03-29T12:00:00Z", until: "2025-03-31T00:00:00Z"`
		for document, want := range map[string]string{
			`{ entryAggregate { count } }`: `{"entryAggregate":{"count":4}}`,
			`{ entryAggregate(filter: {` + window + `}) { histogram(interval: DAY, timeZone: "Europe/Berlin") { start end count } } }`: `{"entryAggregate":{"histogram":[` +
				`{"start":"2025-03-29T12:00:00Z","end":"2025-03-29T23:00:00Z","count":1},` +
				`{"start":"2025-03-29T23:00:00Z","end":"2025-03-30T22:00:00Z","count":2},` +
				`{"start":"2025-03-30T22:00:00Z","end":"2025-03-31T00:00:00Z","count":1}]}}`,
			`{ entryAggregate(filter: {` + window + `}) { series(by: SOURCE, interval: WEEK, first: 1) { value label isOther count buckets { count } } } }`: `{"entryAggregate":{"series":[` +
				`{"value":"app","label":null,"isOther":false,"count":2,"buckets":[{"count":2}]},{"value":null,"label":null,"isOther":true,"count":2,"buckets":[{"count":2}]}]}}`,
			`{ entryAggregate { groups(by: CATEGORY) { groups { value label count } valueCount otherCount } } }`: `{"entryAggregate":{"groups":{"groups":[` +
				`{"value":null,"label":null,"count":3},{"value":"` + category.ID.String() + `","label":"Payments","count":1}],"valueCount":2,"otherCount":0}}}`,
			`{ entryAggregate { groups(by: TENANT, first: 1) { groups { value } valueCount otherCount } } }`: `{"entryAggregate":{"groups":{"groups":[{"value":null}],"valueCount":2,"otherCount":1}}}`,
			`{ entryAggregate(filter: null) { groups(by: LEVEL, first: null) { groups { value count } } } }`: `{"entryAggregate":{"groups":{"groups":[{"value":"INFO","count":4}]}}}`,
			`{ entryAggregate { values(of: SOURCE, contains: "EB") { value label } } }`:                      `{"entryAggregate":{"values":[{"value":"web","label":null}]}}`,
			`{ entryAggregate { values(of: TENANT) { value label } } }`:                                      `{"entryAggregate":{"values":[{"value":"` + tenant.String() + `","label":"ours"}]}}`,
			`{ usageRecordAggregate(filter: {` + window + `}) { histogram(interval: MONTH) { count quota promptTokens completionTokens tokensPerMinute }
				groups(by: TYPE) { other { tokensPerMinute } } numbers(of: USE_TIME) { count average p95 p99 p90 p50 min max sum } } }`: `{"usageRecordAggregate":{"histogram":[` +
				`{"count":0,"quota":0,"promptTokens":0,"completionTokens":0,"tokensPerMinute":0}],"groups":{"other":{"tokensPerMinute":0}},` +
				`"numbers":{"count":0,"average":null,"p95":null,"p99":null,"p90":null,"p50":null,"min":null,"max":null,"sum":0}}}`,
			`{ usageRecordAggregate { groups(by: USER) { groups { value } other { tokensPerMinute } } } }`: `{"usageRecordAggregate":{"groups":{"groups":[],"other":{"tokensPerMinute":null}}}}`,
		} {
			if a := s.ask(adminToken, document, nil); string(a.Data) != want || len(a.Errors) > 0 {
				t.Errorf("%s:\n%s\nwant %s", document, a.body, want)
			}
		}
	})
}

// What is refused, with its place; and who may not.
func TestAggregateRefusals(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		const since = `(filter: {since: "2025-06-15T00:00:00Z"})`
		for document, want := range map[string]string{
			`{ entryAggregate { histogram(interval: DAY) { count } } }`:                                             "filter.since: is required",
			`{ apiCallAggregate { series(by: STATUS, interval: DAY) { count } } }`:                                  "filter.since: is required",
			`{ entryAggregate` + since + ` { histogram(interval: DAY, timeZone: "Mars") { count } } }`:              `timeZone: "Mars" is not the IANA name of a time zone, such as Europe/Berlin or UTC`,
			`{ entryAggregate(filter: {since: "2024-06-15T00:00:00Z"}) { histogram(interval: MINUTE) { count } } }`: "interval: must be DAY or longer for this window: there are at most 1,000 buckets",
			`{ entryAggregate` + since + ` { series(by: LEVEL, interval: DAY, first: 51) { count } } }`:             "first: must be between 1 and 50",
			`{ auditEventAggregate { groups(by: KEY, first: 501) { valueCount } } }`:                                "first: must be between 1 and 500",
			`{ operationAggregate { values(of: MODULE, first: 0) { value } } }`:                                     "first: must be between 1 and 500",
			`{ operationAggregate { values(of: MODULE, contains: "` + long(1025) + `") { value } } }`:               "contains: is longer than 1024 bytes",
			`{ usageRecordAggregate(filter: {search: "` + long(1025) + `"}) { numbers(of: QUOTA) { count } } }`:     "filter.search: is longer than 1024 bytes",
			`{ operationAggregate(filter: {username: {contains: "` + long(1025) + `"}}) { count } }`:                "filter.username.contains: is longer than 1024 bytes",
			`{ entryAggregate(filter: {tenantId: {eq: "x"}}) { count } }`:                                           `filter.tenantId.eq: "x" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`,
		} {
			a := s.ask(adminToken, document, nil)
			if got := strings.Join(a.problems(), "|"); a.code() != "BAD_USER_INPUT" || got != want {
				t.Errorf("%.120s: %s\nwant %s", document, a.body, want)
			}
		}
		if a := s.ask(adminToken, `query($i: Interval!) { entryAggregate { histogram(interval: $i) { count } } }`, `{"i":"YEAR"}`); !slices.Equal(a.problems(), []string{`i: "YEAR" is none of MINUTE, FIVE_MINUTES, HOUR, DAY, WEEK, MONTH`}) {
			t.Errorf("an interval of a year: %s", a.body)
		}
		lists, queries := s.token(auth.Viewer, nil, auth.OperationsList), s.token(auth.Viewer, nil, auth.OperationsList, auth.OperationsQuery)
		audits, nothing := s.token(auth.Viewer, nil, auth.APICallsRead), s.token(auth.Viewer, nil)
		for _, c := range []struct {
			token, document string
			may             bool
		}{
			{lists, `{ operationAggregate { groups(by: USER) { valueCount } } }`, false},
			{lists, `{ operationAggregate { values(of: USER) { value } } }`, false},
			{lists, `{ operationAggregate` + since + ` { series(by: USER, interval: DAY) { count } } }`, false},
			{lists, `{ operationAggregate { groups(by: USERNAME) { valueCount } } }`, true},
			{queries, `{ operationAggregate { groups(by: USER) { valueCount } } }`, true},
			{audits, `{ apiCallAggregate { groups(by: APP) { valueCount } } }`, false},
			{audits, `{ apiCallAggregate { values(of: APP) { value } } }`, false},
			{audits, `{ apiCallAggregate(filter: {appId: {eq: "x"}}) { count } }`, false},
			{audits, `{ apiCallAggregate { groups(by: PATH) { valueCount } } }`, true},
			{adminToken, `{ apiCallAggregate { groups(by: APP) { valueCount } } }`, true},
			{nothing, `{ entryAggregate { count } }`, false}, {nothing, `{ auditEventAggregate { count } }`, false},
			{nothing, `{ operationAggregate { count } }`, false}, {nothing, `{ usageRecordAggregate { count } }`, false},
			{nothing, `{ apiCallAggregate { count } }`, false}, {s.token(auth.Ingest, nil, auth.EntriesRead), `{ entryAggregate { count } }`, false},
		} {
			if a := s.ask(c.token, c.document, nil); c.may != (a.code() == "") || !c.may && (a.code() != "FORBIDDEN" || !json.Valid(a.Data)) {
				t.Errorf("%s: %s, want it to be answered: %v", c.document, a.body, c.may)
			}
		}
	})
}

// What a field counts is what its description says.
func TestAggregateComplexity(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		for document, want := range map[string]int{
			`count`: 1 + 100,
			`histogram(interval: DAY) { start count }`:                          1 + 200 + 25*2,
			`series(by: LEVEL, interval: DAY) { value buckets { start count }}`: 1 + 400 + 25*5*4,
			`series(by: LEVEL, interval: DAY, first: 50) { count }`:             1 + 400 + 25*50,
			`groups(by: SOURCE) { groups { value count } valueCount }`:          1 + 200 + 10*4,
			`values(of: SOURCE, first: 7) { value }`:                            1 + 200 + 7,
		} {
			for filter, times := range map[string]int{"": 1, `(filter: {search: "x"})`: 10} {
				// Copies until the limit speaks.
				each := 1 + (want-1)*times
				copies := 25_000/each + 1
				if copies > 100 {
					copies = 100
				}
				text := "{"
				for i := range copies {
					text += fmt.Sprintf("a%d: entryAggregate%s { %s } ", i, filter, document)
				}
				a := s.ask(adminToken, text+"}", nil)
				if said := fmt.Sprintf("complexity of %d,", copies*each); copies*each > 25_000 && !strings.Contains(a.body, said) {
					t.Errorf("%s%s: %.200s, want %s", document, filter, a.body, said)
				}
			}
		}
		for _, document := range []string{
			`{ apiCallAggregate { ` + aliases(12, `groups(by: METHOD) { valueCount }`) + `} }`,
			`{ usageRecordAggregate { ` + aliases(25, `numbers(of: QUOTA) { p50 }`) + `} }`,
		} {
			if a := s.ask(adminToken, document, nil); a.code() != "GRAPHQL_VALIDATION_FAILED" {
				t.Errorf("%.80s: %.200s", document, a.body)
			}
		}
	})
}

func aliases(n int, field string) (text string) {
	for i := range n {
		text += fmt.Sprintf("f%d: %s ", i, field)
	}
	return text
}
