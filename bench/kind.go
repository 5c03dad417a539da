package main

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"

	"logbook/ent/column"
	"logbook/internal/journal"
)

// kind is what the bench knows of one kind of log. It is written down here anew
// and not asked of the journal, so that a mistake there shows: the floor's
// roll-ups are compared with the journal's.
type kind struct {
	name   string // as --kind takes it
	table  string
	time   string // its column of times
	number int    // in the roll-ups
	class  string // its column of classes; "" for none
	sums   []string
	// dimensions are what its roll-ups count.
	dimensions []dimension
	// fields are what a page of the kind shows; list is its GraphQL field and filter
	// that field's type of filter.
	list, filter string
	fields       []field
	join         string // of the tables that fields need beside the kind's own

	// drafts begins a row of made-up drafts.
	drafts func(*rand.Rand) func(at column.Time) any
	append func(context.Context, *journal.Journal, []any) error
	// questions are asked in their order.
	questions func(k *kind, w world) []question
	// prepare makes what rows name, before the first row.
	prepare func(context.Context, *sql.DB) error
	// sign makes what questions sign in with, where it is not there yet; nil for nothing.
	sign func(context.Context, *sql.DB) error
}

// dimension is one way in which the roll-ups count a kind.
type dimension struct {
	number  int
	widths  []int64 // of its buckets, in minutes, ascending
	columns []string
	absent  bool // null counts, as the empty value
}

// kinds lists all kinds.
func kinds() []*kind {
	return []*kind{usage(), entries(), audit(), operations(), apiCalls()}
}

// kindNamed gives the kind of a name.
func kindNamed(name string) (*kind, error) {
	for _, k := range kinds() {
		if k.name == name {
			return k, nil
		}
	}
	return nil, fmt.Errorf("--kind %s: there is no such kind", name)
}

// appending gives a kind's append for its log.
func appending[R, D, F any](log func(*journal.Journal) *journal.Log[R, D, F]) func(context.Context, *journal.Journal, []any) error {
	return func(ctx context.Context, j *journal.Journal, drafts []any) error {
		typed := make([]D, len(drafts))
		for i, draft := range drafts {
			typed[i] = draft.(D)
		}
		_, err := log(j).Append(ctx, typed)
		return err
	}
}
