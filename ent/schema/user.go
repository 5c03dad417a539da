package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
)

// User is a person or program known to Logbook. Its id is its number in the
// newapi system; every other system knows it by an Identity.
type User struct{ ent.Schema }

// Annotations names the table.
func (User) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("users")}
}

// Fields gives the columns.
func (User) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id").Positive(),
		field.String("username").NotEmpty().MaxLen(MaxText).SchemaType(shortText(MaxText)).Unique(),
		field.String("role").MaxLen(16).SchemaType(shortText(16)),
		optionalID("tenant_id"),
		timeColumn("created_at"),
		optionalTime("disabled_at"),
	}
}

// Edges gives a user's names in the other systems.
func (User) Edges() []ent.Edge {
	return []ent.Edge{edge.To("identities", Identity.Type)}
}

// Policy leaves users to administrators, within their tenant.
func (User) Policy() ent.Policy {
	return rowPolicy{tenantColumn: "tenant_id"}
}
