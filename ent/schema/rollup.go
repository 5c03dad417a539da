package schema

import (
	"context"
	"strconv"

	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"

	"logbook/ent/column"
	"logbook/ent/intercept"
	"logbook/internal/auth"
	"logbook/internal/fault"
)

// Rollup counts and sums the rows of a kind that share a dimension's value, a
// class (an entry's level, a usage record's type) and a bucket of time. Each row
// of the log is counted in every width of bucket that its dimension has, in each once
// under the nil tenant, which stands for all, and once under its own.
//
// The table's key is all columns but the sums, and the table is kept in the
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
		field.Int16("width").Comment("of the bucket, in minutes"),
		idColumn("tenant_id"),
		field.Bytes("value").MaxLen(maxValue).
			SchemaType(map[string]string{dialect.SQLite: "blob", dialect.MySQL: "varbinary(" + strconv.Itoa(maxValue) + ")"}).
			Comment("as RollupValue joins it"),
		field.Int32("id").StorageKey("bucket").Annotations(entsql.Annotation{Incremental: new(false)}).
			Comment("whole widths since 1970, rounded down"),
		field.Int16("class"),
		field.Int64("row_count"),
		// What follows is of usage records only, 0 for every other kind.
		field.Int64("quota").Default(0),
		field.Int64("prompt_tokens").Default(0),
		field.Int64("completion_tokens").Default(0),
	}
}

// maxValue is how long a value may be: a number, a separator and a name.
const maxValue = 20 + 1 + MaxText

// Policy shows a principal the sums of the kinds that it may read, a bound one
// those of its own tenant only. A user who may not read usage sees its own.
func (Rollup) Policy() ent.Policy { return rollupPolicy{} }

// rollupPolicy narrows to kinds what rowPolicy narrows to rows.
type rollupPolicy struct{}

// EvalQuery narrows the query to the kinds the principal may read.
func (rollupPolicy) EvalQuery(ctx context.Context, q ent.Query) error {
	if err := auth.Require(ctx, auth.Need{}); err != nil {
		return err
	}
	query, err := intercept.NewQuery(q)
	if err != nil {
		return err
	}
	p := auth.From(ctx)
	var kinds []any
	for kind, permissions := range KindReaders {
		for _, permission := range permissions {
			if p.Holds(permission) {
				kinds = append(kinds, int64(kind))
				break
			}
		}
	}
	if len(kinds) < len(KindReaders) {
		visible := sql.FieldIn("kind", kinds...)
		if own, ok := p.Own(); ok {
			low, high := RollupRange(strconv.FormatInt(own, 10))
			visible = sql.OrPredicates(visible, sql.AndPredicates(
				sql.FieldEQ("kind", int64(KindUsage)), sql.FieldEQ("dimension", int64(UsageByUser)),
				sql.FieldGTE("value", low), sql.FieldLT("value", high)))
		} else if len(kinds) == 0 {
			return fault.New(fault.Forbidden, "this needs a permission to read a kind of log")
		}
		query.WhereP(visible)
	}
	if p.Tenant != nil {
		query.WhereP(sql.FieldEQ("tenant_id", column.ID(*p.Tenant)))
	}
	return nil
}

// EvalMutation refuses everything: roll-ups change with the rows they count, by
// bulk statements that the journal answers for.
func (rollupPolicy) EvalMutation(context.Context, ent.Mutation) error {
	return fault.New(fault.Forbidden, "roll-ups change with the rows they count")
}
