package main_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var (
	// block is a fenced block of the README: its language and its text.
	block = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")
	// setsToken is the line in which a reader pastes the token.
	setsToken = regexp.MustCompile(`(?m)^export TOKEN=.*\n`)
)

// TestReadme does what the README's first ten minutes say, block by block, and
// wants each to print what the README prints. "…" stands for anything.
func TestReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, minutes, found := strings.Cut(string(text), "\n## The first ten minutes\n")
	if !found {
		t.Fatal("README.md has no first ten minutes")
	}
	minutes, _, _ = strings.Cut(minutes, "\n## ")
	blocks := block.FindAllStringSubmatch(minutes, -1)
	if len(blocks) < 10 || len(blocks)%2 != 0 || blocks[0][2] != "make run\n" {
		t.Fatalf("%d blocks, want pairs of what to type and what it prints, beginning with make run", len(blocks))
	}

	w := newWorld(t)
	w.env = nil // the server makes the administrator's token, as a reader's does
	s := w.serve()
	want := strings.ReplaceAll(blocks[1][2], "http://127.0.0.1:8080", s.url)
	if said := strings.Join(s.said, "\n") + "\n"; !matches(want, said) {
		t.Errorf("make run prints\n%s\nthe README says\n%s", said, want)
	}
	for i := 2; i < len(blocks); i += 2 {
		if blocks[i][1] != "sh" {
			t.Fatalf("block %d is %s, want sh", i, blocks[i][1])
		}
		script := setsToken.ReplaceAllString(blocks[i][2], "")
		script = strings.NewReplacer("http://127.0.0.1:8080", s.url, "go run .", program).Replace(script)
		shell := exec.Command("bash", "-euc", script)
		shell.Env = append(w.command().Env, "TOKEN="+s.token)
		shell.Stderr = os.Stderr
		out, err := shell.Output()
		if err != nil {
			t.Fatalf("%s\nfails: %v", blocks[i][2], err)
		}
		if !matches(blocks[i+1][2], string(out)) {
			t.Errorf("%sprints\n%s\nthe README says\n%s", blocks[i][2], out, blocks[i+1][2])
		}
	}
	s.stop()
}

// matches compares text with what the README prints, blank ends aside.
func matches(printed, text string) bool {
	parts := strings.Split(strings.TrimSpace(printed), "…")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*?") + "$").MatchString(strings.TrimSpace(text))
}
