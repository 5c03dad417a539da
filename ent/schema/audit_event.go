package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"logbook/ent/column"
	"logbook/internal/auth"
)

// AuditEvent is one thing that somebody did, or tried, with an identity (the
// codebird document's record). Events are only ever added: nothing changes one,
// and the policy lets nothing remove one.
type AuditEvent struct{ ent.Schema }

// Annotations names the table.
func (AuditEvent) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("audit_events")}
}

// Fields gives the document's columns, the order of arrival, and what a proof
// that nothing was changed is made of.
func (AuditEvent) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").MaxLen(MaxText).NotEmpty().Immutable().SchemaType(shortText(MaxText)).
			Comment("an opaque text, verbatim"),
		optionalID("tenant_id"),
		field.String("key").Immutable().SchemaType(shortText(MaxText)).
			Comment("what happened, such as SignIn.Password"),
		field.String("user_id").Optional().Nillable().Immutable().SchemaType(shortText(MaxText)).
			Comment("the user's id in its own system, verbatim"),
		field.String("application_id").Optional().Nillable().Immutable().SchemaType(shortText(MaxText)),
		field.String("ip").Optional().Nillable().Immutable().SchemaType(shortText(MaxText)),
		field.String("user_agent").Optional().Nillable().Immutable().SchemaType(shortText(MaxAgent)),
		field.Int64("created_at").GoType(column.Time(0)).Immutable(),
		field.Int32("writer").Immutable().Comment("the number of the process that committed the row"),
		field.Int64("sequence").Immutable().Comment("rises in commit order within a writer"),
		field.Bytes("nonce").MaxLen(16).Immutable().Sensitive().
			SchemaType(map[string]string{dialect.SQLite: "blob", dialect.MySQL: "binary(16)"}).
			Comment("random, so that a hash of the event gives nothing away"),
		field.Bytes("payload").GoType(column.JSON(nil)).Optional().Immutable().SchemaType(longText).
			Comment("a JSON object as it came in; null stands for {}"),
		field.Bytes("canonical").Immutable().Sensitive().SchemaType(longText).
			Comment("the event as journal.canonicalEvent wrote it when it was stored"),
	}
}

// Indexes serves each filter, newest first. The document has none but the order
// of time; the others are GraphQL's.
// The last is for those who follow (docs/decisions/0012).
func (AuditEvent) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("created_at", "id").StorageKey("audit_events_time"),
		index.Fields("tenant_id", "created_at", "id").StorageKey("audit_events_tenant"),
		index.Fields("key", "created_at", "id").StorageKey("audit_events_key"),
		index.Fields("user_id", "created_at", "id").StorageKey("audit_events_user"),
		index.Fields("application_id", "created_at", "id").StorageKey("audit_events_application"),
		index.Fields("ip", "created_at", "id").StorageKey("audit_events_ip"),
		index.Fields("writer", "sequence").StorageKey("audit_events_arrival"),
	}
}

// Policy lets readers of audit events read and writers append, each within its
// tenant; nobody changes or removes any.
func (AuditEvent) Policy() ent.Policy {
	return rowPolicy{
		read: KindReaders[KindAudit], append: auth.AuditWrite,
		tenantColumn: "tenant_id", appendOnly: true,
	}
}
