package main_test

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// asked is a question of docs/graphql.md: its document, its variables, if it has any,
// and its answer.
var asked = regexp.MustCompile("(?ms)^```graphql\n(.*?)^```\n(?:\n```json variables\n(.*?)^```\n)?\n```json\n(.*?)^```$")

// TestGraphQLDocument asks a server with the sample what docs/graphql.md asks, and
// wants the answers that stand there; "…" stands for anything. With
// LOGBOOK_WRITE_DOCS=1 it writes them there instead.
func TestGraphQLDocument(t *testing.T) {
	t.Parallel()
	const path = "docs/graphql.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := newWorld(t).serve("--demo")
	count := 0
	said := asked.ReplaceAllFunc(text, func(all []byte) []byte {
		count++
		parts := asked.FindSubmatch(all)
		var variables map[string]any
		if len(parts[2]) > 0 {
			if err := json.Unmarshal(parts[2], &variables); err != nil {
				t.Fatalf("the variables\n%s\n%v", parts[2], err)
			}
		}
		var data json.RawMessage
		s.graphql(string(parts[1]), variables, &data)
		answer := readable(t, data)
		if os.Getenv("LOGBOOK_WRITE_DOCS") != "" {
			return bytes.Replace(all, parts[3], []byte(answer), 1)
		}
		if !matches(string(parts[3]), answer) {
			t.Errorf("%s\nis answered with\n%s\nthe document says\n%s", parts[1], answer, parts[3])
		}
		return all
	})
	if blocks := strings.Count(string(text), "```graphql\n"); count < 10 || count != blocks {
		t.Errorf("%d questions of %d blocks are asked, want all, and ten at least", count, blocks)
	}
	s.stop()
	if !bytes.Equal(said, text) {
		if err := os.WriteFile(path, said, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// flat is an object or list whose members stand on a line each.
var flat = regexp.MustCompile(`(?m)([{\[])\n((?:.*[^{\[\n]\n)+?)\s*([}\]]),?$`)

// readable indents JSON; what is short stands on one line.
func readable(t *testing.T, data []byte) string {
	var out bytes.Buffer
	if err := json.Indent(&out, data, "", "  "); err != nil {
		t.Fatal(err)
	}
	text := out.String() + "\n"
	for before := ""; before != text; {
		before = text
		text = flat.ReplaceAllStringFunc(text, func(whole string) string {
			line := strings.Join(strings.FieldsFunc(whole, func(r rune) bool { return r == '\n' }), "\n")
			var parts []string
			for _, one := range strings.Split(line, "\n") {
				parts = append(parts, strings.TrimSpace(one))
			}
			joined := parts[0] + strings.Join(parts[1:len(parts)-1], " ") + parts[len(parts)-1]
			if len([]rune(joined)) > 110 {
				return whole
			}
			return joined
		})
	}
	return text
}
