package journal

import (
	"bytes"
	"encoding/base64"
	"maps"
	"testing"

	"pgregory.net/rapid"
)

// TestFrontierText wants every frontier back from its text.
func TestFrontierText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := frontier(rapid.MapOf(rapid.Int32Range(1, mostWriters-1), rapid.Int64Range(1, 1<<63-1)).Draw(t, "frontier"))
		text := f.text()
		if back, ok := parseFrontier(text); !ok || !maps.Equal(f, back) {
			t.Fatalf("%v became %v (%t) by way of %q", f, back, ok, text)
		}
		if raw, err := base64.RawURLEncoding.DecodeString(text); err != nil || raw[0] <= 5 {
			t.Fatalf("%q begins as a list's cursor does (%v)", text, err)
		}
	})
}

// FuzzFrontier wants one text a frontier: what is read is written so.
func FuzzFrontier(f *testing.F) {
	for _, seed := range [][]byte{
		nil, {frontierTag}, {frontierTag, 1, 1}, {frontierTag, 1}, {frontierTag, 0, 1}, {frontierTag, 1, 0}, {frontierTag, 0x81, 0, 1},
		{frontierTag, 0xff, 0x1f, 1}, {frontierTag, 0xfe, 0x1f, 1, 1, 1}, {frontierTag, 0x80, 0x20, 1},
		append(append([]byte{frontierTag, 1}, bytes.Repeat([]byte{0xff}, 9)...), 1),
		append(append([]byte{frontierTag, 1}, bytes.Repeat([]byte{0xff}, 8)...), 0x7f), {1, 0, 0, 0, 0, 0, 0, 0, 0},
	} {
		f.Add(base64.RawURLEncoding.EncodeToString(seed))
	}
	f.Add("gQEB\n")
	f.Add("gQEC=")
	f.Fuzz(func(t *testing.T, text string) {
		read, ok := parseFrontier(text)
		if !ok {
			return
		}
		if read.text() != text {
			t.Errorf("%q is read as %v, whose text is %q", text, read, read.text())
		}
		for writer, sequence := range read {
			if writer < 1 || writer >= mostWriters || sequence < 1 {
				t.Errorf("%q names the place (%d, %d)", text, writer, sequence)
			}
		}
	})
}
