package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"logbook/internal/journal/journaltest"
)

// row is a line of a kind, its numbers as they were written.
type row map[string]any

// text gives a field's text, "" where it is null or no text.
func (r row) text(field string) string {
	text, _ := r[field].(string)
	return text
}

// number gives a field's whole number, 0 where it is null.
func (r row) number(field string) int64 {
	digits, _ := r[field].(json.Number)
	n, _ := digits.Int64()
	return n
}

// inside gives an object inside.
func (r row) inside(field string) row {
	object, _ := r[field].(map[string]any)
	return object
}

// realFact is a row of the README's tables: what it says, counted over a list of
// rows, and the same as a filter of GraphQL. Sum names what usageStats sums of it;
// else it is a total.
type realFact struct {
	name   string
	value  func([]row) int64
	filter map[string]any
	sum    []string
}

// count counts the rows that pass.
func count(passes func(row) bool) func([]row) int64 {
	return func(rows []row) (n int64) {
		for _, r := range rows {
			if passes(r) {
				n++
			}
		}
		return n
	}
}

// is counts the rows with a text.
func is(field, value string) func([]row) int64 {
	return count(func(r row) bool { return r.text(field) == value })
}

// distinct counts the values of a field, null not counted.
func distinct(field string) func([]row) int64 {
	return func(rows []row) int64 {
		seen := map[any]bool{}
		for _, r := range rows {
			if r[field] != nil {
				seen[r[field]] = true
			}
		}
		return int64(len(seen))
	}
}

// sum sums a number of the rows that pass.
func sum(passes func(row) bool, fields ...string) func([]row) int64 {
	return func(rows []row) (n int64) {
		for _, r := range rows {
			if !passes(r) {
				continue
			}
			for _, field := range fields {
				n += r.number(field)
			}
		}
		return n
	}
}

func within(field string, from, until int64) func(row) bool {
	return func(r row) bool { return r.number(field) >= from && r.number(field) <= until }
}

func on(field, day string) func([]row) int64 {
	return count(func(r row) bool { return strings.HasPrefix(r.text(field), day) })
}

// holdsSecret says whether a value has a key that the hertz system masks.
func holdsSecret(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if isSecret(key) || holdsSecret(inner) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if holdsSecret(inner) {
				return true
			}
		}
	}
	return false
}

func isSecret(key string) bool {
	return key == "password" || key == "token" || key == "secret" || key == "key" || key == "csrf_token"
}

// masked is what a value becomes on its way in.
func masked(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			if v[key] = masked(inner); isSecret(key) {
				v[key] = "***"
			}
		}
	case []any:
		for i, inner := range v {
			v[i] = masked(inner)
		}
	}
	return value
}

// realKinds are the four kinds beside entries: their file, their connection in
// GraphQL, a node as a line, and the facts.
var realKinds = []struct {
	kind       string
	connection string
	fields     string
	line       func(node row) row
	kept       func(line row) // what becomes of a line on its way in; nil for nothing
	facts      []realFact
}{
	{
		kind: "audit", connection: "auditEvents",
		fields: "id key payload user_id: userId application_id: applicationId ip user_agent: userAgent created_at: createdAt",
		line: func(node row) row {
			node["id"] = local("AuditEvent", node["id"])
			return node
		},
		facts: []realFact{
			{name: "rows with key=SignIn.Password", value: is("key", "SignIn.Password"), filter: map[string]any{"key": map[string]any{"eq": "SignIn.Password"}}},
			{name: "rows with key=Token.Exchange", value: is("key", "Token.Exchange"), filter: map[string]any{"key": map[string]any{"eq": "Token.Exchange"}}},
			{name: "rows with payload.result=failed", value: count(func(r row) bool { return r.inside("payload").text("result") == "failed" })},
			{name: "rows with user_id null", value: count(func(r row) bool { return r["user_id"] == nil })},
			{name: "distinct user_id (null not counted)", value: distinct("user_id")},
			{name: "rows with application_id not null", value: count(func(r row) bool { return r["application_id"] != nil })},
			{name: "distinct ip", value: distinct("ip")},
			{name: "rows with ip=183.62.140.253 (the most frequent)", value: is("ip", "183.62.140.253"), filter: map[string]any{"ip": map[string]any{"eq": "183.62.140.253"}}},
			{name: "rows with payload.username=root", value: count(func(r row) bool { return r.inside("payload").text("username") == "root" })},
			{name: "rows on 2022-03-08", value: on("created_at", "2022-03-08"), filter: map[string]any{"since": "2022-03-08T00:00:00Z", "until": "2022-03-09T00:00:00Z"}},
		},
	},
	{
		kind: "operations", connection: "operations",
		fields: "log_id: id user: userId username action_type: action module description target_model: targetModel target_id: targetId " +
			"ip_address: ipAddress user_agent: userAgent request_data: requestData response_status: responseStatus status: succeeded created_at: createdAt",
		line: func(node row) row {
			node["log_id"] = json.Number(local("Operation", node["log_id"]).(string))
			node["action_type"] = strings.ToLower(node.text("action_type"))
			node["status"] = map[any]json.Number{true: "1", false: "0"}[node["status"]]
			return node
		},
		kept: func(line row) { line["request_data"] = masked(line["request_data"]) },
		facts: []realFact{
			{name: "rows with status=0", value: count(func(r row) bool { return r.number("status") == 0 }), filter: map[string]any{"succeeded": map[string]any{"eq": false}}},
			{name: "rows with action_type=delete", value: is("action_type", "delete"), filter: map[string]any{"action": map[string]any{"eq": "DELETE"}}},
			{name: "rows with action_type=list", value: is("action_type", "list"), filter: map[string]any{"action": map[string]any{"eq": "LIST"}}},
			{name: "rows with action_type=logout", value: is("action_type", "logout"), filter: map[string]any{"action": map[string]any{"eq": "LOGOUT"}}},
			{name: "rows whose module contains 菜单", value: count(func(r row) bool { return strings.Contains(r.text("module"), "菜单") }), filter: map[string]any{"module": map[string]any{"contains": "菜单"}}},
			{name: "rows with username=demo", value: is("username", "demo"), filter: map[string]any{"username": map[string]any{"eq": "demo"}}},
			{name: "rows with ip_address=::1", value: is("ip_address", "::1"), filter: map[string]any{"ipAddress": map[string]any{"eq": "::1"}}},
			{name: "rows on 2021-07-20 (the day with most)", value: on("created_at", "2021-07-20"), filter: map[string]any{"since": "2021-07-20T00:00:00Z", "until": "2021-07-21T00:00:00Z"}},
			{name: "rows with status=1 and response_status null or 200–399", value: count(func(r row) bool {
				status := r.number("response_status")
				return r.number("status") == 1 && (r["response_status"] == nil || status >= 200 && status <= 399)
			})},
			{name: "rows whose request_data has a key named password, token, secret, key or csrf_token at any depth", value: count(func(r row) bool { return holdsSecret(r["request_data"]) })},
		},
	},
	{
		kind: "usage", connection: "usageRecords",
		fields: "id user_id: userId created_at: createdAt type content username token_name: tokenName model_name: modelName quota prompt_tokens: promptTokens " +
			"completion_tokens: completionTokens use_time: useTime is_stream: isStream channel_id: channelId channel_name: channelName token_id: tokenId group ip other",
		line: func(node row) row {
			node["id"] = json.Number(local("UsageRecord", node["id"]).(string))
			node["created_at"] = seconds(node.text("created_at"))
			node["type"] = map[string]json.Number{"TOP_UP": "1", "CONSUME": "2", "MANAGE": "3", "ERROR": "4", "SYSTEM": "5"}[node.text("type")]
			return node
		},
		facts: []realFact{
			{name: "rows with type=2", value: count(func(r row) bool { return r.number("type") == 2 }), filter: map[string]any{"type": map[string]any{"eq": "CONSUME"}}},
			{name: "rows with type=4", value: count(func(r row) bool { return r.number("type") == 4 }), filter: map[string]any{"type": map[string]any{"eq": "ERROR"}}},
			{name: "sum of quota over type=2", value: sum(func(r row) bool { return r.number("type") == 2 }, "quota"), filter: map[string]any{"type": map[string]any{"eq": "CONSUME"}}, sum: []string{"quota"}},
			{name: "sum of quota for model_name=claude-3-5-sonnet-20241022", value: sum(func(r row) bool { return r.text("model_name") == "claude-3-5-sonnet-20241022" }, "quota"),
				filter: map[string]any{"modelName": map[string]any{"eq": "claude-3-5-sonnet-20241022"}}, sum: []string{"quota"}},
			{name: "rows with model_name=claude-3-5-sonnet-20241022", value: is("model_name", "claude-3-5-sonnet-20241022"), filter: map[string]any{"modelName": map[string]any{"eq": "claude-3-5-sonnet-20241022"}}},
			{name: "rows whose model_name begins with gpt-4", value: count(func(r row) bool { return strings.HasPrefix(r.text("model_name"), "gpt-4") })},
			{name: "distinct model_name (empty not counted)", value: func(rows []row) int64 {
				n := distinct("model_name")(rows)
				if is("model_name", "")(rows) > 0 {
					n--
				}
				return n
			}},
			{name: "sum of prompt_tokens + completion_tokens for model_name=azure-code", value: sum(func(r row) bool { return r.text("model_name") == "azure-code" }, "prompt_tokens", "completion_tokens"),
				filter: map[string]any{"modelName": map[string]any{"eq": "azure-code"}}, sum: []string{"promptTokens", "completionTokens"}},
			{name: "rows with created_at from 1733011200 to 1735689599, both included", value: count(within("created_at", 1733011200, 1735689599)),
				filter: map[string]any{"since": "2024-12-01T00:00:00Z", "until": "2025-01-01T00:00:00Z"}},
			{name: "largest quota of one row", value: func(rows []row) (most int64) {
				for _, r := range rows {
					most = max(most, r.number("quota"))
				}
				return most
			}},
		},
	},
	{
		kind: "api-calls", connection: "apiCalls",
		fields: "log_id: id app_id: appId api_path: apiPath http_method: httpMethod source_ip: sourceIp status_code: statusCode operation_time: operationTime",
		line: func(node row) row {
			node["log_id"] = local("APICall", node["log_id"])
			node["operation_time"] = seconds(node.text("operation_time"))
			return node
		},
		facts: []realFact{
			{name: "distinct source_ip", value: distinct("source_ip")},
			{name: "rows with source_ip=192.168.10.20 (the most frequent)", value: is("source_ip", "192.168.10.20"), filter: map[string]any{"sourceIp": map[string]any{"eq": "192.168.10.20"}}},
			{name: "rows whose source_ip is no IP address", value: count(func(r row) bool { return !isAddress(r.text("source_ip")) })},
			{name: "rows with status_code=404", value: count(func(r row) bool { return r.number("status_code") == 404 }), filter: map[string]any{"statusCode": map[string]any{"eq": 404}}},
			{name: "rows with status_code=403", value: count(func(r row) bool { return r.number("status_code") == 403 }), filter: map[string]any{"statusCode": map[string]any{"eq": 403}}},
			{name: "rows with http_method=POST", value: is("http_method", "POST"), filter: map[string]any{"httpMethod": map[string]any{"eq": "POST"}}},
			{name: "distinct api_path", value: distinct("api_path")},
			{name: "rows with api_path=/favicon.ico (the most frequent)", value: is("api_path", "/favicon.ico"), filter: map[string]any{"apiPath": map[string]any{"eq": "/favicon.ico"}}},
			{name: "rows with app_id=APIKTFQR7NSC8Q4X20BJ (the most frequent but `-`)", value: is("app_id", "APIKTFQR7NSC8Q4X20BJ"), filter: map[string]any{"appId": map[string]any{"eq": "APIKTFQR7NSC8Q4X20BJ"}}},
			{name: "rows with operation_time from 1431907200 to 1431993599, both included", value: count(within("operation_time", 1431907200, 1431993599)),
				filter: map[string]any{"since": "2015-05-18T00:00:00Z", "until": "2015-05-19T00:00:00Z"}},
		},
	},
}

// local gives the id within its type of a global one, which has to be of a type; null as
// it is.
func local(of string, id any) any {
	text, is := id.(string)
	if !is {
		return id
	}
	if inside, global := strings.CutPrefix(text, of+":"); global {
		return inside
	}
	return "not of " + of + ": " + text
}

// TestRealKinds imports the 29,855 rows of the four other kinds beside a running
// server and holds GraphQL and the export against the input and against its README.
func TestRealKinds(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, w *world) {
		if _, err := os.Stat(realData); err != nil {
			needs(t, "the real data is not beside this checkout: %v", err)
		}
		w.use = plain // with the race detector it would take minutes
		s := w.serve()
		total := 0
		for _, k := range realKinds {
			file, err := filepath.Abs(filepath.Join(realData, k.kind+".ndjson.gz"))
			if err != nil {
				t.Fatal(err)
			}
			input := unpack(t, file)
			total += len(input)
			all := fmt.Sprintf("read %d, added %d, already there 0, refused 0\n", len(input), len(input))
			if out := w.must("import", "--kind", k.kind, file); out != all {
				t.Fatalf("the import says %q, want %q", out, all)
			}
			again := fmt.Sprintf("read %d, added 0, already there %d, refused 0\n", len(input), len(input))
			if out := w.must("import", "--kind", k.kind, file); out != again {
				t.Errorf("the second import says %q, want %q", out, again)
			}
			wanted := make([]row, len(input))
			for i, text := range input {
				wanted[i] = decode(t, text)
				if k.kept != nil {
					k.kept(wanted[i])
				}
			}
			listed := s.list(k.connection, k.fields)
			for i := range listed {
				listed[i] = k.line(listed[i])
			}
			t.Run(k.kind, func(t *testing.T) {
				sameRows(t, encode(t, listed), encode(t, wanted))
				stated := statedFacts(t, k.kind)
				if len(stated) != len(k.facts)+1 {
					t.Errorf("the README states %d facts, and %d are checked", len(stated)-1, len(k.facts))
				}
				if n := s.figure(k.connection, nil, nil); stated["rows"] != len(input) || n != int64(len(input)) {
					t.Errorf("rows: the README says %d, the input has %d, GraphQL counts %d", stated["rows"], len(input), n)
				}
				for _, fact := range k.facts {
					want, known := stated[fact.name]
					if !known {
						t.Errorf("the README does not state %q", fact.name)
					}
					got := map[string]int64{"the input": fact.value(wanted), "GraphQL's list": fact.value(listed)}
					if fact.filter != nil {
						got["GraphQL's filter"] = s.figure(k.connection, fact.filter, fact.sum)
					}
					for who, n := range got {
						if n != int64(want) {
							t.Errorf("%s: the README says %d, %s has %d", fact.name, want, who, n)
						}
					}
				}

				// The export holds the input key by key, and import reads it.
				export := w.must("export", "--kind", k.kind)
				lines := strings.Split(strings.TrimSuffix(export, "\n"), "\n")
				exported := make([]row, len(lines))
				for i, text := range lines {
					exported[i] = decode(t, text)
				}
				sameRows(t, encode(t, exported), encode(t, wanted))
				if k.kept == nil {
					sameRows(t, members(t, lines), members(t, input))
				}
				other := newWorld(t)
				other.use = plain
				other.file("export.ndjson", export)
				if out := other.must("import", "--kind", k.kind, "export.ndjson"); out != all {
					t.Errorf("the import of the export says %q", out)
				}
				if other.must("export", "--kind", k.kind) != export {
					t.Error("the export of an export is another one")
				}
				if got := s.download("/export/" + k.kind); got != export {
					t.Errorf("/export/%s gives %d bytes, the command %d", k.kind, len(got), len(export))
				}
			})
		}
		s.stop()
		if n := journaltest.Recount(t, w.db); n != total {
			t.Errorf("%d rows are stored, want %d", n, total)
		}
	})
}

// list walks over all rows of a connection, page by page.
func (s *server) list(connection, fields string) (rows []row) {
	s.t.Helper()
	query := "query($after: String) { all: " + connection + "(first: 400, after: $after) { pageInfo { hasNextPage endCursor } edges { node { " + fields + " } } } }"
	var after *string
	for {
		var data struct {
			All struct {
				PageInfo struct {
					HasNextPage bool
					EndCursor   *string
				}
				Edges []struct{ Node json.RawMessage }
			}
		}
		s.graphql(query, map[string]any{"after": after}, &data)
		for _, edge := range data.All.Edges {
			rows = append(rows, decode(s.t, string(edge.Node)))
		}
		if !data.All.PageInfo.HasNextPage {
			return rows
		}
		after = data.All.PageInfo.EndCursor
	}
}

// figure asks for a connection's total under a filter, or for sums of usageStats.
func (s *server) figure(connection string, filter map[string]any, sums []string) (n int64) {
	s.t.Helper()
	kind := map[string]string{"auditEvents": "AuditEvent", "operations": "Operation", "usageRecords": "UsageRecord", "apiCalls": "APICall"}[connection]
	if sums != nil {
		connection = "usageStats"
	} else {
		sums = []string{"totalCount"}
	}
	var data struct{ Asked map[string]int64 }
	s.graphql(fmt.Sprintf("query($filter: %sFilter) { asked: %s(filter: $filter) { %s } }", kind, connection, strings.Join(sums, " ")),
		map[string]any{"filter": filter}, &data)
	for _, name := range sums {
		n += data.Asked[name]
	}
	return n
}

// decode reads a line.
func decode(t *testing.T, text string) (r row) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&r); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return r
}

// encode writes rows for comparing.
func encode(t *testing.T, rows []row) []string {
	t.Helper()
	texts := make([]string, len(rows))
	for i, r := range rows {
		var b bytes.Buffer
		encoder := json.NewEncoder(&b) // which sorts keys
		if err := encoder.Encode(r); err != nil {
			t.Fatal(err)
		}
		texts[i] = b.String()
	}
	return texts
}

// members writes lines for comparing, their values byte for byte but for escapes of
// text.
func members(t *testing.T, lines []string) []string {
	t.Helper()
	texts := make([]string, len(lines))
	for i, text := range lines {
		texts[i] = fmt.Sprint(keys(t, text)) // maps print sorted
	}
	return texts
}

// seconds gives the Unix seconds of a time.
func seconds(text string) json.Number {
	instant, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return json.Number(text)
	}
	return json.Number(strconv.FormatInt(instant.Unix(), 10))
}

func isAddress(text string) bool {
	_, err := netip.ParseAddr(text)
	return err == nil
}

// download gets a whole body.
func (s *server) download(path string) string {
	s.t.Helper()
	got := s.get(path)
	if got.status != 200 {
		s.t.Fatalf("%s: %d %s", path, got.status, got.body)
	}
	return string(got.body)
}
