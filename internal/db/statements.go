package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strings"

	"modernc.org/sqlite"
)

// mostStatements is how many prepared statements a connection to SQLite keeps. One that
// reads takes some 10 kB, the longest, an insert of insertRows rows, some 100 kB; one insert
// has as many texts as a statement may have rows.
const mostStatements = 128

// longestKept is how long the text of any other statement may be to be kept, in bytes.
// Longer ones list values, and hardly come again.
const longestKept = 4096

// keeping opens connections to SQLite that keep the statements they have prepared: to
// prepare a page's takes half as long as to run it, to prepare an insert of fifty rows an
// eighth of its commit, and database/sql forgets a transaction's statements at its end.
type keeping struct{ driver.Connector }

// keepingPool gives a pool of them.
func keepingPool(dsn string) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(keeping{connector}), nil
}

// Connect opens a connection.
func (k keeping) Connect(ctx context.Context) (driver.Conn, error) {
	connection, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	c, ok := connection.(sqliteConn)
	if !ok {
		return nil, errors.Join(connection.Close(), errors.New("the driver lacks what a connection needs"))
	}
	return &keepingConn{sqliteConn: c, kept: map[string]*kept{}}, nil
}

// sqliteConn is what database/sql uses of a connection.
type sqliteConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.Pinger
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

// keepingConn is a connection with its statements. Like every connection it belongs to
// one goroutine at a time.
type keepingConn struct {
	sqliteConn
	kept map[string]*kept
	uses int64 // so far
}

// kept is a prepared statement.
type kept struct {
	text string
	statement
	busy bool  // its rows are being read
	used int64 // the number of its last use
}

// statement is what database/sql uses of a statement.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// take gives the statement of a text, prepared if need be; nil where it is better not
// kept, or is in use.
func (c *keepingConn) take(ctx context.Context, text string) (*kept, error) {
	switch verb, _, _ := strings.Cut(text, " "); {
	case verb == "INSERT":
	case len(text) <= longestKept && (verb == "SELECT" || verb == "UPDATE" || verb == "DELETE"):
	default:
		return nil, nil
	}
	c.uses++
	if k := c.kept[text]; k != nil {
		if k.busy {
			return nil, nil
		}
		k.used = c.uses
		return k, nil
	}
	prepared, err := c.sqliteConn.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	s, ok := prepared.(statement)
	if !ok {
		return nil, errors.Join(prepared.Close(), errors.New("the driver lacks what a statement needs"))
	}
	k := &kept{text: text, statement: s, used: c.uses}
	c.kept[text] = k
	if len(c.kept) <= mostStatements {
		return k, nil
	}
	var oldest *kept
	for _, one := range c.kept {
		if one != k && !one.busy && (oldest == nil || one.used < oldest.used) {
			oldest = one
		}
	}
	if oldest != nil {
		delete(c.kept, oldest.text)
		err = oldest.Close()
	}
	return k, err
}

// ExecContext runs a statement without rows.
func (c *keepingConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	k, err := c.take(ctx, text)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return c.sqliteConn.ExecContext(ctx, text, args)
	}
	return k.ExecContext(ctx, args)
}

// QueryContext runs a statement with rows.
func (c *keepingConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	k, err := c.take(ctx, text)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return c.sqliteConn.QueryContext(ctx, text, args)
	}
	rows, err := k.QueryContext(ctx, args)
	if err != nil {
		return nil, err
	}
	k.busy = true
	return &keptRows{rows, k}, nil
}

// Close closes the statements and the connection.
func (c *keepingConn) Close() error {
	var all []error
	for _, k := range c.kept {
		all = append(all, k.Close())
	}
	return errors.Join(append(all, c.sqliteConn.Close())...)
}

// keptRows are rows of a statement that is kept.
type keptRows struct {
	driver.Rows
	of *kept
}

// Close frees the statement for its next use.
func (r *keptRows) Close() error {
	r.of.busy = false
	return r.Rows.Close()
}
