package schema

import (
	"cmp"
	"context"

	"entgo.io/ent"
	"entgo.io/ent/dialect/sql"

	"logbook/ent/column"
	"logbook/ent/intercept"
	"logbook/internal/auth"
	"logbook/internal/fault"
)

// rowPolicy decides for every query and every mutation which rows a principal
// reaches; it stands under GraphQL, REST and the jobs alike. A context without
// principal reaches nothing.
type rowPolicy struct {
	read         []auth.Permission // reads need one of them; none leaves reading to administrators
	anySignedIn  bool              // whoever has a role may read
	append       auth.Permission   // creating needs it; "" leaves creating to administrators
	tenantColumn string            // a principal bound to a tenant reaches only its rows; "" for common tables
	alsoOf       ofTenant          // what other rows are the tenant's than the column says; nil for none
	ownColumn    string            // holds the id of the user whose row it is, who may read it; "" for nobody's
	appendOnly   bool              // nobody changes or removes a row
}

// ofTenant is the condition that rows are a tenant's.
type ofTenant = func(tenant column.ID) func(*sql.Selector)

// within is the condition that rows are of a tenant.
func (r rowPolicy) within(tenant [16]byte) func(*sql.Selector) {
	named := sql.FieldEQ(r.tenantColumn, column.ID(tenant))
	if r.alsoOf == nil {
		return named
	}
	return sql.OrPredicates(named, r.alsoOf(tenant))
}

// EvalQuery refuses the query or narrows it to the principal's tenant.
func (r rowPolicy) EvalQuery(ctx context.Context, q ent.Query) error {
	if err := r.mayRead(ctx); err != nil {
		return err
	}
	query, err := intercept.NewQuery(q)
	if err != nil {
		return err
	}
	p := auth.From(ctx)
	if r.ownColumn != "" && !p.HoldsAny(r.read...) {
		own, _ := p.Own()
		query.WhereP(sql.FieldEQ(r.ownColumn, own))
	}
	if p.Tenant != nil && r.tenantColumn != "" {
		query.WhereP(r.within(*p.Tenant))
	}
	return nil
}

// mayRead refuses those who may read no row at all.
func (r rowPolicy) mayRead(ctx context.Context) error {
	switch {
	case r.anySignedIn:
		return auth.Require(ctx, auth.Need{})
	case len(r.read) == 0:
		return auth.Require(ctx, auth.Need{Role: auth.Admin})
	}
	return requireAny(ctx, r.read, r.ownColumn != "")
}

// requireAny passes those who hold one of the permissions and, with orOwn, those
// who have rows of their own.
func requireAny(ctx context.Context, permissions []auth.Permission, orOwn bool) (refused error) {
	for _, permission := range permissions {
		err := auth.Require(ctx, auth.Need{Permission: permission, OrOwn: orOwn})
		if err == nil {
			return nil
		}
		refused = cmp.Or(refused, err)
	}
	return refused
}

// EvalMutation refuses the mutation or narrows it to the principal's tenant.
// Rows are changed and removed by administrators only.
func (r rowPolicy) EvalMutation(ctx context.Context, m ent.Mutation) error {
	if r.appendOnly && !m.Op().Is(ent.OpCreate) {
		return fault.New(fault.Forbidden, "what was recorded here is never changed or removed")
	}
	need := auth.Need{Role: auth.Admin}
	if m.Op().Is(ent.OpCreate) && r.append != "" {
		need = auth.Need{Permission: r.append}
	}
	if err := auth.Require(ctx, need); err != nil {
		return err
	}
	tenant := auth.From(ctx).Tenant
	if tenant == nil {
		return nil
	}
	if r.tenantColumn == "" {
		return fault.New(fault.Forbidden, "what all tenants share is changed by an administrator of no tenant")
	}
	if m.Op().Is(ent.OpCreate) {
		value, set := m.Field(r.tenantColumn)
		if id, ok := value.(column.ID); !set || !ok || [16]byte(id) != *tenant {
			return auth.ErrOtherTenant
		}
		return nil
	}
	// Nor is a row taken out of its tenant.
	if value, set := m.Field(r.tenantColumn); set && value != column.ID(*tenant) || m.FieldCleared(r.tenantColumn) {
		return auth.ErrOtherTenant
	}
	narrowed, ok := m.(interface{ WhereP(...func(*sql.Selector)) })
	if !ok {
		return fault.New(fault.Internal, "the mutation %T cannot be narrowed to a tenant", m)
	}
	narrowed.WhereP(r.within(*tenant))
	return nil
}
