package rest_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/db/dbtest"
	"logbook/internal/journal"
)

const june15 = "2023-06-15T12:00:00Z"

// count gives the number of all entries.
func (w *world) count(t testing.TB) int64 {
	t.Helper()
	count, err := w.Entries.Count(w.ctx, journal.EntryFilter{})
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// add stores an entry.
func (w *world) add(t testing.TB, draft journal.EntryDraft) column.ID {
	t.Helper()
	rows, err := w.Entries.Append(w.ctx, []journal.EntryDraft{draft})
	if err != nil {
		t.Fatal(err)
	}
	return rows[0].ID
}

func ptr[T any](value T) *T { return &value }

func TestBatchLimits(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, june15, time.UTC)
		const tooLarge = `{"success":false,"message":"请求过大：每批最多10000条日志，请求体不超过16MiB"}`
		batch := func(rows int) string {
			return `{"logs":[` + strings.TrimSuffix(strings.Repeat(`{"message":"x"},`, rows), ",") + `]}`
		}
		padded := func(body string, size int) string { return body + strings.Repeat(" ", size-len(body)) }
		const limit = 16 << 20
		w.add(t, journal.EntryDraft{Message: "stays"})
		for _, c := range []struct {
			name, path, body string
			status           int
			want             string // the answer's beginning
			stored           int64
		}{
			{"10,001 rows", "batch_create/", batch(10_001), 413, tooLarge, 0},
			{"a batch of 16 MiB and a byte", "batch_create/", padded(batch(1), limit+1), 413, tooLarge, 0},
			{"an entry of 16 MiB and a byte", "", padded(`{"message":"x"}`, limit+1), 413, tooLarge, 0},
			{"a deletion of 16 MiB and a byte", "delete_logs/", padded(`{"before_date":"2100-01-01"}`, limit+1), 413, tooLarge, 0},
			{"a message beyond 1 MiB", "", `{"message":"` + strings.Repeat("x", 1<<20+1) + `"}`, 400,
				`{"success":false,"message":"message: 长度不能超过1048576字节。"}`, 0},
			{"16 MiB", "batch_create/", padded(batch(1), limit), 201, `{"success":true,"message":"成功创建1条日志",`, 1},
			{"10,000 rows", "batch_create/", batch(10_000), 201, `{"success":true,"message":"成功创建10000条日志",`, 10_000},
		} {
			before := w.count(t)
			got := w.serve(t, "POST", entries+c.path, c.body)
			if got.Code != c.status || !strings.HasPrefix(got.Body.String(), c.want) {
				t.Errorf("%s: answered %d %.200s, want %d %s", c.name, got.Code, got.Body, c.status, c.want)
			}
			if stored := w.count(t) - before; stored != c.stored {
				t.Errorf("%s: stored %d rows, want %d", c.name, stored, c.stored)
			}
		}
	})
}

// page is a list's answer, as far as the tests read it.
type page struct {
	Success bool
	Results struct {
		Results []struct {
			ID       string
			TenantID string `json:"tenant_id"`
		}
		Pagination struct{ Total, TotalPages int }
	}
}

func readPage(t testing.TB, recorder *httptest.ResponseRecorder) page {
	t.Helper()
	var p page
	if err := json.Unmarshal(recorder.Body.Bytes(), &p); err != nil || recorder.Code != 200 || !p.Success {
		t.Fatalf("no list: %d %s", recorder.Code, recorder.Body)
	}
	return p
}

// TestPagesPartition walks all pages under every order, over rows that tie in
// every column but the id: each row stands on just one page.
func TestPagesPartition(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, june15, time.UTC)
		random := rand.New(rand.NewPCG(1, 2))
		var tenants, categories []*column.ID
		for i := range 3 {
			tenant, err := w.CreateTenant(w.ctx, fmt.Sprint("tenant ", i))
			if err != nil {
				t.Fatal(err)
			}
			category, err := w.CreateCategory(w.ctx, fmt.Sprint("category ", i), fmt.Sprint("c", i))
			if err != nil {
				t.Fatal(err)
			}
			tenants, categories = append(tenants, &tenant.ID), append(categories, &category.ID)
		}
		tenants, categories = append(tenants, nil), append(categories, nil)
		texts := []*string{nil, ptr("a"), ptr("a "), ptr("b")}
		drafts := make([]journal.EntryDraft, 211)
		for i := range drafts {
			at := column.TimeOf(time.Date(2023, 6, 15, 0, 0, random.IntN(4), 0, time.UTC))
			drafts[i] = journal.EntryDraft{
				Timestamp: &at, Message: "x", Level: &column.Levels[random.IntN(5)],
				TenantID: tenants[random.IntN(4)], CategoryID: categories[random.IntN(4)],
				Source: texts[random.IntN(4)], UserID: texts[random.IntN(4)],
			}
		}
		rows, err := w.Entries.Append(w.ctx, drafts)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, row := range rows {
			all = append(all, row.ID.String())
		}
		slices.Sort(all)
		for _, field := range []string{"", "timestamp", "level", "source", "tenant_id", "category_id", "user_id", "message"} {
			for _, order := range []string{"asc", "desc"} {
				var seen []string
				for number := 1; ; number++ {
					p := readPage(t, w.serve(t, "GET", fmt.Sprintf("%s?sort_field=%s&sort_order=%s&page=%d&page_size=17", entries, field, order, number), ""))
					if p.Results.Pagination.Total != len(all) {
						t.Fatalf("%s %s page %d: total %d, want %d", field, order, number, p.Results.Pagination.Total, len(all))
					}
					if len(p.Results.Results) == 0 {
						break
					}
					for _, row := range p.Results.Results {
						seen = append(seen, row.ID)
					}
				}
				slices.Sort(seen)
				if !slices.Equal(seen, all) {
					t.Errorf("%s %s: the pages hold %d rows, %d of them different; want %d", field, order,
						len(seen), len(slices.Compact(slices.Clone(seen))), len(all))
				}
			}
		}
	})
}

// TestTenantsAdministrator holds that an administrator bound to a tenant reaches
// its rows through no door but its own.
func TestTenantsAdministrator(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, june15, time.UTC)
		mine, err := w.CreateTenant(w.ctx, "mine")
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := w.CreateTenant(w.ctx, "theirs")
		if err != nil {
			t.Fatal(err)
		}
		category, err := w.CreateCategory(w.ctx, "common", "common")
		if err != nil {
			t.Fatal(err)
		}
		_, key, err := w.accounts.AddToken(w.ctx, account.TokenDraft{Name: "bound", Role: auth.Admin, TenantID: &mine.ID})
		if err != nil {
			t.Fatal(err)
		}
		old := column.TimeOf(w.Now().Add(-20 * 24 * time.Hour))
		row := journal.EntryDraft{Message: "secret", Source: ptr("s"), UserID: ptr("u"), CategoryID: &category.ID, Timestamp: &old}
		row.TenantID = &mine.ID
		own := w.add(t, row)
		row.TenantID = &theirs.ID
		other := w.add(t, row)
		row.TenantID = nil
		nobodys := w.add(t, row)

		ask := func(method, target, body string) *httptest.ResponseRecorder {
			t.Helper()
			request := httptest.NewRequest(method, target, strings.NewReader(body))
			request.Header.Set("X-Api-Key", key)
			recorder := httptest.NewRecorder()
			w.server.Handler.ServeHTTP(recorder, request)
			return recorder
		}
		for _, query := range []string{
			"", "sort_field=tenant_id", "sort_field=level&sort_order=asc", "search_text=secret", "source=s", "user_id=u",
			"level=info", "category_id=" + category.ID.String(), "source=s&user_id=u", "tenant_id=" + mine.ID.String(),
			"start_time=2023-01-01&end_time=2023-12-31",
		} {
			p := readPage(t, ask("GET", entries+"?"+query, ""))
			if len(p.Results.Results) != 1 || p.Results.Results[0].ID != own.String() || p.Results.Pagination.Total != 1 {
				t.Errorf("list %q: %+v, want its own row alone", query, p.Results)
			}
		}
		p := readPage(t, ask("GET", entries+"?tenant_id="+theirs.ID.String(), ""))
		if len(p.Results.Results) != 0 || p.Results.Pagination.Total != 0 {
			t.Errorf("another tenant's list: %+v", p.Results)
		}
		for id, status := range map[column.ID]int{own: 200, other: 404, nobodys: 404} {
			if got := ask("GET", entries+id.String()+"/", ""); got.Code != status {
				t.Errorf("detail of %s: %d, want %d", id, got.Code, status)
			}
		}
		for body, want := range map[string]string{
			`{"tenant_id":"` + theirs.ID.String() + `"}`: `"deleted_count":0`,
			`{"before_date":"2100-01-01"}`:               `"deleted_count":1`,
		} {
			if got := ask("POST", entries+"delete_logs/", body); got.Code != 200 || !strings.Contains(got.Body.String(), want) {
				t.Errorf("deletion %s: %d %s, want %s", body, got.Code, got.Body, want)
			}
		}
		if left := w.count(t); left != 2 {
			t.Errorf("%d rows are left, want the 2 that are not the tenant's", left)
		}
	})
}

// TestTenantsRetention holds that an administrator bound to a tenant neither
// applies its policies to others' rows nor overrules a more specific policy that
// it does not own.
func TestTenantsRetention(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, june15, time.UTC)
		mine, err := w.CreateTenant(w.ctx, "mine")
		if err != nil {
			t.Fatal(err)
		}
		kept, err := w.CreateCategory(w.ctx, "kept long", "kept")
		if err != nil {
			t.Fatal(err)
		}
		for _, policy := range []journal.RetentionPolicyDraft{
			{Name: "tenant", TenantID: &mine.ID, Days: 10},
			{Name: "category", CategoryID: &kept.ID, Days: 100},
		} {
			if _, err := w.CreateRetentionPolicy(w.ctx, policy); err != nil {
				t.Fatal(err)
			}
		}
		_, key, err := w.accounts.AddToken(w.ctx, account.TokenDraft{Name: "bound", Role: auth.Admin, TenantID: &mine.ID})
		if err != nil {
			t.Fatal(err)
		}
		old := column.TimeOf(w.Now().Add(-20 * 24 * time.Hour))
		w.add(t, journal.EntryDraft{Message: "goes", TenantID: &mine.ID, Timestamp: &old})
		w.add(t, journal.EntryDraft{Message: "stays: the category decides", TenantID: &mine.ID, CategoryID: &kept.ID, Timestamp: &old})
		w.add(t, journal.EntryDraft{Message: "stays: nobody's", Timestamp: &old})

		request := httptest.NewRequest("POST", entries+"apply_retention_policies/", nil)
		request.Header.Set("X-Api-Key", key)
		recorder := httptest.NewRecorder()
		w.server.Handler.ServeHTTP(recorder, request)
		const want = `{"success":true,"message":"成功删除1条过期日志","results":{"deleted_count":1}}`
		if got := strings.TrimSpace(recorder.Body.String()); got != want {
			t.Errorf("answered %s, want %s", got, want)
		}
		if left := w.count(t); left != 2 {
			t.Errorf("%d rows are left, want 2", left)
		}
	})
}

// TestRevokedToken holds that a token opens nothing once it is revoked.
func TestRevokedToken(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, june15, time.UTC)
		token, key, err := w.accounts.AddToken(w.ctx, account.TokenDraft{Name: "short", Role: auth.Admin})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.accounts.RevokeToken(w.ctx, token.ID); err != nil {
			t.Fatal(err)
		}
		request := httptest.NewRequest("GET", entries, nil)
		request.Header.Set("Authorization", "Bearer "+key)
		recorder := httptest.NewRecorder()
		w.server.Handler.ServeHTTP(recorder, request)
		if got := strings.TrimSpace(recorder.Body.String()); recorder.Code != 401 || got != `{"success":false,"message":"认证凭据无效或已过期"}` {
			t.Errorf("answered %d %s", recorder.Code, got)
		}
	})
}

// TestLongSearch holds that a search text beyond the journal's limit is refused
// under the document's name for it, and one at the limit is not.
func TestLongSearch(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, june15, time.UTC)
		for length, status := range map[int]int{journal.MaxSearch: 200, journal.MaxSearch + 1: 400} {
			got := w.serve(t, "GET", entries+"?search_text="+url.QueryEscape(strings.Repeat("x", length)), "")
			if got.Code != status {
				t.Errorf("%d bytes: %d %s, want %d", length, got.Code, got.Body, status)
			}
			if status == 400 && !strings.Contains(got.Body.String(), `"search_text: 长度不能超过1024字节。"`) {
				t.Errorf("%d bytes: %s", length, got.Body)
			}
		}
	})
}
