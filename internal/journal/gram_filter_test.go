package journal

import (
	"fmt"
	"strings"
	"testing"

	"logbook/internal/db"
)

func filterOf(texts ...string) gramFilter {
	grams, size := map[uint64]struct{}{}, 0
	for _, text := range texts {
		eachGram(text, func(hash uint64) { grams[hash] = struct{}{} })
		size += len(text)
	}
	return makeGramFilter(grams, size)
}

// TestGramsOf counts the grams of texts: runs of ASCII of less than four characters have
// none, every other character has one, and one with the next.
func TestGramsOf(t *testing.T) {
	for text, want := range map[string]int{
		"": 0, "abc": 0, "abcd": 1, "ABCD": 1, "abcde": 2, "aaaaaaa": 1, "100%": 1, "a_\\%": 1,
		"错": 1, "错误": 3, "错误错": 4, "错a误": 2, "abc错def": 1, "login错误": 5, "🙂": 1, "🙂🙂": 2, "é": 1,
		"\xff": 0, "\xff\xfe错": 1, "错\xff误": 2, "\xe9\x94": 0, "�": 1,
	} {
		if got := len(gramsOf(text)); got != want {
			t.Errorf("%q has %d grams, want %d", text, got, want)
		}
	}
	if a, b := gramsOf("Timeout"), gramsOf("tIMEOUT"); fmt.Sprint(a) != fmt.Sprint(b) {
		t.Error("the case of ASCII letters makes other grams")
	}
	if a, b := gramsOf("É"), gramsOf("é"); a[0] == b[0] {
		t.Error("the case of other letters makes no other gram")
	}
}

// TestGramHashes holds the hashes to what filters on disk were made of.
func TestGramHashes(t *testing.T) {
	for text, want := range map[string]string{
		"Abcd":   "[11b95c2d62c36a9f]",
		"错误":     "[5b1612fecf91ebb6 6ab570f1de97cf94 26dfb0b1274408c1]",
		"🙂":      "[f5dab7f514d160d2]",
		"abcd错e": "[11b95c2d62c36a9f 5b1612fecf91ebb6]",
	} {
		if got := fmt.Sprintf("%x", gramsOf(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got, want := fmt.Sprintf("%x", filterOf("abcdef")), "070121806000084a140042020880880082"; got != want {
		t.Errorf("the filter is %s, want %s", got, want)
	}
}

// TestGramFilterTells wants a filter to pass few texts that are not there, and to keep to
// its size: also of texts that never repeat.
func TestGramFilterTells(t *testing.T) {
	var plain, wild []string
	for i := range 1024 {
		plain = append(plain, fmt.Sprintf("GET /api/v1/orders/%d took %d ms, 用户登录成功", i%40, i))
		wild = append(wild, fmt.Sprintf("%016x%016x", mixed(uint64(i)), mixed(uint64(i)<<32)))
	}
	for name, texts := range map[string][]string{"plain": plain, "wild": wild} {
		f := filterOf(texts...)
		size, passed := len(strings.Join(texts, "")), 0
		if len(f) > size*15/100+1 {
			t.Errorf("%s: a filter of %d bytes for %d bytes of text", name, len(f), size)
		}
		for i := range 1000 {
			if f.mayHave(gramsOf(fmt.Sprintf("no such text %x 支付", mixed(uint64(i)<<16)))) {
				passed++
			}
		}
		if passed > 10 {
			t.Errorf("%s: %d of 1000 texts pass that are not there", name, passed)
		}
	}
}

// FuzzGramFilter wants a filter to pass every part of its texts, however its letters are
// cased, whatever bytes they are.
func FuzzGramFilter(f *testing.F) {
	for _, seed := range []string{"Connection Refused", "用户 42 登录失败🙂", "100%_\\", "é\xff错\xe9\x94"} {
		f.Add(seed, "another 文", 0, len(seed))
		f.Add(seed, "", 1, 5)
	}
	f.Fuzz(func(t *testing.T, text, other string, from, to int) {
		if len(text) > 1000 || len(other) > 1000 {
			return
		}
		filter := filterOf(text, other)
		from = max(0, min(from, len(text)))
		to = max(from, min(to, len(text)))
		part := text[from:to]
		for _, needle := range []string{part, fold(part), db.LowerASCII(part), strings.ToUpper(part), other} {
			if strings.Contains(fold(text), fold(needle)) && !filter.mayHave(gramsOf(needle)) {
				t.Fatalf("the filter of %q lacks its part %q", text, needle)
			}
		}
	})
}

// fold lowers ASCII letters byte by byte, whatever the other bytes are.
func fold(text string) string {
	b := []byte(text)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
