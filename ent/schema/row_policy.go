package schema

import (
	"context"

	"entgo.io/ent"
	"entgo.io/ent/dialect/sql"

	"logbook/ent/column"
	"logbook/ent/intercept"
	"logbook/internal/auth"
	"logbook/internal/fault"
)

// anySignedIn stands in a rowPolicy's read for "whoever has a role".
const anySignedIn auth.Permission = "*"

// rowPolicy decides for every query and every mutation which rows a principal
// reaches; it stands under GraphQL, REST and the jobs alike. A context without
// principal reaches nothing.
type rowPolicy struct {
	read         auth.Permission // reads need it; "" leaves reading to administrators
	append       auth.Permission // creating needs it; "" leaves creating to administrators
	tenantColumn string          // a principal bound to a tenant reaches only its rows; "" for common tables
}

// EvalQuery refuses the query or narrows it to the principal's tenant.
func (r rowPolicy) EvalQuery(ctx context.Context, q ent.Query) error {
	need := auth.Need{Role: auth.Admin}
	switch r.read {
	case "":
	case anySignedIn:
		need = auth.Need{}
	default:
		need = auth.Need{Permission: r.read}
	}
	if err := auth.Require(ctx, need); err != nil {
		return err
	}
	tenant := auth.From(ctx).Tenant
	if tenant == nil || r.tenantColumn == "" {
		return nil
	}
	query, err := intercept.NewQuery(q)
	if err != nil {
		return err
	}
	query.WhereP(sql.FieldEQ(r.tenantColumn, column.ID(*tenant)))
	return nil
}

// EvalMutation refuses the mutation or narrows it to the principal's tenant.
// Rows are changed and removed by administrators only.
func (r rowPolicy) EvalMutation(ctx context.Context, m ent.Mutation) error {
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
	narrowed, ok := m.(interface{ WhereP(...func(*sql.Selector)) })
	if !ok {
		return fault.New(fault.Internal, "the mutation %T cannot be narrowed to a tenant", m)
	}
	narrowed.WhereP(sql.FieldEQ(r.tenantColumn, column.ID(*tenant)))
	return nil
}
