package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"logbook/ent/column"
)

// question is one of the documented questions, for the server and for the floor.
type question struct {
	name      string
	as        string         // "user" asks as an ordinary user, "" as the administrator; or see newapi.go
	path      string         // of a REST list; "" for GraphQL
	document  string         // GraphQL
	variables map[string]any // its variables
	// after, if set, makes the variable "after" the cursor of the newest row before
	// that instant, of the GraphQL list of that name.
	after column.Time
	list  *kind
	// floor prepares the floor's answer.
	floor  func(context.Context, *engine, *sql.DB) (answerer, error)
	wanted wanted

	request []byte // as it goes to the server, complete
}

// answerer appends an answer of the floor, the same JSON as the server's but for
// cursors.
type answerer func(context.Context, []byte) ([]byte, error)

// world is what questions depend on.
type world struct {
	rows   int64
	newest column.Time // the time of the newest row
	middle column.Time // an instant with about as many rows before as behind it
}

// worldOf reads it from a loaded database.
func worldOf(ctx context.Context, k *kind, db *sql.DB) (world, error) {
	var newest sql.NullInt64
	var rows int64
	err := db.QueryRowContext(ctx, "SELECT MAX("+k.time+"), COUNT(*) FROM "+k.table).Scan(&newest, &rows)
	if err == nil && !newest.Valid {
		err = fmt.Errorf("there are no rows in %s", k.table)
	}
	w := world{rows: rows, newest: column.Time(newest.Int64)}
	w.middle = w.newest.Add(-span / 2)
	return w, err
}

// questionsOf gives the kind's questions, ready to be sent to the server, and what they
// depend on.
func questionsOf(ctx context.Context, k *kind, e *engine, s *server) ([]question, world, error) {
	db, err := e.open(ctx)
	if err != nil {
		return nil, world{}, err
	}
	defer db.Close()
	w, err := worldOf(ctx, k, db)
	if err != nil {
		return nil, w, err
	}
	list := k.questions(k, w)
	for i := range list {
		if err := list[i].makeRequest(s); err != nil {
			return nil, w, fmt.Errorf("%q: %w", list[i].name, err)
		}
	}
	return list, w, nil
}

// makeRequest writes the question's request to a server.
func (q *question) makeRequest(s *server) error {
	key := s.adminKey
	switch q.as {
	case "user":
		key = s.userKey
	case newapiAdmin:
		q.request = rawRequest("GET", q.path, key, nil, "New-Api-User: "+s.adminID)
		return nil
	case newapiUser:
		q.request = rawRequest("GET", q.path, s.userKey, nil, "New-Api-User: "+strconv.Itoa(ownUser))
		return nil
	case newapiHolder:
		q.request = rawRequest("GET", q.path+"?key="+url.QueryEscape(s.tokenKey), "", nil)
		return nil
	}
	if q.path != "" {
		q.request = rawRequest("GET", q.path, key, nil)
		return nil
	}
	if q.after != 0 {
		cursor, err := q.cursor(s)
		if err != nil {
			return err
		}
		q.variables["after"] = cursor
	}
	q.request = rawRequest("POST", "/graphql", key, graphQL(q.document, q.variables))
	return nil
}

// cursor asks the server for the cursor that q.after stands for.
func (q *question) cursor(s *server) (string, error) {
	document := "query ($filter: " + q.list.filter + ") { list: " + q.list.list + "(first: 1, filter: $filter) { pageInfo { endCursor } } }"
	body := graphQL(document, map[string]any{"filter": map[string]any{"until": q.after}})
	answer, err := fetch(s.address, rawRequest("POST", "/graphql", s.adminKey, body))
	if err != nil {
		return "", err
	}
	var read struct {
		Data struct {
			List struct{ PageInfo struct{ EndCursor string } }
		}
	}
	if err := json.Unmarshal(answer, &read); err != nil || read.Data.List.PageInfo.EndCursor == "" {
		return "", fmt.Errorf("there is no row before %s: %s", q.after, shorten(answer))
	}
	return read.Data.List.PageInfo.EndCursor, nil
}

// graphQL gives the body of a request.
func graphQL(document string, variables map[string]any) []byte {
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		panic(err) // a mistake in a question
	}
	return body
}

// rawRequest gives a request's bytes.
func rawRequest(method, path, key string, body []byte, headers ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: bench\r\nAccept: application/json\r\n", method, path)
	if key != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", key)
	}
	for _, header := range headers {
		b.WriteString(header + "\r\n")
	}
	if body != nil {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// page asks for a page of 20, newest first.
type page struct {
	name   string
	as     string
	filter map[string]any
	where  string // the filter in SQL
	args   []any
	search string // a column in which text is looked for, in lower case
	text   string
	after  column.Time // the page begins behind the newest row before it
	fields []field     // nil for the kind's
	count  *counted    // nil: no totalCount
	wanted wanted
}

// counted is what the roll-ups count for a total.
type counted struct {
	dimension int
	tenant    []byte // nil for all
	value     string
	class     *int
}

const pageSize = 20

// page makes the question.
func (k *kind) page(p page) question {
	if p.fields == nil {
		p.fields = k.fields
	}
	total := ""
	if p.count != nil {
		total = " totalCount"
	}
	variables := map[string]any{"first": pageSize}
	if p.filter != nil {
		variables["filter"] = p.filter
	}
	return question{
		name: p.name, as: p.as, variables: variables, after: p.after, list: k, wanted: p.wanted,
		document: fmt.Sprintf("query ($filter: %s, $first: Int, $after: String) { %s(filter: $filter, first: $first, after: $after) { edges { node { %s } } pageInfo { hasNextPage endCursor }%s } }",
			k.filter, k.list, selection(p.fields), total),
		floor: func(ctx context.Context, e *engine, db *sql.DB) (answerer, error) { return k.pageFloor(ctx, e, db, p) },
	}
}

// pageFloor answers a page with one statement, and the total with one more.
func (k *kind) pageFloor(ctx context.Context, e *engine, db *sql.DB, p page) (answerer, error) {
	var where []string
	if p.where != "" {
		where = append(where, p.where)
	}
	args := slices.Clone(p.args)
	for i, arg := range args {
		if at, isTime := arg.(column.Time); isTime {
			args[i] = int64(at)
		}
	}
	if p.search != "" {
		where = append(where, e.contains(p.search))
		args = append(args, []byte(p.text))
		if !e.mysql {
			args[len(args)-1] = p.text
		}
	}
	if p.after != 0 {
		var at int64
		var id any
		text := fmt.Sprintf("SELECT %s, id FROM %s WHERE %s < ? ORDER BY %[1]s DESC, id DESC LIMIT 1", k.time, k.table, k.time)
		if err := db.QueryRowContext(ctx, text, int64(p.after)).Scan(&at, &id); err != nil {
			return nil, err
		}
		where = append(where, fmt.Sprintf("t.%s <= ? AND (t.%[1]s, t.id) < (?, ?)", k.time))
		args = append(args, at, at, id)
	}
	text := "SELECT " + strings.Join(columnsOf(p.fields), ", ") + " FROM " + k.table + " AS t" + k.join
	if len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	text += fmt.Sprintf(" ORDER BY t.%s DESC, t.id DESC LIMIT %d", k.time, pageSize+1)
	rows, err := db.PrepareContext(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", text, err)
	}
	total := func(_ context.Context, b []byte) ([]byte, error) { return b, nil }
	if p.count != nil {
		count, err := k.totalFloor(ctx, db, *p.count)
		if err != nil {
			return nil, err
		}
		total = func(ctx context.Context, b []byte) ([]byte, error) { return count(ctx, append(b, `,"totalCount":`...)) }
	}
	return func(ctx context.Context, b []byte) ([]byte, error) {
		b = append(append(append(b, `{"data":{"`...), k.list...), `":{"edges":[`...)
		shown, more, err := appendRows(ctx, b, rows, args, p.fields, pageSize, `{"node":`, `}`)
		if err != nil {
			return b, err
		}
		b = append(shown, `],"pageInfo":{"hasNextPage":`...)
		b = appendBool(b, more)
		b = append(b, `,"endCursor":"its own"}`...)
		if b, err = total(ctx, b); err != nil {
			return b, err
		}
		return append(b, "}}}"...), nil
	}, nil
}

// totalFloor appends a number from the roll-ups.
func (k *kind) totalFloor(ctx context.Context, db *sql.DB, c counted) (answerer, error) {
	text := "SELECT SUM(row_count) FROM rollups WHERE kind = ? AND dimension = ? AND width = ? AND tenant_id = ? AND value = ?"
	tenant := c.tenant
	if tenant == nil {
		tenant = make([]byte, 16)
	}
	args := []any{k.number, c.dimension, widest, tenant, []byte(c.value)}
	if c.class != nil {
		text += " AND class = ?"
		args = append(args, *c.class)
	}
	statement, err := db.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, b []byte) ([]byte, error) {
		var total sql.NullInt64
		err := statement.QueryRowContext(ctx, args...).Scan(&total)
		return appendInt(b, total.Int64), err
	}, nil
}
