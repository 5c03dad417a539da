package journal_test

import (
	"context"
	"testing"
	"time"

	"logbook/ent"
	"logbook/internal/db"
	"logbook/internal/journal"
)

// TestRenamed renames a tenant and a category while their names are in the cache, and
// imports lines that name them.
func TestRenamed(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		tenant := must[*ent.Tenant](t)(w.CreateTenant(ctx, "old"))
		category := must[*ent.Category](t)(w.CreateCategory(ctx, "old", "old"))
		for _, name := range []string{"new", "newer"} {
			must[*ent.Tenant](t)(w.Tenant(ctx, &tenant.ID)) // now it is in the cache
			must[*ent.Category](t)(w.Category(ctx, &category.ID))
			must[*ent.Tenant](t)(w.UpdateTenant(ctx, tenant.ID, &name))
			if got := must[*ent.Tenant](t)(w.Tenant(ctx, &tenant.ID)); got.Name != name {
				t.Errorf("the tenant is called %q, want %q", got.Name, name)
			}
			must[*ent.Category](t)(w.UpdateCategory(ctx, category.ID, &name, &name))
			if got := must[*ent.Category](t)(w.Category(ctx, &category.ID)); got.Name != name || got.Code != name {
				t.Errorf("the category is called %q, %q, want %q", got.Name, got.Code, name)
			}
			if got := must[*ent.Category](t)(w.CategoryByCode(ctx, name)); got == nil || got.ID != category.ID {
				t.Errorf("the code %q is %v's", name, got)
			}
		}
		named := func(tenantName, code string) journal.Imported[journal.EntryDraft] {
			return journal.Imported[journal.EntryDraft]{
				Draft:      journal.EntryDraft{Message: tenantName + code, TenantID: &tenant.ID, CategoryID: &category.ID},
				TenantName: &tenantName, CategoryName: &code, CategoryCode: &code,
			}
		}
		outcomes, err := w.Entries.Import(ctx, []journal.Imported[journal.EntryDraft]{named("old", "newer"), named("newer", "old"), named("newer", "newer")})
		if err != nil || outcomes[0].Problem == nil || outcomes[1].Problem == nil || !outcomes[2].Stored {
			t.Errorf("got %+v, %v", outcomes, err)
		}
	})
}

// TestRenamedElsewhere renames a tenant and a category in one process and wants another
// one, in whose cache their names are, to know within a second.
func TestRenamedElsewhere(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		database := must[*db.DB](t)(db.Open(ctx, w.address))
		defer database.Close()
		other := journal.New(database, journal.Options{Now: func() time.Time { return w.now }})
		tenant := must[*ent.Tenant](t)(w.CreateTenant(ctx, "old"))
		category := must[*ent.Category](t)(w.CreateCategory(ctx, "old", "old"))
		called := func(when, tenantName, categoryName string) {
			t.Helper()
			if got := must[*ent.Tenant](t)(other.Tenant(ctx, &tenant.ID)); got.Name != tenantName {
				t.Errorf("%s the tenant is called %q, want %q", when, got.Name, tenantName)
			}
			if got := must[*ent.Category](t)(other.Category(ctx, &category.ID)); got.Name != categoryName {
				t.Errorf("%s the category is called %q, want %q", when, got.Name, categoryName)
			}
		}
		called("at first", "old", "old")
		name := "new"
		must[*ent.Tenant](t)(w.UpdateTenant(ctx, tenant.ID, &name))
		must[*ent.Category](t)(w.UpdateCategory(ctx, category.ID, &name, &name))
		w.now = w.now.Add(time.Second - 1)
		called("from the cache", "old", "old")
		w.now = w.now.Add(1)
		called("after a second", "new", "new")
	})
}
