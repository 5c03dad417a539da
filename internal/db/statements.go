package db

import (
	lru "container/list"
	"context"
	"database/sql/driver"
	"errors"
	"strings"
)

// keptStatements is how many statements a connection keeps compiled; the longest, an
// insert of fifty rows, takes some 100 kB. One insert has as many texts as a statement
// has rows, up to insertRows.
const keptStatements = 128

// keeping makes connections that keep the statements which write compiled. To compile
// an insert of many rows takes SQLite an eighth of the time of a whole commit of fifty,
// and database/sql forgets a transaction's statements at its end.
type keeping struct{ driver.Connector }

// Connect opens a connection.
func (k keeping) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := k.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	connection, ok := opened.(sqliteConn)
	if !ok {
		return nil, errors.Join(errors.New("the driver lacks what a connection needs"), opened.Close())
	}
	return &keepingConn{sqliteConn: connection, kept: map[string]*lru.Element{}}, nil
}

// sqliteConn is what the driver's connections can do.
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

// keepingConn is one connection. Like every driver's it belongs to one goroutine at a
// time.
type keepingConn struct {
	sqliteConn
	kept map[string]*lru.Element
	used lru.List // of keptStatement, the last used first
}

type keptStatement struct {
	text      string
	statement driver.Stmt
}

// ExecContext runs a statement.
func (c *keepingConn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	verb, _, _ := strings.Cut(text, " ")
	if verb != "INSERT" && verb != "UPDATE" && verb != "DELETE" {
		return c.sqliteConn.ExecContext(ctx, text, args)
	}
	at, found := c.kept[text]
	if !found {
		statement, err := c.PrepareContext(ctx, text)
		if err != nil {
			return nil, err
		}
		if len(c.kept) == keptStatements {
			oldest := c.used.Remove(c.used.Back()).(keptStatement)
			delete(c.kept, oldest.text)
			if err := oldest.statement.Close(); err != nil {
				return nil, errors.Join(err, statement.Close())
			}
		}
		at = c.used.PushFront(keptStatement{text, statement})
		c.kept[text] = at
	}
	c.used.MoveToFront(at)
	statement, ok := at.Value.(keptStatement).statement.(driver.StmtExecContext)
	if !ok {
		return nil, errors.New("the driver's statements lack what they need")
	}
	return statement.ExecContext(ctx, args)
}

// Close closes the connection and what it kept.
func (c *keepingConn) Close() error {
	var errs []error
	for e := c.used.Front(); e != nil; e = e.Next() {
		errs = append(errs, e.Value.(keptStatement).statement.Close())
	}
	return errors.Join(append(errs, c.sqliteConn.Close())...)
}
