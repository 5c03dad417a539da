package resolvers

import (
	"context"

	"logbook/ent"
	"logbook/graph"
	"logbook/internal/journal"
)

// RetentionPolicy gives one policy.
func (q query) RetentionPolicy(ctx context.Context, id string) (*ent.RetentionPolicy, error) {
	return uuidOrNull(q.journal.FindRetentionPolicy, ctx, id)
}

// RetentionPolicies gives the policies the caller may see.
func (q query) RetentionPolicies(ctx context.Context) ([]*ent.RetentionPolicy, error) {
	return q.journal.RetentionPolicies(ctx)
}

// CreateRetentionPolicy makes a policy.
func (m mutation) CreateRetentionPolicy(ctx context.Context, input journal.RetentionPolicyDraft) (*graph.CreateRetentionPolicyPayload, error) {
	policy, err := m.journal.CreateRetentionPolicy(ctx, input)
	if err != nil {
		return nil, place(err, inInput)
	}
	return &graph.CreateRetentionPolicyPayload{RetentionPolicy: policy}, nil
}

// UpdateRetentionPolicy changes a policy.
func (m mutation) UpdateRetentionPolicy(ctx context.Context, input graph.UpdateRetentionPolicyInput) (*graph.UpdateRetentionPolicyPayload, error) {
	policy, err := m.journal.UpdateRetentionPolicy(ctx, input.ID, journal.RetentionPolicyUpdate{Name: input.Name, Days: input.Days, Active: input.Active})
	if err != nil {
		return nil, place(err, inInput)
	}
	return &graph.UpdateRetentionPolicyPayload{RetentionPolicy: policy}, nil
}

// DeleteRetentionPolicy removes a policy.
func (m mutation) DeleteRetentionPolicy(ctx context.Context, input graph.DeleteRetentionPolicyInput) (*graph.DeleteRetentionPolicyPayload, error) {
	if err := m.journal.DeleteRetentionPolicy(ctx, input.ID); err != nil {
		return nil, err
	}
	return &graph.DeleteRetentionPolicyPayload{DeletedID: input.ID}, nil
}

func (r retentionPolicy) Tenant(ctx context.Context, row *ent.RetentionPolicy) (*ent.Tenant, error) {
	return r.journal.Tenant(ctx, row.TenantID)
}

func (r retentionPolicy) Category(ctx context.Context, row *ent.RetentionPolicy) (*ent.Category, error) {
	return r.journal.Category(ctx, row.CategoryID)
}
