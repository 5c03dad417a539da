package resolvers_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/journal"
)

const createDocument = `mutation($input: CreateEntryInput!) { createEntry(input: $input) {
	entry { id timestamp level message tenant { id } category { code } source userId username ipAddress userAgent requestId metadata } } }`

// Each refused entry names its fields, and nothing is stored.
func TestCreateRefusals(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		const unknown = "550e8400-e29b-41d4-a716-446655440000"
		const other = "550e8400-e29b-41d4-a716-446655440001"
		for input, want := range map[string]string{
			`null`:                                   "input: is required",
			`{}`:                                     "input.message: is required",
			`{"message":null}`:                       "input.message: is required",
			`{"message":" \n"}`:                      "input.message: is required",
			`{"message":5}`:                          "input.message: must be a string, not a number",
			`{"message":"m","level":"FATAL"}`:        `input.level: "FATAL" is none of DEBUG, INFO, WARNING, ERROR, CRITICAL`,
			`{"message":"m","timestamp":1750000000}`: "input.timestamp: must be a time as a string, not a number",
			`{"message":"m","tenantId":"` + unknown + `"}`:                                               `input.tenantId: "` + unknown + `" does not exist`,
			`{"message":"m","categoryId":"` + unknown + `"}`:                                             `input.categoryId: "` + unknown + `" does not exist`,
			`{"message":"m","categoryCode":"none"}`:                                                      `input.categoryCode: "none" does not exist`,
			`{"message":"m","categoryCode":"none","categoryId":"` + unknown + `"}`:                       `input.categoryCode: cannot stand beside categoryId`,
			`{"message":"m","tenantId":"` + unknown + `","categoryId":"` + other + `"}`:                  `input.tenantId: "` + unknown + `" does not exist|input.categoryId: "` + other + `" does not exist`,
			`{"message":"m","source":"` + long(256) + `"}`:                                               "input.source: is longer than 255 bytes",
			`{"message":"m","ipAddress":"` + long(256) + `","requestId":"` + long(256) + `"}`:            "input.ipAddress: is longer than 255 bytes|input.requestId: is longer than 255 bytes",
			`{"message":"m","userAgent":"` + long(2049) + `"}`:                                           "input.userAgent: is longer than 2048 bytes",
			`{"message":"` + long(1<<20+1) + `"}`:                                                        "input.message: is longer than 1048576 bytes",
			`{"message":"m","metadata":[]}`:                                                              "input.metadata: must be an object, not an array",
			`{"message":"m","metadata":"{}"}`:                                                            "input.metadata: must be an object, not a string",
			`{"message":"m","metadata":{"a_b":[0,{"n":9007199254740993}]}}`:                              "input.metadata.a_b[1].n: is a number beyond 2^53, write it as a string",
			`{"message":"m","metadata":{"n":1e400}}`:                                                     "input.metadata.n: is a number beyond 2^53, write it as a string",
			`{"message":"m","metadata":{"d":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}}`: "input.metadata.d" + strings.Repeat("[0]", 63) + ": is nested deeper than 64 levels",
			`{"message":"m","message":"n"}`:                                                              "input: names a field twice, or by half a surrogate pair",
			`{"message":"m","extra":1}`:                                                                  "input.extra: is no field of CreateEntryInput",
		} {
			a := s.ask(adminToken, createDocument, `{"input":`+input+`}`)
			if got := strings.Join(a.problems(), "|"); a.code() != "BAD_USER_INPUT" || got != want {
				t.Errorf("%.80s: %s: %s\nwant %s", input, a.code(), got, want)
			}
			if len(a.body) > 4096 {
				t.Errorf("%.80s: the answer has %d bytes", input, len(a.body))
			}
		}
		for literal, want := range map[string]string{
			`{message: "m", tenantId: "x"}`:                         `input.tenantId: "x" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`,
			`{message: "m", tenantId: 5}`:                           `input.tenantId: must be a UUID as a string`,
			`{message: "m", timestamp: "now"}`:                      `input.timestamp: "now" is not an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999`,
			`{message: "m", timestamp: 5}`:                          `input.timestamp: must be a time as a string`,
			`{message: "m", metadata: {n: 9007199254740993}}`:       `input.metadata.n: is a number beyond 2^53, write it as a string`,
			`{message: "m", metadata: {n: 99999999999999999999.5}}`: `input.metadata.n: is a number beyond 2^53, write it as a string`,
			`{message: "m", metadata: 5}`:                           `input.metadata: must be an object, not a number`,
		} {
			a := s.ask(adminToken, `mutation { createEntry(input: `+literal+`) { entry { id } } }`, nil)
			if got := strings.Join(a.problems(), "|"); a.code() != "BAD_USER_INPUT" || got != want {
				t.Errorf("%s: %s: %s\nwant %s", literal, a.code(), a.body, want)
			}
		}
		if n := s.total(); n != 0 {
			t.Errorf("%d entries were stored", n)
		}
	})
}

// A created entry reads back as it was sent; what was left out has its default.
func TestCreate(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		tenant := s.tenant("t")
		if _, err := s.journal.CreateCategory(s.system, "System", "system"); err != nil {
			t.Fatal(err)
		}
		var got struct {
			CreateEntry struct{ Entry map[string]any }
		}
		input := map[string]any{
			"message": " verbatim \x00 \U0001F600 ", "level": "CRITICAL", "timestamp": "2025-06-15T10:30:45.1234567+02:00", "tenantId": tenant,
			"categoryCode": "system", "source": "s", "userId": "u", "username": "n", "ipAddress": "AWS Internal", "userAgent": "a", "requestId": "r",
			"metadata": map[string]any{"k": 1},
		}
		s.must(adminToken, createDocument, map[string]any{"input": input}, &got)
		want := map[string]any{}
		for key, value := range input {
			want[key] = value
		}
		delete(want, "tenantId")
		delete(want, "categoryCode")
		want["tenant"] = map[string]any{"id": "Tenant:" + tenant.String()}
		want["category"] = map[string]any{"code": "system"}
		want["timestamp"] = "2025-06-15T08:30:45.123456Z"
		want["id"] = got.CreateEntry.Entry["id"]
		if text(t, got.CreateEntry.Entry) != text(t, want) {
			t.Errorf("%s\nwant %s", text(t, got.CreateEntry.Entry), text(t, want))
		}
		a := s.ask(adminToken, `mutation { createEntry(input: {message: "m", level: null, tenantId: null, metadata: null}) { entry { level tenant { id } username metadata } } }`, nil)
		if string(a.Data) != `{"createEntry":{"entry":{"level":"INFO","tenant":null,"username":null,"metadata":{}}}}` {
			t.Errorf("defaults: %s", a.body)
		}
	})
}

// Metadata in a variable is kept byte for byte, in a literal digit for digit.
func TestMetadataVerbatim(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		for _, raw := range []string{
			`{}`, `{"z":1,"a":2}`, `{ "a" : [ 1.10 , 1e2, -0, 0.1000000000000000055511151231257827 ] }`, `{"html":"<b>&</b>","u":"\u00e9\ud83d\ude00\/"}`,
			`{"n":9007199254740992,"m":-9007199254740992}`, "{\"line\":\n\t\"end\"}",
		} {
			a := s.ask(adminToken, createDocument, `{"input":{"message":"m","metadata":`+raw+`}}`)
			if !strings.HasSuffix(a.body, `"metadata":`+raw+"}}}}\n") {
				t.Errorf("%s came back as %s", raw, a.body)
			}
		}
		for literal, want := range map[string]string{
			`{z: 1, a: [1.10, 1e2, -0, 9007199254740992], html: "<&>", v: $v}`: `{"a":[1.10,1e2,-0,9007199254740992],"html":"<&>","v":{"b":1.50,"a":"<"},"z":1}`,
			`{v: $v, list: [$v, true, null, RED]}`:                             `{"list":[{"b":1.50,"a":"<"},true,null,"RED"],"v":{"b":1.50,"a":"<"}}`,
		} {
			a := s.ask(adminToken, `mutation($v: JSON) { createEntry(input: {message: "m", metadata: `+literal+`, source: $s}) { entry { metadata } } }`, nil)
			if a.code() != "GRAPHQL_VALIDATION_FAILED" {
				t.Errorf("an undefined variable passes: %s", a.body)
			}
			a = s.ask(adminToken, `mutation($v: JSON, $s: String) { createEntry(input: {message: "m", metadata: `+literal+`, source: $s}) { entry { source metadata } } }`,
				`{"v":{"b":1.50,"a":"<"}}`)
			if !strings.Contains(a.body, `"source":null,"metadata":`+want+"}") {
				t.Errorf("%s came back as %s\nwant %s", literal, a.body, want)
			}
		}
	})
}

// A batch is stored whole, in order, or not at all, with each bad entry named.
func TestBatch(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		const document = `mutation($input: CreateEntriesInput!) { createEntries(input: $input) { entries { message } } }`
		entries := make([]map[string]any, 10_000)
		for i := range entries {
			entries[i] = map[string]any{"message": fmt.Sprint(i)}
		}
		ask := func(list any) answer {
			return s.ask(adminToken, document, map[string]any{"input": map[string]any{"entries": list}})
		}
		entries[3]["source"] = long(256)
		entries[9_999]["message"] = ""
		a := ask(entries)
		if a.code() != "BAD_USER_INPUT" || !slices.Equal(a.problems(), []string{"input.entries[3].source: is longer than 255 bytes", "input.entries[9999].message: is required"}) {
			t.Errorf("%s", a.body)
		}
		if p := a.Errors[0].Extensions.Problems; *p[0].Index != 3 || *p[1].Index != 9_999 {
			t.Errorf("the problems have other indexes: %s", a.body)
		}
		delete(entries[3], "source")
		entries[9_999]["message"] = 9
		if a := ask(entries); !slices.Equal(a.problems(), []string{"input.entries[9999].message: must be a string, not a number"}) || *a.Errors[0].Extensions.Problems[0].Index != 9_999 {
			t.Errorf("%s", a.body)
		}
		entries[9_999]["message"] = "9999"
		if a := ask(append(entries, entries[0])); !slices.Equal(a.problems(), []string{"input.entries: must be at most 10,000 entries"}) {
			t.Errorf("%s", a.body)
		}
		for i := range entries {
			entries[i]["categoryCode"] = "none"
		}
		if a := ask(entries); a.Errors[0].Extensions.ProblemCount != 10_000 || len(a.Errors[0].Extensions.Problems) != 50 || len(a.body) > 16<<10 {
			t.Errorf("10,000 problems: %d, %d, %d bytes", a.Errors[0].Extensions.ProblemCount, len(a.Errors[0].Extensions.Problems), len(a.body))
		}
		if n := s.total(); n != 0 {
			t.Fatalf("%d entries of refused batches were stored", n)
		}
		for i := range entries {
			delete(entries[i], "categoryCode")
		}
		a = ask(entries)
		var got struct {
			CreateEntries struct{ Entries []struct{ Message string } }
		}
		if err := json.Unmarshal(a.Data, &got); err != nil || len(got.CreateEntries.Entries) != 10_000 {
			t.Fatalf("%.200s", a.body)
		}
		for i, entry := range got.CreateEntries.Entries {
			if entry.Message != fmt.Sprint(i) {
				t.Fatalf("entry %d is %q", i, entry.Message)
			}
		}
		if n := s.total(); n != 10_000 {
			t.Errorf("%d entries are stored", n)
		}
		if a := ask([]any{}); a.body != `{"data":{"createEntries":{"entries":[]}}}`+"\n" {
			t.Errorf("an empty batch: %s", a.body)
		}
		if a := ask(map[string]any{"message": "one"}); string(a.Data) != `{"createEntries":{"entries":[{"message":"one"}]}}` {
			t.Errorf("one entry stands for a list of one: %s", a.body)
		}
	})
}

// Tenants, categories and policies are made, listed and removed.
func TestAdministration(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		var made struct {
			CreateTenant          struct{ Tenant struct{ ID string } }
			CreateCategory        struct{ Category struct{ ID string } }
			CreateRetentionPolicy struct{ RetentionPolicy struct{ ID string } }
		}
		s.must(adminToken, `mutation {
		createTenant(input: {name: "t"}) { tenant { id name createdAt } }
		createCategory(input: {name: "System", code: "system"}) { category { id name code createdAt } }
	}`, nil, &made)
		policy := fmt.Sprintf(`mutation { createRetentionPolicy(input: {name: "p", tenantId: %q, categoryId: %q, days: 30}) { retentionPolicy { id } } }`,
			made.CreateTenant.Tenant.ID, made.CreateCategory.Category.ID)
		s.must(adminToken, policy, nil, &made)
		id := made.CreateRetentionPolicy.RetentionPolicy.ID
		a := s.ask(adminToken, `{ tenants { name } categories { name code } retentionPolicies { id name tenant { name } category { code } days active } }`, nil)
		want := `{"tenants":[{"name":"t"}],"categories":[{"name":"System","code":"system"}],"retentionPolicies":[{"id":"` + id +
			`","name":"p","tenant":{"name":"t"},"category":{"code":"system"},"days":30,"active":true}]}`
		if string(a.Data) != want {
			t.Errorf("%s\nwant %s", a.body, want)
		}
		for document, want := range map[string]string{
			`mutation { createCategory(input: {name: "x", code: "system"}) { category { id } } }`:                                         `CONFLICT there is a category with the code "system" already`,
			`mutation { createCategory(input: {name: " ", code: "x"}) { category { id } } }`:                                              "BAD_USER_INPUT input.name: is required",
			`mutation { createTenant(input: {name: "` + long(256) + `"}) { tenant { id } } }`:                                             "BAD_USER_INPUT input.name: is longer than 255 bytes",
			`mutation { createRetentionPolicy(input: {name: "p", days: 0}) { retentionPolicy { id } } }`:                                  "BAD_USER_INPUT input.days: must be between 1 and 36500",
			`mutation { createRetentionPolicy(input: {name: "p", days: 1, tenantId: "` + localID(id) + `"}) { retentionPolicy { id } } }`: `BAD_USER_INPUT input.tenantId: "` + localID(id) + `" does not exist`,
			`mutation { createRetentionPolicy(input: {name: "p", days: 1, tenantId: "` + id + `"}) { retentionPolicy { id } } }`:          `BAD_USER_INPUT input.tenantId: "` + id + `" is an id of the type RetentionPolicy, not of Tenant`,
			`mutation { deleteRetentionPolicy(input: {id: "` + localID(made.CreateTenant.Tenant.ID) + `"}) { deletedId } }`:               "NOT_FOUND there is no retention policy " + localID(made.CreateTenant.Tenant.ID),
		} {
			if a := s.ask(adminToken, document, nil); len(a.Errors) != 1 || a.code()+" "+a.Errors[0].Message != want {
				t.Errorf("%s\nwant %s", a.body, want)
			}
		}
		a = s.ask(adminToken, `mutation($id: ID!) { deleteRetentionPolicy(input: {id: $id}) { deletedId } }`, map[string]any{"id": id})
		if string(a.Data) != `{"deleteRetentionPolicy":{"deletedId":"`+id+`"}}` {
			t.Errorf("%s", a.body)
		}
		a = s.ask(adminToken, `{ retentionPolicies { id } }`, nil)
		if string(a.Data) != `{"retentionPolicies":[]}` {
			t.Errorf("%s", a.body)
		}
	})
}

// localID gives a global id's part behind its type.
func localID(id string) string {
	_, local, _ := strings.Cut(id, ":")
	return local
}

// A later failure leaves what earlier fields of the mutation stored.
func TestMutationsRunInOrder(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		a := s.ask(adminToken, `mutation { a: createEntry(input: {message: "a"}) { entry { id } } b: createEntry(input: {message: ""}) { entry { id } } }`, nil)
		if a.code() != "BAD_USER_INPUT" || fmt.Sprint(a.Errors[0].Path) != "[b]" || s.total() != 1 {
			t.Errorf("%s, %d stored", a.body, s.total())
		}
	})
}

// An ingester's rows carry the tenant it is bound to.
func TestIngestAppendsToItsTenant(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ours := s.tenant("ours")
		token := s.token(auth.Ingest, &ours, auth.EntriesWrite)
		s.must(token, createDocument, map[string]any{"input": map[string]any{"message": "m"}}, nil)
		count, err := s.journal.Entries.Count(s.system, journal.EntryFilter{TenantID: journal.Is(column.ID(ours))})
		if err != nil || count != 1 {
			t.Errorf("%d entries of the tenant, %v", count, err)
		}
	})
}

// text gives a value as JSON with its keys sorted.
func text(t *testing.T, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// The numbers in a variable's default are as good as any.
func TestDefaultsKeepTheirNumbers(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		for document, want := range map[string]string{
			`mutation($m: JSON = {a: 1, b: [2, 3.50]}) { createEntry(input: {message: "x", metadata: $m}) { entry { metadata } } }`:               `{"a":1,"b":[2,3.50]}`,
			`mutation($i: CreateEntryInput! = {message: "d", metadata: {a: 9007199254740992}}) { createEntry(input: $i) { entry { metadata } } }`: `{"a":9007199254740992}`,
		} {
			a := s.ask(s.token(auth.Admin, nil), document, nil)
			if got := string(a.Data); got != `{"createEntry":{"entry":{"metadata":`+want+`}}}` {
				t.Errorf("%s\nanswers %s, want %s", document, a.body, want)
			}
		}
	})
}
