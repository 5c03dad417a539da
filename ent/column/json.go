package column

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// JSON is a JSON value as the bytes that came in, checked once on the way in and
// passed through from then on. Nil stands for an absent value.
type JSON []byte

// String gives the text.
func (j JSON) String() string { return string(j) }

// MarshalJSON gives the bytes, null for an absent value.
func (j JSON) MarshalJSON() ([]byte, error) {
	if j == nil {
		return []byte("null"), nil
	}
	return j, nil
}

// MarshalGQL writes the bytes into the answer.
func (j JSON) MarshalGQL(w io.Writer) {
	if j == nil {
		_, _ = io.WriteString(w, "null")
		return
	}
	_, _ = w.Write(j)
}

// UnmarshalGQL takes JSON that is still bytes as it is. Any other GraphQL value,
// whose keys have no order any more, it writes with its keys sorted.
func (j *JSON) UnmarshalGQL(value any) error {
	if raw, verbatim := value.(JSON); verbatim {
		*j = raw
		return nil
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Errorf("must be a JSON value")
	}
	*j = bytes.TrimRight(b.Bytes(), "\n")
	return nil
}
