package main

import (
	"database/sql"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"logbook/ent/column"
)

// mostRollups is how many roll-ups may be read for what stands beside the rows of a page:
// the total, where a deep page begins, the numbers that belong to a name. They count in
// buckets of 16 days, a day and an hour (or less) and up to five classes.
const mostRollups = 500

// documented asks what the legacy documents offer, each filter with a frequent value and
// with one that is rare, and wants few rows looked at for each. Not promised, beside what
// pages_test.go names: entryStats by category, which reads the roll-ups of all of them, and
// parts of names (hertz), which read the roll-ups of all names.
func (l *loadedEngine) documented(t *testing.T, pool *sql.DB, w world, depth int64) {
	t.Helper()
	check(t, makeHeldToken(t.Context(), pool))
	w.rows = pageRows
	for _, q := range newapiQuestions(w) {
		most := mostRows*depth + mostRollups
		if strings.Contains(q.name, "1,000 rows") {
			most = 3 * 1000 * depth
		}
		if !strings.Contains(q.name, "search") { // searches are counted by their blocks
			l.legacyReads(t, q, most)
		}
	}
	allowed := mostRows*depth + mostRollups
	list := func(path string, more ...string) {
		query := url.Values{}
		for i := 0; i < len(more); i += 2 {
			query.Set(more[i], more[i+1])
		}
		query.Set("page_size", strconv.Itoa(pageSize))
		l.legacyReads(t, question{name: path + "?" + query.Encode(), path: path + "?" + query.Encode()}, allowed)
	}
	// Addresses and paths have no roll-ups: totals count the index's entries of a value.
	counted := func(table, column, value, path string, more ...string) {
		var rows int64
		check(t, pool.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table+" WHERE "+column+" = ?", value).Scan(&rows))
		allowed += rows
		list(path, more...)
		allowed -= rows
	}
	day := func(ago int) time.Time { return w.newest.Time().AddDate(0, 0, -ago).Truncate(24 * time.Hour) }

	const scitiger = "/api/management/logs/entries/"
	list(scitiger)
	list(scitiger, "page", fmt.Sprint(pageRows/pageSize/2))
	list(scitiger, "page", fmt.Sprint(pageRows/pageSize/2), "sort_field", "timestamp", "sort_order", "asc")
	list(scitiger, "start_time", day(31).Format(time.RFC3339), "end_time", day(30).Format(time.RFC3339))
	for _, tenant := range []int{0, entryTenants - 1} {
		list(scitiger, "tenant_id", made(tenantGroup, tenant).String())
	}
	for _, category := range []int{0, entryCategories - 1} {
		list(scitiger, "category_id", made(categoryGroup, category).String())
	}
	for _, level := range []string{"info", "critical"} {
		list(scitiger, "level", level)
	}
	for _, source := range []string{"service-00/worker", "service-39/worker"} {
		list(scitiger, "source", source)
	}
	for _, user := range []string{"1000", "1299"} {
		list(scitiger, "user_id", user)
	}

	list("/api/v1/logs")

	const hertz = "/api/log/list/"
	list(hertz)
	for _, action := range []string{"view", "import"} {
		list(hertz, "action_type", action)
	}
	for _, status := range []string{"1", "0"} {
		list(hertz, "status", status)
	}
	for _, n := range []int{0, 595} {
		counted("operations", "ip_address", address(n), hertz, "ip_address", address(n))
	}
	list(hertz, "start_date", day(31).Format("2006-01-02 15:04:05"), "end_date", day(30).Format("2006-01-02 15:04:05"))

	const trae = "/openapi/v1/audit/openapi-logs"
	within := []string{"start_time", unix(day(31)), "end_time", unix(day(25))}
	list(trae, within...)
	for _, n := range []int{0, 399} {
		counted("api_calls", "api_path", callPath(n), trae, append(within, "api_path", callPath(n))...)
	}
	for _, n := range []int{0, 2900} {
		counted("api_calls", "source_ip", address(n), trae, append(within, "source_ip", address(n))...)
	}
}

func unix(t time.Time) string { return strconv.FormatInt(column.TimeOf(t).Time().Unix(), 10) }

// legacyReads wants a question of a legacy document to make the engine look at no more than
// so many rows, or pages of a file.
func (l *loadedEngine) legacyReads(t *testing.T, q question, most int64) {
	t.Helper()
	check(t, q.makeRequest(l.server))
	if _, err := fetch(l.server.address, q.request); err != nil {
		t.Errorf("%s: %v", q.name, err)
		return
	}
	read, err := l.reads.examine(q)
	check(t, err)
	if read > most {
		t.Errorf("%s: %d %s, want %d at the most", q.name, read, l.reads.unit(), most)
	}
	t.Logf("%s: %d %s", q.name, read, l.reads.unit())
}
