package graph

import (
	"fmt"
	"io"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
)

// MarshalNumberID writes a row's number as an ID.
func MarshalNumberID(number int64) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = io.WriteString(w, `"`+strconv.FormatInt(number, 10)+`"`)
	})
}

// UnmarshalNumberID reads a row's number from an ID.
func UnmarshalNumberID(value any) (int64, error) {
	text, _ := value.(string)
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("must be a whole number as a string")
	}
	return number, nil
}
