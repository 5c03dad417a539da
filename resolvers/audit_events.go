package resolvers

import (
	"context"

	"logbook/ent"
	"logbook/ent/column"
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

func (a auditEvent) Tenant(ctx context.Context, row *ent.AuditEvent) (*ent.Tenant, error) {
	return a.journal.Tenant(ctx, row.TenantID)
}

func (auditEvent) Payload(_ context.Context, row *ent.AuditEvent) (column.JSON, error) {
	return object(row.Payload), nil
}
