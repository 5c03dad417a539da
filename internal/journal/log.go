package journal

import (
	"context"
	"slices"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/schema"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// Log is one kind of log: its rows are of type R, come in as drafts D and are
// asked for by filters F. It is safe for concurrent use.
type Log[R, D, F any] struct {
	journal *Journal
	*table[R, D, F]
}

// shape adds to a query: conditions, order, limit, what is selected.
type shape = func(*sql.Selector)

// table is what makes one kind different from the others. All else is said once,
// in the methods of Log.
type table[R, D, F any] struct {
	kind  schema.Kind
	noun  fault.Sentence // what people call a row
	name  string         // of the table in the database
	id    string         // its column of ids
	time  string         // its column of times
	class string         // the column that every roll-up tells apart; "" for none

	idName string // what the kind's document calls a row's id

	columns    []attribute[R]
	texts      []string       // the columns in which parts of texts are looked for (see text_search.go)
	dimensions []dimension[R] // the first counts all rows
	facets     []facet        // what people tell rows apart by
	numbers    []measure      // what people ask percentiles of
	append     auth.Permission
	kept       bool // nobody purges

	wholeSeconds bool // times are cut to them, as the kind's document has them

	// Where a row keeps what all kinds have.
	idOf      func(*R) rowID
	timeOf    func(*R) *column.Time
	tenantOf  func(*R) **column.ID
	arrivalOf func(*R) (writer *int32, sequence *int64)
	classOf   func(*R) int16  // nil where class is ""
	summed    func(*R, *sums) // adds what is summed beside the count; nil for nothing
	// categoryOf is nil for kinds that have no categories, ownerOf, the number of the
	// user whose row it is, for kinds in which nobody has rows of its own.
	categoryOf func(*R) *column.ID
	ownerOf    func(*R) int64

	// setID makes the row's id of a number that no other row has, and setHashed of
	// a content's hash.
	setID     func(row *R, number int64)
	setHashed func(row *R, hash []byte)

	// check gives what is wrong with a draft itself, row makes a row of one.
	check func(draft *D, index int) []fault.Problem
	// own names the field by which a draft passes for Logbook's own record, "" where
	// none does: nobody appends such rows, though an import brings them back. Nil for
	// kinds in which Logbook records nothing.
	own func(*D) (field string)
	row func(*D) (row *R, has given)
	// asks reads a filter.
	asks func(ctx context.Context, client *ent.Client, filter *F) (question, error)

	// look completes rows from other tables before they are stored, seal right
	// before they are, with everything else in place; nil for kinds that need none.
	look func(ctx context.Context, j *Journal, rows []*R) error
	seal func(*R)
	// present hides from a principal the parts of a row it may not see; nil for none.
	present func(p *auth.Principal, row *R)

	// How ent asks for this kind.
	all    func(ctx context.Context, client *ent.Client, shaped shape) ([]*R, error)
	count  func(ctx context.Context, client *ent.Client, shaped shape) (int, error)
	scan   func(ctx context.Context, client *ent.Client, shaped shape, into any) error
	remove func(ctx context.Context, client *ent.Client, where shape) (int, error)
}

// given says what a draft brings along of what would else be made.
type given struct{ id, time bool }

// attribute is a column and how a row's value looks in the database: nil, int64,
// string, []byte, bool or column.JSON.
type attribute[R any] struct {
	column string
	value  func(*R) any
	use    use
}

// use says what a column is for.
type use int8

const (
	content  use = iota // what the input says of the row
	lookedUp            // content that Logbook may complete
	itself              // the row's id
	moment              // the row's time
	arrival             // made by Logbook
)

// question is a filter in the terms that all kinds share.
type question struct {
	since, until *column.Time // until is excluded
	tenant       *column.ID
	class        func(column string) shape // the condition on rows' and on roll-ups' column; nil for all
	choices      []choice
	except       *choice  // leaves rows out
	rest         []shape  // conditions that no roll-up counts
	picked       []string // the columns of which one value is asked for; "" for one, or more, of which some are
	scans        bool     // no index serves one of rest: row after row is looked at
	none         bool     // nothing can pass

	grams    []uint64        // of texts that each row has which passes (see text_search.go)
	scanned  string          // a field that only reading rows finds, "" for none
	problems []fault.Problem // what cannot be asked
}

// choice is a value, or some, of one dimension.
type choice struct {
	dimension int8
	rollups   shape // the condition on roll-ups
	named     bool  // it names the values that it asks for
	rows      shape // the same on rows
	opposite  shape // of question.except: the rows that are left out, where rows keeps the others
}

// ask reads a filter for a query that looks for rows in time. It refuses what would
// read too many.
func (l *Log[R, D, F]) ask(ctx context.Context, client *ent.Client, filter F) (question, error) {
	q, err := l.read(ctx, client, filter)
	if err != nil {
		return q, err
	}
	return q, q.bounded(l.journal.now)
}

// askArrived reads a filter for a query that looks through rows in the order of their
// arrival, so no condition makes it read more, and no index is worth a look at the names
// that the roll-ups know.
func (l *Log[R, D, F]) askArrived(ctx context.Context, client *ent.Client, filter F) (question, error) {
	return l.read(context.WithValue(ctx, arrivalKey{}, true), client, filter)
}

type arrivalKey struct{}

// byArrival says whether askArrived reads the filter.
func byArrival(ctx context.Context) bool { return ctx.Value(arrivalKey{}) != nil }

// read reads a filter. It refuses whoever may not read the kind: roll-ups would answer
// such a caller with nothing, which is not true.
func (l *Log[R, D, F]) read(ctx context.Context, client *ent.Client, filter F) (question, error) {
	if err := schema.MayRead(ctx, l.kind); err != nil {
		return question{}, err
	}
	q, err := l.asks(ctx, client, &filter)
	switch {
	case err != nil:
		return q, err
	case len(q.problems) > 0:
		return q, fault.Refuse(q.problems...)
	}
	return q, nil
}

// conditions gives a question as conditions on rows.
func (t *table[R, D, F]) conditions(q question) []shape {
	list := make([]shape, 0, 8)
	if q.none {
		list = append(list, func(s *sql.Selector) { s.Where(sql.False()) })
	}
	if q.since != nil {
		list = append(list, sql.FieldGTE(t.time, int64(*q.since)))
	}
	if q.until != nil {
		list = append(list, sql.FieldLT(t.time, int64(*q.until)))
	}
	if q.tenant != nil {
		list = append(list, sql.FieldEQ("tenant_id", q.tenant[:]))
	}
	if q.class != nil {
		list = append(list, q.class(t.class))
	}
	for _, chosen := range q.choices {
		list = append(list, chosen.rows)
	}
	if q.except != nil {
		list = append(list, q.except.rows)
	}
	return append(list, q.rest...)
}

// classColumn stands in question.picked for the kind's column of classes.
const classColumn = "class"

// pick notes what a condition asks of a column.
func pick[T comparable](q *question, column string, w *Where[T]) {
	if only, bounded := w.only(); bounded && len(only) == 1 {
		q.picked = append(q.picked, column)
	} else if w.picks() || w.ranges() {
		q.picked = append(q.picked, "")
	}
}

// sorted says by which index a page is read: by that of the one column of which one value
// is asked for, if it has one, or by that of all rows' time where nothing is. There the
// page's rows stand side by side. Where a class is asked for beside the column it is by the
// column's index if that has the class, too, since most classes have many rows.
func (t *table[R, D, F]) sorted(ctx context.Context, q question) shape {
	picked := q.picked
	if q.tenant == nil && !boundTenant(ctx).IsZero() {
		picked = append(slices.Clip(picked), "tenant_id")
	}
	if len(picked) == 0 && len(q.rest) == 0 && q.except == nil {
		picked = []string{t.time}
	}
	return func(s *sql.Selector) {
		if at := slices.Index(picked, classColumn); at >= 0 && len(picked) == 2 {
			db.OnlyByIndex(s, t.name, picked[1-at], t.class)
			return
		}
		if len(picked) != 1 {
			return
		}
		column := picked[0]
		if column == classColumn {
			column = t.class
		}
		db.ByIndex(s, t.name, column)
	}
}

// shaped joins shapes to one.
func shaped(shapes ...shape) shape {
	return func(s *sql.Selector) {
		for _, one := range shapes {
			one(s)
		}
	}
}

// ordered sorts by time and id.
func (t *table[R, D, F]) ordered(descending bool) shape {
	return func(s *sql.Selector) {
		if descending {
			s.OrderBy(sql.Desc(s.C(t.time)), sql.Desc(s.C(t.id)))
		} else {
			s.OrderBy(s.C(t.time), s.C(t.id))
		}
	}
}

func limited(n int) shape { return func(s *sql.Selector) { s.Limit(n) } }

// shown hides from the context's principal what it may not see of rows that it
// does.
func (t *table[R, D, F]) shown(ctx context.Context, rows []*R) []*R {
	if t.present != nil {
		p := auth.From(ctx)
		for _, row := range rows {
			t.present(p, row)
		}
	}
	return rows
}

// Get gives one row by its id as text. It fails with kind NotFound, also for a
// row that the principal may not see and a text that can be no id.
func (l *Log[R, D, F]) Get(ctx context.Context, id string) (*R, error) {
	absent := fault.New(fault.NotFound, "there is no %s %q", l.noun, fault.Shorten(id))
	key, ok := parseID(l.idOf(new(R)), id)
	if !ok {
		return nil, absent
	}
	rows, err := l.all(ctx, l.journal.db.Ent(), shaped(sql.FieldEQ(l.id, key.value()), limited(1)))
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, absent
	}
	return l.shown(ctx, rows)[0], nil
}
