package resolvers

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"logbook/internal/fault"
)

// literals checks the values that are written in a valid document, as
// variableReader checks those that come beside it: gqlparser knows what an Int
// or an enum is, but not our scalars.
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
// beside its own, or why a value is refused. It rewrites the document.
func checkLiterals(schema *ast.Schema, document *ast.QueryDocument) (map[string]any, *gqlerror.Error) {
	l := &literals{schema: schema, numbers: map[string]any{}}
	for _, operation := range document.Operations {
		for _, variable := range operation.VariableDefinitions {
			if variable.DefaultValue != nil {
				l.value(spot{variable.Variable, -1}, variable.Type, variable.DefaultValue)
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
					l.value(spot{argument.Name, -1}, defined.Type, argument.Value)
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
			l.value(spot{fmt.Sprintf("%s[%d]", at.path, i), i}, t.Elem, child.Value)
		}
	case t.Elem != nil: // a list of one
		l.value(at, t.Elem, value)
	case value.Kind == ast.ObjectValue && definition.Kind == ast.InputObject:
		for _, child := range value.Children {
			if field := definition.Fields.ForName(child.Name); field != nil {
				l.value(spot{at.path + "." + child.Name, at.index}, field.Type, child.Value)
			}
		}
	case definition.Kind == ast.Scalar:
		l.scalar(at, definition.Name, value)
	}
}

func (l *literals) scalar(at spot, name string, value *ast.Value) {
	var problem *fault.Problem
	isText := value.Kind == ast.StringValue || value.Kind == ast.BlockValue
	switch {
	case value.Kind == ast.Variable, value.Kind == ast.NullValue:
		return
	case name == "Int" || name == "Int64":
		_, problem = checkInteger(name, value.Raw)
		if value.Kind != ast.IntValue {
			problem = &fault.Problem{Reason: fault.WrongType, Detail: "a whole number"}
		}
	case (name == "Time" || name == "ID") && !isText:
		definition := l.schema.Types[name]
		problem = &fault.Problem{Reason: fault.WrongType, Detail: wanted(ast.NamedType(name, nil), definition)}
	case isText:
		problem = checkText(name, value.Raw)
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

// halfSurrogate says whether a string in the document has an escape of half a
// surrogate pair, which the parser would silently replace.
func halfSurrogate(text string) bool {
	for i := strings.IndexByte(text, '\\'); i >= 0 && i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		unit, ok := escaped(text[i:])
		switch {
		case !ok:
			i++ // a short escape
		case unit >= 0xD800 && unit < 0xDC00:
			if low, ok := escaped(text[i+6:]); !ok || low < 0xDC00 || low > 0xDFFF {
				return true
			}
			i += 11
		case unit >= 0xDC00 && unit <= 0xDFFF:
			return true
		default:
			i += 5
		}
	}
	return false
}

// escaped reads an escape of the form \uXXXX at the text's beginning.
func escaped(text string) (uint64, bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(text[2:6], 16, 16)
	return unit, err == nil
}
