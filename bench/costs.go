package main

import (
	"fmt"
	"strings"
)

// costs is the command "costs": it writes made-up rows by prepared SQL into
// databases with and without each index and each dimension of the roll-ups.
type costs struct {
	loaded
	Written int `help:"How many of the rows, from the oldest on, are written each time (default ${default})." default:"100000"`
	Times   int `help:"How often each is tried; the fastest is shown (default ${default})." default:"3"`
}

// Run measures the kinds one after the other.
func (c *costs) Run(p process) error {
	return c.each(p, func(k *kind, e *engine) error { return c.kind(p, k, e) })
}

// kind measures one kind.
func (c *costs) kind(p process, k *kind, e *engine) error {
	p.print("# what a write costs: %s, the first %d of %d rows, seed %d, %s, %s", k.name, c.Written, c.Rows, c.Seed, e.name, machine())
	if _, err := fill(p, k, e, c.Rows, c.Seed); err != nil {
		return err
	}
	indexes, err := e.indexes(p, k)
	if err != nil {
		return err
	}
	p.print("%-54s %9s %9s %10s", "written by prepared SQL", "rows/s", "µs/row", "bytes/row")
	try := func(name string, kept []string, dimensions []dimension) error {
		var best *writing
		var bytes int64
		for range max(c.Times, 1) {
			w, took, err := c.write(p, k, e, indexes, kept, dimensions)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if best == nil || w.elapsed < best.elapsed {
				best, bytes = w, took
			}
		}
		p.print("%-54s %9.0f %9.1f %10.0f", name, best.perSecond(), 1e6/best.perSecond(), float64(bytes)/float64(best.rows))
		return nil
	}
	if err := try("the table alone", nil, nil); err != nil {
		return err
	}
	for _, index := range indexes {
		if err := try("+ index "+index, []string{index}, nil); err != nil {
			return err
		}
	}
	if err := try(fmt.Sprintf("all %d indexes", len(indexes)), indexes, nil); err != nil {
		return err
	}
	for i, d := range k.dimensions {
		name := "all rows"
		if len(d.columns) > 0 {
			name = strings.Join(d.columns, ", ")
		}
		if err := try(fmt.Sprintf("all indexes + roll-up of %s from %d minutes up", name, d.widths[0]), indexes, k.dimensions[i:i+1]); err != nil {
			return err
		}
	}
	return try("all indexes and roll-ups", indexes, k.dimensions)
}

// indexes gives the names of the kind's secondary indexes.
func (e *engine) indexes(p process, k *kind) (names []string, err error) {
	db, err := e.open(p)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	text := "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL ORDER BY rowid"
	if e.mysql {
		text = "SELECT DISTINCT index_name FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? AND index_name <> 'PRIMARY' ORDER BY 1"
	}
	rows, err := db.QueryContext(p, text, k.table)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// write writes the rows once more, with some of the indexes and dimensions, and
// gives the bytes that they take.
func (c *costs) write(p process, k *kind, e *engine, all, kept []string, dimensions []dimension) (*writing, int64, error) {
	other, remove, err := e.beside(p, "floor")
	if err != nil {
		return nil, 0, err
	}
	defer remove()
	if err := other.dropOthers(p, k, all, kept); err != nil {
		return nil, 0, err
	}
	w, err := copyRows(p, k, e, other, dimensions, c.Written, batchRows)
	if err != nil {
		return nil, 0, err
	}
	size, err := sizesOf(p, other)
	if err != nil {
		return nil, 0, err
	}
	var bytes int64
	for _, t := range size.tables {
		bytes += t.total()
	}
	return w, bytes, nil
}

// dropOthers drops the indexes that are not to be kept.
func (e *engine) dropOthers(p process, k *kind, all, kept []string) error {
	db, err := e.openToWrite(p)
	if err != nil {
		return err
	}
	defer db.Close()
	keep := map[string]bool{}
	for _, name := range kept {
		keep[name] = true
	}
	for _, name := range all {
		if keep[name] {
			continue
		}
		text := "DROP INDEX " + name
		if e.mysql {
			text += " ON " + k.table
		}
		if _, err := db.ExecContext(p, text); err != nil {
			return err
		}
	}
	return nil
}
