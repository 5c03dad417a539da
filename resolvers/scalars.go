package resolvers

import (
	"math"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"logbook/ent/column"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// checkText gives the text of a scalar that is written as a string as what runs has it:
// ids of a type within their type. It gives what is wrong with an ID or a Time; nil where
// it is good, or for another scalar.
func checkText(scalar, text, of string) (string, *fault.Problem) {
	switch scalar {
	case "ID":
		return withinType(of, text)
	case "Time":
		if _, ok := column.ParseTime(text); !ok {
			return text, &fault.Problem{Reason: fault.Malformed, Value: fault.Shorten(text), Detail: fault.Say("an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999")}
		}
	}
	return text, nil
}

// checkInteger reads Int, which GraphQL keeps within 32 bits, and Int64.
func checkInteger(scalar, digits string) (int64, *fault.Problem) {
	value, ok := rawjson.Integer([]byte(digits))
	switch {
	case scalar == "Int" && (!ok || value < math.MinInt32 || value > math.MaxInt32):
		return 0, &fault.Problem{Reason: fault.Outside, Detail: fault.Say("a whole number between -2147483648 and 2147483647")}
	case !ok:
		return 0, &fault.Problem{Reason: fault.Outside, Detail: fault.Say("a whole number between -2^53 and 2^53")}
	}
	return value, nil
}

// checkChoice says what is wrong with an enum's value. Without hints it does not say what else
// there would have been.
func checkChoice(enum *ast.Definition, name string, hints bool) *fault.Problem {
	if enum.EnumValues.ForName(name) != nil {
		return nil
	}
	if !hints {
		return &fault.Problem{Reason: fault.Malformed, Value: fault.Shorten(name), Detail: fault.Say("a %s", enum.Name)}
	}
	names := make([]string, len(enum.EnumValues))
	for i, value := range enum.EnumValues {
		names[i] = value.Name
	}
	return &fault.Problem{Reason: fault.NotChoice, Value: fault.Shorten(name), Detail: fault.Say("%s", strings.Join(names, ", "))}
}

// wanted says in words what a type takes, for people who sent something else.
func wanted(t *ast.Type, definition *ast.Definition, of string) fault.Sentence {
	switch {
	case t.Elem != nil:
		return fault.Say("an array")
	case definition.Kind == ast.InputObject:
		return fault.Say("an object (%s)", definition.Name)
	case definition.Kind == ast.Enum, definition.Name == "String":
		return fault.Say("a string")
	}
	switch definition.Name {
	case "Boolean":
		return fault.Say("true or false")
	case "Int", "Int64":
		return fault.Say("a whole number")
	case "Float":
		return fault.Say("a number")
	case "ID":
		if nodeTypes[of].uuid {
			return fault.Say("a UUID as a string")
		}
		return fault.Say("an id as a string")
	case "Time":
		return fault.Say("a time as a string")
	}
	return fault.Say("a %s", definition.Name)
}
