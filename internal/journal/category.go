package journal

import (
	"cmp"
	"context"
	"fmt"

	"logbook/ent"
	"logbook/ent/category"
	"logbook/ent/column"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// Categories gives the categories, by code.
func (j *Journal) Categories(ctx context.Context) ([]*ent.Category, error) {
	return j.db.Ent().Category.Query().Order(category.ByCode()).All(ctx)
}

// FindCategory gives a category. It fails with kind NotFound.
func (j *Journal) FindCategory(ctx context.Context, id column.ID) (*ent.Category, error) {
	return findCategory(ctx, j.db.Ent(), id)
}

func findCategory(ctx context.Context, client *ent.Client, id column.ID) (*ent.Category, error) {
	found, err := client.Category.Query().Where(category.ID(id)).Only(ctx)
	if ent.IsNotFound(err) {
		return nil, fault.New(fault.NotFound, "there is no category %s", id)
	}
	return found, err
}

// CreateCategory makes a category. It fails with kind Conflict where the code is
// taken.
func (j *Journal) CreateCategory(ctx context.Context, name, code string) (*ent.Category, error) {
	if err := checkCategory(&name, &code); err != nil {
		return nil, err
	}
	var made *ent.Category
	err := j.Change(ctx, func(tx *db.Tx) (changes []Change, err error) {
		made, err = tx.Category.Create().SetID(newID(j.now())).SetName(name).SetCode(code).
			SetCreatedAt(column.TimeOf(j.now())).Save(ctx)
		if err != nil {
			return nil, takenCode(err, code)
		}
		return []Change{categoryChange("Category.Create", column.ActionCreate, made)}, nil
	})
	j.names.forget()
	return made, err
}

// UpdateCategory changes a category's name and code, nil for what stays. It fails with
// kind NotFound, and Conflict where the code is taken. Other processes see it within
// namesFresh.
func (j *Journal) UpdateCategory(ctx context.Context, id column.ID, name, code *string) (*ent.Category, error) {
	if err := checkCategory(name, code); err != nil {
		return nil, err
	}
	var now *ent.Category
	err := j.Change(ctx, func(tx *db.Tx) ([]Change, error) {
		was, err := findCategory(ctx, tx.Client, id)
		if err != nil {
			return nil, err
		}
		if now, err = was.Update().SetNillableName(name).SetNillableCode(code).Save(ctx); err != nil {
			return nil, takenCode(err, *cmp.Or(code, &was.Code))
		}
		if now.Name == was.Name && now.Code == was.Code {
			return nil, nil
		}
		change := categoryChange("Category.Update", column.ActionUpdate, now)
		change.Details["was"] = map[string]any{"name": was.Name, "code": was.Code}
		return []Change{change}, nil
	})
	j.names.forget()
	return now, err
}

// checkCategory refuses what no category may be called; nil is not looked at.
func checkCategory(name, code *string) error {
	if name != nil {
		if err := fault.Name("name", *name, maxName); err != nil {
			return err
		}
	}
	if code != nil {
		return fault.Name("code", *code, maxName)
	}
	return nil
}

// takenCode makes the engine's word that a code is taken one of kind Conflict.
func takenCode(err error, code string) error {
	if ent.IsConstraintError(err) {
		return fault.Wrap(fault.Conflict, err, "there is a category with the code %q already", code)
	}
	return err
}

// categoryChange is what happened to a category, which is all tenants'.
func categoryChange(event string, action column.Action, c *ent.Category) Change {
	return Change{
		Event: event, Action: action, Target: "Category", Sentence: fmt.Sprintf("category %q, %s", c.Name, c.Code),
		Details: map[string]any{"category_id": c.ID, "name": c.Name, "code": c.Code},
	}
}
