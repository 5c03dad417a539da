package journal

import (
	"context"
	"fmt"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/tenant"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// Tenants gives the tenants the principal may see, by name.
func (j *Journal) Tenants(ctx context.Context) ([]*ent.Tenant, error) {
	return j.db.Ent().Tenant.Query().Order(tenant.ByName(), tenant.ByID()).All(ctx)
}

// FindTenant gives a tenant the principal may see. It fails with kind NotFound.
func (j *Journal) FindTenant(ctx context.Context, id column.ID) (*ent.Tenant, error) {
	return findTenant(ctx, j.db.Ent(), id)
}

func findTenant(ctx context.Context, client *ent.Client, id column.ID) (*ent.Tenant, error) {
	found, err := client.Tenant.Query().Where(tenant.ID(id)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.New(fault.NotFound, "there is no tenant %s", id)
	}
	return found, err
}

// CreateTenant makes a tenant.
func (j *Journal) CreateTenant(ctx context.Context, name string) (*ent.Tenant, error) {
	if err := fault.Name("name", name, maxName); err != nil {
		return nil, err
	}
	var made *ent.Tenant
	err := j.Change(ctx, func(tx *db.Tx) (changes []Change, err error) {
		made, err = tx.Tenant.Create().SetID(newID(j.now())).SetName(name).SetCreatedAt(column.TimeOf(j.now())).Save(ctx)
		if err != nil {
			return nil, err
		}
		return []Change{tenantChange("Tenant.Create", column.ActionCreate, made)}, nil
	})
	j.names.forget()
	return made, err
}

// UpdateTenant changes what a tenant is called, nil for nothing. It fails with kind
// NotFound. Other processes see the name within namesFresh.
func (j *Journal) UpdateTenant(ctx context.Context, id column.ID, name *string) (*ent.Tenant, error) {
	if name != nil {
		if err := fault.Name("name", *name, maxName); err != nil {
			return nil, err
		}
	}
	var now *ent.Tenant
	err := j.Change(ctx, func(tx *db.Tx) ([]Change, error) {
		was, err := findTenant(ctx, tx.Client, id)
		if err != nil {
			return nil, err
		}
		if now, err = was.Update().SetNillableName(name).Save(ctx); err != nil || now.Name == was.Name {
			return nil, err
		}
		change := tenantChange("Tenant.Update", column.ActionUpdate, now)
		change.Details["was"] = map[string]any{"name": was.Name}
		return []Change{change}, nil
	})
	j.names.forget()
	return now, err
}

// tenantChange is what happened to a tenant, which is its own business.
func tenantChange(event string, action column.Action, t *ent.Tenant) Change {
	return Change{
		Event: event, Action: action, Tenant: &t.ID, Target: "Tenant",
		Sentence: fmt.Sprintf("tenant %q", t.Name), Details: map[string]any{"tenant_id": t.ID, "name": t.Name},
	}
}
