package db

import (
	"context"
	"strconv"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"logbook/ent"
)

// Union gathers queries that give columns of the same meaning, to ask them as one
// statement: on MySQL a round trip takes longer than most queries that know their rows. It
// belongs to one goroutine.
type Union struct {
	driver dialect.Driver
	client *ent.Client
	texts  []string
	args   []any
}

// NewUnion gives a union that is asked where a client asks.
func NewUnion(client *ent.Client) *Union {
	u := &Union{}
	u.client = client.Through(func(driver dialect.Driver) dialect.Driver {
		u.driver = driver
		return gathering{driver, u}
	})
	return u
}

// Client gives the client whose queries become parts of the union. They give no rows, and
// pass the row policies as all others do. They may have no order and no limit.
func (u *Union) Client() *ent.Client { return u.client }

// Parts gives how many queries were gathered, and how many arguments they have.
func (u *Union) Parts() (queries, arguments int) { return len(u.texts), len(u.args) }

// Each asks what was gathered, which is forgotten then, and calls fn for each of at most
// so many rows, or of all for 0, with its columns in dest.
func (u *Union) Each(ctx context.Context, most int, dest []any, fn func() error) error {
	text, args := strings.Join(u.texts, " UNION ALL "), u.args
	u.texts, u.args = nil, nil
	if text == "" {
		return nil
	}
	if most > 0 {
		text += " LIMIT " + strconv.Itoa(most)
	}
	rows := &entsql.Rows{}
	if err := u.driver.Query(ctx, text, args, rows); err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if err := fn(); err != nil {
			return err
		}
	}
	return rows.Err()
}

// gathering is a driver that gathers queries in place of running them.
type gathering struct {
	dialect.Driver
	union *Union
}

// Query notes a query.
func (g gathering) Query(_ context.Context, query string, args, rows any) error {
	g.union.texts = append(g.union.texts, query)
	g.union.args = append(g.union.args, args.([]any)...)
	rows.(*entsql.Rows).ColumnScanner = noRows{}
	return nil
}

// noRows are the rows of a query that was not run.
type noRows struct{ entsql.ColumnScanner }

func (noRows) Close() error               { return nil }
func (noRows) Columns() ([]string, error) { return nil, nil }
func (noRows) Next() bool                 { return false }
func (noRows) Err() error                 { return nil }
