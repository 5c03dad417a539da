package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/db/dbtest"
	"logbook/internal/fault"
	"logbook/internal/ingest"
	"logbook/internal/journal"
	"logbook/rest"
)

// golden is one file of testdata: rows to begin with, then exchanges in order on
// one server. Expected bodies are written from the document and its rules, never
// recorded, and compared byte for byte, so that the order of keys counts too.
type golden struct {
	About     string                     `json:"about"`
	Now       string                     `json:"now"`        // the clock
	Zone      string                     `json:"zone"`       // IANA, "" for UTC
	RateLimit float64                    `json:"rate_limit"` // requests a second of one caller, 0 for any number
	Headers   map[string]string          `json:"headers"`    // of every exchange, unless it has its own
	Seed      seed                       `json:"seed"`
	Define    map[string]json.RawMessage `json:"define"` // what "<name>" stands for in expected bodies
	Exchanges []exchange                 `json:"exchanges"`
}

// seed is the rows to begin with: lines as import reads them. "repeat" in a line
// makes so many rows of it, "every" says the time from one to the next; their ids
// count up where they are numbers.
type seed struct {
	Users      []json.RawMessage `json:"users"`
	Tokens     []json.RawMessage `json:"tokens"`
	Entries    []json.RawMessage `json:"entries"`
	Audit      []json.RawMessage `json:"audit"`
	Operations []json.RawMessage `json:"operations"`
	Usage      []json.RawMessage `json:"usage"`
	APICalls   []json.RawMessage `json:"api-calls"`
	Policies   []struct {
		TenantID   string `json:"tenant_id"`
		CategoryID string `json:"category_id"`
		Days       int    `json:"days"`
	} `json:"policies"`
}

type exchange struct {
	Name        string            `json:"name"`
	At          string            `json:"at"`      // sets the clock
	As          string            `json:"as"`      // whose credential; "" for the administrator's, "nobody" for none, "key K" for K itself
	Request     string            `json:"request"` // "<1025 x>" stands for so many of the character
	Headers     map[string]string `json:"headers"` // "<name>" stands for that credential
	Body        json.RawMessage   `json:"body"`
	RawBody     *string           `json:"raw_body"` // where the body is no JSON
	Status      int               `json:"status"`
	WantHeaders map[string]string `json:"want_headers"`
	Want        json.RawMessage   `json:"want"`   // absent: no body
	Unsaid      string            `json:"unsaid"` // why it is refused though the description finds it valid
}

// TestGolden runs the files of each dialect, on every engine, and holds every
// exchange against the description at /openapi.json, too.
func TestGolden(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	rest.Mount(mux, nil, rest.Options{Log: slog.New(slog.DiscardHandler)})
	d := newDescription(described(t, mux))
	for _, dialect := range rest.Dialects() {
		files, err := filepath.Glob("testdata/" + dialect + "/*.json")
		if err != nil || len(files) == 0 {
			t.Errorf("%s has no golden files: %v", dialect, err)
		}
		for _, file := range files {
			t.Run(dialect+" "+strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
				g := readGolden(t, file)
				dbtest.Each(t, func(t *testing.T, address string) { g.run(t, address, d) })
			})
		}
	}
}

func readGolden(t *testing.T, file string) golden {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&g); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return g
}

func (g golden) run(t *testing.T, address string, d *description) {
	zone, err := time.LoadLocation(g.Zone)
	if err != nil {
		t.Fatal(err)
	}
	w := newLimitedWorld(t, address, g.Now, zone, g.RateLimit)
	w.sow(t, g.Seed)
	server := httptest.NewUnstartedServer(nil)
	server.Config = w.server
	server.Start()
	defer server.Close()
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for i, e := range g.Exchanges {
		t.Run(fmt.Sprintf("%02d %s", i+1, e.Name), func(t *testing.T) {
			if e.At != "" {
				w.setClock(t, e.At)
			}
			headers := map[string]string{}
			maps.Copy(headers, g.Headers)
			maps.Copy(headers, e.Headers)
			e.Headers = headers
			request := e.request(t, w, server.URL)
			response, err := client.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			e.check(t, g.Define, response, body)
			if request.Body, err = request.GetBody(); err != nil {
				t.Fatal(err)
			}
			d.check(t, request, response, body, e.Unsaid)
			w.calls.Flush() // what the next exchange may ask for
		})
	}
}

// sow stores the seed.
func (w *world) sow(t *testing.T, s seed) {
	t.Helper()
	sow(t, s.Users, ingest.User, func(rows []account.UserDraft) ([]journal.Outcome, error) { return w.accounts.ImportUsers(w.ctx, rows) })
	sow(t, s.Tokens, ingest.Token, func(rows []account.KeyedToken) ([]journal.Outcome, error) {
		return w.accounts.ImportTokens(w.ctx, rows)
	})
	sow(t, s.Entries, ingest.Entry, imported(w.ctx, w.Entries))
	sow(t, s.Audit, ingest.AuditEvent, imported(w.ctx, w.AuditEvents))
	sow(t, s.Operations, ingest.Operation, imported(w.ctx, w.Operations))
	usage := func(line []byte) (journal.Imported[journal.UsageRecordDraft], *fault.Problem) {
		return ingest.UsageRecord(line, ingest.DocumentTypes)
	}
	sow(t, s.Usage, usage, imported(w.ctx, w.UsageRecords))
	sow(t, s.APICalls, ingest.APICall, imported(w.ctx, w.APICalls))
	for i, p := range s.Policies {
		draft := journal.RetentionPolicyDraft{
			Name: fmt.Sprint(i), TenantID: seedID(t, p.TenantID), CategoryID: seedID(t, p.CategoryID), Days: p.Days,
		}
		if _, err := w.CreateRetentionPolicy(w.ctx, draft); err != nil {
			t.Fatal(err)
		}
	}
}

// imported stores rows of a kind; equal ones are told apart by their place.
func imported[R, D, F any](ctx context.Context, log *journal.Log[R, D, F]) func([]journal.Imported[D]) ([]journal.Outcome, error) {
	return func(rows []journal.Imported[D]) ([]journal.Outcome, error) {
		for i := range rows {
			rows[i].Occurrence = uint32(i)
		}
		return log.Import(ctx, rows)
	}
}

// sow reads a kind's lines and stores their rows, all of which must be good and new.
func sow[D any](t *testing.T, lines []json.RawMessage, read func([]byte) (D, *fault.Problem), store func([]D) ([]journal.Outcome, error)) {
	t.Helper()
	var rows []D
	for _, line := range lines {
		for _, one := range repeated(t, line) {
			row, problem := read(one)
			if problem != nil {
				t.Fatalf("seed %s: %s", one, problem)
			}
			rows = append(rows, row)
		}
	}
	outcomes, err := store(rows)
	if err != nil {
		t.Fatal(err)
	}
	for i, outcome := range outcomes {
		if !outcome.Stored {
			t.Fatalf("seed row %d was not stored: %v", i, outcome.Problem)
		}
	}
}

// repeated gives a seed line's lines.
func repeated(t *testing.T, line json.RawMessage) [][]byte {
	t.Helper()
	var told struct {
		Repeat int
		Every  string
	}
	members := map[string]json.RawMessage{}
	if json.Unmarshal(line, &told) != nil || json.Unmarshal(line, &members) != nil {
		t.Fatalf("seed %s is no object", line)
	}
	step, err := time.ParseDuration(told.Every)
	if err != nil && told.Every != "" {
		t.Fatal(err)
	}
	if told.Repeat <= 1 {
		return [][]byte{line}
	}
	var list [][]byte
	for i := range told.Repeat {
		for field, value := range members {
			switch field {
			case "id", "log_id":
				var first int64
				switch {
				case i == 0:
				case json.Unmarshal(value, &first) == nil:
					members[field] = json.RawMessage(strconv.FormatInt(first+1, 10))
				default:
					if n, err := strconv.ParseInt(strings.Trim(string(value), `"`), 10, 64); err == nil {
						members[field] = json.RawMessage(strconv.Quote(strconv.FormatInt(n+1, 10)))
					}
				}
			case "timestamp", "created_at", "operation_time":
				var seconds int64
				var text string
				switch {
				case i == 0:
				case json.Unmarshal(value, &seconds) == nil:
					members[field] = json.RawMessage(strconv.FormatInt(seconds+int64(step/time.Second), 10))
				case json.Unmarshal(value, &text) == nil:
					instant, ok := column.ParseTime(text)
					if !ok {
						t.Fatalf("seed: %q is no time", text)
					}
					members[field] = json.RawMessage(strconv.Quote(instant.Add(step).String()))
				}
			}
		}
		one, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, one)
	}
	return list
}

// seedID reads a seed's UUID, nil for none.
func seedID(t *testing.T, text string) *column.ID {
	t.Helper()
	if text == "" {
		return nil
	}
	id, ok := column.ParseID(text)
	if !ok {
		t.Fatalf("seed: %q is no UUID", text)
	}
	return &id
}

var repeats = regexp.MustCompile(`<\d+ [^<>]>`)

var named = regexp.MustCompile(`<([^>]+)>`)

// request makes the exchange's request.
func (e exchange) request(t *testing.T, w *world, url string) *http.Request {
	t.Helper()
	method, target, found := strings.Cut(e.Request, " ")
	if !found {
		t.Fatalf("%q is no request", e.Request)
	}
	target = repeats.ReplaceAllStringFunc(target, func(told string) string {
		count, what, _ := strings.Cut(strings.Trim(told, "<>"), " ")
		n, _ := strconv.Atoi(count)
		return strings.Repeat(what, n)
	})
	body := []byte(e.Body)
	if e.RawBody != nil {
		body = []byte(*e.RawBody)
	}
	request, err := http.NewRequest(method, url+target, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	switch e.As {
	case "nobody":
	case "":
		request.Header.Set("Authorization", "Bearer "+w.credential(t, "admin"))
	default:
		key, isKey := strings.CutPrefix(e.As, "key ")
		if !isKey {
			key = w.credential(t, e.As)
		}
		request.Header.Set("Authorization", "Bearer "+key)
	}
	for name, value := range e.Headers {
		if value == "" {
			continue // not sent
		}
		request.Header.Set(name, named.ReplaceAllStringFunc(value, func(name string) string {
			return w.credential(t, strings.Trim(name, "<>"))
		}))
	}
	return request
}

// check holds an answer against what is wanted, and against what every answer
// promises.
func (e exchange) check(t *testing.T, define map[string]json.RawMessage, response *http.Response, body []byte) {
	t.Helper()
	if response.StatusCode != e.Status {
		t.Errorf("status %d, want %d", response.StatusCode, e.Status)
	}
	for name, value := range e.WantHeaders {
		if got := response.Header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if response.Header.Get("X-Request-Id") == "" {
		t.Error("the answer has no X-Request-Id")
	}
	if e.Want == nil {
		if len(body) > 0 {
			t.Errorf("a body where none is wanted: %s", body)
		}
		return
	}
	if got := response.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("Content-Type: %q", got)
	}
	var got bytes.Buffer
	if err := json.Compact(&got, body); err != nil {
		t.Fatalf("the body is no JSON: %v\n%s", err, body)
	}
	if want := wanted(t, e.Want, define); !want.Match(got.Bytes()) {
		t.Errorf("body\n got %s\nwant %s", got.Bytes(), want)
	}
}

var placeholder = regexp.MustCompile(`,?"<([^>"]+)>"`)

// wanted gives a pattern that just the wanted body matches. A string "<name>" in
// it stands for what is defined under the name; "<uuid>" and "<row number>" for ids
// that the server makes, "<any id>" for any UUID; "<3 more>", in an array behind its first element,
// for three flat objects.
func wanted(t *testing.T, want json.RawMessage, define map[string]json.RawMessage) *regexp.Regexp {
	t.Helper()
	compact := func(raw []byte) string {
		var b bytes.Buffer
		if err := json.Compact(&b, raw); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	text := compact(want)
	pattern := "^"
	for {
		at := placeholder.FindStringSubmatchIndex(text)
		if at == nil {
			return regexp.MustCompile(pattern + regexp.QuoteMeta(text) + "$")
		}
		name := text[at[2]:at[3]]
		comma := strings.TrimSuffix(text[at[0]:at[2]], `"<`)
		pattern += regexp.QuoteMeta(text[:at[0]])
		text = text[at[1]:]
		var more int
		switch _, err := fmt.Sscanf(name, "%d more", &more); {
		case err == nil:
			pattern += fmt.Sprintf(`(?:,\{[^{}]*\}){%d}`, more)
		case name == "uuid":
			pattern += comma + `"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"`
		case name == "any id":
			pattern += comma + `"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"`
		case name == "row number":
			pattern += comma + `"[0-9]{13,16}"`
		case define[name] != nil:
			pattern += comma + regexp.QuoteMeta(compact(define[name]))
		default:
			pattern += regexp.QuoteMeta(comma + `"<` + name + `>"`) // a text like any other
		}
	}
}
