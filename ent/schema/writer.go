package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
)

// Writer is a number that one process at a time leases to write under, with the
// last sequence it committed.
type Writer struct{ ent.Schema }

// Annotations names the table.
func (Writer) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("writers")}
}

// Fields gives the columns.
func (Writer) Fields() []ent.Field {
	return []ent.Field{
		field.Int32("id").Positive(),
		field.Bytes("holder").MaxLen(16).
			SchemaType(map[string]string{dialect.SQLite: "blob", dialect.MySQL: "varbinary(16)"}).
			Comment("the lease's secret; whoever does not know it has lost the lease"),
		timeColumn("leased_until"),
		field.Int64("sequence"),
	}
}
