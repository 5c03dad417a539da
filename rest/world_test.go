package rest_test

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/authn"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
	"logbook/internal/journal"
	"logbook/internal/web"
	"logbook/rest"
)

// The names that the tests share with the document.
const (
	entries    = "/api/management/logs/entries/"
	tenantA    = "550e8400-e29b-41d4-a716-446655440001"
	jwtSecret  = "a secret that only this test knows, 32 bytes or more"
	adminToken = "the token of the settings"
)

// world is a whole server on a fresh database, with a clock of its own.
type world struct {
	*journal.Journal
	engine   string          // as its address begins
	ctx      context.Context // the system's rights
	accounts *account.Accounts
	server   *http.Server // everything a request meets
	authn    *authn.Authenticator
	calls    *rest.CallRecorder
	limit    *web.RateLimit // nil for none
	now      atomic.Int64   // the clock, in microseconds
}

// fuzzedWorlds are fresh ones, on a database of every engine that is here.
type fuzzedWorlds []*world

// fuzzWorlds gives the worlds to which a fuzz target sends each input.
func fuzzWorlds(f *testing.F, now string) (all fuzzedWorlds) {
	f.Helper()
	for _, address := range dbtest.Addresses(f) {
		all = append(all, newWorld(f, address, now, time.UTC))
	}
	return all
}

// each gives one world after the other. What a test logs tells on which it failed.
func (all fuzzedWorlds) each(t *testing.T) iter.Seq[*world] {
	return func(yield func(*world) bool) {
		for _, w := range all {
			if t.Log("on " + w.engine); !yield(w) {
				return
			}
		}
	}
}

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

// newWorld starts a world on a database of that address; it ends with the test.
func newWorld(t testing.TB, address, now string, zone *time.Location) *world {
	t.Helper()
	return newLimitedWorld(t, address, now, zone, 0)
}

// newLimitedWorld is newWorld, where a caller may send so many requests a second; 0 is
// no limit.
func newLimitedWorld(t testing.TB, address, now string, zone *time.Location, perSecond float64) *world {
	t.Helper()
	w := &world{ctx: auth.System(context.Background(), "test")}
	w.engine, _, _ = strings.Cut(address, ":")
	w.setClock(t, now)
	clock := func() time.Time { return time.UnixMicro(w.now.Load()) }
	database, err := db.Open(w.ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	w.Journal = journal.New(database, journal.Options{Now: clock, Zone: zone})
	w.accounts = account.New(database, w.Journal)
	w.authn = authn.New(database.Ent(), authn.Options{AdminToken: adminToken, JWTSecret: jwtSecret, Now: clock})
	w.calls = rest.NewCallRecorder(w.Journal, quiet)
	if perSecond > 0 {
		w.limit = web.NewRateLimit(perSecond)
		w.limit.Now = clock
	}
	w.server = w.speaking(nil)
	t.Cleanup(func() {
		w.calls.Stop()
		if err := w.Close(w.ctx); err != nil {
			t.Error(err)
		}
		if err := database.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

var quiet = slog.New(slog.DiscardHandler)

// speaking gives a server of the world that speaks some dialects, nil for all.
func (w *world) speaking(dialects []string) *http.Server {
	mux := http.NewServeMux()
	rest.Mount(mux, w.Journal, rest.Options{Log: quiet, Keys: w.authn.Token, Calls: w.calls, Dialects: dialects})
	var surfaces http.Handler = mux
	if w.limit != nil {
		surfaces = w.limit.Middleware(mux)
	}
	return web.Server(w.authn.Middleware(surfaces), web.Options{OpenPaths: rest.OpenPaths(dialects)}, quiet)
}

// setClock sets the time.
func (w *world) setClock(t testing.TB, now string) {
	t.Helper()
	instant, ok := column.ParseTime(now)
	if !ok {
		t.Fatalf("the clock cannot show %q", now)
	}
	w.now.Store(int64(instant))
}

// credential gives what a caller of a known name sends.
func (w *world) credential(t testing.TB, name string) string {
	t.Helper()
	sign := func(secret string, claims jwt.MapClaims) string {
		if claims["exp"] == nil {
			claims["exp"] = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
		}
		token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	key := func(role auth.Role) string {
		_, key, err := w.accounts.AddToken(w.ctx, account.TokenDraft{Name: name, Role: role})
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	if permission, single := strings.CutPrefix(name, "holder of "); single {
		claims := jwt.MapClaims{"sub": "7", "username": "holder", "role": "viewer"}
		permission, bound := strings.CutSuffix(permission, " in the tenant")
		if bound {
			claims["tenant_id"] = tenantA
		}
		claims["permissions"] = []string{permission}
		return sign(jwtSecret, claims)
	}
	permissions := auth.Permissions // whatever they hold, they are no administrators
	switch name {
	case "admin":
		return sign(jwtSecret, jwt.MapClaims{"sub": "7", "username": "caller", "role": "admin"})
	case "admin of the tenant":
		return sign(jwtSecret, jwt.MapClaims{"sub": "7", "role": "admin", "tenant_id": tenantA})
	case "viewer", "ingest", "user":
		return sign(jwtSecret, jwt.MapClaims{"sub": "7", "role": name, "permissions": permissions})
	case "expired":
		return sign(jwtSecret, jwt.MapClaims{"sub": "7", "role": "admin", "exp": 1})
	case "forged":
		return sign("another secret", jwt.MapClaims{"sub": "7", "role": "admin"})
	case "settings":
		return adminToken
	case "token":
		return key(auth.Admin)
	case "gateway key":
		return key("")
	case "garbage":
		return "lb_nosuchtoken"
	}
	t.Fatalf("nobody is called %q", name)
	return ""
}

// serve answers a request of the administrator without a network.
func (w *world) serve(t testing.TB, method, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+w.credential(t, "admin"))
	recorder := httptest.NewRecorder()
	w.server.Handler.ServeHTTP(recorder, request)
	return recorder
}

// bring imports rows, Logbook's own too, which nobody may append.
func bring[R, D, F any](t testing.TB, ctx context.Context, log *journal.Log[R, D, F], drafts ...D) {
	t.Helper()
	rows := make([]journal.Imported[D], len(drafts))
	for i, draft := range drafts {
		rows[i].Draft = draft
	}
	outcomes, err := log.Import(ctx, rows)
	if err != nil {
		t.Fatal(err)
	}
	for i, outcome := range outcomes {
		if !outcome.Stored {
			t.Fatalf("row %d was not stored: %v", i, outcome.Problem)
		}
	}
}
