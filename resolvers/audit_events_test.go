package resolvers_test

import (
	"math/rand/v2"
	"testing"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/journal"
)

func sampleAuditEvents(s *server, ours, theirs column.ID) *sample[journal.AuditEventDraft] {
	type draft = journal.AuditEventDraft
	random := rand.New(rand.NewPCG(1, 1))
	k := &sample[draft]{
		one: "auditEvent", many: "auditEvents", filter: "AuditEventFilter",
		time:   func(d *draft) column.Time { return *d.CreatedAt },
		tenant: func(d *draft) *column.ID { return d.TenantID },
	}
	for i := range 60 {
		d := draft{
			CreatedAt: sometime(random, 1), TenantID: orNil(random, ours, theirs),
			Key:    pick(random, "SignIn.Password", "signin.password", "SignIn.Password ", "Token.Exchange"),
			UserID: orNil(random, "usr_a", "usr_b", "USR_A"), ApplicationID: orNil(random, "app_001", "app_002"),
			IP: orNil(random, "10.0.0.1", "AWS Internal"),
		}
		if own := []string{"log_001", "LOG_001", "日志 1", `a"b\c`, "1001"}; i < len(own) {
			d.ID = &own[i]
		}
		k.drafts = append(k.drafts, d)
	}
	k.ids = drafted(s, s.journal.AuditEvents, k.drafts, func(e *ent.AuditEvent) string { return e.ID })
	for _, list := range [][]condition[draft]{
		wheres("key", func(d *draft) *string { return &d.Key }, "SignIn.Password", "signin.password", "SignIn.Password ", "", "none"),
		wheres("userId", func(d *draft) *string { return d.UserID }, "usr_a", "USR_A", ""),
		wheres("applicationId", func(d *draft) *string { return d.ApplicationID }, "app_001", "app_00"),
		wheres("ip", func(d *draft) *string { return d.IP }, "10.0.0.1", "aws internal", "AWS Internal"),
	} {
		k.conditions = append(k.conditions, list...)
	}
	k.common(ours, theirs)
	return k
}

func TestAuditEvents(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ours, theirs := s.tenant("ours"), s.tenant("theirs")
		k := sampleAuditEvents(s, ours, theirs)
		testKind(s, k)
		testTenants(s, k, ours, auth.AuditRead)
		testFilters(s, k, s.token(auth.Viewer, nil, auth.AuditRead))
	})
}

// An audit event comes back as it was stored, the document's own first.
func TestAuditEventDetail(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		tenant := s.tenant("示例租户")
		ids := drafted(s, s.journal.AuditEvents, []journal.AuditEventDraft{
			{
				ID: ptr("log_001"), CreatedAt: at("2025-06-15T10:30:00Z"), TenantID: &tenant, Key: "SignIn.Password",
				Payload: column.JSON(`{"username": "john_doe", "result":"success","n":1.50}`), UserID: ptr("usr_abc123"),
				ApplicationID: ptr("app_001"), IP: ptr("192.168.1.100"), UserAgent: ptr("Mozilla/5.0"),
			},
			{CreatedAt: at("2025-06-15T10:25:00.000001Z"), Key: "k"},
		}, func(e *ent.AuditEvent) string { return e.ID })
		const all = `__typename id createdAt key payload tenant { id name } userId applicationId ip userAgent`
		s.detail(adminToken, "auditEvent", "log_001", all, `{"__typename":"AuditEvent","id":"AuditEvent:log_001","createdAt":"2025-06-15T10:30:00Z","key":"SignIn.Password",`+
			`"payload":{"username": "john_doe", "result":"success","n":1.50},"tenant":{"id":"Tenant:`+tenant.String()+`","name":"示例租户"},`+
			`"userId":"usr_abc123","applicationId":"app_001","ip":"192.168.1.100","userAgent":"Mozilla/5.0"}`)
		s.detail(adminToken, "auditEvent", ids[1], all, `{"__typename":"AuditEvent","id":"AuditEvent:`+ids[1]+`","createdAt":"2025-06-15T10:25:00.000001Z","key":"k",`+
			`"payload":{},"tenant":null,"userId":null,"applicationId":null,"ip":null,"userAgent":null}`)
	})
}
