// Package schema declares Logbook's tables: columns, indexes, immutability, and
// the row policy that says which rows a principal reaches. Everything else
// under ent/ but column and migrations is generated from it.
//
// Rules for every table: times are column.Time (microseconds, UTC), compared
// strings are binary on MySQL and limited in bytes, long texts and JSON are
// blobs there, an index for a filter is (dimension, time, id) ascending and read
// backwards. There are no foreign keys: a log row outlives what it names.
package schema

import (
	"strconv"

	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/schema/field"

	"logbook/ent/column"
)

// Limits on what a row may hold, in bytes.
const (
	MaxText        = 255     // names, ids, addresses, sources
	MaxDescription = 1020    // an operation's description: 255 characters
	MaxAgent       = 2048    // a user agent
	MaxPath        = 2048    // a request's target; with it MySQL's index keys are nearly full
	MaxLongText    = 1 << 20 // a message
	MaxJSON        = 1 << 20 // metadata
)

func idColumn(name string) ent.Field {
	return field.UUID(name, column.ID{}).SchemaType(idType)
}

func optionalID(name string) ent.Field {
	return field.UUID(name, column.ID{}).Optional().Nillable().SchemaType(idType)
}

func timeColumn(name string) ent.Field {
	return field.Int64(name).GoType(column.Time(0))
}

func optionalTime(name string) ent.Field {
	return field.Int64(name).GoType(column.Time(0)).Optional().Nillable()
}

var idType = map[string]string{dialect.SQLite: "blob", dialect.MySQL: "binary(16)"}

// shortText is the type of a compared string of up to size bytes: binary on
// MySQL, whose text collations hold 'app' and 'app ' for equal.
func shortText(size int) map[string]string {
	return map[string]string{dialect.MySQL: "varbinary(" + strconv.Itoa(size) + ")"}
}

var longText = map[string]string{dialect.MySQL: "longblob"}
