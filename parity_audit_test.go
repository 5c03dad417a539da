package main_test

import (
	"fmt"
	"net/url"
	"time"
)

var parityAuditEvents = told("audit", "auditEvent", "AuditEventFilter")

// auditEvent draws a line of the kind "audit".
func (p *parity) auditEvent(number int) row {
	return row{
		"id":      fmt.Sprint(one(p, "id", "log_", "日志/", "a b%", "é?#"), number),
		"key":     one(p, "key", "SignIn.Password", "Token.Refresh", "x"),
		"payload": one(p, "payload", map[string]any{}, map[string]any{"result": "失败%", "n": []any{1.5, nil}}),
		"user_id": p.nullable("user"), "application_id": p.nullable("application"), "ip": p.nullable("ip"), "user_agent": p.nullable("agent"),
		"created_at": p.instant(),
	}
}

// auditAsked is what is asked of audit events; "" asks nothing.
type auditAsked struct {
	key, user, application, ip, tenant string
	span
}

func (q auditAsked) passes(r row) bool {
	return fits(q.key, r.text("key")) && fits(q.user, r.text("user_id")) && fits(q.application, r.text("application_id")) &&
		fits(q.ip, r.text("ip")) && fits(q.tenant, r.text("tenant_id")) && q.holds(r.moment("created_at"))
}

// codebirdTold is an audit event as the codebird dialect tells it.
func codebirdTold(r row) row {
	r["ip"], r["user_agent"] = r.text("ip"), r.text("user_agent")
	return r.only("id", "key", "payload", "user_id", "application_id", "ip", "user_agent", "created_at")
}

// askAuditEvents asks codebird, which knows no filters, and GraphQL.
func (p *parity) askAuditEvents() {
	rows := p.rows["audit"]
	for range 2 {
		about := p.some("audit")
		q := auditAsked{
			p.asked(about, "key", p.text), p.asked(about, "user_id", p.text), p.asked(about, "application_id", p.text),
			p.asked(about, "ip", p.text), p.askedTenant(), p.span("audit", "created_at", time.Microsecond),
		}
		filter := filterFor("key", q.key, "userId", q.user, "applicationId", q.application, "ip", q.ip, "tenantId", q.tenant)
		q.filter(filter, time.Microsecond)
		for _, c := range parityCallers {
			if c.may("audit:read") {
				p.connection(c, parityAuditEvents, filter, chosen(rows, both(c.reaches, q.passes), itself))
			}
		}
	}
	for _, c := range parityCallers {
		if c.role == "admin" {
			p.pages(c, "/api/v1/logs", url.Values{}, "page", "page_size", func(answered row) ([]row, int64) {
				result := answered.inside("result")
				return result.rowsIn("data"), result.number("total")
			}, chosen(rows, c.reaches, codebirdTold))
		}
	}
	if len(rows) == 0 {
		return
	}
	r := rows[p.number("detail", len(rows)-1)]
	for _, c := range parityCallers {
		if c.may("audit:read") {
			p.single(c, parityAuditEvents, r.text("id"), chosen([]row{r}, c.reaches, itself))
		}
		if c.role == "admin" {
			p.detail(c, "/api/v1/logs/"+url.PathEscape(r.text("id")), r, func(answered row) row { return answered.inside("result") }, codebirdTold)
		}
	}
}
