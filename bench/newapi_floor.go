package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"logbook/ent/column"
)

// counting says which usage records are counted: the roll-ups of a dimension, or the
// rows themselves.
type counting struct {
	dimension    int
	widths       []int64 // of its buckets
	value        string
	numbered     bool   // value is a number, whatever name stands behind it
	class        int    // 0 for all
	where        string // what the rows have that the value stands for; "" for all
	args         []any
	since, until column.Time // 0 for none
}

// rows gives the condition that rows pass between two times, 0 for none; "" for all.
func (c counting) rows(since, until int64) (where string, args []any) {
	var parts []string
	if c.where != "" {
		parts, args = append(parts, c.where), append(args, c.args...)
	}
	if c.class != 0 {
		parts, args = append(parts, "type = ?"), append(args, c.class)
	}
	if since != 0 {
		parts, args = append(parts, "created_at >= ?"), append(args, since)
	}
	if until != 0 {
		parts, args = append(parts, "created_at < ?"), append(args, until)
	}
	return strings.Join(parts, " AND "), args
}

// rollups gives the condition that roll-ups of any width and time pass.
func (c counting) rollups() (where string, args []any) {
	where, args = "kind = 4 AND dimension = ? AND tenant_id = ? AND ", []any{c.dimension, make([]byte, 16)}
	if c.numbered {
		where += "value >= ? AND value < ?"
		args = append(args, []byte(c.value+"\x00"), []byte(c.value+"\x01"))
	} else {
		where += "value = ?"
		args = append(args, []byte(c.value))
	}
	if c.class != 0 {
		where += " AND class = ?"
		args = append(args, c.class)
	}
	return where, args
}

// sum prepares a statement whose numbers add up to the sum of a column of roll-ups, or
// of an expression over rows: whole buckets from roll-ups, the ragged ends from rows.
func (c counting) sum(ctx context.Context, e *engine, db *sql.DB, column, expression string) (func(context.Context) (int64, error), error) {
	var texts []string
	var args []any
	spans, ends := cover(c.since, c.until, c.widths)
	if len(spans) > 0 {
		from, within := e.inSpans(len(spans))
		where, others := c.rollups()
		texts = append(texts, "SELECT SUM("+column+") FROM "+from+" WHERE "+where+" AND "+within)
		args = e.spanArgs(spans, others...)
	}
	for _, end := range ends {
		if end[0] < end[1] {
			where, more := c.rows(end[0], end[1])
			texts, args = append(texts, "SELECT "+expression+" FROM usage_records WHERE "+where), append(args, more...)
		}
	}
	if len(texts) == 0 { // there is no time between the two
		texts = []string{"SELECT 0"}
	}
	text := strings.Join(texts, " UNION ALL ")
	statement, err := db.PrepareContext(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", text, err)
	}
	return func(ctx context.Context) (total int64, err error) {
		rows, err := statement.QueryContext(ctx, args...)
		if err != nil {
			return 0, err
		}
		defer rows.Close()
		for rows.Next() {
			var part sql.NullInt64 // SUM of no rows is null
			if err := rows.Scan(&part); err != nil {
				return 0, err
			}
			total += part.Int64
		}
		return total, rows.Err()
	}, nil
}

// newapiFields are an item's, in the document's order. Its owner does not see the
// channel's name.
func newapiFields(owner bool) []field {
	channelName := writeText
	if owner {
		channelName = func(b []byte, _ *value) []byte { return append(b, `""`...) }
	}
	return []field{
		{key: "id", column: "id", number: true, write: writeNumber},
		{key: "user_id", column: "user_id", number: true, write: writeNumber},
		{key: "created_at", column: "created_at", number: true,
			write: func(b []byte, v *value) []byte { return appendInt(b, v.number.Int64/1_000_000) }},
		{key: "type", column: "type", number: true, write: writeNumber},
		{key: "content", column: "content", write: writeText},
		{key: "username", column: "username", write: writeText},
		{key: "token_name", column: "token_name", write: writeText},
		{key: "model_name", column: "model_name", write: writeText},
		{key: "quota", column: "quota", number: true, write: writeNumber},
		{key: "prompt_tokens", column: "prompt_tokens", number: true, write: writeNumber},
		{key: "completion_tokens", column: "completion_tokens", number: true, write: writeNumber},
		{key: "use_time", column: "use_time", number: true, write: writeNumber},
		{key: "is_stream", column: "is_stream", number: true, write: writeFlag},
		{key: "channel_id", column: "channel_id", number: true, write: writeNumber},
		{key: "channel", column: "channel_id", number: true, write: writeNumber},
		{key: "channel_name", column: "channel_name", write: channelName},
		{key: "token_id", column: "token_id", number: true, write: writeNumber},
		{key: "group", column: "group", write: writeText},
		{key: "ip", column: "ip", write: writeText},
		{key: "other", column: "other", write: writeText},
	}
}

// newapiRows prepares a statement that gives rows newest first; tail is its LIMIT.
func newapiRows(ctx context.Context, db *sql.DB, fields []field, where, tail string) (*sql.Stmt, error) {
	text := "SELECT " + strings.Join(columnsOf(fields), ", ") + " FROM usage_records AS t"
	if where != "" {
		text += " WHERE " + where
	}
	statement, err := db.PrepareContext(ctx, text+" ORDER BY t.created_at DESC, t.id DESC "+tail)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", text, err)
	}
	return statement, nil
}

const newapiHead = `{"success":true,"message":"","data":`

// newapiList answers a page and the number of all rows. It comes to a page that lies
// deep through the roll-ups: they say in which bucket it begins.
func newapiList(ctx context.Context, e *engine, db *sql.DB, l legacy) (answerer, error) {
	fields := newapiFields(l.as == newapiUser)
	total, err := l.counts.sum(ctx, e, db, "row_count", "COUNT(*)")
	if err != nil {
		return nil, err
	}
	where, args := l.counts.rows(int64(l.counts.since), int64(l.counts.until))
	skipped := (l.page - 1) * pageSize
	var jump func(context.Context, int) (int64, int, error)
	if skipped > 0 {
		where, args = "created_at < ?", []any{nil} // pages that lie deep have no filter
		if jump, err = l.counts.jump(ctx, db); err != nil {
			return nil, err
		}
	}
	rows, err := newapiRows(ctx, db, fields, where, "LIMIT ? OFFSET ?")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, b []byte) ([]byte, error) {
		count, err := total(ctx)
		if err != nil {
			return b, err
		}
		bound, offset := append(make([]any, 0, len(args)+2), args...), skipped
		if jump != nil {
			if bound[0], offset, err = jump(ctx, skipped); err != nil {
				return b, err
			}
		}
		b = append(b, newapiHead+`{"items":[`...)
		b, _, err = appendRows(ctx, b, rows, append(bound, pageSize, offset), fields, pageSize, "", "")
		return fmt.Appendf(b, `],"total":%d,"page":%d,"page_size":%d}}`, count, l.page, pageSize), err
	}, nil
}

// jump prepares what gives the end of the narrowest bucket that holds the row behind so
// many newer ones, and how many of them that bucket has: the widest bucket first, then the
// narrower ones inside of it.
func (c counting) jump(ctx context.Context, db *sql.DB) (func(ctx context.Context, skipped int) (until int64, left int, err error), error) {
	where, args := c.rollups()
	statement, err := db.PrepareContext(ctx, "SELECT bucket, SUM(row_count) FROM rollups WHERE "+where+
		" AND width = ? AND bucket >= ? AND bucket < ? GROUP BY bucket ORDER BY bucket DESC")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, skipped int) (int64, int, error) {
		from, until := int64(0), int64(never)
		for i := len(c.widths) - 1; i >= 0; i-- {
			w := micros(c.widths[i])
			bound := append(append(make([]any, 0, 8), args...), c.widths[i], from/w, until/w)
			bucket, before, err := bucketAt(ctx, statement, bound, skipped)
			if err != nil {
				return 0, 0, err
			}
			from, until, skipped = bucket*w, (bucket+1)*w, skipped-before
		}
		return until, skipped, nil
	}, nil
}

// bucketAt gives the bucket that holds the row behind so many newer ones, and how many
// rows the buckets before it have.
func bucketAt(ctx context.Context, statement *sql.Stmt, args []any, skipped int) (bucket int64, before int, err error) {
	rows, err := statement.QueryContext(ctx, args...)
	if err != nil {
		return 0, 0, err
	}
	defer rows.Close()
	for count := 0; rows.Next(); before += count {
		if err := rows.Scan(&bucket, &count); err != nil {
			return 0, 0, err
		}
		if before+count > skipped {
			return bucket, before, nil
		}
	}
	return bucket, before, rows.Err()
}

// newapiStat answers the quota of all rows, and what the last minute had.
func newapiStat(ctx context.Context, e *engine, db *sql.DB, l legacy) (answerer, error) {
	quota, err := l.counts.sum(ctx, e, db, "quota", "SUM(quota)")
	if err != nil {
		return nil, err
	}
	where, args := l.counts.rows(1, 0) // any time in place of the minute
	minute, err := db.PrepareContext(ctx, "SELECT COUNT(*), SUM(prompt_tokens + completion_tokens) FROM usage_records WHERE "+where)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, b []byte) ([]byte, error) {
		sum, err := quota(ctx)
		if err != nil {
			return b, err
		}
		bound := append(make([]any, 0, len(args)), args...)
		bound[len(bound)-1] = time.Now().Truncate(time.Second).Add(-time.Minute).UnixMicro()
		var requests int64
		var tokens sql.NullInt64
		err = minute.QueryRowContext(ctx, bound...).Scan(&requests, &tokens)
		return fmt.Appendf(b, newapiHead+`{"quota":%d,"rpm":%d,"tpm":%d}}`, sum, requests, tokens.Int64), err
	}, nil
}

// newapiSearch answers the newest hundred rows that have a text, row after row.
func newapiSearch(ctx context.Context, e *engine, db *sql.DB, l legacy) (answerer, error) {
	rows, err := newapiRows(ctx, db, newapiFields(false), e.contains("content"), "LIMIT 100")
	if err != nil {
		return nil, err
	}
	arg := any(l.search)
	if e.mysql {
		arg = []byte(l.search)
	}
	return func(ctx context.Context, b []byte) ([]byte, error) {
		b, _, err := appendRows(ctx, append(b, newapiHead+"["...), rows, []any{arg}, newapiFields(false), 100, "", "")
		return append(b, "]}"...), err
	}, nil
}

// newapiOfToken answers the newest thousand rows of the token whose key it is.
func newapiOfToken(ctx context.Context, _ *engine, db *sql.DB, _ legacy) (answerer, error) {
	fields := newapiFields(true)
	token, err := db.PrepareContext(ctx, "SELECT id, user_id FROM access_tokens WHERE hash = ?")
	if err != nil {
		return nil, err
	}
	rows, err := newapiRows(ctx, db, fields, "token_id = ? AND user_id = ?", "LIMIT 1000")
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, b []byte) ([]byte, error) {
		hash := sha256.Sum256([]byte(heldTokenKey))
		var id, user int64
		if err := token.QueryRowContext(ctx, hash[:]).Scan(&id, &user); err != nil {
			return b, err
		}
		b, _, err := appendRows(ctx, append(b, newapiHead+"["...), rows, []any{id, user}, fields, 1000, "", "")
		return append(b, "]}"...), err
	}, nil
}
