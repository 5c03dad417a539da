package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// scitigerPage asks for a page of the scitiger document's list.
func (k *kind) scitigerPage(name string, number int) question {
	return question{
		name: name, path: fmt.Sprintf("/api/management/logs/entries/?page=%d&page_size=%d", number, pageSize),
		floor: func(ctx context.Context, _ *engine, db *sql.DB) (answerer, error) {
			return k.scitigerFloor(ctx, db, number)
		},
	}
}

// scitigerFields are an item's, in the document's order.
func scitigerFields() []field {
	return []field{
		{key: "id", column: "id", write: writeUUID},
		{key: "tenant_id", column: "tenant_id", write: writeUUID, mayLack: true},
		{key: "tenant_name", column: "tenant.name", write: writeText, mayLack: true},
		{key: "category_id", column: "category_id", write: writeUUID, mayLack: true},
		{key: "category_name", column: "category.name", write: writeText, mayLack: true},
		{key: "category_code", column: "category.code", write: writeText, mayLack: true},
		{key: "level", column: "level", number: true, write: writeNamed(10, "debug", "info", "warning", "error", "critical")},
		{key: "message", column: "message", write: writeText},
		{key: "source", column: "source", write: writeText},
		{key: "user_id", column: "user_id", write: writeText, mayLack: true},
		{key: "username", column: "username", write: writeText, mayLack: true},
		{key: "ip_address", column: "ip_address", write: writeText},
		{key: "request_id", column: "request_id", write: writeText},
		{key: "timestamp", column: "timestamp", number: true, write: writeTime},
	}
}

// scitigerFloor walks to the page on the index of times alone and reads rows only
// there.
func (k *kind) scitigerFloor(ctx context.Context, db *sql.DB, number int) (answerer, error) {
	fields := scitigerFields()
	rows, err := db.PrepareContext(ctx, "SELECT "+strings.Join(columnsOf(fields), ", ")+" FROM (SELECT id FROM entries ORDER BY timestamp DESC, id DESC LIMIT ? OFFSET ?) AS p JOIN entries AS t ON t.id = p.id"+
		k.join+" ORDER BY t.timestamp DESC, t.id DESC")
	if err != nil {
		return nil, err
	}
	total, err := k.totalFloor(ctx, db, counted{dimension: 1})
	if err != nil {
		return nil, err
	}
	args := []any{pageSize, (number - 1) * pageSize}
	return func(ctx context.Context, b []byte) ([]byte, error) {
		b = append(b, `{"success":true,"results":{"results":[`...)
		b, _, err := appendRows(ctx, b, rows, args, fields, pageSize, "", "")
		if err != nil {
			return b, err
		}
		b = fmt.Appendf(b, `],"pagination":{"page":%d,"page_size":%d,"total":`, number, pageSize)
		at := len(b)
		if b, err = total(ctx, b); err != nil {
			return b, err
		}
		var count int
		for _, digit := range b[at:] {
			count = count*10 + int(digit-'0')
		}
		return fmt.Appendf(b, `,"total_pages":%d}}}`, (count+pageSize-1)/pageSize), nil
	}, nil
}
