package ingest

import (
	"logbook/ent"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// APICall reads one line of the kind "api-calls": an item as the trae document
// shows it, but with the app_id unmasked, and with tenant_id and tenant_name where
// it belongs to a tenant. Texts that are absent or null are "", but for the path,
// which must be there, as must the status. Unknown keys are ignored. What it gives
// does not share memory with line.
func APICall(line []byte) (journal.Imported[journal.APICallDraft], *fault.Problem) {
	row, err := readAPICall(line)
	if err != nil {
		return journal.Imported[journal.APICallDraft]{}, problemOf(err)
	}
	return row, nil
}

func readAPICall(line []byte) (row journal.Imported[journal.APICallDraft], err error) {
	d := &row.Draft
	var path *string
	var status *int64
	err = readMembers(line, func(key string, value []byte) error {
		switch key {
		case "log_id":
			return readText(key, value, &d.ID)
		case "tenant_id":
			return readID(key, value, &d.TenantID)
		case "tenant_name":
			return readText(key, value, &row.TenantName)
		case "app_id":
			return readPlain(key, value, &d.AppID)
		case "api_path":
			return readText(key, value, &path)
		case "http_method":
			return readPlain(key, value, &d.HTTPMethod)
		case "source_ip":
			return readPlain(key, value, &d.SourceIP)
		case "status_code":
			return readNumber(key, value, &status)
		case "operation_time":
			return readSeconds(key, value, &d.OperationTime)
		}
		return nil
	})
	switch {
	case err != nil:
		return row, err
	case path == nil:
		return row, refuse("api_path", fault.Required, "", "")
	case status == nil:
		return row, refuse("status_code", fault.Required, "", "")
	}
	d.APIPath, d.StatusCode = *path, *status
	return row, strayTenant(d.TenantID, row.TenantName)
}

// AppendAPICall appends the line that APICall reads, without its line end: all
// keys in the document's order, none null, the app_id as the row has it. Behind the
// id stands the tenant that the row names, where it names one; its name is left out
// where tenant is nil.
func AppendAPICall(b []byte, a *ent.APICall, tenant *ent.Tenant) []byte {
	b = append(b, '{')
	b = appendText(b, "log_id", a.ID)
	b = appendTenant(b, a.TenantID, tenant)
	b = appendText(b, "app_id", a.AppID)
	b = appendText(b, "api_path", a.APIPath)
	b = appendText(b, "http_method", a.HTTPMethod)
	b = appendText(b, "source_ip", a.SourceIP)
	b = appendNumber(b, "status_code", int64(a.StatusCode))
	return append(appendSeconds(b, "operation_time", a.OperationTime), '}')
}
