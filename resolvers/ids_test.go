package resolvers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"logbook/ent/column"
	"logbook/internal/journal"
)

// uuids are the types within which ids are UUIDs.
var uuids = []string{"Entry", "Tenant", "Category", "RetentionPolicy"}

// Every place that takes an id says of which type, and takes it with the type's name in
// front and without. The id of another type is refused before anything runs, and so is
// other text where ids are UUIDs; elsewhere it finds nothing, and a mutation says so.
func TestEveryID(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		schema := loadSchema(t)
		refusals := func(of string) map[string]string { // of each text, the same with a name in front
			const noUUID = `"x" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`
			if of == "Node" {
				return map[string]string{`"x"`: `"x" is not the id of a node, such as Operation:5`, `"Nothing:5"`: `"Nothing:5" is not the id of a node, such as Operation:5`, `"Tenant:x"`: noUUID}
			}
			other := "Operation"
			if of == other {
				other = "UsageRecord"
			}
			refused := map[string]string{`"` + other + `:5"`: `"` + other + `:5" is an id of the type ` + other + `, not of ` + of, `"x"`: "", `"` + of + `:x"`: ""}
			if slices.Contains(uuids, of) {
				refused[`"x"`], refused[`"`+of+`:x"`] = noUUID, noUUID
			}
			return refused
		}
		places := map[bool]int{}
		for _, root := range []*ast.Definition{schema.Query, schema.Mutation} {
			for _, field := range root.Fields {
				for _, argument := range field.Arguments {
					ask := func(wrap func(string) string, path string, directives ast.DirectiveList, list bool) {
						named := directives.ForName("idOf")
						if named == nil {
							t.Errorf("%s(%s) does not say of which type the id is", field.Name, path)
							return
						}
						of := named.Arguments.ForName("type").Value.Raw
						places[slices.Contains(uuids, of)]++
						for value, refused := range refusals(of) {
							path := path
							if list {
								path, value = path+"[0]", "["+value+"]"
							}
							a := s.ask(adminToken, strings.ToLower(root.Name)+`($v: `+argument.Type.String()+`) { `+field.Name+`(`+argument.Name+`: $v) { __typename } }`, `{"v":`+wrap(value)+`}`)
							var ok bool
							switch {
							case refused != "":
								ok = a.code() == "BAD_USER_INPUT" && slices.Contains(a.problems(), path+": "+refused)
							case root == schema.Mutation: // it cannot change nothing
								ok = a.code() == "BAD_USER_INPUT" && len(a.problems()) == 1 && onlyNull.Match(a.Data)
							case argument.Name == "filter": // of a list or its figures, of nobody's rows
								ok = len(a.Errors) == 0
							default:
								ok = len(a.Errors) == 0 && onlyNull.Match(a.Data)
							}
							if !ok {
								t.Errorf("%s(%s: %s) of %s: %s", field.Name, argument.Name, wrap(value), of, a.body)
							}
						}
					}
					plain := func(value string) string { return value }
					if argument.Type.Name() == "ID" {
						ask(plain, "v", argument.Directives, argument.Type.Elem != nil)
					}
					var inside func(definition *ast.Definition, path string, around ast.DirectiveList, wrap func(string) string)
					inside = func(definition *ast.Definition, path string, around ast.DirectiveList, wrap func(string) string) {
						for _, member := range definition.Fields {
							directives := member.Directives
							if directives.ForName("idOf") == nil { // then the object around it says
								directives = around
							}
							here := func(value string) string { return wrap(`{"` + member.Name + `":` + value + `}`) }
							of := schema.Types[member.Type.Name()]
							switch {
							case of.Name == "ID":
								ask(here, path+"."+member.Name, directives, member.Type.Elem != nil)
							case of.Kind == ast.InputObject && member.Type.Elem != nil:
								inside(of, path+"."+member.Name+"[0]", directives, func(value string) string { return here("[" + value + "]") })
							case of.Kind == ast.InputObject:
								inside(of, path+"."+member.Name, directives, here)
							}
						}
					}
					inside(schema.Types[argument.Type.Name()], "v", nil, plain)
				}
			}
		}
		if places[true] < 13 || places[false] < 10 {
			t.Errorf("%d places take UUIDs and %d other ids", places[true], places[false])
		}
	})
}

// A variable is held to what the places of its own operation want.
func TestIDVariables(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		const refused = `id: "log_1" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`
		const two = `query A($id: ID!) { auditEvent(id: $id) { id } } query B($id: ID!) { entry(id: $id) { id } }`
		for _, c := range []struct{ name, document, operation, want string }{
			{"an entry's", `query($id: ID!) { entry(id: $id) { id } }`, "", refused},
			{"an audit event's", `query($id: ID!) { auditEvent(id: $id) { id } }`, "", ""},
			{"both", `query($id: ID!) { auditEvent(id: $id) { id } entry(id: $id) { id } }`, "", refused},
			{"both, the other way", `query($id: ID!) { entry(id: $id) { id } auditEvent(id: $id) { id } }`, "", refused},
			{"of two operations the one", two, "A", ""},
			{"of two operations the other", two, "B", refused},
			{"in a fragment", `query($id: ID!) { ...F } fragment F on Query { ... on Query { entry(id: $id) { id } } }`, "", refused},
			{"in a fragment of two operations", `query A($id: ID!) { operation(id: $id) { id } } query B($id: ID!) { ...F } fragment F on Query { entry(id: $id) { id } }`, "A", ""},
			{"in a filter", `query($id: ID!) { usageRecords(filter: {tenantId: {eq: $id}}) { totalCount } }`, "", refused},
			{"in a list", `mutation($id: ID!) { createEntries(input: {entries: [{message: "m"}, {message: "n", tenantId: $id}]}) { entries { id } } }`, "", refused},
			{"in a list of one", `mutation($id: ID!) { createEntries(input: {entries: {message: "n", categoryId: $id}}) { entries { id } } }`, "", refused},
			{"two kinds'", `query($id: ID!) { auditEvent(id: $id) { id } operation(id: $id) { id } usageRecord(id: $id) { id } user(id: $id) { id } }`, "", ""},
			{"in what is left out", `query($id: ID!) { entry(id: $id) @skip(if: true) { id } }`, "", refused},
		} {
			for range 2 { // the second time the document is known
				a := s.send("POST", s.url, map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + adminToken},
					`{"query":`+text(t, c.document)+`,"operationName":`+text(t, c.operation)+`,"variables":{"id":"log_1"}}`)
				if got := strings.Join(a.problems(), "|"); got != c.want || c.want == "" && len(a.Errors) > 0 {
					t.Errorf("%s: %s\nwant %s", c.name, a.body, c.want)
				}
			}
		}
		const uuid = "0197a000-0000-7000-8000-000000000001"
		other := func(id, of, wanted string) string {
			return `"` + id + `" is an id of the type ` + of + `, not of ` + wanted
		}
		for document, want := range map[string]string{
			`query($id: ID! = "log_1") { entry(id: $id) { id } }`:                          refused,
			`query($id: ID! = "log_1") { auditEvent(id: $id) { id } }`:                     "",
			`query($id: ID! = 5) { entry(id: $id) { id } }`:                                "id: must be a UUID as a string",
			`query($id: ID! = 5) { auditEvent(id: $id) { id } }`:                           "id: must be an id as a string",
			`query($id: ID! = 5) { auditEvent(id: $id) { id } operation(id: $id) { id } }`: "id: must be an id as a string",
			`{ entry(id: "log_1") { id } }`:                                                refused,
			`{ entry(id: """log_1""") { id } }`:                                            refused,

			`{ entry(id: "Entry:` + uuid + `") { id } }`:                                                                                              "",
			`{ entry(id: """Entry:` + uuid + `""") { id } }`:                                                                                          "",
			`{ entry(id: "Tenant:` + uuid + `") { id } }`:                                                                                             "id: " + other("Tenant:"+uuid, "Tenant", "Entry"),
			`{ entries(filter: {tenantId: {eq: "Entry:` + uuid + `"}}) { totalCount } }`:                                                              "filter.tenantId.eq: " + other("Entry:"+uuid, "Entry", "Tenant"),
			`query($f: EntryFilter = {tenantId: {eq: "Tenant:` + uuid + `"}}) { entries(filter: $f) { totalCount } }`:                                 "",
			`query($id: ID! = "Operation:5") { operation(id: $id) { id } }`:                                                                           "",
			`query($id: ID! = "Operation:5") { operation(id: $id) { id } usageRecord(id: $id) { id } }`:                                               "id: " + other("Operation:5", "Operation", "UsageRecord"),
			`query($id: ID! = "Operation:5") { ... on Query { usageRecord(id: $id) { id } } ...F } fragment F on Query { operation(id: $id) { id } }`: "id: " + other("Operation:5", "Operation", "UsageRecord"),
		} {
			for range 2 {
				a := s.ask(adminToken, document, nil)
				if got := strings.Join(a.problems(), "|"); got != want || want == "" && len(a.Errors) > 0 {
					t.Errorf("%s: %s\nwant %s", document, a.body, want)
				}
			}
		}
		if n := s.total(); n != 0 {
			t.Errorf("%d entries were stored", n)
		}
	})
}

// A global id is taken wherever one within its type is, finds the same, and what is about
// to be stored or looked for never sees the name in front.
func TestGlobalIDs(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		tenant := s.tenant("ours")
		row := s.append(journal.EntryDraft{Message: "m", TenantID: &tenant})[0]
		_, err := s.journal.AuditEvents.Append(s.system, []journal.AuditEventDraft{
			{ID: ptr("Operation:5"), Key: "a"}, {ID: ptr("a:b:c"), Key: "b"}, {ID: ptr("AuditEvent:x"), Key: "c"}, {ID: ptr(`"\<é`), Key: "d"},
		})
		s.check(err)
		_, err = s.journal.Operations.Append(s.system, []journal.OperationDraft{{ID: ptr(int64(5)), Module: "m"}})
		s.check(err)
		_, err = s.journal.UsageRecords.Append(s.system, []journal.UsageRecordDraft{{ID: ptr(int64(5)), Type: column.Consume}})
		s.check(err)
		entry, of := "Entry:"+row.String(), "Tenant:"+tenant.String()
		for _, c := range []struct{ document, variables, want string }{
			{`query($id: ID!) { entry(id: $id) { id tenant { id } } }`, `{"id":"` + entry + `"}`, `{"entry":{"id":"` + entry + `","tenant":{"id":"` + of + `"}}}`},
			{`query($id: ID!) { entry(id: $id) { id } }`, `{"id":"` + strings.ToUpper(row.String()) + `"}`, `{"entry":{"id":"` + entry + `"}}`},
			{`query($id: ID) { entries(filter: {tenantId: {eq: $id}}) { totalCount } entryStats(tenantId: $id) { total } }`, `{"id":"` + of + `"}`, `{"entries":{"totalCount":1},"entryStats":{"total":1}}`},
			{`query($f: EntryFilter) { entries(filter: $f) { totalCount } }`, `{"f":{"tenantId":{"eq":"` + of + `"}}}`, `{"entries":{"totalCount":1}}`},
			{`query($id: ID) { entries(filter: {tenantId: {eq: $id}}) { totalCount } }`, `{}`, `{"entries":{"totalCount":1}}`},
			{`query($id: ID) { entries(filter: {tenantId: {eq: $id}}) { totalCount } }`, `{"id":null}`, `{"entries":{"totalCount":1}}`},
			// A text may look like another type's id. Then it has its own type in front.
			{`query($id: ID!) { auditEvent(id: $id) { id key } }`, `{"id":"AuditEvent:Operation:5"}`, `{"auditEvent":{"id":"AuditEvent:Operation:5","key":"a"}}`},
			{`query($id: ID!) { auditEvent(id: $id) { id key } }`, `{"id":"a:b:c"}`, `{"auditEvent":{"id":"AuditEvent:a:b:c","key":"b"}}`},
			{`query($id: ID!) { auditEvent(id: $id) { id key } }`, `{"id":"AuditEvent:AuditEvent:x"}`, `{"auditEvent":{"id":"AuditEvent:AuditEvent:x","key":"c"}}`},
			{`query($id: ID!) { auditEvent(id: $id) { id key } }`, `{"id":"\"\\<é"}`, `{"auditEvent":{"id":"AuditEvent:\"\\\u003cé","key":"d"}}`},
			// One variable for several types.
			{`query($id: ID!) { operation(id: $id) { id } usageRecord(id: $id) { id } }`, `{"id":"5"}`, `{"operation":{"id":"Operation:5"},"usageRecord":{"id":"UsageRecord:5"}}`},
			{`query($id: ID! = "5") { operation(id: $id) { id } usageRecord(id: $id) { id } }`, `{}`, `{"operation":{"id":"Operation:5"},"usageRecord":{"id":"UsageRecord:5"}}`},
			{`query($id: ID!, $yes: Boolean!) { operation(id: $id) @include(if: $yes) { ...N } usageRecord(id: $id) { ...N } } fragment N on Node { id @include(if: $yes) x: id }`,
				`{"id":"5","yes":true}`, `{"operation":{"id":"Operation:5","x":"Operation:5"},"usageRecord":{"id":"UsageRecord:5","x":"UsageRecord:5"}}`},
			{`mutation($id: ID!) { createEntry(input: {message: "m", tenantId: $id, metadata: {a: [$id, {b: $id}]}}) { entry { metadata tenant { id } } } }`, `{"id":"` + of + `"}`,
				`{"createEntry":{"entry":{"metadata":{"a":["` + of + `",{"b":"` + of + `"}]},"tenant":{"id":"` + of + `"}}}}`},
			{`mutation($in: CreateEntriesInput!) { createEntries(input: $in) { entries { tenant { id } } } }`, `{"in":{"entries":[{"message":"m","tenantId":"` + of + `"},{"message":"n","tenantId":"` + tenant.String() + `"}]}}`,
				`{"createEntries":{"entries":[{"tenant":{"id":"` + of + `"}},{"tenant":{"id":"` + of + `"}}]}}`},
		} {
			for range 2 { // the second time the document is known
				if a := s.ask(adminToken, c.document, c.variables); strings.ReplaceAll(string(a.Data), "<", `\u003c`) != c.want || len(a.Errors) > 0 {
					t.Errorf("%s %s\n got %s\nwant %s", c.document, c.variables, a.body, c.want)
				}
				if strings.HasPrefix(c.document, "mutation") || strings.Contains(c.document, "totalCount") {
					break // it counts what the next stores
				}
			}
		}
	})
}
