package db

import (
	"context"
	"testing"
	"time"

	"logbook/internal/db/dbtest"
)

// TestGivenUp wants a query that its caller gave up gone from the server, and the pool
// of use afterwards.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	d, err := Open(t.Context(), dbtest.MySQL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	const long = "SELECT BENCHMARK(100000000000, MD5('given up'))"
	running := func() (n int) {
		err := d.write.QueryRow("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO = ?", long).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		var n int64
		ended <- d.read.QueryRowContext(ctx, long).Scan(&n)
	}()
	// Not a limit on how long it may take, but on how long a test hangs.
	late, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for running() == 0 {
		if late.Err() != nil {
			t.Fatal("it never ran")
		}
	}
	leave()
	if err := <-ended; err == nil {
		t.Error("it gave an answer")
	}
	for running() > 0 {
		if late.Err() != nil {
			t.Fatal("it runs on")
		}
	}
	if err := d.Ping(t.Context()); err != nil {
		t.Error(err)
	}
}
