package db

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"logbook/ent"
	"logbook/internal/fault"
)

// busyTimeout is how long a statement waits for another process's lock. Imports
// hold it for some 25 ms at a time.
const busyTimeout = "10000"

// writerPragmas are the writing connection's own. Rows that come in out of time
// order touch pages all over the indexes and roll-ups: 32 MiB of cache and a
// checkpoint every 16 MiB instead of every 4 wrote 100,000 rows scattered over
// 90 days 1.7 times as fast.
const writerPragmas = "_txlock=immediate&_pragma=cache_size(-32768)&_pragma=wal_autocheckpoint(4000)"

// openSQLite opens a file with one connection to write and several to read.
func openSQLite(ctx context.Context, path string) (*DB, error) {
	if path == "" || path == ":memory:" {
		return nil, fault.New(fault.Invalid, "--db sqlite:%s: name a file, such as sqlite:logbook.db", path)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, fault.New(fault.Invalid, "--db sqlite:%s: this is a folder, name a file in it", path)
	}
	if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.Invalid, "--db sqlite:%s: the folder %s does not exist, make it first", path, filepath.Dir(path))
	}

	// A new file is its owner's alone, since logs hold what others should not
	// read; SQLite gives the files beside it the same mode. Where the file cannot
	// be made SQLite says so better.
	if file, err := os.OpenFile(path, os.O_CREATE, 0o600); err == nil {
		file.Close()
	}
	write, err := sql.Open("sqlite", sqliteDSN(path, writerPragmas))
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "--db sqlite:%s does not open", path)
	}
	write.SetMaxOpenConns(1)
	read, err := sql.Open("sqlite", sqliteDSN(path, "_pragma=query_only(1)"))
	if err != nil {
		write.Close()
		return nil, fault.Wrap(fault.Unavailable, err, "--db sqlite:%s does not open", path)
	}
	readers := max(4, 2*runtime.NumCPU())
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers) // the pool's default of 2 would reopen all the time

	d := &DB{dialect: dialect.SQLite, read: read, write: write}
	d.client = ent.NewClient(ent.Driver(explained{entsql.OpenDB(dialect.SQLite, read), d}))
	if err := d.migrate(ctx); err != nil {
		d.Close()
		var known *fault.Error
		if errors.As(d.explain(err), &known) {
			return nil, fault.Wrap(known.Kind, err, "--db sqlite:%s: %s", path, known.Message)
		}
		return nil, fault.Wrap(fault.Unavailable, err, "--db sqlite:%s does not open", path)
	}
	return d, nil
}

// sqliteDSN gives the driver's address. The order of the pragmas matters: the
// busy timeout first, since the others may meet a lock; auto_vacuum before the
// first table, or a purge never gives disk back; then the write-ahead log, with
// a sync at every commit, since an acknowledged row is a promise.
func sqliteDSN(path, extra string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_pragma=busy_timeout(" + busyTimeout + ")" +
		"&_pragma=auto_vacuum(incremental)" +
		"&_pragma=journal_mode(wal)" +
		"&_pragma=synchronous(full)" +
		"&_pragma=temp_store(memory)" +
		"&_pragma=journal_size_limit(67108864)" +
		"&" + extra
}

// Embedded names the engine that is built in and its version; it needs no
// database.
func Embedded() string { return "SQLite " + sqlite3.SQLITE_VERSION }

// explainSQLite gives SQLite's own errors as errors for people.
func explainSQLite(err error) error {
	var engine *sqlite.Error
	if !errors.As(err, &engine) {
		return err
	}
	switch engine.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fault.Wrap(fault.Unavailable, err, "the disk that holds the database is full; nothing of this was stored")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fault.Wrap(fault.Unavailable, err, "the database is busy, try again")
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return fault.Wrap(fault.Unavailable, err, "the database file may not be written to; check the permissions of it and of its folder")
	case sqlite3.SQLITE_CANTOPEN:
		return fault.Wrap(fault.Unavailable, err, "the database file does not open; check that it may be read and written and that the disk is not full")
	case sqlite3.SQLITE_IOERR:
		return fault.Wrap(fault.Unavailable, err, "the disk that holds the database failed or is full; nothing of this was stored")
	case sqlite3.SQLITE_NOTADB:
		return fault.Wrap(fault.Unavailable, err, "the file is no SQLite database")
	case sqlite3.SQLITE_CORRUPT:
		return fault.Wrap(fault.Unavailable, err, "the database file is damaged; restore a backup")
	case sqlite3.SQLITE_INTERRUPT:
		return fault.Wrap(fault.Unavailable, err, "the answer took too long and was given up")
	}
	return err
}

// retryBusy runs fn again while another process holds the file, for up to ten
// seconds: switching a new file to its write-ahead log ignores the busy timeout.
func retryBusy(ctx context.Context, fn func() error) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := fn()
		var engine *sqlite.Error
		if !errors.As(err, &engine) || engine.Code()&0xff != sqlite3.SQLITE_BUSY || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}
