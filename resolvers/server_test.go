package resolvers_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/authn"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
	"logbook/internal/journal"
	"logbook/internal/web"
	"logbook/resolvers"
)

const (
	adminToken = "the-administrator-of-the-settings"
	jwtSecret  = "a secret that only this test knows, 32 bytes or more"
)

// TestMain wants no goroutine left when all tests have ended, such as a follower's.
func TestMain(m *testing.M) {
	code := dbtest.Run(m)
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// each runs a test against a server on a fresh database of every engine.
func each(t *testing.T, test func(t *testing.T, s *server)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, address string) { test(t, newServer(t, address)) })
}

// server is the whole chain of a request over a database of its own.
type server struct {
	t        *testing.T
	url      string
	address  string       // of the database
	now      atomic.Int64 // the clock, in microseconds; 0 for the system's
	database *db.DB
	journal  *journal.Journal
	accounts *account.Accounts
	system   context.Context
	log      *logged
}

// logged collects what the server logs.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newServer(t *testing.T, address string) *server {
	t.Helper()
	s := &server{t: t, address: address, system: auth.System(t.Context(), "test"), log: &logged{}}
	var err error
	if s.database, err = db.Open(s.system, address); err != nil {
		t.Fatal(err)
	}
	s.journal = journal.New(s.database, journal.Options{Now: func() time.Time {
		if now := s.now.Load(); now != 0 {
			return time.UnixMicro(now)
		}
		return time.Now()
	}})
	s.accounts = account.New(s.database, s.journal)
	t.Cleanup(func() {
		if err := s.journal.Close(context.WithoutCancel(s.system)); err != nil {
			t.Log(err) // some tests break their database
		}
		if err := s.database.Close(); err != nil {
			t.Error(err)
		}
	})
	s.url = s.serve(resolvers.Options{})
	return s
}

// serve begins to serve the journal and gives the address.
func (s *server) serve(options resolvers.Options) (url string) {
	url, _ = s.serveIn(options, web.Options{}, func(next http.Handler) http.Handler { return next })
	return url
}

// serveIn is serve with options of what all answers have in common, and something
// between who is calling and the answer.
func (s *server) serveIn(options resolvers.Options, common web.Options, between func(http.Handler) http.Handler) (url string, surface *resolvers.Server) {
	log := slog.New(slog.NewTextHandler(s.log, nil))
	authenticator := authn.New(s.database.Ent(), authn.Options{AdminToken: adminToken, JWTSecret: jwtSecret})
	surface = resolvers.Handler(s.journal, s.accounts, log, options)
	server := httptest.NewServer(web.Server(authenticator.Middleware(between(surface)), common, log).Handler)
	s.t.Cleanup(func() {
		surface.Stop()
		server.Close()
	})
	return server.URL + "/graphql", surface
}

// token gives a credential of somebody who is not stored, which leaves no record.
func (s *server) token(role auth.Role, tenant *column.ID, permissions ...auth.Permission) string {
	s.t.Helper()
	claims := jwt.MapClaims{"sub": "0", "username": "test", "role": role, "permissions": permissions, "exp": time.Now().Add(time.Hour).Unix()}
	if tenant != nil {
		claims["tenant_id"] = tenant.String()
	}
	key, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(jwtSecret))
	if err != nil {
		s.t.Fatal(err)
	}
	return key
}

// tokenOf makes an access token of a stored user, 0 for none, and gives its key.
func (s *server) tokenOf(user int64, role auth.Role, tenant *column.ID, permissions ...auth.Permission) string {
	s.t.Helper()
	_, key, err := s.accounts.AddToken(s.system, account.TokenDraft{
		UserID: user, Name: "test", Role: role, Permissions: permissions, TenantID: tenant,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return key
}

// tenant makes a tenant as an import does, which leaves no record.
func (s *server) tenant(name string) column.ID {
	s.t.Helper()
	var id column.ID
	_, _ = rand.Read(id[:])
	s.check(s.database.Write(s.system, func(tx *db.Tx) error {
		return tx.Tenant.Create().SetID(id).SetName(name).SetCreatedAt(column.TimeOf(time.Now())).Exec(s.system)
	}))
	return id
}

// append stores entries.
func (s *server) append(drafts ...journal.EntryDraft) []column.ID {
	s.t.Helper()
	rows, err := s.journal.Entries.Append(s.system, drafts)
	if err != nil {
		s.t.Fatal(err)
	}
	ids := make([]column.ID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	return ids
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	Data   json.RawMessage `json:"data"`
	Errors []struct {
		Message    string `json:"message"`
		Path       []any  `json:"path"`
		Extensions struct {
			Code     string `json:"code"`
			Problems []struct {
				Path    string `json:"path"`
				Index   *int   `json:"index"`
				Message string `json:"message"`
			} `json:"problems"`
			ProblemCount int `json:"problemCount"`
		} `json:"extensions"`
	} `json:"errors"`
}

// code gives the first error's code, "" for none.
func (a answer) code() string {
	if len(a.Errors) == 0 {
		return ""
	}
	return a.Errors[0].Extensions.Code
}

// problems lists the problems of the first error as "path: message".
func (a answer) problems() []string {
	list := []string{}
	for _, one := range a.Errors {
		for _, p := range one.Extensions.Problems {
			list = append(list, p.Path+": "+p.Message)
		}
	}
	return list
}

// send sends one HTTP request as it stands.
func (s *server) send(method, url string, headers map[string]string, body string) answer {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	a := answer{status: response.StatusCode, header: response.Header, body: string(text)}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &a); err != nil {
			s.t.Fatalf("%s %s answered no JSON: %s", method, url, text)
		}
	}
	return a
}

// ask posts a document with variables, which are JSON text or anything that
// encodes.
func (s *server) ask(token, document string, variables any) answer {
	s.t.Helper()
	return s.askAt(s.url, token, document, variables)
}

// askAt is ask of another address that the journal is served at.
func (s *server) askAt(url, token, document string, variables any) answer {
	s.t.Helper()
	raw, isText := variables.(string)
	if !isText {
		encoded, err := json.Marshal(variables)
		if err != nil {
			s.t.Fatal(err)
		}
		raw = string(encoded)
	}
	query, err := json.Marshal(document)
	if err != nil {
		s.t.Fatal(err)
	}
	headers := map[string]string{"Content-Type": "application/json"}
	if token != "" {
		headers["Authorization"] = "Bearer " + token
	}
	return s.send("POST", url, headers, fmt.Sprintf(`{"query":%s,"variables":%s}`, query, raw))
}

// must asks, and fails where there are errors; the data is decoded into to.
func (s *server) must(token, document string, variables, to any) {
	s.t.Helper()
	a := s.ask(token, document, variables)
	if a.status != http.StatusOK || len(a.Errors) > 0 {
		s.t.Fatalf("%s\nanswered %d %s", document, a.status, a.body)
	}
	if to != nil {
		if err := json.Unmarshal(a.Data, to); err != nil {
			s.t.Fatalf("%s: %v", a.Data, err)
		}
	}
}

// check ends the test where setting it up failed.
func (s *server) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// exec runs a statement past everything Logbook does.
func (s *server) exec(statement string) {
	s.t.Helper()
	path, isFile := strings.CutPrefix(s.address, "sqlite:")
	driver, source := "sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()
	if !isFile {
		u, err := url.Parse(s.address)
		if err != nil {
			s.t.Fatal(err)
		}
		driver, source = "mysql", u.User.String()+"@tcp("+u.Host+")"+u.Path
	}
	database, err := sql.Open(driver, source)
	if err != nil {
		s.t.Fatal(err)
	}
	defer database.Close()
	if _, err := database.Exec(statement); err != nil {
		s.t.Fatal(err)
	}
}

// total counts all entries, as the system.
func (s *server) total() int64 {
	s.t.Helper()
	count, err := s.journal.Entries.Count(s.system, journal.EntryFilter{})
	if err != nil {
		s.t.Fatal(err)
	}
	return count
}

func ptr[T any](value T) *T { return &value }

// addUser makes a user with ids in other systems.
func addUser(t *testing.T, s *server, name string, aliases map[string]string) (id int64) {
	t.Helper()
	user, err := s.accounts.AddUser(s.system, account.UserDraft{Username: name, Aliases: aliases})
	if err != nil {
		t.Fatal(err)
	}
	return user.ID
}
