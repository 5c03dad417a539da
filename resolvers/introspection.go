package resolvers

import (
	"math"

	"github.com/vektah/gqlparser/v2/ast"
)

// listing says how many of each list a description of the schema holds, on
// average and at most (of ofType, which share of types is a list's or a non-null one), so that questions about the schema count towards the
// complexity as much as they answer. gqlgen counts them as nothing.
type listing struct{ average, most map[string]float64 }

// newListing measures a schema.
func newListing(schema *ast.Schema) listing {
	l := listing{average: map[string]float64{}, most: map[string]float64{}}
	add := func(field string, n int) {
		l.average[field] += float64(n) / float64(len(schema.Types))
		l.most[field] = max(l.most[field], float64(n))
	}
	fields, arguments := 0, 0
	named, around := 0, 0 // types that fields and arguments are of, and the types around these
	read := func(t *ast.Type) {
		named++
		for ; t != nil; t = t.Elem {
			if t.NonNull {
				around++
			}
			if t.Elem != nil {
				around++
			}
		}
	}
	for name, definition := range schema.Types {
		if definition.Kind == ast.InputObject {
			add("inputFields", len(definition.Fields))
		} else {
			add("fields", len(definition.Fields))
			fields += len(definition.Fields)
		}
		for _, field := range definition.Fields {
			read(field.Type)
			for _, argument := range field.Arguments {
				read(argument.Type)
			}
			arguments += len(field.Arguments)
			l.most["args"] = max(l.most["args"], float64(len(field.Arguments)))
		}
		add("enumValues", len(definition.EnumValues))
		add("interfaces", len(definition.Interfaces))
		add("possibleTypes", len(schema.PossibleTypes[name]))
	}
	l.average["args"] = float64(arguments) / float64(fields)
	l.average["ofType"] = float64(around) / float64(around+named)
	for _, sizes := range []map[string]float64{l.average, l.most} {
		sizes["types"], sizes["directives"] = float64(len(schema.Types)), float64(len(schema.Directives))
	}
	return l
}

// complexity counts the fields about the schema in the selection of an
// operation. The document is valid, so no fragment spreads itself.
func (l listing) complexity(set ast.SelectionSet) int {
	total := 0.0
	eachField(set, func(field *ast.Field) {
		switch field.Name {
		case "__schema":
			total += 1 + l.below(field.SelectionSet, l.average)
		case "__type":
			total += 1 + l.below(field.SelectionSet, l.most)
		}
	})
	return int(min(math.Ceil(total), math.MaxInt32))
}

func (l listing) below(set ast.SelectionSet, sizes map[string]float64) float64 {
	total := 0.0
	eachField(set, func(field *ast.Field) {
		count := 1 + l.below(field.SelectionSet, sizes)
		if size, isList := sizes[field.Name]; isList && field.SelectionSet != nil {
			count *= size
		}
		total += count
	})
	return total
}

// eachField calls fn for the fields of a selection, those of its fragments
// included.
func eachField(set ast.SelectionSet, fn func(*ast.Field)) {
	for _, selection := range set {
		switch selection := selection.(type) {
		case *ast.Field:
			fn(selection)
		case *ast.InlineFragment:
			eachField(selection.SelectionSet, fn)
		case *ast.FragmentSpread:
			eachField(selection.Definition.SelectionSet, fn)
		}
	}
}
