package main_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestRateLimit holds that every path that is described refuses a caller who asks too
// often, in its own words, but for those that say how the server is.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env = append(w.env, "LOGBOOK_RATE_LIMIT=0.001") // one request, then one in 1,000 s
	s := w.serve()
	if n := s.total(nil); n != 0 {
		t.Errorf("%d rows", n)
	}
	var description struct {
		Paths map[string]map[string]struct{ Tags []string }
	}
	if err := json.Unmarshal(s.get("/openapi.json").body, &description); err != nil {
		t.Fatal(err)
	}
	wildcard := regexp.MustCompile(`\{\w+\}`)
	refused := 0
	for path, operations := range description.Paths {
		for method, operation := range operations {
			limited := operation.Tags[0] != "logbook" || path == "/export/{kind}"
			got := s.ask(strings.ToUpper(method), wildcard.ReplaceAllString(path, "entries"), "application/json", strings.NewReader("{}"))
			if (got.status == http.StatusTooManyRequests) != limited || limited != (got.header.Get("Retry-After") != "") {
				t.Errorf("%s %s answers %d %v %.300s", method, path, got.status, got.header, got.body)
			}
			if limited {
				refused++
			}
		}
	}
	if refused < 20 {
		t.Errorf("only %d operations were refused", refused)
	}

	for _, media := range []string{"application/json", "application/graphql-response+json"} {
		for _, method := range []string{"GET", "POST"} {
			request, err := http.NewRequest(method, s.url+"/graphql?query=%7B__typename%7D", strings.NewReader(`{"query":"{`))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer "+s.token)
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Accept", media)
			got := s.send(request)
			if want := `^\{"errors":\[\{"message":"you ask too often, try again in (\d+) s","extensions":\{"code":"RATE_LIMITED"\}\}\]\}\n$`; got.status != 429 ||
				!regexp.MustCompile(want).Match(got.body) || !strings.Contains(string(got.body), " "+got.header.Get("Retry-After")+" s") ||
				!strings.HasPrefix(got.header.Get("Content-Type"), media+";") {
				t.Errorf("%s of %s answers %d %v %s", method, media, got.status, got.header, got.body)
			}
		}
	}
	if text := s.scrape(); !regexp.MustCompile(`(?m)^logbook_http_requests_total\{code="429",method="GET",surface="export"\} 1$`).MatchString(text) {
		t.Errorf("the figures do not tell of the refusals:\n%s", text)
	}
	s.stop()
}

// TestRateLimitValues holds which numbers --rate-limit takes.
func TestRateLimitValues(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, value := range []string{"-1", "0.0001", "1e9", "NaN", "Inf", "many"} {
		code, _, errors := w.run(nil, "serve", "--addr", "127.0.0.1:0", "--rate-limit="+value)
		if code != 2 || !strings.Contains(errors, "--rate-limit") || strings.Count(errors, "\n") != 1 {
			t.Errorf("%s ends with %d: %s", value, code, errors)
		}
	}
	s := w.serve("--rate-limit", "0")
	for range 50 {
		s.total(nil)
	}
	s.stop()
}
