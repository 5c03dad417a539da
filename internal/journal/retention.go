package journal

import (
	"context"
	"fmt"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/entry"
	"logbook/ent/retentionpolicy"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// RetentionPolicyDraft is a retention policy on its way in.
type RetentionPolicyDraft struct {
	Name       string
	TenantID   *column.ID // nil: of all tenants
	CategoryID *column.ID // nil: of all categories
	Days       int        // rows older than this many times 24 hours go; 1 to 36500
}

// MaxRetentionPolicies is how many policies there may be: each is a condition on
// what the others remove.
const MaxRetentionPolicies = 500

// Retained is what one policy removed, or would remove.
type Retained struct {
	Policy *ent.RetentionPolicy
	Before column.Time // rows from before this instant go
	Count  int64
}

// RetentionPolicies gives the policies, by name.
func (j *Journal) RetentionPolicies(ctx context.Context) ([]*ent.RetentionPolicy, error) {
	return j.db.Ent().RetentionPolicy.Query().
		Order(retentionpolicy.ByName(), retentionpolicy.ByID()).All(ctx)
}

// FindRetentionPolicy gives a policy the principal may see. It fails with kind NotFound.
func (j *Journal) FindRetentionPolicy(ctx context.Context, id column.ID) (*ent.RetentionPolicy, error) {
	return findPolicy(ctx, j.db.Ent(), id)
}

func findPolicy(ctx context.Context, client *ent.Client, id column.ID) (*ent.RetentionPolicy, error) {
	found, err := client.RetentionPolicy.Query().Where(retentionpolicy.ID(id)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, noPolicy(id)
	}
	return found, err
}

func noPolicy(id column.ID) error {
	return fault.New(fault.NotFound, "there is no retention policy %s", id)
}

// CreateRetentionPolicy makes an active policy.
func (j *Journal) CreateRetentionPolicy(ctx context.Context, draft RetentionPolicyDraft) (*ent.RetentionPolicy, error) {
	if err := checkPolicy(&draft.Name, &draft.Days); err != nil {
		return nil, err
	}
	// Whoever is bound to a tenant learns of no other.
	if err := auth.RequireTenant(ctx, (*[16]byte)(draft.TenantID)); err != nil {
		return nil, err
	}
	known, err := j.namesKnowing(ctx, func(k *knownNames) bool {
		return (draft.TenantID == nil || k.tenants[*draft.TenantID] != nil) &&
			(draft.CategoryID == nil || k.categories[*draft.CategoryID] != nil)
	})
	if err != nil {
		return nil, err
	}
	if id := draft.TenantID; id != nil && known.tenants[*id] == nil {
		return nil, fault.RefuseField("tenant_id", fault.Unknown, id.String(), "")
	}
	if id := draft.CategoryID; id != nil && known.categories[*id] == nil {
		return nil, fault.RefuseField("category_id", fault.Unknown, id.String(), "")
	}
	var made *ent.RetentionPolicy
	err = j.Change(ctx, func(tx *db.Tx) ([]Change, error) {
		count, err := tx.RetentionPolicy.Query().Count(auth.System(ctx, "count"))
		if err != nil {
			return nil, err
		}
		if count >= MaxRetentionPolicies {
			return nil, fault.New(fault.Conflict, "there are %d retention policies already, the most there may be", count)
		}
		made, err = tx.RetentionPolicy.Create().SetID(newID(j.now())).SetName(draft.Name).
			SetNillableTenantID(draft.TenantID).SetNillableCategoryID(draft.CategoryID).
			SetDays(int32(draft.Days)).SetCreatedAt(column.TimeOf(j.now())).Save(ctx)
		if err != nil {
			return nil, err
		}
		return []Change{policyChange("RetentionPolicy.Create", column.ActionCreate, made)}, nil
	})
	return made, err
}

// RetentionPolicyUpdate is what of a policy changes, nil for what stays.
type RetentionPolicyUpdate struct {
	Name   *string
	Days   *int
	Active *bool
}

// UpdateRetentionPolicy changes a policy. It fails with kind NotFound.
func (j *Journal) UpdateRetentionPolicy(ctx context.Context, id column.ID, update RetentionPolicyUpdate) (*ent.RetentionPolicy, error) {
	if err := checkPolicy(update.Name, update.Days); err != nil {
		return nil, err
	}
	var now *ent.RetentionPolicy
	err := j.Change(ctx, func(tx *db.Tx) ([]Change, error) {
		was, err := findPolicy(ctx, tx.Client, id)
		if err != nil {
			return nil, err
		}
		changed := was.Update().SetNillableName(update.Name).SetNillableActive(update.Active)
		if update.Days != nil {
			changed.SetDays(int32(*update.Days))
		}
		now, err = changed.Save(ctx)
		if ent.IsNotFound(err) { // another process removed it
			err = noPolicy(id)
		}
		if err != nil || now.Name == was.Name && now.Days == was.Days && now.Active == was.Active {
			return nil, err
		}
		change := policyChange("RetentionPolicy.Update", column.ActionUpdate, now)
		change.Details["active"] = now.Active
		change.Details["was"] = map[string]any{"name": was.Name, "days": was.Days, "active": was.Active}
		return []Change{change}, nil
	})
	return now, err
}

// checkPolicy refuses what no policy may be; nil is not looked at.
func checkPolicy(name *string, days *int) error {
	if name != nil {
		if err := fault.Name("name", *name, maxName); err != nil {
			return err
		}
	}
	if days != nil && (*days < 1 || *days > 36500) {
		return fault.RefuseField("days", fault.Outside, "", "between 1 and 36500")
	}
	return nil
}

// DeleteRetentionPolicy removes a policy. It fails with kind NotFound.
func (j *Journal) DeleteRetentionPolicy(ctx context.Context, id column.ID) error {
	return j.Change(ctx, func(tx *db.Tx) ([]Change, error) {
		policy, err := findPolicy(ctx, tx.Client, id)
		if err != nil {
			return nil, err
		}
		gone, err := tx.RetentionPolicy.Delete().Where(retentionpolicy.ID(id)).Exec(ctx)
		if err == nil && gone == 0 { // another process was first
			err = noPolicy(id)
		}
		if err != nil {
			return nil, err
		}
		return []Change{policyChange("RetentionPolicy.Delete", column.ActionDelete, policy)}, nil
	})
}

// policyChange is what happened to a policy or by it.
func policyChange(event string, action column.Action, policy *ent.RetentionPolicy) Change {
	details := map[string]any{"policy_id": policy.ID, "name": policy.Name, "days": policy.Days}
	if policy.TenantID != nil {
		details["tenant_id"] = policy.TenantID
	}
	if policy.CategoryID != nil {
		details["category_id"] = policy.CategoryID
	}
	return Change{
		Event: event, Action: action, Tenant: policy.TenantID, Target: "RetentionPolicy", Details: details,
		Sentence: fmt.Sprintf("retention policy %q, %d days", policy.Name, policy.Days),
	}
}

// ApplyRetention removes the entries that have outlived the policy that decides
// about them, and says what each policy removed; dryRun only counts. Of the
// active policies that match a row the most specific decides: tenant and
// category, then category, then tenant, then global; of two equally specific
// ones the longer. A row that none matches stays. An administrator bound to a
// tenant applies its tenant's policies, and they leave alone the rows about which
// one that it cannot see decides.
func (j *Journal) ApplyRetention(ctx context.Context, dryRun bool) ([]Retained, error) {
	if err := j.Entries.mayRemove(ctx); err != nil {
		return nil, err
	}
	active := j.db.Ent().RetentionPolicy.Query().
		Where(retentionpolicy.Active(true)).
		Order(retentionpolicy.ByName(), retentionpolicy.ByID())
	policies, err := active.Clone().All(ctx)
	if err != nil {
		return nil, err
	}
	all, err := active.All(auth.System(ctx, "retention"))
	if err != nil {
		return nil, err
	}
	deciding := decidingPolicies(policies)
	done := make([]Retained, 0, len(deciding))
	for _, policy := range deciding {
		before := column.TimeOf(j.now().Add(-time.Duration(policy.Days) * 24 * time.Hour))
		q := question{until: &before, rest: policyScope(policy, decidingPolicies(all))}
		one := Retained{Policy: policy, Before: before}
		change := policyChange("Retention", column.ActionDelete, policy)
		change.Details["before"], change.Sentence = before, change.Sentence+": "
		if dryRun {
			count, err := j.Entries.count(ctx, j.db.Ent(), shaped(j.Entries.conditions(q)...))
			if err != nil {
				return done, err
			}
			one.Count = int64(count)
		} else if one.Count, err = j.Entries.purge(ctx, q, change); err != nil {
			return append(done, one), err
		}
		done = append(done, one)
	}
	return done, nil
}

// scopeOf is what a policy is about; the nil id stands for "all".
type scopeOf struct{ tenant, category column.ID }

func scopeOfPolicy(p *ent.RetentionPolicy) (s scopeOf) {
	if p.TenantID != nil {
		s.tenant = *p.TenantID
	}
	if p.CategoryID != nil {
		s.category = *p.CategoryID
	}
	return s
}

// decidingPolicies keeps the longest of the policies about the same thing.
func decidingPolicies(policies []*ent.RetentionPolicy) []*ent.RetentionPolicy {
	longest := map[scopeOf]*ent.RetentionPolicy{}
	for _, p := range policies {
		if best := longest[scopeOfPolicy(p)]; best == nil || p.Days > best.Days {
			longest[scopeOfPolicy(p)] = p
		}
	}
	var list []*ent.RetentionPolicy
	for _, p := range policies {
		if longest[scopeOfPolicy(p)] == p {
			list = append(list, p)
		}
	}
	return list
}

// policyScope gives the rows that a policy decides about: those it matches less
// those that a more specific one of the policies matches.
func policyScope(policy *ent.RetentionPolicy, policies []*ent.RetentionPolicy) []shape {
	own := scopeOfPolicy(policy)
	var conditions []shape
	if policy.TenantID != nil {
		conditions = append(conditions, shape(entry.TenantID(*policy.TenantID)))
	}
	if policy.CategoryID != nil {
		conditions = append(conditions, shape(entry.CategoryID(*policy.CategoryID)))
	}
	var tenants, categories []column.ID // that have policies of their own
	for _, other := range policies {
		s := scopeOfPolicy(other)
		switch {
		case other.TenantID != nil && other.CategoryID != nil:
			if policy.TenantID != nil && policy.CategoryID != nil ||
				policy.TenantID != nil && s.tenant != own.tenant ||
				policy.CategoryID != nil && s.category != own.category {
				continue
			}
			// Null is unequal to everything, so the rows without tenant or category
			// must be named.
			conditions = append(conditions, shape(entry.Or(
				entry.TenantIDIsNil(), entry.TenantIDNEQ(s.tenant),
				entry.CategoryIDIsNil(), entry.CategoryIDNEQ(s.category))))
		case other.CategoryID != nil && policy.CategoryID == nil:
			categories = append(categories, s.category)
		case other.TenantID != nil && policy.TenantID == nil && policy.CategoryID == nil:
			tenants = append(tenants, s.tenant)
		}
	}
	if len(categories) > 0 {
		conditions = append(conditions, shape(entry.Or(entry.CategoryIDIsNil(), entry.CategoryIDNotIn(categories...))))
	}
	if len(tenants) > 0 {
		conditions = append(conditions, shape(entry.Or(entry.TenantIDIsNil(), entry.TenantIDNotIn(tenants...))))
	}
	return conditions
}
