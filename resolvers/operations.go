package resolvers

import (
	"context"

	"logbook/ent"
	"logbook/graph"
	"logbook/internal/fault"
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

// OperationAppended follows the operations.
func (s subscription) OperationAppended(ctx context.Context, filter *journal.OperationFilter, after *string) (<-chan *journal.OperationAppended, error) {
	return follow(ctx, s.journal.Operations, filter, after)
}

// CreateOperation appends one operation.
func (m mutation) CreateOperation(ctx context.Context, input graph.CreateOperationInput) (*graph.CreateOperationPayload, error) {
	row, err := appendOne(ctx, m.journal.Operations, &input, readOperation)
	return &graph.CreateOperationPayload{Operation: row}, err
}

// CreateOperations appends all operations or none.
func (m mutation) CreateOperations(ctx context.Context, input graph.CreateOperationsInput) (*graph.CreateOperationsPayload, error) {
	worded := batch{"operations", fault.Say("at most 10,000 operations")}
	rows, err := appendAll(ctx, m.journal.Operations, worded, input.Operations, input.IdempotencyKey, readOperation)
	return &graph.CreateOperationsPayload{Operations: rows}, err
}

func readOperation(in *graph.CreateOperationInput) (journal.OperationDraft, *string, error) {
	draft := in.OperationDraft
	draft.Failed = in.Succeeded != nil && !*in.Succeeded
	return draft, in.IdempotencyKey, nil
}

func (o operation) Tenant(ctx context.Context, row *ent.Operation) (*ent.Tenant, error) {
	return o.journal.Operations.Tenant(ctx, row)
}

func (operation) Succeeded(_ context.Context, row *ent.Operation) (bool, error) {
	return row.Status == 1, nil
}
