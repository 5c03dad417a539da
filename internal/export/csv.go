package export

import (
	"context"
	"io"
	"strings"

	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// WriteCSV writes a header row and the rows as CSV, oldest first, with one call of
// Write each; the package's text says how values look.
func (r *Rows) WriteCSV(ctx context.Context, w io.Writer) error {
	places := make(map[string]int, len(r.kind.Columns))
	var row []byte
	for i, column := range r.kind.Columns {
		places[column] = i
		row = appendField(row, i, column)
	}
	if _, err := w.Write(append(row, '\r', '\n')); err != nil {
		return err
	}
	values := make([][]byte, len(r.kind.Columns))
	return r.each(ctx, func(line []byte) error {
		clear(values)
		err := rawjson.EachMember(line, func(key string, value []byte) error {
			place, known := places[key]
			if !known {
				return fault.New(fault.Internal, "the line of %s has the key %q and CSV has no column for it", r.kind.Name, key)
			}
			values[place] = value
			return nil
		})
		if err != nil {
			return err
		}
		row = row[:0]
		for i, value := range values {
			switch {
			case value == nil || rawjson.IsNull(value):
				row = appendField(row, i, "")
			case value[0] == '"' && r.kind.Columns[i] != r.kind.json:
				content, ok := rawjson.Text(value)
				if !ok {
					return fault.New(fault.Internal, "the line of %s holds a text that cannot be read under %q", r.kind.Name, r.kind.Columns[i])
				}
				if row = appendField(row, i, content); content == "" {
					row = append(row, '"', '"') // unlike null
				}
			default:
				row = appendField(row, i, string(value))
			}
		}
		_, err = w.Write(append(row, '\r', '\n'))
		return err
	})
}

// appendField appends a field, behind a comma where it is not the row's first, in
// quotes where it needs them. Package encoding/csv would write other line ends
// into the values.
func appendField(row []byte, place int, content string) []byte {
	if place > 0 {
		row = append(row, ',')
	}
	if !strings.ContainsAny(content, "\",\r\n") && strings.TrimSpace(content) == content {
		return append(row, content...)
	}
	row = append(row, '"')
	for {
		before, after, found := strings.Cut(content, `"`)
		if row = append(row, before...); !found {
			return append(row, '"')
		}
		row, content = append(row, '"', '"'), after
	}
}
