package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"logbook/ent/column"
	"logbook/internal/auth"
)

// Entry is one line of an application's log (the scitiger document's record).
// Rows are only ever added and purged.
type Entry struct{ ent.Schema }

// Annotations names the table.
func (Entry) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("entries")}
}

// Fields gives the document's columns and the order of arrival. Tenant and
// category are named by id alone; the journal knows their names.
func (Entry) Fields() []ent.Field {
	return []ent.Field{
		idColumn("id"),
		optionalID("tenant_id"),
		optionalID("category_id"),
		field.Int8("level").GoType(column.Level(0)),
		field.String("source").Optional().Nillable().SchemaType(shortText(MaxText)),
		field.String("user_id").Optional().Nillable().SchemaType(shortText(MaxText)).
			Comment("the user's id in its own system, verbatim"),
		field.String("username").Optional().Nillable().SchemaType(shortText(MaxText)),
		field.String("ip_address").Optional().Nillable().SchemaType(shortText(MaxText)),
		field.String("user_agent").Optional().Nillable().SchemaType(shortText(MaxAgent)),
		field.String("request_id").Optional().Nillable().SchemaType(shortText(MaxText)),
		timeColumn("timestamp"),
		field.Int32("writer").Comment("the number of the process that committed the row"),
		field.Int64("sequence").Comment("rises in commit order within a writer"),
		// What may be long stands last: SQLite reads a row from its front.
		field.String("message").SchemaType(longText),
		field.Bytes("metadata").GoType(column.JSON(nil)).Optional().SchemaType(longText).
			Comment("a JSON object as it came in; null stands for {}"),
	}
}

// Indexes serves each documented filter, newest first.
// The last is for those who follow (docs/decisions/0012).
func (Entry) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("timestamp", "id").StorageKey("entries_time"),
		index.Fields("tenant_id", "timestamp", "id").StorageKey("entries_tenant"),
		index.Fields("category_id", "timestamp", "id").StorageKey("entries_category"),
		index.Fields("user_id", "timestamp", "id").StorageKey("entries_user"),
		index.Fields("level", "timestamp", "id").StorageKey("entries_level"),
		index.Fields("source", "timestamp", "id").StorageKey("entries_source"),
		index.Fields("writer", "sequence").StorageKey("entries_arrival"),
	}
}

// Policy lets readers of entries read and writers append, each within its
// tenant; only an administrator purges.
func (Entry) Policy() ent.Policy {
	return rowPolicy{
		read: KindReaders[KindEntry], append: auth.EntriesWrite, tenantColumn: "tenant_id",
	}
}
