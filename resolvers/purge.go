package resolvers

import (
	"context"

	"logbook/graph"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// PurgeEntries removes entries.
func (m mutation) PurgeEntries(ctx context.Context, input graph.PurgeEntriesInput) (*graph.Purged, error) {
	return purge(ctx, m.journal.Entries, input.Filter, input.DryRun)
}

// PurgeOperations removes operations.
func (m mutation) PurgeOperations(ctx context.Context, input graph.PurgeOperationsInput) (*graph.Purged, error) {
	return purge(ctx, m.journal.Operations, input.Filter, input.DryRun)
}

// PurgeUsageRecords removes usage records.
func (m mutation) PurgeUsageRecords(ctx context.Context, input graph.PurgeUsageRecordsInput) (*graph.Purged, error) {
	return purge(ctx, m.journal.UsageRecords, input.Filter, input.DryRun)
}

// PurgeAPICalls removes API calls.
func (m mutation) PurgeAPICalls(ctx context.Context, input graph.PurgeAPICallsInput) (*graph.Purged, error) {
	return purge(ctx, m.journal.APICalls, input.Filter, input.DryRun)
}

// purge removes the rows of a filter, or counts them.
func purge[R, D, F any](ctx context.Context, log *journal.Log[R, D, F], filter *F, dryRun bool) (*graph.Purged, error) {
	remove := log.Purge
	if dryRun {
		remove = log.WouldPurge
	}
	count, err := remove(ctx, *filter)
	if err != nil {
		return nil, place(err, func(p *fault.Problem) { p.Field = "input.filter." + camel(p.Field) })
	}
	return &graph.Purged{Count: count}, nil
}

// ApplyRetention applies the retention policies, or counts what would go.
func (m mutation) ApplyRetention(ctx context.Context, input graph.ApplyRetentionInput) (*graph.ApplyRetentionPayload, error) {
	removed, err := m.journal.ApplyRetention(ctx, input.DryRun)
	if err != nil {
		return nil, err
	}
	payload := &graph.ApplyRetentionPayload{Retained: make([]*journal.Retained, len(removed))}
	for i := range removed {
		payload.Retained[i] = &removed[i]
	}
	return payload, nil
}
