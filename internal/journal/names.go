package journal

import (
	"context"
	"errors"
	"sync"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/identity"
	"logbook/ent/schema"
	"logbook/internal/auth"
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

// namesKnowing gives the names, at most namesFresh old, and loaded anew where those in
// the cache do not have what is asked for: it may have been made a moment ago.
func (j *Journal) namesKnowing(ctx context.Context, has func(*knownNames) bool) (*knownNames, error) {
	n := &j.names
	n.mu.Lock()
	defer n.mu.Unlock()
	now := j.now() // before they are read, so that they are no older than that
	if n.known != nil && now.Sub(n.loaded) < namesFresh && has(n.known) {
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
	n.known, n.loaded = known, now
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
	known, err := j.namesKnowing(ctx, func(k *knownNames) bool { return k.tenants[*id] != nil })
	if err != nil {
		return nil, err
	}
	return known.tenants[*id], nil
}

// Tenant gives the tenant that a row of the log names, nil where it names none; nil,
// too, where the principal may not read the row, since whoever only appends learns no
// names.
func (l *Log[R, D, F]) Tenant(ctx context.Context, row *R) (*ent.Tenant, error) {
	p := auth.From(ctx)
	if own, owns := p.Own(); !p.HoldsAny(schema.KindReaders[l.kind]...) && (l.ownerOf == nil || !owns || l.ownerOf(row) != own) {
		return nil, nil
	}
	return l.journal.Tenant(ctx, *l.tenantOf(row))
}

// Category gives the category a row names, nil where it names none.
func (j *Journal) Category(ctx context.Context, id *column.ID) (*ent.Category, error) {
	if id == nil {
		return nil, nil
	}
	known, err := j.namesKnowing(ctx, func(k *knownNames) bool { return k.categories[*id] != nil })
	if err != nil {
		return nil, err
	}
	return known.categories[*id], nil
}

// CategoryByCode gives the category of a code, nil where there is none.
func (j *Journal) CategoryByCode(ctx context.Context, code string) (*ent.Category, error) {
	known, err := j.namesKnowing(ctx, func(k *knownNames) bool { return k.codes[code] != nil })
	if err != nil {
		return nil, err
	}
	return known.codes[code], nil
}

// unknownNames gives the problem of each row that names a tenant or category that
// does not exist.
func (l *Log[R, D, F]) unknownNames(ctx context.Context, rows []*R) ([]fault.Problem, error) {
	known, err := l.journal.namesKnowing(ctx, func(k *knownNames) bool {
		for _, row := range rows {
			if id := *l.tenantOf(row); id != nil && k.tenants[*id] == nil {
				return false
			}
			if l.categoryOf == nil {
				continue
			}
			if id := l.categoryOf(row); id != nil && k.categories[*id] == nil {
				return false
			}
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	var problems []fault.Problem
	for i, row := range rows {
		if id := *l.tenantOf(row); id != nil && known.tenants[*id] == nil {
			problems = append(problems, fault.Problem{Index: i, Field: "tenant_id", Reason: fault.Unknown, Value: id.String()})
		}
		if l.categoryOf == nil {
			continue
		}
		if id := l.categoryOf(row); id != nil && known.categories[*id] == nil {
			problems = append(problems, fault.Problem{Index: i, Field: "category_id", Reason: fault.Unknown, Value: id.String()})
		}
	}
	return problems, nil
}

// nameUsers gives entries that name a user by its id alone the name of the user
// known by it in the scitiger system, where there is one.
func nameUsers(ctx context.Context, j *Journal, rows []*ent.Entry) error {
	wanted := map[string]bool{}
	for _, row := range rows {
		if row.UserID != nil && row.Username == nil {
			wanted[*row.UserID] = true
		}
	}
	if len(wanted) == 0 {
		return nil
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
			return err
		}
		for _, one := range identities {
			found[one.ExternalID] = one.Edges.User.Username
		}
	}
	for _, row := range rows {
		if row.UserID == nil || row.Username != nil {
			continue
		}
		if name, known := found[*row.UserID]; known {
			row.Username = &name
		}
	}
	return nil
}

// importNames are the tenant and the category that an imported row names.
type importNames struct {
	tenantID, categoryID       *column.ID
	tenantName                 *string
	categoryName, categoryCode *string
}

// problem says what is wrong with the tenant and category that an imported row
// names.
func (k *knownNames) problem(row *importNames) *fault.Problem {
	refuse := func(field, format string, args ...any) *fault.Problem {
		return &fault.Problem{Index: -1, Field: field, Reason: fault.Clash, Detail: fault.Say(format, args...)}
	}
	// The nil UUID stands for "all" and "none" inside; nothing may be called so.
	if row.tenantID != nil && row.tenantID.IsZero() {
		return refuse("tenant_id", "the nil UUID is no tenant")
	}
	if row.categoryID != nil && row.categoryID.IsZero() {
		return refuse("category_id", "the nil UUID is no category")
	}
	if row.tenantID != nil {
		switch have := k.tenants[*row.tenantID]; {
		case have == nil && (row.tenantName == nil || *row.tenantName == ""):
			return refuse("tenant_id", "%s is a new tenant and the line has no tenant_name to make it", row.tenantID)
		case have != nil && row.tenantName != nil && *row.tenantName != have.Name:
			return refuse("tenant_name", "tenant %s is called %q here, not %q", row.tenantID, have.Name, fault.Shorten(*row.tenantName))
		}
	}
	if row.categoryID != nil {
		switch have := k.categories[*row.categoryID]; {
		case have == nil && (row.categoryName == nil || row.categoryCode == nil || *row.categoryName == "" || *row.categoryCode == ""):
			return refuse("category_id", "%s is a new category and the line lacks category_name or category_code to make it", row.categoryID)
		case have == nil && k.codes[*row.categoryCode] != nil:
			return refuse("category_code", "%q is the code of another category, %s", fault.Shorten(*row.categoryCode), k.codes[*row.categoryCode].ID)
		case have != nil && row.categoryName != nil && *row.categoryName != have.Name:
			return refuse("category_name", "category %s is called %q here, not %q", row.categoryID, have.Name, fault.Shorten(*row.categoryName))
		case have != nil && row.categoryCode != nil && *row.categoryCode != have.Code:
			return refuse("category_code", "category %s has the code %q here, not %q", row.categoryID, have.Code, fault.Shorten(*row.categoryCode))
		}
	}
	for _, named := range []struct {
		field string
		value *string
		made  bool // whether it makes a tenant or category
	}{
		{"tenant_name", row.tenantName, row.tenantID != nil && k.tenants[*row.tenantID] == nil},
		{"category_name", row.categoryName, row.categoryID != nil && k.categories[*row.categoryID] == nil},
		{"category_code", row.categoryCode, row.categoryID != nil && k.categories[*row.categoryID] == nil},
	} {
		if named.value == nil || !named.made {
			continue
		}
		var refused *fault.Error
		if errors.As(fault.Name(named.field, *named.value, maxName), &refused) {
			return &refused.Problems[0]
		}
	}
	return nil
}

// make makes the tenant and the category of an imported row where they are new,
// and says whether it did.
func (k *knownNames) make(ctx context.Context, client *ent.Client, row *importNames, now time.Time) (made bool, err error) {
	if row.tenantID != nil && k.tenants[*row.tenantID] == nil {
		one, err := client.Tenant.Create().SetID(*row.tenantID).SetName(*row.tenantName).
			SetCreatedAt(column.TimeOf(now)).Save(ctx)
		if err != nil {
			return made, err
		}
		k.tenants[one.ID], made = one, true
	}
	if row.categoryID != nil && k.categories[*row.categoryID] == nil {
		one, err := client.Category.Create().SetID(*row.categoryID).SetName(*row.categoryName).
			SetCode(*row.categoryCode).SetCreatedAt(column.TimeOf(now)).Save(ctx)
		if err != nil {
			return made, err
		}
		k.categories[one.ID], k.codes[one.Code], made = one, one, true
	}
	return made, nil
}

// maxName is how long the name of a tenant, category or policy may be, in bytes.
const maxName = schema.MaxText
