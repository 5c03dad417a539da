package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite" // the driver

	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
)

// engine is a database of one of the engines, past everything Logbook does: the
// raw driver, with the settings of internal/db.
type engine struct {
	name    string // with its version
	address string // as logbook's --db takes it
	mysql   bool
	others  func(name string) string // the address of another database beside it
}

// startEngine gives the database that --db names, empty unless it is an address of
// one that is not. Call stop when it is not needed any more.
func startEngine(p process, named string, keep bool) (e *engine, stop func(), err error) {
	switch named {
	case "sqlite":
		e, stop, err = newFile(p, keep)
	case "mysql":
		if keep {
			return nil, nil, errors.New("--keep: the server that --db mysql starts takes its data with it; name one by its address")
		}
		e, stop, err = newServer(p)
	default:
		e, err = engineAt(named)
		stop = func() {}
	}
	if err != nil {
		return nil, nil, err
	}
	// Opening it as logbook does makes the tables.
	database, err := db.Open(p, e.address)
	if err != nil {
		stop()
		return nil, nil, err
	}
	defer database.Close()
	if e.name, err = database.Engine(p); err != nil {
		stop()
		return nil, nil, err
	}
	return e, stop, nil
}

// newFile gives a SQLite file in a folder of its own.
func newFile(p process, keep bool) (*engine, func(), error) {
	dir, err := os.MkdirTemp("", "logbook-bench")
	if err != nil {
		return nil, nil, err
	}
	address := "sqlite:" + filepath.Join(dir, "bench.db")
	e, err := engineAt(address)
	return e, func() {
		if keep {
			p.note("kept: --db %s", address)
		} else {
			os.RemoveAll(dir)
		}
	}, err
}

// newServer starts MariaDB as the tests do, but so that a commit is on disk before
// it is acknowledged, and with room for what is often read. A server that
// LOGBOOK_TEST_DB names is used as it is.
func newServer(ctx context.Context) (*engine, func(), error) {
	server, err := dbtest.Start()
	if err != nil {
		return nil, nil, err
	}
	if os.Getenv("LOGBOOK_TEST_DB") == "" {
		err = set(ctx, server, "innodb_flush_log_at_trx_commit = 1", "innodb_buffer_pool_size = 1 << 30")
	}
	var e *engine
	if err == nil {
		e, err = engineAt(server.URL + fmt.Sprintf("/logbook_test_bench_%d", time.Now().UnixNano()))
	}
	if err != nil {
		server.Stop()
		return nil, nil, err
	}
	return e, func() {
		e.removeNow(context.WithoutCancel(ctx))
		server.Stop()
	}, nil
}

// set changes a server's settings.
func set(ctx context.Context, server *dbtest.Server, settings ...string) error {
	db, err := server.Open("")
	if err != nil {
		return err
	}
	defer db.Close()
	for _, setting := range settings {
		if _, err := db.ExecContext(ctx, "SET GLOBAL "+setting); err != nil {
			return err
		}
	}
	return nil
}

// engineAt gives the database at an address.
func engineAt(address string) (*engine, error) {
	if path, isFile := strings.CutPrefix(address, "sqlite:"); isFile {
		return &engine{address: address, others: func(name string) string {
			return "sqlite:" + path + "-" + name
		}}, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "mysql" || u.User == nil {
		return nil, fmt.Errorf("--db: want sqlite, mysql, sqlite:PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	return &engine{address: address, mysql: true, others: func(name string) string {
		other := *u
		other.Path += "_" + name
		return other.String()
	}}, nil
}

// open opens the pool for reading.
func (e *engine) open(ctx context.Context) (*sql.DB, error) {
	if e.mysql {
		return e.openMySQL()
	}
	pool, err := sql.Open("sqlite", e.file()+"&_pragma=query_only(1)&_pragma=temp_store(memory)")
	if err != nil {
		return nil, err
	}
	readers := max(4, 2*runtime.NumCPU())
	pool.SetMaxOpenConns(readers)
	pool.SetMaxIdleConns(readers)
	return pool, pool.PingContext(ctx)
}

// openToWrite opens the pool for writing.
func (e *engine) openToWrite(ctx context.Context) (*sql.DB, error) {
	if e.mysql {
		return e.openMySQL()
	}
	pool, err := sql.Open("sqlite", e.file()+"&_pragma=journal_mode(wal)&_txlock=immediate&_pragma=cache_size(-32768)"+
		"&_pragma=wal_autocheckpoint(4000)&_pragma=synchronous(full)&_pragma=temp_store(memory)&_pragma=journal_size_limit(67108864)")
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	return pool, pool.PingContext(ctx)
}

// path gives the file of a SQLite database.
func (e *engine) path() string { return strings.TrimPrefix(e.address, "sqlite:") }

func (e *engine) file() string {
	return "file:" + (&url.URL{Path: e.path()}).EscapedPath() + "?_pragma=busy_timeout(10000)"
}

func (e *engine) openMySQL() (*sql.DB, error) {
	u, err := url.Parse(e.address)
	if err != nil {
		return nil, err
	}
	config := mysql.NewConfig()
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.Net, config.Addr, config.DBName = "tcp", u.Host, strings.Trim(u.Path, "/")
	config.Collation = "utf8mb4_bin"
	config.MaxAllowedPacket = 0
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	const connections = 16
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return pool, nil
}

// contains gives the condition that a column contains a text in lower case, ASCII
// letters in either case, everything else byte for byte (see db.ContainsFold).
func (e *engine) contains(column string) string {
	if e.mysql {
		return "LOCATE(?, CAST(LOWER(CONVERT(t." + column + " USING hebrew)) AS BINARY)) > 0"
	}
	return "instr(lower(t." + column + "), ?) > 0"
}

// addUp is the tail of an INSERT that adds sums to the rows that are there.
func (e *engine) addUp(keys, sums []string) string {
	updates := make([]string, len(sums))
	for i, sum := range sums {
		if e.mysql {
			updates[i] = sum + " = " + sum + " + VALUES(" + sum + ")"
		} else {
			updates[i] = sum + " = " + sum + " + excluded." + sum
		}
	}
	if e.mysql {
		return " ON DUPLICATE KEY UPDATE " + strings.Join(updates, ", ")
	}
	return " ON CONFLICT (" + strings.Join(keys, ", ") + ") DO UPDATE SET " + strings.Join(updates, ", ")
}

// beside makes an empty database of the same schema. Call remove at the end.
func (e *engine) beside(ctx context.Context, name string) (other *engine, remove func(), err error) {
	other, err = engineAt(e.others(name))
	if err != nil {
		return nil, nil, err
	}
	other.name = e.name
	other.removeNow(ctx) // what an earlier run may have left
	database, err := db.Open(ctx, other.address)
	if err != nil {
		return nil, nil, err
	}
	return other, func() { other.removeNow(context.WithoutCancel(ctx)) }, database.Close()
}

// removeNow removes the database.
func (e *engine) removeNow(ctx context.Context) {
	if !e.mysql {
		for _, ending := range []string{"", "-wal", "-shm"} {
			os.Remove(e.path() + ending)
		}
		return
	}
	if pool, err := e.openMySQL(); err == nil {
		_, _ = pool.ExecContext(ctx, "DROP DATABASE IF EXISTS `"+e.database()+"`")
		pool.Close()
	}
}

// database gives the name of a MySQL database.
func (e *engine) database() string {
	u, err := url.Parse(e.address)
	if err != nil {
		return ""
	}
	return strings.Trim(u.Path, "/")
}

// system is the context of what the bench does by itself.
func system(ctx context.Context) context.Context { return auth.System(ctx, "bench") }

// machine says what the bench runs on.
func machine() string {
	return fmt.Sprintf("%d cores, %s %s/%s", runtime.NumCPU(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
