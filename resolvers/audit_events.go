package resolvers

import (
	"context"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/graph"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// AuditEvent gives one audit event.
func (q query) AuditEvent(ctx context.Context, id string) (*ent.AuditEvent, error) {
	return find(ctx, q.journal.AuditEvents, id)
}

// AuditEvents gives a page of audit events.
func (q query) AuditEvents(ctx context.Context, filter *journal.AuditEventFilter, first *int, after *string, last *int, before *string) (*journal.AuditEventConnection, error) {
	return page(ctx, q.journal.AuditEvents, filter, journal.KeysetPage{First: first, After: after, Last: last, Before: before})
}

// AuditEventAppended follows the audit events.
func (s subscription) AuditEventAppended(ctx context.Context, filter *journal.AuditEventFilter, after *string) (<-chan *journal.AuditEventAppended, error) {
	return follow(ctx, s.journal.AuditEvents, filter, after)
}

// CreateAuditEvent appends one audit event.
func (m mutation) CreateAuditEvent(ctx context.Context, input graph.CreateAuditEventInput) (*graph.CreateAuditEventPayload, error) {
	row, err := appendOne(ctx, m.journal.AuditEvents, &input, readAuditEvent)
	return &graph.CreateAuditEventPayload{AuditEvent: row}, err
}

// CreateAuditEvents appends all audit events or none.
func (m mutation) CreateAuditEvents(ctx context.Context, input graph.CreateAuditEventsInput) (*graph.CreateAuditEventsPayload, error) {
	worded := batch{"auditEvents", fault.Say("at most 10,000 audit events")}
	rows, err := appendAll(ctx, m.journal.AuditEvents, worded, input.AuditEvents, input.IdempotencyKey, readAuditEvent)
	return &graph.CreateAuditEventsPayload{AuditEvents: rows}, err
}

func readAuditEvent(in *graph.CreateAuditEventInput) (journal.AuditEventDraft, *string, error) {
	return in.AuditEventDraft, in.IdempotencyKey, nil
}

func (a auditEvent) Tenant(ctx context.Context, row *ent.AuditEvent) (*ent.Tenant, error) {
	return a.journal.AuditEvents.Tenant(ctx, row)
}

func (auditEvent) Payload(_ context.Context, row *ent.AuditEvent) (column.JSON, error) {
	return object(row.Payload), nil
}
