package main_test

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"
)

var parityOperations = told("operations", "operation", "OperationFilter")

var parityActions = map[string]string{
	"create": "创建", "update": "更新", "delete": "删除", "view": "查看", "list": "列表查看",
	"login": "登录", "logout": "登出", "export": "导出", "import": "导入", "other": "其他",
}

// operation draws a line of the kind "operations".
func (p *parity) operation(number int) row {
	return row{
		"log_id": number, "user": one[any](p, "user", nil, -1, 0, 7, 8), "username": p.nullable("username"),
		"action_type": one(p, "action", "create", "list", "login", "other"), "module": p.text("module"), "description": p.text("description"),
		"target_model": p.nullable("model"), "target_id": one[any](p, "target", nil, 0, 3), "ip_address": p.nullable("ip"), "user_agent": p.nullable("agent"),
		"request_data":    one[any](p, "data", nil, "text", []any{}, map[string]any{"username": "é<&>", "password": "x", "a": []any{1, map[string]any{"token": 2}}}),
		"response_status": one[any](p, "response", nil, 199, 200, 399, 400), "status": p.number("status", 1), "created_at": p.instant(),
	}
}

// operationsAsked is what is asked of operations; "" asks nothing.
type operationsAsked struct {
	user, username, action, module, status, ip string
	span
}

func (q operationsAsked) passes(r row) bool {
	return (q.user == "" || r["user"] != nil && strconv.FormatInt(r.number("user"), 10) == q.user) &&
		(q.username == "" || has(r.text("username"), q.username)) && fits(q.action, r.text("action_type")) &&
		(q.module == "" || has(r.text("module"), q.module)) &&
		(q.status == "" || strconv.FormatInt(r.number("status"), 10) == q.status) &&
		fits(q.ip, r.text("ip_address")) && q.holds(r.moment("created_at"))
}

// hertzTold is an operation as the hertz dialect tells it in a list.
func hertzTold(r row) row {
	r = hertzDetail(r)
	return r.only("log_id", "username", "action_type", "action_type_display", "module", "description", "ip_address",
		"response_status", "status", "status_display", "is_success", "created_at")
}

// hertzDetail is an operation as the hertz dialect tells it alone.
func hertzDetail(r row) row {
	r["request_data"] = withoutSecrets(r)
	r["formatted_request_data"] = ""
	if r["request_data"] != nil {
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		_ = encoder.Encode(r["request_data"])
		r["formatted_request_data"] = strings.TrimSpace(b.String())
	}
	if r.text("username") == "" {
		r["username"] = "匿名用户"
	}
	response := r.number("response_status")
	r["action_type_display"] = parityActions[r.text("action_type")]
	r["status_display"] = map[int64]string{0: "失败", 1: "成功"}[r.number("status")]
	r["is_success"] = r.number("status") == 1 && (r["response_status"] == nil || response >= 200 && response < 400)
	delete(r, "tenant_id")
	delete(r, "tenant_name")
	return r
}

// withoutSecrets gives what is kept of a line's request data.
func withoutSecrets(r row) any {
	var copied any
	text, _ := json.Marshal(r["request_data"])
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	_ = decoder.Decode(&copied)
	return masked(copied)
}

// askOperations asks hertz and GraphQL.
func (p *parity) askOperations() {
	rows := p.rows["operations"]
	detailed := func(c parityCaller) func(row) row {
		return func(r row) row {
			r["request_data"] = withoutSecrets(r)
			if !c.may("system:log:query") {
				r["user"], r["target_model"], r["target_id"], r["user_agent"], r["request_data"] = nil, nil, nil, nil, nil
			}
			return r
		}
	}
	for range 3 {
		about := p.some("operations")
		q := operationsAsked{
			one(p, "user?", "", "", "", "", "0", "7"), strings.TrimSpace(p.askedPart(about, "username")),
			p.asked(about, "action_type", func(string) string { return "export" }), strings.TrimSpace(p.askedPart(about, "module")),
			one(p, "status?", "", "", "", "0", "1"), strings.TrimSpace(p.asked(about, "ip_address", p.text)),
			p.span("operations", "created_at", time.Microsecond),
		}
		if !q.since.IsZero() && !q.until.IsZero() && q.since.After(q.until) { // which hertz refuses
			q.since, q.until = q.until, q.since
		}
		params := parameters("user_id", q.user, "username", " "+q.username, "action_type", q.action, "module", q.module+" ", "status", q.status, "ip_address", q.ip)
		if !q.since.IsZero() {
			params.Set("start_date", instantText(q.since))
		}
		if !q.until.IsZero() {
			params.Set("end_date", q.until.In(time.FixedZone("", 8*3600)).Format("2006-01-02T15:04:05.000000-07:00"))
		}
		filter := filterFor("action", strings.ToUpper(q.action), "ipAddress", q.ip)
		for field, part := range asksFor("username", q.username, "module", q.module) {
			filter[field] = map[string]any{"contains": part}
		}
		if q.user != "" {
			number, _ := strconv.Atoi(q.user)
			filter["userId"] = exactly(number)
		}
		if q.status != "" {
			filter["succeeded"] = exactly(q.status == "1")
		}
		q.filter(filter, time.Microsecond)
		for _, c := range parityCallers {
			if c.may("system:log:list") {
				passes := both(c.reaches, q.passes)
				p.pages(c, "/api/log/list/", params, "page", "page_size", func(answered row) ([]row, int64) {
					data := answered.inside("data")
					return data.rowsIn("logs"), data.inside("pagination").number("total_count")
				}, chosen(rows, passes, hertzTold))
				p.connection(c, parityOperations, filter, chosen(rows, passes, detailed(c)))
			}
		}
	}
	if len(rows) == 0 {
		return
	}
	r := rows[p.number("detail", len(rows)-1)]
	for _, c := range parityCallers {
		if c.may("system:log:query") {
			id := strconv.FormatInt(r.number("log_id"), 10)
			p.single(c, parityOperations, id, chosen([]row{r}, c.reaches, detailed(c)))
			p.detail(c, "/api/log/detail/"+url.PathEscape(id)+"/", r, func(answered row) row { return answered.inside("data") }, hertzDetail)
		}
	}
}
