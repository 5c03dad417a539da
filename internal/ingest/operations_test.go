package ingest_test

import (
	"testing"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/ingest"
	"logbook/internal/journal"
)

// operationLines are the hertz document's detail without its fields for display,
// and what else must come out as it went in.
var operationLines = []string{
	`{"log_id":1001,"user":1,"username":"admin","action_type":"login","module":"认证","description":"用户登录","target_model":null,"target_id":null,"ip_address":"127.0.0.1","user_agent":"Mozilla/5.0","request_data":{"username": "admin"},"response_status":200,"status":1,"created_at":"2025-11-17T08:30:00Z"}`,
	`{"log_id":9007199254740992,` + one + `,"user":-9007199254740992,"username":"","action_type":"other","module":"","description":" \u0000\n","target_model":"","target_id":0,"ip_address":"-","user_agent":"","request_data":{},"response_status":-1,"status":0,"created_at":"2018-10-25T13:58:49.730588Z"}`,
	`{"log_id":1,"user":null,"username":null,"action_type":"create","module":"m","description":"d","target_model":null,"target_id":null,"ip_address":null,"user_agent":null,"request_data":null,"response_status":null,"status":1,"created_at":"0001-01-01T00:00:00Z"}`,
	`{"log_id":2,"user":null,"username":"匿名用户","action_type":"update","module":"m","description":"d","target_model":null,"target_id":null,"ip_address":null,"user_agent":null,"request_data":[1.50,{"password":"not masked here"}],"response_status":null,"status":1,"created_at":"9999-12-31T23:59:59.999999Z"}`,
	`{"log_id":3,"user":null,"username":null,"action_type":"delete","module":"m","description":"d","target_model":null,"target_id":null,"ip_address":null,"user_agent":null,"request_data":"any JSON","response_status":null,"status":1,"created_at":"2025-11-17T08:30:00Z"}`,
}

func TestOperationRefuses(t *testing.T) {
	const choices = `is none of create, update, delete, view, list, login, logout, export, import, other`
	refuses(t, ingest.Operation, []refusal{
		{"no action", `{}`, `action_type: is required`},
		{"null action", `{"action_type":null}`, `action_type: is required`},
		{"number as action", `{"action_type":1}`, `action_type: must be a string, not a number`},
		{"unknown action", `{"action_type":"dance"}`, `action_type: "dance" ` + choices},
		{"action in capitals", `{"action_type":"LOGIN"}`, `action_type: "LOGIN" ` + choices},
		{"text as id", `{"action_type":"list","log_id":"1001"}`, `log_id: must be a whole number, not a string`},
		{"fraction as id", `{"action_type":"list","log_id":1.0}`, `log_id: "1.0" is not a whole number in plain digits`},
		{"exponent as id", `{"action_type":"list","log_id":1e3}`, `log_id: "1e3" is not a whole number in plain digits`},
		{"id beyond 2^53", `{"action_type":"list","log_id":9007199254740993}`, `log_id: must be between -2^53 and 2^53`},
		{"id beyond 64 bits", `{"action_type":"list","log_id":99999999999999999999}`, `log_id: must be between -2^53 and 2^53`},
		{"text as user", `{"action_type":"list","user":"7"}`, `user: must be a whole number, not a string`},
		{"object as user", `{"action_type":"list","user":{}}`, `user: must be a whole number, not an object`},
		{"number as name", `{"action_type":"list","username":7}`, `username: must be a string, not a number`},
		{"number as module", `{"action_type":"list","module":7}`, `module: must be a string, not a number`},
		{"array as description", `{"action_type":"list","description":[]}`, `description: must be a string, not an array`},
		{"number as model", `{"action_type":"list","target_model":7}`, `target_model: must be a string, not a number`},
		{"text as target", `{"action_type":"list","target_id":"7"}`, `target_id: must be a whole number, not a string`},
		{"number as address", `{"action_type":"list","ip_address":127}`, `ip_address: must be a string, not a number`},
		{"number as agent", `{"action_type":"list","user_agent":127}`, `user_agent: must be a string, not a number`},
		{"integer beyond 2^53", `{"action_type":"list","request_data":{"n":9007199254740993}}`, `request_data.n: is a number beyond 2^53, write it as a string`},
		{"text as response", `{"action_type":"list","response_status":"200"}`, `response_status: must be a whole number, not a string`},
		{"true as status", `{"action_type":"list","status":true}`, `status: must be a whole number, not true or false`},
		{"status 2", `{"action_type":"list","status":2}`, `status: must be 0 (failed) or 1 (succeeded)`},
		{"number as time", `{"action_type":"list","created_at":1700000000}`, `created_at: must be a string, not a number`},
		{"time without offset", `{"action_type":"list","created_at":"2025-11-17 08:30:00"}`, `created_at: "2025-11-17 08:30:00" is not an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999`},
		{"half a surrogate pair", `{"action_type":"list","module":"\ud800"}`, `module: has half a surrogate pair (such as \ud800), which no text can hold`},
		{"a tenant's name alone", `{"action_type":"list","tenant_name":"t"}`, `tenant_name: stands without a tenant_id and would be lost`},
	})
}

func TestOperationIsWrittenAsItCame(t *testing.T) {
	takes(t, ingest.Operation, writeOperation, operationLines...)
}

func TestOperationLeavesOutWhatIsForDisplay(t *testing.T) {
	// The document's detail with all its fields, each of which contradicts the rest.
	row, problem := ingest.Operation([]byte(`{"log_id":1001,"user":1,"username":"admin","action_type":"login","action_type_display":"创建","module":"认证",` +
		`"description":"用户登录","target_model":null,"target_id":null,"ip_address":"127.0.0.1","user_agent":"Mozilla/5.0","request_data":{"username": "admin"},` +
		`"formatted_request_data":7,"response_status":200,"status":1,"status_display":"失败","is_success":false,"created_at":"2025-11-17T08:30:00Z"}`))
	if problem != nil {
		t.Fatal(problem)
	}
	if got := string(writeOperation(row)); got != operationLines[0] {
		t.Errorf("wrote %s\nwant  %s", got, operationLines[0])
	}
}

func TestOperationDefaults(t *testing.T) {
	row, problem := ingest.Operation([]byte(`{"action_type":"view","log_id":null,"status":null,"module":null}`))
	if problem != nil {
		t.Fatal(problem)
	}
	d := row.Draft
	if d.ID != nil || d.Failed || d.Action != column.ActionView || d.Module != "" || d.RequestData != nil || d.UserID != nil || d.CreatedAt != nil {
		t.Errorf("got %+v", d)
	}
}

func writeOperation(row journal.Imported[journal.OperationDraft]) []byte {
	d := row.Draft
	stored := &ent.Operation{
		ID: or(d.ID), TenantID: d.TenantID, UserID: d.UserID, Username: d.Username, Action: d.Action, Module: d.Module,
		Description: d.Description, TargetModel: d.TargetModel, TargetID: d.TargetID, IPAddress: d.IPAddress,
		UserAgent: d.UserAgent, RequestData: d.RequestData, Status: 1, CreatedAt: or(d.CreatedAt),
	}
	if d.Failed {
		stored.Status = 0
	}
	if d.ResponseStatus != nil {
		stored.ResponseStatus = new(int32(*d.ResponseStatus))
	}
	return ingest.AppendOperation(nil, stored, named(row.TenantName))
}

func FuzzOperation(f *testing.F) {
	roundTrip(f, ingest.Operation, writeOperation, append(operationLines, "{\"action_type\":\"list\",\"request_data\":[\r1 ]}")...)
}
