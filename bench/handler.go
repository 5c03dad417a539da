package main

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
)

// handler is the command "handler": the least that writing over HTTP can cost. It is a bare
// net/http server that reads the JSON of each request and then writes rows that it has
// ready, those of another database, with their roll-ups by prepared SQL. What waits when a
// transaction ends is written in the next. What rows add to the roll-ups it has added up
// before it begins.
type handler struct {
	Kind string `required:""`
	From string `required:""` // has the rows
	To   string `required:""` // is written to
	Rows int    `required:""`
	Each int    `required:""` // so many a request

	parts []written
	next  atomic.Int64
	line  chan waiting
}

// written is what a request writes.
type written struct {
	rows   [][]any
	adds   []added
	answer []byte
}

// added is what rows add to one row of the roll-ups.
type added struct {
	key  int // its place among all that are written, in the order of the table's key
	sums []int64
}

// waiting is a request that waits for its commit.
type waiting struct {
	of   *written
	done chan error
}

// mostTogether is how many rows a transaction writes at most, but for those of one request.
const mostTogether = 2000

// Run answers until the bench is gone.
func (h *handler) Run(p process) error {
	k, err := kindNamed(h.Kind)
	if err != nil {
		return err
	}
	from, err := engineAt(h.From)
	if err != nil {
		return err
	}
	to, err := engineAt(h.To)
	if err != nil {
		return err
	}
	source, err := from.open(p)
	if err != nil {
		return err
	}
	defer source.Close()
	rows, err := source.QueryContext(p, k.oldest(), h.Rows)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	keys, err := h.prepare(k, columns, rows)
	if err != nil {
		return err
	}
	c, err := newCopier(p, k, to, columns)
	if err != nil {
		return err
	}
	defer c.close()
	h.line = make(chan waiting)
	go h.commit(c, keys)
	return answer(p, h)
}

// prepare makes ready what requests write, and gives the keys of the roll-ups.
func (h *handler) prepare(k *kind, columns []string, rows *sql.Rows) (keys [][]any, err error) {
	id := slices.Index(columns, "id")
	numbers := map[string]int{} // of the keys, as they come
	for {
		batch, err := readBatch(rows, len(columns), h.Each)
		if err != nil {
			return nil, err
		}
		if len(batch) == 0 {
			break
		}
		part := written{rows: batch, answer: []byte(`{"data":[`)}
		for i, row := range batch {
			if i > 0 {
				part.answer = append(part.answer, ',')
			}
			part.answer = fmt.Appendf(part.answer, `{"id":%q}`, fmt.Sprint(row[id]))
		}
		part.answer = append(part.answer, "]}"...)
		for _, row := range k.rollups(columns, batch, k.dimensions) {
			key := fmt.Sprint(row[:rollupKeys]...)
			number, known := numbers[key]
			if !known {
				number = len(keys)
				numbers[key] = number
				keys = append(keys, row[:rollupKeys:rollupKeys])
			}
			one := added{key: number}
			for _, sum := range row[rollupKeys:] {
				one.sums = append(one.sums, sum.(int64))
			}
			part.adds = append(part.adds, one)
		}
		h.parts = append(h.parts, part)
	}
	// From now on a key's number is its place.
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		if before(keys[a], keys[b]) {
			return -1
		}
		return 1
	})
	place, sorted := make([]int, len(keys)), make([][]any, len(keys))
	for i, number := range order {
		place[number], sorted[i] = i, keys[number]
	}
	for _, part := range h.parts {
		for i := range part.adds {
			part.adds[i].key = place[part.adds[i].key]
		}
	}
	return sorted, nil
}

// ServeHTTP reads what a request says, and writes rows of its own for it.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var sent any
	if err := json.Unmarshal(body, &sent); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	number := int(h.next.Add(1)) - 1
	if number >= len(h.parts) {
		http.Error(w, "there are no more rows", http.StatusInternalServerError)
		return
	}
	one := waiting{&h.parts[number], make(chan error, 1)}
	h.line <- one
	if err := <-one.done; err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(one.of.answer) // fails only when the caller has left
}

// commit writes what waits, group after group.
func (h *handler) commit(c *copier, keys [][]any) {
	for first := range h.line {
		group, rows := []waiting{first}, slices.Clip(first.of.rows)
		adds := slices.Clone(first.of.adds)
		for more := true; more && len(rows)+h.Each <= mostTogether; {
			select {
			case one := <-h.line:
				group, rows, adds = append(group, one), append(rows, one.of.rows...), append(adds, one.of.adds...)
			default:
				more = false
			}
		}
		err := c.write(rows, changesOf(keys, adds))
		for _, one := range group {
			one.done <- err
		}
	}
}

// changesOf gives the rows by which the roll-ups change, in the order of the table's key.
func changesOf(keys [][]any, adds []added) (changes [][]any) {
	slices.SortFunc(adds, func(a, b added) int { return cmp.Compare(a.key, b.key) })
	for i := 0; i < len(adds); {
		row := slices.Clip(keys[adds[i].key])
		sums := slices.Clone(adds[i].sums)
		k := i + 1
		for ; k < len(adds) && adds[k].key == adds[i].key; k++ {
			for n, sum := range adds[k].sums {
				sums[n] += sum
			}
		}
		for _, sum := range sums {
			row = append(row, sum)
		}
		changes = append(changes, row)
		i = k
	}
	return changes
}

// startHandler starts a handler for so many rows, so many a request, in a process of its own.
func startHandler(p process, k *kind, from, to *engine, rows, each int) (*child, error) {
	return startItself(p, "handler", "--kind", k.name, "--from", from.address, "--to", to.address,
		"--rows", strconv.Itoa(rows), "--each", strconv.Itoa(each))
}
