package cli_test

import (
	"strings"
	"testing"

	"logbook/internal/export"
)

// exported are lines of every kind but the entries (which TestExportIsTheInput has)
// as export writes them, in the order of their times.
var exported = map[string][]string{
	"audit": {
		`{"id":"log_001",` + tenant + `,"key":"SignIn.Password","payload":{ "username":"john_doe","n":1.50},"user_id":"usr_abc123","application_id":"app_001","ip":"192.168.1.100","user_agent":"Mozilla/5.0","created_at":"2025-06-15T10:30:00Z"}`,
		`{"id":"log_002","key":"SignIn.Password","payload":{},"user_id":null,"application_id":null,"ip":"AWS Internal","user_agent":"","created_at":"2025-06-15T10:30:00.000001Z"}`,
	},
	"operations": {
		`{"log_id":1001,` + tenant + `,"user":1,"username":"admin","action_type":"login","module":"认证","description":"用户登录","target_model":"User","target_id":7,"ip_address":"127.0.0.1","user_agent":"Mozilla/5.0","request_data":{"username":"admin","password":"***"},"response_status":200,"status":1,"created_at":"2025-11-17T08:30:00Z"}`,
		`{"log_id":1000,"user":null,"username":null,"action_type":"other","module":"","description":" \n\"","target_model":null,"target_id":null,"ip_address":null,"user_agent":null,"request_data":null,"response_status":null,"status":0,"created_at":"2025-11-17T08:30:00.123Z"}`,
		`{"log_id":1003,"user":0,"username":"","action_type":"delete","module":"m","description":"","target_model":"","target_id":0,"ip_address":"","user_agent":"","request_data":"a text","response_status":0,"status":1,"created_at":"2025-11-17T08:30:01Z"}`,
	},
	"usage": {
		`{"id":1,` + tenant + `,"user_id":1,"created_at":1640995000,"type":2,"content":"GPT-4调用成功","username":"testuser","token_name":"api_token","model_name":"gpt-4","quota":1000,"prompt_tokens":100,"completion_tokens":50,"use_time":5,"is_stream":false,"channel_id":1,"channel_name":"OpenAI渠道","token_id":1,"group":"default","ip":"192.168.1.1","other":"{\"admin_info\":{\"use_channel\":[\"1\"]}}"}`,
		`{"id":9007199254740992,"user_id":0,"created_at":1640995001,"type":5,"content":"","username":"","token_name":"","model_name":"","quota":-1,"prompt_tokens":0,"completion_tokens":0,"use_time":0,"is_stream":true,"channel_id":0,"channel_name":"","token_id":0,"group":"","ip":"","other":""}`,
	},
	"api-calls": {
		`{"log_id":"log-1",` + tenant + `,"app_id":"app-0123456789","api_path":"/openapi/v1/x","http_method":"GET","source_ip":"203.0.113.1","status_code":200,"operation_time":1700000000}`,
		`{"log_id":"7","app_id":"","api_path":"","http_method":"","source_ip":"AWS Internal","status_code":0,"operation_time":1700000001}`,
	},
}

// TestExportOfEveryKind wants what export writes to be what import read.
func TestExportOfEveryKind(t *testing.T) {
	t.Parallel()
	for _, kind := range export.Kinds() {
		lines := exported[kind.Name]
		if kind.Name == "entries" {
			continue
		}
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			all := strings.Join(lines, "\n") + "\n"
			m := newMachine(t)
			code, out, stderr := m.run("import", "--kind", kind.Name, m.file("a.ndjson", all))
			if code != 0 || !strings.HasSuffix(out, "already there 0, refused 0\n") {
				t.Fatalf("import ends with %d, %q, %q", code, out, stderr)
			}
			m.want(0, all, "", "export", "--kind", kind.Name)
			m.want(0, lines[0]+"\n", "", "export", "--kind", kind.Name, "--filter", "tenant_id=6f1d0c52-3b0e-4c7a-9a51-0d5b1e7c0001")
			m.want(0, "", "", "export", "--kind", kind.Name, "--until", "2015-01-01")
			m.want(0, all, "", "export", "--kind", kind.Name, "--since", "2015-01-01")
		})
	}
}

// TestExportFilters wants what cannot be asked for to be said in one line, with the
// flag's name. What each field means is package export's to test.
func TestExportFilters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, filter, want string }{
		{"audit", "colour=red", "--filter colour: the fields are key, user_id, application_id, ip, tenant_id, since, until"},
		{"operations", "user_id=1", "--filter user_id: the fields are user, username, action_type, module, status, ip_address, tenant_id, since, until"},
		{"operations", "status=ok", `--filter status: "ok" is not 0 (failed) or 1 (succeeded)`},
		{"usage", "channel=1", "--filter channel: the fields are type, user_id, username, token_id, token_name, model_name, channel_id, group, tenant_id, search, since, until"},
		{"usage", "type=consume", `--filter type: "consume" is not 1 (top-up), 2 (consume), 3 (manage), 4 (error) or 5 (system)`},
		{"usage", "user_id=1.5", `--filter user_id: "1.5" is not a whole number within 2^53`},
		{"api-calls", "ip=1", "--filter ip: the fields are app_id, api_path, http_method, source_ip, status_code, tenant_id, since, until"},
		{"api-calls", "status_code=ok", `--filter status_code: "ok" is not a whole number between 0 and 999`},
		{"entries", "since=soon", `--since: "soon" is not a time such as 2025-06-15T08:30:45Z or 2025-06-15`},
	} {
		m := newMachine(t)
		m.want(2, "", "logbook: "+c.want+"\n", "export", "--kind", c.kind, "--filter", c.filter)
	}
	m := newMachine(t)
	m.want(2, "", "logbook: --since: stands twice\n", "export", "--kind", "usage", "--since", "2020-01-01", "--filter", "since=2020-01-01")

	// The help names every field of every kind.
	_, help, _ := m.run("export", "--help")
	help = strings.Join(strings.Fields(help), " ")
	for _, kind := range export.Kinds() {
		var own []string
		for _, field := range kind.Fields {
			if field == "search" {
				break // said in words
			}
			if field != "since" && field != "until" {
				own = append(own, field)
			}
		}
		if list := "for " + kind.Name + " " + strings.Join(own, ", "); !strings.Contains(help, list) {
			t.Errorf("the help lacks %q", list)
		}
	}
}
