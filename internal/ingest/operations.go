package ingest

import (
	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// Operation reads one line of the kind "operations": an item as the hertz
// document's detail shows it, with tenant_id and tenant_name where it belongs to a
// tenant. Null stands for an absent value; an absent status is 1, as in the
// original. The fields for display, which follow from the others, are ignored, and
// so are unknown keys. What it gives does not share memory with line.
//
// It cuts and masks nothing: that is the journal's to do.
func Operation(line []byte) (journal.Imported[journal.OperationDraft], *fault.Problem) {
	row, err := readOperation(line)
	if err != nil {
		return journal.Imported[journal.OperationDraft]{}, problemOf(err)
	}
	return row, nil
}

func readOperation(line []byte) (row journal.Imported[journal.OperationDraft], err error) {
	d := &row.Draft
	err = readMembers(line, func(key string, value []byte) error {
		switch key {
		case "log_id":
			return readNumber(key, value, &d.ID)
		case "tenant_id":
			return readID(key, value, &d.TenantID)
		case "tenant_name":
			return readText(key, value, &row.TenantName)
		case "user":
			return readNumber(key, value, &d.UserID)
		case "username":
			return readText(key, value, &d.Username)
		case "action_type":
			return readAction(key, value, &d.Action)
		case "module":
			return readPlain(key, value, &d.Module)
		case "description":
			return readPlain(key, value, &d.Description)
		case "target_model":
			return readText(key, value, &d.TargetModel)
		case "target_id":
			return readNumber(key, value, &d.TargetID)
		case "ip_address":
			return readText(key, value, &d.IPAddress)
		case "user_agent":
			return readText(key, value, &d.UserAgent)
		case "request_data":
			return readJSON(value, &d.RequestData)
		case "response_status":
			return readNumber(key, value, &d.ResponseStatus)
		case "status":
			return readStatus(key, value, &d.Failed)
		case "created_at":
			return readTime(key, value, &d.CreatedAt)
		}
		return nil
	})
	switch {
	case err != nil:
		return row, err
	case d.Action == 0:
		return row, refuse("action_type", fault.Required, "", "")
	}
	return row, strayTenant(d.TenantID, row.TenantName)
}

func readAction(field string, raw []byte, into *column.Action) error {
	var text *string
	if err := readText(field, raw, &text); err != nil || text == nil {
		return err
	}
	action, ok := column.ParseAction(*text)
	if !ok {
		return refuse(field, fault.NotChoice, *text, column.ActionNames)
	}
	*into = action
	return nil
}

// readStatus reads 0 for what failed and 1 for what succeeded.
func readStatus(field string, raw []byte, failed *bool) error {
	var status *int64
	if err := readNumber(field, raw, &status); err != nil || status == nil {
		return err
	}
	if *status != 0 && *status != 1 {
		return refuse(field, fault.Outside, "", "0 (failed) or 1 (succeeded)")
	}
	*failed = *status == 0
	return nil
}

// AppendOperation appends the line that Operation reads, without its line end: the
// keys in the document's order without those for display, absent values null.
// Behind the id stands the tenant that the row names, where it names one; its name
// is left out where tenant is nil.
func AppendOperation(b []byte, o *ent.Operation, tenant *ent.Tenant) []byte {
	b = append(b, '{')
	b = appendNumber(b, "log_id", o.ID)
	b = appendTenant(b, o.TenantID, tenant)
	b = appendNullableNumber(b, "user", o.UserID)
	b = appendNullable(b, "username", o.Username)
	b = appendText(b, "action_type", o.Action.String())
	b = appendText(b, "module", o.Module)
	b = appendText(b, "description", o.Description)
	b = appendNullable(b, "target_model", o.TargetModel)
	b = appendNullableNumber(b, "target_id", o.TargetID)
	b = appendNullable(b, "ip_address", o.IPAddress)
	b = appendNullable(b, "user_agent", o.UserAgent)
	b = appendJSON(b, "request_data", o.RequestData, "null")
	var response *int64
	if o.ResponseStatus != nil {
		response = new(int64(*o.ResponseStatus))
	}
	b = appendNullableNumber(b, "response_status", response)
	b = appendNumber(b, "status", int64(o.Status))
	return append(appendTime(b, "created_at", o.CreatedAt), '}')
}
