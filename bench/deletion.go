package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

const (
	mostDeleted        = 100_000
	ofRangeDelete      = 1.5 // the time that a deletion may take, of one range DELETE's
	wantedBesideDelete = 100 // ms, the p95 of other requests meanwhile
)

// deletion lets the server delete the oldest usage records of the loaded database, a
// tenth of them at most, while others read and write, and then as many more by one
// DELETE of the engine: its floor, which lowers no roll-ups.
func (w *writer) deletion() error {
	var rows int64
	var bounds [2]int64
	var number int
	err := w.from.writes(w, func(db *sql.DB) error {
		if err := db.QueryRowContext(w, "SELECT COUNT(*) FROM usage_records").Scan(&rows); err != nil {
			return err
		}
		number = int(min(mostDeleted, rows/10))
		for i := range bounds {
			err := db.QueryRowContext(w, "SELECT created_at FROM usage_records ORDER BY created_at, id LIMIT 1 OFFSET ?", number*(i+1)).Scan(&bounds[i])
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
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
				deleted, took, err = deleteBefore(s, bounds[0])
				return err
			})
			return err
		})
		return err
	})
	if err != nil {
		return err
	}
	var floor time.Duration
	err = w.from.writes(w, func(db *sql.DB) error {
		began := time.Now()
		result, err := db.ExecContext(w, "DELETE FROM usage_records WHERE created_at < ?", bounds[1])
		floor = time.Since(began)
		if err != nil {
			return err
		}
		alike, err := result.RowsAffected()
		if err == nil && alike == 0 {
			err = fmt.Errorf("the floor deleted nothing")
		}
		floor = time.Duration(float64(floor) * float64(deleted) / float64(max(alike, 1)))
		return err
	})
	if err != nil {
		return err
	}
	w.figure(w.kind, rows, figure{name: fmt.Sprintf("DELETE /api/log/ of %d rows", deleted), value: took.Seconds(), floor: floor.Seconds(), unit: "s",
		limits: []limit{atMost("of the floor", took.Seconds()/floor.Seconds(), ofRangeDelete, "")}})
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
