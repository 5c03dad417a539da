package resolvers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/journal"
	"logbook/resolvers"
)

// BenchmarkPage asks for a page of 20 entries with everything that a list shows, within
// the process: what is left is GraphQL, ent and SQLite.
func BenchmarkPage(b *testing.B) {
	ctx := auth.System(b.Context(), "test")
	database, err := db.Open(ctx, "sqlite:"+filepath.Join(b.TempDir(), "bench.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer database.Close()
	j := journal.New(database, journal.Options{})
	defer func() { _ = j.Close(context.WithoutCancel(ctx)) }()
	tenant, err := j.CreateTenant(ctx, "a tenant")
	if err != nil {
		b.Fatal(err)
	}
	category, err := j.CreateCategory(ctx, "System", "system")
	if err != nil {
		b.Fatal(err)
	}
	drafts := make([]journal.EntryDraft, 1000)
	for i := range drafts {
		at := column.TimeOf(time.Now().Add(-time.Duration(i) * time.Second))
		drafts[i] = journal.EntryDraft{
			Timestamp: &at, Level: ptr(column.Levels[i%4]), TenantID: &tenant.ID, CategoryID: &category.ID,
			Message: fmt.Sprintf("job %08x was accepted after %d ms", i*7919, i%50),
			Source:  ptr("service-03/worker"), UserID: ptr("1004"),
			Metadata: column.JSON(`{"attempt":2,"node":"n17"}`),
		}
	}
	if _, err := j.Entries.Append(ctx, drafts); err != nil {
		b.Fatal(err)
	}
	server := resolvers.Handler(j, account.New(database, j), slog.New(slog.DiscardHandler), resolvers.Options{})
	body, err := json.Marshal(map[string]any{
		"query": `query ($filter: EntryFilter) { entries(first: 20, filter: $filter) {
			edges { cursor node { id occurredAt level message tenant { id name } category { id name code } source userId username ipAddress userAgent requestId metadata } }
			pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
		"variables": map[string]any{"filter": map[string]any{"tenantId": map[string]any{"eq": tenant.ID.String()}, "level": map[string]any{"eq": "INFO"}}},
	})
	if err != nil {
		b.Fatal(err)
	}
	admin := auth.With(b.Context(), &auth.Principal{Subject: "admin", Role: auth.Admin})
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(string(body))).WithContext(admin)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"hasNextPage":true`) {
			b.Fatal(w.Code, w.Body.String())
		}
	}
}
