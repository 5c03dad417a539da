package ingest

import (
	"logbook/ent"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// AuditEvent reads one line of the kind "audit": an item as the codebird document
// shows it, with tenant_id and tenant_name where it belongs to a tenant. Ids are
// any text, kept verbatim; null stands for an absent value and unknown keys are
// ignored. What it gives does not share memory with line.
func AuditEvent(line []byte) (journal.Imported[journal.AuditEventDraft], *fault.Problem) {
	row, err := readAuditEvent(line)
	if err != nil {
		return journal.Imported[journal.AuditEventDraft]{}, problemOf(err)
	}
	return row, nil
}

func readAuditEvent(line []byte) (row journal.Imported[journal.AuditEventDraft], err error) {
	d := &row.Draft
	var what *string
	err = readMembers(line, func(key string, value []byte) error {
		switch key {
		case "id":
			return readText(key, value, &d.ID)
		case "tenant_id":
			return readID(key, value, &d.TenantID)
		case "tenant_name":
			return readText(key, value, &row.TenantName)
		case "key":
			return readText(key, value, &what)
		case "payload":
			return readObject(key, value, &d.Payload)
		case "user_id":
			return readText(key, value, &d.UserID)
		case "application_id":
			return readText(key, value, &d.ApplicationID)
		case "ip":
			return readText(key, value, &d.IP)
		case "user_agent":
			return readText(key, value, &d.UserAgent)
		case "created_at":
			return readTime(key, value, &d.CreatedAt)
		}
		return nil
	})
	switch {
	case err != nil:
		return row, err
	case what == nil:
		return row, refuse("key", fault.Required, "", "")
	}
	d.Key = *what
	return row, strayTenant(d.TenantID, row.TenantName)
}

// AppendAuditEvent appends the line that AuditEvent reads, without its line end:
// the keys in the document's order, absent values null, an absent payload {}.
// Behind the id stands the tenant that the row names, where it names one; its name
// is left out where tenant is nil.
func AppendAuditEvent(b []byte, e *ent.AuditEvent, tenant *ent.Tenant) []byte {
	b = append(b, '{')
	b = appendText(b, "id", e.ID)
	b = appendTenant(b, e.TenantID, tenant)
	b = appendText(b, "key", e.Key)
	b = appendJSON(b, "payload", e.Payload, "{}")
	b = appendNullable(b, "user_id", e.UserID)
	b = appendNullable(b, "application_id", e.ApplicationID)
	b = appendNullable(b, "ip", e.IP)
	b = appendNullable(b, "user_agent", e.UserAgent)
	return append(appendTime(b, "created_at", e.CreatedAt), '}')
}
