package schema

import (
	"context"

	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"logbook/ent/column"
	"logbook/internal/auth"
)

// IdempotencyKey remembers an append that its caller may repeat: what was sent and
// which rows it became. The id is a hash of the caller's account, its tenant and the
// key.
type IdempotencyKey struct{ ent.Schema }

// Annotations names the table.
func (IdempotencyKey) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("idempotency_keys")}
}

// Fields gives the columns.
func (IdempotencyKey) Fields() []ent.Field {
	return []ent.Field{
		idColumn("id"),
		field.Int8("kind").Immutable(),
		field.Bytes("body").MaxLen(32).Immutable().
			SchemaType(map[string]string{dialect.SQLite: "blob", dialect.MySQL: "binary(32)"}).
			Comment("a hash of what the rows were to be"),
		field.Bytes("row_ids").GoType(column.JSON(nil)).Immutable().SchemaType(longText).
			Comment("a JSON array of texts, in the order of the append"),
		field.Int64("expires_at").GoType(column.Time(0)).Immutable(),
	}
}

// Indexes lets those that have expired be found.
func (IdempotencyKey) Indexes() []ent.Index {
	return []ent.Index{index.Fields("expires_at").StorageKey("idempotency_keys_expires_at")}
}

// Policy keeps keys from everybody.
func (IdempotencyKey) Policy() ent.Policy { return systemPolicy{} }

// systemPolicy lets nobody pass but Logbook itself.
type systemPolicy struct{}

// EvalQuery refuses everybody else.
func (systemPolicy) EvalQuery(ctx context.Context, _ ent.Query) error {
	return auth.RequireSystem(ctx)
}

// EvalMutation refuses everybody else.
func (systemPolicy) EvalMutation(ctx context.Context, _ ent.Mutation) error {
	return auth.RequireSystem(ctx)
}
