package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// Category sorts entries by what they are about. Categories are common to all
// tenants.
type Category struct{ ent.Schema }

// Annotations names the table.
func (Category) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("categories")}
}

// Fields gives the columns.
func (Category) Fields() []ent.Field {
	return []ent.Field{
		idColumn("id"),
		field.String("name").NotEmpty().MaxLen(MaxText).SchemaType(shortText(MaxText)),
		field.String("code").NotEmpty().MaxLen(MaxText).SchemaType(shortText(MaxText)).Unique(),
		timeColumn("created_at"),
	}
}

// Policy shows categories to everybody who is signed in.
func (Category) Policy() ent.Policy {
	return rowPolicy{anySignedIn: true}
}
