package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"

	"logbook/ent/column"
)

// AccessToken is a key that signs a caller in. The key itself is never stored:
// only its SHA-256, which suffices because keys are random, and its first
// characters, so that people can tell tokens apart.
type AccessToken struct{ ent.Schema }

// Annotations names the table.
func (AccessToken) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("access_tokens")}
}

// Fields gives the columns.
func (AccessToken) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id").Positive(),
		field.Int64("user_id").NonNegative(),
		field.String("name").MaxLen(MaxText).SchemaType(shortText(MaxText)),
		field.Bytes("hash").MaxLen(32).Unique().Immutable().Sensitive().
			SchemaType(map[string]string{dialect.SQLite: "blob", dialect.MySQL: "binary(32)"}),
		field.String("prefix").MaxLen(16).Immutable().SchemaType(shortText(16)),
		field.String("role").MaxLen(16).SchemaType(shortText(16)).
			Comment("empty for a gateway key, which opens only its own usage log"),
		field.String("permissions").MaxLen(1024).SchemaType(shortText(1024)).
			Comment("separated by spaces"),
		optionalID("tenant_id"),
		timeColumn("created_at"),
		optionalTime("expires_at"),
		optionalTime("revoked_at"),
		optionalTime("first_used_at"),
	}
}

// Policy leaves tokens to administrators, within their tenant. A token that names no
// tenant signs in to its user's, and is that one's.
func (AccessToken) Policy() ent.Policy {
	return rowPolicy{tenantColumn: "tenant_id", alsoOf: func(tenant column.ID) func(*sql.Selector) {
		return func(s *sql.Selector) {
			users := sql.Dialect(s.Dialect()).Select("id").From(sql.Table("users")).Where(sql.EQ("tenant_id", tenant))
			s.Where(sql.And(sql.IsNull(s.C("tenant_id")), sql.In(s.C("user_id"), users)))
		}
	}}
}
