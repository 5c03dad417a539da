package resolvers

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"

	"logbook/ent/column"
	"logbook/graph"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// What is read of variables at most, since a body holds millions of short values and
// each one that is kept or refused takes many times its bytes.
const (
	maxList    = 2 * maxBatch // values of a list; every list has a limit below that, and says so
	maxRefused = maxBatch     // values that are refused, before reading ends
)

// Why the reading of a list or of an object ends early.
var (
	errTooMany = errors.New("there are too many values")
	errEnough  = errors.New("there are problems enough")
)

// variableReader reads an operation's variables from their JSON, straight into
// what the generated code takes, and collects every value it refuses. Rows that come in are
// read at once (graph.ReadInput), and here where that gives up. JSON
// scalars stay the bytes they came as, numbers keep their digits, and a number
// where a string belongs is refused, which gqlgen itself would let pass.
type variableReader struct {
	schema   *ast.Schema
	hints    bool
	problems []fault.Problem
}

// readVariables gives the variables of an operation of a prepared document. Raw is
// checked JSON, an object; nil stands for none. It fails with kind Invalid, naming
// each refused value by the variable's name and the path in it.
func readVariables(schema *ast.Schema, ready *prepared, operation *ast.OperationDefinition, raw []byte, hints bool) (map[string]any, error) {
	given := map[string][]byte{}
	if raw != nil {
		err := rawjson.Members(raw, func(name string, value []byte) error {
			if len(given) == maxMembers {
				return errTooMany
			}
			given[name] = value
			return nil
		})
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "the variables name one twice, or by half a surrogate pair, or are more than %d", maxMembers)
		}
	}
	r := &variableReader{schema: schema, hints: hints}
	values := make(map[string]any, len(operation.VariableDefinitions))
	refused := "" // the variable that was refused last: for ids of another type it is not refused again
	for _, definition := range operation.VariableDefinitions {
		of, name := ofVariable(definition.Variable)
		if name == refused {
			continue
		}
		problems := len(r.problems)
		raw, isGiven := given[name]
		if isGiven && rawjson.IsNull(raw) && definition.DefaultValue != nil {
			isGiven = false // null means absent, and a default may stand where null may not
		}
		switch {
		case isGiven:
			values[definition.Variable] = r.read(spot{name, -1, of}, definition.Type, raw)
		case definition.DefaultValue != nil:
			value, err := definition.DefaultValue.Value(ready.numbers)
			if err != nil {
				return nil, fault.Wrap(fault.Invalid, err, "the default of $%s cannot be read", name)
			}
			values[definition.Variable] = value
		case definition.Type.NonNull:
			r.refuse(spot{name, -1, ""}, fault.Problem{Reason: fault.Required})
		}
		if len(r.problems) > problems {
			refused = name
		}
	}
	if len(r.problems) > 0 {
		return nil, fault.Refuse(r.problems...)
	}
	return values, nil
}

// spot is where a value stands: its path, its position in the batch around it, -1
// for none, and the type whose ids are taken there, "" for no or any type.
type spot struct {
	path  string
	index int
	of    string
}

func (r *variableReader) refuse(at spot, p fault.Problem) any {
	p.Field, p.Index = at.path, at.index
	r.problems = append(r.problems, p)
	return nil
}

// read gives a value of a type.
func (r *variableReader) read(at spot, t *ast.Type, raw []byte) any {
	if rawjson.IsNull(raw) {
		if t.NonNull {
			return r.refuse(at, fault.Problem{Reason: fault.Required})
		}
		return nil
	}
	if row, ok := graph.ReadInput(t, raw, maxList); ok {
		return row
	}
	if t.Elem != nil {
		return r.readList(at, t, raw)
	}
	definition := r.schema.Types[t.NamedType]
	wrong := func() any {
		return r.refuse(at, fault.Problem{Reason: fault.WrongType, Detail: fault.Say("%s, not %s", wanted(t, definition, at.of), fault.Say(rawjson.Kind(raw)))})
	}
	switch {
	case definition.Kind == ast.InputObject:
		if raw[0] != '{' {
			return wrong()
		}
		return r.readObject(at, definition, raw)
	case t.NamedType == "JSON":
		return column.JSON(raw)
	case t.NamedType == "Boolean":
		if raw[0] != 't' && raw[0] != 'f' {
			return wrong()
		}
		return raw[0] == 't'
	case t.NamedType == "Int", t.NamedType == "Int64":
		if rawjson.Kind(raw) != "a number" {
			return wrong()
		}
		value, problem := checkInteger(t.NamedType, string(raw))
		if problem != nil {
			return r.refuse(at, *problem)
		}
		return value
	case t.NamedType == "Float":
		if rawjson.Kind(raw) != "a number" {
			return wrong()
		}
		return json.Number(raw)
	}
	if raw[0] != '"' {
		return wrong()
	}
	text, ok := rawjson.Text(raw)
	if !ok {
		return r.refuse(at, fault.Problem{Reason: fault.Malformed, Detail: fault.Say("valid Unicode: it has half a surrogate pair")})
	}
	text, problem := checkText(t.NamedType, text, at.of)
	if definition.Kind == ast.Enum {
		problem = checkChoice(definition, text, r.hints)
	}
	if problem != nil {
		return r.refuse(at, *problem)
	}
	return text
}

// readList gives a list; what is no list is a list of one, as GraphQL has it.
func (r *variableReader) readList(at spot, t *ast.Type, raw []byte) any {
	if raw[0] != '[' {
		return []any{r.read(at, t.Elem, raw)}
	}
	list := []any{}
	err := rawjson.Elements(raw, func(i int, element []byte) error {
		switch {
		case i == maxList:
			return errTooMany
		case len(r.problems) >= maxRefused:
			return errEnough
		}
		list = append(list, r.read(spot{fmt.Sprintf("%s[%d]", at.path, i), i, at.of}, t.Elem, element))
		return nil
	})
	if err == errTooMany {
		r.refuse(at, fault.Problem{Reason: fault.Outside, Detail: fault.Say("a list of at most %d values", maxList)})
	}
	return list
}

// readObject gives an input object.
func (r *variableReader) readObject(at spot, definition *ast.Definition, raw []byte) any {
	object := make(map[string]any, len(definition.Fields))
	err := rawjson.Members(raw, func(name string, value []byte) error {
		if len(r.problems) >= maxRefused {
			return errEnough
		}
		inside := spot{at.path + "." + name, at.index, at.of}
		field := definition.Fields.ForName(name)
		if field == nil {
			inside.path = at.path + "." + fault.Shorten(name)
			r.refuse(inside, fault.Problem{Reason: fault.Clash, Detail: fault.Say("is no field of %s", definition.Name)})
			return nil
		}
		inside.of = idOf(field.Directives, at.of)
		object[name] = r.read(inside, field.Type, value)
		return nil
	})
	if err == errEnough {
		return nil
	}
	if err != nil {
		return r.refuse(at, fault.Problem{Reason: fault.Clash, Detail: fault.Say("names a field twice, or by half a surrogate pair")})
	}
	for _, field := range definition.Fields {
		if _, given := object[field.Name]; !given && field.Type.NonNull && field.DefaultValue == nil {
			r.refuse(spot{at.path + "." + field.Name, at.index, at.of}, fault.Problem{Reason: fault.Required})
		}
	}
	return object
}
