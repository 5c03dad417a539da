package graph

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/99designs/gqlgen/graphql"

	"logbook/ent/column"
)

// An ID that goes out is global: the name of a type, a colon, and the id within that
// type, which keeps the rows' own ids as they are in the database. It is written here,
// while the answer is, so that no resolver need know: the type is the one that the field's
// @idOf names, or else that of the object around it. Package resolvers takes the name off
// what comes in, before anything runs, so what is read here are ids within their type.

// MarshalUUID writes a row's UUID as a global ID.
func MarshalUUID(id column.ID) graphql.ContextMarshaler {
	return graphql.ContextWriterFunc(func(ctx context.Context, w io.Writer) error {
		_, err := io.WriteString(w, `"`+typeOf(ctx)+":"+id.String()+`"`)
		return err
	})
}

// UnmarshalUUID reads a row's UUID.
func UnmarshalUUID(_ context.Context, value any) (column.ID, error) {
	text, _ := value.(string)
	id, ok := column.ParseID(text)
	if !ok {
		return column.ID{}, fmt.Errorf("must be a UUID such as 550e8400-e29b-41d4-a716-446655440000")
	}
	return id, nil
}

// MarshalNumberID writes a row's number as a global ID.
func MarshalNumberID(number int64) graphql.ContextMarshaler {
	return graphql.ContextWriterFunc(func(ctx context.Context, w io.Writer) error {
		_, err := io.WriteString(w, `"`+typeOf(ctx)+":"+strconv.FormatInt(number, 10)+`"`)
		return err
	})
}

// UnmarshalNumberID reads a row's number.
func UnmarshalNumberID(_ context.Context, value any) (int64, error) {
	text, _ := value.(string)
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("must be a whole number as a string")
	}
	return number, nil
}

// MarshalTextID writes a row's id that is any text as a global ID.
func MarshalTextID(text string) graphql.ContextMarshaler {
	return graphql.ContextWriterFunc(func(ctx context.Context, w io.Writer) error {
		graphql.MarshalString(typeOf(ctx) + ":" + text).MarshalGQL(w)
		return nil
	})
}

// UnmarshalTextID reads an id that is any text.
func UnmarshalTextID(_ context.Context, value any) (string, error) {
	text, ok := value.(string)
	if !ok {
		return "", fmt.Errorf("must be an id as a string")
	}
	return text, nil
}

// typeOf gives the type whose id the context's field holds.
func typeOf(ctx context.Context) string {
	at := graphql.GetFieldContext(ctx)
	for at.Field.Field == nil { // an element of a list
		at = at.Parent
	}
	if named := at.Field.Definition.Directives.ForName("idOf"); named != nil {
		return named.Arguments.ForName("type").Value.Raw
	}
	return at.Object
}
