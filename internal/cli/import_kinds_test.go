package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"logbook/internal/authn"
	"logbook/internal/cli"
)

// inTenant puts a line of a tenant behind the id that it begins with.
func inTenant(line, id string) string { return strings.Replace(line, id+",", id+","+tenant+",", 1) }

// documents are lines of each kind of log as export writes them, oldest first.
var documents = []struct {
	kind  string
	lines []string
	noID  string // a line without an id, which may come more than once
	clash string // the first line with other content
	says  string // of clash
	bad   string // a line that only the journal can refuse
	why   string // of bad
}{
	{
		kind: "audit",
		lines: []string{
			`{"id":"log_002","key":"SignIn.Password","payload":{"username":"unknown_user","result":"failed"},"user_id":null,"application_id":"app_001","ip":"10.0.0.55","user_agent":"Mozilla/5.0","created_at":"2025-06-15T10:25:00Z"}`,
			inTenant(`{"id":"日 \" ","key":"k","payload":{},"user_id":"","application_id":null,"ip":null,"user_agent":null,"created_at":"2025-06-15T10:30:00.000001Z"}`, `{"id":"日 \" "`),
		},
		noID:  `{"key":"beat","created_at":"2024-06-01T00:00:00Z"}`,
		clash: `{"id":"log_002","key":"SignIn.Social"}`,
		says:  "id: log_002 is there already with other content",
		bad:   `{"id":"","key":"k"}`,
		why:   "id: is required",
	}, {
		kind: "operations",
		lines: []string{
			`{"log_id":1001,"user":1,"username":"admin","action_type":"login","module":"认证","description":"用户登录","target_model":null,"target_id":null,"ip_address":"127.0.0.1","user_agent":"Mozilla/5.0","request_data":{"username":"admin"},"response_status":200,"status":1,"created_at":"2025-11-17T08:30:00Z"}`,
			inTenant(`{"log_id":7,"user":null,"username":null,"action_type":"other","module":"","description":"","target_model":"","target_id":0,"ip_address":"-","user_agent":null,"request_data":{},"response_status":null,"status":0,"created_at":"2025-11-17T08:30:00.500Z"}`, `{"log_id":7`),
			`{"log_id":9007199254740992,"user":null,"username":null,"action_type":"view","module":"","description":"","target_model":null,"target_id":null,"ip_address":null,"user_agent":null,"request_data":null,"response_status":-1,"status":1,"created_at":"2025-11-18T08:30:00Z"}`,
		},
		noID:  `{"action_type":"list","created_at":"2024-06-01T00:00:00Z"}`,
		clash: `{"log_id":1001,"action_type":"login"}`,
		says:  "log_id: 1001 is there already with other content",
		bad:   `{"log_id":0,"action_type":"list"}`,
		why:   "log_id: must be between 1 and 2^53",
	}, {
		kind: "usage",
		lines: []string{
			`{"id":1,"user_id":1,"created_at":1640995000,"type":2,"content":"API调用成功","username":"testuser","token_name":"api_token","model_name":"gpt-4","quota":1000,"prompt_tokens":50,"completion_tokens":100,"use_time":2,"is_stream":false,"channel_id":1,"channel_name":"OpenAI渠道","token_id":1,"group":"default","ip":"192.168.1.1","other":"{\"model_ratio\":15.0}"}`,
			inTenant(`{"id":5,"user_id":0,"created_at":1640995001,"type":4,"content":"","username":"","token_name":"","model_name":"","quota":0,"prompt_tokens":0,"completion_tokens":0,"use_time":0,"is_stream":true,"channel_id":0,"channel_name":"","token_id":0,"group":"","ip":"","other":""}`, `{"id":5`),
		},
		noID:  `{"type":2,"created_at":1600000000}`,
		clash: `{"id":1,"type":2}`,
		says:  "id: 1 is there already with other content",
		bad:   `{"type":2,"username":"` + strings.Repeat("x", 256) + `"}`,
		why:   "username: is longer than 255 bytes",
	}, {
		kind: "api-calls",
		lines: []string{
			`{"log_id":"123","app_id":"AK1234567895678","api_path":"/openapi/v1/users","http_method":"GET","source_ip":"1.2.3.4","status_code":200,"operation_time":1700000000}`,
			inTenant(`{"log_id":"x y","app_id":"-","api_path":"/","http_method":"","source_ip":"AWS Internal","status_code":0,"operation_time":1700000001}`, `{"log_id":"x y"`),
		},
		noID:  `{"api_path":"/","status_code":200,"operation_time":1600000000}`,
		clash: `{"log_id":"123","api_path":"/","status_code":200}`,
		says:  "log_id: 123 is there already with other content",
		bad:   `{"api_path":"/","status_code":1000}`,
		why:   "status_code: must be between 0 and 999",
	},
}

func TestImportOfEachKind(t *testing.T) {
	for _, kind := range documents {
		t.Run(kind.kind, func(t *testing.T) {
			t.Parallel()
			m := newMachine(t)
			all := strings.Join(kind.lines, "\n") + "\n"
			file := m.file("a.ndjson", all)
			n := len(kind.lines)
			added := func(n, added int) string {
				return fmt.Sprintf("read %d, added %d, already there %d, refused 0\n", n, added, n-added)
			}
			m.want(0, added(n, n), "", "import", "--kind", kind.kind, file)
			m.want(0, added(n, 0), "", "import", "--kind", kind.kind, file)
			m.want(0, all, "", "export", "--kind", kind.kind)

			// What export writes, import reads, and the two are equal.
			other := newMachine(t)
			other.want(0, added(n, n), "", "import", "--kind", kind.kind, other.file("b.ndjson", all))
			other.want(0, all, "", "export", "--kind", kind.kind)

			// Equal lines without an id stay, and come in once.
			same := m.file("same.ndjson", strings.Repeat(kind.noID+"\n", 3))
			m.want(0, added(3, 3), "", "import", "--kind", kind.kind, same)
			m.want(0, added(6, 0), "", "import", "--kind", kind.kind, same, same)
			more := m.file("more.ndjson", strings.Repeat(kind.noID+"\n", 5))
			m.want(0, added(5, 2), "", "import", "--kind", kind.kind, more)

			// Refused lines stop no other line.
			bad := m.file("bad.ndjson", kind.clash+"\n{\n"+kind.noID+"\n"+kind.bad+"\n"+kind.lines[0]+"\n")
			m.want(1, "read 5, added 0, already there 2, refused 3\n",
				bad+":1: "+kind.says+"\n"+bad+":2: line: is not valid JSON: it ends too early\n"+bad+":4: "+kind.why+"\n",
				"import", "--kind", kind.kind, "--rejects", filepath.Join(m.dir, "rejects"), bad)
			if got, want := m.read("rejects"), kind.clash+"\n{\n"+kind.bad+"\n"; got != want {
				t.Errorf("rejects %q, want %q", got, want)
			}
		})
	}
}

func TestImportGivesNumbersBeyondTheOldOnes(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	file := m.file("a.ndjson", `{"type":2,"created_at":1600000000}`)
	m.want(0, "read 1, added 1, already there 0, refused 0\n", "", "import", "--kind", "usage", file)
	if _, out, _ := m.run("export", "--kind", "usage"); !regexp.MustCompile(`^\{"id":\d{16},"user_id":0,`).MatchString(out) {
		t.Errorf("exports %s", out)
	}
}

func TestImportCutsAndMasksOperations(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	line := func(description, agent, data string) string {
		return `{"log_id":1,"user":null,"username":null,"action_type":"login","module":"","description":"` + description + `","target_model":null,"target_id":null,` +
			`"ip_address":null,"user_agent":"` + agent + `","request_data":` + data + `,"response_status":null,"status":1,"created_at":"2025-11-17T08:30:00Z"}`
	}
	const data = `{"user":"a","password":%s,"deep":[{"token":%s,"csrf_token":%s,"tokens":1,"Key":2}],"secret":%s,"key":%s}`
	file := m.file("a.ndjson", line(strings.Repeat("日", 256), strings.Repeat("😀", 501), fmt.Sprintf(data, `"1"`, `{"a":1}`, `null`, `[]`, `7`)))
	m.want(0, "read 1, added 1, already there 0, refused 0\n", "", "import", "--kind", "operations", file)
	m.want(0, "read 1, added 0, already there 1, refused 0\n", "", "import", "--kind", "operations", file)
	m.want(0, line(strings.Repeat("日", 255), strings.Repeat("😀", 500), fmt.Sprintf(data, `"***"`, `"***"`, `"***"`, `"***"`, `"***"`))+"\n", "",
		"export", "--kind", "operations")
}

func TestImportOfNewAPITypes(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	var lines, swapped strings.Builder
	for i, to := range []int{1, 2, 3, 5, 4} {
		const line = `{"id":%d,"user_id":0,"created_at":%d,"type":%d,"content":"","username":"","token_name":"","model_name":"","quota":0,"prompt_tokens":0,"completion_tokens":0,"use_time":0,"is_stream":false,"channel_id":7,%s"channel_name":"","token_id":0,"group":"","ip":"","other":""}` + "\n"
		fmt.Fprintf(&lines, line, i+1, i+1, i+1, `"channel":7,`)
		fmt.Fprintf(&swapped, line, i+1, i+1, to, "")
	}
	file := m.file("a.ndjson", lines.String())
	m.want(0, "read 5, added 5, already there 0, refused 0\n", "", "import", "--kind", "usage", "--types", "newapi-code", file)
	m.want(0, swapped.String(), "", "export", "--kind", "usage")
	m.want(0, "read 5, added 0, already there 5, refused 0\n", "", "import", "--kind", "usage", "--types", "newapi-code", file)
	m.want(1, "read 5, added 0, already there 3, refused 2\n",
		file+":4: id: 4 is there already with other content\n"+file+":5: id: 5 is there already with other content\n", "import", "--kind", "usage", file)
}

func TestImportOfUsersAndTokens(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	users := m.file("users.ndjson", `{"id":2,"username":"alice","role":"user","tenant_id":null,"aliases":{"hertz":"7","scitiger":"550e8400-e29b-41d4-a716-446655440003","codebird":"usr_a"}}
{"username":"bob"}
{"username":"bob"}
{"id":3,"username":"alice"}
{"id":4,"username":"carol","aliases":{"hertz":7}}
{"id":4,"username":"carol","aliases":{"hertz":"7"}}
{"id":2,"username":"alice"}
{"id":4,"username":"carol","role":"viewer","tenant_id":"6f1d0c52-3b0e-4c7a-9a51-0d5b1e7c0001"}
`)
	refused := users + `:4: username: "alice" is user 2's
` + users + `:5: aliases.hertz: must be a string, not a number
` + users + `:6: aliases.hertz: "7" is user 2's
` + users + `:7: id: 2 is there already with other content: aliases
`
	m.want(1, "read 8, added 3, already there 1, refused 4\n", refused, "import", "--kind", "users", users)
	m.want(1, "read 8, added 0, already there 4, refused 4\n", strings.Replace(refused,
		`aliases.hertz: "7" is user 2's`, "id: 4 is there already with other content: role, tenant_id, aliases", 1), "import", "--kind", "users", users)
	m.want(0, `ID             USERNAME  ROLE    TENANT                                ALIASES                                                               STATE
2              alice     user    -                                     codebird=usr_a hertz=7 scitiger=550e8400-e29b-41d4-a716-446655440003  active
4              carol     viewer  6f1d0c52-3b0e-4c7a-9a51-0d5b1e7c0001  -                                                                     active
1099511627776  bob       user    -                                     -                                                                     active
`, "", "user", "list")

	secret := "sk-TheKeyOfAnOldSystem0123456789"
	tokens := m.file("tokens.ndjson", `{"id":2,"user_id":2,"name":"api_token","key":"`+secret+`","role":"user","permissions":["audit"],"tenant_id":null}
{"user_id":2,"name":"gateway","key":"`+secret+`-gateway"}
{"user_id":2,"name":"gateway","key":"`+strings.TrimPrefix(secret, "sk-")+`-gateway"}
{"id":3,"user_id":2,"name":"again","key":"`+secret+`","role":"user"}
{"id":2,"user_id":2,"name":"other","key":"`+secret+`-other","role":"user","permissions":["audit"]}
{"id":5,"user_id":99,"name":"nobody's","key":"`+secret+`-nobody"}
{"id":6,"user_id":"2","key":"`+secret+`-text"}
{"id":7,"key":"`+secret+`-fly","permissions":["fly"]}
{"id":8,"key":" `+secret+`","role":"viewer"}
{"id":9,"key":"`+secret+`
`)
	refused = tokens + `:4: key: it is access token 2's
` + tokens + `:5: id: 2 is there already with other content: name, key
` + tokens + `:6: user_id: "99" does not exist
` + tokens + `:7: user_id: must be a whole number, not a string
` + tokens + `:8: permissions: "fly" is none of entries:read, entries:write, audit:read, audit:write, system:log:list, system:log:query, operations:write, usage:read, usage:write, audit, api-calls:write
` + tokens + `:9: key: no request can bring it: it has white space at an end, a control character or the form of a JWT
` + tokens + `:10: line: is not valid JSON: it ends too early
`
	rejects := m.file("rejects", "")
	if err := os.Chmod(rejects, 0o644); err != nil {
		t.Fatal(err)
	}
	m.want(1, "read 10, added 2, already there 1, refused 7\n", refused, "import", "--kind", "tokens", tokens)
	m.want(1, "read 10, added 0, already there 3, refused 7\n", refused, "import", "--kind", "tokens", "--rejects", rejects, tokens)
	if strings.Contains(refused, strings.TrimPrefix(secret, "sk-")) {
		t.Error("a refused line says its key")
	}
	if got := m.read("rejects"); strings.Count(got, secret) != 7 {
		t.Errorf("the rejects are %s", got)
	}
	if info, err := os.Stat(rejects); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the rejects have the mode %v, %v", info.Mode(), err)
	}
	m.want(0, `ID             KEY        NAME       ROLE  USER  TENANT  PERMISSIONS  EXPIRES  STATE
2              sk-TheKe…  api_token  user  2     -       audit        never    active
1099511627776  TheKeyOf…  gateway    -     2     -       -            never    active
`, "", "token", "list")

	store, err := (&cli.Settings{DB: "sqlite:" + filepath.Join(m.dir, "test.db")}).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	principal, err := authn.New(store.DB.Ent(), authn.Options{}).Principal(t.Context(), secret)
	if err != nil || principal.Username != "alice" || principal.Role != "user" {
		t.Errorf("signs in as %+v, %v", principal, err)
	}
}
