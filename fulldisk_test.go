package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"logbook/internal/journal/journaltest"
)

// smallDisk mounts a disk of 64 MB, which needs the rights of root.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", dir).CombinedOutput()
	if err != nil {
		needs(t, "a disk of 64 MB cannot be mounted here (mount needs root): %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "--lazy", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

// fill takes a disk's space but for so many bytes, and gives the file that holds
// it.
func fill(t *testing.T, dir string, leave int64) string {
	t.Helper()
	path := filepath.Join(dir, "filler")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	block := make([]byte, 4096)
	for {
		if _, err := file.Write(block); err != nil {
			break
		}
	}
	if leave > 0 {
		info, err := file.Stat()
		if err == nil {
			err = file.Truncate(max(0, info.Size()-leave))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// TestFullDisk fills the disk under an import and a running server: what was
// acknowledged is there, nothing is half there, everybody says what is wrong, and
// with space all goes on.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t)
	w := worldAt(t, dir)
	inputs := t.TempDir() // on another disk
	const rows = 8_000
	input := filepath.Join(inputs, "rows.ndjson")
	var b strings.Builder
	for i := range rows {
		fmt.Fprintf(&b, `{"message":"row %d %s","source":"s%d","timestamp":"2024-06-%02dT00:00:00Z"}`+"\n", i, strings.Repeat("x", 300), i%7, 1+i%28)
	}
	if err := os.WriteFile(input, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}

	s := w.serve()
	s.rest("POST", "", `{"message":"before"}`, &struct{}{})
	filler := fill(t, dir, 4<<20)

	code, out, errs := w.run(nil, "import", "--kind", "entries", input)
	var read, added int
	if _, err := fmt.Sscanf(out, "read %d, added %d, already there 0, refused 0\n", &read, &added); err != nil || read != added || added == 0 || added >= rows {
		t.Errorf("the import says %q, %q", out, errs)
	}
	want := regexp.MustCompile(`^logbook: ` + regexp.QuoteMeta(input) + fmt.Sprintf(`:%d: the (database file|disk)[^\n]* full[^\n]*; what was added stays, and the same import adds the rest\n$`, added+1))
	if code != 1 || !want.MatchString(errs) {
		t.Errorf("the import ends with %d, %q, want %s", code, errs, want)
	}
	if n := journaltest.Recount(t, w.db); n != added+1 {
		t.Errorf("%d rows are stored, and the import counted %d", n, added)
	}

	// The server: acknowledged rows are rows, refused ones are not, and it reads on.
	fill(t, dir, 0)
	stored, refused := added+1, 0
	for i := 0; refused < 3 && i < 2000; i++ {
		got := s.rest("POST", "", `{"message":"while full `+strings.Repeat("y", 20_000)+`"}`, nil)
		switch got.status {
		case http.StatusCreated:
			stored++
		case http.StatusServiceUnavailable:
			refused++
			var envelope struct {
				Success bool
				Message string
			}
			if err := json.Unmarshal(got.body, &envelope); err != nil || envelope.Success || envelope.Message == "" {
				t.Errorf("answers %s", got.body)
			}
		default:
			t.Fatalf("answers %d %s", got.status, got.body)
		}
	}
	if refused == 0 {
		t.Error("the disk is full and every row was taken")
	}
	graph := s.ask("POST", "/graphql", "application/json", strings.NewReader(
		`{"query":"mutation($m: String!) { createEntry(input: {message: $m}) { entry { id } } }","variables":{"m":"`+strings.Repeat("z", 100_000)+`"}}`))
	if !strings.Contains(string(graph.body), `"UNAVAILABLE"`) {
		t.Errorf("GraphQL answers %d %.300s", graph.status, graph.body)
	}
	if n := s.total(nil); n != stored {
		t.Errorf("the server counts %d rows, want %d", n, stored)
	}
	if code, out, errs := w.run(nil, "export", "--kind", "entries"); code != 0 || strings.Count(out, "\n") != stored {
		t.Errorf("export ends with %d and %d rows, want %d: %s", code, strings.Count(out, "\n"), stored, errs)
	}
	// A database that is not there yet does not come about.
	code, out, errs = w.run(nil, "user", "list", "--db", "sqlite:"+filepath.Join(dir, "new.db"))
	if code != 1 || out != "" || !regexp.MustCompile(`^logbook: [^\n]* full[^\n]*\n$`).MatchString(errs) {
		t.Errorf("a new database ends with %d, %q, %q", code, out, errs)
	}

	// With space again everything works, and the same import adds the rest.
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.rest("POST", "", `{"message":"after"}`, &struct{}{})
	wantOut := fmt.Sprintf("read %d, added %d, already there %d, refused 0\n", rows, rows-added, added)
	if out := w.must("import", "--kind", "entries", input); out != wantOut {
		t.Errorf("the import says %q, want %q", out, wantOut)
	}
	if n := s.total(nil); n != stored+1+rows-added {
		t.Errorf("the server counts %d rows, want %d", n, stored+1+rows-added)
	}
	s.stop()
	if n := journaltest.Recount(t, w.db); n != stored+1+rows-added {
		t.Errorf("%d rows are stored", n)
	}
}

// TestReadOnlyDisk runs on a disk that takes nothing.
func TestReadOnlyDisk(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t)
	w := worldAt(t, dir)
	w.must("user", "list")
	if out, err := exec.Command("mount", "-o", "remount,ro", dir).CombinedOutput(); err != nil {
		t.Fatalf("remount: %v: %s", err, out)
	}
	code, out, errs := w.run(strings.NewReader(`{"message":"x"}`), "import", "--kind", "entries", "-")
	if code != 1 || !strings.HasPrefix(errs, "logbook: ") || strings.Count(errs, "\n") != 1 {
		t.Errorf("ends with %d, %q, %q", code, out, errs)
	}
}
