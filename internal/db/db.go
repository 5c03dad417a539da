// Package db opens the database and knows which engine it is: address, pools,
// pragmas, migrations, bulk statements, the meaning of the engine's errors. No
// other package writes SQL or asks which engine runs.
//
// Reads and writes go through different clients. Ent gives a client that can
// only read; Write runs a function in one write transaction. On SQLite there is
// one writer at a time in a process, so Write queues; readers never wait for it.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"logbook/ent"
	_ "logbook/ent/runtime" // without it the row policies are not in force
	"logbook/internal/fault"
)

// DB is an open, migrated database. It is safe for concurrent use.
type DB struct {
	dialect string
	read    *sql.DB
	write   *sql.DB
	client  *ent.Client
}

// Tx is one write transaction. Its ent client reads and writes inside it. It
// belongs to one goroutine.
type Tx struct {
	*ent.Client
	sql *sql.Tx
}

// Open opens the database at an address of the contract's form (sqlite:PATH),
// creates it where it is absent, and migrates it under a lock. It fails with
// kind Invalid for an address it cannot use and Unavailable for a database that
// does not open, each with a sentence for the operator.
func Open(ctx context.Context, address string) (*DB, error) {
	scheme, rest, found := strings.Cut(address, ":")
	switch {
	case found && scheme == "sqlite":
		return openSQLite(ctx, rest)
	case found && scheme == "mysql":
		return nil, fault.New(fault.Invalid, "--db %s…: MySQL is not served by this version yet, use sqlite:PATH", fault.Shorten(scheme))
	default:
		return nil, fault.New(fault.Invalid, "--db %q: want sqlite:PATH, such as sqlite:logbook.db", fault.Shorten(address))
	}
}

// Ent gives the client for reading. The row policy asks the context's principal.
func (d *DB) Ent() *ent.Client { return d.client }

// Engine names the engine and its version.
func (d *DB) Engine(ctx context.Context) (string, error) {
	var version string
	if err := d.read.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return "", d.explain(err)
	}
	return "SQLite " + version, nil
}

// Ping says whether the database answers.
func (d *DB) Ping(ctx context.Context) error {
	var one int
	return d.explain(d.read.QueryRowContext(ctx, "SELECT 1 FROM schema_migrations LIMIT 1").Scan(&one))
}

// Close closes all connections. Transactions under way are rolled back.
func (d *DB) Close() error {
	return errors.Join(d.read.Close(), d.write.Close())
}

// Read runs fn on one snapshot: all its queries see the database at one moment.
func (d *DB) Read(ctx context.Context, fn func(*ent.Client) error) error {
	tx, err := d.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return d.explain(err)
	}
	defer tx.Rollback()
	return d.explain(fn(d.clientOf(tx)))
}

// Write runs fn in one write transaction and commits it. When fn fails nothing
// is stored. fn must not keep the Tx.
func (d *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return d.explain(err)
	}
	defer tx.Rollback()
	if err := fn(&Tx{Client: d.clientOf(tx), sql: tx}); err != nil {
		return d.explain(err)
	}
	return d.explain(tx.Commit())
}

// clientOf gives an ent client inside a transaction.
func (d *DB) clientOf(tx *sql.Tx) *ent.Client {
	driver := entsql.NewDriver(d.dialect, entsql.Conn{ExecQuerier: tx})
	return ent.NewClient(ent.Driver(inTx{driver}))
}

// explained is the driver of the client for reading: its errors are for people.
type explained struct {
	dialect.Driver
	db *DB
}

// Query runs a query.
func (e explained) Query(ctx context.Context, query string, args, rows any) error {
	return e.db.explain(e.Driver.Query(ctx, query, args, rows))
}

// inTx is ent's driver inside a transaction: what ent would begin, it joins.
type inTx struct{ dialect.Driver }

// Tx gives the transaction that is already open.
func (d inTx) Tx(context.Context) (dialect.Tx, error) { return dialect.NopTx(d.Driver), nil }

// explain turns the engine's errors into errors for people; all others pass.
func (d *DB) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fault.Wrap(fault.Unavailable, err, "the answer took too long and was given up")
	case errors.Is(err, sql.ErrConnDone), strings.Contains(err.Error(), "database is closed"):
		return fault.Wrap(fault.Unavailable, err, "the server is shutting down")
	}
	return explainSQLite(err)
}

// Insert adds rows to a table, many a statement. Each row holds one value per
// column. It does not pass through ent: the caller answers for the row policy.
func (t *Tx) Insert(ctx context.Context, table string, columns []string, rows [][]any) error {
	head := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES "
	return t.insert(ctx, head, "", len(columns), rows)
}

// Add adds sums to the rows of a table that have the given keys, making the rows
// that are not there, and drops those whose sums came to nothing. Each row holds
// the keys' values, then the sums'.
func (t *Tx) Add(ctx context.Context, table string, keys, sums []string, rows [][]any) error {
	columns := append(append([]string{}, keys...), sums...)
	head := "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES "
	updates := make([]string, len(sums))
	for i, sum := range sums {
		updates[i] = fmt.Sprintf("%s = %s + excluded.%s", sum, sum, sum)
	}
	tail := " ON CONFLICT (" + strings.Join(keys, ", ") + ") DO UPDATE SET " + strings.Join(updates, ", ")
	return t.insert(ctx, head, tail, len(columns), rows)
}

// DropEmpty removes the rows of a table that have the given keys and whose sums
// are all zero. Each row holds the keys' values first.
func (t *Tx) DropEmpty(ctx context.Context, table string, keys, sums []string, rows [][]any) error {
	text := "DELETE FROM " + table + " WHERE " + strings.Join(keys, " = ? AND ") + " = ? AND " +
		strings.Join(sums, " = 0 AND ") + " = 0"
	statement, err := t.sql.PrepareContext(ctx, text)
	if err != nil {
		return err
	}
	defer statement.Close()
	for _, row := range rows {
		if _, err := statement.ExecContext(ctx, row[:len(keys)]...); err != nil {
			return err
		}
	}
	return nil
}

// insert runs head + tuples + tail, in statements of at most insertRows rows.
func (t *Tx) insert(ctx context.Context, head, tail string, width int, rows [][]any) error {
	const insertRows = 50
	tuple := "(" + strings.Repeat("?, ", width-1) + "?)"
	text := func(n int) string { return head + strings.Repeat(tuple+", ", n-1) + tuple + tail }
	args := make([]any, 0, insertRows*width)

	if len(rows) >= 2*insertRows {
		statement, err := t.sql.PrepareContext(ctx, text(insertRows))
		if err != nil {
			return err
		}
		defer statement.Close()
		for ; len(rows) >= insertRows; rows = rows[insertRows:] {
			args = args[:0]
			for _, row := range rows[:insertRows] {
				args = append(args, row...)
			}
			if _, err := statement.ExecContext(ctx, args...); err != nil {
				return err
			}
		}
	}
	for ; len(rows) > 0; rows = rows[min(insertRows, len(rows)):] {
		n := min(insertRows, len(rows))
		args = args[:0]
		for _, row := range rows[:n] {
			args = append(args, row...)
		}
		if _, err := t.sql.ExecContext(ctx, text(n), args...); err != nil {
			return err
		}
	}
	return nil
}

// GiveBack returns space that purges freed to the file system, a little at a
// time, so that writers beside it hardly wait.
func (d *DB) GiveBack(ctx context.Context) error {
	for {
		began := time.Now()
		var free int64
		if err := d.write.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil {
			return d.explain(err)
		}
		if free == 0 {
			return nil
		}
		rows, err := d.write.QueryContext(ctx, "PRAGMA incremental_vacuum(500)")
		if err != nil {
			return d.explain(err)
		}
		for rows.Next() {
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			return d.explain(err)
		}
		select {
		case <-ctx.Done():
			return d.explain(ctx.Err())
		case <-time.After(time.Since(began)):
		}
	}
}
