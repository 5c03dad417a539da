package graph

import (
	"context"
	"io"
	"slices"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"logbook/ent/column"
	"logbook/internal/rawjson"
)

// rowWriter appends the selected fields of rows to an answer. The generated functions of
// rows_gen.go say what the fields of each type are; generate/main.go says why.
type rowWriter struct {
	ctx  context.Context
	b    []byte
	sets []fieldSet
}

// fieldSet is what a selection asks of its type.
type fieldSet struct {
	first  *ast.Selection // where the selection is, which tells it from others
	length int
	fields []selected
}

// selected is a field that is asked for.
type selected struct {
	name       string
	key        string // its name in the answer, as JSON with the colon
	selections ast.SelectionSet
}

// rowBytes is about how long a row is in an answer.
const rowBytes = 768

// written gives what write writes; false where it says so, or panics, and nothing must be
// kept of what it wrote.
func written(ctx context.Context, rows int, write func(*rowWriter) bool) (b answerBytes, ok bool) {
	defer func() {
		if recover() != nil { // the long way meets it again, and says where
			b, ok = nil, false
		}
	}()
	w := rowWriter{ctx: ctx, b: make([]byte, 0, rows*rowBytes+2)}
	ok = write(&w)
	return w.b, ok
}

// answerBytes is a part of an answer as it goes out.
type answerBytes []byte

// MarshalGQL writes the bytes.
func (b answerBytes) MarshalGQL(w io.Writer) { _, _ = w.Write(b) }

// fields gives the fields that a selection asks of a type and what it implements, each
// name in the answer once. A row has the same ones as the row before.
func (w *rowWriter) fields(operation *graphql.OperationContext, sel ast.SelectionSet, implements []string) []selected {
	if len(sel) == 0 {
		return nil
	}
	for i := range w.sets {
		if set := &w.sets[i]; set.first == &sel[0] && set.length == len(sel) {
			return set.fields
		}
	}
	collected := graphql.CollectFields(operation, sel, implements)
	set := fieldSet{&sel[0], len(sel), make([]selected, 0, len(collected))}
	for _, field := range collected {
		key := string(rawjson.AppendText(nil, field.Alias)) + ":"
		if !slices.ContainsFunc(set.fields, func(s selected) bool { return s.key == key }) {
			set.fields = append(set.fields, selected{field.Name, key, field.Selections})
		}
	}
	w.sets = append(w.sets, set)
	return set.fields
}

// member begins the i-th member of an object.
func (w *rowWriter) member(i int, key string) {
	c := byte(',')
	if i == 0 {
		c = '{'
	}
	w.b = append(append(w.b, c), key...)
}

func (w *rowWriter) end() { w.b = append(w.b, '}') }

func (w *rowWriter) beginList() { w.b = append(w.b, '[') }

// element begins the i-th element of a list.
func (w *rowWriter) element(i int) {
	if i > 0 {
		w.b = append(w.b, ',')
	}
}

func (w *rowWriter) endList() { w.b = append(w.b, ']') }

func (w *rowWriter) null()            { w.b = append(w.b, "null"...) }
func (w *rowWriter) text(text string) { w.b = rawjson.AppendText(w.b, text) }
func (w *rowWriter) number(n int64)   { w.b = strconv.AppendInt(w.b, n, 10) }
func (w *rowWriter) boolean(yes bool) { w.b = strconv.AppendBool(w.b, yes) }

// uuid writes a row's UUID as a global ID.
func (w *rowWriter) uuid(object string, id column.ID) {
	w.b = append(append(append(w.b, '"'), object...), ':')
	w.b = append(id.Append(w.b), '"')
}

// numberID writes a row's number as a global ID.
func (w *rowWriter) numberID(object string, id int64) {
	w.b = append(append(append(w.b, '"'), object...), ':')
	w.b = append(strconv.AppendInt(w.b, id, 10), '"')
}

// Write appends what a type writes of itself.
func (w *rowWriter) Write(p []byte) (int, error) {
	w.b = append(w.b, p...)
	return len(p), nil
}
