package ingest_test

import (
	"strings"
	"testing"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/fault"
)

// refusal is a line and what is wrong with it.
type refusal struct{ name, line, want string }

// refuses wants a reader to refuse lines with the reasons, and with all that no
// line of any kind may be.
func refuses[T any](t *testing.T, read func([]byte) (T, *fault.Problem), lines []refusal) {
	t.Helper()
	for _, c := range append([]refusal{
		{"nothing", ``, `line: is not valid JSON: it ends too early`},
		{"no JSON", `id`, `line: is not valid JSON at byte 1`},
		{"two values", `{}{}`, `line: is not valid JSON at byte 3`},
		{"an array", `[{}]`, `line: must be a JSON object`},
		{"null", `null`, `line: must be a JSON object`},
		{"invalid UTF-8", "{\"x\":\"\xff\"}", `line: is not valid UTF-8 at byte 6`},
		{"raw NUL", "{\"x\":\"\x00\"}", `line: has a raw NUL at byte 6; write it as \u0000`},
		{"a key twice", `{"x":1,"x":1}`, `x: stands twice`},
		{"half a surrogate pair in a key", `{"\udc00":1}`, `line: has a key with half a surrogate pair`},
	}, lines...) {
		t.Run(c.name, func(t *testing.T) {
			row, problem := read([]byte(c.line))
			if problem == nil {
				t.Fatalf("it was taken: %+v", row)
			}
			if got := problem.String(); got != c.want {
				t.Errorf("says %s\nwant %s", got, c.want)
			}
			if problem.Index != -1 {
				t.Errorf("names the index %d", problem.Index)
			}
		})
	}
}

// takes wants a reader to take lines and a writer to write them as they were.
func takes[T any](t *testing.T, read func([]byte) (T, *fault.Problem), write func(T) []byte, lines ...string) {
	t.Helper()
	for _, line := range lines {
		input := []byte(line)
		row, problem := read(input)
		if problem != nil {
			t.Errorf("refuses %s: %s", line, problem)
			continue
		}
		clear(input) // nothing may point into it
		if got := string(write(row)); got != line {
			t.Errorf("wrote %s\nwant  %s", got, line)
		}
	}
}

// roundTrip holds that no line panics, and that a line which is taken is written
// and read to the same content again.
func roundTrip[T any](f *testing.F, read func([]byte) (T, *fault.Problem), write func(T) []byte, lines ...string) {
	for _, line := range append(lines, `{"x":[9007199254740993]}`, `{"id":"\ud800"}`, `{"id":1e3}`, `{}`) {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		row, problem := read(line)
		if problem != nil {
			if problem.String() == "" || problem.Field == "" {
				t.Fatalf("refused without a reason: %+v", problem)
			}
			return
		}
		written := write(row)
		if strings.ContainsAny(string(written), "\r\n") {
			t.Fatalf("%q\nbecame more than a line: %q", line, written)
		}
		again, problem := read(written)
		if problem != nil {
			t.Fatalf("wrote %s, which is refused: %s", written, problem)
		}
		if second := write(again); string(second) != string(written) {
			t.Fatalf("%s\nis written anew as %s", written, second)
		}
	})
}

// one is the tenant of the lines below.
const one = `"tenant_id":"550e8400-e29b-41d4-a716-446655440001","tenant_name":"示例租户"`

// named gives the tenant that an imported row names, nil without a name.
func named(name *string) *ent.Tenant {
	if name == nil {
		return nil
	}
	return &ent.Tenant{Name: *name}
}

// or gives the value, or the zero value where the journal would give one.
func or[T any](value *T) (is T) {
	if value != nil {
		is = *value
	}
	return is
}

// timeOf gives an instant that must be readable.
func timeOf(t *testing.T, text string) column.Time {
	t.Helper()
	instant, ok := column.ParseTime(text)
	if !ok {
		t.Fatalf("%q is no time", text)
	}
	return instant
}
