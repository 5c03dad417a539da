package journal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"logbook/ent/column"
	"logbook/internal/journal"
	"logbook/internal/rawjson"
)

// memberKeys are keys that nearly meet, with all that JSON escapes.
var memberKeys = []string{"", "a", "A", "a.b", `a"b`, `a\b`, "a\x00b", "a\nb", "a\bc", "é", "键", "😀", "$", "[0]", "a|b", "/", "\x7f", `\u0061`}

// spelt writes a text as JSON in one of the ways there are.
func spelt(r *rapid.T, text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range text {
		plain := c >= ' ' && c != '"' && c != '\\'
		short := strings.IndexRune("\"\\/\b\f\n\r\t", c)
		switch how := rapid.IntRange(0, 5).Draw(r, "spelling"); {
		case plain && how < 3:
			b.WriteRune(c)
		case short >= 0 && how < 5:
			b.WriteString(`\` + `"\/bfnrt`[short:short+1])
		case c > 0xffff:
			c -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04X`, 0xd800+c>>10, 0xdc00+c&0x3ff)
		case how == 4:
			fmt.Fprintf(&b, `\u%04X`, c)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	return b.String() + `"`
}

var memberScalars = []string{
	"0", "-0", "0.0", "1", "1.0", "1e0", "10e-1", "100", "1e2", "1E+2", "0.1", "1e-1", "0.10000000000000001", "0.3", "9007199254740992", "9007199254740991",
	"9007199254740991.5", "-1", "1e-400", "5e-324", "123456789.123456789", "2.2250738585072011e-308", "true", "false", "null",
}

// value draws a JSON value, often one that others nearly equal.
func drawValue(r *rapid.T, depth int) string {
	switch rapid.IntRange(0, 7).Draw(r, "value") {
	case 0, 1:
		return spelt(r, of(r, "text", "1", "true", "null", "", "abc", "ABC", "日志", "😀", "a\x00b", "\b\f\n\r\t", `"\ud800"`, `\`, "/", "abc "))
	case 2:
		if depth < 3 {
			return drawObject(r, depth+1)
		}
	case 3:
		if depth < 3 {
			return "[" + drawValue(r, depth+1) + "," + drawValue(r, depth+1) + " ]"
		}
	case 4:
		return of(r, "half", `"\ud800"`, `"\udc00x"`, `"a\\ud800"`, `"\ud83d\ude00"`, `"\uD83D"`, "[]", "{}", "[[[[]]]]")
	}
	return of(r, "scalar", memberScalars...)
}

func drawObject(r *rapid.T, depth int) string {
	space := func() string { return of(r, "space", "", "", " ", "\n\t\r") }
	var b strings.Builder
	b.WriteString(space() + "{")
	for i := range rapid.IntRange(0, 4).Draw(r, "members") {
		if i > 0 {
			b.WriteString(",")
		}
		key := spelt(r, of(r, "key", memberKeys...))
		if rapid.IntRange(0, 20).Draw(r, "half a key?") == 0 {
			key = `"\ud800"`
		}
		b.WriteString(space() + key + space() + ":" + space() + drawValue(r, depth))
	}
	return b.String() + space() + "}" + space()
}

// drawText draws a text that may be no JSON at all.
func drawText(r *rapid.T) string {
	text := drawObject(r, 0)
	switch rapid.IntRange(0, 5).Draw(r, "text") {
	case 0:
		at := rapid.IntRange(0, len(text)).Draw(r, "at")
		text = text[:at] + of(r, "slip", ",", "}", "{", `"`, `\`, "0", "-", ".", "e", "nul", "\x01", "\v", " 1", "\u00a0", "//") + text[at:]
	case 1:
		return of(r, "no object", "", "x", "[]", `[{"a":1}]`, "1", "null", `"a"`, "{", `{"a":1}{"a":1}`, `{a:1}`, `{'a':1}`, `{"a":01}`, `{"a":1.}`, `{"a":.5}`,
			`{"a":+1}`, `{"a":Infinity}`, `{"a":"\x41"}`, `{"a":1,}`, `{"a":[1,]}`, `{"a":"`+"\t"+`"}`, `{"a":1e999}`, `{"a":-1e999,"A":1}`, `{"a":0e99999999999}`,
			`{"a":1,"b":`+strings.Repeat("[", 998)+strings.Repeat("]", 998)+`}`, `{"a":1,"b":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`}`)
	}
	return strings.ToValidUTF8(text, "?")
}

// member is the first member of a key as encoding/json reads it: any but a
// json.Number for numbers, half for a string with half a surrogate pair.
func member(text, key string) (value any, ok bool) {
	if rawjson.CheckSyntax([]byte(text)) != nil || strings.Count(text, "[")+strings.Count(text, "{") > 1000 {
		return nil, false
	}
	decoder := json.NewDecoder(strings.NewReader(text))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, false
	}
	for decoder.More() {
		from := decoder.InputOffset()
		name, err := decoder.Token()
		if err != nil {
			return nil, false
		}
		written := text[from:decoder.InputOffset()]
		var raw json.RawMessage
		if decoder.Decode(&raw) != nil {
			return nil, false
		}
		if name != key || rawjson.LoneSurrogate([]byte(written)) {
			continue
		}
		if raw = bytes.TrimSpace(raw); raw[0] == '"' && rawjson.LoneSurrogate(raw) {
			return half{}, true
		}
		value := json.NewDecoder(bytes.NewReader(raw))
		value.UseNumber()
		var decoded any
		if value.Decode(&decoded) != nil {
			return nil, false
		}
		if number, isNumber := decoded.(json.Number); isNumber {
			decoded = nearest(string(number))
		}
		return decoded, true
	}
	return nil, false
}

type half struct{}

// nearest gives a number's nearest in floating point, by exact arithmetic where its
// exponent lets there be any.
func nearest(digits string) any {
	_, exponent, _ := strings.Cut(strings.ToLower(digits), "e")
	if len(exponent) < 6 {
		exact, _ := new(big.Rat).SetString(digits)
		number, _ := exact.Float64()
		return number
	}
	number, _ := strconv.ParseFloat(digits, 64)
	return number
}

// fitsMember is a condition in plain Go.
func fitsMember(m *journal.WhereMember, text string) bool {
	value, ok := member(text, m.Key)
	equals := func(raw column.JSON) bool {
		if !ok || string(raw) == "null" {
			return false
		}
		asked, _ := member(`{"x":`+string(raw)+`}`, "x")
		return value != nil && reflect.DeepEqual(asked, value)
	}
	some := func(list []column.JSON) bool {
		for _, raw := range list {
			if equals(raw) {
				return true
			}
		}
		return false
	}
	return (m.Eq == nil || equals(m.Eq)) && (m.In == nil || some(m.In)) && (m.Not == nil || !some(m.Not)) &&
		(m.IsNull == nil || *m.IsNull == (ok && value == nil)) && (m.Exists == nil || *m.Exists == ok)
}

func drawMember(r *rapid.T) *journal.WhereMember {
	scalar := func() column.JSON {
		if rapid.Bool().Draw(r, "a text?") {
			return column.JSON(spelt(r, of(r, "asked text", "1", "true", "", "abc", "日志", "😀", "a\x00b", "\b\f\n\r\t", `"\ud800"`, `\`, "/", "�")))
		}
		return column.JSON(of(r, "asked scalar", memberScalars[:len(memberScalars)-1]...))
	}
	list := func() []column.JSON {
		return append([]column.JSON{}, rapid.SliceOfN(rapid.Custom(func(*rapid.T) column.JSON { return scalar() }), 0, 3).Draw(r, "list")...)
	}
	m := &journal.WhereMember{Key: of(r, "asked key", memberKeys...)}
	for range rapid.SampledFrom([]int{1, 1, 2}).Draw(r, "operators") {
		switch rapid.IntRange(0, 5).Draw(r, "operator") {
		case 0, 1:
			m.Eq = scalar()
		case 2:
			m.In = list()
		case 3:
			m.Not = list()
		case 4:
			m.IsNull = ptr(rapid.Bool().Draw(r, "null"))
		case 5:
			m.Exists = ptr(rapid.Bool().Draw(r, "exists"))
		}
	}
	return m
}

// TestMembers asks for members of objects and of texts that may be none, and holds the
// engines against encoding/json.
func TestMembers(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		rapid.Check(t, func(r *rapid.T) {
			must[int64](t)(w.Entries.Purge(ctx, journal.EntryFilter{Until: at(1000)}))
			must[int64](t)(w.UsageRecords.Purge(ctx, journal.UsageRecordFilter{Until: at(1000)}))
			objects, texts := make([]string, 8), make([]string, 8)
			entries, usage := make([]journal.EntryDraft, 8), make([]journal.UsageRecordDraft, 8)
			for i := range objects {
				objects[i], texts[i] = strings.TrimSpace(drawObject(r, 0)), drawText(r)
				entries[i] = journal.EntryDraft{Message: "m", Metadata: column.JSON(objects[i])}
				usage[i] = journal.UsageRecordDraft{Type: column.Consume, Other: texts[i]}
			}
			if _, err := w.Entries.Append(ctx, entries); err != nil {
				r.Fatal(err)
			}
			if _, err := w.UsageRecords.Append(ctx, usage); err != nil {
				r.Fatal(err)
			}
			since := column.TimeOf(w.now.Add(-time.Hour))
			for range 10 {
				list := []*journal.WhereMember{drawMember(r)}
				if rapid.IntRange(0, 3).Draw(r, "two?") == 0 {
					list = append(list, drawMember(r))
				}
				count := func(rows []string) (want int64, which []string) {
					for _, text := range rows {
						passes := true
						for _, m := range list {
							passes = passes && fitsMember(m, text)
						}
						if passes {
							want++
							which = append(which, text)
						}
					}
					return want, which
				}
				asked, _ := json.Marshal(list)
				want, which := count(objects)
				if got, err := w.Entries.Count(ctx, journal.EntryFilter{Since: &since, Metadata: list}); err != nil || got != want {
					r.Fatalf("%s: %d entries, want %d %.200q of %.900q (%v)", asked, got, want, which, objects, err)
				}
				want, which = count(texts)
				if got, err := w.UsageRecords.Count(ctx, journal.UsageRecordFilter{Since: &since, Other: list}); err != nil || got != want {
					r.Fatalf("%s: %d usage records, want %d %.200q of %.900q (%v)", asked, got, want, which, texts, err)
				}
			}
		})
	})
}
