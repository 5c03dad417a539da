package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

const (
	mostDeleted        = 100_000
	ofRangeDelete      = 1.5 // the time that a deletion may take, of one range DELETE's
	wantedBesideDelete = 100 // ms, the p95 of other requests meanwhile
)

// deletion lets the server delete the oldest usage records of the loaded database, a
// tenth of them at most, while others read and write, then as many more by prepared SQL that
// lowers the roll-ups, and at last as many by one DELETE of the engine: its floor, which
// lowers none.
func (w *writer) deletion() error {
	var rows, bound int64
	err := w.from.writes(w, func(db *sql.DB) error {
		return db.QueryRowContext(w, "SELECT COUNT(*) FROM usage_records").Scan(&rows)
	})
	if err != nil {
		return err
	}
	number := int(min(mostDeleted, rows/10))
	if bound, err = w.timeBehind(number); err != nil {
		return err
	}
	w.figures(fmt.Sprintf("deleting the oldest %d of %d", number, rows))
	var deleted int64
	var took time.Duration
	var reads, writes measured
	err = w.serve(w.from, "a deletion", func(s *server) (err error) {
		first := question{path: "/api/log/?p=1&page_size=20", as: newapiAdmin}
		if err := first.makeRequest(s); err != nil {
			return err
		}
		// Now, since what is written at the time of the oldest would be deleted.
		written := [][]byte{w.kind.createOne([]byte(`{"type":"CONSUME","userId":1,"username":"user-01","modelName":"model-00"}`))}
		reads, err = meanwhile(s.address, [][]byte{first.request}, func() (err error) {
			writes, err = meanwhile(s.address, written, func() (err error) {
				deleted, took, err = deleteBefore(s, bound)
				return err
			})
			return err
		})
		return err
	})
	if err != nil {
		return err
	}
	once, err := w.lowered(number, number)
	if err != nil {
		return err
	}
	often, err := w.lowered(number, purgedRows)
	if err != nil {
		return err
	}
	floor, err := w.rangeDelete(number)
	if err != nil {
		return err
	}
	perRow := func(of time.Duration, rows int64) float64 { return of.Seconds() * float64(deleted) / float64(rows) }
	bare := perRow(floor.took, floor.rows)
	w.figure(w.kind, rows, figure{name: fmt.Sprintf("DELETE /api/log/ of %d rows", deleted), value: took.Seconds(), floor: bare, unit: "s",
		limits: []limit{atMost("of the floor", took.Seconds()/bare, ofRangeDelete, "")}})
	w.figure(w.kind, rows, figure{name: "  by prepared SQL with roll-ups, in one transaction", value: perRow(once.took, once.rows), floor: bare, unit: "s"})
	w.figure(w.kind, rows, figure{name: fmt.Sprintf("  the same, %d rows a transaction", purgedRows), value: perRow(often.took, often.rows), floor: bare, unit: "s"})
	for _, one := range []struct {
		name string
		m    measured
	}{{"first pages", reads}, {"single creates", writes}} {
		p95 := inMilliseconds(one.m.percentile(95))
		w.figure(w.kind, rows, figure{name: fmt.Sprintf("p95 of %d %s meanwhile", len(one.m.times), one.name), value: p95, unit: "ms",
			limits: []limit{atMost("p95", p95, wantedBesideDelete, "ms")}})
	}
	return nil
}

// purgedRows is how many rows a transaction of a purge deletes, about.
const purgedRows = 2500

// timeBehind gives the time of the oldest usage record behind so many.
func (w *writer) timeBehind(rows int) (at int64, err error) {
	err = w.from.writes(w, func(db *sql.DB) error {
		return db.QueryRowContext(w, "SELECT created_at FROM usage_records ORDER BY created_at, id LIMIT 1 OFFSET ?", rows).Scan(&at)
	})
	return at, err
}

// deleting is how long rows took to be deleted.
type deleting struct {
	rows int64
	took time.Duration
}

// rangeDelete deletes about so many of the oldest usage records by one statement, and leaves
// the roll-ups as they are.
func (w *writer) rangeDelete(rows int) (d deleting, err error) {
	bound, err := w.timeBehind(rows)
	if err != nil {
		return d, err
	}
	err = w.from.writes(w, func(db *sql.DB) error {
		began := time.Now()
		result, err := db.ExecContext(w, "DELETE FROM usage_records WHERE created_at < ?", bound)
		d.took = time.Since(began)
		if err != nil {
			return err
		}
		if d.rows, err = result.RowsAffected(); err == nil && d.rows == 0 {
			err = fmt.Errorf("the floor deleted nothing")
		}
		return err
	})
	return d, err
}

// lowered deletes about so many of the oldest usage records by prepared SQL, at least
// together a transaction, each with what it takes out of the roll-ups; those that come to
// nothing are dropped in the last. Reading the rows and adding up is not part of the time.
func (w *writer) lowered(rows, together int) (d deleting, err error) {
	source, err := w.from.open(w)
	if err != nil {
		return d, err
	}
	defer source.Close()
	read, err := source.QueryContext(w, w.kind.oldest(), rows)
	if err != nil {
		return d, err
	}
	defer read.Close()
	columns, err := read.Columns()
	if err != nil {
		return d, err
	}
	all, err := readBatch(read, len(columns), rows)
	if err != nil {
		return d, err
	}
	read.Close() // or its snapshot keeps the log from being written back
	place := slices.Index(columns, w.kind.time)
	at := func(i int) int64 { n, _ := all[i][place].(int64); return n }
	end := len(all)
	for end > 0 && at(end-1) == at(len(all)-1) { // of whose time there may be more
		end--
	}
	c, err := newCopier(w, w.kind, w.from, columns)
	if err != nil {
		return d, err
	}
	defer c.close()
	for begin := 0; begin < end; {
		next := min(begin+together, end)
		for next < end && at(next) == at(next-1) {
			next++
		}
		changes := w.kind.rollups(columns, all[begin:next], w.kind.dimensions)
		for _, change := range changes {
			for i := rollupKeys; i < len(change); i++ {
				change[i] = -change[i].(int64)
			}
		}
		texts := []string{fmt.Sprintf("DELETE FROM usage_records WHERE created_at <= %d", at(next-1))}
		if next == end {
			texts = append(texts, fmt.Sprintf("DELETE FROM rollups WHERE kind = %d AND row_count = 0", w.kind.number))
		}
		began := time.Now()
		if err := c.lower(changes, texts); err != nil {
			return d, err
		}
		d.took += time.Since(began)
		begin = next
	}
	d.rows = int64(end)
	var counted, left int64
	err = source.QueryRowContext(w, "SELECT COALESCE(SUM(row_count), 0) FROM rollups WHERE kind = ? AND dimension = 1 AND width = ? AND tenant_id = ?",
		w.kind.number, w.kind.dimensions[0].widths[0], make([]byte, 16)).Scan(&counted)
	if err == nil {
		err = source.QueryRowContext(w, "SELECT COUNT(*) FROM usage_records").Scan(&left)
	}
	if err == nil && counted != left {
		err = fmt.Errorf("the roll-ups count %d rows where there are %d", counted, left)
	}
	return d, err
}

// lower runs changes of roll-ups and some texts in one transaction.
func (c *copier) lower(changes [][]any, texts []string) error {
	if _, err := c.connection.ExecContext(c.ctx, c.begin); err != nil {
		return err
	}
	if err := c.added.insert(changes); err != nil {
		return err
	}
	for _, text := range append(texts, "COMMIT") {
		if _, err := c.connection.ExecContext(c.ctx, text); err != nil {
			return err
		}
	}
	return nil
}

// deleteBefore deletes the records before a time and gives how many went.
func deleteBefore(s *server, bound int64) (deleted int64, took time.Duration, err error) {
	request := rawRequest("DELETE", fmt.Sprintf("/api/log/?target_timestamp=%d", bound/1_000_000), s.adminKey, nil, "New-Api-User: "+s.adminID)
	began := time.Now()
	answer, err := fetch(s.address, request)
	took = time.Since(began)
	if err != nil {
		return 0, took, err
	}
	var read struct {
		Success bool
		Data    int64
	}
	if err := json.Unmarshal(answer, &read); err != nil || !read.Success || read.Data == 0 {
		return 0, took, fmt.Errorf("answers %s", shorten(answer))
	}
	return read.Data, took, nil
}
