package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"logbook/ent/column"
)

// TextBlock stands for the rows of a kind that a writer committed between two of its
// sequences: when they happened, and a filter of what stands in their searched texts. It
// holds no text. Blocks are made once, of rows that were committed long enough ago for a
// block to be full, and never changed (docs/decisions/0018).
type TextBlock struct{ ent.Schema }

// Annotations names the table.
func (TextBlock) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table("text_blocks")}
}

// Fields gives the columns. The filter is last, so that SQLite finds all others without
// reading it.
func (TextBlock) Fields() []ent.Field {
	return []ent.Field{
		field.Int64("id"),
		field.Int8("kind").Immutable(),
		field.Int32("writer").Immutable(),
		field.Int64("first_sequence").Immutable(),
		field.Int64("last_sequence").Immutable(),
		field.Int64("oldest").GoType(column.Time(0)).Immutable().Comment("the time of the oldest row"),
		field.Int64("newest").GoType(column.Time(0)).Immutable().Comment("the time of the newest row"),
		field.Bytes("filter").Immutable().
			SchemaType(map[string]string{dialect.SQLite: "blob", dialect.MySQL: "mediumblob"}).
			Comment("as internal/journal/gram_filter.go writes it"),
	}
}

// Indexes makes one block of what follows a sequence, whoever seals it, and finds the
// blocks of a time, from the newest back and from the oldest on.
func (TextBlock) Indexes() []ent.Index {
	return []ent.Index{
		index.Fields("kind", "writer", "first_sequence").Unique().StorageKey("text_blocks_first"),
		index.Fields("kind", "newest", "oldest").StorageKey("text_blocks_newest"),
		index.Fields("kind", "oldest", "newest").StorageKey("text_blocks_oldest"),
	}
}

// Policy keeps blocks from everybody: what stands in texts is for those who see the rows.
func (TextBlock) Policy() ent.Policy { return systemPolicy{} }
