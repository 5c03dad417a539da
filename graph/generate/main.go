// Generate writes package graph: gqlgen's executable schema, and beside it, in
// rows_gen.go, writers of the types that come by the hundred, and in inputs_gen.go readers
// of the inputs that do.
//
// Gqlgen gives every field of every row a context, closures and, below a list, a
// goroutine, so that any of them may fail with a path of its own. The fields of a row are
// nearly all values that are there. A writer appends them to the answer's bytes; what it
// does not know how to write, or what fails, is done again the long way, by gqlgen's own
// code, whose functions get another name for that. So it is with inputs and their readers.
package main

import (
	_ "embed"
	"fmt"
	"go/types"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
)

// rowTypes are the types that get a writer: those that lists are made of, and what stands
// in each of their rows. What a resolver of theirs asks for must cost nothing.
var rowTypes = []string{
	"Entry", "EntryEdge", "AuditEvent", "AuditEventEdge", "Operation", "OperationEdge",
	"UsageRecord", "UsageRecordEdge", "APICall", "APICallEdge", "Tenant", "Category", "PageInfo",
}

//go:embed rows.gotpl
var rowsTemplate string

func main() {
	if err := generate("gqlgen.yml"); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func generate(path string) error {
	settings, err := config.LoadConfig(path)
	if err != nil {
		return err
	}
	rowsFile := filepath.Join(filepath.Dir(settings.Exec.Filename), "rows_gen.go")
	inputsFile := filepath.Join(filepath.Dir(settings.Exec.Filename), "inputs_gen.go")
	for _, file := range []string{rowsFile, inputsFile} {
		if err := os.Remove(file); err != nil && !os.IsNotExist(err) {
			return err // what gqlgen writes does not compile beside it
		}
	}
	seen := &seeing{}
	if err := api.Generate(settings, api.AddPlugin(seen)); err != nil {
		return err
	}
	rows, err := rowsOf(seen.data)
	if err != nil {
		return err
	}
	inputs, err := inputsOf(seen.data)
	if err != nil {
		return err
	}
	if err := rename(settings.Exec.Filename, append(rows.replaced(), inputs.replaced()...)); err != nil {
		return err
	}
	write := func(file, template string, data any) error {
		return templates.Render(templates.Options{
			PackageName: settings.Exec.Package, Filename: file, Template: template, Data: data,
			GeneratedHeader: true, Packages: settings.Packages,
		})
	}
	if err := write(rowsFile, rowsTemplate, rows); err != nil {
		return err
	}
	return write(inputsFile, inputsTemplate, inputs)
}

// seeing is a plugin that keeps what gqlgen knows of the schema.
type seeing struct{ data *codegen.Data }

// Name names the plugin.
func (*seeing) Name() string { return "rows" }

// GenerateCode keeps the data; what is made of it is written after gqlgen's own files.
func (s *seeing) GenerateCode(data *codegen.Data) error {
	s.data = data
	return nil
}

// rows is what the template writes.
type rows struct {
	Objects []object
	Lists   []list
}

// object is a type that has a writer.
type object struct {
	*codegen.Object
	Written []written
}

// written is a field that a writer knows.
type written struct {
	Name     string // in the schema
	Value    string // the expression
	Fails    bool   // the expression gives an error too
	Nullable bool
	Pointer  bool   // v may be nil
	Object   string // the type of an object, "" for a leaf
	Leaf     string // the statement that writes v, where %s stands for it
}

// list is a list of objects that have a writer.
type list struct {
	Marshal string // gqlgen's function
	Type    types.Type
	Object  string
}

// replaced gives the names of gqlgen's functions that the writers stand before.
func (r *rows) replaced() []string {
	var names []string
	for _, one := range r.Objects {
		names = append(names, "_"+one.Name)
	}
	for _, one := range r.Lists {
		names = append(names, one.Marshal)
	}
	return names
}

func rowsOf(data *codegen.Data) (*rows, error) {
	known := map[string]bool{}
	for _, name := range rowTypes {
		known[name] = true
	}
	r := &rows{}
	for _, one := range data.Objects {
		if !known[one.Name] {
			continue
		}
		o := object{Object: one}
		for _, field := range one.Fields {
			w, err := writtenOf(field, known)
			if err != nil {
				return nil, fmt.Errorf("%s.%s: %w", one.Name, field.Name, err)
			}
			o.Written = append(o.Written, w)
		}
		r.Objects = append(r.Objects, o)
	}
	if len(r.Objects) != len(rowTypes) {
		return nil, fmt.Errorf("the schema has %d of the %d types that get writers", len(r.Objects), len(rowTypes))
	}
	for _, one := range data.ReferencedTypes {
		if one.IsSlice() && one.GQL.NonNull && known[one.Elem().Definition.Name] && one.Elem().IsPtr() {
			r.Lists = append(r.Lists, list{one.MarshalFunc(), one.GO, one.Elem().Definition.Name})
		}
	}
	slices.SortFunc(r.Lists, func(a, b list) int { return strings.Compare(a.Marshal, b.Marshal) })
	return r, nil
}

// writtenOf says how a field is written.
func writtenOf(field *codegen.Field, known map[string]bool) (written, error) {
	ref := field.TypeReference
	w := written{Name: field.Name, Nullable: !ref.GQL.NonNull, Pointer: ref.IsNilable()}
	for _, one := range field.Directives {
		if !one.SkipRuntime {
			return w, fmt.Errorf("the directive @%s runs at every field", one.Name)
		}
	}
	switch {
	case len(field.Args) > 0:
		return w, fmt.Errorf("it has arguments")
	case field.IsResolver:
		w.Value = "ec.Resolvers." + templates.UcFirst(field.Object.Name) + "()." + field.GoFieldName + "(w.ctx, obj)"
		w.Fails = true
	case field.IsMethod() && !field.MethodHasContext && field.NoErr:
		w.Value = "obj." + field.GoFieldName + "()"
	case field.IsVariable():
		w.Value = "obj." + field.GoFieldName
	default:
		return w, fmt.Errorf("it is neither a value nor a resolver's")
	}
	if known[ref.Definition.Name] {
		w.Object = ref.Definition.Name
		return w, nil
	}
	value := "v"
	if ref.IsPtr() {
		value = "*v"
	}
	switch marshal := marshaler(ref); {
	case ref.IsSlice() || ref.HasEnumValues():
		return w, fmt.Errorf("no writer knows %s", ref.GO)
	case ref.IsMarshaler && !ref.IsContext:
		w.Leaf = "v.MarshalGQL(w)"
	case marshal == "github.com/99designs/gqlgen/graphql.MarshalString":
		w.Leaf = "w.text(string(" + value + "))"
	case strings.HasPrefix(marshal, "github.com/99designs/gqlgen/graphql.MarshalInt"):
		w.Leaf = "w.number(int64(" + value + "))"
	case marshal == "github.com/99designs/gqlgen/graphql.MarshalBoolean":
		w.Leaf = "w.boolean(bool(" + value + "))"
	case marshal == "logbook/graph.MarshalUUID":
		w.Leaf = fmt.Sprintf("w.uuid(%q, %s)", idType(field), value)
	case marshal == "logbook/graph.MarshalNumberID":
		w.Leaf = fmt.Sprintf("w.numberID(%q, %s)", idType(field), value)
	case marshal == "logbook/graph.MarshalTextID":
		w.Leaf = fmt.Sprintf("w.text(%q + %s)", idType(field)+":", value)
	default:
		return w, fmt.Errorf("no writer knows %s by %q", ref.GO, marshal)
	}
	return w, nil
}

// marshaler gives the whole name of the function that gqlgen writes a type by.
func marshaler(ref *config.TypeReference) string {
	if ref.Marshaler == nil {
		return ""
	}
	return ref.Marshaler.FullName()
}

// idType gives the type whose id a field holds, as global_id.go finds it.
func idType(field *codegen.Field) string {
	if named := field.FieldDefinition.Directives.ForName("idOf"); named != nil {
		return named.Arguments.ForName("type").Value.Raw
	}
	return field.Object.Name
}

// rename gives methods of a generated file the names that the long way has.
func rename(file string, names []string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	code := string(text)
	for _, name := range names {
		before := "func (ec *executionContext) " + name + "("
		if strings.Count(code, before) != 1 {
			return fmt.Errorf("%s: there is not one %s", file, name)
		}
		code = strings.Replace(code, before, "func (ec *executionContext) long"+name+"(", 1)
	}
	return os.WriteFile(file, []byte(code), 0o644)
}
