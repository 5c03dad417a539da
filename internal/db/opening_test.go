package db_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"logbook/internal/db"
)

// TestOpeningWritesNothing opens a database that is there already, as every
// command does: on a full disk, too, it has to open and to be read.
func TestOpeningWritesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "logbook.db")
	first, err := db.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close() // the last to close would take the log away
	log, err := os.ReadFile(path + "-wal")
	if err != nil || len(log) == 0 {
		t.Fatalf("the new database has no write-ahead log: %d bytes, %v", len(log), err)
	}
	second, err := db.Open(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := second.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := os.ReadFile(path + "-wal")
	if err != nil || !bytes.Equal(log, after) {
		t.Errorf("opening it wrote %d bytes to its log, %v", len(after)-len(log), err)
	}
}
