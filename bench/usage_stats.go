package main

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"logbook/ent/column"
)

// usageStats asks for the sums of the usage records of a window that ends with the
// newest row, 0 for no window, and of a user, 0 for all.
func (k *kind) usageStats(w world, name string, since column.Time, user int64) question {
	filter := map[string]any{}
	if since != 0 {
		filter["since"], filter["until"] = since, w.newest
	}
	if user != 0 {
		filter["userId"] = map[string]any{"eq": user}
	}
	const document = `query ($filter: UsageRecordFilter) { usageStats(filter: $filter) { count quota promptTokens completionTokens requestsPerMinute tokensPerMinute } }`
	return question{
		name: name, document: document, variables: map[string]any{"filter": filter},
		floor: func(ctx context.Context, e *engine, db *sql.DB) (answerer, error) {
			return usageStatsFloor(ctx, e, db, since, w.newest, user)
		},
	}
}

// usageStatsFloor sums whole buckets from the roll-ups and the window's ragged
// ends from rows, in one statement.
func usageStatsFloor(ctx context.Context, e *engine, db *sql.DB, since, until column.Time, user int64) (answerer, error) {
	const sums = "SUM(quota), SUM(prompt_tokens), SUM(completion_tokens), 0, 0"
	dimension, widths, value, ofUser, userArg := 1, usageWidths, []byte{}, "", []any(nil)
	if user != 0 { // the floor is told the user's name: the roll-ups know it
		dimension, widths, value = 3, userWidths, []byte(strconv.FormatInt(user, 10)+"\x00"+usageUser(int(user)))
		ofUser, userArg = "user_id = ? AND ", []any{user}
	}
	from, where, args := "rollups", "width = ?", []any{dimension, make([]byte, 16), value, widest}
	var ends [2][2]int64
	if since != 0 {
		var spans []buckets
		spans, ends = cover(since, until, widths)
		from, where = e.inSpans(len(spans))
		args = e.spanArgs(spans, args[:3]...)
	}
	text := "SELECT SUM(row_count), " + sums + " FROM " + from + " WHERE kind = 4 AND dimension = ? AND tenant_id = ? AND value = ? AND " + where
	if since != 0 {
		for _, end := range ends {
			text += " UNION ALL SELECT COUNT(*), " + sums + " FROM usage_records WHERE " + ofUser + "created_at >= ? AND created_at < ?"
			args = append(append(args, userArg...), end[0], end[1])
		}
	}
	text += " UNION ALL SELECT 0, 0, 0, 0, COUNT(*), SUM(prompt_tokens + completion_tokens) FROM usage_records WHERE " +
		ofUser + "created_at >= ? AND type = 2"
	statement, err := db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	keys := strings.Fields("count quota promptTokens completionTokens requestsPerMinute tokensPerMinute")
	return func(ctx context.Context, b []byte) ([]byte, error) {
		bound := append(append(append(make([]any, 0, 48), args...), userArg...), time.Now().Truncate(time.Second).Add(-time.Minute).UnixMicro())
		rows, err := statement.QueryContext(ctx, bound...)
		if err != nil {
			return b, err
		}
		defer rows.Close()
		var total [6]int64
		for rows.Next() {
			var part [6]sql.NullInt64 // SUM of no rows is null
			if err := rows.Scan(&part[0], &part[1], &part[2], &part[3], &part[4], &part[5]); err != nil {
				return b, err
			}
			for i := range part {
				total[i] += part[i].Int64
			}
		}
		b = append(b, `{"data":{"usageStats":{`...)
		for i, key := range keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, '"'), key...), '"', ':')
			b = strconv.AppendInt(b, total[i], 10)
		}
		return append(b, "}}}"...), rows.Err()
	}, nil
}
