package rest_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// envelopeKeys are the keys that every answer of a dialect has, and behind the bar
// those that it may have.
var envelopeKeys = map[string]string{
	"newapi":   "success message | data",
	"scitiger": "success | message results",
	"codebird": "code message result |",
	"hertz":    "success code message | data errors",
	"trae":     "code message request_id | data",
}

// gosWords are what Go's own errors are worded with, and no text of a dialect is.
var gosWords = regexp.MustCompile(`strconv\.|strconv:|parsing time|cannot unmarshal|invalid character|unexpected (end|EOF)|json: |sql: |SQL logic|Error \d{4} \(|context (canceled|deadline)|runtime error|goroutine|nil pointer`)

// wellFormed holds an answer with a body against what all of a dialect's promise: its
// envelope and nothing else, no fault of the server's, no text of Go's, a request id.
func wellFormed(t testing.TB, dialect string, status int, header http.Header, body []byte) {
	t.Helper()
	var members map[string]json.RawMessage
	switch err := json.Unmarshal(body, &members); {
	case status >= 500:
		t.Fatalf("answered %d %s", status, body)
	case err != nil || !utf8.Valid(body):
		t.Fatalf("%d %q is no envelope: %v", status, body, err)
	case header.Get("X-Request-Id") == "":
		t.Fatal("the answer has no X-Request-Id")
	case header.Get("Content-Type") != "application/json; charset=utf-8":
		t.Fatalf("the answer is %q", header.Get("Content-Type"))
	}
	refused := status >= 400 || string(members["success"]) == "false"
	always, sometimes, _ := strings.Cut(envelopeKeys[dialect], "|")
	for _, key := range strings.Fields(always) {
		if members[key] == nil {
			t.Fatalf("%s: the envelope of %s lacks %s", body, dialect, key)
		}
		delete(members, key)
	}
	for _, key := range strings.Fields(sometimes) {
		delete(members, key)
	}
	if len(members) > 0 {
		t.Fatalf("%s: the envelope of %s has %v, too", body, dialect, slices.Collect(maps.Keys(members)))
	}
	if refused && gosWords.Match(body) {
		t.Fatalf("a text of Go's own: %s", body)
	}
}
