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

// UsageRecord is one use of a language model, or a change of what a user may
// still use (the newapi document's record). Rows are only ever added and purged.
type UsageRecord struct{ ent.Schema }

// Annotations names the table.
func (UsageRecord) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("usage_records")}
}

// Fields gives the document's columns and the order of arrival. Numbers and
// texts are never null: 0 and "" stand for what is not known, as there.
func (UsageRecord) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id").Positive().Annotations(entsql.Annotation{Incremental: new(false)}),
		optionalID("tenant_id"),
		field.Int64("user_id").Comment("the user's number, which is its id in Logbook; 0 for none"),
		timeColumn("created_at"),
		field.Int8("type").GoType(column.UsageType(0)),
		field.String("username").SchemaType(shortText(MaxText)),
		field.String("token_name").SchemaType(shortText(MaxText)),
		field.String("model_name").SchemaType(shortText(MaxText)),
		field.Int64("quota"),
		field.Int64("prompt_tokens"),
		field.Int64("completion_tokens"),
		field.Int64("use_time").Comment("seconds"),
		field.Bool("is_stream"),
		field.Int64("channel_id"),
		field.String("channel_name").SchemaType(shortText(MaxText)),
		field.Int64("token_id"),
		field.String("group").SchemaType(shortText(MaxText)),
		field.String("ip").SchemaType(shortText(MaxText)),
		field.Int32("writer").Comment("the number of the process that committed the row"),
		field.Int64("sequence").Comment("rises in commit order within a writer"),
		field.String("content").SchemaType(longText),
		field.String("other").SchemaType(longText).Comment("a text that mostly holds JSON, verbatim"),
	}
}

// Indexes serves the documented filters, newest first. Names of users and tokens
// have the index of their numbers: the roll-ups know which numbers a name had.
// The indexes of time and users also have what is summed, so that a sum reads no rows where
// its time ends within the narrowest bucket (docs/decisions/0017).
// The last is for those who follow (docs/decisions/0012).
func (UsageRecord) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("created_at", "id", "type", "quota", "prompt_tokens", "completion_tokens").StorageKey("usage_records_time"),
		index.Fields("type", "created_at", "id").StorageKey("usage_records_type"),
		index.Fields("user_id", "created_at", "id", "type", "quota", "prompt_tokens", "completion_tokens").StorageKey("usage_records_user"),
		index.Fields("token_id", "created_at", "id").StorageKey("usage_records_token"),
		index.Fields("model_name", "created_at", "id").StorageKey("usage_records_model"),
		index.Fields("channel_id", "created_at", "id").StorageKey("usage_records_channel"),
		index.Fields("writer", "sequence").StorageKey("usage_records_arrival"),
	}
}

// Policy lets readers of usage read and writers append, each within its tenant,
// and every user read its own; only an administrator purges.
func (UsageRecord) Policy() ent.Policy {
	return rowPolicy{
		read: KindReaders[KindUsage], append: auth.UsageWrite,
		tenantColumn: "tenant_id", ownColumn: "user_id",
	}
}
