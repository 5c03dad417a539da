package resolvers

import (
	"context"

	"logbook/ent"
	"logbook/graph"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// APICall gives one API call.
func (q query) APICall(ctx context.Context, id string) (*ent.APICall, error) {
	return find(ctx, q.journal.APICalls, id)
}

// APICalls gives a page of API calls.
func (q query) APICalls(ctx context.Context, filter *journal.APICallFilter, first *int, after *string, last *int, before *string) (*journal.APICallConnection, error) {
	return page(ctx, q.journal.APICalls, filter, journal.KeysetPage{First: first, After: after, Last: last, Before: before})
}

// APICallAppended follows the API calls.
func (s subscription) APICallAppended(ctx context.Context, filter *journal.APICallFilter, after *string) (<-chan *journal.APICallAppended, error) {
	return follow(ctx, s.journal.APICalls, filter, after)
}

// CreateAPICall appends one API call.
func (m mutation) CreateAPICall(ctx context.Context, input graph.CreateAPICallInput) (*graph.CreateAPICallPayload, error) {
	row, err := appendOne(ctx, m.journal.APICalls, &input, readAPICall)
	return &graph.CreateAPICallPayload{APICall: row}, err
}

// CreateAPICalls appends all API calls or none.
func (m mutation) CreateAPICalls(ctx context.Context, input graph.CreateAPICallsInput) (*graph.CreateAPICallsPayload, error) {
	worded := batch{"apiCalls", fault.Say("at most 10,000 API calls")}
	rows, err := appendAll(ctx, m.journal.APICalls, worded, input.APICalls, input.IdempotencyKey, readAPICall)
	return &graph.CreateAPICallsPayload{APICalls: rows}, err
}

func readAPICall(in *graph.CreateAPICallInput) (journal.APICallDraft, *string, error) {
	return in.APICallDraft, in.IdempotencyKey, nil
}

func (a apiCall) Tenant(ctx context.Context, row *ent.APICall) (*ent.Tenant, error) {
	return a.journal.APICalls.Tenant(ctx, row)
}
