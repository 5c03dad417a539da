package journal

import (
	"context"
	"crypto/rand"
	"strconv"

	"logbook/ent"
	"logbook/ent/auditevent"
	"logbook/ent/column"
	"logbook/ent/schema"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// AuditEventDraft is an audit event on its way in. Nil stands for an absent value.
type AuditEventDraft struct {
	ID            *string      // nil: made
	CreatedAt     *column.Time // nil: now
	TenantID      *column.ID   // nil: the tenant the principal is bound to, or none
	Key           string       // what happened, such as SignIn.Password
	Payload       column.JSON  // an object; nil stands for {}
	UserID        *string      // the user's id in its own system
	ApplicationID *string
	IP            *string // as logged: names of services occur
	UserAgent     *string
}

// AuditEventFilter says which audit events are asked for; an absent field asks
// nothing.
type AuditEventFilter struct {
	Since         *column.Time // at this instant or later
	Until         *column.Time // before this instant
	TenantID      *Where[column.ID]
	Key           *Where[string]
	UserID        *Where[string] // the user's id in its own system, verbatim
	ApplicationID *Where[string]
	IP            *Where[string]

	Payload []*WhereMember // within MaxScan only
}

// ReadsRows says whether the filter finds audit events by reading them one by one.
func (f *AuditEventFilter) ReadsRows() bool { return len(f.Payload) > 0 }

type (
	// AuditLog keeps the audit events: it appends and reads, and removes nothing.
	AuditLog = Log[ent.AuditEvent, AuditEventDraft, AuditEventFilter]
	// AuditEventConnection is a page of audit events.
	AuditEventConnection = Connection[ent.AuditEvent]
	// AuditEventEdge is one of audit events with its cursor.
	AuditEventEdge = Edge[ent.AuditEvent]
	// AuditEventAppended is an audit event that was appended.
	AuditEventAppended = Appended[ent.AuditEvent]
)

// The dimensions of audit events.
const (
	auditByKey         int8 = 2
	auditByUser        int8 = 3
	auditByApplication int8 = 4
)

var auditEvents = &table[ent.AuditEvent, AuditEventDraft, AuditEventFilter]{
	kind: schema.KindAudit, noun: fault.Say("audit event"), idName: "id", name: auditevent.Table,
	id: auditevent.FieldID, time: auditevent.FieldCreatedAt,
	append: auth.AuditWrite, kept: true,
	columns: []attribute[ent.AuditEvent]{
		{auditevent.FieldID, func(e *ent.AuditEvent) any { return e.ID }, itself},
		{auditevent.FieldTenantID, func(e *ent.AuditEvent) any { return idOf(e.TenantID) }, content},
		{auditevent.FieldKey, func(e *ent.AuditEvent) any { return e.Key }, content},
		{auditevent.FieldUserID, func(e *ent.AuditEvent) any { return textOf(e.UserID) }, content},
		{auditevent.FieldApplicationID, func(e *ent.AuditEvent) any { return textOf(e.ApplicationID) }, content},
		{auditevent.FieldIP, func(e *ent.AuditEvent) any { return textOf(e.IP) }, content},
		{auditevent.FieldUserAgent, func(e *ent.AuditEvent) any { return textOf(e.UserAgent) }, content},
		{auditevent.FieldCreatedAt, func(e *ent.AuditEvent) any { return int64(e.CreatedAt) }, moment},
		{auditevent.FieldWriter, func(e *ent.AuditEvent) any { return int64(e.Writer) }, arrival},
		{auditevent.FieldSequence, func(e *ent.AuditEvent) any { return e.Sequence }, arrival},
		{auditevent.FieldNonce, func(e *ent.AuditEvent) any { return e.Nonce }, arrival},
		{auditevent.FieldPayload, func(e *ent.AuditEvent) any { return jsonOf(e.Payload) }, content},
		{auditevent.FieldCanonical, func(e *ent.AuditEvent) any { return e.Canonical }, arrival},
	},
	texts: []string{auditevent.FieldIP},
	dimensions: []dimension[ent.AuditEvent]{
		allRows[ent.AuditEvent](),
		{number: auditByKey, widths: hourly, columns: []string{auditevent.FieldKey},
			value: func(e *ent.AuditEvent) (string, bool) { return e.Key, true }},
		{number: auditByUser, widths: daily, columns: []string{auditevent.FieldUserID},
			value: func(e *ent.AuditEvent) (string, bool) { return optionalValue(e.UserID) }},
		{number: auditByApplication, widths: daily, columns: []string{auditevent.FieldApplicationID},
			value: func(e *ent.AuditEvent) (string, bool) { return optionalValue(e.ApplicationID) }},
	},
	facets: []facet{
		{name: "KEY", apart: values, dimension: auditByKey},
		{name: "USER", apart: values, dimension: auditByUser, optional: true},
		{name: "APPLICATION", apart: values, dimension: auditByApplication, optional: true},
		{name: "IP", apart: values, columns: []string{auditevent.FieldIP}, optional: true},
		byTenant,
	},
	idOf:      func(e *ent.AuditEvent) rowID { return textRow(e.ID) },
	timeOf:    func(e *ent.AuditEvent) *column.Time { return &e.CreatedAt },
	tenantOf:  func(e *ent.AuditEvent) **column.ID { return &e.TenantID },
	arrivalOf: func(e *ent.AuditEvent) (*int32, *int64) { return &e.Writer, &e.Sequence },
	setID:     func(e *ent.AuditEvent, number int64) { e.ID = "log_" + strconv.FormatInt(number, 10) },
	setHashed: func(e *ent.AuditEvent, hash []byte) {
		e.ID = "log_" + strconv.FormatInt(hashedNumber(hash), 10)
	},
	check: checkAuditEvent,
	own: func(d *AuditEventDraft) string {
		if d.ApplicationID != nil && *d.ApplicationID == OwnApplication {
			return "application_id"
		}
		return ""
	},
	row:  auditEventRow,
	asks: askAuditEvents,
	seal: func(e *ent.AuditEvent) {
		e.Nonce = make([]byte, 16)
		_, _ = rand.Read(e.Nonce) // never fails
		e.Canonical = canonicalEvent(e)
	},
	all: func(ctx context.Context, c *ent.Client, s shape) ([]*ent.AuditEvent, error) {
		return c.AuditEvent.Query().Where(s).All(ctx)
	},
	count: func(ctx context.Context, c *ent.Client, s shape) (int, error) {
		return c.AuditEvent.Query().Where(s).Count(ctx)
	},
	scan: func(ctx context.Context, c *ent.Client, s shape, into any) error {
		return c.AuditEvent.Query().Modify(s).Scan(ctx, into)
	},
	remove: func(ctx context.Context, c *ent.Client, s shape) (int, error) {
		return c.AuditEvent.Delete().Where(s).Exec(ctx) // which the row policy refuses
	},
}

func checkAuditEvent(d *AuditEventDraft, index int) []fault.Problem {
	c := checker{index: index}
	c.id("id", d.ID, schema.MaxText)
	c.id("key", &d.Key, schema.MaxText)
	c.optional("user_id", d.UserID, schema.MaxText)
	c.optional("application_id", d.ApplicationID, schema.MaxText)
	c.optional("ip", d.IP, schema.MaxText)
	c.optional("user_agent", d.UserAgent, schema.MaxAgent)
	c.json("payload", d.Payload, schema.MaxJSON, true)
	c.time("created_at", d.CreatedAt)
	return c.problems
}

func auditEventRow(d *AuditEventDraft) (*ent.AuditEvent, given) {
	row := &ent.AuditEvent{
		TenantID: d.TenantID, Key: d.Key, Payload: emptyObject(d.Payload), UserID: d.UserID,
		ApplicationID: d.ApplicationID, IP: d.IP, UserAgent: d.UserAgent,
	}
	if d.CreatedAt != nil {
		row.CreatedAt = *d.CreatedAt
	}
	if d.ID != nil {
		row.ID = *d.ID
	}
	return row, given{id: d.ID != nil, time: d.CreatedAt != nil}
}

func askAuditEvents(ctx context.Context, client *ent.Client, f *AuditEventFilter) (question, error) {
	q := question{since: f.Since, until: f.Until}
	whereTenant(&q, f.TenantID)
	err := wherePart(ctx, client, schema.KindAudit, &q, filtered{name: "key", column: auditevent.FieldKey, dimension: auditByKey}, f.Key)
	where(&q, filtered{name: "user_id", column: auditevent.FieldUserID, optional: true, dimension: auditByUser}, f.UserID)
	where(&q, filtered{name: "application_id", column: auditevent.FieldApplicationID, optional: true, dimension: auditByApplication}, f.ApplicationID)
	where(&q, filtered{name: "ip", column: auditevent.FieldIP, optional: true, searched: true}, f.IP)
	whereMembers(&q, filtered{name: "payload", column: auditevent.FieldPayload}, f.Payload)
	return q, err
}

// canonicalEvent gives the bytes that stand for an event in a proof: a JSON object
// of its fields in the order of their names, without white space, absent values
// null, the payload in rawjson's canonical form and the time in microseconds since
// 1970. They are stored with the event, since the form may change and a proof may
// not.
func canonicalEvent(e *ent.AuditEvent) []byte {
	b := make([]byte, 0, 256+len(e.Payload))
	text := func(key string, value *string) {
		b = append(append(append(b, '"'), key...), '"', ':')
		if value == nil {
			b = append(b, "null"...)
		} else {
			b = rawjson.AppendText(b, *value)
		}
		b = append(b, ',')
	}
	var tenant *string
	if e.TenantID != nil {
		id := e.TenantID.String()
		tenant = &id
	}
	payload := []byte("{}")
	if e.Payload != nil {
		payload = rawjson.Canonical(e.Payload)
	}
	b = append(b, '{')
	text("application_id", e.ApplicationID)
	b = strconv.AppendInt(append(b, `"created_at":`...), int64(e.CreatedAt), 10)
	b = append(b, ',')
	text("id", &e.ID)
	text("ip", e.IP)
	text("key", &e.Key)
	b = append(append(append(b, `"payload":`...), payload...), ',')
	text("tenant_id", tenant)
	text("user_agent", e.UserAgent)
	text("user_id", e.UserID)
	b[len(b)-1] = '}'
	return b
}
