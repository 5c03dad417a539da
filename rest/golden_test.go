package rest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/db/dbtest"
	"logbook/internal/journal"
)

// golden is one file of testdata: rows to begin with, then exchanges in order on
// one server. Expected bodies are written from the document and its rules, never
// recorded, and compared byte for byte, so that the order of keys counts too.
type golden struct {
	About     string                     `json:"about"`
	Now       string                     `json:"now"`  // the clock
	Zone      string                     `json:"zone"` // IANA, "" for UTC
	Seed      seed                       `json:"seed"`
	Define    map[string]json.RawMessage `json:"define"` // what "<name>" stands for in expected bodies
	Exchanges []exchange                 `json:"exchanges"`
}

type seed struct {
	Users []struct {
		Username string `json:"username"`
		Scitiger string `json:"scitiger"` // its id there
	} `json:"users"`
	Policies []struct {
		TenantID   string `json:"tenant_id"`
		CategoryID string `json:"category_id"`
		Days       int    `json:"days"`
	} `json:"policies"`
	Entries []seedEntry `json:"entries"`
}

// seedEntry is an entry as the document's detail shows it, told to repeat.
type seedEntry struct {
	ID           string          `json:"id"`
	TenantID     string          `json:"tenant_id"`
	TenantName   *string         `json:"tenant_name"`
	CategoryID   string          `json:"category_id"`
	CategoryName *string         `json:"category_name"`
	CategoryCode *string         `json:"category_code"`
	Level        string          `json:"level"`
	Message      string          `json:"message"`
	Source       *string         `json:"source"`
	UserID       *string         `json:"user_id"`
	Username     *string         `json:"username"`
	IPAddress    *string         `json:"ip_address"`
	UserAgent    *string         `json:"user_agent"`
	RequestID    *string         `json:"request_id"`
	Metadata     json.RawMessage `json:"metadata"`
	Timestamp    string          `json:"timestamp"`
	Repeat       int             `json:"repeat"` // how many such rows; 0 means one
	Every        string          `json:"every"`  // the time from one to the next
}

type exchange struct {
	Name        string            `json:"name"`
	At          string            `json:"at"` // sets the clock
	As          string            `json:"as"` // whose credential; "" for the administrator's, "nobody" for none
	Request     string            `json:"request"`
	Headers     map[string]string `json:"headers"` // "<name>" stands for that credential
	Body        json.RawMessage   `json:"body"`
	RawBody     *string           `json:"raw_body"` // where the body is no JSON
	Status      int               `json:"status"`
	WantHeaders map[string]string `json:"want_headers"`
	Want        json.RawMessage   `json:"want"` // absent: no body
}

func TestGoldenScitiger(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/scitiger/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			dbtest.Each(t, readGolden(t, file).run)
		})
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

func (g golden) run(t *testing.T, address string) {
	zone, err := time.LoadLocation(g.Zone)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, address, g.Now, zone)
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
			response, err := client.Do(e.request(t, w, server.URL))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			e.check(t, g.Define, response, body)
		})
	}
}

// sow stores the seed.
func (w *world) sow(t *testing.T, s seed) {
	t.Helper()
	for _, u := range s.Users {
		draft := account.UserDraft{Username: u.Username, Aliases: map[string]string{"scitiger": u.Scitiger}}
		if _, err := w.accounts.AddUser(w.ctx, draft); err != nil {
			t.Fatal(err)
		}
	}
	var rows []journal.Imported[journal.EntryDraft]
	for _, e := range s.Entries {
		rows = append(rows, e.rows(t)...)
	}
	outcomes, err := w.Entries.Import(w.ctx, rows)
	if err != nil {
		t.Fatal(err)
	}
	for i, outcome := range outcomes {
		if !outcome.Stored {
			t.Fatalf("seed row %d was not stored: %v", i, outcome.Problem)
		}
	}
	for i, p := range s.Policies {
		draft := journal.RetentionPolicyDraft{
			Name: fmt.Sprint(i), TenantID: seedID(t, p.TenantID), CategoryID: seedID(t, p.CategoryID), Days: p.Days,
		}
		if _, err := w.CreateRetentionPolicy(w.ctx, draft); err != nil {
			t.Fatal(err)
		}
	}
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

// rows gives a seed line's rows.
func (e seedEntry) rows(t *testing.T) []journal.Imported[journal.EntryDraft] {
	t.Helper()
	row := journal.Imported[journal.EntryDraft]{
		Draft: journal.EntryDraft{
			ID: seedID(t, e.ID), TenantID: seedID(t, e.TenantID), CategoryID: seedID(t, e.CategoryID), Message: e.Message,
			Source: e.Source, UserID: e.UserID, Username: e.Username, IPAddress: e.IPAddress,
			UserAgent: e.UserAgent, RequestID: e.RequestID, Metadata: column.JSON(e.Metadata),
		},
		TenantName: e.TenantName, CategoryName: e.CategoryName, CategoryCode: e.CategoryCode,
	}
	if e.Level != "" {
		level, ok := column.ParseLevel(e.Level)
		if !ok {
			t.Fatalf("seed: %q is no level", e.Level)
		}
		row.Draft.Level = &level
	}
	first, ok := column.ParseTime(e.Timestamp)
	if !ok {
		t.Fatalf("seed: %q is no time", e.Timestamp)
	}
	step, err := time.ParseDuration(e.Every)
	if err != nil && e.Every != "" {
		t.Fatal(err)
	}
	list := make([]journal.Imported[journal.EntryDraft], max(e.Repeat, 1))
	for i := range list {
		at := first.Add(time.Duration(i) * step)
		list[i] = row
		list[i].Draft.Timestamp, list[i].Occurrence = &at, uint32(i)
	}
	return list
}

var named = regexp.MustCompile(`<([^>]+)>`)

// request makes the exchange's request.
func (e exchange) request(t *testing.T, w *world, url string) *http.Request {
	t.Helper()
	method, target, found := strings.Cut(e.Request, " ")
	if !found {
		t.Fatalf("%q is no request", e.Request)
	}
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
		request.Header.Set("Authorization", "Bearer "+w.credential(t, e.As))
	}
	for name, value := range e.Headers {
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
// it stands for what is defined under the name; "<uuid>" for an id that the server
// makes, "<any id>" for any UUID; "<3 more>", in an array behind its first element,
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
		case define[name] != nil:
			pattern += comma + regexp.QuoteMeta(compact(define[name]))
		default:
			pattern += regexp.QuoteMeta(comma + `"<` + name + `>"`) // a text like any other
		}
	}
}
