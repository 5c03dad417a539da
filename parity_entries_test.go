package main_test

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const parityEntriesPath = "/api/management/logs/entries/"

var parityEntries = parityKind{
	"entries", "entry", "EntryFilter",
	"id level message source user_id: userId username ip_address: ipAddress user_agent: userAgent request_id: requestId metadata timestamp category { id name code }",
	func(node row) row {
		category := node.inside("category")
		delete(node, "category")
		node["level"] = strings.ToLower(node.text("level"))
		node["id"] = local("Entry", node["id"])
		node["category_id"], node["category_name"], node["category_code"] = local("Category", category["id"]), category["name"], category["code"]
		return node
	},
}

var parityLevels = []string{"debug", "info", "warning", "error", "critical"}

// parityCategory gives the id of the category of a code.
func parityCategory(code string) string { return "a7c3e9d4-58b2-4f16-8e0d-2c6f9b4a00" + code }

// entry draws a line of the kind "entries".
func (p *parity) entry(number int) row {
	r := row{
		"id":          fmt.Sprintf("%08x-58b2-4f16-8e0d-2c6f9b4a%04d", p.number("id", 1<<30), number),
		"category_id": nil, "category_name": nil, "category_code": nil, "level": one(p, "level", parityLevels...), "message": p.text("message") + p.text("more"),
		"source": p.nullable("source"), "user_id": p.nullable("user"), "username": p.nullable("username"), "ip_address": p.nullable("ip"),
		"user_agent": p.nullable("agent"), "request_id": p.nullable("request"), "metadata": one(p, "metadata", map[string]any{}, map[string]any{"é": []any{1.5, nil}}),
		"timestamp": p.instant(),
	}
	if code := one(p, "category", "", "c1", "c2"); code != "" {
		r["category_id"], r["category_name"], r["category_code"] = parityCategory(code), "分类 "+code, code
	}
	return r
}

// entriesAsked is what is asked of entries; "" asks nothing.
type entriesAsked struct {
	tenant, category, user, level, source, search string
	span
}

func (q entriesAsked) passes(r row) bool {
	return fits(q.tenant, r.text("tenant_id")) && fits(q.category, r.text("category_id")) && fits(q.user, r.text("user_id")) &&
		fits(q.level, r.text("level")) && fits(q.source, r.text("source")) && (q.search == "" || has(r.text("message"), q.search)) &&
		q.holds(r.moment("timestamp"))
}

// scitigerDetail is an entry as the scitiger dialect tells it alone.
func scitigerDetail(r row) row {
	for _, field := range []string{"tenant_id", "tenant_name", "category_id", "category_name", "category_code", "user_id", "username"} {
		if r[field] == nil {
			delete(r, field)
		}
	}
	return r
}

// scitigerTold is an entry as the scitiger dialect tells it in a list.
func scitigerTold(r row) row {
	delete(r, "user_agent")
	delete(r, "metadata")
	return scitigerDetail(r)
}

func scitigerPage(answered row) ([]row, int64) {
	results := answered.inside("results")
	return results.rowsIn("results"), results.inside("pagination").number("total")
}

// askEntries asks scitiger and GraphQL.
func (p *parity) askEntries() {
	rows := p.rows["entries"]
	for range 3 {
		about := p.some("entries")
		q := entriesAsked{
			p.askedTenant(), p.asked(about, "category_id", func(string) string { return parityCategory("c3") }), p.asked(about, "user_id", p.text),
			p.asked(about, "level", func(string) string { return "debug" }), p.asked(about, "source", p.text), p.askedPart(about, "message"),
			p.span("entries", "timestamp", time.Microsecond),
		}
		params := parameters("tenant_id", q.tenant, "category_id", q.category, "user_id", q.user, "level", q.level, "source", q.source, "search_text", q.search)
		if !q.since.IsZero() {
			params.Set("start_time", instantText(q.since))
		}
		if !q.until.IsZero() {
			params.Set("end_time", strings.TrimSuffix(instantText(q.until), "Z")) // in the configured zone
		}
		filter := filterFor("tenantId", q.tenant, "categoryId", q.category, "userId", q.user, "level", strings.ToUpper(q.level), "source", q.source)
		maps.Copy(filter, asksFor("search", q.search))
		q.filter(filter, time.Microsecond)
		sort, order := one(p, "sort", "", "", "timestamp", "level", "source", "category_id", "message"), one(p, "order", "", "desc", "asc")
		for name, value := range map[string]string{"sort_field": sort, "sort_order": order} {
			if value != "" {
				params.Set(name, value)
			}
		}
		for _, c := range parityCallers {
			passes := both(c.reaches, q.passes)
			if c.role == "admin" {
				p.pages(c, parityEntriesPath, params, "page", "page_size", scitigerPage, sorted(chosen(rows, passes, scitigerTold), sort, order == "asc"))
			}
			if c.may("entries:read") {
				p.connection(c, parityEntries, filter, chosen(rows, passes, itself))
			}
		}
	}
	p.askEntryStats()
	if len(rows) == 0 {
		return
	}
	r := rows[p.number("detail", len(rows)-1)]
	for _, c := range parityCallers {
		if c.may("entries:read") {
			p.single(c, parityEntries, r.text("id"), chosen([]row{r}, c.reaches, itself))
		}
		if c.role == "admin" {
			p.detail(c, parityEntriesPath+strings.ToUpper(r.text("id"))+"/", r, func(answered row) row { return answered.inside("results") }, scitigerDetail)
		}
	}
}

// sorted sorts rows that are newest first by a field of the dialect's: absent values
// are the smallest, levels go by severity, ties by time and id.
func sorted(rows []row, field string, ascending bool) []row {
	if field == "level" || field == "source" || field == "category_id" {
		slices.SortStableFunc(rows, func(a, b row) int {
			if a[field] == nil || b[field] == nil {
				return cmp.Compare(present(b[field]), present(a[field]))
			}
			if field == "level" {
				return cmp.Compare(slices.Index(parityLevels, b.text(field)), slices.Index(parityLevels, a.text(field)))
			}
			return cmp.Compare(b.text(field), a.text(field))
		})
	}
	if ascending {
		slices.Reverse(rows)
	}
	return rows
}

func present(value any) int {
	if value == nil {
		return 0
	}
	return 1
}

// askEntryStats asks for the figures of the last days.
func (p *parity) askEntryStats() {
	rows := p.rows["entries"]
	tenant := p.askedTenant()
	params := parameters("tenant_id", tenant)
	days := one(p, "days", 30, 1, 2, 7, 365)
	switch {
	case days != 30:
		params.Set("days", strconv.Itoa(days))
	case p.number("unreadable", 1) == 1:
		params.Set("days", "x")
	}
	if days == 365 {
		params.Set("days", one(p, "more", "365", "366", "99999999999999999999"))
	}
	if days == 1 {
		params.Set("days", one(p, "less", "1", "0", "-1"))
	}
	for _, c := range parityCallers {
		within := func(r row) bool {
			return c.reaches(r) && fits(tenant, r.text("tenant_id")) && time.Since(r.moment("timestamp")) <= time.Duration(days)*24*time.Hour
		}
		if c.role == "admin" {
			got := p.get(c, http.MethodGet, parityEntriesPath+"stats/", params, nil).inside("results")
			p.same(fmt.Sprintf("%v: stats/?%s", c, params.Encode()), []row{got}, []row{scitigerStats(chosen(rows, within, itself))})
		}
		if c.may("entries:read") {
			got := p.graphql(c, `query($t: ID, $d: Int) { entryStats(tenantId: $t, days: $d) { total_logs: total logs_by_level: byLevel { level count }
				logs_by_category: byCategory { category { code } count } daily_stats: daily { date count by_level: byLevel { level count } } } }`,
				map[string]any{"t": asksFor("t", tenant)["t"], "d": days}).inside("entryStats")
			p.same(fmt.Sprintf("%v: entryStats %q %d", c, tenant, days), []row{statsTold(got)}, []row{scitigerStats(chosen(rows, within, itself))})
		}
	}
}

// scitigerStats counts entries as the dialect tells it.
func scitigerStats(rows []row) row {
	levels := func() row {
		none := row{}
		for _, level := range parityLevels {
			none[level] = 0
		}
		return none
	}
	count := func(counts row, key string) {
		n, _ := counts[key].(int)
		counts[key] = n + 1
	}
	stats := row{"total_logs": len(rows), "logs_by_level": levels(), "logs_by_category": row{}, "daily_stats": []row{}}
	days := map[string]row{}
	var dates []string
	for _, r := range rows {
		count(stats["logs_by_level"].(row), r.text("level"))
		count(stats["logs_by_category"].(row), cmp.Or(r.text("category_code"), "uncategorized"))
		date := r.moment("timestamp").UTC().Format(time.DateOnly)
		if days[date] == nil {
			days[date] = row{"date": date, "count": 0, "by_level": levels()}
			dates = append(dates, date)
		}
		count(days[date], "count")
		count(days[date]["by_level"].(row), r.text("level"))
	}
	slices.Sort(dates)
	for _, date := range dates {
		stats["daily_stats"] = append(stats["daily_stats"].([]row), days[date])
	}
	return stats
}

// statsTold gives GraphQL's figures as the dialect tells them.
func statsTold(stats row) row {
	levels := func(of row, field string) {
		counts := row{}
		for _, one := range of.rowsIn(field) {
			counts[strings.ToLower(one.text("level"))] = one["count"]
		}
		of[field] = counts
	}
	levels(stats, "logs_by_level")
	categories := row{}
	for _, one := range stats.rowsIn("logs_by_category") {
		categories[cmp.Or(one.inside("category").text("code"), "uncategorized")] = one["count"]
	}
	stats["logs_by_category"] = categories
	for _, day := range stats.rowsIn("daily_stats") {
		levels(day, "by_level")
	}
	return stats
}

// deleteEntries deletes through scitiger what meets some conditions.
func (p *parity) deleteEntries() {
	c := one(p, "who deletes", parityCallers[:2]...)
	before := p.span("entries", "timestamp", time.Microsecond).until
	q := entriesAsked{tenant: p.askedTenant(), category: one(p, "category?", "", "", parityCategory("c1"), parityCategory("c3"))}
	body := asksFor("tenant_id", q.tenant, "category_id", q.category)
	if len(body) == 0 && before.IsZero() {
		before = p.now.Add(-p.age())
	}
	if !before.IsZero() {
		body["before_date"] = instantText(before)
	}
	answered := p.get(c, http.MethodPost, parityEntriesPath+"delete_logs/", nil, body)
	p.forget("entries", func(r row) bool {
		return c.reaches(r) && q.passes(r) && (before.IsZero() || r.moment("timestamp").Before(before))
	}, answered.inside("results").number("deleted_count"))
}

// applyRetention makes policies and applies them: of those that match an entry the
// most specific decides, of equally specific ones the longest.
func (p *parity) applyRetention() {
	type policy struct {
		tenant, category string
		days             int
	}
	var policies []policy
	known := map[string]bool{}
	for _, r := range p.rows["entries"] {
		known[r.text("tenant_id")], known[r.text("category_id")] = true, true
	}
	for i := range one(p, "policies", 0, 2, 4, 8) {
		made := policy{one(p, "tenant?", "", parityTenantA, parityTenantB), one(p, "category?", "", parityCategory("c1"), parityCategory("c2")), one(p, "days", 1, 7, 60)}
		if made.tenant != "" && !known[made.tenant] || made.category != "" && !known[made.category] {
			continue // which no entry need ever have named
		}
		policies = append(policies, made)
		p.graphql(parityCallers[0], `mutation($i: CreateRetentionPolicyInput!) { createRetentionPolicy(input: $i) { retentionPolicy { id } } }`, map[string]any{
			"i": map[string]any{"name": strconv.Itoa(i), "days": made.days, "tenantId": asksFor("t", made.tenant)["t"], "categoryId": asksFor("c", made.category)["c"]},
		})
	}
	outlived := func(r row) bool {
		best, days := -1, 0
		for _, one := range policies {
			if !fits(one.tenant, r.text("tenant_id")) || !fits(one.category, r.text("category_id")) {
				continue
			}
			specific := 0
			if one.tenant != "" {
				specific++
			}
			if one.category != "" {
				specific += 2 // a category is more specific than a tenant
			}
			if specific > best || specific == best && one.days > days {
				best, days = specific, one.days
			}
		}
		return best >= 0 && p.now.Sub(r.moment("timestamp")) > time.Duration(days)*24*time.Hour
	}
	answered := p.get(parityCallers[0], http.MethodPost, parityEntriesPath+"apply_retention_policies/", nil, nil)
	p.forget("entries", outlived, answered.inside("results").number("deleted_count"))
}
