package ingest

import (
	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// UsageTypes says what the numbers of types in the lines of usage records mean.
type UsageTypes int8

// The meanings. The original program numbers in its database otherwise than its
// document does.
const (
	DocumentTypes   UsageTypes = iota // 4 is error, 5 is system
	NewAPICodeTypes                   // 4 is system, 5 is error
)

// UsageRecord reads one line of the kind "usage": an item as the newapi document
// shows it to administrators, with tenant_id and tenant_name where it belongs to a
// tenant. The channel's id may also be called channel. Absent values and null are
// 0, "" and false, but for the type, which must be there. Unknown keys are ignored.
// What it gives does not share memory with line.
func UsageRecord(line []byte, types UsageTypes) (journal.Imported[journal.UsageRecordDraft], *fault.Problem) {
	row, err := readUsageRecord(line, types)
	if err != nil {
		return journal.Imported[journal.UsageRecordDraft]{}, problemOf(err)
	}
	return row, nil
}

func readUsageRecord(line []byte, types UsageTypes) (row journal.Imported[journal.UsageRecordDraft], err error) {
	d := &row.Draft
	var channelID, channel *int64
	err = readMembers(line, func(key string, value []byte) error {
		switch key {
		case "id":
			return readNumber(key, value, &d.ID)
		case "tenant_id":
			return readID(key, value, &d.TenantID)
		case "tenant_name":
			return readText(key, value, &row.TenantName)
		case "user_id":
			return readPlainNumber(key, value, &d.UserID)
		case "created_at":
			return readSeconds(key, value, &d.CreatedAt)
		case "type":
			return readUsageType(key, value, types, &d.Type)
		case "content":
			return readPlain(key, value, &d.Content)
		case "username":
			return readPlain(key, value, &d.Username)
		case "token_name":
			return readPlain(key, value, &d.TokenName)
		case "model_name":
			return readPlain(key, value, &d.ModelName)
		case "quota":
			return readPlainNumber(key, value, &d.Quota)
		case "prompt_tokens":
			return readPlainNumber(key, value, &d.PromptTokens)
		case "completion_tokens":
			return readPlainNumber(key, value, &d.CompletionTokens)
		case "use_time":
			return readPlainNumber(key, value, &d.UseTime)
		case "is_stream":
			return readBool(key, value, &d.IsStream)
		case "channel_id":
			return readNumber(key, value, &channelID)
		case "channel":
			return readNumber(key, value, &channel)
		case "channel_name":
			return readPlain(key, value, &d.ChannelName)
		case "token_id":
			return readPlainNumber(key, value, &d.TokenID)
		case "group":
			return readPlain(key, value, &d.Group)
		case "ip":
			return readPlain(key, value, &d.IP)
		case "other":
			return readPlain(key, value, &d.Other)
		}
		return nil
	})
	switch {
	case err != nil:
		return row, err
	case d.Type == 0:
		return row, refuse("type", fault.Required, "", "")
	case channelID != nil && channel != nil && *channelID != *channel:
		return row, refuse("channel", fault.Clash, "", "names another channel than channel_id")
	case channelID != nil:
		d.ChannelID = *channelID
	case channel != nil:
		d.ChannelID = *channel
	}
	return row, strayTenant(d.TenantID, row.TenantName)
}

func readUsageType(field string, raw []byte, types UsageTypes, into *column.UsageType) error {
	var number *int64
	if err := readNumber(field, raw, &number); err != nil || number == nil {
		return err
	}
	kind, known := column.ParseUsageType(*number)
	switch {
	case !known && types == NewAPICodeTypes:
		return refuse(field, fault.Outside, "", "1 (top-up), 2 (consume), 3 (manage), 4 (system) or 5 (error)")
	case !known:
		return refuse(field, fault.Outside, "", "1 (top-up), 2 (consume), 3 (manage), 4 (error) or 5 (system)")
	case types == NewAPICodeTypes && kind == column.UsageError:
		kind = column.UsageSystem
	case types == NewAPICodeTypes && kind == column.UsageSystem:
		kind = column.UsageError
	}
	*into = kind
	return nil
}

// AppendUsageRecord appends the line that UsageRecord reads with DocumentTypes,
// without its line end: all keys in the document's order, none null. Behind the id
// stands the tenant that the row names, where it names one; its name is left out
// where tenant is nil.
func AppendUsageRecord(b []byte, u *ent.UsageRecord, tenant *ent.Tenant) []byte {
	b = append(b, '{')
	b = appendNumber(b, "id", u.ID)
	b = appendTenant(b, u.TenantID, tenant)
	b = appendNumber(b, "user_id", u.UserID)
	b = appendSeconds(b, "created_at", u.CreatedAt)
	b = appendNumber(b, "type", int64(u.Type))
	b = appendText(b, "content", u.Content)
	b = appendText(b, "username", u.Username)
	b = appendText(b, "token_name", u.TokenName)
	b = appendText(b, "model_name", u.ModelName)
	b = appendNumber(b, "quota", u.Quota)
	b = appendNumber(b, "prompt_tokens", u.PromptTokens)
	b = appendNumber(b, "completion_tokens", u.CompletionTokens)
	b = appendNumber(b, "use_time", u.UseTime)
	b = appendBool(b, "is_stream", u.IsStream)
	b = appendNumber(b, "channel_id", u.ChannelID)
	b = appendText(b, "channel_name", u.ChannelName)
	b = appendNumber(b, "token_id", u.TokenID)
	b = appendText(b, "group", u.Group)
	b = appendText(b, "ip", u.IP)
	return append(appendText(b, "other", u.Other), '}')
}
