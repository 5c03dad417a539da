package resolvers

import (
	"encoding/json"
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"logbook/internal/fault"
)

// literals checks the values that are written in a valid document, as
// variableReader checks those that come beside it: gqlparser knows what an Int
// or an enum is, but not our scalars.
//
// Of ids it takes the names of their types off (withinType), so that whatever runs has
// ids within their types only.
//
// It also keeps the digits of numbers inside JSON literals, which gqlgen would
// read as floating point: each becomes a variable that is named by its own
// digits, which no variable of a document can be.
type literals struct {
	schema   *ast.Schema
	numbers  map[string]any // variables to add to every request
	problems []fault.Problem
	first    *ast.Position // of the first problem
}

// checkLiterals gives the variables that a request with this document needs
// beside its own, or why a value is refused. It rewrites the document, whose variables
// separateIDs has named.
func checkLiterals(schema *ast.Schema, document *ast.QueryDocument) (map[string]any, *gqlerror.Error) {
	l := &literals{schema: schema, numbers: map[string]any{}}
	for _, operation := range document.Operations {
		refused := "" // as in readVariables
		for _, variable := range operation.VariableDefinitions {
			of, name := ofVariable(variable.Variable)
			if variable.DefaultValue == nil || name == refused {
				continue
			}
			problems := len(l.problems)
			l.value(spot{name, -1, of}, variable.Type, variable.DefaultValue)
			if len(l.problems) > problems {
				refused = name
			}
		}
		l.selected(operation.SelectionSet)
	}
	for _, fragment := range document.Fragments {
		l.selected(fragment.SelectionSet)
	}
	if len(l.problems) > 0 {
		return nil, at(refuse(fault.Refuse(l.problems...)), l.first)
	}
	return l.numbers, nil
}

func (l *literals) selected(set ast.SelectionSet) {
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.InlineFragment:
			l.selected(selection.SelectionSet)
		case *ast.Field:
			for _, argument := range selection.Arguments {
				if defined := selection.Definition.Arguments.ForName(argument.Name); defined != nil {
					l.value(spot{argument.Name, -1, idOf(defined.Directives, "")}, defined.Type, argument.Value)
				}
			}
			l.selected(selection.SelectionSet)
		}
	}
}

func (l *literals) value(at spot, t *ast.Type, value *ast.Value) {
	definition := l.schema.Types[t.Name()]
	switch {
	case definition.Name == "JSON":
		l.keepDigits(value)
	case value.Kind == ast.ListValue && t.Elem != nil:
		for i, child := range value.Children {
			l.value(spot{fmt.Sprintf("%s[%d]", at.path, i), i, at.of}, t.Elem, child.Value)
		}
	case t.Elem != nil: // a list of one
		l.value(at, t.Elem, value)
	case value.Kind == ast.ObjectValue && definition.Kind == ast.InputObject:
		for _, child := range value.Children {
			if field := definition.Fields.ForName(child.Name); field != nil {
				l.value(spot{at.path + "." + child.Name, at.index, idOf(field.Directives, at.of)}, field.Type, child.Value)
			}
		}
	case definition.Kind == ast.Scalar:
		l.scalar(at, definition, value)
	}
}

func (l *literals) scalar(at spot, definition *ast.Definition, value *ast.Value) {
	name := definition.Name
	var problem *fault.Problem
	isText := value.Kind == ast.StringValue || value.Kind == ast.BlockValue
	switch {
	case value.Kind == ast.Variable, value.Kind == ast.NullValue:
		return
	case name == "Int" || name == "Int64":
		_, problem = checkInteger(name, value.Raw)
		if value.Kind != ast.IntValue {
			problem = &fault.Problem{Reason: fault.WrongType, Detail: fault.Say("a whole number")}
		}
	case (name == "Time" || name == "ID") && !isText:
		problem = &fault.Problem{Reason: fault.WrongType, Detail: wanted(ast.NamedType(name, nil), definition, at.of)}
	case isText:
		value.Raw, problem = checkText(name, value.Raw, at.of)
	}
	if problem == nil {
		return
	}
	problem.Field, problem.Index = at.path, at.index
	l.problems = append(l.problems, *problem)
	if l.first == nil {
		l.first = value.Position
	}
}

// keepDigits turns the numbers in a JSON literal into variables.
func (l *literals) keepDigits(value *ast.Value) {
	switch value.Kind {
	case ast.IntValue, ast.FloatValue:
		l.numbers[value.Raw] = json.Number(value.Raw)
		value.Kind = ast.Variable
	case ast.ListValue, ast.ObjectValue:
		for _, child := range value.Children {
			l.keepDigits(child.Value)
		}
	}
}
