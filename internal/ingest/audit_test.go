package ingest_test

import (
	"strings"
	"testing"

	"logbook/ent"
	"logbook/internal/ingest"
	"logbook/internal/journal"
)

// auditLines are the codebird document's items, and what else must come out as it
// went in.
var auditLines = []string{
	`{"id":"log_001","key":"SignIn.Password","payload":{"username":"john_doe","result":"success","session_id":"sess_abc123"},"user_id":"usr_abc123","application_id":"app_001","ip":"192.168.1.100","user_agent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36","created_at":"2025-06-15T10:30:00Z"}`,
	`{"id":"log_002","key":"SignIn.Password","payload":{"username":"unknown_user","result":"failed","error":"invalid_credentials"},"user_id":null,"application_id":"app_001","ip":"10.0.0.55","user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36","created_at":"2025-06-15T10:25:00Z"}`,
	`{"id":" \"7\" \\ \u0000 日 ",` + one + `,"key":"Anything.At all","payload":{ "b":1.50, "a":"\u00e9\ud800","n":9007199254740992},"user_id":"","application_id":null,"ip":null,"user_agent":null,"created_at":"0001-01-01T00:00:00.000001Z"}`,
	`{"id":"x","key":"k","payload":{},"user_id":null,"application_id":null,"ip":"AWS Internal","user_agent":"","created_at":"9999-12-31T23:59:59.999999Z"}`,
}

func TestAuditEventRefuses(t *testing.T) {
	refuses(t, ingest.AuditEvent, []refusal{
		{"no key", `{}`, `key: is required`},
		{"null key", `{"key":null}`, `key: is required`},
		{"number as key", `{"key":1}`, `key: must be a string, not a number`},
		{"number as id", `{"key":"k","id":1}`, `id: must be a string, not a number`},
		{"number beyond 2^53 as id", `{"key":"k","id":9007199254740993}`, `id: must be a string, not a number`},
		{"number as user", `{"key":"k","user_id":7}`, `user_id: must be a string, not a number`},
		{"array as application", `{"key":"k","application_id":[]}`, `application_id: must be a string, not an array`},
		{"true as ip", `{"key":"k","ip":true}`, `ip: must be a string, not true or false`},
		{"object as agent", `{"key":"k","user_agent":{}}`, `user_agent: must be a string, not an object`},
		{"text as payload", `{"key":"k","payload":"{}"}`, `payload: must be an object, not a string`},
		{"array as payload", `{"key":"k","payload":[]}`, `payload: must be an object, not an array`},
		{"integer beyond 2^53", `{"key":"k","payload":{"n":[9007199254740993]}}`, `payload.n[0]: is a number beyond 2^53, write it as a string`},
		{"number as time", `{"key":"k","created_at":1700000000}`, `created_at: must be a string, not a number`},
		{"no time", `{"key":"k","created_at":"today"}`, `created_at: "today" is not an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999`},
		{"half a surrogate pair", `{"key":"\udc00"}`, `key: has half a surrogate pair (such as \ud800), which no text can hold`},
		{"no UUID as tenant", `{"key":"k","tenant_id":"1"}`, `tenant_id: "1" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`},
		{"a tenant's name alone", `{"key":"k","tenant_name":"t"}`, `tenant_name: stands without a tenant_id and would be lost`},
	})
}

func TestAuditEventIsWrittenAsItCame(t *testing.T) {
	takes(t, ingest.AuditEvent, writeAuditEvent, auditLines...)
}

func TestAuditEventNullIsAbsent(t *testing.T) {
	row, problem := ingest.AuditEvent([]byte(`{"key":"k","id":null,"payload":null,"created_at":null,"ip":null,"tenant_id":null,"tenant_name":null,"nonce":{}}`))
	if problem != nil {
		t.Fatal(problem)
	}
	if d := row.Draft; d.ID != nil || d.Payload != nil || d.CreatedAt != nil || d.IP != nil || d.TenantID != nil || row.TenantName != nil {
		t.Errorf("null is not absent: %+v", row)
	}
	stored := string(ingest.AppendAuditEvent([]byte("before "), &ent.AuditEvent{ID: "1", Key: "k"}, nil))
	if want := `before {"id":"1","key":"k","payload":{},"user_id":null,"application_id":null,"ip":null,"user_agent":null,"created_at":"1970-01-01T00:00:00Z"}`; stored != want {
		t.Errorf("wrote %s\nwant  %s", stored, want)
	}
}

func TestAuditEventReadsAnyOffset(t *testing.T) {
	row, problem := ingest.AuditEvent([]byte(`{"key":"k","created_at":"2024-06-01T02:00:00.1234567+02:00"}`))
	if want := timeOf(t, "2024-06-01T00:00:00.123456Z"); problem != nil || *row.Draft.CreatedAt != want {
		t.Errorf("got %v, %v", row.Draft.CreatedAt, problem)
	}
}

func writeAuditEvent(row journal.Imported[journal.AuditEventDraft]) []byte {
	d := row.Draft
	return ingest.AppendAuditEvent(nil, &ent.AuditEvent{
		ID: or(d.ID), TenantID: d.TenantID, Key: d.Key, Payload: d.Payload, UserID: d.UserID,
		ApplicationID: d.ApplicationID, IP: d.IP, UserAgent: d.UserAgent, CreatedAt: or(d.CreatedAt),
	}, named(row.TenantName))
}

func FuzzAuditEvent(f *testing.F) {
	roundTrip(f, ingest.AuditEvent, writeAuditEvent, append(auditLines,
		"{\"key\":\"k\",\"payload\":{\r\t\"a\" : 1}}", strings.Repeat(`{"payload":`, 70)+"{}"+strings.Repeat("}", 70))...)
}
