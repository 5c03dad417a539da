package resolvers

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"logbook/ent/column"
	"logbook/internal/fault"
)

// anyNode stands in the place of a type's name where the id of any node is taken.
const anyNode = "Node"

// idOf gives the type whose ids an argument or input field takes, "" where it takes
// none. What is in an object is about the same type as the object, unless it says
// otherwise.
func idOf(directives ast.DirectiveList, around string) string {
	if named := directives.ForName("idOf"); named != nil {
		return named.Arguments.ForName("type").Value.Raw
	}
	return around
}

// withinType gives the id within its type of the text of an id of a type, which may
// have the type's name in front; the text itself where the type is any. It gives why
// the text can be no such id.
func withinType(of, text string) (string, *fault.Problem) {
	if of == "" {
		return text, nil
	}
	local := text
	named, rest, _ := strings.Cut(text, ":")
	_, global := nodeTypes[named] // of texts such as AuditEvent's any may have a colon
	switch {
	case !global && of == anyNode:
		return "", &fault.Problem{Reason: fault.Malformed, Value: fault.Shorten(text), Detail: fault.Say("the id of a node, such as Operation:5")}
	case global && of != anyNode && of != named:
		return "", &fault.Problem{Reason: fault.Clash, Detail: fault.Say("%q is an id of the type %s, not of %s", fault.Shorten(text), named, of)}
	case global:
		local = rest
	default:
		named = of
	}
	if _, ok := column.ParseID(local); !ok && nodeTypes[named].uuid {
		return "", &fault.Problem{Reason: fault.Malformed, Value: fault.Shorten(local), Detail: fault.Say("a UUID such as 550e8400-e29b-41d4-a716-446655440000")}
	}
	if of == anyNode {
		return text, nil
	}
	return local, nil
}

// separateIDs rewrites a valid document so that every variable that stands where ids of
// a type belong stands for ids of that type alone, and its name says so (idVariable): a
// variable's own type does not, since every id is an ID. A variable that stands where
// ids of several types belong, or in other places too, becomes several.
func separateIDs(schema *ast.Schema, document *ast.QueryDocument) {
	f := idFinder{schema: schema, renamed: map[*ast.Value]string{}}
	for _, operation := range document.Operations {
		if len(operation.VariableDefinitions) == 0 {
			continue
		}
		f.found = map[string][]string{}
		f.selected(operation.SelectionSet)
		var separate ast.VariableDefinitionList
		for _, definition := range operation.VariableDefinitions {
			name := definition.Variable
			types := f.found[name]
			if len(types) == 0 {
				types = []string{""} // it stands in directives only, where no id does
			}
			for i, of := range types {
				one := *definition
				one.Variable = idVariable(of, name)
				if i > 0 {
					one.DefaultValue = clone(definition.DefaultValue) // values are rewritten, too
				}
				separate = append(separate, &one)
			}
		}
		operation.VariableDefinitions = separate
	}
	for value, name := range f.renamed {
		value.Raw = name
	}
}

// idVariable gives the name under which a variable is kept that takes ids of a type: no
// variable of a document has such a name. "" stands for what takes no ids.
func idVariable(of, name string) string {
	if of == "" {
		return name
	}
	return of + ":" + name
}

// ofVariable gives back what idVariable took.
func ofVariable(kept string) (of, name string) {
	if of, name, found := strings.Cut(kept, ":"); found {
		return of, name
	}
	return "", kept
}

type idFinder struct {
	schema  *ast.Schema
	found   map[string][]string // an operation's variables, and the types of the places where each stands
	renamed map[*ast.Value]string
}

func (f *idFinder) selected(set ast.SelectionSet) {
	eachField(set, func(field *ast.Field) {
		for _, argument := range field.Arguments {
			if defined := field.Definition.Arguments.ForName(argument.Name); defined != nil {
				f.value(argument.Value, defined.Type, idOf(defined.Directives, ""))
			}
		}
		f.selected(field.SelectionSet)
	})
}

func (f *idFinder) value(value *ast.Value, t *ast.Type, of string) {
	definition := f.schema.Types[t.Name()]
	if definition.Name != "ID" && definition.Kind != ast.InputObject {
		of = ""
	}
	if value.Kind == ast.Variable {
		if !slices.Contains(f.found[value.Raw], of) {
			f.found[value.Raw] = append(f.found[value.Raw], of)
		}
		f.renamed[value] = idVariable(of, value.Raw)
	}
	for _, child := range value.Children { // of a list, an input object, or JSON
		if field := definition.Fields.ForName(child.Name); field != nil {
			f.value(child.Value, field.Type, idOf(field.Directives, of))
		} else {
			f.value(child.Value, t, of)
		}
	}
}

// clone copies a value as deep as it is.
func clone(value *ast.Value) *ast.Value {
	if value == nil {
		return nil
	}
	copied := *value
	copied.Children = slices.Clone(value.Children)
	for i, child := range copied.Children {
		one := *child
		one.Value = clone(child.Value)
		copied.Children[i] = &one
	}
	return &copied
}
