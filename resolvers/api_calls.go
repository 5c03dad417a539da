package resolvers

import (
	"context"

	"logbook/ent"
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

func (a apiCall) Tenant(ctx context.Context, row *ent.APICall) (*ent.Tenant, error) {
	return a.journal.Tenant(ctx, row.TenantID)
}
