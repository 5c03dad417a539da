package main_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"logbook/internal/journal/journaltest"
)

// realData is where the data of real systems stands beside a checkout.
const realData = "../shared/data/ndjson"

// line is an entry as NDJSON and REST write it.
type line struct {
	ID           string          `json:"id"`
	TenantName   string          `json:"tenant_name"`
	CategoryCode string          `json:"category_code"`
	Level        string          `json:"level"`
	Message      string          `json:"message"`
	Source       *string         `json:"source"`
	IPAddress    *string         `json:"ip_address"`
	UserAgent    *string         `json:"user_agent"`
	RequestID    *string         `json:"request_id"`
	Metadata     json.RawMessage `json:"metadata"`
	Timestamp    time.Time       `json:"timestamp"`
}

// has is strings.Contains that ignores the case of ASCII letters.
func has(text, part string) bool { return strings.Contains(lower(text), lower(part)) }

// lower is strings.ToLower of ASCII letters alone.
func lower(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// facts are the rows of the table in the README of the data: its own words, what
// they mean for a row, and the same as a filter of GraphQL and of REST. Facts
// without filters are counted over all rows that each surface gives.
var facts = []struct {
	name     string
	counts   func(line) bool
	distinct func(line) *string
	graphql  map[string]any
	rest     string
}{
	{name: "rows with level=error", counts: func(l line) bool { return l.Level == "error" },
		graphql: map[string]any{"level": map[string]any{"eq": "ERROR"}}, rest: "level=error"},
	{name: "rows with level=critical", counts: func(l line) bool { return l.Level == "critical" },
		graphql: map[string]any{"level": map[string]any{"eq": "CRITICAL"}}, rest: "level=critical"},
	{name: "rows with level=warning and category_code=hadoop",
		counts:  func(l line) bool { return l.Level == "warning" && l.CategoryCode == "hadoop" },
		graphql: map[string]any{"level": map[string]any{"eq": "WARNING"}, "categoryId": map[string]any{"eq": "a7c3e9d4-58b2-4f16-8e0d-2c6f9b4a0002"}},
		rest:    "level=warning&category_id=a7c3e9d4-58b2-4f16-8e0d-2c6f9b4a0002"},
	{name: "rows whose message contains 请求地址", counts: func(l line) bool { return strings.Contains(l.Message, "请求地址") },
		graphql: map[string]any{"search": "请求地址"}, rest: "search_text=" + url.QueryEscape("请求地址")},
	{name: "rows whose message contains `exception`, ASCII case ignored", counts: func(l line) bool { return has(l.Message, "exception") },
		graphql: map[string]any{"search": "eXception"}, rest: "search_text=exceptioN"},
	{name: "rows on 2015-10-18", counts: func(l line) bool { return l.Timestamp.UTC().Format(time.DateOnly) == "2015-10-18" },
		graphql: map[string]any{"since": "2015-10-18T00:00:00Z", "until": "2015-10-19T00:00:00Z"},
		rest:    "start_time=2015-10-18&end_time=2015-10-18T23:59:59.999999Z"},
	{name: "distinct source (null not counted)", distinct: func(l line) *string { return l.Source }},
	{name: "rows of tenant java-apps", counts: func(l line) bool { return l.TenantName == "java-apps" },
		graphql: map[string]any{"tenantId": map[string]any{"eq": "6f1d0c52-3b0e-4c7a-9a51-0d5b1e7c0003"}},
		rest:    "tenant_id=6f1d0c52-3b0e-4c7a-9a51-0d5b1e7c0003"},
	{name: "rows whose message has more than one line", counts: func(l line) bool { return strings.Contains(l.Message, "\n") }},
	{name: "distinct request_id (null not counted)", distinct: func(l line) *string { return l.RequestID }},
}

// TestRealData imports the 31,845 entries of real systems and holds both
// surfaces and the export against the input and against its README.
func TestRealData(t *testing.T) {
	onEveryEngine(t, checkRealData)
}

func checkRealData(t *testing.T, w *world) {
	file, err := filepath.Abs(filepath.Join(realData, "entries.ndjson.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		needs(t, "the real data is not beside this checkout: %v", err)
	}
	input := unpack(t, file)
	var wanted []line
	for _, text := range input {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatal(err)
		}
		wanted = append(wanted, l)
	}

	w.use = plain  // with the race detector it would take minutes
	s := w.serve() // beside which the import runs
	all := fmt.Sprintf("read %d, added %d, already there 0, refused 0\n", len(input), len(input))
	if out := w.must("import", "--kind", "entries", file); out != all {
		t.Fatalf("the import says %q, want %q", out, all)
	}
	again := fmt.Sprintf("read %d, added 0, already there %d, refused 0\n", len(input), len(input))
	if out := w.must("import", "--kind", "entries", file); out != again {
		t.Errorf("the second import says %q, want %q", out, again)
	}

	fromGraphQL, fromREST := s.allByGraphQL(), s.allByREST()
	t.Run("facts", func(t *testing.T) {
		stated := statedFacts(t, "entries")
		if len(stated) != len(facts)+1 {
			t.Errorf("the README states %d facts, and %d are checked", len(stated)-1, len(facts))
		}
		if n := stated["rows"]; n != len(input) || n != s.total(nil) || n != s.restTotal("") || n != len(fromGraphQL) || n != len(fromREST) {
			t.Errorf("rows: the README says %d, the input has %d, GraphQL %d and lists %d, REST %d and lists %d",
				n, len(input), s.total(nil), len(fromGraphQL), s.restTotal(""), len(fromREST))
		}
		for _, fact := range facts {
			count := func(rows []line) (n int) {
				seen := map[string]bool{}
				for _, row := range rows {
					switch {
					case fact.counts != nil && fact.counts(row):
						n++
					case fact.distinct != nil && fact.distinct(row) != nil:
						seen[*fact.distinct(row)] = true
					}
				}
				return n + len(seen)
			}
			want, known := stated[fact.name]
			if !known {
				t.Errorf("the README does not state %q", fact.name)
			}
			got := map[string]int{"the input": count(wanted), "GraphQL's list": count(fromGraphQL), "REST's list": count(fromREST)}
			if fact.graphql != nil {
				got["GraphQL's filter"], got["REST's filter"] = s.total(fact.graphql), s.restTotal(fact.rest)
			}
			for who, n := range got {
				if n != want {
					t.Errorf("%s: the README says %d, %s has %d", fact.name, want, who, n)
				}
			}
		}
	})

	t.Run("rows", func(t *testing.T) {
		// Both lists are newest first and hold the same rows; and these are the
		// input's.
		for i := range min(len(fromGraphQL), len(fromREST)) {
			g, r := fromGraphQL[i], fromREST[i]
			if g.ID != r.ID || i > 0 && g.Timestamp.After(fromGraphQL[i-1].Timestamp) {
				t.Fatalf("row %d is %s in GraphQL and %s in REST", i, g.ID, r.ID)
			}
			r.Metadata, r.UserAgent = g.Metadata, g.UserAgent // REST's list leaves them to the detail
			if !reflect.DeepEqual(g, r) {
				t.Fatalf("GraphQL gives %+v\nREST gives    %+v", g, r)
			}
		}
		given := map[string]bool{}
		for _, row := range wanted {
			given[row.ID] = row.ID != ""
		}
		sameRows(t, texts(fromGraphQL, given), texts(wanted, given))
		s.rest("GET", fromGraphQL[7].ID+"/", "", &struct{}{})
	})
	s.stop()

	t.Run("export", func(t *testing.T) {
		export := w.must("export", "--kind", "entries")
		given := map[string]bool{}
		for _, text := range input {
			given[keys(t, text)["id"]] = true
		}
		normal := func(texts []string) (rows []string) {
			for _, text := range texts {
				members := keys(t, text)
				if !given[members["id"]] {
					delete(members, "id") // it was absent, and was given
				}
				instant, err := time.Parse(`"`+time.RFC3339Nano+`"`, members["timestamp"])
				if err != nil {
					t.Fatal(err)
				}
				members["timestamp"] = instant.UTC().Format(time.RFC3339Nano)
				rows = append(rows, fmt.Sprint(members)) // maps print sorted
			}
			return rows
		}
		exported := strings.Split(strings.TrimSuffix(export, "\n"), "\n")
		sameRows(t, normal(exported), normal(input))

		// What export writes, import reads, and the two are equal.
		other := newWorld(t)
		other.use = plain
		other.file("export.ndjson", export)
		if out := other.must("import", "--kind", "entries", "export.ndjson"); out != all {
			t.Errorf("the import of the export says %q", out)
		}
		if other.must("export", "--kind", "entries") != export {
			t.Error("the export of an export is another one")
		}
	})
	if n := journaltest.Recount(t, w.db); n != len(input) {
		t.Errorf("%d rows are stored", n)
	}
}

// unpack gives the lines of a packed file.
func unpack(t *testing.T, path string) (lines []string) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	scanner := bufio.NewScanner(unpacked)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	return lines
}

// statedFacts reads the README's table of facts about a kind, and "rows" from
// its title.
func statedFacts(t *testing.T, kind string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(realData, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ = bytes.Cut(text, []byte("\n### "+kind+" ("))
	text, _, _ = bytes.Cut(text, []byte("\n### "))
	stated := map[string]int{}
	stated["rows"], err = strconv.Atoi(string(regexp.MustCompile(`^\d+`).Find(text)))
	if err != nil {
		t.Fatalf("the README has no table of facts about %s", kind)
	}
	for _, row := range regexp.MustCompile(`(?m)^\| (.+) \| (\d+) \|$`).FindAllSubmatch(text, -1) {
		stated[string(row[1])], _ = strconv.Atoi(string(row[2]))
	}
	return stated
}

// allByGraphQL walks over all rows, page by page.
func (s *server) allByGraphQL() (rows []line) {
	s.t.Helper()
	const query = `query($after: String) { entries(first: 500, after: $after) { pageInfo { hasNextPage endCursor } edges { node {
		id level message source ipAddress userAgent requestId metadata timestamp tenant { name } category { code } } } } }`
	var after *string
	for {
		var data struct {
			Entries struct {
				PageInfo struct {
					HasNextPage bool
					EndCursor   *string
				}
				Edges []struct {
					Node struct {
						ID, Level, Message                      string
						Source, IPAddress, UserAgent, RequestID *string
						Metadata                                json.RawMessage
						Timestamp                               time.Time
						Tenant                                  *struct{ Name string }
						Category                                *struct{ Code string }
					}
				}
			}
		}
		s.graphql(query, map[string]any{"after": after}, &data)
		for _, edge := range data.Entries.Edges {
			n := edge.Node
			id, _ := local("Entry", n.ID).(string)
			row := line{ID: id, Level: strings.ToLower(n.Level), Message: n.Message, Source: n.Source, IPAddress: n.IPAddress,
				UserAgent: n.UserAgent, RequestID: n.RequestID, Metadata: n.Metadata, Timestamp: n.Timestamp}
			if n.Tenant != nil {
				row.TenantName = n.Tenant.Name
			}
			if n.Category != nil {
				row.CategoryCode = n.Category.Code
			}
			rows = append(rows, row)
		}
		if !data.Entries.PageInfo.HasNextPage {
			return rows
		}
		after = data.Entries.PageInfo.EndCursor
	}
}

// restPage is a page of the scitiger dialect.
type restPage struct {
	Results    []line
	Pagination struct {
		Total      int `json:"total"`
		TotalPages int `json:"total_pages"`
	}
}

// allByREST walks over all rows, page by page.
func (s *server) allByREST() (rows []line) {
	s.t.Helper()
	for number := 1; ; number++ {
		var page restPage
		s.rest("GET", fmt.Sprintf("?page_size=100&page=%d", number), "", &page)
		rows = append(rows, page.Results...)
		if number >= page.Pagination.TotalPages {
			return rows
		}
	}
}

// restTotal counts the rows that pass a query.
func (s *server) restTotal(query string) int {
	s.t.Helper()
	var page restPage
	s.rest("GET", "?page_size=1&"+query, "", &page)
	return page.Pagination.Total
}

// texts writes rows for comparing, without the ids that the server gave.
func texts(rows []line, given map[string]bool) (list []string) {
	for _, row := range rows {
		if !given[row.ID] {
			row.ID = ""
		}
		row.Timestamp = row.Timestamp.UTC()
		text, _ := json.Marshal(row) // it came from JSON
		list = append(list, string(text))
	}
	return list
}

// keys gives the members of a line as they stand there, white space and escapes
// of text apart.
func keys(t *testing.T, text string) map[string]string {
	t.Helper()
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		t.Fatal(err)
	}
	members := map[string]string{}
	for key, value := range raw {
		members[key] = string(value)
		var plain string
		if value[0] == '"' && json.Unmarshal(value, &plain) == nil {
			members[key] = strconv.Quote(plain)
		}
	}
	return members
}

// sameRows wants two lists to hold the same rows, each as often, in any order.
func sameRows(t *testing.T, got, want []string) {
	t.Helper()
	got, want = slices.Clone(got), slices.Clone(want)
	slices.Sort(got)
	slices.Sort(want)
	if len(got) != len(want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("has %s\nwant %s", got[i], want[i])
		}
	}
}
