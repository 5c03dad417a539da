package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// Tenant is an organisation whose rows no other tenant's people may see.
type Tenant struct{ ent.Schema }

// Annotations names the table.
func (Tenant) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("tenants")}
}

// Fields gives the columns.
func (Tenant) Fields() []ent.Field {
	return []ent.Field{
		idColumn("id"),
		field.String("name").NotEmpty().MaxLen(MaxText).SchemaType(shortText(MaxText)),
		timeColumn("created_at"),
	}
}

// Policy shows a bound principal its own tenant only.
func (Tenant) Policy() ent.Policy {
	return rowPolicy{anySignedIn: true, tenantColumn: "id"}
}
