package main

import (
	"context"
	"fmt"
	"strings"
)

// sizes are how many bytes the tables of a database take.
type sizes struct {
	tables  []tableSize
	rollups []rollupRows
}

// tableSize is the size of a table and of each of its indexes.
type tableSize struct {
	name    string
	rows    int64
	bytes   int64 // of the table itself
	indexes []indexSize
}

type indexSize struct {
	name  string
	bytes int64
}

// rollupRows is how many roll-up rows a dimension has.
type rollupRows struct {
	kind, dimension int
	rows            int64
}

func (t tableSize) total() int64 {
	total := t.bytes
	for _, index := range t.indexes {
		total += index.bytes
	}
	return total
}

// String says it for people.
func (s sizes) String() string {
	var b strings.Builder
	var logs, rollups tableSize
	for _, t := range s.tables {
		if t.name == "rollups" {
			rollups = t
			continue
		}
		if t.name == "text_blocks" { // see blocksOf
			continue
		}
		logs.rows += t.rows
		logs.bytes += t.bytes
		logs.indexes = append(logs.indexes, t.indexes...)
		fmt.Fprintf(&b, "size: %s %s, %d rows:", t.name, megabytes(t.bytes), t.rows)
		for _, index := range t.indexes {
			fmt.Fprintf(&b, " %s %s", index.name, megabytes(index.bytes))
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "roll-ups: %s, %.1f %% of %s of tables and indexes; %d rows, %.1f %% of the %d rows they count:",
		megabytes(rollups.total()), percent(rollups.total(), logs.total()), megabytes(logs.total()),
		rollups.rows, percent(rollups.rows, logs.rows), logs.rows)
	for _, r := range s.rollups {
		fmt.Fprintf(&b, " %d/%d %d", r.kind, r.dimension, r.rows)
	}
	b.WriteString(" (kind/dimension rows)")
	return b.String()
}

func percent(part, whole int64) float64 { return 100 * float64(part) / float64(max(whole, 1)) }

// megabytes says a number of bytes for people.
func megabytes(bytes int64) string {
	if bytes < 1e6 {
		return fmt.Sprintf("%.0f kB", float64(bytes)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}

// sizesOf asks the engine for the sizes of the logs that have rows and of the
// roll-ups.
func sizesOf(ctx context.Context, e *engine) (*sizes, error) {
	db, err := e.openToWrite(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	list := []string{"rollups", "text_blocks"}
	for _, k := range kinds() {
		list = append(list, k.table)
	}
	s := &sizes{}
	for _, name := range list {
		t := tableSize{name: name}
		if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+name).Scan(&t.rows); err != nil {
			return nil, err
		}
		if t.rows == 0 {
			continue
		}
		// The pages of each tree, by the engine's own count.
		text := `SELECT s.name, SUM(s.pgsize) FROM dbstat AS s JOIN sqlite_master AS m ON m.name = s.name
			WHERE m.tbl_name = ? AND s.aggregate = TRUE GROUP BY s.name`
		if e.mysql {
			if _, err := db.ExecContext(ctx, "ANALYZE TABLE "+name); err != nil {
				return nil, err
			}
			text = `SELECT index_name, stat_value * @@innodb_page_size FROM mysql.innodb_index_stats
				WHERE database_name = DATABASE() AND table_name = ? AND stat_name = 'size' ORDER BY 1`
		}
		rows, err := db.QueryContext(ctx, text, name)
		if err != nil {
			return nil, fmt.Errorf("ask for sizes: %w", err)
		}
		for rows.Next() {
			var one indexSize
			if err := rows.Scan(&one.name, &one.bytes); err != nil {
				rows.Close()
				return nil, err
			}
			if one.name == name || one.name == "PRIMARY" {
				t.bytes = one.bytes
				continue
			}
			if strings.HasPrefix(one.name, "sqlite_autoindex") {
				one.name = "id"
			}
			one.name = strings.TrimPrefix(one.name, name+"_")
			t.indexes = append(t.indexes, one)
		}
		if err := rows.Err(); err != nil {
			return nil, err
		}
		rows.Close()
		s.tables = append(s.tables, t)
	}
	rows, err := db.QueryContext(ctx, "SELECT kind, dimension, COUNT(*) FROM rollups GROUP BY kind, dimension ORDER BY kind, dimension")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var r rollupRows
		if err := rows.Scan(&r.kind, &r.dimension, &r.rows); err != nil {
			return nil, err
		}
		s.rollups = append(s.rollups, r)
	}
	return s, rows.Err()
}
