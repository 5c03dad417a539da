package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"logbook/internal/auth"
)

// Rollup counts the rows of a kind that share a dimension's value, a class (the
// entry's level) and a bucket of time. Each row of the log is counted once
// under the nil tenant, which stands for all, and once under its own.
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
		field.Bytes("value").MaxLen(MaxText).
			SchemaType(map[string]string{dialect.SQLite: "blob", dialect.MySQL: "varbinary(255)"}),
		idColumn("tenant_id"),
		field.Int32("bucket").Comment("hours or days since 1970, as the dimension has it"),
		field.Int16("class"),
		field.Int64("row_count"),
	}
}

// Indexes makes the key unique.
func (Rollup) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("kind", "dimension", "value", "tenant_id", "bucket", "class").Unique().
			StorageKey("rollups_key"),
	}
}

// Policy shows a bound principal its own tenant's sums only.
func (Rollup) Policy() ent.Policy {
	return rowPolicy{read: auth.EntriesRead, append: auth.EntriesWrite, tenantColumn: "tenant_id"}
}
