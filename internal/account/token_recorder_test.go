package account_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"logbook/ent"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/authn"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
	"logbook/internal/journal"
	"logbook/internal/recorder"
)

// TestTokensAreWatched signs in well and badly, over HTTP, and reads what the audit
// events say of it; then takes the database away.
func TestTokensAreWatched(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		ctx := auth.System(t.Context(), "test")
		database, err := db.Open(ctx, address)
		if err != nil {
			t.Fatal(err)
		}
		defer database.Close()
		var seconds atomic.Int64 // since noon
		clock := func() time.Time {
			return time.Date(2025, 6, 15, 12, 0, 0, 0, time.UTC).Add(time.Duration(seconds.Load()) * time.Second)
		}
		j := journal.New(database, journal.Options{Now: clock})
		a := account.New(database, j)
		var log bytes.Buffer
		watcher := account.NewTokenRecorder(a, slog.New(slog.NewTextHandler(&log, nil)))
		defer watcher.Stop()
		callers := authn.New(database.Ent(), authn.Options{JWTSecret: strings.Repeat("s", 32), Now: clock, Watch: watcher.Watch})
		serve := callers.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if auth.From(r.Context()) == nil {
				w.WriteHeader(http.StatusUnauthorized)
			}
		}))
		// knock sends a credential and gives whether it signs in.
		knock := func(from, credential string) bool {
			t.Helper()
			r := httptest.NewRequest("GET", "/", nil)
			r = r.WithContext(auth.WithOrigin(r.Context(), auth.Origin{Address: from, UserAgent: "agent", RequestID: "req"}))
			r.Header.Set("Authorization", "Bearer "+credential)
			w := httptest.NewRecorder()
			serve.ServeHTTP(w, r)
			return w.Code == http.StatusOK
		}
		// said gives the new audit events about tokens.
		const badJWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.bad"
		seen := 0
		said := func() string {
			t.Helper()
			watcher.Flush()
			var lines []string
			err := j.AuditEvents.Each(ctx, journal.AuditEventFilter{}, func(e *ent.AuditEvent) error {
				if e.Key != "Logbook.Token.Refuse" && e.Key != "Logbook.Token.FirstUse" {
					return nil
				}
				user := "nobody"
				if e.UserID != nil {
					user = *e.UserID
				}
				lines = append(lines, strings.TrimPrefix(e.Key, "Logbook.Token.")+" "+*e.IP+" "+user+" "+string(e.Payload))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			lines, seen = lines[seen:], len(lines)
			return strings.Join(lines, "\n")
		}
		want := func(what, want string) {
			t.Helper()
			if got := said(); got != want {
				t.Errorf("%s: recorded\n%s\nwant\n%s", what, got, want)
			}
		}

		if _, err := a.AddUser(ctx, account.UserDraft{ID: new(int64(7)), Username: "alice"}); err != nil {
			t.Fatal(err)
		}
		token, key, err := a.AddToken(ctx, account.TokenDraft{UserID: 7, Name: "ci", Role: auth.Viewer})
		if err != nil {
			t.Fatal(err)
		}
		about := `"name":"ci","of_user_id":7,"prefix":"` + key[:8] + `",`
		const rest = `"request_id":"req","role":"viewer","token_id":1099511627776`
		for range 3 {
			seconds.Add(2) // behind what is remembered
			if !knock("192.0.2.1", key) {
				t.Fatal("a good token is refused")
			}
		}
		want("a first use", `FirstUse 192.0.2.1 7 {"by":"user 7",`+about+rest+`,"username":"alice"}`)
		seconds.Add(2)
		knock("192.0.2.1", key)
		want("a later use", "")

		seconds.Add(60)
		for range 50 {
			for _, bad := range []string{"lb_unknown", badJWT, key + "x"} {
				if knock("192.0.2.2", bad) {
					t.Fatalf("%s signs in", bad)
				}
			}
		}
		want("knocking", `Refuse 192.0.2.2 nobody {"reason":"the access token is unknown","request_id":"req"}`)
		knock("192.0.2.3", badJWT)
		want("another address", `Refuse 192.0.2.3 nobody {"reason":"the JWT is not valid: its signature does not fit","request_id":"req"}`)
		if err := a.RevokeToken(ctx, token.ID); err != nil {
			t.Fatal(err)
		}
		seconds.Add(60)
		knock("192.0.2.2", key)
		want("a revoked token, the next minute", `Refuse 192.0.2.2 nobody {`+about+`"reason":"the access token is revoked",`+rest+`}`)

		// A gateway key is found by whoever looks up its usage, and refused there.
		_, gateway, err := a.AddToken(ctx, account.TokenDraft{UserID: 7, Name: "gateway"})
		if err != nil {
			t.Fatal(err)
		}
		from := auth.WithOrigin(ctx, auth.Origin{Address: "192.0.2.4"})
		if _, err := callers.Token(from, "sk-"+gateway); err != nil {
			t.Fatal(err)
		}
		if knock("192.0.2.4", "sk-"+gateway) {
			t.Error("a gateway key with its sk- signs in")
		}
		if _, err := callers.Token(from, "sk-another"); err == nil {
			t.Error("an unknown gateway key is found")
		}
		got := said()
		if first, second, _ := strings.Cut(got, "\n"); !strings.HasPrefix(first, `FirstUse 192.0.2.4 7 {"by":"user 7","name":"gateway"`) ||
			second != `Refuse 192.0.2.4 nobody {"reason":"the access token is unknown"}` {
			t.Errorf("gateway keys: recorded\n%s", got)
		}
		if lost := watcher.Counts().Lost; lost != 0 {
			t.Errorf("%d events were lost", lost)
		}

		if err := database.Close(); err != nil {
			t.Fatal(err)
		}
		seconds.Add(60)
		before := watcher.Counts()
		for range 5 {
			if knock("192.0.2.2", badJWT) || knock("192.0.2.2", key) {
				t.Error("somebody signs in without a database")
			}
		}
		watcher.Flush()
		wanted := recorder.Counts{Recorded: before.Recorded, Gathered: before.Gathered + 4, Lost: 1}
		if got := watcher.Counts(); got != wanted {
			t.Errorf("the database is gone: %+v, want %+v", got, wanted)
		}
		if !strings.Contains(log.String(), "events of tokens were not recorded") {
			t.Errorf("logged %q", log.String())
		}
	})
}
