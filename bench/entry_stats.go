package main

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"logbook/ent/column"
)

const statsDays = 30

// entryStats asks for the figures of the last 30 days.
func entryStats(name string) question {
	return question{
		name: name,
		document: fmt.Sprintf("query { entryStats(days: %d) { total byLevel { level count } byCategory { category { id } count } daily { date count } } }",
			statsDays),
		floor: entryStatsFloor,
	}
}

// entryStatsFloor counts by day and level, and by category, from the roll-ups, the
// ragged ends of the window from rows, in two statements. Days are those of UTC.
func entryStatsFloor(ctx context.Context, e *engine, db *sql.DB) (answerer, error) {
	const day = int64(24 * time.Hour / time.Microsecond)
	divide := "/"
	if e.mysql {
		divide = "DIV"
	}
	const ends = " FROM entries WHERE timestamp >= ? AND timestamp < ? GROUP BY 1, 2"
	const of = "class, SUM(row_count) FROM rollups WHERE kind = 1 AND dimension = 1 AND tenant_id = ? AND value = x'' AND width = ? AND bucket >= ? AND bucket < ? GROUP BY 1, 2 UNION ALL SELECT "
	days, err := db.PrepareContext(ctx, fmt.Sprintf(
		"SELECT bucket %[1]s 24, "+of+"bucket, "+of+"bucket %[1]s 24, "+of+
			"timestamp %[1]s %[2]d, level, COUNT(*)"+ends+" UNION ALL SELECT timestamp %[1]s %[2]d, level, COUNT(*)"+ends, divide, day))
	if err != nil {
		return nil, err
	}
	// The floor is told the categories: the roll-ups know them.
	var known []any
	rows, err := db.QueryContext(ctx, "SELECT DISTINCT value FROM rollups WHERE kind = 1 AND dimension = 2 AND tenant_id = ? AND width = ?", make([]byte, 16), widest)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var value []byte
		if err := rows.Scan(&value); err != nil {
			return nil, err
		}
		known = append(known, append([]byte{}, value...))
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	from, where := e.inSpans(2*len(hourly) - 1)
	categories, err := db.PrepareContext(ctx,
		"SELECT value, 0, SUM(row_count) FROM "+from+" WHERE kind = 1 AND dimension = 2 AND tenant_id = ? AND value IN (?"+strings.Repeat(", ?", len(known)-1)+") AND "+where+" GROUP BY 1"+
			" UNION ALL SELECT category_id, 0, COUNT(*)"+ends+" UNION ALL SELECT category_id, 0, COUNT(*)"+ends)
	if err != nil {
		return nil, err
	}
	names := []string{"DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"}
	writeCategory := writeGlobal("Category", writeUUID)
	return func(ctx context.Context, b []byte) ([]byte, error) {
		until := time.Now().UnixMicro() + 1
		since := until - 1 - statsDays*day
		all := make([]byte, 16)
		byDays, edges := cover(column.Time(since), column.Time(until), hourly[:2])
		args := []any{all, 60, byDays[0].low, byDays[0].high, all, 1440, byDays[2].low, byDays[2].high, all, 60, byDays[1].low, byDays[1].high,
			edges[0][0], edges[0][1], edges[1][0], edges[1][1]}
		spans, _ := cover(column.Time(since), column.Time(until), hourly)
		categoryArgs := append(e.spanArgs(spans, append([]any{all}, known...)...), args[len(args)-4:]...)
		var total int64
		var byLevel [5]int64
		byDay, byCategory := map[int64]int64{}, map[string]int64{}
		err := eachOf(ctx, days, args, func(key sql.RawBytes, class, count int64) {
			total += count
			byLevel[class/10-1] += count
			var number int64
			for _, digit := range key {
				number = number*10 + int64(digit-'0')
			}
			byDay[number] += count
		})
		if err != nil {
			return b, err
		}
		err = eachOf(ctx, categories, categoryArgs, func(key sql.RawBytes, _, count int64) { byCategory[string(key)] += count })
		if err != nil {
			return b, err
		}
		b = appendInt(append(b, `{"data":{"entryStats":{"total":`...), total)
		b = append(b, `,"byLevel":[`...)
		for i, count := range byLevel {
			b = fmt.Appendf(comma(b, i), `{"level":%q,"count":%d}`, names[i], count)
		}
		b = append(b, `],"byCategory":[`...)
		for i, id := range byCount(byCategory) {
			b = append(comma(b, i), `{"category":`...)
			if id == "" {
				b = append(b, "null"...)
			} else {
				b = append(writeCategory(append(b, `{"id":`...), &value{bytes: []byte(id)}), '}')
			}
			b = append(appendInt(append(b, `,"count":`...), byCategory[id]), '}')
		}
		b = append(b, `],"daily":[`...)
		numbers := make([]int64, 0, len(byDay))
		for number := range byDay {
			numbers = append(numbers, number)
		}
		slices.Sort(numbers)
		for i, number := range numbers {
			b = time.Unix(number*24*3600, 0).UTC().AppendFormat(append(comma(b, i), `{"date":"`...), time.DateOnly)
			b = append(appendInt(append(b, `","count":`...), byDay[number]), '}')
		}
		return append(b, "]}}}"...), nil
	}, nil
}

// comma separates the elements of a list.
func comma(b []byte, i int) []byte {
	if i == 0 {
		return b
	}
	return append(b, ',')
}

// byCount gives the keys, the largest count first.
func byCount(counts map[string]int64) []string {
	keys := make([]string, 0, len(counts))
	for key := range counts {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	return keys
}

// eachOf hands on the rows of a statement.
func eachOf(ctx context.Context, statement *sql.Stmt, args []any, fn func(key sql.RawBytes, class, count int64)) error {
	rows, err := statement.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var key sql.RawBytes
		var class, count int64
		if err := rows.Scan(&key, &class, &count); err != nil {
			return err
		}
		fn(key, class, count)
	}
	return rows.Err()
}
