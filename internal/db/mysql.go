package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	"github.com/go-sql-driver/mysql"

	"logbook/internal/fault"
)

// mysqlConnections is how many connections each of the pools keeps.
const mysqlConnections = 16

// openMySQL opens a database of a MySQL, MariaDB or TiDB server, and makes it
// where the server has none of that name.
func openMySQL(ctx context.Context, address string) (*DB, error) {
	config, err := mysqlConfig(address)
	if err != nil {
		return nil, err
	}
	shown := config.User + "@" + config.Addr + "/" + config.DBName // never the password
	p, err := mysqlPools(ctx, config)
	if err == nil {
		var d *DB
		if d, err = newDB(ctx, mysqlEngine{}, p); err == nil {
			return d, nil
		}
	}
	known := fault.As(mysqlEngine{}.explain(err))
	if known.Kind == fault.Internal {
		known = fault.Wrap(fault.Unavailable, err, "it does not open")
	}
	return nil, fault.Wrap(known.Kind, err, "--db mysql://%s: %s", shown, known.Sentence)
}

// mysqlConfig reads mysql://user:password@host:port/database.
func mysqlConfig(address string) (*mysql.Config, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User == nil || strings.Trim(u.Path, "/") == "" || strings.Contains(strings.Trim(u.Path, "/"), "/") {
		return nil, fault.New(fault.Invalid, "--db mysql://…: want mysql://USER:PASSWORD@HOST:PORT/DATABASE, with %%40 for an @ in the password")
	}
	if u.RawQuery != "" {
		return nil, fault.New(fault.Invalid, "--db mysql://…: takes no parameters behind a ?")
	}
	port := u.Port()
	if port == "" {
		port = "3306"
	}
	config := mysql.NewConfig()
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.Net, config.Addr = "tcp", net.JoinHostPort(u.Hostname(), port)
	config.DBName = strings.Trim(u.Path, "/")
	config.Collation = "utf8mb4_bin"
	config.ClientFoundRows = true   // an UPDATE counts the rows it finds, as on SQLite
	config.InterpolateParams = true // one round trip a statement instead of three
	config.MaxAllowedPacket = 0     // ask the server
	config.Timeout = 5 * time.Second
	config.ReadTimeout = 5 * time.Minute
	config.WriteTimeout = time.Minute
	config.Params = map[string]string{
		// Too long is an error, never cut.
		"sql_mode": "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
	}
	config.Logger = &mysql.NopLogger{}
	return config, nil
}

// mysqlPools opens the pools for reading, for snapshots and for writing.
func mysqlPools(ctx context.Context, config *mysql.Config) (pools, error) {
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return pools{}, err
	}
	keeping := keeping{connector, true, statementLost}
	write := sql.OpenDB(keeping)
	err = write.PingContext(ctx)
	var no *mysql.MySQLError
	if errors.As(err, &no) && no.Number == unknownDatabase {
		err = makeDatabase(ctx, config)
	}
	if err != nil {
		write.Close()
		return pools{}, err
	}
	p := pools{sql.OpenDB(readOnly{keeping, false}), sql.OpenDB(readOnly{keeping, true}), write}
	for _, pool := range []*sql.DB{p.read, p.snapshots, p.write} {
		pool.SetMaxOpenConns(mysqlConnections)
		pool.SetMaxIdleConns(mysqlConnections)
		pool.SetConnMaxLifetime(3 * time.Minute) // servers and what stands between drop old ones
	}
	return p, nil
}

// plainName is a database's name that needs no care in a statement.
var plainName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// makeDatabase makes the database that config names.
func makeDatabase(ctx context.Context, config *mysql.Config) error {
	if !plainName.MatchString(config.DBName) {
		return fault.New(fault.Invalid, "the database does not exist, and its name is not one to make it by: letters, digits, _ and -")
	}
	without := config.Clone()
	without.DBName = ""
	connector, err := mysql.NewConnector(without)
	if err != nil {
		return err
	}
	server := sql.OpenDB(connector)
	defer server.Close()
	_, err = server.ExecContext(ctx, "CREATE DATABASE IF NOT EXISTS `"+config.DBName+"` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	return err
}

// readOnly makes connections that cannot write, and on which a transaction sees
// one moment whatever the server is set to.
type readOnly struct {
	driver.Connector
	// begun says that a transaction is always open: it begins with the first query behind
	// the end of the one before, and to begin it takes no round trip.
	begun bool
}

// Connect opens a connection.
func (r readOnly) Connect(ctx context.Context) (driver.Conn, error) {
	connection, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	c, ok := connection.(queried)
	if !ok {
		return nil, errors.Join(connection.Close(), errLacks)
	}
	k := &killing{queried: c, connector: r.Connector, begun: r.begun}
	_, err = k.ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", nil)
	if err == nil {
		k.id, err = connectionID(ctx, k.queried)
	}
	if err == nil && r.begun {
		_, err = k.ExecContext(ctx, "SET SESSION autocommit = 0", nil)
	}
	if err != nil {
		connection.Close()
		return nil, err
	}
	return k, nil
}

// queried is what database/sql uses of a connection to MySQL.
type queried interface {
	connected
	driver.NamedValueChecker
}

// killing is a connection whose query is given up by the server, too, when its caller
// does. The driver only closes the connection, which a server does not notice before it
// has something to send: a few callers that ask for much and go would keep it busy for
// as long as they like.
type killing struct {
	queried
	connector driver.Connector
	id        int64 // the server's number for the connection
	begun     bool  // see readOnly
}

// BeginTx begins a transaction.
func (k *killing) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if k.begun {
		return begun{k}, nil
	}
	return k.queried.BeginTx(ctx, options)
}

// begun is a transaction that began by itself, and so ends when it is ended.
type begun struct{ on *killing }

// Commit ends it; it has written nothing.
func (b begun) Commit() error { return b.Rollback() }

// Rollback ends it.
func (b begun) Rollback() error {
	if _, err := b.on.ExecContext(context.Background(), "ROLLBACK", nil); err != nil {
		return driver.ErrBadConn // its next question would see what this one saw
	}
	return nil
}

// QueryContext runs a query.
func (k *killing) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := k.queried.QueryContext(ctx, query, args)
	if err != nil && ctx.Err() != nil {
		k.kill(context.WithoutCancel(ctx))
	}
	return rows, err
}

// kill ends the query, if it still runs. That it cannot is no reason to fail: the caller
// has gone.
func (k *killing) kill(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	other, err := k.connector.Connect(ctx)
	if err != nil {
		return
	}
	defer other.Close()
	if execer, ok := other.(driver.ExecerContext); ok {
		_, _ = execer.ExecContext(ctx, "KILL QUERY "+strconv.FormatInt(k.id, 10), nil)
	}
}

// connectionID gives the server's number for a connection.
func connectionID(ctx context.Context, c driver.QueryerContext) (id int64, err error) {
	rows, err := c.QueryContext(ctx, "SELECT CONNECTION_ID()", nil)
	if err != nil {
		return 0, err
	}
	row := make([]driver.Value, 1)
	err = rows.Next(row)
	if err == nil {
		switch value := row[0].(type) {
		case int64:
			id = value
		case uint64:
			id = int64(value)
		case []byte:
			id, err = strconv.ParseInt(string(value), 10, 64)
		}
	}
	return id, errors.Join(err, rows.Close())
}

// The server's error numbers that mean something to Logbook
// (MariaDB Knowledge Base, "MariaDB Error Codes").
const (
	accessDenied     = 1045
	databaseDenied   = 1044
	unknownDatabase  = 1049
	tableExists      = 1050
	columnExists     = 1060
	keyExists        = 1061
	duplicateRow     = 1062
	tooManyOpen      = 1040
	lockWaitTimeout  = 1205
	outOfRange       = 1690
	deadlock         = 1213
	diskFull         = 1021
	tableFull        = 1114
	serverShutsDown  = 1053
	readOnlyServer   = 1290
	statementAborted = 1317
	statementUnknown = 1243
	statementChanged = 1615
)

// thereAlready says whether a DDL statement failed since it was done before.
func thereAlready(err error) bool {
	var no *mysql.MySQLError
	return errors.As(err, &no) && (no.Number == tableExists || no.Number == columnExists || no.Number == keyExists)
}

// statementLost says whether a prepared statement failed since the server, or what stands
// between, no longer has it.
func statementLost(err error) bool {
	var no *mysql.MySQLError
	return errors.As(err, &no) && (no.Number == statementUnknown || no.Number == statementChanged)
}

// mysqlEngine is MySQL, MariaDB or TiDB.
type mysqlEngine struct{}

// among says it row by row: of a list of tuples MariaDB makes no ranges.
func (mysqlEngine) among(keys []string, rows int) string {
	one := "(" + strings.Join(keys, " = ? AND ") + " = ?)"
	return "(" + strings.Repeat(one+" OR ", rows-1) + one + ")"
}

func (mysqlEngine) dialect() string { return dialect.MySQL }
func (mysqlEngine) inPlace() error  { return nil }
func (mysqlEngine) oneWriter() bool { return false }

// leave has nobody wait for a round trip of which nothing depends.
func (mysqlEngine) leave(tx *sql.Tx)                    { go tx.Rollback() }
func (mysqlEngine) giveBack(context.Context, *DB) error { return nil } // InnoDB uses it again itself

func (mysqlEngine) version(ctx context.Context, db *sql.DB) (string, error) {
	var version string
	err := db.QueryRowContext(ctx, "SELECT VERSION()").Scan(&version)
	name := "MySQL "
	if strings.Contains(version, "MariaDB") {
		name = "MariaDB "
	}
	return name + version, err
}

func (mysqlEngine) insert() string { return "INSERT INTO " }

func (mysqlEngine) addUp(_, sums []string) string {
	updates := make([]string, len(sums))
	for i, sum := range sums {
		updates[i] = sum + " = " + sum + " + VALUES(" + sum + ")"
	}
	return " ON DUPLICATE KEY UPDATE " + strings.Join(updates, ", ")
}

// again is true where another transaction stood in the way: a deadlock, a lock
// held too long, or a row that both added, which the next try will see.
func (mysqlEngine) again(err error) bool {
	var no *mysql.MySQLError
	if !errors.As(err, &no) {
		return false
	}
	switch no.Number {
	case deadlock, lockWaitTimeout, duplicateRow:
		return true
	}
	return false
}

func (mysqlEngine) explain(err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	var no *mysql.MySQLError
	var network *net.OpError
	switch {
	case errors.As(err, &no):
		switch no.Number {
		case accessDenied, databaseDenied:
			return fault.Wrap(fault.Unavailable, err, "the database server refuses the user or its password")
		case outOfRange:
			return fault.Wrap(fault.Invalid, err, tooLarge)
		case deadlock, lockWaitTimeout, tooManyOpen:
			return fault.Wrap(fault.Unavailable, err, "the database is busy, try again")
		case duplicateRow:
			return fault.Wrap(fault.Conflict, err, "another process stored the same at the same moment, try again")
		case diskFull, tableFull:
			return fault.Wrap(fault.Unavailable, err, "the disk that holds the database is full; nothing of this was stored")
		case serverShutsDown, readOnlyServer:
			return fault.Wrap(fault.Unavailable, err, "the database server takes no writes at the moment")
		case statementAborted:
			return fault.Wrap(fault.Unavailable, err, "the answer took too long and was given up")
		}
	case errors.As(err, &network), errors.Is(err, mysql.ErrInvalidConn), errors.Is(err, driver.ErrBadConn):
		return fault.Wrap(fault.Unavailable, err, "the database server cannot be reached")
	}
	return err
}
