package dbtest

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	startOnce sync.Once
	server    *Server
	startErr  error
	made      atomic.Int64
)

// Run runs a package's tests, stops the server that they started and gives the
// code to exit with. Call it from TestMain.
func Run(m *testing.M) (code int) {
	code = m.Run()
	if server != nil {
		server.Stop()
	}
	return code
}

// Each runs a test on a fresh database of every engine, side by side with other
// tests. Where there is no MariaDB that half says why it is skipped; in CI it
// fails.
func Each(t *testing.T, test func(t *testing.T, address string)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t))
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		test(t, MySQL(t))
	})
}

// Addresses gives the address of a fresh database of every engine, for a test that
// needs them at once. Where there is no MariaDB it gives one less; in CI it fails.
// Processes that are started from then on share this one's server.
func Addresses(t testing.TB) []string {
	t.Helper()
	addresses := []string{SQLite(t)}
	if !started(t) {
		return addresses
	}
	// The workers of a fuzz run are processes that are killed: a server of their own
	// would outlive them, and hold the pipe on which the run waits.
	if err := os.Setenv("LOGBOOK_TEST_DB", server.URL); err != nil {
		t.Fatal(err)
	}
	return append(addresses, MySQL(t))
}

// SQLite gives the address of a SQLite file that is not there yet, in a folder
// whose name has every character that an address could trip over.
func SQLite(t testing.TB) string {
	dir := filepath.Join(t.TempDir(), "a b%23?")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + filepath.Join(dir, "test.db")
}

// MySQL gives the address of a database that is not there yet, on this process's
// server. It is dropped when the test ends.
func MySQL(t testing.TB) string {
	t.Helper()
	if !started(t) {
		t.Skip(startErr)
	}
	name := fmt.Sprintf("logbook_test_%d_%d_%d", os.Getpid(), time.Now().UnixNano(), made.Add(1))
	t.Cleanup(func() {
		db, err := server.Open("")
		if err != nil {
			t.Error(err)
			return
		}
		defer db.Close()
		if _, err := db.Exec("DROP DATABASE IF EXISTS " + name); err != nil {
			t.Error(err)
		}
	})
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// started tells whether this process has a server, and starts it where it can. That
// there is none fails the test in CI only.
func started(t testing.TB) bool {
	t.Helper()
	startOnce.Do(func() { server, startErr = Start() })
	if errors.Is(startErr, ErrNotInstalled) && os.Getenv("CI") != "true" {
		return false
	}
	if startErr != nil {
		t.Fatal(startErr)
	}
	return true
}
