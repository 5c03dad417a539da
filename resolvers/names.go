package resolvers

import (
	"context"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/graph"
	"logbook/internal/fault"
)

// Tenants gives the tenants the caller may see.
func (q query) Tenants(ctx context.Context) ([]*ent.Tenant, error) { return q.journal.Tenants(ctx) }

// Tenant gives one tenant.
func (q query) Tenant(ctx context.Context, id string) (*ent.Tenant, error) {
	return uuidOrNull(q.journal.FindTenant, ctx, id)
}

// Category gives one category.
func (q query) Category(ctx context.Context, id string) (*ent.Category, error) {
	return uuidOrNull(q.journal.FindCategory, ctx, id)
}

// uuidOrNull gives what get finds, null for what it does not. Ids are checked before.
func uuidOrNull[R any](get func(context.Context, column.ID) (*R, error), ctx context.Context, id string) (*R, error) {
	uuid, _ := column.ParseID(id)
	return orNull(get(ctx, uuid))
}

// orNull gives null, and no error, for what is not found.
func orNull[R any](row *R, err error) (*R, error) {
	if fault.KindOf(err) == fault.NotFound {
		return nil, nil
	}
	return row, err
}

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

// UpdateTenant changes a tenant.
func (m mutation) UpdateTenant(ctx context.Context, input graph.UpdateTenantInput) (*graph.UpdateTenantPayload, error) {
	tenant, err := m.journal.UpdateTenant(ctx, input.ID, input.Name)
	if err != nil {
		return nil, place(err, inInput)
	}
	return &graph.UpdateTenantPayload{Tenant: tenant}, nil
}

// UpdateCategory changes a category.
func (m mutation) UpdateCategory(ctx context.Context, input graph.UpdateCategoryInput) (*graph.UpdateCategoryPayload, error) {
	category, err := m.journal.UpdateCategory(ctx, input.ID, input.Name, input.Code)
	if err != nil {
		return nil, place(err, inInput)
	}
	return &graph.UpdateCategoryPayload{Category: category}, nil
}

// CreateCategory makes a category.
func (m mutation) CreateCategory(ctx context.Context, input graph.CreateCategoryInput) (*graph.CreateCategoryPayload, error) {
	category, err := m.journal.CreateCategory(ctx, input.Name, input.Code)
	if err != nil {
		return nil, place(err, inInput)
	}
	return &graph.CreateCategoryPayload{Category: category}, nil
}
