package journal

import (
	"context"
	"fmt"
	"sync"
	"time"

	"logbook/ent"
	"logbook/ent/category"
	"logbook/ent/column"
	"logbook/ent/identity"
	"logbook/ent/schema"
	"logbook/ent/tenant"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// namesFresh is how stale the names of tenants and categories may be.
const namesFresh = time.Second

// names caches the tenants and categories, two small tables that every page of
// entries needs.
type names struct {
	mu     sync.Mutex
	loaded time.Time
	known  *knownNames
}

// knownNames is every tenant and category at one moment. It is not changed once
// it is in the cache.
type knownNames struct {
	tenants    map[column.ID]*ent.Tenant
	categories map[column.ID]*ent.Category
	codes      map[string]*ent.Category
}

// forget makes the next reader load anew.
func (n *names) forget() {
	n.mu.Lock()
	n.known = nil
	n.mu.Unlock()
}

// knownNames gives the names, at most namesFresh old.
func (j *Journal) knownNames(ctx context.Context) (*knownNames, error) {
	n := &j.names
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.known != nil && time.Since(n.loaded) < namesFresh {
		return n.known, nil
	}
	var known *knownNames
	err := j.db.Read(ctx, func(client *ent.Client) (err error) {
		known, err = loadNames(ctx, client)
		return err
	})
	if err != nil {
		return nil, err
	}
	n.known, n.loaded = known, time.Now()
	return known, nil
}

func loadNames(ctx context.Context, client *ent.Client) (*knownNames, error) {
	ctx = auth.System(ctx, "names") // whoever sees a row may see what its tenant is called
	tenants, err := client.Tenant.Query().All(ctx)
	if err != nil {
		return nil, err
	}
	categories, err := client.Category.Query().All(ctx)
	if err != nil {
		return nil, err
	}
	known := &knownNames{
		tenants:    make(map[column.ID]*ent.Tenant, len(tenants)),
		categories: make(map[column.ID]*ent.Category, len(categories)),
		codes:      make(map[string]*ent.Category, len(categories)),
	}
	for _, t := range tenants {
		known.tenants[t.ID] = t
	}
	for _, c := range categories {
		known.categories[c.ID] = c
		known.codes[c.Code] = c
	}
	return known, nil
}

// Tenant gives the tenant a row names, nil where it names none. It is for rows
// that the caller may see; it asks nobody's leave.
func (j *Journal) Tenant(ctx context.Context, id *column.ID) (*ent.Tenant, error) {
	if id == nil {
		return nil, nil
	}
	known, err := j.knownNames(ctx)
	if err != nil {
		return nil, err
	}
	return known.tenants[*id], nil
}

// Category gives the category a row names, nil where it names none.
func (j *Journal) Category(ctx context.Context, id *column.ID) (*ent.Category, error) {
	if id == nil {
		return nil, nil
	}
	known, err := j.knownNames(ctx)
	if err != nil {
		return nil, err
	}
	return known.categories[*id], nil
}

// CategoryByCode gives the category of a code, nil where there is none.
func (j *Journal) CategoryByCode(ctx context.Context, code string) (*ent.Category, error) {
	known, err := j.knownNames(ctx)
	if err != nil {
		return nil, err
	}
	return known.codes[code], nil
}

// Tenants gives the tenants the principal may see, by name.
func (j *Journal) Tenants(ctx context.Context) ([]*ent.Tenant, error) {
	return j.db.Ent().Tenant.Query().Order(tenant.ByName(), tenant.ByID()).All(ctx)
}

// Categories gives the categories, by code.
func (j *Journal) Categories(ctx context.Context) ([]*ent.Category, error) {
	return j.db.Ent().Category.Query().Order(category.ByCode()).All(ctx)
}

// CreateTenant makes a tenant.
func (j *Journal) CreateTenant(ctx context.Context, name string) (*ent.Tenant, error) {
	if err := fault.Name("name", name, maxName); err != nil {
		return nil, err
	}
	var made *ent.Tenant
	err := j.db.Write(ctx, func(tx *db.Tx) (err error) {
		made, err = tx.Tenant.Create().SetID(newID(j.now())).SetName(name).SetCreatedAt(column.TimeOf(j.now())).Save(ctx)
		return err
	})
	j.names.forget()
	return made, err
}

// CreateCategory makes a category. It fails with kind Conflict where the code is
// taken.
func (j *Journal) CreateCategory(ctx context.Context, name, code string) (*ent.Category, error) {
	if err := fault.Name("name", name, maxName); err != nil {
		return nil, err
	}
	if err := fault.Name("code", code, maxName); err != nil {
		return nil, err
	}
	var made *ent.Category
	err := j.db.Write(ctx, func(tx *db.Tx) (err error) {
		made, err = tx.Category.Create().SetID(newID(j.now())).SetName(name).SetCode(code).
			SetCreatedAt(column.TimeOf(j.now())).Save(ctx)
		if ent.IsConstraintError(err) {
			return fault.Wrap(fault.Conflict, err, "there is a category with the code %q already", code)
		}
		return err
	})
	j.names.forget()
	return made, err
}

// checkNames gives the problem of each draft that names a tenant or category
// that does not exist. Whoever is bound to a tenant learns of no other.
func (j *Journal) checkNames(ctx context.Context, drafts []EntryDraft) ([]fault.Problem, error) {
	known, err := j.knownNames(ctx)
	if err != nil {
		return nil, err
	}
	var problems []fault.Problem
	for i := range drafts {
		id := drafts[i].TenantID
		if p := auth.From(ctx); id == nil && p != nil {
			id = (*column.ID)(p.Tenant) // the row will be the bound tenant's
		}
		if id != nil {
			if err := auth.RequireAppend(ctx, auth.EntriesWrite, (*[16]byte)(id)); err != nil {
				return nil, err
			}
			if known.tenants[*id] == nil {
				problems = append(problems, fault.Problem{Index: i, Field: "tenant_id", Reason: fault.Unknown, Value: id.String()})
			}
		}
		if id := drafts[i].CategoryID; id != nil && known.categories[*id] == nil {
			problems = append(problems, fault.Problem{Index: i, Field: "category_id", Reason: fault.Unknown, Value: id.String()})
		}
	}
	return problems, nil
}

// usernames gives the names of those users that the drafts' user ids belong to
// in the scitiger system.
func (j *Journal) usernames(ctx context.Context, drafts []EntryDraft) (map[string]string, error) {
	wanted := map[string]bool{}
	for i := range drafts {
		if drafts[i].UserID != nil && drafts[i].Username == nil {
			wanted[*drafts[i].UserID] = true
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	ids := make([]string, 0, len(wanted))
	for id := range wanted {
		ids = append(ids, id)
	}
	found := map[string]string{}
	const perQuery = 500
	for start := 0; start < len(ids); start += perQuery {
		identities, err := j.db.Ent().Identity.Query().
			Where(identity.System("scitiger"), identity.ExternalIDIn(ids[start:min(start+perQuery, len(ids))]...)).
			WithUser().All(auth.System(ctx, "usernames"))
		if err != nil {
			return nil, err
		}
		for _, one := range identities {
			found[one.ExternalID] = one.Edges.User.Username
		}
	}
	return found, nil
}

// problem says what is wrong with the tenant and category that an imported row
// names.
func (k *knownNames) problem(row *ImportedEntry) *fault.Problem {
	refuse := func(field, format string, args ...any) *fault.Problem {
		return &fault.Problem{Index: -1, Field: field, Reason: fault.Clash, Detail: fmt.Sprintf(format, args...)}
	}
	// The nil UUID stands for "all" and "none" inside; nothing may be called so.
	if row.TenantID != nil && row.TenantID.IsZero() {
		return refuse("tenant_id", "the nil UUID is no tenant")
	}
	if row.CategoryID != nil && row.CategoryID.IsZero() {
		return refuse("category_id", "the nil UUID is no category")
	}
	if row.TenantID != nil {
		switch have := k.tenants[*row.TenantID]; {
		case have == nil && (row.TenantName == nil || *row.TenantName == ""):
			return refuse("tenant_id", "%s is a new tenant and the line has no tenant_name to make it", row.TenantID)
		case have != nil && row.TenantName != nil && *row.TenantName != have.Name:
			return refuse("tenant_name", "tenant %s is called %q here, not %q", row.TenantID, have.Name, fault.Shorten(*row.TenantName))
		}
	}
	if row.CategoryID != nil {
		switch have := k.categories[*row.CategoryID]; {
		case have == nil && (row.CategoryName == nil || row.CategoryCode == nil || *row.CategoryName == "" || *row.CategoryCode == ""):
			return refuse("category_id", "%s is a new category and the line lacks category_name or category_code to make it", row.CategoryID)
		case have == nil && k.codes[*row.CategoryCode] != nil:
			return refuse("category_code", "%q is the code of another category, %s", fault.Shorten(*row.CategoryCode), k.codes[*row.CategoryCode].ID)
		case have != nil && row.CategoryName != nil && *row.CategoryName != have.Name:
			return refuse("category_name", "category %s is called %q here, not %q", row.CategoryID, have.Name, fault.Shorten(*row.CategoryName))
		case have != nil && row.CategoryCode != nil && *row.CategoryCode != have.Code:
			return refuse("category_code", "category %s has the code %q here, not %q", row.CategoryID, have.Code, fault.Shorten(*row.CategoryCode))
		}
	}
	for _, named := range []struct {
		field string
		value *string
	}{{"tenant_name", row.TenantName}, {"category_name", row.CategoryName}, {"category_code", row.CategoryCode}} {
		if named.value != nil && len(*named.value) > maxName {
			return &fault.Problem{Index: -1, Field: named.field, Reason: fault.TooLong, Limit: maxName}
		}
	}
	return nil
}

// make makes the tenant and the category of an imported row where they are new,
// and says whether it did.
func (k *knownNames) make(ctx context.Context, client *ent.Client, row *ImportedEntry, now time.Time) (made bool, err error) {
	if row.TenantID != nil && k.tenants[*row.TenantID] == nil {
		one, err := client.Tenant.Create().SetID(*row.TenantID).SetName(*row.TenantName).
			SetCreatedAt(column.TimeOf(now)).Save(ctx)
		if err != nil {
			return made, err
		}
		k.tenants[one.ID], made = one, true
	}
	if row.CategoryID != nil && k.categories[*row.CategoryID] == nil {
		one, err := client.Category.Create().SetID(*row.CategoryID).SetName(*row.CategoryName).
			SetCode(*row.CategoryCode).SetCreatedAt(column.TimeOf(now)).Save(ctx)
		if err != nil {
			return made, err
		}
		k.categories[one.ID], k.codes[one.Code], made = one, one, true
	}
	return made, nil
}

// maxName is how long the name of a tenant, category or policy may be, in bytes.
const maxName = schema.MaxText
