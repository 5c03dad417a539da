package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// agree asks the server and the floor the same question and fails where they do
// not answer the same. A question about the present moment may see another one
// each time, so a difference is looked at three times.
func agree(server string, request []byte, floor string, floorRequest []byte) error {
	var ours, bare []byte
	for range 3 {
		var err error
		if ours, err = fetch(server, request); err != nil {
			return err
		}
		if bare, err = fetch(floor, floorRequest); err != nil {
			return fmt.Errorf("the floor: %w", err)
		}
		a, err := plain(ours)
		if err != nil {
			return err
		}
		b, err := plain(bare)
		if err != nil {
			return fmt.Errorf("the floor: %w", err)
		}
		if reflect.DeepEqual(a, b) {
			return nil
		}
	}
	return fmt.Errorf("the server and the floor do not answer the same:\n%s\n%s", shorten(ours), shorten(bare))
}

// plain reads an answer without its cursors, which each side writes as it
// likes. It fails for an answer with errors and for one without data.
func plain(answer []byte) (any, error) {
	var read map[string]any
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber()
	if err := decoder.Decode(&read); err != nil {
		return nil, fmt.Errorf("answers %s: %w", shorten(answer), err)
	}
	if read["errors"] != nil || read["data"] == nil && read["results"] == nil {
		return nil, fmt.Errorf("answers %s", shorten(answer))
	}
	withoutCursors(read)
	return read, nil
}

func withoutCursors(value any) {
	switch value := value.(type) {
	case map[string]any:
		delete(value, "endCursor")
		for _, member := range value {
			withoutCursors(member)
		}
	case []any:
		for _, element := range value {
			withoutCursors(element)
		}
	}
}
