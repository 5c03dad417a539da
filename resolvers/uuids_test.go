package resolvers_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// Every place that takes an id either says @uuid and refuses other text before
// anything runs, or takes any text and finds nothing; a mutation says so.
func TestEveryID(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		schema := loadSchema(t)
		const refused = `"x" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`
		places := map[bool]int{}
		for _, root := range []*ast.Definition{schema.Query, schema.Mutation} {
			for _, field := range root.Fields {
				for _, argument := range field.Arguments {
					ask := func(value, path string, uuid bool) {
						places[uuid]++
						a := s.ask(adminToken, strings.ToLower(root.Name)+`($v: `+argument.Type.String()+`) { `+field.Name+`(`+argument.Name+`: $v) { __typename } }`, `{"v":`+value+`}`)
						var ok bool
						switch {
						case uuid:
							ok = a.code() == "BAD_USER_INPUT" && slices.Contains(a.problems(), path+": "+refused)
						case root == schema.Mutation: // it cannot change nothing
							ok = a.code() == "BAD_USER_INPUT" && len(a.problems()) == 1 && onlyNull.Match(a.Data)
						default:
							ok = len(a.Errors) == 0 && onlyNull.Match(a.Data)
						}
						if !ok {
							t.Errorf("%s(%s: %s), @uuid %v: %s", field.Name, argument.Name, value, uuid, a.body)
						}
					}
					if argument.Type.Name() == "ID" {
						ask(`"x"`, "v", argument.Directives.ForName("uuid") != nil)
					}
					var inside func(definition *ast.Definition, path string, wrap func(string) string)
					inside = func(definition *ast.Definition, path string, wrap func(string) string) {
						for _, member := range definition.Fields {
							here := func(value string) string { return wrap(`{"` + member.Name + `":` + value + `}`) }
							of := schema.Types[member.Type.Name()]
							switch {
							case of.Name == "ID":
								ask(here(`"x"`), path+"."+member.Name, member.Directives.ForName("uuid") != nil)
							case of.Kind == ast.InputObject && member.Type.Elem != nil:
								inside(of, path+"."+member.Name+"[0]", func(value string) string { return here("[" + value + "]") })
							case of.Kind == ast.InputObject:
								inside(of, path+"."+member.Name, here)
							}
						}
					}
					inside(schema.Types[argument.Type.Name()], "v", func(value string) string { return value })
				}
			}
		}
		if places[true] < 13 || places[false] != 10 {
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
			{"in a filter", `query($id: ID!) { usageRecords(filter: {tenantId: {in: [$id]}}) { totalCount } }`, "", refused},
			{"in a list", `mutation($id: ID!) { createEntries(input: {entries: [{message: "m"}, {message: "n", tenantId: $id}]}) { entries { id } } }`, "", refused},
			{"in a list of one", `mutation($id: ID!) { createEntries(input: {entries: {message: "n", categoryId: $id}}) { entries { id } } }`, "", refused},
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
		for document, want := range map[string]string{
			`query($id: ID! = "log_1") { entry(id: $id) { id } }`:      refused,
			`query($id: ID! = "log_1") { auditEvent(id: $id) { id } }`: "",
			`query($id: ID! = 5) { entry(id: $id) { id } }`:            "id: must be a UUID as a string",
			`query($id: ID! = 5) { auditEvent(id: $id) { id } }`:       "id: must be an id as a string",
			`{ entry(id: "log_1") { id } }`:                            refused,
			`{ entry(id: """log_1""") { id } }`:                        refused,
		} {
			a := s.ask(adminToken, document, nil)
			if got := strings.Join(a.problems(), "|"); got != want || want == "" && len(a.Errors) > 0 {
				t.Errorf("%s: %s\nwant %s", document, a.body, want)
			}
		}
		if n := s.total(); n != 0 {
			t.Errorf("%d entries were stored", n)
		}
	})
}
