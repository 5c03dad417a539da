package resolvers_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"logbook/internal/auth"
	"logbook/internal/journal/journaltest"
)

// appended is a kind of log as its mutations have it.
type appended struct {
	one, many string          // the fields of payloads and batches
	title     string          // of one, in the names of mutations and inputs
	titles    string          // of many
	write     auth.Permission // the one that suffices
	least     string          // the least input, as JSON
}

var appendedKinds = []appended{
	{"entry", "entries", "Entry", "Entries", auth.EntriesWrite, `{"message":"m"}`},
	{"auditEvent", "auditEvents", "AuditEvent", "AuditEvents", auth.AuditWrite, `{"key":"k"}`},
	{"operation", "operations", "Operation", "Operations", auth.OperationsWrite, `{}`},
	{"usageRecord", "usageRecords", "UsageRecord", "UsageRecords", auth.UsageWrite, `{"type":"CONSUME"}`},
	{"apiCall", "apiCalls", "APICall", "APICalls", auth.APICallsWrite, `{}`},
}

// single asks to append one row, of the input as JSON, and to read back a selection.
func (k appended) single(s *server, token, input, selection string) answer {
	s.t.Helper()
	document := fmt.Sprintf(`mutation($input: Create%sInput!) { create%[1]s(input: $input) { %s { %s } } }`, k.title, k.one, selection)
	return s.ask(token, document, `{"input":`+input+`}`)
}

// batch asks to append several, under a key unless that is "".
func (k appended) batch(s *server, token, key, selection string, inputs ...string) answer {
	s.t.Helper()
	document := fmt.Sprintf(`mutation($input: Create%sInput!) { create%[1]s(input: $input) { %s { %s } } }`, k.titles, k.many, selection)
	input := `{"` + k.many + `":[` + strings.Join(inputs, ",") + `]`
	if key != "" {
		input += `,"idempotencyKey":` + text(s.t, key)
	}
	return s.ask(token, document, `{"input":`+input+`}}`)
}

// rows counts the rows of all kinds, and holds the roll-ups against them.
func (s *server) rows() int {
	s.t.Helper()
	return journaltest.Recount(s.t, s.address)
}

// Whoever lacks the kind's own permission to append stores nothing.
func TestWhoMayAppend(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		for _, k := range appendedKinds {
			others := slices.DeleteFunc(slices.Clone(auth.Permissions), func(p auth.Permission) bool { return p == k.write })
			for who, token := range map[string]string{
				"nobody": "", "a bad token": "lb_none", "a gateway key": s.tokenOf(0, "", nil), "a viewer": s.token(auth.Viewer, nil, auth.Permissions...),
				"an ingester of the others": s.token(auth.Ingest, nil, others...), "a user of the others": s.token(auth.User, nil, others...),
			} {
				want := "FORBIDDEN"
				if who == "nobody" || who == "a bad token" {
					want = "UNAUTHENTICATED"
				}
				for _, a := range []answer{k.single(s, token, k.least, "id"), k.batch(s, token, "", "id", k.least), k.batch(s, token, "key", "id", k.least)} {
					if a.code() != want || !onlyNull.Match(a.Data) {
						t.Errorf("%s, %s: %s, want %s", who, k.one, a.body, want)
					}
				}
			}
		}
		if n := s.rows(); n != 0 {
			t.Errorf("%d rows were stored", n)
		}
		ours, theirs := s.tenant("ours"), s.tenant("theirs")
		for _, k := range appendedKinds {
			elsewhere := strings.Replace(`{"tenantId":"`+theirs.String()+`",`+k.least[1:], ",}", "}", 1)
			bound := s.token(auth.Ingest, &ours, k.write)
			for _, a := range []answer{k.single(s, bound, elsewhere, "id"), k.batch(s, bound, "", "id", k.least, elsewhere)} {
				if a.code() != "FORBIDDEN" || !onlyNull.Match(a.Data) {
					t.Errorf("%s of another tenant: %s", k.one, a.body)
				}
			}
			before := s.rows()
			for who, token := range map[string]string{
				"an ingester": s.token(auth.Ingest, nil, k.write), "a user": s.token(auth.User, nil, k.write), "an administrator": adminToken, "one of a tenant": bound,
			} {
				if a := k.single(s, token, k.least, "id tenant { name }"); a.code() != "" || !strings.HasSuffix(a.body, `,"tenant":null}}}}`+"\n") {
					t.Errorf("%s, %s: %s", who, k.one, a.body)
				}
				if a := k.batch(s, token, "", "id tenant { name }", k.least, k.least); a.code() != "" || strings.Count(a.body, `"tenant":null`) != 2 {
					t.Errorf("%s, %s: %s", who, k.many, a.body)
				}
			}
			if n := s.rows() - before; n != 12 {
				t.Errorf("%s: %d rows were stored, want 12", k.one, n)
			}
			if a := k.single(s, s.token(auth.Admin, &ours), k.least, "tenant { name }"); !strings.Contains(a.body, `{"tenant":{"name":"ours"}}`) {
				t.Errorf("%s of an administrator of a tenant: %s", k.one, a.body)
			}
		}
	})
}

// Each refused value is named by its place, alone and in a batch, and nothing is stored.
func TestAppendRefusals(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		const unknown = "550e8400-e29b-41d4-a716-446655440000"
		kinds := map[string]appended{}
		for _, k := range appendedKinds {
			kinds[k.one] = k
		}
		refusals := map[string]map[string]string{ // the problem, with % for where the row stands
			"entry": {
				`{"message":" ","source":"` + long(256) + `"}`:                      `%.message: is required|%.source: is longer than 255 bytes`,
				`{"message":"m","categoryCode":"none"}`:                             `%.categoryCode: "none" does not exist`,
				`{"message":"m","categoryCode":"c","categoryId":"` + unknown + `"}`: `%.categoryCode: cannot stand beside categoryId`,
			},
			"auditEvent": {
				`{}`:                                    `%.key: is required`,
				`{"key":""}`:                            `%.key: is required`,
				`{"key":null}`:                          `%.key: is required`,
				`{"key":"` + long(256) + `"}`:           `%.key: is longer than 255 bytes`,
				`{"key":"k","applicationId":"logbook"}`: `%.applicationId: is kept for what Logbook records of itself`,
				`{"key":"k","payload":[]}`:              `%.payload: must be an object, not an array`,
				`{"key":"k","payload":{"a_b":{"n":1e99}}}`: `%.payload.a_b.n: is a number beyond 2^53, write it as a string`,
				`{"key":"k","createdAt":"now"}`:            `%.createdAt: "now" is not an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999`,
				`{"key":"k","tenantId":"x"}`:               `%.tenantId: "x" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`,
				`{"key":"k","tenantId":"` + unknown + `"}`: `%.tenantId: "` + unknown + `" does not exist`,
				`{"key":"k","userId":7}`:                   `%.userId: must be a string, not a number`,
				`{"key":"k","id":"log_1"}`:                 `%.id: is no field of CreateAuditEventInput`,
				`{"key":"k","userId":"` + long(256) + `","ip":"` + long(256) + `","userAgent":"` + long(2049) + `"}`: `%.userId: is longer than 255 bytes|%.ip: is longer than 255 bytes|%.userAgent: is longer than 2048 bytes`,
			},
			"operation": {
				`{"module":"logbook"}`:          `%.module: is kept for what Logbook records of itself`,
				`{"action":"FLY"}`:              `%.action: "FLY" is none of CREATE, UPDATE, DELETE, VIEW, LIST, LOGIN, LOGOUT, EXPORT, IMPORT, OTHER`,
				`{"userId":9007199254740993}`:   `%.userId: must be a whole number between -2^53 and 2^53`,
				`{"userId":"7"}`:                `%.userId: must be a whole number, not a string`,
				`{"responseStatus":2147483648}`: `%.responseStatus: must be a whole number between -2147483648 and 2147483647`,
				`{"succeeded":1}`:               `%.succeeded: must be true or false, not a number`,
				`{"requestData":{"a":1e400}}`:   `%.requestData.a: is a number beyond 2^53, write it as a string`,
				`{"username":"` + long(256) + `","targetModel":"` + long(256) + `","ipAddress":"` + long(256) + `"}`: `%.username: is longer than 255 bytes|%.targetModel: is longer than 255 bytes|%.ipAddress: is longer than 255 bytes`,
			},
			"usageRecord": {
				`{}`:                             `%.type: is required`,
				`{"type":2}`:                     `%.type: must be a string, not a number`,
				`{"type":"USE"}`:                 `%.type: "USE" is none of TOP_UP, CONSUME, MANAGE, ERROR, SYSTEM`,
				`{"type":"CONSUME","quota":1.5}`: `%.quota: must be a whole number between -2^53 and 2^53`,
				`{"type":"CONSUME","other":{}}`:  `%.other: must be a string, not an object`,
				`{"type":"CONSUME","channelName":"` + long(256) + `","group":"` + long(256) + `","modelName":"` + long(256) + `"}`: `%.modelName: is longer than 255 bytes|%.channelName: is longer than 255 bytes|%.group: is longer than 255 bytes`,
				`{"type":"CONSUME","content":"` + long(1<<20+1) + `"}`:                                                             `%.content: is longer than 1048576 bytes`,
			},
			"apiCall": {
				`{"statusCode":1000}`: `%.statusCode: must be between 0 and 999`,
				`{"statusCode":-1}`:   `%.statusCode: must be between 0 and 999`,
				`{"appId":"` + long(256) + `","apiPath":"` + long(2049) + `","httpMethod":"` + long(256) + `","sourceIp":"` + long(256) + `"}`: `%.appId: is longer than 255 bytes|%.apiPath: is longer than 2048 bytes|%.httpMethod: is longer than 255 bytes|%.sourceIp: is longer than 255 bytes`,
				`{"operationTime":1750000000}`: `%.operationTime: must be a time as a string, not a number`,
			},
		}
		for one, cases := range refusals {
			k := kinds[one]
			for input, want := range cases {
				check := func(a answer, where string) {
					t.Helper()
					want := strings.ReplaceAll(want, "%", where)
					if got := strings.Join(a.problems(), "|"); a.code() != "BAD_USER_INPUT" || got != want || a.Data != nil && !onlyNull.Match(a.Data) {
						t.Errorf("%s %.90s: %.300s\nwant %s", one, input, a.body, want)
					}
				}
				check(k.single(s, adminToken, input, "id"), "input")
				a := k.batch(s, adminToken, "key", "id", k.least, input, k.least)
				check(a, "input."+k.many+"[1]")
				if p := a.Errors[0].Extensions.Problems; len(p) == 0 || *p[0].Index != 1 {
					t.Errorf("%s %.90s: another index: %.300s", one, input, a.body)
				}
			}
		}
		for _, k := range appendedKinds {
			keyed := strings.Replace(`{"idempotencyKey":"k",`+k.least[1:], ",}", "}", 1)
			a := k.batch(s, adminToken, "", "id", k.least, keyed)
			if got := strings.Join(a.problems(), "|"); a.code() != "BAD_USER_INPUT" || got != "input."+k.many+"[1].idempotencyKey: cannot stand in a batch, which has a key of its own" {
				t.Errorf("%s with a key inside: %s", k.many, a.body)
			}
			for key, want := range map[string]string{``: "must be 1 to 255 bytes long", long(256): "is longer than 255 bytes"} {
				for _, a := range []answer{
					k.single(s, adminToken, strings.Replace(keyed, `"k"`, `"`+key+`"`, 1), "id"),
					s.ask(adminToken, fmt.Sprintf(`mutation { create%s(input: {%s: [], idempotencyKey: %q}) { __typename } }`, k.titles, k.many, key), nil),
				} {
					if got := strings.Join(a.problems(), "|"); a.code() != "BAD_USER_INPUT" || got != "input.idempotencyKey: "+want {
						t.Errorf("%s under a key of %d bytes: %s", k.one, len(key), a.body)
					}
				}
			}
			many := slices.Repeat([]string{k.least}, 10_001)
			words := map[string]string{"auditEvents": "audit events", "usageRecords": "usage records", "apiCalls": "API calls"}
			if words[k.many] == "" {
				words[k.many] = k.many
			}
			if a := k.batch(s, adminToken, "", "id", many...); !slices.Equal(a.problems(), []string{"input." + k.many + ": must be at most 10,000 " + words[k.many]}) {
				t.Errorf("10,001 %s: %.300s", k.many, a.body)
			}
		}
		if n := s.rows(); n != 0 {
			t.Errorf("%d rows of refused appends were stored", n)
		}
	})
}

// A row comes back as it was sent, to whoever may read the kind; it is the row that a
// query finds.
func TestAppendEveryKind(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.now.Store(int64(noon) + 250_000)
		ours := s.tenant("ours")
		const tenant = `"tenantId":"TENANT"`
		for _, c := range []struct {
			one, input, want string // want lacks the id
			hidden           string // what comes back to whoever only appends
			defaults         string // of the least input
		}{
			{
				"auditEvent",
				`{"key":" SignIn.密码 ","createdAt":"2025-06-15T10:30:45.1234567+02:00",` + tenant + `,"payload":{ "z":1.50,"a":"\u00e9" },"userId":"u","applicationId":"app","ip":"AWS Internal","userAgent":"agent"}`,
				`"key":" SignIn.密码 ","createdAt":"2025-06-15T08:30:45.123456Z","tenant":{"name":"ours"},"payload":{ "z":1.50,"a":"\u00e9" },"userId":"u","applicationId":"app","ip":"AWS Internal","userAgent":"agent"`,
				`"key":" SignIn.密码 ","createdAt":"2025-06-15T08:30:45.123456Z","tenant":null,"payload":{ "z":1.50,"a":"\u00e9" },"userId":"u","applicationId":"app","ip":"AWS Internal","userAgent":"agent"`,
				`"key":"k","createdAt":"2025-06-15T12:00:00.250Z","tenant":null,"payload":{},"userId":null,"applicationId":null,"ip":null,"userAgent":null`,
			},
			{
				"operation",
				`{"action":"DELETE","createdAt":"2025-06-15T08:30:45.5Z",` + tenant + `,"module":"用户","description":"d","succeeded":false,"responseStatus":-500,"userId":-7,"username":"n","targetModel":"User","targetId":9007199254740992,"ipAddress":"::1","userAgent":"a","requestData":{"n":1.0,"token":"t","in":[{"password":{"x":1}}]}}`,
				`"action":"DELETE","createdAt":"2025-06-15T08:30:45.500Z","tenant":{"name":"ours"},"module":"用户","description":"d","succeeded":false,"responseStatus":-500,"userId":-7,"username":"n","targetModel":"User","targetId":9007199254740992,"ipAddress":"::1","userAgent":"a","requestData":{"n":1.0,"token":"***","in":[{"password":"***"}]}`,
				`"action":"DELETE","createdAt":"2025-06-15T08:30:45.500Z","tenant":null,"module":"用户","description":"d","succeeded":false,"responseStatus":-500,"userId":null,"username":"n","targetModel":null,"targetId":null,"ipAddress":"::1","userAgent":null,"requestData":null`,
				`"action":"OTHER","createdAt":"2025-06-15T12:00:00.250Z","tenant":null,"module":"","description":"","succeeded":true,"responseStatus":null,"userId":null,"username":null,"targetModel":null,"targetId":null,"ipAddress":null,"userAgent":null,"requestData":null`,
			},
			{
				"usageRecord",
				`{"type":"ERROR","createdAt":"2025-06-15T08:30:45.9Z",` + tenant + `,"content":"c","userId":2,"username":"alice","tokenId":3,"tokenName":"key","modelName":"gpt","quota":-5,"promptTokens":6,"completionTokens":7,"useTime":8,"isStream":true,"channelId":9,"channelName":"secret channel","group":"vip","ip":"-","other":"{\"admin_info\":{\"a\":1},\"n\": 1}"}`,
				`"type":"ERROR","createdAt":"2025-06-15T08:30:45Z","tenant":{"name":"ours"},"content":"c","userId":2,"username":"alice","tokenId":3,"tokenName":"key","modelName":"gpt","quota":-5,"promptTokens":6,"completionTokens":7,"useTime":8,"isStream":true,"channelId":9,"channelName":"secret channel","group":"vip","ip":"-","other":"{\"admin_info\":{\"a\":1},\"n\": 1}"`,
				`"type":"ERROR","createdAt":"2025-06-15T08:30:45Z","tenant":null,"content":"c","userId":2,"username":"alice","tokenId":3,"tokenName":"key","modelName":"gpt","quota":-5,"promptTokens":6,"completionTokens":7,"useTime":8,"isStream":true,"channelId":9,"channelName":"","group":"vip","ip":"-","other":"{\"n\":1}"`,
				`"type":"CONSUME","createdAt":"2025-06-15T12:00:00Z","tenant":null,"content":"","userId":0,"username":"","tokenId":0,"tokenName":"","modelName":"","quota":0,"promptTokens":0,"completionTokens":0,"useTime":0,"isStream":false,"channelId":0,"channelName":"","group":"","ip":"","other":""`,
			},
			{
				"apiCall",
				`{"operationTime":"2025-06-15T08:30:45.9Z",` + tenant + `,"appId":"AK12345678905678","apiPath":"/a?b=<c>","httpMethod":"GET","sourceIp":"host.example","statusCode":999}`,
				`"operationTime":"2025-06-15T08:30:45Z","tenant":{"name":"ours"},"appId":"AK12345678905678","apiPath":"/a?b=\u003cc\u003e","httpMethod":"GET","sourceIp":"host.example","statusCode":999`,
				`"operationTime":"2025-06-15T08:30:45Z","tenant":null,"appId":"AK1234****5678","apiPath":"/a?b=\u003cc\u003e","httpMethod":"GET","sourceIp":"host.example","statusCode":999`,
				`"operationTime":"2025-06-15T12:00:00Z","tenant":null,"appId":"","apiPath":"","httpMethod":"","sourceIp":"","statusCode":0`,
			},
		} {
			k := appendedKinds[slices.IndexFunc(appendedKinds, func(k appended) bool { return k.one == c.one })]
			input := strings.ReplaceAll(c.input, "TENANT", ours.String())
			selection := selectionOf(t, c.want)
			wantRow := func(a answer, rows, want string) (id string) {
				t.Helper()
				var data map[string]map[string]json.RawMessage
				if err := json.Unmarshal(a.Data, &data); err != nil || len(a.Errors) > 0 {
					t.Fatalf("%s: %.500s", c.one, a.body)
				}
				for _, payload := range data {
					var list []json.RawMessage
					if json.Unmarshal(payload[rows], &list) != nil {
						list = []json.RawMessage{payload[rows]}
					}
					var row struct{ ID string }
					if err := json.Unmarshal(list[0], &row); err != nil {
						t.Fatal(err)
					}
					id = row.ID
					wanted := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(`{"id":"` + id + `",` + want + `}`)
					if got := strings.NewReplacer(`\u003c`, "<", `\u003e`, ">").Replace(string(list[0])); got != wanted {
						t.Errorf("%s:\n%s\nwant\n%s", c.one, got, wanted)
					}
				}
				return id
			}
			id := wantRow(k.single(s, adminToken, input, "id "+selection), k.one, c.want)
			found := s.ask(adminToken, `query($id: ID!) { x: `+k.one+`(id: $id) { id `+selection+` } }`, map[string]any{"id": id})
			wantRow(answer{Data: json.RawMessage(`{"q":` + string(found.Data) + `}`), body: found.body}, "x", c.want)
			wantRow(k.batch(s, adminToken, "", "id "+selection, input, k.least), k.many, c.want)
			wantRow(k.single(s, adminToken, k.least, "id "+selection), k.one, c.defaults)

			ingest := s.token(auth.Ingest, nil, k.write)
			wantRow(k.single(s, ingest, input, "id "+selection), k.one, c.hidden)
			for range 2 { // first stored, then repeated
				wantRow(k.batch(s, ingest, c.one, "id "+selection, input), k.many, c.hidden)
			}
		}
		s.rows()
	})
}

// selectionOf gives the selection that answers a row's members, in their order.
func selectionOf(t *testing.T, members string) string {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader("{" + members + "}"))
	if _, err := decoder.Token(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			t.Fatal(err)
		}
		if name == "tenant" {
			name = "tenant { name }"
		}
		names = append(names, name.(string))
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(names, " ")
}

// Under a key a row is stored once a day and caller, whichever mutation asks.
func TestIdempotencyKeys(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.now.Store(int64(noon))
		caller, stranger := s.tokenOf(0, auth.Admin, nil), s.tokenOf(0, auth.Admin, nil)
		for i, k := range appendedKinds {
			key := fmt.Sprint("key ", i)
			keyed := strings.Replace(`{"idempotencyKey":"`+key+`",`+k.least[1:], ",}", "}", 1)
			first := k.single(s, caller, keyed, "id")
			ids := map[string]string{"first": string(first.Data)}
			before := s.rows()
			for range 2 {
				if a := k.single(s, caller, keyed, "id"); a.body != first.body || a.code() != "" {
					t.Errorf("%s, repeated: %s, first %s", k.one, a.body, first.body)
				}
			}
			if a := k.batch(s, caller, key, "id", k.least); a.code() != "" || !strings.Contains(a.body, first.body[strings.Index(first.body, `{"id"`):strings.Index(first.body, `"}`)]) {
				t.Errorf("%s, repeated as a batch of one: %s, first %s", k.one, a.body, first.body)
			}
			for what, a := range map[string]answer{
				"two rows":     k.batch(s, caller, key, "id", k.least, k.least),
				"no row":       k.batch(s, caller, key, "id"),
				"another kind": appendedKinds[(i+1)%5].batch(s, caller, key, "id", appendedKinds[(i+1)%5].least),
			} {
				if a.code() != "CONFLICT" || !onlyNull.Match(a.Data) || !strings.Contains(a.body, "send another key") {
					t.Errorf("%s, %s under its key: %s", k.one, what, a.body)
				}
			}
			if n := s.rows(); n != before {
				t.Errorf("%s: repeats and conflicts stored %d rows", k.one, n-before)
			}
			ids["a stranger's"] = string(k.single(s, stranger, keyed, "id").Data)
			ids["no key"] = string(k.single(s, caller, k.least, "id").Data)
			null := strings.Replace(keyed, `"`+key+`"`, "null", 1)
			ids["null"] = string(k.single(s, caller, null, "id").Data)
			s.now.Add(int64(24 * time.Hour / time.Microsecond))
			ids["next day"] = string(k.single(s, caller, keyed, "id").Data)
			if n := s.rows(); n != before+4 {
				t.Errorf("%s: %d rows, want 4 more than %d", k.one, n, before)
			}
			if distinct := slices.Compact(slices.Sorted(maps.Values(ids))); len(distinct) != len(ids) {
				t.Errorf("%s: %v share rows", k.one, ids)
			}
		}
	})
}

// A batch counts by its rows, so that a small document cannot ask for millions of
// values or rows; the largest may be read back whole.
func TestBatchComplexity(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		const whole = `id createdAt type content tenant { id name createdAt } userId username tokenId tokenName modelName quota promptTokens
			completionTokens useTime isStream channelId channelName group ip other`
		usage := appendedKinds[3]
		if a := usage.batch(s, adminToken, "", whole, slices.Repeat([]string{usage.least}, 10_000)...); a.code() != "" {
			t.Errorf("10,000 usage records, read back whole: %.300s", a.body)
		}
		before := s.rows()
		for _, k := range appendedKinds {
			aliases, roots := "", ""
			for i := range 26 {
				aliases += fmt.Sprintf("a%d: id ", i)
				roots += fmt.Sprintf("r%d: create%s(input: $input) { %s { id } } ", i, k.titles, k.many)
			}
			rows := `{"input":{"` + k.many + `":[` + strings.Repeat(k.least+",", 9_999) + k.least + `]}}`
			for what, a := range map[string]answer{
				"many aliases":     s.ask(adminToken, fmt.Sprintf(`mutation($input: Create%sInput!) { create%[1]s(input: $input) { %s { %s } } }`, k.titles, k.many, aliases), rows),
				"many root fields": s.ask(adminToken, fmt.Sprintf(`mutation($input: Create%sInput!) { %s }`, k.titles, roots), rows),
			} {
				if a.code() != "GRAPHQL_VALIDATION_FAILED" || !strings.Contains(a.body, "has a complexity of") || a.Data != nil {
					t.Errorf("%s, %s: %.300s", k.many, what, a.body)
				}
			}
		}
		if n := s.rows(); n != before {
			t.Errorf("refused documents stored %d rows", n-before)
		}
	})
}

// The tenant that a usage record names is known to the user whose record it is, and to
// no other who appends it.
func TestOwnRecordsKeepTheirTenant(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ours := s.tenant("ours")
		id := addUser(t, s, "alice", nil)
		user := s.tokenOf(id, auth.User, nil, auth.UsageWrite, auth.AuditWrite)
		for owner, want := range map[int64]string{id: `{"name":"ours"}`, id + 1: "null", 0: "null"} {
			input := fmt.Sprintf(`{"type":"CONSUME","userId":%d,"tenantId":%q,"channelName":"secret"}`, owner, ours)
			a := appendedKinds[3].single(s, user, input, "tenant { name } channelName")
			if string(a.Data) != `{"createUsageRecord":{"usageRecord":{"tenant":`+want+`,"channelName":""}}}` {
				t.Errorf("a record of user %d, appended by %d: %s", owner, id, a.body)
			}
		}
		a := appendedKinds[1].single(s, user, fmt.Sprintf(`{"key":"k","userId":"%d","tenantId":%q}`, id, ours), "tenant { name }")
		if string(a.Data) != `{"createAuditEvent":{"auditEvent":{"tenant":null}}}` {
			t.Errorf("an audit event about its writer: %s", a.body)
		}
	})
}
