package rest

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"logbook/internal/rawjson"
	"logbook/internal/web"
)

// openAPI describes every path beside GraphQL, by hand and in the documents' order.
// A path belongs to the dialect that its operations' tag names, a component to the
// one before the dot of its name.
//
//go:embed openapi.json
var openAPI []byte

// mountOpenAPI adds /openapi.json to mux: the description of the dialects that are
// spoken (nil for all) and of Logbook's own paths. It is for everybody.
func mountOpenAPI(mux *http.ServeMux, spoken []string) {
	description := openAPIOf(spoken)
	mux.Handle("/openapi.json", web.ReadOnly(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		_, _ = w.Write(description) // fails only when the caller has left
	}))
}

// openAPIOf leaves out of the description what belongs to dialects that are not
// spoken (nil: all are). What stays keeps its order.
func openAPIOf(spoken []string) []byte {
	if spoken == nil {
		return openAPI
	}
	var silent []string
	for _, name := range Dialects() {
		if !slices.Contains(spoken, name) {
			silent = append(silent, name)
		}
	}
	unlessSilent := func(owner string, value []byte) []byte {
		if slices.Contains(silent, owner) {
			return nil
		}
		return value
	}
	return rewritten(openAPI, func(section string, value []byte) []byte {
		switch section {
		case "tags":
			tags := slices.DeleteFunc(decoded[[]json.RawMessage](value), func(tag json.RawMessage) bool {
				return unlessSilent(decoded[struct{ Name string }](tag).Name, tag) == nil
			})
			value, _ = json.Marshal(tags) // what was decoded encodes
		case "paths":
			return rewritten(value, func(_ string, item []byte) []byte {
				for _, operation := range decoded[map[string]struct{ Tags []string }](item) {
					return unlessSilent(operation.Tags[0], item) // all of a path are one dialect's
				}
				return nil
			})
		case "components":
			return rewritten(value, func(_ string, sort []byte) []byte {
				return rewritten(sort, func(name string, component []byte) []byte {
					owner, _, _ := strings.Cut(name, ".")
					return unlessSilent(owner, component)
				})
			})
		}
		return value
	})
}

// rewritten gives an object with each member's value as change gives it, without
// those of which it gives nil.
func rewritten(object []byte, change func(key string, value []byte) []byte) []byte {
	out := []byte{'{'}
	_ = rawjson.EachMember(object, func(key string, value []byte) error { // a part of the embedded file
		if value = change(key, value); value != nil {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(append(rawjson.AppendText(out, key), ':'), value...)
		}
		return nil
	})
	return append(out, '}')
}

// decoded gives a part of the embedded file.
func decoded[T any](raw []byte) (value T) {
	if err := json.Unmarshal(raw, &value); err != nil {
		panic("rest: openapi.json: " + err.Error()) // which a test would have said
	}
	return value
}
