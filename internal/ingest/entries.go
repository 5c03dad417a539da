package ingest

import (
	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/fault"
	"logbook/internal/journal"
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
	d := &row.Draft
	var message *string
	err = readMembers(line, func(key string, value []byte) error {
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
	case d.CategoryID == nil && given(row.CategoryName):
		return row, refuse("category_name", fault.Clash, "", "stands without a category_id and would be lost")
	case d.CategoryID == nil && given(row.CategoryCode):
		return row, refuse("category_code", fault.Clash, "", "stands without a category_id and would be lost")
	}
	d.Message = *message
	return row, strayTenant(d.TenantID, row.TenantName)
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

// AppendEntry appends the line that Entry reads, without its line end: the keys
// in the document's order, those of an absent tenant, category or user left out,
// other absent values null. Tenant and category are those the row names; where
// one is nil its names are left out.
func AppendEntry(b []byte, e *ent.Entry, tenant *ent.Tenant, category *ent.Category) []byte {
	b = append(b, '{')
	b = appendKey(b, "id")
	b = appendQuoted(b, e.ID.String())
	b = appendTenant(b, e.TenantID, tenant)
	if e.CategoryID != nil {
		b = appendKey(b, "category_id")
		b = appendQuoted(b, e.CategoryID.String())
		if category != nil {
			b = appendText(b, "category_name", category.Name)
			b = appendText(b, "category_code", category.Code)
		}
	}
	b = appendKey(b, "level")
	b = appendQuoted(b, e.Level.String())
	b = appendText(b, "message", e.Message)
	b = appendNullable(b, "source", e.Source)
	if e.UserID != nil {
		b = appendText(b, "user_id", *e.UserID)
	}
	if e.Username != nil {
		b = appendText(b, "username", *e.Username)
	}
	b = appendNullable(b, "ip_address", e.IPAddress)
	b = appendNullable(b, "user_agent", e.UserAgent)
	b = appendNullable(b, "request_id", e.RequestID)
	b = appendJSON(b, "metadata", e.Metadata, "{}")
	return append(appendTime(b, "timestamp", e.Timestamp), '}')
}
