package resolvers

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"

	"logbook/graph"
	"logbook/internal/rawjson"
)

// rowInputs are the inputs that bring one row, by the fields that list them.
var rowInputs = map[string]string{
	"entries": "CreateEntryInput", "auditEvents": "CreateAuditEventInput", "operations": "CreateOperationInput",
	"usageRecords": "CreateUsageRecordInput", "apiCalls": "CreateAPICallInput",
}

// bothWays reads inputs at once and value after value.
type bothWays struct {
	schema        *ast.Schema
	run           *executor.Executor
	read, refused int // so far, at once
}

func newBothWays() *bothWays {
	schema := served()
	return &bothWays{schema: schema, run: executor.New(graph.NewExecutableSchema(graph.Config{Schema: schema}))}
}

// failing is *testing.T or *rapid.T.
type failing interface {
	Fatalf(format string, args ...any)
}

// given gives what a resolver is given for a variable's value; false where gqlgen refuses
// it.
func (b *bothWays) given(t failing, document string, value any) (input any, taken bool) {
	parsed, errs := gqlparser.LoadQueryWithRules(b.schema, document, nil)
	if errs != nil {
		t.Fatalf("%v", errs)
	}
	responses, ctx := b.run.DispatchOperation(context.Background(), &graphql.OperationContext{
		RawQuery: document, Doc: parsed, Operation: parsed.Operations[0], Variables: map[string]any{"v": value},
		RecoverFunc: graphql.DefaultRecover,
		ResolverMiddleware: func(ctx context.Context, _ graphql.Resolver) (any, error) {
			input = graphql.GetFieldContext(ctx).Args["input"]
			return nil, nil
		},
		RootResolverMiddleware: func(ctx context.Context, next graphql.RootResolver) graphql.Marshaler { return next(ctx) },
	})
	answer := responses(ctx)
	return input, len(answer.Errors) == 0
}

// oneByOne reads an object value after value.
func (b *bothWays) oneByOne(definition *ast.Definition, raw string) (any, bool) {
	r := &variableReader{schema: b.schema}
	value := r.readObject(spot{"v", -1, ""}, definition, []byte(raw))
	return value, len(r.problems) == 0
}

// compare fails where what is read of a value at once is not what is read of it long, or
// where only one way reads it.
func (b *bothWays) compare(t failing, raw string, of *ast.Type, document string, long any, good bool) {
	if err := rawjson.CheckSyntax([]byte(raw)); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	var was any
	if good {
		was, good = b.given(t, document, long)
	}
	short, ok := graph.ReadInput(of, []byte(raw), maxList)
	if escaped := strings.Contains(raw, `\u0065`); ok != good && !(good && escaped) {
		t.Fatalf("read at once: %v, one by one: %v: %s", ok, good, raw)
	}
	if !ok {
		b.refused++
		return
	}
	b.read++
	if is, taken := b.given(t, document, short); !taken || was == nil || !reflect.DeepEqual(was, is) {
		t.Fatalf("%s is\n%+v at once, and\n%+v one by one", raw, is, was)
	}
}

// one compares an object.
func (b *bothWays) one(t failing, definition *ast.Definition, raw string) {
	long, good := b.oneByOne(definition, raw)
	name := strings.TrimSuffix(definition.Name, "Input")
	document := fmt.Sprintf("mutation ($v: %s!) { %s(input: $v) { __typename } }", definition.Name, strings.ToLower(name[:1])+name[1:])
	b.compare(t, raw, ast.NonNullNamedType(definition.Name, nil), document, long, good)
}

// What is read of a row at once is what is read of it value after value and by gqlgen, and
// it is read so unless something is wrong with it or a name is escaped.
func TestInputsReadAtOnce(t *testing.T) {
	b := newBothWays()
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SampledFrom(slices.Sorted(maps.Keys(rowInputs))).Draw(t, "list")
		definition := b.schema.Types[rowInputs[list]]
		object := rapid.Custom(func(t *rapid.T) string { return drawObject(t, definition) })
		b.one(t, definition, object.Draw(t, "one"))

		raws := rapid.SliceOfN(object, 0, 4).Draw(t, "many")
		all, longs := true, []any{}
		for _, raw := range raws {
			long, good := b.oneByOne(definition, raw)
			all, longs = all && good, append(longs, long)
		}
		many := "create" + strings.ToUpper(list[:1]) + list[1:]
		if list == "apiCalls" {
			many = "createAPICalls"
		}
		b.compare(t, "[ "+strings.Join(raws, " , ")+"]", ast.NonNullListType(ast.NonNullNamedType(definition.Name, nil), nil),
			fmt.Sprintf("mutation ($v: [%s!]!) { %s(input: {%s: $v}) { __typename } }", definition.Name, many, list), longs, all)
	})
	if b.read == 0 || b.refused == 0 {
		t.Errorf("%d were read at once, %d were not", b.read, b.refused)
	}
}

// So it is for every field and every value alone.
func TestEveryValueReadAtOnce(t *testing.T) {
	b := newBothWays()
	for _, name := range rowInputs {
		definition := b.schema.Types[name]
		for _, field := range definition.Fields {
			for _, value := range append(goodValues(field), oddValues...) {
				members := []string{`"` + field.Name + `":` + value}
				for _, other := range definition.Fields {
					if other.Type.NonNull && other != field {
						members = append(members, `"`+other.Name+`":`+goodValues(other)[0])
					}
				}
				b.one(t, definition, "{"+strings.Join(members, ",")+"}")
				b.one(t, definition, "{"+strings.Join(append(members, members[0]), ",")+"}")
			}
		}
	}
	if b.read == 0 || b.refused == 0 {
		t.Errorf("%d were read at once, %d were not", b.read, b.refused)
	}
}

// A list that is longer than any may be is not read at once, and neither is what is no
// input of a row.
func TestInputsReadOneByOne(t *testing.T) {
	row := ast.NonNullNamedType("CreateAPICallInput", nil)
	rows := ast.NonNullListType(row, nil)
	for raw, want := range map[string]bool{`[{},{}]`: true, `[{},{},{}]`: false, `[{},null]`: false, `[{},1]`: false, `{}`: false, `[[{}]]`: false} {
		if _, ok := graph.ReadInput(rows, []byte(raw), 2); ok != want {
			t.Errorf("%s is read at once: %v", raw, ok)
		}
	}
	for raw, want := range map[string]bool{`{}`: true, `[{}]`: false, `1`: false, `"x"`: false} {
		if _, ok := graph.ReadInput(row, []byte(raw), 2); ok != want {
			t.Errorf("%s is read at once: %v", raw, ok)
		}
	}
	for _, other := range []*ast.Type{ast.NamedType("String", nil), ast.NamedType("CreateAPICallsInput", nil), ast.ListType(rows, nil)} {
		if _, ok := graph.ReadInput(other, []byte(`{}`), 2); ok {
			t.Errorf("%s is read at once", other)
		}
	}
}

// drawObject draws the JSON of an input object, mostly a good one.
func drawObject(t *rapid.T, definition *ast.Definition) string {
	var members []string
	odd := rapid.IntRange(0, 3).Draw(t, "odd") == 0
	for _, field := range definition.Fields {
		if !field.Type.NonNull && rapid.Bool().Draw(t, "left out") || odd && rapid.IntRange(0, 20).Draw(t, "missing") == 0 {
			continue
		}
		name := field.Name
		if odd && rapid.IntRange(0, 20).Draw(t, "escaped") == 0 {
			name = strings.Replace(name, "e", `\u0065`, 1)
		}
		members = append(members, `"`+name+`" : `+drawValue(t, field, odd))
	}
	if odd && len(members) > 0 && rapid.IntRange(0, 5).Draw(t, "twice") == 0 {
		members = append(members, members[rapid.IntRange(0, len(members)-1).Draw(t, "which")])
	}
	if odd && rapid.IntRange(0, 5).Draw(t, "unknown") == 0 {
		members = append(members, `"nothing":1`)
	}
	members = rapid.Permutation(members).Draw(t, "members")
	space := rapid.SampledFrom([]string{"", " ", "\n\t"}).Draw(t, "space")
	return "{" + space + strings.Join(members, space+","+space) + space + "}"
}

// drawValue draws the JSON of a field's value; with odd it may be anything.
func drawValue(t *rapid.T, field *ast.FieldDefinition, odd bool) string {
	values := goodValues(field)
	if odd && rapid.IntRange(0, 8).Draw(t, "anything") == 0 {
		values = oddValues
	}
	return rapid.SampledFrom(values).Draw(t, field.Name)
}

// goodValues gives the JSON of values that a field takes.
func goodValues(field *ast.FieldDefinition) []string {
	numbers := []string{"0", "-0", "7", "-42", "2147483647"}
	good := map[string][]string{
		"String":          {`""`, `"x"`, `"a \"b\" \u00e9\n"`, `"\ud83d\ude00"`, `"日志"`},
		"Boolean":         {"true", "false"},
		"Int":             numbers,
		"Int64":           append([]string{"9007199254740992", "-9007199254740992"}, numbers...),
		"Time":            {`"2025-06-15T08:30:45Z"`, `"2025-06-15T08:30:45.123456+08:00"`},
		"ID":              {`"550e8400-e29b-41d4-a716-446655440000"`, `"` + idOf(field.Directives, "") + `:550E8400-E29B-41D4-A716-446655440000"`},
		"JSON":            {"{}", `{"a": [1, null, 1.50]}`, `"x"`, "1e3", "[]"},
		"Level":           {`"DEBUG"`, `"CRITICAL"`},
		"UsageType":       {`"TOP_UP"`, `"SYSTEM"`, `"CONS\u0055ME"`},
		"OperationAction": {`"CREATE"`, `"OTHER"`},
	}[field.Type.Name()]
	if !field.Type.NonNull {
		good = append(good, "null")
	}
	return good
}

// oddValues are the JSON of values that few fields take.
var oddValues = []string{
	"null", "true", "1.0", "1e2", "2147483648", "-2147483649", "9007199254740993", "123456789012345678901", "{}", "[]", `["x"]`,
	`"\ud83d"`, `"debug"`, `"Top_Up"`, `"2025-06-15T08:30:45"`, `"10000-01-01T00:00:00Z"`, `"550e8400"`,
	`"Entry:550e8400-e29b-41d4-a716-446655440000"`, `"Tenant:Tenant:550e8400-e29b-41d4-a716-446655440000"`, `"Tenant:5"`,
}
