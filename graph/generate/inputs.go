package main

import (
	_ "embed"
	"fmt"
	"go/types"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/codegen"
)

// inputTypes are the inputs that get a reader: those that bring a row.
var inputTypes = []string{
	"CreateEntryInput", "CreateAuditEventInput", "CreateOperationInput", "CreateUsageRecordInput", "CreateAPICallInput",
}

//go:embed inputs.gotpl
var inputsTemplate string

// inputs is what the template writes.
type inputs struct {
	Inputs []input
	Lists  []inputList
}

// input is an input that has a reader.
type input struct {
	*codegen.Object
	Read     []readField
	Required uint64 // the bits of the fields that must be given
}

// readField is a field that a reader knows.
type readField struct {
	Name     string // in the schema
	Target   string // the field in Go
	Bit      uint64 // among the fields of the input
	Required bool
	Null     bool       // null is read, as what an absent value is
	Pointer  types.Type // what the field points to; nil where it holds the value
	Leaf     string     // the expression that reads raw into target and says whether it can
	Default  string     // the expression of the default; "" for none
}

// inputList is a list of inputs that have a reader.
type inputList struct {
	Unmarshal string // gqlgen's function
	Type      types.Type
}

// replaced gives the names of gqlgen's functions that the readers stand before.
func (r *inputs) replaced() []string {
	var names []string
	for _, one := range r.Inputs {
		names = append(names, "unmarshalInput"+one.Name)
	}
	for _, one := range r.Lists {
		names = append(names, one.Unmarshal)
	}
	return names
}

func inputsOf(data *codegen.Data) (*inputs, error) {
	r := &inputs{}
	for _, one := range data.Inputs {
		if !slices.Contains(inputTypes, one.Name) {
			continue
		}
		in := input{Object: one}
		for i, field := range one.Fields {
			read, err := readOf(field)
			if err != nil {
				return nil, fmt.Errorf("%s.%s: %w", one.Name, field.Name, err)
			}
			if read.Bit = 1 << i; read.Required {
				in.Required |= read.Bit
			}
			in.Read = append(in.Read, read)
		}
		if len(in.Read) > 64 || len(one.Directives) > 0 || one.IsMap() || one.PointersInUnmarshalInput {
			return nil, fmt.Errorf("no reader knows %s", one.Name)
		}
		r.Inputs = append(r.Inputs, in)
	}
	if len(r.Inputs) != len(inputTypes) {
		return nil, fmt.Errorf("the schema has %d of the %d inputs that get readers", len(r.Inputs), len(inputTypes))
	}
	for _, one := range data.ReferencedTypes {
		if one.IsSlice() && slices.Contains(inputTypes, one.Elem().Definition.Name) && one.Elem().IsPtr() {
			r.Lists = append(r.Lists, inputList{one.UnmarshalFunc(), one.GO})
		}
	}
	slices.SortFunc(r.Lists, func(a, b inputList) int { return strings.Compare(a.Unmarshal, b.Unmarshal) })
	return r, nil
}

// readOf says how a field is read.
func readOf(field *codegen.Field) (readField, error) {
	ref := field.TypeReference
	r := readField{Name: field.Name, Target: "it." + field.GoFieldName, Required: ref.GQL.NonNull}
	for _, one := range field.Directives {
		if !one.SkipRuntime {
			return r, fmt.Errorf("the directive @%s runs at every field", one.Name)
		}
	}
	if !field.IsVariable() || field.IsResolver || ref.IsOmittable || ref.IsSlice() && ref.Definition.Name != "JSON" || ref.HasEnumValues() {
		return r, fmt.Errorf("no reader knows %s", ref.GO)
	}
	held := ref.GO
	value := "&" + r.Target
	if pointer, ok := types.Unalias(held).(*types.Pointer); ok {
		held, r.Pointer, value = pointer.Elem(), pointer.Elem(), "v"
	}
	// Gqlgen gives null to a type that reads itself, which refuses it, unless there is
	// something that nil can stand in.
	r.Null = !r.Required && (ref.IsNilable() || !ref.IsMarshaler)
	switch of := ref.Definition; {
	case of.Kind == "ENUM" && ref.IsMarshaler:
		names := make([]string, len(of.EnumValues))
		for i, one := range of.EnumValues {
			names[i] = fmt.Sprintf("%q", one.Name)
		}
		r.Leaf = fmt.Sprintf("readEnum(raw, %s, %s)", value, strings.Join(names, ", "))
	case of.Name == "Time" && held.String() == "logbook/ent/column.Time",
		of.Name == "JSON" && held.String() == "logbook/ent/column.JSON",
		of.Name == "String" && held.String() == "string",
		of.Name == "Boolean" && held.String() == "bool",
		of.Name == "Int" && held.String() == "int64",
		of.Name == "Int64" && held.String() == "int64":
		r.Leaf = fmt.Sprintf("read%s(raw, %s)", of.Name, value)
	case of.Name == "ID" && held.String() == "logbook/ent/column.ID" && field.FieldDefinition.Directives.ForName("idOf") != nil:
		r.Leaf = fmt.Sprintf("readUUID(raw, %q, %s)", idType(field), value)
	default:
		return r, fmt.Errorf("no reader knows %s as %s", of.Name, ref.GO)
	}
	switch value := field.Default.(type) {
	case nil:
	case bool:
		r.Default = fmt.Sprint(value)
	default:
		return r, fmt.Errorf("no reader knows the default %v", value)
	}
	return r, nil
}
