package main_test

import (
	"bytes"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// scrape gives what /metrics says to somebody who is not signed in, after it held
// against Prometheus's own lint.
func (s *server) scrape() string {
	s.t.Helper()
	request, err := http.NewRequest("GET", s.url+"/metrics", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	got := s.send(request)
	if got.status != 200 || got.header.Get("Cache-Control") != "no-store" {
		s.t.Fatalf("/metrics answers %d %v", got.status, got.header)
	}
	problems, err := promlint.New(bytes.NewReader(got.body)).Lint()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, problem := range problems {
		s.t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
	return string(got.body)
}

// TestMetrics scrapes a server, in production too, and finds there what
// docs/operations.md lists.
func TestMetrics(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, w *world) {
		s := w.serve("--production")
		s.total(nil)
		s.get("/openapi/v1/audit/openapi-logs?secret=of-a-tenant")
		text := s.scrape()
		for _, want := range []string{
			`logbook_build_info{commit=".+",engine="(SQLite|MariaDB|MySQL) \d[^"]*",version=".+"} 1`,
			`logbook_http_requests_total{code="200",method="POST",surface="graphql"} 1`,
			`logbook_http_requests_total{code="400",method="GET",surface="trae"} 1`,
			`logbook_http_request_duration_seconds_bucket{code="200",method="POST",surface="graphql",le="30"} 1`,
			`logbook_records_total{outcome="lost",record="api_calls"} 0`,
			`go_sql_max_open_connections{db_name="write"} \d+`,
			`process_open_fds \d+`,
		} {
			if !regexp.MustCompile(`(?m)^` + want + `$`).MatchString(text) {
				t.Errorf("there is no %s in\n%s", want, text)
			}
		}
		if strings.Contains(text, "of-a-tenant") || strings.Contains(text, "openapi-logs") {
			t.Error("it repeats what a caller asked for")
		}
		s.stop()

		operations, err := os.ReadFile("docs/operations.md")
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(text, -1) {
			if name := family[1]; strings.HasPrefix(name, "logbook_") && !bytes.Contains(operations, []byte("`"+name)) {
				t.Errorf("docs/operations.md does not tell of %s", name)
			}
		}
		for _, name := range regexp.MustCompile(`\b(?:logbook|go_sql|process)_[a-z_]+`).FindAllString(section(string(operations), "## Metrics"), -1) {
			if !strings.Contains(text, "\n"+name) {
				t.Errorf("docs/operations.md tells of %s, which is not there", name)
			}
		}
	})
}

// section gives the part of a document below a heading, up to the next of its kind.
func section(document, heading string) string {
	_, after, _ := strings.Cut(document, "\n"+heading+"\n")
	part, _, _ := strings.Cut(after, "\n## ")
	return part
}
