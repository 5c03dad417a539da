// Package db opens the database and knows which engine it is: address, pools,
// pragmas, migrations, bulk statements, the meaning of the engine's errors. No
// other package writes SQL or asks which engine runs.
//
// Reads and writes go through different clients. Ent gives a client that can
// only read; Write runs a function in one write transaction, again where another
// transaction stood in its way. On SQLite there is one writer at a time, so Write
// queues; readers never wait for it.
package db

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"slices"
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
	engine engine
	pools
	client *ent.Client
}

// pools are the connections.
type pools struct {
	read      *sql.DB
	snapshots *sql.DB // whose transactions read; it may be read
	write     *sql.DB
}

// engine is what is different from one engine to the next.
type engine interface {
	dialect() string // ent's name for it
	// migrate brings the tables to the newest version, under a lock.
	migrate(context.Context, *DB) error
	// version asks for the engine's name and version.
	version(context.Context, *sql.DB) (string, error)
	// explain gives the engine's own errors as errors for people; others pass.
	explain(error) error
	// again says whether a transaction that failed so may succeed if it runs anew.
	again(error) bool
	// insert is the head of an INSERT that stores all its rows or spoils its transaction.
	insert() string
	// addUp is the tail of an INSERT that adds sums to the rows that are there.
	addUp(keys, sums []string) string
	// among is the condition that some columns, a key, have the values of one of some rows.
	among(keys []string, rows int) string
	// giveBack returns freed space to the file system.
	giveBack(context.Context, *DB) error
	// leave ends a transaction that read.
	leave(*sql.Tx)
	// inPlace fails where the database's file was taken away under us.
	inPlace() error
	// oneWriter says whether a transaction keeps every other one from writing.
	oneWriter() bool
}

// tooLarge is said of sums beyond 64 bits.
const tooLarge = "the sums of these rows are beyond 2^63; ask about fewer, or write smaller numbers"

// mostTries is how often Write runs a transaction that others stand in the way
// of.
const mostTries = 10

// newDB makes a DB of its pools, and migrates it.
func newDB(ctx context.Context, e engine, p pools) (*DB, error) {
	d := &DB{engine: e, pools: p}
	d.client = ent.NewClient(ent.Driver(explained{entsql.OpenDB(e.dialect(), d.read), d}))
	if err := e.migrate(ctx, d); err != nil {
		d.Close()
		return nil, d.explain(err)
	}
	return d, nil
}

// Tx is one write transaction. Its ent client reads and writes inside it. It
// belongs to one goroutine.
type Tx struct {
	*ent.Client
	sql    *sql.Tx
	engine engine
}

// Open opens the database at an address of the contract's form (sqlite:PATH or
// mysql://USER:PASSWORD@HOST:PORT/DATABASE), creates it where it is absent, and migrates it under a lock. It fails with
// kind Invalid for an address it cannot use and Unavailable for a database that
// does not open, each with a sentence for the operator.
func Open(ctx context.Context, address string) (*DB, error) {
	scheme, rest, found := strings.Cut(address, ":")
	switch {
	case found && scheme == "sqlite":
		return openSQLite(ctx, rest)
	case found && scheme == "mysql":
		return openMySQL(ctx, address)
	default:
		return nil, fault.New(fault.Invalid, "--db %q: want sqlite:PATH, such as sqlite:logbook.db, or mysql://USER:PASSWORD@HOST:PORT/DATABASE",
			fault.Shorten(scheme))
	}
}

// Ent gives the client for reading. The row policy asks the context's principal.
func (d *DB) Ent() *ent.Client { return d.client }

// Engine names the engine and its version.
func (d *DB) Engine(ctx context.Context) (string, error) {
	version, err := d.engine.version(ctx, d.read)
	return version, d.explain(err)
}

// OneWriter says whether a transaction keeps all others from writing, those of
// other processes too, so that whoever writes much should pause.
func (d *DB) OneWriter() bool { return d.engine.oneWriter() }

// Ping says whether the database answers.
func (d *DB) Ping(ctx context.Context) error {
	if err := d.engine.inPlace(); err != nil {
		return err
	}
	var one int
	return d.explain(d.read.QueryRowContext(ctx, "SELECT 1 FROM schema_migrations LIMIT 1").Scan(&one))
}

// Close closes all connections. Transactions under way are rolled back.
func (d *DB) Close() error {
	return errors.Join(d.read.Close(), d.snapshots.Close(), d.write.Close())
}

// Read runs fn on one snapshot: all its queries see the database at one moment.
func (d *DB) Read(ctx context.Context, fn func(*ent.Client) error) error {
	tx, err := d.snapshots.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return d.explain(err)
	}
	defer d.engine.leave(tx)
	return d.explain(fn(d.clientOf(tx)))
}

// Write runs fn in one write transaction and commits it. When fn fails nothing
// is stored. Where another transaction stands in the way (a deadlock, a row that
// both add) fn runs again, so it must begin anew each time. It must not keep the
// Tx.
func (d *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	for try := 1; ; try++ {
		err := d.writeOnce(ctx, fn)
		// An error that fn has given words is meant; trying again would not change it.
		var said *fault.Error
		if err == nil || try == mostTries || errors.As(err, &said) || !d.engine.again(err) {
			return d.explain(err)
		}
		select {
		case <-ctx.Done():
			return d.explain(err)
		case <-time.After(rand.N(time.Duration(try) * 5 * time.Millisecond)):
		}
	}
}

func (d *DB) writeOnce(ctx context.Context, fn func(*Tx) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := fn(&Tx{Client: d.clientOf(tx), sql: tx, engine: d.engine}); err != nil {
		return err
	}
	return tx.Commit()
}

// clientOf gives an ent client inside a transaction.
func (d *DB) clientOf(tx *sql.Tx) *ent.Client {
	driver := entsql.NewDriver(d.engine.dialect(), entsql.Conn{ExecQuerier: tx})
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
	case strings.Contains(err.Error(), "value out of range"): // database/sql, of a sum that MySQL made
		return fault.Wrap(fault.Invalid, err, tooLarge)
	case errors.Is(err, sql.ErrConnDone), strings.Contains(err.Error(), "database is closed"):
		return fault.Wrap(fault.Unavailable, err, "the server is shutting down")
	}
	return d.engine.explain(err)
}

// Insert adds rows to a table, many a statement. Each row holds one value per
// column. Where it fails the transaction must be given up. It does not pass through ent: the caller answers for the row policy.
func (t *Tx) Insert(ctx context.Context, table string, columns []string, rows [][]any) error {
	return t.insert(ctx, t.engine.insert()+into(table, columns), "", len(columns), rows)
}

// Add adds sums to the rows of a table that have the given keys, making the rows
// that are not there. Each row holds the keys' values, then the sums'.
func (t *Tx) Add(ctx context.Context, table string, keys, sums []string, rows [][]any) error {
	columns := append(append([]string{}, keys...), sums...)
	return t.insert(ctx, "INSERT INTO "+into(table, columns), t.engine.addUp(keys, sums), len(columns), rows)
}

// into gives an INSERT's table and columns; some are called like words of SQL.
func into(table string, columns []string) string {
	return "`" + table + "` (`" + strings.Join(columns, "`, `") + "`) VALUES "
}

// Drop removes the rows of a table that have the given values in the given columns, which
// begin with its key, many a statement, and gives how many there were.
func (t *Tx) Drop(ctx context.Context, table string, columns []string, rows [][]any) (dropped int64, err error) {
	for some := range slices.Chunk(rows, insertRows) {
		args := make([]any, 0, len(some)*len(columns))
		for _, row := range some {
			args = append(args, row...)
		}
		result, err := t.sql.ExecContext(ctx, "DELETE FROM "+table+" WHERE "+t.engine.among(columns, len(some)), args...)
		if err != nil {
			return dropped, err
		}
		gone, err := result.RowsAffected()
		if err != nil {
			return dropped, err
		}
		dropped += gone
	}
	return dropped, nil
}

// The most that one statement inserts. MySQL refuses packets of more than 16 MiB.
const (
	insertRows  = 50
	insertBytes = 8 << 20
)

// insert runs head + tuples + tail, in statements within the limits.
func (t *Tx) insert(ctx context.Context, head, tail string, width int, rows [][]any) error {
	tuple := "(" + strings.Repeat("?, ", width-1) + "?)"
	text := func(n int) string { return head + strings.Repeat(tuple+", ", n-1) + tuple + tail }
	args := make([]any, 0, insertRows*width)
	often := text(insertRows)
	for len(rows) > 0 {
		args = args[:0]
		n := 0
		for bytes := 0; n < min(insertRows, len(rows)); n++ {
			if bytes += sizeOf(rows[n]); n > 0 && bytes > insertBytes {
				break
			}
			args = append(args, rows[n]...)
		}
		statement := often
		if n < insertRows {
			statement = text(n)
		}
		if _, err := t.sql.ExecContext(ctx, statement, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// sizeOf gives about how many bytes a row's values take.
func sizeOf(row []any) (bytes int) {
	for _, value := range row {
		switch v := value.(type) {
		case string:
			bytes += len(v)
		case []byte:
			bytes += len(v)
		default:
			bytes += 8
		}
	}
	return bytes
}

// GiveBack returns space that purges freed to the file system, a little at a
// time, so that writers beside it hardly wait.
func (d *DB) GiveBack(ctx context.Context) error { return d.explain(d.engine.giveBack(ctx, d)) }
