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
	"strings"
	"time"

	"entgo.io/ent/dialect"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

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
	write, err := keepingPool(sqliteDSN(path, makingPragmas(path)+writerPragmas))
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "--db sqlite:%s does not open", path)
	}
	write.SetMaxOpenConns(1)
	read, err := keepingPool(sqliteDSN(path, "_pragma=query_only(1)"))
	if err != nil {
		write.Close()
		return nil, fault.Wrap(fault.Unavailable, err, "--db sqlite:%s does not open", path)
	}
	readers := max(4, 2*runtime.NumCPU())
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers) // the pool's default of 2 would reopen all the time

	file, _ := os.Stat(path) // where there is none, opening fails
	d, err := newDB(ctx, sqliteEngine{path, file}, pools{read, read, write})
	if err == nil {
		return d, nil
	}
	if known := fault.As(err); known.Kind != fault.Internal {
		return nil, fault.Wrap(known.Kind, err, "--db sqlite:%s: %s", path, known.Sentence)
	}
	return nil, fault.Wrap(fault.Unavailable, err, "--db sqlite:%s does not open", path)
}

// keepingPool gives a pool of connections that keep their statements.
func keepingPool(dsn string) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(keeping{Connector: connector}), nil
}

// sqliteDSN gives the driver's address. The order of the pragmas matters: the
// busy timeout first, since the others may meet a lock; auto_vacuum before the
// first table, or a purge never gives disk back; then the write-ahead log, with
// a sync at every commit, since an acknowledged row is a promise.
func sqliteDSN(path, extra string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_pragma=busy_timeout(" + busyTimeout + ")" +
		"&" + extra +
		"&_pragma=synchronous(full)" +
		"&_pragma=temp_store(memory)" +
		"&_pragma=journal_size_limit(67108864)"
}

// makingPragmas are what a file is made with. Only the writing connection has
// them, and auto_vacuum only while there is nothing in the file: it writes to the
// file each time, even the value that is there, and so would keep everybody from
// opening, and reading, a database whose disk is full.
func makingPragmas(path string) string {
	const log = "_pragma=journal_mode(wal)&"
	if info, err := os.Stat(path); err == nil && info.Size() > 0 {
		return log
	}
	return "_pragma=auto_vacuum(incremental)&" + log
}

// Embedded names the engine that is built in and its version; it needs no
// database.
func Embedded() string { return "SQLite " + sqlite3.SQLITE_VERSION }

// sqliteEngine is SQLite.
type sqliteEngine struct {
	path string
	file os.FileInfo // what stood at path when it was opened
}

// inPlace compares what stands at the path with what was opened. A process goes on
// reading and writing a file that was removed, and all of it is lost in the end.
func (e sqliteEngine) inPlace() error {
	if now, err := os.Stat(e.path); err != nil || !os.SameFile(now, e.file) {
		return fault.Wrap(fault.Unavailable, err, "the database file %s was removed or replaced, restart the server", e.path)
	}
	return nil
}

func (sqliteEngine) dialect() string  { return dialect.SQLite }
func (sqliteEngine) oneWriter() bool  { return true }
func (sqliteEngine) again(error) bool { return false } // the busy timeout has waited already
func (sqliteEngine) leave(tx *sql.Tx) { _ = tx.Rollback() }

func (sqliteEngine) version(ctx context.Context, db *sql.DB) (string, error) {
	var version string
	err := db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version)
	return "SQLite " + version, err
}

// insert has the statement keep what it has inserted when a row fails: the transaction
// is given up anyway, and to be able to take one statement back SQLite copies each page
// that it touches, a tenth of the whole work.
func (sqliteEngine) insert() string { return "INSERT OR FAIL INTO " }

func (sqliteEngine) addUp(keys, sums []string) string {
	updates := make([]string, len(sums))
	for i, sum := range sums {
		// Beyond 64 bits SQLite goes on in floating point; null is refused instead.
		both := sum + " + excluded." + sum
		updates[i] = sum + " = CASE typeof(" + both + ") WHEN 'integer' THEN " + both + " END"
	}
	return " ON CONFLICT (" + strings.Join(keys, ", ") + ") DO UPDATE SET " + strings.Join(updates, ", ")
}

// among names the rows as a table, whose rows SQLite looks up by the key.
func (sqliteEngine) among(keys []string, rows int) string {
	tuple := "(" + strings.Repeat("?, ", len(keys)-1) + "?)"
	return "(" + strings.Join(keys, ", ") + ") IN (VALUES " + strings.Repeat(tuple+", ", rows-1) + tuple + ")"
}

// giveBack frees some pages at a time and pauses as long as that took.
func (sqliteEngine) giveBack(ctx context.Context, d *DB) error {
	for {
		began := time.Now()
		var free int64
		if err := d.write.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil || free == 0 {
			return err
		}
		rows, err := d.write.QueryContext(ctx, "PRAGMA incremental_vacuum(500)")
		if err != nil {
			return err
		}
		for rows.Next() { // each step frees a page
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Since(began)):
		}
	}
}

func (sqliteEngine) explain(err error) error {
	var engine *sqlite.Error
	if !errors.As(err, &engine) {
		return err
	}
	switch {
	case engine.Code() == sqlite3.SQLITE_CONSTRAINT_NOTNULL && strings.Contains(engine.Error(), "rollups."),
		strings.Contains(engine.Error(), "integer overflow"):
		return fault.Wrap(fault.Invalid, err, tooLarge)
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
