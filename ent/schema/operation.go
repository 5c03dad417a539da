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

// Operation is one thing that a user did in an administration (the hertz
// document's record). Rows are only ever added and purged.
type Operation struct{ ent.Schema }

// Annotations names the table.
func (Operation) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("operations")}
}

// Fields gives the document's columns and the order of arrival.
func (Operation) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id").Positive().Annotations(entsql.Annotation{Incremental: new(false)}),
		optionalID("tenant_id"),
		field.Int64("user_id").Optional().Nillable().Comment("the user's number in its own system"),
		field.String("username").Optional().Nillable().SchemaType(shortText(MaxText)),
		field.Int8("action").GoType(column.Action(0)),
		field.String("module").SchemaType(shortText(MaxText)),
		field.String("description").SchemaType(shortText(MaxDescription)),
		field.String("target_model").Optional().Nillable().SchemaType(shortText(MaxText)),
		field.Int64("target_id").Optional().Nillable(),
		field.String("ip_address").Optional().Nillable().SchemaType(shortText(MaxText)),
		field.String("user_agent").Optional().Nillable().SchemaType(shortText(MaxAgent)),
		field.Int32("response_status").Optional().Nillable(),
		field.Int8("status").Comment("1 where it succeeded, else 0"),
		timeColumn("created_at"),
		field.Int32("writer").Comment("the number of the process that committed the row"),
		field.Int64("sequence").Comment("rises in commit order within a writer"),
		field.Bytes("request_data").GoType(column.JSON(nil)).Optional().SchemaType(longText).
			Comment("a JSON value as it came in, secrets masked; null stands for none"),
	}
}

// Indexes serves each documented filter, newest first. The user's number has the
// index of the user's name: the roll-ups know which names a number had.
// The last is for those who follow (docs/decisions/0012).
func (Operation) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("created_at", "id").StorageKey("operations_time"),
		index.Fields("username", "created_at", "id").StorageKey("operations_username"),
		index.Fields("action", "created_at", "id").StorageKey("operations_action"),
		index.Fields("module", "created_at", "id").StorageKey("operations_module"),
		index.Fields("status", "created_at", "id").StorageKey("operations_status"),
		index.Fields("ip_address", "created_at", "id").StorageKey("operations_ip_address"),
		index.Fields("writer", "sequence").StorageKey("operations_arrival"),
	}
}

// Policy lets readers of operations read and writers append, each within its
// tenant; only an administrator purges.
func (Operation) Policy() ent.Policy {
	return rowPolicy{
		read:   KindReaders[KindOperation],
		append: auth.OperationsWrite, tenantColumn: "tenant_id",
	}
}
