package graph

import "logbook/internal/journal"

// The inputs that bring one row of a log are the journal's drafts, with what only
// GraphQL has beside them.

// CreateEntryInput brings an entry.
type CreateEntryInput struct {
	journal.EntryDraft
	CategoryCode   *string
	IdempotencyKey *string
}

// CreateAuditEventInput brings an audit event.
type CreateAuditEventInput struct {
	journal.AuditEventDraft
	IdempotencyKey *string
}

// CreateOperationInput brings an operation.
type CreateOperationInput struct {
	journal.OperationDraft
	Succeeded      *bool // nil: it did
	IdempotencyKey *string
}

// CreateUsageRecordInput brings a usage record.
type CreateUsageRecordInput struct {
	journal.UsageRecordDraft
	IdempotencyKey *string
}

// CreateAPICallInput brings an API call.
type CreateAPICallInput struct {
	journal.APICallDraft
	IdempotencyKey *string
}

// TimelineFilter says which rows of all kinds are asked for.
type TimelineFilter struct {
	journal.TimelineFilter
	User *string // the user's id as GraphQL has it; the embedded UserID is not of GraphQL
}
