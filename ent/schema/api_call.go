package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"logbook/internal/auth"
)

// APICall is one call of an HTTP API (the trae document's record). Rows are only
// ever added and purged.
type APICall struct{ ent.Schema }

// Annotations names the table.
func (APICall) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("api_calls")}
}

// Fields gives the document's columns and the order of arrival.
func (APICall) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").MaxLen(MaxText).NotEmpty().SchemaType(shortText(MaxText)).
			Comment("an opaque text, verbatim"),
		optionalID("tenant_id"),
		field.String("app_id").SchemaType(shortText(MaxText)).Comment("unmasked"),
		field.String("http_method").SchemaType(shortText(MaxText)),
		field.String("source_ip").SchemaType(shortText(MaxText)),
		field.Int32("status_code"),
		timeColumn("operation_time"),
		field.Int32("writer").Comment("the number of the process that committed the row"),
		field.Int64("sequence").Comment("rises in commit order within a writer"),
		field.String("api_path").SchemaType(shortText(MaxPath)),
	}
}

// Indexes serves the documented filters and GraphQL's, newest first.
// The last is for those who follow (docs/decisions/0012).
func (APICall) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("operation_time", "id").StorageKey("api_calls_time"),
		index.Fields("tenant_id", "operation_time", "id").StorageKey("api_calls_tenant"),
		index.Fields("source_ip", "operation_time", "id").StorageKey("api_calls_source_ip"),
		index.Fields("api_path", "operation_time", "id").StorageKey("api_calls_api_path"),
		index.Fields("app_id", "operation_time", "id").StorageKey("api_calls_app"),
		index.Fields("status_code", "operation_time", "id").StorageKey("api_calls_status"),
		index.Fields("writer", "sequence").StorageKey("api_calls_arrival"),
	}
}

// Policy lets readers of API calls read and writers append, each within its
// tenant; only an administrator purges.
func (APICall) Policy() ent.Policy {
	return rowPolicy{
		read: KindReaders[KindAPICall], append: auth.APICallsWrite, tenantColumn: "tenant_id",
	}
}
