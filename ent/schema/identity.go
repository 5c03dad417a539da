package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
)

// Identity is one system's id of a user: user 1 of one system is a stranger to
// user 1 of another until both belong to the same User.
type Identity struct{ ent.Schema }

// Annotations names the table.
func (Identity) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("identities")}
}

// Fields gives the columns.
func (Identity) Fields() []ent.Field {
	return []ent.Field{
		field.String("system").NotEmpty().MaxLen(32).SchemaType(shortText(32)),
		field.String("external_id").NotEmpty().MaxLen(MaxText).SchemaType(shortText(MaxText)),
		field.Int64("user_id"),
	}
}

// Edges gives the user.
func (Identity) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("user", User.Type).Ref("identities").Field("user_id").Unique().Required(),
	}
}

// Indexes makes an identity belong to one user.
func (Identity) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("system", "external_id").Unique().StorageKey("identities_system_external_id"),
		index.Fields("user_id").StorageKey("identities_user"),
	}
}

// Policy leaves identities to administrators of no tenant.
func (Identity) Policy() ent.Policy {
	return rowPolicy{}
}
