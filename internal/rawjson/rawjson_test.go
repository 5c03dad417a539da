package rawjson_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"logbook/internal/rawjson"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"":                            "is not valid JSON: it ends too early",
		"{":                           "is not valid JSON: it ends too early",
		`{"a" 1}`:                     "is not valid JSON at byte 6",
		"{\"a\":\"\xff\"}":            "is not valid UTF-8 at byte 6",
		"{\"a\":\"\x00\"}":            `has a raw NUL at byte 6; write it as \u0000`,
		`9007199254740993`:            "is a number beyond 2^53, write it as a string",
		`{"a":[0,-9007199254740993]}`: "a[1]: is a number beyond 2^53, write it as a string",
		`{"a":{"b":1e16}}`:            "a.b: is a number beyond 2^53, write it as a string",
		`1e999`:                       "is a number beyond 2^53, write it as a string",
		strings.Repeat("[", 65) + strings.Repeat("]", 65): strings.Repeat("[0]", 64) + ": is nested deeper than 64 levels",

		`9007199254740992`:            "",
		`{"a":"9007199254740993999"}`: "",
		`{"a":1e-999}`:                "",
		`{"a":1,"a":2}`:               "",
		`{"a":"\u0000"}`:              "",
		strings.Repeat("[", 64) + strings.Repeat("]", 64): "",
	} {
		err := rawjson.Check([]byte(raw))
		if got := map[bool]string{true: ""}[err == nil]; err != nil {
			got = err.Error()
			if got != want {
				t.Errorf("%.40q: got %q, want %q", raw, got, want)
			}
		} else if want != "" {
			t.Errorf("%.40q passed, want %q", raw, want)
		}
	}
}

func TestMembersRefusesTwins(t *testing.T) {
	t.Parallel()
	err := rawjson.Members([]byte(`{"a":1,"\u0061":2}`), func(string, []byte) error { return nil })
	if err == nil || err.Error() != "a: stands twice" {
		t.Errorf("got %v", err)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		`"plain"`: "plain", `"\ud83d\ude80"`: "🚀", `"\u0000\n"`: "\x00\n", `"\\ud800"`: `\ud800`,
	} {
		if got, ok := rawjson.Text([]byte(raw)); !ok || got != want {
			t.Errorf("%s: got %q, %t", raw, got, ok)
		}
	}
	for _, raw := range []string{`"\ud800"`, `"\udc00"`, `"\ud800\u0041"`, `"\ud83dx\ude80"`, `1`, `null`} {
		if got, ok := rawjson.Text([]byte(raw)); ok {
			t.Errorf("%s passed as %q", raw, got)
		}
	}
}

// FuzzCanonical wants the canonical form to be JSON of the same meaning, and
// canonical already.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{`{"b":[1, 2.50,{"y":null,"x":true}],"a":"\u0041<\ud83d\ude80"}`, `[ ]`, `{ }`, ` "a" `, `-0.0e1`, `"\ud800"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if rawjson.Check(raw) != nil {
			return
		}
		canonical := rawjson.Canonical(raw)
		if !bytes.Equal(canonical, rawjson.Canonical(canonical)) {
			t.Fatalf("%q has two canonical forms", raw)
		}
		var before, after any
		if err := json.Unmarshal(raw, &before); err != nil {
			return // a number that floats cannot hold
		}
		if err := json.Unmarshal(canonical, &after); err != nil || !reflect.DeepEqual(before, after) {
			t.Fatalf("%q became %q (%v)", raw, canonical, err)
		}
		if raw[0] != '{' {
			return
		}
		members := map[string]int{}
		if err := rawjson.Members(raw, func(key string, value []byte) error {
			members[key]++
			if !json.Valid(value) {
				t.Fatalf("%q: member %q is %q", raw, key, value)
			}
			return nil
		}); err == nil && len(members) != len(before.(map[string]any)) {
			t.Fatalf("%q: walked %v", raw, members)
		}
	})
}
