package ingest_test

import (
	"testing"

	"logbook/ent"
	"logbook/internal/ingest"
	"logbook/internal/journal"
)

// apiCallLines are the trae document's item, unmasked, and what else must come out
// as it went in.
var apiCallLines = []string{
	`{"log_id":"123","app_id":"AK1234567895678","api_path":"/openapi/v1/users","http_method":"GET","source_ip":"1.2.3.4","status_code":200,"operation_time":1700000000}`,
	`{"log_id":" \"日\" ",` + one + `,"app_id":"","api_path":"","http_method":"","source_ip":"AWS Internal","status_code":0,"operation_time":-62135596800}`,
	`{"log_id":"x","app_id":"-","api_path":"/?q=\u0000\\","http_method":"PROPFIND","source_ip":"host.example","status_code":999,"operation_time":253402300799}`,
}

func TestAPICallRefuses(t *testing.T) {
	refuses(t, ingest.APICall, []refusal{
		{"no path", `{"status_code":200}`, `api_path: is required`},
		{"null path", `{"status_code":200,"api_path":null}`, `api_path: is required`},
		{"no status", `{"api_path":"/"}`, `status_code: is required`},
		{"number as id", `{"api_path":"/","status_code":200,"log_id":123}`, `log_id: must be a string, not a number`},
		{"number as app", `{"api_path":"/","status_code":200,"app_id":123}`, `app_id: must be a string, not a number`},
		{"number as path", `{"api_path":1,"status_code":200}`, `api_path: must be a string, not a number`},
		{"number as method", `{"api_path":"/","status_code":200,"http_method":1}`, `http_method: must be a string, not a number`},
		{"number as address", `{"api_path":"/","status_code":200,"source_ip":1}`, `source_ip: must be a string, not a number`},
		{"text as status", `{"api_path":"/","status_code":"200"}`, `status_code: must be a whole number, not a string`},
		{"text as time", `{"api_path":"/","status_code":200,"operation_time":"1700000000"}`, `operation_time: must be a whole number, not a string`},
		{"half seconds", `{"api_path":"/","status_code":200,"operation_time":17.5}`, `operation_time: "17.5" is not a whole number in plain digits`},
		{"the year 10000", `{"api_path":"/","status_code":200,"operation_time":253402300800}`, `operation_time: must be in seconds since 1970, in the years 1 to 9999`},
		{"half a surrogate pair", `{"api_path":"\ud800","status_code":200}`, `api_path: has half a surrogate pair (such as \ud800), which no text can hold`},
		{"a tenant's name alone", `{"api_path":"/","status_code":200,"tenant_name":"t"}`, `tenant_name: stands without a tenant_id and would be lost`},
	})
}

func TestAPICallIsWrittenAsItCame(t *testing.T) {
	takes(t, ingest.APICall, writeAPICall, apiCallLines...)
}

func TestAPICallNullIsAbsent(t *testing.T) {
	row, problem := ingest.APICall([]byte(`{"api_path":"/","status_code":200,"log_id":null,"app_id":null,"http_method":null,"source_ip":null,"operation_time":null}`))
	if d := row.Draft; problem != nil || d.ID != nil || d.OperationTime != nil || d.AppID+d.HTTPMethod+d.SourceIP != "" {
		t.Errorf("got %+v, %v", d, problem)
	}
}

func writeAPICall(row journal.Imported[journal.APICallDraft]) []byte {
	d := row.Draft
	return ingest.AppendAPICall(nil, &ent.APICall{
		ID: or(d.ID), TenantID: d.TenantID, AppID: d.AppID, APIPath: d.APIPath, HTTPMethod: d.HTTPMethod,
		SourceIP: d.SourceIP, StatusCode: int32(d.StatusCode), OperationTime: or(d.OperationTime),
	}, named(row.TenantName))
}

func FuzzAPICall(f *testing.F) { roundTrip(f, ingest.APICall, writeAPICall, apiCallLines...) }
