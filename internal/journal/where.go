package journal

import (
	"context"
	"slices"
	"time"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/schema"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// Where is what is asked of one field of the rows: everything that is set holds. A
// filter has nil for a field that it asks nothing of.
type Where[T comparable] struct {
	Eq *T `json:"eq,omitzero"`
	// In is nil where it asks nothing; the empty list finds nothing. At most MaxListed.
	In []T `json:"in,omitzero"`
	// Not passes rows without a value, too. At most MaxListed.
	Not []T `json:"not,omitzero"`
	// Exists finds the rows that have a value or, where it is false, those that have none.
	Exists *bool `json:"exists,omitzero"`
	// Contains is a part of a text, of at most MaxSearch bytes; the case of ASCII letters
	// does not matter, and the empty text asks nothing. It is for T string alone.
	Contains *string `json:"contains,omitzero"`
	// AtLeast and AtMost are for numbers and levels alone.
	AtLeast *T `json:"atLeast,omitzero"`
	AtMost  *T `json:"atMost,omitzero"`
}

// The conditions by the kinds of values there are.
type (
	TextCondition            = Where[string]
	NumberCondition          = Where[int64]
	BooleanCondition         = Where[bool]
	IDCondition              = Where[column.ID]
	LevelCondition           = Where[column.Level]
	OperationActionCondition = Where[column.Action]
	UsageTypeCondition       = Where[column.UsageType]
)

// MaxListed is how many values a list of a condition may have.
const MaxListed = 100

// Is asks for a value.
func Is[T comparable](value T) *Where[T] { return &Where[T]{Eq: &value} }

// isGiven asks for a value; nil asks nothing.
func isGiven[T comparable](value *T) *Where[T] {
	if value == nil {
		return nil
	}
	return Is(*value)
}

// OneOf asks for one of some values; of none, for nothing.
func OneOf[T comparable](values ...T) *Where[T] { return &Where[T]{In: append([]T{}, values...)} }

// IsNot leaves out values.
func IsNot[T comparable](values ...T) *Where[T] { return &Where[T]{Not: values} }

// Has asks for a part of a text.
func Has(part string) *Where[string] { return &Where[string]{Contains: &part} }

// asksNothing says whether every row meets the condition.
func (w *Where[T]) asksNothing() bool {
	return w == nil || w.Eq == nil && w.In == nil && len(w.Not) == 0 && w.Exists == nil && !asksPart(w.Contains) && !w.ranges()
}

func (w *Where[T]) ranges() bool { return w.AtLeast != nil || w.AtMost != nil }

// picks says whether a condition names or describes what it wants, rather than what it
// leaves out.
func (w *Where[T]) picks() bool {
	return w != nil && (w.Eq != nil || w.In != nil || w.Exists != nil || asksPart(w.Contains))
}

// only gives the values that alone may pass Eq, In, Not, Exists and Contains; false where they
// leave open which.
func (w *Where[T]) only() ([]T, bool) {
	if w == nil || w.Eq == nil && w.In == nil {
		return nil, false
	}
	candidates := w.In
	if w.Eq != nil {
		candidates = []T{*w.Eq}
	}
	values := []T{}
	for _, value := range candidates {
		if (w.In == nil || slices.Contains(w.In, value)) && !slices.Contains(w.Not, value) && (w.Exists == nil || *w.Exists) && w.contains(value) {
			values = append(values, value)
		}
	}
	return values, true
}

// passes says whether a value, nil for none, meets all but a range.
func (w *Where[T]) passes(value *T) bool {
	if w == nil {
		return true
	}
	if w.Exists != nil && *w.Exists != (value != nil) {
		return false
	}
	if value == nil {
		return w.Eq == nil && w.In == nil && !asksPart(w.Contains)
	}
	if only, bounded := w.only(); bounded && !slices.Contains(only, *value) || slices.Contains(w.Not, *value) {
		return false
	}
	return w.contains(*value)
}

// contains says whether a value has the part of a text that is asked for, if any.
func (w *Where[T]) contains(value T) bool {
	text, isText := any(value).(string)
	return !isText || containsFold(text, w.Contains)
}

// on gives the condition on a column of rows; optional says that it may be null.
func (w *Where[T]) on(name string, optional bool) shape {
	return func(s *sql.Selector) {
		if !w.asksNothing() {
			s.Where(w.predicate(s.C(name), optional))
		}
	}
}

// predicate gives the condition on a column as a selector names it.
func (w *Where[T]) predicate(at string, optional bool) *sql.Predicate {
	var all []*sql.Predicate
	if only, bounded := w.only(); bounded {
		switch len(only) {
		case 0:
			return sql.False()
		case 1:
			all = append(all, sql.EQ(at, raw(only[0])))
		default:
			all = append(all, sql.In(at, raws(only)...))
		}
	} else if len(w.Not) > 0 {
		others := sql.NotIn(at, raws(w.Not)...)
		if optional { // null is unequal to everything, and no NOT IN says so
			others = sql.Or(sql.IsNull(at), others)
		}
		all = append(all, others)
	}
	if w.Exists != nil {
		switch {
		case *w.Exists && optional:
			all = append(all, sql.NotNull(at))
		case !*w.Exists && optional:
			all = append(all, sql.IsNull(at))
		case !*w.Exists:
			return sql.False()
		}
	}
	if asksPart(w.Contains) {
		all = append(all, db.ContainsFold(at, *w.Contains))
	}
	if w.AtLeast != nil {
		all = append(all, sql.GTE(at, raw(*w.AtLeast)))
	}
	if w.AtMost != nil {
		all = append(all, sql.LTE(at, raw(*w.AtMost)))
	}
	switch len(all) {
	case 0: // it exists, as all do
		return sql.Not(sql.False())
	case 1: // ent's And of one forgets an Or's parentheses
		return all[0]
	}
	return sql.And(all...)
}

// raw gives a value as its column has it.
func raw(value any) any {
	switch v := value.(type) {
	case column.ID:
		return v[:]
	case column.Level:
		return int64(v)
	case column.Action:
		return int64(v)
	case column.UsageType:
		return int64(v)
	case bool:
		if v {
			return int64(1)
		}
		return int64(0)
	}
	return value
}

func raws[T comparable](values []T) []any {
	list := make([]any, len(values))
	for i, value := range values {
		list[i] = raw(value)
	}
	return list
}

// rollupValues gives values as the roll-ups have them.
func rollupValues[T comparable](values []T) []string {
	list := make([]string, len(values))
	for i, value := range values {
		switch v := raw(value).(type) {
		case string:
			list[i] = v
		case []byte:
			list[i] = string(v)
		case int64:
			list[i] = numberValue(v)
		}
	}
	return list
}

// filtered is where a kind keeps the values that a condition is about.
type filtered struct {
	name      string // as drafts have it
	column    string
	optional  bool // rows may be without a value
	dimension int8 // of the roll-ups that count by it, 0 for none
	absent    bool // they count the rows without a value, too, as ""
	verbatim  bool // it is any text, which may be a JSON object
	scanned   bool // only reading rows one by one finds it, and only within MaxScan
	searched  bool // the kind's blocks know its grams
}

// MaxScan is the longest time within which rows are read one by one for what no index
// and no roll-up knows.
const MaxScan = 31 * 24 * time.Hour

// scan notes that a field is asked for which only reading rows finds.
func (q *question) scan(field string) {
	if q.scanned == "" {
		q.scanned = field
	}
}

// bounded refuses a question that reads rows one by one without a bound.
func (q *question) bounded(now func() time.Time) error {
	if q.scanned == "" {
		return nil
	}
	var until time.Time
	if q.until != nil {
		until = q.until.Time()
	} else {
		until = now()
	}
	if q.since != nil && until.Sub(q.since.Time()) <= MaxScan {
		return nil
	}
	return fault.RefuseField(q.scanned, fault.Clash, "", "is found by reading rows one by one: set since, too, at most 31 days before until, or before now where there is no until")
}

func (q *question) refuse(p fault.Problem) {
	p.Index = -1
	q.problems = append(q.problems, p)
}

// accept checks a condition and says whether it asks anything that can be asked.
func accept[T comparable](q *question, name string, w *Where[T]) bool {
	if w.asksNothing() {
		return false
	}
	before := len(q.problems)
	for _, list := range []struct {
		name   string
		values []T
	}{{"in", w.In}, {"not", w.Not}} {
		if len(list.values) > MaxListed {
			q.refuse(fault.Problem{Field: name + "." + list.name, Reason: fault.Outside, Detail: fault.Say("a list of at most %d values", MaxListed)})
		}
	}
	if w.Contains != nil && len(*w.Contains) > MaxSearch {
		q.refuse(fault.Problem{Field: name + ".contains", Reason: fault.TooLong, Limit: MaxSearch})
	}
	return len(q.problems) == before
}

// where asks for the values of what is filtered. One dimension of the roll-ups counts whatever
// names values, leaves some out or asks for any; a part of a text and a range find
// rows.
func where[T comparable](q *question, at filtered, w *Where[T]) {
	if !accept(q, at.name, w) {
		return
	}
	rows := w.on(at.column, at.optional)
	if at.scanned {
		q.scan(at.name)
	}
	if at.searched {
		if asksPart(w.Contains) {
			q.has(*w.Contains)
		}
		if only, _ := w.only(); at.scanned && len(only) == 1 { // else an index finds it
			if text, ok := any(only[0]).(string); ok {
				q.has(text)
			}
		}
	}
	pick(q, at.column, w)
	if at.dimension == 0 || w.ranges() || asksPart(w.Contains) {
		q.rest = append(q.rest, rows)
		return
	}
	only, bounded := w.only()
	if bounded {
		if len(only) == 0 {
			q.none = true
			return
		}
		q.choices = append(q.choices, choice{dimension: at.dimension, named: true, rollups: rollupsOf(rollupValues(only)...), rows: rows})
		return
	}
	leftOut := rollupValues(w.Not)
	switch {
	case w.Exists != nil && !at.optional:
		if !*w.Exists {
			q.none = true
			return
		}
	case w.Exists != nil && at.absent && *w.Exists:
		leftOut = append(leftOut, "")
	case w.Exists != nil && at.absent:
		q.choices = append(q.choices, choice{dimension: at.dimension, named: true, rollups: rollupsOf(""), rows: rows})
		return
	case w.Exists != nil && *w.Exists:
		q.choices = append(q.choices, choice{dimension: at.dimension, rollups: rollupsBut(leftOut...), rows: rows})
		return
	case w.Exists != nil:
		q.leave(choice{dimension: at.dimension, rollups: rollupsBut(), rows: rows, opposite: sql.FieldNotNull(at.column)})
		return
	}
	if len(leftOut) == 0 {
		return
	}
	q.leave(choice{dimension: at.dimension, named: true, rollups: rollupsOf(leftOut...), rows: rows, opposite: func(s *sql.Selector) {
		left := sql.False()
		if len(w.Not) > 0 {
			left = sql.In(s.C(at.column), raws(w.Not)...)
		}
		if len(leftOut) > len(w.Not) {
			left = sql.Or(left, sql.IsNull(s.C(at.column)))
		}
		s.Where(left)
	}})
}

// leave leaves rows out: all less those of a choice. Roll-ups count one such.
func (q *question) leave(c choice) {
	if q.except == nil {
		q.except = &c
		return
	}
	q.rest = append(q.rest, c.rows)
}

// rollupsBut is the opposite of rollupsOf.
func rollupsBut(values ...string) shape {
	if len(values) == 0 {
		return func(*sql.Selector) {}
	}
	return func(s *sql.Selector) { s.Where(sql.Not(valueAmong(s, values))) }
}

// whereClass asks for what every roll-up tells apart, and every row has.
func whereClass[T comparable](q *question, name string, w *Where[T]) {
	if accept(q, name, w) {
		pick(q, classColumn, w)
		q.class = func(column string) shape { return w.on(column, false) }
	}
}

// whereTenant asks for the tenant. Roll-ups are kept for each of them and for all.
func whereTenant(q *question, w *Where[column.ID]) {
	if !accept(q, "tenant_id", w) {
		return
	}
	pick(q, "tenant_id", w)
	if only, bounded := w.only(); bounded && len(only) == 1 {
		q.tenant = &only[0]
		return
	}
	q.rest = append(q.rest, w.on("tenant_id", true))
}

// wherePart is where for texts that may be asked for by a part, too: the roll-ups know
// which texts have it.
func wherePart(ctx context.Context, client *ent.Client, kind schema.Kind, q *question, at filtered, w *Where[string]) error {
	// Who sees its own rows only sees no roll-ups of such texts.
	if w == nil || !asksPart(w.Contains) || w.ranges() || byArrival(ctx) || !auth.From(ctx).HoldsAny(schema.KindReaders[kind]...) {
		where(q, at, w)
		return nil
	}
	if !accept(q, at.name, w) {
		return nil
	}
	known, err := valuesOf(ctx, client, boundTenant(ctx), kind, at.dimension)
	if err != nil {
		return err
	}
	q.chooseAmong(at.dimension, known, func(value string) bool { return w.passes(&value) },
		func(values []string) shape { return sql.FieldIn(at.column, values...) }, w.on(at.column, at.optional))
	return nil
}

// orNobody turns a condition on a text that is absent or "" for nobody known into one
// that does not tell the two apart: "" stands for both.
func orNobody(w *Where[string]) *Where[string] {
	if w == nil || w.Exists == nil {
		return w
	}
	same := *w
	same.Exists = nil
	switch {
	case *w.Exists:
		same.Not = append(slices.Clone(w.Not), "")
	case w.In == nil || slices.Contains(w.In, ""):
		same.In = []string{""}
	default:
		same.In = []string{}
	}
	return &same
}

// onNobody is on for a condition of orNobody.
func (w *Where[T]) onNobody(name string) shape {
	var nobody T
	if w.asksNothing() || !w.passes(&nobody) {
		return w.on(name, false)
	}
	return func(s *sql.Selector) { s.Where(sql.Or(sql.IsNull(s.C(name)), w.predicate(s.C(name), false))) }
}
