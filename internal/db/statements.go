package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
)

// mostStatements is how many prepared statements a connection keeps. On SQLite one that reads
// takes some 10 kB, the longest, an insert of insertRows rows, some 100 kB; one insert has as
// many texts as a statement may have rows. A MySQL server holds 16,382 of all its
// connections where nothing else is set (max_prepared_stmt_count), and those beyond are run
// as they are.
const mostStatements = 128

// longestKept is how long the text of any other statement may be to be kept, in bytes.
// Longer ones list values, and hardly come again.
const longestKept = 8192

// keeping opens connections that keep the statements they have prepared. On SQLite to
// prepare a page's takes half as long as to run it, to prepare an insert of fifty rows an
// eighth of its commit, and database/sql forgets a transaction's statements at its end. On
// MySQL the server need not read the text again, and numbers come as they are.
type keeping struct {
	driver.Connector
	// known prepares a text when it comes for the second time: to prepare costs MySQL as
	// much as to run, and most of what comes only once lists values.
	known bool
	// lost says whether a statement failed since the server no longer has it, so that its
	// text is to be run as it is; nil where that cannot be.
	lost func(error) bool
}

// Connect opens a connection.
func (k keeping) Connect(ctx context.Context) (driver.Conn, error) {
	connection, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	c, ok := connection.(connected)
	if !ok {
		return nil, errors.Join(connection.Close(), errLacks)
	}
	return &keepingConn{connected: c, how: &k, kept: map[string]*kept{}}, nil
}

// errLacks says that a driver was changed.
var errLacks = errors.New("the driver lacks what a connection needs")

// connected is what database/sql uses of a connection.
type connected interface {
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
	connected
	how  *keeping
	kept map[string]*kept
	uses int64 // so far
}

// kept is a prepared statement.
type kept struct {
	text      string
	statement       // nil while the text has come once
	busy      bool  // its rows are being read
	used      int64 // the number of its last use
}

// statement is what database/sql uses of a statement.
type statement interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// CheckNamedValue turns an argument into what the driver takes.
func (c *keepingConn) CheckNamedValue(value *driver.NamedValue) error {
	if checker, ok := c.connected.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(value)
	}
	return driver.ErrSkip
}

// take gives the statement of a text, prepared if need be; nil where the text is better
// run as it is: it is not kept, is in use, or cannot be prepared, which running it says.
func (c *keepingConn) take(ctx context.Context, text string) *kept {
	switch verb, _, _ := strings.Cut(text, " "); {
	case verb == "INSERT":
	case len(text) <= longestKept && (verb == "SELECT" || verb == "UPDATE" || verb == "DELETE"):
	default:
		return nil
	}
	c.uses++
	k := c.kept[text]
	if k == nil {
		k = &kept{text: text}
		c.kept[text] = k
		if len(c.kept) > mostStatements {
			c.forgetOldest(k)
		}
		if c.how.known {
			k.used = c.uses
			return nil
		}
	}
	k.used = c.uses
	if k.busy {
		return nil
	}
	if k.statement == nil {
		prepared, err := c.connected.PrepareContext(ctx, text)
		if err != nil {
			c.forget(k)
			return nil
		}
		var ok bool
		if k.statement, ok = prepared.(statement); !ok {
			_ = prepared.Close()
			c.forget(k)
			return nil
		}
	}
	return k
}

// forgetOldest forgets what was not used for longest, but for one.
func (c *keepingConn) forgetOldest(but *kept) {
	var oldest *kept
	for _, one := range c.kept {
		if one != but && !one.busy && (oldest == nil || one.used < oldest.used) {
			oldest = one
		}
	}
	if oldest != nil {
		c.forget(oldest)
	}
}

// forget closes a statement. That it cannot be closed shows in the next one.
func (c *keepingConn) forget(k *kept) {
	delete(c.kept, k.text)
	if k.statement != nil {
		_ = k.Close()
	}
}

// lost says whether a statement that failed is to be run as it is instead.
func (c *keepingConn) lost(k *kept, err error) bool {
	if err == nil || c.how.lost == nil || !c.how.lost(err) {
		return false
	}
	c.forget(k)
	return true
}

// ExecContext runs a statement without rows.
func (c *keepingConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	if k := c.take(ctx, text); k != nil {
		if result, err := k.ExecContext(ctx, args); !c.lost(k, err) {
			return result, err
		}
	}
	if err := ctx.Err(); err != nil { // while it was prepared, which broke the connection
		return nil, err
	}
	return c.connected.ExecContext(ctx, text, args)
}

// QueryContext runs a statement with rows.
func (c *keepingConn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	if k := c.take(ctx, text); k != nil {
		rows, err := k.QueryContext(ctx, args)
		if err == nil {
			k.busy = true
			return &keptRows{rows, k}, nil
		}
		if !c.lost(k, err) {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil { // while it was prepared, which broke the connection
		return nil, err
	}
	return c.connected.QueryContext(ctx, text, args)
}

// Close closes the statements and the connection.
func (c *keepingConn) Close() error {
	var all []error
	for _, k := range c.kept {
		if k.statement != nil {
			all = append(all, k.Close())
		}
	}
	return errors.Join(append(all, c.connected.Close())...)
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
