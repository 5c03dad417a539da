package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// typeNames gives the GraphQL names of a row and of many.
func (k *kind) typeNames() (one, many string) {
	one = strings.TrimSuffix(k.filter, "Filter")
	if stem, found := strings.CutSuffix(one, "y"); found {
		return one, stem + "ies"
	}
	return one, one + "s"
}

// input gives the fields of a row as its create mutation takes them; what is null is
// left out, and the id is made anew.
func (k *kind) input() (list []field) {
	for _, f := range k.fields {
		if f.key == "id" {
			continue
		}
		if f.of != nil {
			f = field{key: f.key + "Id", column: f.of[0].column, write: f.of[0].write}
		}
		f.mayLack = true
		list = append(list, f)
	}
	return list
}

// inputs reads the oldest rows of a kind, as its create mutation takes them.
func (k *kind) inputs(ctx context.Context, e *engine, most int) (list [][]byte, err error) {
	db, err := e.open(ctx)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	fields := k.input()
	rows, err := db.QueryContext(ctx, fmt.Sprintf("SELECT %s FROM %s AS t%s ORDER BY t.%s, t.id LIMIT %d",
		strings.Join(columnsOf(fields), ", "), k.table, k.join, k.time, most))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	values := make([]value, len(columnsOf(fields)))
	into, _ := targets(fields, values)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		one, _ := appendObject(nil, fields, values)
		list = append(list, one)
	}
	return list, rows.Err()
}

// createOne gives the request that creates a row.
func (k *kind) createOne(input []byte) []byte {
	one, _ := k.typeNames()
	document := fmt.Sprintf("mutation ($input: Create%sInput!) { create%[1]s(input: $input) { %s { id } } }", one, lowered(one))
	return createRequest(document, input)
}

// createMany gives the request that creates rows.
func (k *kind) createMany(inputs [][]byte) []byte {
	_, many := k.typeNames()
	document := fmt.Sprintf("mutation ($input: Create%sInput!) { create%[1]s(input: $input) { %s { id } } }", many, k.list)
	return createRequest(document, []byte(`{"`+k.list+`":[`+string(bytes.Join(inputs, []byte(",")))+"]}"))
}

func createRequest(document string, input []byte) []byte {
	body := fmt.Appendf(nil, `{"query":%q,"variables":{"input":%s}}`, document, input)
	return rawRequest("POST", "/graphql", adminKey, body)
}

// lowered gives the name of the field that holds a type: auditEvent, apiCall.
func lowered(name string) string {
	if rest, found := strings.CutPrefix(name, "API"); found {
		return "api" + rest
	}
	return strings.ToLower(name[:1]) + name[1:]
}

// created fails where an answer does not have so many rows.
func created(answer []byte, rows int) error {
	if got := bytes.Count(answer, []byte(`"id":`)); got != rows {
		return fmt.Errorf("%d of %d rows were created: %s", got, rows, shorten(answer))
	}
	return nil
}

// names makes what rows name in an empty database.
func (k *kind) names(ctx context.Context, e *engine) error {
	if k.prepare == nil {
		return nil
	}
	return e.writes(ctx, func(db *sql.DB) error { return k.prepare(ctx, db) })
}

// writes calls fn with the pool for writing.
func (e *engine) writes(ctx context.Context, fn func(*sql.DB) error) error {
	db, err := e.openToWrite(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	return fn(db)
}
