package main_test

import (
	"fmt"
	"strconv"
	"time"
)

var parityAPICalls = told("api-calls", "apiCall", "APICallFilter")

// apiCall draws a line of the kind "api-calls".
func (p *parity) apiCall(number int) row {
	return row{
		"log_id":   fmt.Sprint(one(p, "id", "", "log-", "日"), number),
		"app_id":   one(p, "app", "", "-", "AK12345678", "AK123456789", "应用的标识一二三四五六七八", p.text("app")),
		"api_path": one(p, "path", "/openapi/v1/users", "/OpenAPI/v1/users", "/a%20_b", p.text("path")), "http_method": one(p, "method", "GET", "get", "POST"),
		"source_ip": one(p, "ip", "", "1.2.3.4", "1.2.3.4 ", "AWS Internal", p.text("ip")), "status_code": one(p, "status", 0, 200, 404, 999),
		"operation_time": p.now.Add(-p.age()).Unix() + int64(one(p, "s", 0, 0, 1, 59)),
	}
}

// callsAsked is what is asked of API calls; "" asks nothing. Since callers are told
// of their own calls too, it ends before the first question.
type callsAsked struct {
	path, ip, app, method, status string
	span
}

func (q callsAsked) passes(r row) bool {
	return fits(q.path, r.text("api_path")) && fits(q.ip, r.text("source_ip")) && fits(q.app, r.text("app_id")) &&
		fits(q.method, r.text("http_method")) && (q.status == "" || strconv.FormatInt(r.number("status_code"), 10) == q.status) &&
		q.holds(r.moment("operation_time"))
}

// traeApp is an app's id as the trae dialect shows it to everybody.
func traeApp(id string) string {
	if runes := []rune(id); len(runes) > 10 {
		return string(runes[:6]) + "****" + string(runes[len(runes)-4:])
	}
	return "****"
}

// askAPICalls asks trae and GraphQL.
func (p *parity) askAPICalls() {
	rows := p.rows["api-calls"]
	masked := func(r row) row {
		r["app_id"] = traeApp(r.text("app_id"))
		return r
	}
	unmasked := func(c parityCaller) func(row) row {
		if c.role == "admin" {
			return itself
		}
		return masked
	}
	for range 3 {
		about := p.some("api-calls")
		q := callsAsked{path: p.asked(about, "api_path", p.text), ip: p.asked(about, "source_ip", p.text), span: p.span("api-calls", "operation_time", time.Second)}
		last := p.now.Add(-time.Second)
		if q.until.IsZero() || q.until.After(last) {
			q.until = last
		}
		if first := q.until.Add(-90 * 24 * time.Hour); q.since.IsZero() {
			q.since = first
		}
		if q.since.After(q.until) {
			q.since = q.until
		}
		params := parameters("api_path", q.path, "source_ip", q.ip,
			"start_time", strconv.FormatInt(q.since.Unix(), 10), "end_time", strconv.FormatInt(q.until.Unix(), 10))
		for _, c := range parityCallers {
			if !c.may("audit") {
				continue
			}
			p.pages(c, "/openapi/v1/audit/openapi-logs", params, "page", "page_size", func(answered row) ([]row, int64) {
				data := answered.inside("data")
				return data.rowsIn("items"), data.inside("pagination").number("total")
			}, chosen(rows, both(c.reaches, q.passes), func(r row) row {
				return masked(r).only("log_id", "app_id", "api_path", "http_method", "source_ip", "status_code", "operation_time")
			}))
		}

		q.method, q.status = p.asked(about, "http_method", p.text), one(p, "status", "", "", "0", "200")
		app := p.asked(about, "app_id", p.text)
		for _, c := range parityCallers {
			if !c.may("audit") {
				continue
			}
			if q.app = ""; c.role == "admin" { // nobody else may ask for it
				q.app = app
			}
			filter := filterFor("apiPath", q.path, "sourceIp", q.ip, "appId", q.app, "httpMethod", q.method)
			if q.status != "" {
				code, _ := strconv.Atoi(q.status)
				filter["statusCode"] = exactly(code)
			}
			q.filter(filter, time.Second)
			p.connection(c, parityAPICalls, filter, chosen(rows, both(c.reaches, q.passes), unmasked(c)))
		}
	}
	if len(rows) == 0 {
		return
	}
	r := rows[p.number("detail", len(rows)-1)]
	for _, c := range parityCallers {
		if c.may("audit") {
			p.single(c, parityAPICalls, r.text("log_id"), chosen([]row{r}, c.reaches, unmasked(c)))
		}
	}
}
