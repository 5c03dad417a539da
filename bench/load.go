package main

import (
	"fmt"
	"time"

	"logbook/internal/db"
	"logbook/internal/journal"
)

// batchRows is how many rows a transaction writes.
const batchRows = 1000

// writing is how fast rows were written.
type writing struct {
	rows    int
	elapsed time.Duration
}

func (w writing) perSecond() float64 { return float64(w.rows) / w.elapsed.Seconds() }

// String says it for people.
func (w writing) String() string {
	return fmt.Sprintf("%d rows in %.1f s, %.0f rows/s", w.rows, w.elapsed.Seconds(), w.perSecond())
}

// fill writes made-up rows of a kind through the journal, and gives nil where the
// database holds some already. Making the rows is not part of the time.
func fill(p process, k *kind, e *engine, rows int, seed uint64) (*writing, error) {
	pool, err := e.openToWrite(p)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	var there int
	if err := pool.QueryRowContext(p, "SELECT COUNT(*) FROM "+k.table).Scan(&there); err != nil {
		return nil, err
	}
	if k.sign != nil {
		if err := k.sign(p, pool); err != nil {
			return nil, fmt.Errorf("make what questions sign in with: %w", err)
		}
	}
	if there > 0 {
		p.print("the database holds %d rows of the kind already; nothing is loaded", there)
		return nil, nil
	}
	if k.prepare != nil {
		if err := k.prepare(p, pool); err != nil {
			return nil, fmt.Errorf("prepare: %w", err)
		}
	}
	database, err := db.Open(p, e.address)
	if err != nil {
		return nil, err
	}
	defer database.Close()
	j := journal.New(database, journal.Options{})
	defer j.Close(p)
	ctx := system(p)
	w := writing{rows: rows}
	shown := time.Now()
	source := newSource(k, seed, rows, time.Now().Truncate(time.Second))
	for drafts := source.next(batchRows); len(drafts) > 0; drafts = source.next(batchRows) {
		began := time.Now()
		if err := k.append(ctx, j, drafts); err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
		w.elapsed += time.Since(began)
		if time.Since(shown) > 10*time.Second {
			p.note("loaded %d of %d", source.made, rows)
			shown = time.Now()
		}
	}
	// A server does this beside its work; here nothing is to be measured beside it.
	began := time.Now()
	if err := j.Seal(ctx); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	p.note("sealed the texts in %.1f s", time.Since(began).Seconds())
	return &w, nil
}
