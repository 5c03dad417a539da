package main_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

var parityUsage = told("usage", "usageRecord", "UsageRecordFilter")

// parityUsageTypes are GraphQL's names of the types, by the document's numbers.
var parityUsageTypes = []string{"", "TOP_UP", "CONSUME", "MANAGE", "ERROR", "SYSTEM"}

// parityUsers and parityKeys are the holders of gateway keys and the keys: two of
// users, one of them in a tenant, and one of nobody.
const parityUsers = `{"id":1,"username":"alice"}
{"id":2,"username":"eve"}
`

const parityKeys = `{"id":31,"user_id":1,"name":"one","key":"key-one"}
{"id":32,"user_id":2,"name":"two","key":"key-two","tenant_id":"` + parityTenantA + `"}
{"id":33,"name":"nobody's","key":"key-nobody"}
`

// usageRecord draws a line of the kind "usage".
func (p *parity) usageRecord(number int) row {
	age := p.age()
	if one(p, "lately", true, false) {
		age = time.Duration(one(p, "seconds", 0, 1, 30, 56, 57, 58, 59, 60, 61)) * time.Second
	}
	return row{
		"id": number, "user_id": one(p, "user", 0, 1, 1, 2, 2, 3), "created_at": p.now.Add(-age).Unix(),
		"type": one(p, "type", 1, 2, 2, 2, 3, 4, 5), "content": p.text("content"), "username": p.text("username"), "token_name": p.text("token"),
		"model_name": one(p, "model", "gpt-4", "GPT-4", "gpt_4", `a\b`, p.text("model")), "quota": p.number("quota", 1000) - 10,
		"prompt_tokens": p.number("prompt", 50), "completion_tokens": p.number("completion", 50), "use_time": p.number("use time", 9),
		"is_stream": p.number("stream", 1) == 1, "channel_id": p.number("channel", 2), "channel_name": p.text("channel"),
		"token_id": 30 + p.number("token", 3), "group": p.text("group"), "ip": p.text("ip"),
		"other": one(p, "other", "", `{"model_ratio":15.0}`, "no JSON", parityAdminInfo),
	}
}

// parityAdminInfo is for administrators; users are told the rest of it.
const parityAdminInfo, parityUserInfo = `{"a":1,"admin_info":{"use_channel":["1"]}}`, `{"a":1}`

// usageAsked is what is asked of usage records; "" and 0 ask nothing. Pattern is the
// dialect's alone, which has no model, text and user; type 6 no record has.
type usageAsked struct {
	kind, channel, user                            int
	username, token, group, pattern, model, search string
	span
}

func (q usageAsked) passes(r row) bool {
	return (q.kind == 0 || r.number("type") == int64(q.kind)) && q.holds(r.moment("created_at")) && q.passesTimeless(r)
}

// passesTimeless leaves out type and time.
func (q usageAsked) passesTimeless(r row) bool {
	return (q.channel == 0 || r.number("channel_id") == int64(q.channel)) && (q.user == 0 || r.number("user_id") == int64(q.user)) &&
		fits(q.username, r.text("username")) && fits(q.token, r.text("token_name")) && fits(q.group, r.text("group")) &&
		(q.pattern == "" || like([]rune(lower(q.pattern)), []rune(lower(r.text("model_name"))))) &&
		fits(q.model, r.text("model_name")) && (q.search == "" || has(r.text("content"), q.search))
}

// like says whether a text is as a pattern of SQL says.
func like(pattern, text []rune) bool {
	switch {
	case len(pattern) == 0:
		return len(text) == 0
	case pattern[0] == '%':
		return like(pattern[1:], text) || len(text) > 0 && like(pattern, text[1:])
	}
	return len(text) > 0 && (pattern[0] == '_' || pattern[0] == text[0]) && like(pattern[1:], text[1:])
}

// usageOwn says whether a record is the caller's own. User 0 is nobody.
func usageOwn(c parityCaller) func(row) bool {
	return func(r row) bool { return c.reaches(r) && c.id != 0 && r.number("user_id") == c.id }
}

// usageHidden is a record as its own user is told it.
func usageHidden(r row) row {
	r["channel_name"] = ""
	if r["other"] == parityAdminInfo {
		r["other"] = parityUserInfo
	}
	return r
}

// newapiTold is a record as the newapi dialect tells it.
func newapiTold(r row) row {
	r["channel"] = r["channel_id"]
	delete(r, "tenant_id")
	delete(r, "tenant_name")
	return r
}

func newapiHidden(r row) row { return newapiTold(usageHidden(r)) }

func newapiItems(answered row) ([]row, int64) {
	data := answered.inside("data")
	return data.rowsIn("items"), data.number("total")
}

// usageSums are the figures of the records that pass: how many, and their sums.
func usageSums(rows []row, passes func(row) bool) (count, quota, prompt, completion int64) {
	add := func(field string) int64 { return sum(passes, field)(rows) }
	return int64(len(chosen(rows, passes, itself))), add("quota"), add("prompt_tokens"), add("completion_tokens")
}

// usageLately says whether a record is one of the 60 seconds before now that used a
// model.
func usageLately(now int64) func(row) bool {
	return func(r row) bool {
		at := r.number("created_at")
		return r.number("type") == 2 && at >= now-60 && at <= now
	}
}

// lately holds an answer that depends on the last minute against what is wanted at a
// second. It asks again where that changed while it asked.
func (p *parity) lately(what string, ask func() string, want func(now int64) string) {
	p.Helper()
	for {
		before, got, after := want(time.Now().Unix()), ask(), want(time.Now().Unix())
		if before == after {
			if got != before {
				p.Fatalf("%s\nanswers %s\nwant    %s", what, got, before)
			}
			return
		}
	}
}

// askUsage asks newapi and GraphQL.
func (p *parity) askUsage() {
	for range 3 {
		about := p.some("usage")
		q := usageAsked{
			kind: one(p, "type?", 0, 0, 0, 0, int(about.number("type")), 2, 6), channel: one(p, "channel?", 0, 0, 0, 0, int(about.number("channel_id")), 9),
			username: p.asked(about, "username", p.text), token: p.asked(about, "token_name", p.text), group: p.asked(about, "group", p.text),
			pattern: p.asked(about, "model_name", func(string) string {
				return one(p, "pattern", "gpt%", "GPT_4", "%b", "_", `a\b`, "%", p.text("pattern"))
			}),
			span: p.span("usage", "created_at", time.Second),
		}
		for _, c := range parityCallers {
			p.askNewAPI(c, q)
		}
		q.pattern, q.model, q.search = "", p.asked(about, "model_name", p.text), p.askedPart(about, "content")
		q.user, q.kind = one(p, "user?", 0, 0, 0, 0, 1, 2), q.kind%6
		for _, c := range parityCallers {
			p.askUsageRecords(c, q)
		}
	}
	p.searchNewAPI()
	p.askKeys()
	if rows := p.rows["usage"]; len(rows) > 0 {
		r := rows[p.number("detail", len(rows)-1)]
		for _, c := range parityCallers {
			seen, told := usageSeen(c)
			p.single(c, parityUsage, strconv.FormatInt(r.number("id"), 10), chosen([]row{r}, seen, told))
		}
	}
}

// askNewAPI asks the dialect's lists and sums.
func (p *parity) askNewAPI(c parityCaller, q usageAsked) {
	rows := p.rows["usage"]
	params := parameters("username", q.username, "token_name", q.token, "group", q.group, "model_name", q.pattern)
	for name, number := range map[string]int{"type": q.kind, "channel": q.channel} {
		if number != 0 || p.number("zero", 1) == 1 {
			params.Set(name, strconv.Itoa(number))
		}
	}
	if !q.since.IsZero() {
		params.Set("start_timestamp", strconv.FormatInt(q.since.Unix(), 10))
	}
	if !q.until.IsZero() {
		params.Set("end_timestamp", strconv.FormatInt(q.until.Unix(), 10))
	}
	own, ownSum := q, q
	own.username, own.channel, ownSum.username = "", 0, "" // which these do not ask
	if c.role == "admin" {
		p.pages(c, "/api/log/", params, "p", "page_size", newapiItems, chosen(rows, both(c.reaches, q.passes), newapiTold))
		p.sumNewAPI(c, "/api/log/stat", params, c.reaches, q)
	}
	p.pages(c, "/api/log/self", params, "p", one(p, "size", "page_size", "ps", "size"), newapiItems, chosen(rows, both(usageOwn(c), own.passes), newapiHidden))
	p.sumNewAPI(c, "/api/log/self/stat", params, usageOwn(c), ownSum)
}

// sumNewAPI asks the dialect for the sums of the records that are seen.
func (p *parity) sumNewAPI(c parityCaller, path string, params url.Values, seen func(row) bool, q usageAsked) {
	rows := p.rows["usage"]
	if q.kind == 0 {
		q.kind = 2
	}
	p.lately(fmt.Sprintf("%v: %s?%s", c, path, params.Encode()), func() string {
		data := p.get(c, http.MethodGet, path, params, nil).inside("data")
		return fmt.Sprintln(data["quota"], data["rpm"], data["tpm"])
	}, func(now int64) string {
		_, quota, _, _ := usageSums(rows, both(seen, q.passes))
		rpm, _, prompt, completion := usageSums(rows, both(both(seen, q.passesTimeless), usageLately(now)))
		return fmt.Sprintln(quota, rpm, prompt+completion)
	})
}

// usageSeen says which records GraphQL shows to a caller, and how.
func usageSeen(c parityCaller) (seen func(row) bool, told func(row) row) {
	if c.may("usage:read") {
		return c.reaches, itself
	}
	return usageOwn(c), usageHidden
}

// askUsageRecords asks GraphQL for a list and its sums.
func (p *parity) askUsageRecords(c parityCaller, q usageAsked) {
	rows := p.rows["usage"]
	seen, told := usageSeen(c)
	filter := filterFor("username", q.username, "tokenName", q.token, "group", q.group, "modelName", q.model, "type", parityUsageTypes[q.kind])
	maps.Copy(filter, asksFor("search", q.search))
	if q.channel != 0 {
		filter["channelId"] = exactly(q.channel)
	}
	if q.user != 0 {
		filter["userId"] = exactly(q.user)
	}
	q.filter(filter, time.Second)
	p.connection(c, parityUsage, filter, chosen(rows, both(seen, q.passes), told))
	p.lately(fmt.Sprintf("%v: usageStats %v", c, filter), func() string {
		stats := p.graphql(c, `query($f: UsageRecordFilter) { usageStats(filter: $f) { count quota promptTokens completionTokens
			byType { type count quota promptTokens completionTokens } requestsPerMinute tokensPerMinute } }`, map[string]any{"f": filter}).inside("usageStats")
		told := []any{stats["count"], stats["quota"], stats["promptTokens"], stats["completionTokens"]}
		for _, one := range stats.rowsIn("byType") {
			told = append(told, one["type"], one["count"], one["quota"], one["promptTokens"], one["completionTokens"])
		}
		return fmt.Sprintln(append(told, stats["requestsPerMinute"], stats["tokensPerMinute"])...)
	}, func(now int64) string {
		count, quota, prompt, completion := usageSums(rows, both(seen, q.passes))
		told := []any{count, quota, prompt, completion}
		for kind, name := range parityUsageTypes {
			ofType := func(r row) bool { return seen(r) && q.passes(r) && r.number("type") == int64(kind) }
			if count, quota, prompt, completion := usageSums(rows, ofType); count > 0 {
				told = append(told, name, count, quota, prompt, completion)
			}
		}
		rpm, _, prompt, completion := usageSums(rows, both(both(seen, q.passesTimeless), usageLately(now)))
		return fmt.Sprintln(append(told, rpm, prompt+completion)...)
	})
}

// searchNewAPI asks the dialect's searches for a keyword.
func (p *parity) searchNewAPI() {
	rows := p.rows["usage"]
	keyword := p.askedPart(p.some("usage"), one(p, "field", "content", "content", "model_name"))
	keyword = one(p, "keyword", keyword, "2", "5", "6")
	params := parameters("keyword", keyword)
	found := func(r row) bool {
		return strconv.FormatInt(r.number("type"), 10) == keyword || has(r.text("content"), keyword)
	}
	for _, c := range parityCallers {
		if c.role == "admin" {
			p.same(fmt.Sprintf("%v: search?%s", c, params.Encode()), p.get(c, http.MethodGet, "/api/log/search", params, nil).rowsIn("data"),
				chosen(rows, both(c.reaches, found), newapiTold))
		}
		p.same(fmt.Sprintf("%v: self/search?%s", c, params.Encode()), p.get(c, http.MethodGet, "/api/log/self/search", params, nil).rowsIn("data"),
			chosen(rows, both(usageOwn(c), func(r row) bool { return keyword != "" && (found(r) || has(r.text("model_name"), keyword)) }), newapiHidden))
	}
}

// askKeys asks for the records of each gateway key: those of its user, where it has
// one, and of its tenant.
func (p *parity) askKeys() {
	for key, passes := range map[string]func(row) bool{
		"key-one": func(r row) bool { return r.number("token_id") == 31 && r.number("user_id") == 1 },
		"key-two": func(r row) bool {
			return r.number("token_id") == 32 && r.number("user_id") == 2 && r.text("tenant_id") == parityTenantA
		},
		"key-nobody": func(r row) bool { return r.number("token_id") == 33 },
	} {
		p.same(key, p.get(parityCallers[0], http.MethodGet, "/api/log/token", parameters("key", "sk-"+key), nil).rowsIn("data"),
			chosen(p.rows["usage"], passes, newapiHidden))
	}
}

// deleteUsage deletes through newapi what lies before a time.
func (p *parity) deleteUsage() {
	c := one(p, "who deletes", parityCallers[:2]...)
	target := p.span("usage", "created_at", time.Second).until
	if target.IsZero() {
		target = p.now.Add(-p.age())
	}
	gone := func(r row) bool { return c.reaches(r) && r.moment("created_at").Before(target) }
	answered := p.get(c, http.MethodDelete, "/api/log/", parameters("target_timestamp", strconv.FormatInt(target.Unix(), 10)), nil)
	p.forget("usage", gone, answered.number("data"))
}

// forget takes the rows out that were deleted, and wants as many as an answer says.
func (p *parity) forget(kind string, gone func(row) bool, told int64) {
	p.Helper()
	before := len(p.rows[kind])
	p.rows[kind] = slices.DeleteFunc(p.rows[kind], gone)
	if left := len(p.rows[kind]); told != int64(before-left) {
		p.Fatalf("%d of %d %s were deleted, want %d", told, before, kind, before-left)
	}
}
