package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"

	"logbook/internal/auth"
)

// Rollup counts the rows of a kind that share a dimension's value, a class (the
// entry's level) and a bucket of time. Each row of the log is counted once
// under the nil tenant, which stands for all, and once under its own.
//
// The table's key is all columns but the count, and the table is kept in the
// key's order, so that a question reads neighbours. Ent knows keys of one column
// only: here it is told that the bucket is the id, and migrations.Shape makes
// the real key.
type Rollup struct{ ent.Schema }

// Annotations names the table.
func (Rollup) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("rollups")}
}

// Fields gives the key, then the sums.
func (Rollup) Fields() []ent.Field {
	return []ent.Field{
		field.Int8("kind"),
		field.Int8("dimension"),
		idColumn("tenant_id"),
		field.Bytes("value").MaxLen(MaxText).
			SchemaType(map[string]string{dialect.SQLite: "blob", dialect.MySQL: "varbinary(255)"}),
		field.Int32("id").StorageKey("bucket").Annotations(entsql.Annotation{Incremental: new(false)}).
			Comment("hours or days since 1970, as the dimension has it"),
		field.Int16("class"),
		field.Int64("row_count"),
	}
}

// Policy shows a bound principal its own tenant's sums only.
func (Rollup) Policy() ent.Policy {
	return rowPolicy{read: auth.EntriesRead, append: auth.EntriesWrite, tenantColumn: "tenant_id"}
}
