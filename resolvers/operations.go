package resolvers

import (
	"context"

	"logbook/ent"
	"logbook/internal/journal"
)

// Operation gives one operation.
func (q query) Operation(ctx context.Context, id string) (*ent.Operation, error) {
	return find(ctx, q.journal.Operations, id)
}

// Operations gives a page of operations.
func (q query) Operations(ctx context.Context, filter *journal.OperationFilter, first *int, after *string, last *int, before *string) (*journal.OperationConnection, error) {
	return page(ctx, q.journal.Operations, filter, journal.KeysetPage{First: first, After: after, Last: last, Before: before})
}

func (o operation) Tenant(ctx context.Context, row *ent.Operation) (*ent.Tenant, error) {
	return o.journal.Tenant(ctx, row.TenantID)
}

func (operation) Succeeded(_ context.Context, row *ent.Operation) (bool, error) {
	return row.Status == 1, nil
}
