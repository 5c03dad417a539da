package resolvers

import "github.com/vektah/gqlparser/v2/ast"

// isUUID says whether an argument or input field takes ids that are UUIDs.
func isUUID(directives ast.DirectiveList) bool { return directives.ForName("uuid") != nil }

// uuidVariables gives, for each operation of a valid document, the names of the
// variables that it puts where only a UUID belongs. A variable's type does not say
// so: every id is an ID.
func uuidVariables(schema *ast.Schema, document *ast.QueryDocument) map[*ast.OperationDefinition]map[string]bool {
	found := make(map[*ast.OperationDefinition]map[string]bool, len(document.Operations))
	for _, operation := range document.Operations {
		if len(operation.VariableDefinitions) > 0 {
			f := uuidFinder{schema, map[string]bool{}}
			f.selected(operation.SelectionSet)
			found[operation] = f.names
		}
	}
	return found
}

type uuidFinder struct {
	schema *ast.Schema
	names  map[string]bool
}

func (f uuidFinder) selected(set ast.SelectionSet) {
	eachField(set, func(field *ast.Field) {
		for _, argument := range field.Arguments {
			if defined := field.Definition.Arguments.ForName(argument.Name); defined != nil {
				f.value(argument.Value, defined.Type, isUUID(defined.Directives))
			}
		}
		f.selected(field.SelectionSet)
	})
}

func (f uuidFinder) value(value *ast.Value, t *ast.Type, uuid bool) {
	definition := f.schema.Types[t.Name()]
	switch {
	case value.Kind == ast.Variable && uuid:
		f.names[value.Raw] = true
	case value.Kind == ast.ListValue:
		for _, child := range value.Children {
			f.value(child.Value, t, uuid)
		}
	case value.Kind == ast.ObjectValue && definition.Kind == ast.InputObject:
		for _, child := range value.Children {
			if field := definition.Fields.ForName(child.Name); field != nil {
				f.value(child.Value, field.Type, isUUID(field.Directives))
			}
		}
	}
}
