package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// RetentionPolicy says how many days rows are kept. A policy without tenant and
// category is global; the most specific active policy decides about a row.
type RetentionPolicy struct{ ent.Schema }

// Annotations names the table.
func (RetentionPolicy) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("retention_policies")}
}

// Fields gives the columns.
func (RetentionPolicy) Fields() []ent.Field {
	return []ent.Field{
		idColumn("id"),
		field.String("name").NotEmpty().MaxLen(MaxText).SchemaType(shortText(MaxText)),
		optionalID("tenant_id"),
		optionalID("category_id"),
		field.Int32("days").Range(1, 36500).Comment("rows older than this many times 24 hours go"),
		field.Bool("active").Default(true),
		timeColumn("created_at"),
	}
}

// Policy leaves policies to administrators, within their tenant.
func (RetentionPolicy) Policy() ent.Policy {
	return rowPolicy{tenantColumn: "tenant_id"}
}
