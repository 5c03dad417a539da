package ingest

import (
	"bytes"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/fault"
	"logbook/internal/journal"
	"logbook/internal/rawjson"
)

// Entry reads one line of the kind "entries": an item as the scitiger document's
// detail shows it. Text is kept verbatim, null stands for an absent value and
// unknown keys are ignored. What it gives does not share memory with line.
//
// It looks at the line alone: lengths, and whether a tenant or category is known,
// are the journal's to say.
func Entry(line []byte) (journal.Imported[journal.EntryDraft], *fault.Problem) {
	row, err := readEntry(line)
	if err != nil {
		return journal.Imported[journal.EntryDraft]{}, problemOf(err)
	}
	return row, nil
}

func readEntry(line []byte) (row journal.Imported[journal.EntryDraft], err error) {
	if err := rawjson.Check(line); err != nil {
		return row, err
	}
	d := &row.Draft
	var message *string
	err = rawjson.Members(line, func(key string, value []byte) error {
		switch key {
		case "id":
			return readID(key, value, &d.ID)
		case "tenant_id":
			return readID(key, value, &d.TenantID)
		case "tenant_name":
			return readText(key, value, &row.TenantName)
		case "category_id":
			return readID(key, value, &d.CategoryID)
		case "category_name":
			return readText(key, value, &row.CategoryName)
		case "category_code":
			return readText(key, value, &row.CategoryCode)
		case "level":
			return readLevel(key, value, &d.Level)
		case "message":
			return readText(key, value, &message)
		case "source":
			return readText(key, value, &d.Source)
		case "user_id":
			return readText(key, value, &d.UserID)
		case "username":
			return readText(key, value, &d.Username)
		case "ip_address":
			return readText(key, value, &d.IPAddress)
		case "user_agent":
			return readText(key, value, &d.UserAgent)
		case "request_id":
			return readText(key, value, &d.RequestID)
		case "metadata":
			return readObject(key, value, &d.Metadata)
		case "timestamp":
			return readTime(key, value, &d.Timestamp)
		}
		return nil
	})
	switch {
	case err != nil:
		return row, err
	case message == nil:
		return row, refuse("message", fault.Required, "", "")
	case d.TenantID == nil && given(row.TenantName):
		return row, refuse("tenant_name", fault.Clash, "", "stands without a tenant_id and would be lost")
	case d.CategoryID == nil && given(row.CategoryName):
		return row, refuse("category_name", fault.Clash, "", "stands without a category_id and would be lost")
	case d.CategoryID == nil && given(row.CategoryCode):
		return row, refuse("category_code", fault.Clash, "", "stands without a category_id and would be lost")
	}
	d.Message = *message
	return row, nil
}

func given(text *string) bool { return text != nil && *text != "" }

func readText(field string, raw []byte, into **string) error {
	if rawjson.IsNull(raw) {
		return nil
	}
	if kind := rawjson.Kind(raw); kind != "a string" {
		return refuse(field, fault.WrongType, "", "a string, not "+kind)
	}
	text, ok := rawjson.Text(raw)
	if !ok {
		return refuse(field, fault.Clash, "", "has half a surrogate pair (such as \\ud800), which no text can hold")
	}
	*into = &text
	return nil
}

func readID(field string, raw []byte, into **column.ID) error {
	var text *string
	if err := readText(field, raw, &text); err != nil || text == nil {
		return err
	}
	id, ok := column.ParseID(*text)
	if !ok {
		return refuse(field, fault.Malformed, *text, "a UUID such as 550e8400-e29b-41d4-a716-446655440000")
	}
	*into = &id
	return nil
}

func readLevel(field string, raw []byte, into **column.Level) error {
	var text *string
	if err := readText(field, raw, &text); err != nil || text == nil {
		return err
	}
	level, ok := column.ParseLevel(*text)
	if !ok {
		return refuse(field, fault.NotChoice, *text, "debug, info, warning, error, critical")
	}
	*into = &level
	return nil
}

func readTime(field string, raw []byte, into **column.Time) error {
	var text *string
	if err := readText(field, raw, &text); err != nil || text == nil {
		return err
	}
	instant, ok := column.ParseTime(*text)
	if !ok {
		return refuse(field, fault.Malformed, *text,
			"an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999")
	}
	*into = &instant
	return nil
}

func readObject(field string, raw []byte, into *column.JSON) error {
	if rawjson.IsNull(raw) {
		return nil
	}
	if kind := rawjson.Kind(raw); kind != "an object" {
		return refuse(field, fault.WrongType, "", "an object, not "+kind)
	}
	*into = bytes.Clone(raw)
	return nil
}

// AppendEntry appends the line that Entry reads, without its line end: the keys
// in the document's order, those of an absent tenant, category or user left out,
// other absent values null. Tenant and category are those the row names; where
// one is nil its names are left out.
func AppendEntry(b []byte, e *ent.Entry, tenant *ent.Tenant, category *ent.Category) []byte {
	b = append(b, '{')
	b = appendKey(b, "id")
	b = appendQuoted(b, e.ID.String())
	if e.TenantID != nil {
		b = appendKey(b, "tenant_id")
		b = appendQuoted(b, e.TenantID.String())
		if tenant != nil {
			b = appendKey(b, "tenant_name")
			b = rawjson.AppendText(b, tenant.Name)
		}
	}
	if e.CategoryID != nil {
		b = appendKey(b, "category_id")
		b = appendQuoted(b, e.CategoryID.String())
		if category != nil {
			b = appendKey(b, "category_name")
			b = rawjson.AppendText(b, category.Name)
			b = appendKey(b, "category_code")
			b = rawjson.AppendText(b, category.Code)
		}
	}
	b = appendKey(b, "level")
	b = appendQuoted(b, e.Level.String())
	b = appendKey(b, "message")
	b = rawjson.AppendText(b, e.Message)
	b = appendNullable(b, "source", e.Source)
	if e.UserID != nil {
		b = appendKey(b, "user_id")
		b = rawjson.AppendText(b, *e.UserID)
	}
	if e.Username != nil {
		b = appendKey(b, "username")
		b = rawjson.AppendText(b, *e.Username)
	}
	b = appendNullable(b, "ip_address", e.IPAddress)
	b = appendNullable(b, "user_agent", e.UserAgent)
	b = appendNullable(b, "request_id", e.RequestID)
	b = appendKey(b, "metadata")
	b = appendObject(b, e.Metadata)
	b = appendKey(b, "timestamp")
	b = append(b, '"')
	b = e.Timestamp.AppendFormat(b)
	return append(b, '"', '}')
}

// appendKey appends a key, after a comma where it is not the object's first.
func appendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(appendQuoted(b, key), ':')
}

// appendQuoted appends text that needs no escapes.
func appendQuoted(b []byte, text string) []byte {
	return append(append(append(b, '"'), text...), '"')
}

func appendNullable(b []byte, key string, value *string) []byte {
	b = appendKey(b, key)
	if value == nil {
		return append(b, "null"...)
	}
	return rawjson.AppendText(b, *value)
}

// appendObject appends a JSON object as it came in. Raw line ends can only stand
// between its tokens and would break the line, so they are dropped.
func appendObject(b []byte, object column.JSON) []byte {
	if object == nil {
		return append(b, '{', '}')
	}
	if bytes.IndexByte(object, '\n') < 0 && bytes.IndexByte(object, '\r') < 0 {
		return append(b, object...)
	}
	for _, c := range object {
		if c != '\n' && c != '\r' {
			b = append(b, c)
		}
	}
	return b
}
