package graph

import (
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"logbook/ent/column"
	"logbook/internal/rawjson"
)

// errUnusual ends a reader.
var errUnusual = errors.New("graph: only the long way reads this")

// inputReader reads an input that brings a row from its JSON, at once into what resolvers
// take. The generated functions of inputs_gen.go say what the fields of each are.
type inputReader struct {
	one  func(raw []byte) (any, bool)
	list func(raw []byte, most int) (any, bool)
}

// inputReaders are the readers by the names of their types; inputs_gen.go adds them, without
// which gqlgen's code must compile.
var inputReaders = map[string]inputReader{}

func readerOf[T any](read func(object []byte, it *T) bool) inputReader {
	one := func(raw []byte) (*T, bool) {
		it := new(T)
		return it, raw[0] == '{' && read(raw, it)
	}
	return inputReader{
		one: func(raw []byte) (any, bool) { return one(raw) },
		list: func(raw []byte, most int) (any, bool) {
			if raw[0] != '[' {
				return nil, false
			}
			list := []*T{}
			err := rawjson.Elements(raw, func(i int, element []byte) error {
				it, ok := one(element)
				if !ok || i == most {
					return errUnusual
				}
				list = append(list, it)
				return nil
			})
			return list, err == nil
		},
	}
}

// ReadInput reads a variable's value of a type, where that is an input that brings a row
// or a list of up to most of them. Raw is checked JSON, its texts in valid UTF-8. It gives
// false for every other type, and where anything is wrong with the value, or only
// unusual: whoever reads it the long way, value after value, finds what, and where.
func ReadInput(t *ast.Type, raw []byte, most int) (any, bool) {
	if t.Elem == nil {
		reader, known := inputReaders[t.NamedType]
		if !known {
			return nil, false
		}
		return reader.one(raw)
	}
	reader, known := inputReaders[t.Elem.NamedType]
	if !known {
		return nil, false
	}
	return reader.list(raw, most)
}

// What follows reads one checked value that is not null, and gives false where it is none
// of its scalar.

func readString(raw []byte, into *string) (ok bool) {
	*into, ok = rawjson.Text(raw)
	return ok
}

func readTime(raw []byte, into *column.Time) bool {
	text, ok := rawjson.Text(raw)
	if ok {
		*into, ok = column.ParseTime(text)
	}
	return ok
}

// readUUID reads the UUID of a row of a type, whose name may stand in front.
func readUUID(raw []byte, of string, into *column.ID) bool {
	text, ok := rawjson.Text(raw)
	if ok {
		local, _ := strings.CutPrefix(text, of+":")
		*into, ok = column.ParseID(local)
	}
	return ok
}

func readJSON(raw []byte, into *column.JSON) bool {
	*into = raw
	return true
}

func readBoolean(raw []byte, into *bool) bool {
	*into = raw[0] == 't'
	return raw[0] == 't' || raw[0] == 'f'
}

func readInt64(raw []byte, into *int64) (ok bool) {
	*into, ok = rawjson.Integer(raw)
	return ok
}

func readInt(raw []byte, into *int64) bool {
	return readInt64(raw, into) && *into >= math.MinInt32 && *into <= math.MaxInt32
}

// readEnum reads one of the names.
func readEnum(raw []byte, into graphql.Unmarshaler, names ...string) bool {
	text, ok := rawjson.Text(raw)
	return ok && slices.Contains(names, text) && into.UnmarshalGQL(text) == nil
}
