package export

import (
	"context"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/ingest"
	"logbook/internal/journal"
)

// Kinds gives the kinds in the contract's order.
func Kinds() []*Kind {
	return []*Kind{entries.kind(), audit.kind(), operations.kind(), usage.kind(), apiCalls.kind()}
}

// KindOf gives the kind of a name.
func KindOf(name string) (*Kind, bool) {
	for _, kind := range Kinds() {
		if kind.Name == name {
			return kind, true
		}
	}
	return nil, false
}

// lineOf makes an append function of one that needs the tenant alone.
func lineOf[R any](write func([]byte, *R, *ent.Tenant) []byte) func(context.Context, *journal.Journal, []byte, *R, *ent.Tenant) ([]byte, error) {
	return func(_ context.Context, _ *journal.Journal, b []byte, row *R, tenant *ent.Tenant) ([]byte, error) {
		return write(b, row, tenant), nil
	}
}

var entries = &table[ent.Entry, journal.EntryDraft, journal.EntryFilter]{
	name:  "entries",
	needs: []auth.Need{{Permission: auth.EntriesRead}},
	columns: []string{
		"id", "tenant_id", "tenant_name", "category_id", "category_name", "category_code", "level", "message", "source",
		"user_id", "username", "ip_address", "user_agent", "request_id", "metadata", "timestamp",
	},
	json: "metadata",
	fields: []field[journal.EntryFilter]{
		id("tenant_id", func(f *journal.EntryFilter) **journal.Where[column.ID] { return &f.TenantID }),
		{"category_id", setCategoryID},
		{"category_code", setCategoryCode},
		choice("level", func(f *journal.EntryFilter) **journal.Where[column.Level] { return &f.Level }, column.ParseLevel,
			fault.Say("one of %s", "debug, info, warning, error, critical")),
		text("source", func(f *journal.EntryFilter) **journal.Where[string] { return &f.Source }),
		text("user_id", func(f *journal.EntryFilter) **journal.Where[string] { return &f.UserID }),
		search(func(f *journal.EntryFilter) **string { return &f.Search }),
	},
	log:    func(j *journal.Journal) *journal.EntryLog { return j.Entries },
	span:   func(f *journal.EntryFilter) (since, until **column.Time) { return &f.Since, &f.Until },
	tenant: func(e *ent.Entry) *column.ID { return e.TenantID },
	append: func(ctx context.Context, j *journal.Journal, b []byte, e *ent.Entry, tenant *ent.Tenant) ([]byte, error) {
		category, err := j.Category(ctx, e.CategoryID)
		if err != nil {
			return nil, err
		}
		return ingest.AppendEntry(b, e, tenant, category), nil
	},
}

var audit = &table[ent.AuditEvent, journal.AuditEventDraft, journal.AuditEventFilter]{
	name:  "audit",
	needs: []auth.Need{{Permission: auth.AuditRead}},
	columns: []string{
		"id", "tenant_id", "tenant_name", "key", "payload", "user_id", "application_id", "ip", "user_agent", "created_at",
	},
	json: "payload",
	fields: []field[journal.AuditEventFilter]{
		text("key", func(f *journal.AuditEventFilter) **journal.Where[string] { return &f.Key }),
		text("user_id", func(f *journal.AuditEventFilter) **journal.Where[string] { return &f.UserID }),
		text("application_id", func(f *journal.AuditEventFilter) **journal.Where[string] { return &f.ApplicationID }),
		text("ip", func(f *journal.AuditEventFilter) **journal.Where[string] { return &f.IP }),
		id("tenant_id", func(f *journal.AuditEventFilter) **journal.Where[column.ID] { return &f.TenantID }),
	},
	log:    func(j *journal.Journal) *journal.AuditLog { return j.AuditEvents },
	span:   func(f *journal.AuditEventFilter) (since, until **column.Time) { return &f.Since, &f.Until },
	tenant: func(e *ent.AuditEvent) *column.ID { return e.TenantID },
	append: lineOf(ingest.AppendAuditEvent),
}

var operations = &table[ent.Operation, journal.OperationDraft, journal.OperationFilter]{
	name:  "operations",
	needs: []auth.Need{{Permission: auth.OperationsList}, {Permission: auth.OperationsQuery}},
	columns: []string{
		"log_id", "tenant_id", "tenant_name", "user", "username", "action_type", "module", "description", "target_model",
		"target_id", "ip_address", "user_agent", "request_data", "response_status", "status", "created_at",
	},
	json: "request_data",
	fields: []field[journal.OperationFilter]{
		number("user", func(f *journal.OperationFilter) **journal.Where[int64] { return &f.UserID }),
		text("username", func(f *journal.OperationFilter) **journal.Where[string] { return &f.Username }),
		choice("action_type", func(f *journal.OperationFilter) **journal.Where[column.Action] { return &f.Action }, column.ParseAction,
			fault.Say("one of %s", column.ActionNames)),
		text("module", func(f *journal.OperationFilter) **journal.Where[string] { return &f.Module }),
		choice("status", func(f *journal.OperationFilter) **journal.Where[bool] { return &f.Succeeded }, parseStatus,
			fault.Say("0 (failed) or 1 (succeeded)")),
		text("ip_address", func(f *journal.OperationFilter) **journal.Where[string] { return &f.IPAddress }),
		id("tenant_id", func(f *journal.OperationFilter) **journal.Where[column.ID] { return &f.TenantID }),
	},
	log:    func(j *journal.Journal) *journal.OperationLog { return j.Operations },
	span:   func(f *journal.OperationFilter) (since, until **column.Time) { return &f.Since, &f.Until },
	tenant: func(o *ent.Operation) *column.ID { return o.TenantID },
	append: lineOf(ingest.AppendOperation),
}

var usage = &table[ent.UsageRecord, journal.UsageRecordDraft, journal.UsageRecordFilter]{
	name:  "usage",
	needs: []auth.Need{{Permission: auth.UsageRead, OrOwn: true}},
	columns: []string{
		"id", "tenant_id", "tenant_name", "user_id", "created_at", "type", "content", "username", "token_name", "model_name",
		"quota", "prompt_tokens", "completion_tokens", "use_time", "is_stream", "channel_id", "channel_name", "token_id",
		"group", "ip", "other",
	},
	fields: []field[journal.UsageRecordFilter]{
		choice("type", func(f *journal.UsageRecordFilter) **journal.Where[column.UsageType] { return &f.Type }, parseUsageType,
			fault.Say("1 (top-up), 2 (consume), 3 (manage), 4 (error) or 5 (system)")),
		number("user_id", func(f *journal.UsageRecordFilter) **journal.Where[int64] { return &f.UserID }),
		text("username", func(f *journal.UsageRecordFilter) **journal.Where[string] { return &f.Username }),
		number("token_id", func(f *journal.UsageRecordFilter) **journal.Where[int64] { return &f.TokenID }),
		text("token_name", func(f *journal.UsageRecordFilter) **journal.Where[string] { return &f.TokenName }),
		text("model_name", func(f *journal.UsageRecordFilter) **journal.Where[string] { return &f.ModelName }),
		number("channel_id", func(f *journal.UsageRecordFilter) **journal.Where[int64] { return &f.ChannelID }),
		text("group", func(f *journal.UsageRecordFilter) **journal.Where[string] { return &f.Group }),
		id("tenant_id", func(f *journal.UsageRecordFilter) **journal.Where[column.ID] { return &f.TenantID }),
		search(func(f *journal.UsageRecordFilter) **string { return &f.Search }),
	},
	log:    func(j *journal.Journal) *journal.UsageLog { return j.UsageRecords },
	span:   func(f *journal.UsageRecordFilter) (since, until **column.Time) { return &f.Since, &f.Until },
	tenant: func(u *ent.UsageRecord) *column.ID { return u.TenantID },
	append: lineOf(ingest.AppendUsageRecord),
}

var apiCalls = &table[ent.APICall, journal.APICallDraft, journal.APICallFilter]{
	name:  "api-calls",
	needs: []auth.Need{{Permission: auth.APICallsRead}},
	columns: []string{
		"log_id", "tenant_id", "tenant_name", "app_id", "api_path", "http_method", "source_ip", "status_code", "operation_time",
	},
	fields: []field[journal.APICallFilter]{
		text("app_id", func(f *journal.APICallFilter) **journal.Where[string] { return &f.AppID }),
		text("api_path", func(f *journal.APICallFilter) **journal.Where[string] { return &f.APIPath }),
		text("http_method", func(f *journal.APICallFilter) **journal.Where[string] { return &f.HTTPMethod }),
		text("source_ip", func(f *journal.APICallFilter) **journal.Where[string] { return &f.SourceIP }),
		choice("status_code", func(f *journal.APICallFilter) **journal.Where[int64] { return &f.StatusCode }, parseStatusCode,
			fault.Say("a whole number between 0 and 999")),
		id("tenant_id", func(f *journal.APICallFilter) **journal.Where[column.ID] { return &f.TenantID }),
	},
	log:    func(j *journal.Journal) *journal.APICallLog { return j.APICalls },
	span:   func(f *journal.APICallFilter) (since, until **column.Time) { return &f.Since, &f.Until },
	tenant: func(a *ent.APICall) *column.ID { return a.TenantID },
	append: lineOf(ingest.AppendAPICall),
}
