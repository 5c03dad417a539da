package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// writer measures how a kind is written: each way into an empty database of its own,
// and then once more by prepared SQL, the floor of the same rows.
type writer struct {
	*report
	kind   *kind
	from   *engine // a loaded database, whose oldest rows are written
	binary string
	rows   int // that are written
	held   peak
}

const (
	singleClients = 64
	// mostOverHTTP is how many rows are sent to a server at most: their requests are
	// made before, and held.
	mostOverHTTP = 100_000
	// ofFloor is the part of the floor's rate that is wanted.
	ofFloor = 0.7
	// wantedSingles are the single rows a second that are wanted on SQLite.
	wantedSingles = 5000
)

// measure measures all ways.
func (w *writer) measure(most int) error {
	inputs, err := w.kind.inputs(w, w.from, min(most, mostOverHTTP))
	if err != nil {
		return err
	}
	w.rows = most
	w.print("floor of writing: the same rows and roll-ups by prepared SQL, %d rows a transaction, for single creates %d", batchRows, singleClients)
	w.figures("writing, into an empty database")
	for _, connections := range []int{1, 4} {
		if err := w.batches(inputs, connections); err != nil {
			return err
		}
	}
	if err := w.singles(inputs[:max(batchRows, len(inputs)/5)]); err != nil {
		return err
	}
	return w.imports(inputs)
}

// batches sends rows a thousand a mutation.
func (w *writer) batches(inputs [][]byte, connections int) error {
	var requests [][]byte
	for some := range slices.Chunk(inputs[:len(inputs)/batchRows*batchRows], batchRows) {
		requests = append(requests, w.kind.createMany(some))
	}
	name := fmt.Sprintf("createMany of %d, %d at once", batchRows, connections)
	_, err := w.served(name, requests, batchRows, connections, nil)
	return err
}

// singles sends rows one a mutation from many clients. Their floor commits together as
// many rows as there are clients, since so many wait for a commit at any time.
func (w *writer) singles(inputs [][]byte) error {
	requests := make([][]byte, len(inputs))
	for i, input := range inputs {
		requests[i] = w.kind.createOne(input)
	}
	name := fmt.Sprintf("create of one, %d clients", singleClients)
	m, err := w.served(name, requests, 1, singleClients, func(perSecond float64) []limit {
		if w.from.mysql {
			return nil
		}
		return []limit{atLeast("rate", perSecond, wantedSingles, "/s")}
	})
	if err != nil {
		return err
	}
	w.figure(w.kind, 0, figure{name: name + ", p50", value: inMilliseconds(m.percentile(50)), unit: "ms"})
	w.figure(w.kind, 0, figure{name: name + ", p95", value: inMilliseconds(m.percentile(95)), unit: "ms"})
	return nil
}

// served sends requests of so many rows each to a server on an empty database, and
// prints their rate beside the floor's, and then that of a bare handler: as fast as what
// reads JSON behind net/http can be.
func (w *writer) served(name string, requests [][]byte, each, connections int, more func(perSecond float64) []limit) (m measured, err error) {
	rows, together := len(requests)*each, each
	if each == 1 {
		together = connections
	}
	err = w.beside(name, together, func(to *engine) (*writing, error) {
		err := w.serve(to, name, func(s *server) (err error) {
			m, err = sendAll(w, s.address, requests, each, connections)
			return err
		})
		return &writing{rows: rows, elapsed: m.elapsed}, err
	}, more, func(from, to *engine) (*writing, error) {
		h, err := startHandler(w.process, w.kind, from, to, rows, each)
		if err != nil {
			return nil, err
		}
		defer h.stop()
		m, err := sendAll(w, h.address, requests, each, connections)
		return &writing{rows: rows, elapsed: m.elapsed}, err
	})
	return m, err
}

// serve starts the program on a database while fn runs, which is the load.
func (w *writer) serve(on *engine, load string, fn func(*server) error) error {
	s, err := startServer(w.process, w.binary, on)
	if err != nil {
		return err
	}
	defer s.stop()
	err = fn(s)
	w.held.add(s.mostMemory(), load)
	return err
}

// beside writes rows into an empty database and copies them by prepared SQL into
// another, so many a transaction, and by handle, if any, into a third. It prints the rates
// and fails where the roll-ups are not the same.
func (w *writer) beside(name string, together int, write func(to *engine) (*writing, error), more func(perSecond float64) []limit,
	handle func(from, to *engine) (*writing, error)) error {
	return w.empty("written", func(to *engine) error {
		got, err := write(to)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		// again writes the same rows in another way.
		again := func(write func(from, to *engine) (*writing, error)) (other *writing, err error) {
			err = w.empty("copied", func(copied *engine) (err error) {
				if other, err = write(to, copied); err == nil {
					err = sameRollups(w, w.kind, to, copied)
				}
				if err != nil {
					err = fmt.Errorf("%s: the floor: %w", name, err)
				}
				return err
			})
			return other, err
		}
		bare, err := again(func(from, to *engine) (*writing, error) {
			return copyRows(w, w.kind, from, to, w.kind.dimensions, got.rows, together)
		})
		if err != nil {
			return err
		}
		limits := []limit{atLeast("part of the floor", got.perSecond()/bare.perSecond(), ofFloor, "")}
		if more != nil {
			limits = append(limits, more(got.perSecond())...)
		}
		w.figure(w.kind, int64(got.rows), figure{name: name, value: got.perSecond(), floor: bare.perSecond(), unit: "/s", limits: limits})
		if handle == nil {
			return nil
		}
		handled, err := again(handle)
		if err == nil {
			w.figure(w.kind, int64(got.rows), figure{name: "  by a bare handler", value: handled.perSecond(), floor: bare.perSecond(), unit: "/s"})
		}
		return err
	})
}

// empty makes an empty database beside the loaded one while fn runs.
func (w *writer) empty(name string, fn func(*engine) error) error {
	e, remove, err := w.from.beside(w, name)
	if err != nil {
		return err
	}
	defer remove()
	if err := w.kind.names(w, e); err != nil {
		return err
	}
	return fn(e)
}

// sendAll sends each request once, on some connections, and wants so many rows in each
// answer.
func sendAll(ctx context.Context, address string, requests [][]byte, each, connections int) (measured, error) {
	var next atomic.Int64
	times := make([]time.Duration, len(requests))
	failures := make([]error, connections)
	callers := make([]*caller, connections)
	for i := range callers {
		var err error
		if callers[i], err = call(address); err != nil {
			return measured{}, err
		}
		defer callers[i].connection.Close()
	}
	var working sync.WaitGroup
	began := time.Now()
	for i, c := range callers {
		working.Go(func() {
			var answer writeBuffer
			for ctx.Err() == nil {
				number := int(next.Add(1)) - 1
				if number >= len(requests) {
					return
				}
				answer = answer[:0]
				at := time.Now()
				err := c.ask(requests[number], &answer)
				times[number] = time.Since(at)
				if err == nil {
					err = created(answer, each)
				}
				if failures[i] = err; err != nil {
					return
				}
			}
			failures[i] = ctx.Err()
		})
	}
	working.Wait()
	m := measured{times: times, elapsed: time.Since(began)}
	slices.Sort(m.times)
	for _, err := range failures {
		if err != nil {
			return m, err
		}
	}
	return m, nil
}

// pause is how long whoever asks beside something else waits after each answer.
const pause = 10 * time.Millisecond

// askBeside asks requests in turn on one connection until done is closed.
func askBeside(address string, requests [][]byte, done <-chan struct{}) (m measured, err error) {
	c, err := call(address)
	if err != nil {
		return m, err
	}
	defer c.connection.Close()
	var answer writeBuffer
	began := time.Now()
	for i := 0; ; i++ {
		answer = answer[:0]
		at := time.Now()
		if err := c.ask(requests[i%len(requests)], &answer); err != nil {
			return m, err
		}
		m.times = append(m.times, time.Since(at))
		if err := refused(answer); err != nil {
			return m, err
		}
		select {
		case <-done:
			m.elapsed = time.Since(began)
			slices.Sort(m.times)
			return m, nil
		case <-time.After(pause):
		}
	}
}
