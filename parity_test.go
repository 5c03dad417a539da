package main_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"logbook/internal/db/dbtest"
)

// TestParity puts the same random questions about the same random rows to GraphQL
// and to every legacy dialect, and holds both against a recount of the imported
// lines in plain Go: rows in their order, totals, sums and details, for callers who
// see everything, a tenant's rows or their own. Then it deletes, and asks again.
func TestParity(t *testing.T) {
	t.Parallel()
	for engine, fresh := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLite, "mysql": dbtest.MySQL} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			fresh(t) // skips the test where there is no such engine
			rapid.Check(t, func(r *rapid.T) {
				w := newWorld(t)
				w.use = plain // with the race detector it would take minutes
				w.db = fresh(t)
				w.env = append(w.env, "LOGBOOK_JWT_SECRET="+paritySecret)
				p := &parity{T: r, now: time.Now().Truncate(time.Second)}
				p.load(w)
				p.s = w.serve()
				defer p.s.stop()
				p.askAuditEvents()
				p.askOperations()
				p.askAPICalls()
				// Logbook may tell what is done to accounts and what is deleted as operations
				// and audit events, so those are not asked about again.
				w.must("import", "--kind", "users", w.file("users.ndjson", parityUsers))
				w.must("import", "--kind", "tokens", w.file("tokens.ndjson", parityKeys))
				p.askUsage()
				p.askEntries()
				p.deleteUsage()
				p.askUsage()
				p.applyRetention()
				p.askEntries()
				p.deleteEntries()
				p.askEntries()
			})
		})
	}
}

// parity is one draw: rows, the server that has them, and questions to come.
type parity struct {
	*rapid.T
	s    *server
	now  time.Time        // shortly before the first question
	rows map[string][]row // by kind as --kind names it, newest first
}

const paritySecret = "a secret that only this test knows, 32 bytes or more"

// The tenants and whoever has rows of them.
const (
	parityTenantA = "550e8400-e29b-41d4-a716-44665544000a"
	parityTenantB = "550e8400-e29b-41d4-a716-44665544000b"
)

// parityCaller is somebody who asks.
type parityCaller struct {
	id          int64 // of the user
	role        string
	tenant      string // "" for none
	permissions []string
}

var parityCallers = []parityCaller{
	{id: 0, role: "admin"},
	{id: 1, role: "admin", tenant: parityTenantA},
	{id: 2, role: "viewer", permissions: []string{"entries:read", "audit:read", "usage:read", "system:log:list", "system:log:query", "audit"}},
	{id: 1, role: "viewer", tenant: parityTenantB, permissions: []string{"entries:read", "audit:read", "usage:read", "system:log:list", "audit"}},
	{id: 1, role: "user"},
	{id: 2, role: "user", tenant: parityTenantA},
}

func (c parityCaller) String() string { return fmt.Sprintf("%s %d of %q", c.role, c.id, c.tenant) }

// may says whether a caller holds a permission.
func (c parityCaller) may(permission string) bool {
	return c.role == "admin" || slices.Contains(c.permissions, permission)
}

// reaches says whether the tenant that a caller is bound to lets it see a row.
func (c parityCaller) reaches(r row) bool { return c.tenant == "" || r.text("tenant_id") == c.tenant }

// credential is what a caller sends. User 0 is whom the server's settings name.
func (c parityCaller) credential(t *testing.T) string {
	if c.id == 0 {
		return adminToken
	}
	claims := jwt.MapClaims{"sub": strconv.FormatInt(c.id, 10), "role": c.role, "permissions": c.permissions, "exp": time.Now().Add(time.Hour).Unix()}
	if c.tenant != "" {
		claims["tenant_id"] = c.tenant
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(paritySecret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// load draws the rows of all kinds and imports them.
func (p *parity) load(w *world) {
	p.rows = map[string][]row{}
	for _, k := range []struct {
		kind, id, time string
		draw           func(number int) row
	}{
		{"entries", "id", "timestamp", p.entry},
		{"audit", "id", "created_at", p.auditEvent},
		{"operations", "log_id", "created_at", p.operation},
		{"usage", "id", "created_at", p.usageRecord},
		{"api-calls", "log_id", "operation_time", p.apiCall},
	} {
		var text strings.Builder
		var rows []row
		for i := range p.number(k.kind, 60) {
			r := k.draw(i + 1)
			r["tenant_id"], r["tenant_name"] = nil, nil
			if tenant := one(p, "tenant", "", parityTenantA, parityTenantA, parityTenantB); tenant != "" {
				r["tenant_id"], r["tenant_name"] = tenant, "tenant "+tenant[len(tenant)-1:]
			}
			// An absent value is told as null or not at all.
			line := maps.Clone(r)
			if rapid.Bool().Draw(p.T, "leave out") {
				maps.DeleteFunc(line, func(_ string, value any) bool { return value == nil })
			}
			encoded, err := json.Marshal(line)
			if err != nil {
				p.Fatal(err)
			}
			text.Write(append(encoded, '\n'))
			if encoded, err = json.Marshal(r); err != nil {
				p.Fatal(err)
			}
			rows = append(rows, decode(w.t, string(encoded)))
		}
		slices.SortFunc(rows, func(a, b row) int {
			return cmp.Or(b.moment(k.time).Compare(a.moment(k.time)), cmp.Compare(b.number(k.id), a.number(k.id)), cmp.Compare(b.text(k.id), a.text(k.id)))
		})
		p.rows[k.kind] = rows
		w.must("import", "--kind", k.kind, w.file(k.kind+".ndjson", text.String()))
	}
}
