package resolvers

import (
	"context"
	"fmt"

	"logbook/internal/fault"
	"logbook/internal/journal"
)

// maxBatch is how many rows one mutation may append.
const maxBatch = 10_000

// reader gives the draft that an input brings, and its idempotency key. It fails with
// kind Invalid for what the journal would not see.
type reader[I, D any] func(*I) (draft D, key *string, err error)

// appendOne appends the row that an input brings.
func appendOne[R, D, F, I any](ctx context.Context, log *journal.Log[R, D, F], in *I, read reader[I, D]) (*R, error) {
	draft, key, err := read(in)
	if err != nil {
		return nil, place(err, inInput)
	}
	rows, err := store(ctx, log, []D{draft}, key)
	if err != nil {
		return nil, place(err, inInput)
	}
	return rows[0], nil
}

// batch says how a kind's batches are worded: the field of the input that lists the
// rows, and what is said of too many.
type batch struct {
	list string
	most fault.Sentence
}

// place words an error's problems: those of a row by its position.
func (b batch) place(err error) error {
	return place(err, func(p *fault.Problem) {
		if p.Index < 0 {
			inInput(p)
			return
		}
		p.Field = fmt.Sprintf("input.%s[%d].%s", b.list, p.Index, camel(p.Field))
	})
}

// appendAll appends the rows that inputs bring, under a key where there is one, all or
// none.
func appendAll[R, D, F, I any](ctx context.Context, log *journal.Log[R, D, F], b batch, inputs []*I, key *string, read reader[I, D]) ([]*R, error) {
	if len(inputs) > maxBatch {
		return nil, fault.Refuse(fault.Problem{Index: -1, Field: "input." + b.list, Reason: fault.Outside, Detail: b.most})
	}
	drafts := make([]D, len(inputs))
	var problems []fault.Problem
	for i, in := range inputs {
		draft, own, err := read(in)
		if refused := fault.As(err); refused != nil {
			if len(refused.Problems) == 0 {
				return nil, err
			}
			for _, p := range refused.Problems {
				p.Index = i
				problems = append(problems, p)
			}
		}
		if own != nil {
			problems = append(problems, fault.Problem{Index: i, Field: "idempotency_key", Reason: fault.Clash, Detail: fault.Say("cannot stand in a batch, which has a key of its own")})
		}
		drafts[i] = draft
	}
	if len(problems) > 0 {
		return nil, b.place(fault.Refuse(problems...))
	}
	rows, err := store(ctx, log, drafts, key)
	return rows, b.place(err)
}

// store hands drafts to the journal.
func store[R, D, F any](ctx context.Context, log *journal.Log[R, D, F], drafts []D, key *string) ([]*R, error) {
	if key == nil {
		return log.Append(ctx, drafts)
	}
	return log.AppendOnce(ctx, *key, drafts)
}
