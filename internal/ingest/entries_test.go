package ingest_test

import (
	"strings"
	"testing"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/ingest"
	"logbook/internal/journal"
)

// documented is the detail of the scitiger document on one line.
const documented = `{"id":"550e8400-e29b-41d4-a716-446655440000","tenant_id":"550e8400-e29b-41d4-a716-446655440001","tenant_name":"示例租户","category_id":"550e8400-e29b-41d4-a716-446655440002","category_name":"系统日志","category_code":"system","level":"info","message":"用户登录成功","source":"auth_service","user_id":"550e8400-e29b-41d4-a716-446655440003","username":"admin","ip_address":"192.168.1.1","user_agent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36","request_id":"req-123456","metadata":{"browser":"Chrome","os":"Windows","device":"Desktop"},"timestamp":"2023-06-15T08:30:45Z"}`

func TestEntryRefuses(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 70) + "1" + strings.Repeat("}", 70)
	for _, c := range []struct{ name, line, want string }{
		{"nothing", ``, `line: is not valid JSON: it ends too early`},
		{"no JSON", `message`, `line: is not valid JSON at byte 1`},
		{"half a line", `{"message":"a`, `line: is not valid JSON: it ends too early`},
		{"two values", `{"message":"a"}{"message":"b"}`, `line: is not valid JSON at byte 16`},
		{"an array", `["message"]`, `line: must be a JSON object`},
		{"a string", `"message"`, `line: must be a JSON object`},
		{"null", `null`, `line: must be a JSON object`},
		{"invalid UTF-8", "{\"message\":\"a\xffb\"}", `line: is not valid UTF-8 at byte 13`},
		{"UTF-8 of a surrogate", "{\"message\":\"\xed\xa0\x80\"}", `line: is not valid UTF-8 at byte 12`},
		{"raw NUL", "{\"message\":\"a\x00b\"}", `line: has a raw NUL at byte 13; write it as \u0000`},
		{"raw line end in text", "{\"message\":\"a\rb\"}", `line: is not valid JSON at byte 14`},
		{"half a surrogate pair", `{"message":"\ud800"}`, `message: has half a surrogate pair (such as \ud800), which no text can hold`},
		{"half a surrogate pair in a key", `{"message":"a","\udc00":1}`, `line: has a key with half a surrogate pair`},
		{"a key twice", `{"message":"a","message":"b"}`, `message: stands twice`},
		{"an ignored key twice", `{"message":"a","x":1,"x":2}`, `x: stands twice`},
		{"no message", `{"level":"info"}`, `message: is required`},
		{"null message", `{"message":null}`, `message: is required`},
		{"number as message", `{"message":7}`, `message: must be a string, not a number`},
		{"object as source", `{"message":"a","source":{}}`, `source: must be a string, not an object`},
		{"number as user", `{"message":"a","user_id":7}`, `user_id: must be a string, not a number`},
		{"number as time", `{"message":"a","timestamp":1687000000}`, `timestamp: must be a string, not a number`},
		{"number as level", `{"message":"a","level":3}`, `level: must be a string, not a number`},
		{"true as id", `{"message":"a","id":true}`, `id: must be a string, not true or false`},
		{"array as metadata", `{"message":"a","metadata":[]}`, `metadata: must be an object, not an array`},
		{"text as metadata", `{"message":"a","metadata":"{}"}`, `metadata: must be an object, not a string`},
		{"unknown level", `{"message":"a","level":"fatal"}`, `level: "fatal" is none of debug, info, warning, error, critical`},
		{"level in capitals", `{"message":"a","level":"INFO"}`, `level: "INFO" is none of debug, info, warning, error, critical`},
		{"no UUID", `{"message":"a","id":"1"}`, `id: "1" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`},
		{"UUID in braces", `{"message":"a","tenant_id":"{550e8400-e29b-41d4-a716-446655440000}"}`, `tenant_id: "{550e8400-e29b-41d4-a716-446655440000}" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`},
		{"empty UUID", `{"message":"a","category_id":""}`, `category_id: is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`},
		{"year 10000", `{"message":"a","timestamp":"10000-01-01T00:00:00Z"}`, `timestamp: "10000-01-01T00:00:00Z" is not an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999`},
		{"year 10000 in UTC", `{"message":"a","timestamp":"9999-12-31T23:59:59-01:00"}`, `timestamp: "9999-12-31T23:59:59-01:00" is not an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999`},
		{"year 0", `{"message":"a","timestamp":"0000-06-01T00:00:00Z"}`, `timestamp: "0000-06-01T00:00:00Z" is not an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999`},
		{"no offset", `{"message":"a","timestamp":"2024-06-01T00:00:00"}`, `timestamp: "2024-06-01T00:00:00" is not an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999`},
		{"30 February", `{"message":"a","timestamp":"2024-02-30T00:00:00Z"}`, `timestamp: "2024-02-30T00:00:00Z" is not an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999`},
		{"integer beyond 2^53", `{"message":"a","metadata":{"n":[1,9007199254740993]}}`, `metadata.n[1]: is a number beyond 2^53, write it as a string`},
		{"huge float", `{"message":"a","metadata":{"n":1e300}}`, `metadata.n: is a number beyond 2^53, write it as a string`},
		{"integer beyond 2^53 in an ignored key", `{"message":"a","row":-9007199254740993}`, `row: is a number beyond 2^53, write it as a string`},
		{"too deep", `{"message":"a","metadata":` + deep + `}`, `metadata.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a…: is nested deeper than 64 levels`},
		{"a tenant's name alone", `{"message":"a","tenant_name":"t"}`, `tenant_name: stands without a tenant_id and would be lost`},
		{"a category's name alone", `{"message":"a","category_name":"c"}`, `category_name: stands without a category_id and would be lost`},
		{"a category's code alone", `{"message":"a","category_code":"c"}`, `category_code: stands without a category_id and would be lost`},
	} {
		t.Run(c.name, func(t *testing.T) {
			row, problem := ingest.Entry([]byte(c.line))
			if problem == nil {
				t.Fatalf("it was taken: %+v", row)
			}
			if got := problem.String(); got != c.want {
				t.Errorf("says %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestEntryKeepsTextVerbatim(t *testing.T) {
	line := []byte(`{"message":"  a\u0000\ud83d\ude00<b>&\n ","source":"","user_id":" 7 ","unknown":{"x":[1]},` +
		`"metadata":{ "z" : 1.50, "a":"\u00e9","n":9007199254740992},"level":null,"tenant_name":null,"timestamp":"2024-06-01T02:00:00.1234567+02:00"}`)
	row, problem := ingest.Entry(line)
	if problem != nil {
		t.Fatal(problem)
	}
	clear(line) // nothing may point into it
	if want := "  a\x00😀<b>&\n "; row.Draft.Message != want {
		t.Errorf("message %q, want %q", row.Draft.Message, want)
	}
	if row.Draft.Source == nil || *row.Draft.Source != "" || row.Draft.UserID == nil || *row.Draft.UserID != " 7 " {
		t.Errorf("source %v, user %v", row.Draft.Source, row.Draft.UserID)
	}
	if want := `{ "z" : 1.50, "a":"\u00e9","n":9007199254740992}`; string(row.Draft.Metadata) != want {
		t.Errorf("metadata %s, want %s", row.Draft.Metadata, want)
	}
	if row.Draft.Level != nil || row.Draft.TenantID != nil || row.TenantName != nil || row.Draft.ID != nil || row.Draft.Username != nil {
		t.Errorf("null is not absent: %+v", row)
	}
	if got := row.Draft.Timestamp.String(); got != "2024-06-01T00:00:00.123456Z" {
		t.Errorf("time %s", got)
	}
}

func TestAppendEntryWritesTheDocument(t *testing.T) {
	row, problem := ingest.Entry([]byte(documented))
	if problem != nil {
		t.Fatal(problem)
	}
	if got := string(write(row)); got != documented {
		t.Errorf("wrote %s\nwant  %s", got, documented)
	}
}

func TestAppendEntryLeavesOutWhatIsAbsent(t *testing.T) {
	at := column.Time(1_700_000_000_123_000)
	id, _ := column.ParseID("550e8400-e29b-41d4-a716-446655440000")
	row := &ent.Entry{ID: id, Level: column.Warning, Message: "a \"b\" \\ \t\r\n\x00\x1f<>&\u2028", Timestamp: at}
	want := `{"id":"550e8400-e29b-41d4-a716-446655440000","level":"warning",` +
		`"message":"a \"b\" \\ \t\r\n\u0000\u001f<>&` + "\u2028" + `","source":null,"ip_address":null,` +
		`"user_agent":null,"request_id":null,"metadata":{},"timestamp":"2023-11-14T22:13:20.123Z"}`
	if got := string(ingest.AppendEntry(nil, row, nil, nil)); got != want {
		t.Errorf("wrote %s\nwant  %s", got, want)
	}
}

func TestAppendEntryStaysOnOneLine(t *testing.T) {
	row := &ent.Entry{Metadata: column.JSON("{\r\n  \"a\": \"b\\n\",\n  \"c\": [1,\n 2]\n}")}
	got := string(ingest.AppendEntry(nil, row, nil, nil))
	if strings.ContainsAny(got, "\r\n") {
		t.Errorf("wrote line ends: %q", got)
	}
	if want := `"metadata":{  "a": "b\n",  "c": [1, 2]}`; !strings.Contains(got, want) {
		t.Errorf("wrote %s, want %s", got, want)
	}
}

// write writes an imported row, which must have an id, a level and a time.
func write(row journal.Imported[journal.EntryDraft]) []byte {
	stored := &ent.Entry{
		ID: *row.Draft.ID, TenantID: row.Draft.TenantID, CategoryID: row.Draft.CategoryID, Level: *row.Draft.Level, Message: row.Draft.Message,
		Source: row.Draft.Source, UserID: row.Draft.UserID, Username: row.Draft.Username, IPAddress: row.Draft.IPAddress,
		UserAgent: row.Draft.UserAgent, RequestID: row.Draft.RequestID, Metadata: row.Draft.Metadata, Timestamp: *row.Draft.Timestamp,
	}
	var tenant *ent.Tenant
	if row.TenantName != nil {
		tenant = &ent.Tenant{Name: *row.TenantName}
	}
	var category *ent.Category
	if row.CategoryName != nil && row.CategoryCode != nil {
		category = &ent.Category{Name: *row.CategoryName, Code: *row.CategoryCode}
	}
	return ingest.AppendEntry(nil, stored, tenant, category)
}

// FuzzEntry holds that no line panics, and that a line which is taken is written
// and read to the same content again.
func FuzzEntry(f *testing.F) {
	f.Add([]byte(documented))
	f.Add([]byte(`{"message":"\ud83d\ude00\u0000","metadata":{"a":[1,{"b":null}]},"timestamp":"2024-06-01T02:00:00.1234567+02:00"}`))
	f.Add([]byte(`{"message":"","tenant_name":"","level":"critical","user_id":"-","ip_address":"AWS Internal"}`))
	f.Add([]byte(`{"message":"\ud800"}`))
	f.Add([]byte(`{"message":"a","message":"a"}`))
	f.Add([]byte("{\"message\":\"a\",\"metadata\":{\r\t\"a\" : 9007199254740993}}"))
	id, _ := column.ParseID("550e8400-e29b-41d4-a716-446655440000")
	f.Fuzz(func(t *testing.T, line []byte) {
		row, problem := ingest.Entry(line)
		if problem != nil {
			if problem.String() == "" || problem.Field == "" {
				t.Fatalf("refused without a reason: %+v", problem)
			}
			return
		}
		// What the journal would add.
		if row.Draft.ID == nil {
			row.Draft.ID = &id
		}
		if row.Draft.Level == nil {
			level := column.Info
			row.Draft.Level = &level
		}
		if row.Draft.Timestamp == nil {
			row.Draft.Timestamp = new(column.Time)
		}
		written := write(row)
		again, problem := ingest.Entry(written)
		if problem != nil {
			t.Fatalf("wrote %s, which is refused: %s", written, problem)
		}
		if *row.Draft.ID != *again.Draft.ID || row.Draft.Message != again.Draft.Message {
			t.Fatalf("%s\nbecame %s", line, written)
		}
		if second := write(again); string(second) != string(written) {
			t.Fatalf("%s\nis written anew as %s", written, second)
		}
	})
}
