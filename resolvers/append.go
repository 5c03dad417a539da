package resolvers

import (
	"context"
	"fmt"

	"logbook/ent"
	"logbook/graph"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// maxBatch is how many entries one createEntries may append.
const maxBatch = 10_000

// CreateEntry appends one entry.
func (m mutation) CreateEntry(ctx context.Context, input graph.CreateEntryInput) (*graph.CreateEntryPayload, error) {
	rows, err := m.append(ctx, []*graph.CreateEntryInput{&input})
	if err != nil {
		return nil, place(err, inInput)
	}
	return &graph.CreateEntryPayload{Entry: rows[0]}, nil
}

// CreateEntries appends all entries or none.
func (m mutation) CreateEntries(ctx context.Context, input graph.CreateEntriesInput) (*graph.CreateEntriesPayload, error) {
	if len(input.Entries) > maxBatch {
		return nil, fault.RefuseField("input.entries", fault.Outside, "", "at most 10,000 entries")
	}
	rows, err := m.append(ctx, input.Entries)
	if err != nil {
		return nil, place(err, func(p *fault.Problem) {
			p.Field = fmt.Sprintf("input.entries[%d].%s", p.Index, camel(p.Field))
		})
	}
	return &graph.CreateEntriesPayload{Entries: rows}, nil
}

// append hands the inputs to the journal.
func (m mutation) append(ctx context.Context, inputs []*graph.CreateEntryInput) ([]*ent.Entry, error) {
	drafts := make([]journal.EntryDraft, len(inputs))
	var problems []fault.Problem
	for i, in := range inputs {
		drafts[i] = journal.EntryDraft{
			Timestamp: in.Timestamp, TenantID: in.TenantID, CategoryID: in.CategoryID, Level: in.Level,
			Message: in.Message, Source: in.Source, UserID: in.UserID, Username: in.Username,
			IPAddress: in.IPAddress, UserAgent: in.UserAgent, RequestID: in.RequestID, Metadata: in.Metadata,
		}
		if in.CategoryCode == nil {
			continue
		}
		category, err := m.journal.CategoryByCode(ctx, *in.CategoryCode)
		switch {
		case err != nil:
			return nil, err
		case in.CategoryID != nil:
			problems = append(problems, fault.Problem{Index: i, Field: "category_code", Reason: fault.Clash, Detail: fault.Say("cannot stand beside categoryId")})
		case category == nil:
			problems = append(problems, fault.Problem{Index: i, Field: "category_code", Reason: fault.Unknown, Value: fault.Shorten(*in.CategoryCode)})
		default:
			drafts[i].CategoryID = &category.ID
		}
	}
	if len(problems) > 0 {
		return nil, fault.Refuse(problems...)
	}
	rows, err := m.journal.Entries.Append(ctx, drafts)
	if err != nil || auth.From(ctx).Holds(auth.EntriesRead) {
		return rows, err
	}
	// Whoever only appends reads back what it sent; a name that the journal looked
	// up it may not learn, here of the user, in entry.Tenant and entry.Category of
	// these.
	for i, row := range rows {
		row.Username = inputs[i].Username
	}
	return rows, nil
}
