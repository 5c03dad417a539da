package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// floorLoad writes the rows that were loaded again, by prepared SQL into an empty
// database of the same schema, and holds its roll-ups against the journal's.
func (m *measure) floorLoad(p process, k *kind, e *engine, load *writing) error {
	other, remove, err := e.beside(p, "floor")
	if err != nil {
		return err
	}
	defer remove()
	bare, err := copyRows(p, k, e, other, k.dimensions, m.Rows, batchRows)
	if err != nil {
		return fmt.Errorf("write the floor: %w", err)
	}
	p.print("floor: %s by prepared SQL, batches of %d; the load reaches %.0f %% of it",
		bare, batchRows, 100*load.perSecond()/bare.perSecond())
	return sameRollups(p, k, e, other)
}

// copyRows writes the first rows of one database, oldest first, into another with
// the roll-ups of some dimensions, so many a transaction. The time is that of the
// transactions alone: reading and adding up are not part of it.
func copyRows(ctx context.Context, k *kind, from, to *engine, dimensions []dimension, most, together int) (*writing, error) {
	source, err := from.open(ctx)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	// With an argument MySQL answers in its binary form, numbers as numbers.
	rows, err := source.QueryContext(ctx, k.oldest(), most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	c, err := newCopier(ctx, k, to, columns)
	if err != nil {
		return nil, err
	}
	defer c.close()
	w := &writing{}
	for {
		batch, err := readBatch(rows, len(columns), together)
		if err != nil || len(batch) == 0 {
			return w, err
		}
		changes := k.rollups(columns, batch, dimensions)
		began := time.Now()
		if err := c.write(batch, changes); err != nil {
			return nil, err
		}
		w.elapsed += time.Since(began)
		w.rows += len(batch)
	}
}

// oldest gives the statement that reads a kind's oldest rows, as many as its argument says.
func (k *kind) oldest() string {
	return "SELECT * FROM " + k.table + " ORDER BY " + k.time + ", id LIMIT ?"
}

// copier writes rows and what they add to the roll-ups by statements that are prepared once.
type copier struct {
	ctx        context.Context
	pool       *sql.DB
	connection *sql.Conn // prepared statements live on one
	begin      string
	out, added *bulk
}

func newCopier(ctx context.Context, k *kind, to *engine, columns []string) (*copier, error) {
	pool, err := to.openToWrite(ctx)
	if err != nil {
		return nil, err
	}
	connection, err := pool.Conn(ctx)
	if err != nil {
		pool.Close()
		return nil, err
	}
	keys := []string{"kind", "dimension", "width", "tenant_id", "value", "bucket", "class"}
	sums := append([]string{"row_count"}, k.sums...)
	return &copier{
		ctx: ctx, pool: pool, connection: connection, begin: to.begin(),
		out:   newBulk(ctx, connection, k.table, columns, ""),
		added: newBulk(ctx, connection, "rollups", append(slices.Clone(keys), sums...), to.addUp(keys, sums)),
	}, nil
}

// write writes rows and changes of roll-ups in one transaction.
func (c *copier) write(rows, changes [][]any) error {
	if _, err := c.connection.ExecContext(c.ctx, c.begin); err != nil {
		return err
	}
	if err := c.out.insert(rows); err != nil {
		return err
	}
	if err := c.added.insert(changes); err != nil {
		return err
	}
	_, err := c.connection.ExecContext(c.ctx, "COMMIT")
	return err
}

func (c *copier) close() {
	c.out.close()
	c.added.close()
	c.connection.Close()
	c.pool.Close()
}

// begin gives the statement that begins a transaction that writes.
func (e *engine) begin() string {
	if e.mysql {
		return "BEGIN"
	}
	return "BEGIN IMMEDIATE"
}

// readBatch reads a batch of rows, fewer at the end.
func readBatch(rows *sql.Rows, width, most int) (batch [][]any, err error) {
	for len(batch) < most && rows.Next() {
		row, targets := make([]any, width), make([]any, width)
		for i := range row {
			targets[i] = &row[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		batch = append(batch, row)
	}
	return batch, rows.Err()
}

// rollups gives what rows add to the roll-ups, in the order of the table's key.
func (k *kind) rollups(columns []string, rows [][]any, dimensions []dimension) [][]any {
	place := make(map[string]int, len(columns))
	for i, name := range columns {
		place[name] = i
	}
	type key struct {
		dimension     int
		width         int64
		tenant, value string
		bucket, class int64
	}
	added := map[key][]int64{}
	all := string(make([]byte, 16))
	for _, row := range rows {
		number := func(column string) int64 { n, _ := row[place[column]].(int64); return n }
		for _, d := range dimensions {
			var parts []string
			counted := true
			for _, column := range d.columns {
				text, present := textOf(row[place[column]])
				counted = counted && (present || d.absent)
				parts = append(parts, text)
			}
			if !counted {
				continue
			}
			at := key{dimension: d.number, tenant: all, value: strings.Join(parts, "\x00")}
			if k.class != "" {
				at.class = number(k.class)
			}
			tenants := []string{all}
			if tenant, has := textOf(row[place["tenant_id"]]); has {
				tenants = append(tenants, tenant)
			}
			for _, at.width = range d.widths {
				at.bucket = number(k.time) / micros(at.width) // all made-up rows are younger than 1970
				for _, at.tenant = range tenants {
					sums := added[at]
					if sums == nil {
						sums = make([]int64, 1+len(k.sums))
						added[at] = sums
					}
					sums[0]++
					for i, column := range k.sums {
						sums[i+1] += number(column)
					}
				}
			}
		}
	}
	list := make([][]any, 0, len(added))
	for at, sums := range added {
		row := []any{int64(k.number), int64(at.dimension), at.width, []byte(at.tenant), []byte(at.value), at.bucket, at.class}
		for _, sum := range sums {
			row = append(row, sum)
		}
		list = append(list, row)
	}
	sort.Slice(list, func(i, j int) bool { return before(list[i], list[j]) })
	return list
}

// rollupKeys is how many columns the key of the roll-ups has.
const rollupKeys = 7

// before orders rows of roll-ups by their keys.
func before(a, b []any) bool {
	for i := range rollupKeys {
		switch x := a[i].(type) {
		case int64:
			if y := b[i].(int64); x != y {
				return x < y
			}
		case []byte:
			if c := bytes.Compare(x, b[i].([]byte)); c != 0 {
				return c < 0
			}
		}
	}
	return false
}

// textOf gives a column's value as the roll-ups have it; false for null.
func textOf(value any) (string, bool) {
	switch v := value.(type) {
	case int64:
		return strconv.FormatInt(v, 10), true
	case string:
		return v, true
	case []byte:
		return string(v), true
	}
	return "", false
}

// bulk inserts many rows a statement, by statements that are prepared once.
type bulk struct {
	ctx        context.Context
	connection *sql.Conn
	text       func(rows int) string
	statements map[int]*sql.Stmt // by number of rows
	args       []any
}

// bulkRows is how many rows a statement inserts, as internal/db does.
const bulkRows = 50

func newBulk(ctx context.Context, connection *sql.Conn, table string, columns []string, tail string) *bulk {
	tuple := "(" + strings.Repeat("?, ", len(columns)-1) + "?)"
	head := "INSERT INTO " + table + " (`" + strings.Join(columns, "`, `") + "`) VALUES "
	return &bulk{ctx: ctx, connection: connection, statements: map[int]*sql.Stmt{},
		text: func(rows int) string { return head + strings.Repeat(tuple+", ", rows-1) + tuple + tail }}
}

// insert inserts rows in the transaction that is open.
func (b *bulk) insert(rows [][]any) error {
	for some := range slices.Chunk(rows, bulkRows) {
		statement := b.statements[len(some)]
		if statement == nil {
			var err error
			if statement, err = b.connection.PrepareContext(b.ctx, b.text(len(some))); err != nil {
				return err
			}
			b.statements[len(some)] = statement
		}
		b.args = b.args[:0]
		for _, row := range some {
			b.args = append(b.args, row...)
		}
		if _, err := statement.ExecContext(b.ctx, b.args...); err != nil {
			return err
		}
	}
	return nil
}

func (b *bulk) close() {
	for _, statement := range b.statements {
		statement.Close()
	}
}

// sameRollups fails where two databases do not have the same roll-ups of a kind.
func sameRollups(ctx context.Context, k *kind, a, b *engine) error {
	first, err := a.rollupTotals(ctx, k)
	if err != nil {
		return err
	}
	second, err := b.rollupTotals(ctx, k)
	if err != nil {
		return err
	}
	if !slices.Equal(first, second) {
		return fmt.Errorf("the bench does not write the roll-ups that the journal writes; per dimension the rows and sums are\n%v of the journal\n%v of the bench", first, second)
	}
	return nil
}

// rollupTotals gives the number of rows and the sums of each dimension and width of a kind.
func (e *engine) rollupTotals(ctx context.Context, k *kind) (totals []string, err error) {
	db, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, `SELECT dimension, width, COUNT(*), SUM(row_count), SUM(quota + prompt_tokens * 3 + completion_tokens * 7),
		SUM(bucket), SUM(class * row_count) FROM rollups WHERE kind = ? GROUP BY dimension, width ORDER BY dimension, width`, k.number)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n [7]string
		if err := rows.Scan(&n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6]); err != nil {
			return nil, err
		}
		totals = append(totals, strings.Join(n[:], "/"))
	}
	return totals, rows.Err()
}
