package journal_test

import (
	"context"
	"testing"

	"logbook/ent"
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
