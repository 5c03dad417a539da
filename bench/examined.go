package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"

	"modernc.org/sqlite"

	"logbook/internal/db"
)

// examiner counts what the engine does for an answer of the server, by the
// engine's own counters. SQLite's driver gives no count of rows, so there it is
// the pages that were touched.
type examiner interface {
	unit() string
	examine(question) (int64, error)
	close()
}

func newExaminer(ctx context.Context, e *engine, s *server) (examiner, error) {
	if !e.mysql {
		return newPages(ctx, e)
	}
	pool, err := e.openMySQL()
	if err != nil {
		return nil, err
	}
	return &handlerReads{ctx, pool, s.address}, nil
}

// examinations is how often a question is asked for its count; the smallest one
// has the least of what else goes on.
const examinations = 3

// handlerReads asks MariaDB how many rows its handlers read, over the whole server,
// before and after the real server has answered; nobody else must use it then.
type handlerReads struct {
	ctx     context.Context
	pool    *sql.DB
	address string
}

func (h *handlerReads) unit() string { return "rows" }
func (h *handlerReads) close()       { h.pool.Close() }

func (h *handlerReads) examine(q question) (int64, error) {
	var counts []int64
	for range examinations {
		idle, err := h.reads(func() error { return nil }) // what asking for the count counts
		if err != nil {
			return 0, err
		}
		asked, err := h.reads(func() error { _, err := fetch(h.address, q.request); return err })
		if err != nil {
			return 0, err
		}
		counts = append(counts, asked-idle)
	}
	return slices.Min(counts), nil
}

// reads gives by how much the counters rise while fn runs.
func (h *handlerReads) reads(fn func() error) (int64, error) {
	before, err := h.total()
	if err != nil {
		return 0, err
	}
	if err := fn(); err != nil {
		return 0, err
	}
	after, err := h.total()
	return after - before, err
}

func (h *handlerReads) total() (total int64, err error) {
	rows, err := h.pool.QueryContext(h.ctx, "SHOW GLOBAL STATUS LIKE 'Handler_read_%'")
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var count int64
		if err := rows.Scan(&name, &count); err != nil {
			return 0, err
		}
		total += count
	}
	return total, rows.Err()
}

// pages asks the server's own code in this process and SQLite's connections how
// many pages they touched, in the cache or not.
type pages struct {
	handler     http.Handler
	database    *db.DB
	mu          sync.Mutex
	connections []sqlite.DBStatus
}

func newPages(ctx context.Context, e *engine) (*pages, error) {
	p := &pages{}
	sqlite.RegisterConnectionHook(func(connection sqlite.ExecQuerierContext, _ string) error {
		if status, can := connection.(sqlite.DBStatus); can {
			p.mu.Lock()
			p.connections = append(p.connections, status)
			p.mu.Unlock()
		}
		return nil
	})
	var err error
	if p.database, err = db.Open(ctx, e.address); err != nil {
		return nil, err
	}
	p.handler = serverHandler(p.database)
	return p, nil
}

func (p *pages) unit() string { return "pages" }
func (p *pages) close()       { p.database.Close() }

func (p *pages) examine(q question) (int64, error) {
	var counts []int64
	for range examinations {
		before, err := p.touched()
		if err != nil {
			return 0, err
		}
		request, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(q.request)))
		if err != nil {
			return 0, err
		}
		answer := httptest.NewRecorder()
		p.handler.ServeHTTP(answer, request)
		if answer.Code != http.StatusOK {
			return 0, fmt.Errorf("answers %d: %s", answer.Code, shorten(answer.Body.Bytes()))
		}
		after, err := p.touched()
		if err != nil {
			return 0, err
		}
		counts = append(counts, after-before)
	}
	return slices.Min(counts), nil
}

// touched gives how many pages were touched so far.
func (p *pages) touched() (total int64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, connection := range p.connections {
		for _, op := range []sqlite.DBStatusOp{sqlite.DBStatusCacheHit, sqlite.DBStatusCacheMiss} {
			count, _, err := connection.Status(op, false)
			if err != nil {
				return 0, err
			}
			total += int64(count)
		}
	}
	return total, nil
}
