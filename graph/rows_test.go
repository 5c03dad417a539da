package graph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"
	"pgregory.net/rapid"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/journal"
)

// named answers what rows ask a resolver for: it has names, fails for some rows and
// panics for others.
type named struct {
	ResolverRoot
	tenant   *ent.Tenant
	category *ent.Category
	fault    string
}

func (n named) names() (*ent.Tenant, error) {
	switch n.fault {
	case "error":
		return nil, errors.New("the names cannot be read")
	case "panic":
		panic("the names are gone")
	}
	return n.tenant, nil
}

type (
	namedEntry       struct{ named }
	namedAuditEvent  struct{ named }
	namedOperation   struct{ named }
	namedUsageRecord struct{ named }
	namedAPICall     struct{ named }
)

func (n named) Entry() EntryResolver             { return namedEntry{n} }
func (n named) AuditEvent() AuditEventResolver   { return namedAuditEvent{n} }
func (n named) Operation() OperationResolver     { return namedOperation{n} }
func (n named) UsageRecord() UsageRecordResolver { return namedUsageRecord{n} }
func (n named) APICall() APICallResolver         { return namedAPICall{n} }

func (n namedEntry) Tenant(context.Context, *ent.Entry) (*ent.Tenant, error) { return n.names() }
func (n namedEntry) Category(context.Context, *ent.Entry) (*ent.Category, error) {
	return n.category, nil
}
func (n namedEntry) Metadata(_ context.Context, e *ent.Entry) (column.JSON, error) {
	return e.Metadata, nil // nil breaks the schema's word
}
func (n namedAuditEvent) Tenant(context.Context, *ent.AuditEvent) (*ent.Tenant, error) {
	return n.names()
}
func (n namedAuditEvent) Payload(_ context.Context, a *ent.AuditEvent) (column.JSON, error) {
	return a.Payload, nil
}
func (n namedOperation) Tenant(context.Context, *ent.Operation) (*ent.Tenant, error) {
	return n.names()
}
func (n namedOperation) Succeeded(_ context.Context, o *ent.Operation) (bool, error) {
	return o.ID%2 == 0, nil
}
func (n namedUsageRecord) Tenant(context.Context, *ent.UsageRecord) (*ent.Tenant, error) {
	return n.names()
}
func (n namedAPICall) Tenant(context.Context, *ent.APICall) (*ent.Tenant, error) { return n.names() }

// ways is one type's writer and gqlgen's own way.
type ways struct {
	object      string
	short, long func(ec *executionContext, ctx context.Context, sel ast.SelectionSet, row any) graphql.Marshaler
	row         func(*rapid.T) any
}

// waysOf makes ways of two methods.
func waysOf[R any](object string, short, long func(*executionContext, context.Context, ast.SelectionSet, R) graphql.Marshaler) ways {
	as := func(way func(*executionContext, context.Context, ast.SelectionSet, R) graphql.Marshaler) func(*executionContext, context.Context, ast.SelectionSet, any) graphql.Marshaler {
		return func(ec *executionContext, ctx context.Context, sel ast.SelectionSet, row any) graphql.Marshaler {
			return way(ec, ctx, sel, row.(R))
		}
	}
	return ways{object, as(short), as(long), func(t *rapid.T) any {
		var row R
		fill(t, reflect.ValueOf(&row).Elem(), true)
		return row
	}}
}

var allWays = []ways{
	waysOf("APICall", (*executionContext)._APICall, (*executionContext).long_APICall),
	waysOf("APICallEdge", (*executionContext)._APICallEdge, (*executionContext).long_APICallEdge),
	waysOf("AuditEvent", (*executionContext)._AuditEvent, (*executionContext).long_AuditEvent),
	waysOf("AuditEventEdge", (*executionContext)._AuditEventEdge, (*executionContext).long_AuditEventEdge),
	waysOf("Category", (*executionContext)._Category, (*executionContext).long_Category),
	waysOf("Entry", (*executionContext)._Entry, (*executionContext).long_Entry),
	waysOf("EntryEdge", (*executionContext)._EntryEdge, (*executionContext).long_EntryEdge),
	waysOf("Operation", (*executionContext)._Operation, (*executionContext).long_Operation),
	waysOf("OperationEdge", (*executionContext)._OperationEdge, (*executionContext).long_OperationEdge),
	waysOf("PageInfo", (*executionContext)._PageInfo, (*executionContext).long_PageInfo),
	waysOf("Tenant", (*executionContext)._Tenant, (*executionContext).long_Tenant),
	waysOf("UsageRecord", (*executionContext)._UsageRecord, (*executionContext).long_UsageRecord),
	waysOf("UsageRecordEdge", (*executionContext)._UsageRecordEdge, (*executionContext).long_UsageRecordEdge),
	waysOf("Entry", (*executionContext).marshalNEntry2ᚕᚖlogbookᚋentᚐEntryᚄ, (*executionContext).longmarshalNEntry2ᚕᚖlogbookᚋentᚐEntryᚄ),
	waysOf("EntryEdge", (*executionContext).marshalNEntryEdge2ᚕᚖlogbookᚋinternalᚋjournalᚐEdgeᚄ, (*executionContext).longmarshalNEntryEdge2ᚕᚖlogbookᚋinternalᚋjournalᚐEdgeᚄ),
	waysOf("Tenant", (*executionContext).marshalNTenant2ᚕᚖlogbookᚋentᚐTenantᚄ, (*executionContext).longmarshalNTenant2ᚕᚖlogbookᚋentᚐTenantᚄ),
}

// fill sets the exported fields of a row to anything. Must says that what a list or an
// edge has is there.
func fill(t *rapid.T, v reflect.Value, must bool) {
	switch v.Kind() {
	case reflect.Pointer:
		if must || rapid.Bool().Draw(t, "there") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), false)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				// A node is nil now and then, though the schema says that it is not.
				fill(t, v.Field(i), v.Type().Field(i).Name == "Node" && rapid.IntRange(0, 8).Draw(t, "node") > 0)
			}
		}
	case reflect.String:
		v.SetString(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "\"", "\\\t\r\n\x00\x1f\x7f", "日志 \U0001f600\u2028", "\xff<>&"})).Draw(t, "text"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		switch v.Type() {
		case reflect.TypeFor[column.Time]():
			v.SetInt(rapid.Int64Range(int64(column.MinTime), int64(column.MaxTime)).Draw(t, "time"))
		case reflect.TypeFor[column.Level]():
			v.SetInt(int64(rapid.SampledFrom(column.Levels).Draw(t, "level")))
		case reflect.TypeFor[column.Action](), reflect.TypeFor[column.UsageType]():
			v.SetInt(rapid.Int64Range(1, 4).Draw(t, "enum"))
		default:
			v.SetInt(rapid.Int64Range(-1<<20, 1<<20).Draw(t, "number"))
		}
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(rapid.Uint8().Draw(t, "byte")))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			if rapid.IntRange(0, 8).Draw(t, "json") > 0 {
				v.SetBytes([]byte(rapid.SampledFrom([]string{`{}`, `null`, `{"a":[1,"\u0000"]}`, `{"b": {"日":1e9}}`}).Draw(t, "value")))
			}
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), rapid.IntRange(0, 3).Draw(t, "rows"), 4))
		for i := range v.Len() {
			fill(t, v.Index(i), rapid.IntRange(0, 8).Draw(t, "row") > 0)
		}
	default:
		t.Fatalf("no %s can be made up", v.Type())
	}
}

// selection gives some fields of an object, as people write them: under other names, in
// fragments, twice.
func selection(t *rapid.T, schema *ast.Schema, object string, depth int) string {
	var parts []string
	for _, field := range schema.Types[object].Fields {
		if strings.HasPrefix(field.Name, "__") || !rapid.Bool().Draw(t, "selected") {
			continue
		}
		part := field.Name
		if rapid.IntRange(0, 3).Draw(t, "alias") == 0 {
			part = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name") + field.Name + ": " + part
		}
		if len(schema.Types[field.Type.Name()].Fields) > 0 {
			if depth == 0 {
				continue
			}
			part += selection(t, schema, field.Type.Name(), depth-1)
		}
		switch rapid.IntRange(0, 7).Draw(t, "how") {
		case 0:
			part = "... on " + object + " { " + part + " }"
		case 1:
			part += " " + part
		case 2:
			part = "... @skip(if: " + fmt.Sprint(rapid.Bool().Draw(t, "skip")) + ") { " + part + " }"
		}
		parts = append(parts, part)
	}
	for _, kind := range schema.Types[object].Interfaces {
		if rapid.Bool().Draw(t, "interface") {
			parts = append(parts, "... on "+kind+" { id }")
		}
	}
	return " { __typename " + strings.Join(rapid.Permutation(parts).Draw(t, "order"), " ") + " } "
}

var escape = regexp.MustCompile(`\\u00[0-9A-Fa-f]{2}`)

func recovered(_ context.Context, what any) error { return fmt.Errorf("panic: %v", what) }

// A writer writes what gqlgen would, byte for byte, and what gqlgen says of an error is
// said, once.
func TestWritersWriteWhatGqlgenDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		way := rapid.SampledFrom(allWays).Draw(t, "type")
		n := named{fault: rapid.SampledFrom([]string{"", "", "error", "panic"}).Draw(t, "fault")}
		fill(t, reflect.ValueOf(&n.tenant).Elem(), false)
		fill(t, reflect.ValueOf(&n.category).Elem(), false)
		e := (*executableSchema)(NewExecutableSchema(Config{Resolvers: n}).(*executableSchema))
		// The selection stands where there is none of the type: only its fields are used.
		text := "fragment F on " + way.object + selection(t, e.Schema(), way.object, 2) + " query { me { id } }"
		document, err := gqlparser.LoadQueryWithRules(e.Schema(), text, rules.NewRules())
		if err != nil {
			t.Fatal(text, err)
		}
		row := way.row(t)
		run := func(way func(*executionContext, context.Context, ast.SelectionSet, any) graphql.Marshaler) string {
			operation := &graphql.OperationContext{
				Doc: document, Operation: document.Operations[0], Variables: map[string]any{},
				ResolverMiddleware: func(ctx context.Context, next graphql.Resolver) (any, error) { return next(ctx) },
				RecoverFunc:        recovered,
			}
			ctx := graphql.WithResponseContext(graphql.WithOperationContext(t.Context(), operation), graphql.DefaultErrorPresenter, recovered)
			ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{
				Object: "Query", Field: graphql.CollectedField{Field: document.Operations[0].SelectionSet[0].(*ast.Field)},
			})
			ec := newExecutionContext(operation, e, nil)
			var b bytes.Buffer
			way(ec, ctx, document.Fragments[0].SelectionSet, row).MarshalGQL(&b)
			var said []string // gqlgen works the rows of a list out side by side
			for _, one := range graphql.GetErrors(ctx) {
				said = append(said, fmt.Sprintln(one.Path, one.Message))
			}
			slices.Sort(said)
			// Gqlgen writes the digits of an escape as capitals.
			return escape.ReplaceAllStringFunc(b.String(), strings.ToLower) + "\n" + strings.Join(said, "")
		}
		if short, long := run(way.short), run(way.long); short != long {
			t.Fatalf("%s\nthe writer writes %s\ngqlgen          %s", text, short, long)
		}
	})
}

// Most rows are written by the writers: the long way is for what fails.
func TestWritersWrite(t *testing.T) {
	e := NewExecutableSchema(Config{Resolvers: named{}}).(*executableSchema)
	ec := newExecutionContext(&graphql.OperationContext{Doc: &ast.QueryDocument{}, Variables: map[string]any{}}, e, nil)
	document, err := gqlparser.LoadQueryWithRules(e.Schema(), "{ entries { edges { cursor node { id message tenant { name } level } } } }", nil)
	if err != nil {
		t.Fatal(err)
	}
	edges := document.Operations[0].SelectionSet[0].(*ast.Field).SelectionSet[0].(*ast.Field).SelectionSet
	rows := []*journal.Edge[ent.Entry]{{Cursor: "c", Node: &ent.Entry{Message: "m", Level: column.Info}}}
	written := ec.marshalNEntryEdge2ᚕᚖlogbookᚋinternalᚋjournalᚐEdgeᚄ(t.Context(), edges, rows)
	if _, ok := written.(answerBytes); !ok {
		t.Errorf("a plain page goes the long way, as %T", written)
	}
}
