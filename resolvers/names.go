package resolvers

import (
	"context"

	"logbook/ent"
	"logbook/graph"
)

// Tenants gives the tenants the caller may see.
func (q query) Tenants(ctx context.Context) ([]*ent.Tenant, error) { return q.journal.Tenants(ctx) }

// Categories gives all categories.
func (q query) Categories(ctx context.Context) ([]*ent.Category, error) {
	return q.journal.Categories(ctx)
}

// CreateTenant makes a tenant.
func (m mutation) CreateTenant(ctx context.Context, input graph.CreateTenantInput) (*graph.CreateTenantPayload, error) {
	tenant, err := m.journal.CreateTenant(ctx, input.Name)
	if err != nil {
		return nil, place(err, inInput)
	}
	return &graph.CreateTenantPayload{Tenant: tenant}, nil
}

// CreateCategory makes a category.
func (m mutation) CreateCategory(ctx context.Context, input graph.CreateCategoryInput) (*graph.CreateCategoryPayload, error) {
	category, err := m.journal.CreateCategory(ctx, input.Name, input.Code)
	if err != nil {
		return nil, place(err, inInput)
	}
	return &graph.CreateCategoryPayload{Category: category}, nil
}
