package resolvers_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"logbook/internal/auth"
)

func loadSchema(t *testing.T) *ast.Schema {
	t.Helper()
	text, err := os.ReadFile("../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphqls", Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// Who may select a root field is said beside it, by a role or permission that
// exists. Only "me" is for whoever is signed in, the timeline for whoever may read one
// kind or another, and what asks the field of each type.
func TestEveryRootFieldSaysWhoMay(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		if root == nil {
			continue
		}
		for _, field := range root.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			gates := 0
			for _, directive := range field.Directives {
				switch directive.Name {
				case "hasRole":
					gates++
					if _, ok := auth.ParseRole(strings.ToLower(directive.Arguments[0].Value.Raw)); !ok {
						t.Errorf("%s.%s wants an unknown role", root.Name, field.Name)
					}
				case "hasPermission":
					gates++
					permission, ok := auth.ParsePermission(directive.Arguments[0].Value.Raw)
					if !ok {
						t.Errorf("%s.%s wants an unknown permission", root.Name, field.Name)
					}
					if permission.Writes() != (root == schema.Mutation) {
						t.Errorf("%s.%s wants %s", root.Name, field.Name, permission)
					}
					// Only usage records are somebody's own.
					if own := directive.Arguments.ForName("orOwn"); (own != nil && own.Value.Raw == "true") != (permission == auth.UsageRead) {
						t.Errorf("%s.%s wants %s with orOwn %v", root.Name, field.Name, permission, own)
					}
				case "signedIn":
					gates++
					// The journal refuses the timeline to who may read no kind.
					if !slices.Contains([]string{"me", "node", "nodes", "timeline", "timelineAppended"}, field.Name) {
						t.Errorf("%s.%s is open to whoever is signed in", root.Name, field.Name)
					}
				}
			}
			if gates != 1 {
				t.Errorf("%s.%s has %d directives that say who may select it, want 1", root.Name, field.Name, gates)
			}
		}
	}
}

// Everything is described, lists are [T!]!, or [T!] where an input may leave them out, and each mutation takes one input and
// gives a payload.
func TestSchemaStyle(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	described := func(where, text string) {
		if len(strings.TrimSpace(text)) < 8 {
			t.Errorf("%s has no description", where)
		}
	}
	listed := func(where string, of *ast.Type) {
		if of.Elem != nil && strings.HasPrefix(where, "Update") && !of.NonNull && of.Elem.NonNull {
			return // absent, it stays
		}
		if of.Elem != nil && (!of.NonNull || !of.Elem.NonNull) && where != "Query.nodes" { // Relay has it so
			t.Errorf("%s is %s, want [T!]!", where, of)
		}
	}
	for name, definition := range schema.Types {
		if definition.BuiltIn {
			continue
		}
		described(name, definition.Description)
		if definition.Kind == ast.Scalar && definition.Directives.ForName("specifiedBy") == nil {
			t.Errorf("scalar %s has no @specifiedBy", name)
		}
		for _, value := range definition.EnumValues {
			described(name+"."+value.Name, value.Description)
		}
		for _, field := range definition.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			where := name + "." + field.Name
			described(where, field.Description)
			if definition.Kind != ast.InputObject || field.Type.NonNull {
				listed(where, field.Type)
			} else if field.Type.Elem != nil && !field.Type.Elem.NonNull { // one that may be absent
				t.Errorf("%s is %s, want [T!]", where, field.Type)
			}
			for _, argument := range field.Arguments {
				described(where+"("+argument.Name+")", argument.Description)
				listed(where+"("+argument.Name+")", argument.Type)
			}
		}
	}
	for _, name := range []string{"hasRole", "hasPermission", "signedIn", "idOf"} {
		described("@"+name, schema.Directives[name].Description)
		for _, argument := range schema.Directives[name].Arguments {
			described("@"+name+"("+argument.Name+")", argument.Description)
		}
	}
	for _, field := range schema.Mutation.Fields {
		title := strings.ToUpper(field.Name[:1]) + field.Name[1:]
		if len(field.Arguments) != 1 || field.Arguments[0].Name != "input" || field.Arguments[0].Type.String() != title+"Input!" {
			t.Errorf("%s does not take one input: %sInput!", field.Name, title)
		}
		// Nullable, so that one that fails does not take the others' answers along.
		if field.Type.String() != title+"Payload" {
			t.Errorf("%s gives %s, want %sPayload", field.Name, field.Type, title)
		}
	}
}

// Every id says of which type it is: that of a node by its place, every other by @idOf,
// which names a type that has ids, or any of them. Of those in a condition the field says
// so that has the condition.
func TestEveryIDSaysOfWhat(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	places := 0
	says := func(where string, of *ast.Type, directives ast.DirectiveList) {
		if of.Name() != "ID" && of.Name() != "IDCondition" || strings.HasPrefix(where, "IDCondition.") {
			return
		}
		places++
		named := directives.ForName("idOf")
		if named == nil {
			t.Errorf("%s does not say whose id it is", where)
			return
		}
		what := schema.Types[named.Arguments.ForName("type").Value.Raw]
		if what == nil || what.Name != "Node" && !slices.Contains(what.Interfaces, "Node") {
			t.Errorf("%s is the id of no node", where)
		}
	}
	for name, definition := range schema.Types {
		isNode := name == "Node" || slices.Contains(definition.Interfaces, "Node")
		for _, field := range definition.Fields {
			if isNode && field.Name == "id" {
				if field.Directives.ForName("idOf") != nil || field.Type.String() != "ID!" {
					t.Errorf("%s.id is no node's own", name)
				}
			} else {
				says(name+"."+field.Name, field.Type, field.Directives)
			}
			for _, argument := range field.Arguments {
				says(name+"."+field.Name+"("+argument.Name+")", argument.Type, argument.Directives)
			}
		}
	}
	if places < 25 {
		t.Errorf("only %d ids were found", places)
	}
}

// Each kind of log has the same shape: a row, a connection, its edges, a filter,
// and who may list it may follow it.
func TestKindsAreAlike(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	for kind, fields := range map[string][2]string{
		"Entry": {"entry", "entries"}, "AuditEvent": {"auditEvent", "auditEvents"}, "Operation": {"operation", "operations"},
		"UsageRecord": {"usageRecord", "usageRecords"}, "APICall": {"apiCall", "apiCalls"},
	} {
		one, many := schema.Query.Fields.ForName(fields[0]), schema.Query.Fields.ForName(fields[1])
		if one == nil || many == nil || one.Type.String() != kind || many.Type.String() != kind+"Connection!" {
			t.Errorf("%s is served by %v and %v", kind, one, many)
			continue
		}
		arguments := ""
		for _, argument := range many.Arguments {
			arguments += argument.Name + ":" + argument.Type.String() + " "
		}
		if want := "filter:" + kind + "Filter first:Int after:String last:Int before:String "; arguments != want {
			t.Errorf("%s takes %s, want %s", many.Name, arguments, want)
		}
		aggregate := schema.Query.Fields.ForName(fields[0] + "Aggregate")
		if aggregate == nil || aggregate.Type.String() != kind+"Aggregate!" || len(aggregate.Arguments) != 1 || aggregate.Arguments[0].Type.String() != kind+"Filter" ||
			len(aggregate.Directives) != 1 || len(many.Directives) != 1 || aggregate.Directives[0].Name != many.Directives[0].Name ||
			aggregate.Directives[0].Arguments[0].Value.Raw != many.Directives[0].Arguments[0].Value.Raw {
			t.Errorf("%s is aggregated by %v, which is not for whoever lists it", kind, aggregate)
		}
		for _, one := range []string{"count", "histogram", "series", "groups", "values"} {
			if schema.Types[kind+"Aggregate"].Fields.ForName(one) == nil {
				t.Errorf("%sAggregate has no %s", kind, one)
			}
		}
		for definition, want := range map[string]string{
			kind + "Connection": "edges:[" + kind + "Edge!]! pageInfo:PageInfo! totalCount:Int64! totalCountKind:CountKind! liveCursor:String! ", kind + "Edge": "cursor:String! node:" + kind + "! ",
			kind + "Appended": "cursor:String! node:" + kind + "! ",
		} {
			has := ""
			for _, field := range schema.Types[definition].Fields {
				has += field.Name + ":" + field.Type.String() + " "
			}
			if has != want {
				t.Errorf("%s has %s, want %s", definition, has, want)
			}
		}
		followed := schema.Subscription.Fields.ForName(fields[0] + "Appended")
		if followed == nil || followed.Type.String() != kind+"Appended!" ||
			followed.Directives[0].Name != many.Directives[0].Name ||
			followed.Directives[0].Arguments.ForName("permission").Value.Raw != many.Directives[0].Arguments.ForName("permission").Value.Raw {
			t.Errorf("%s is not followed by whoever may list it: %v", kind, followed)
		}
		row, filter := schema.Types[kind], schema.Types[kind+"Filter"]
		if !slices.Equal(row.Interfaces, []string{"Node", "LogRecord"}) || row.Fields.ForName("tenant").Type.String() != "Tenant" {
			t.Errorf("%s is no Node with a tenant", kind)
		}
		// What is appended has the names of what is read; the id is made.
		input := schema.Types["Create"+kind+"Input"]
		for _, field := range input.Fields {
			switch field.Name {
			case "idempotencyKey", "tenantId", "categoryId", "categoryCode":
				continue
			}
			if as := row.Fields.ForName(field.Name); as == nil || as.Type.Name() != field.Type.Name() || field.Name == "id" {
				t.Errorf("%s takes %s, which %s does not have so", input.Name, field.Name, kind)
			}
		}
		for _, field := range row.Fields {
			if field.Name != "id" && field.Name != "occurredAt" && field.Name != "tenant" && field.Name != "category" && input.Fields.ForName(field.Name) == nil {
				t.Errorf("%s does not take %s", input.Name, field.Name)
			}
		}
		titles := strings.ToUpper(fields[1][:1]) + fields[1][1:]
		if kind == "APICall" {
			titles = "APICalls"
		}
		for definition, want := range map[string]string{
			"Create" + titles + "Input":   fields[1] + ":[Create" + kind + "Input!]! idempotencyKey:String ",
			"Create" + titles + "Payload": fields[1] + ":[" + kind + "!]! ", "Create" + kind + "Payload": fields[0] + ":" + kind + "! ",
		} {
			has := ""
			for _, field := range schema.Types[definition].Fields {
				has += field.Name + ":" + field.Type.String() + " "
			}
			if has != want {
				t.Errorf("%s has %s, want %s", definition, has, want)
			}
		}
		for _, name := range []string{"since", "until", "tenantId"} {
			if filter.Fields.ForName(name) == nil {
				t.Errorf("%s has no %s", filter.Name, name)
			}
		}
	}
}
