package journal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/schema"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// Purge deletes the rows that pass a filter, at least one condition of which must
// be set, and gives their number. Only an administrator may, and one bound to a
// tenant reaches only its rows; audit events nobody purges. Rows go in short
// transactions, each with its roll-ups; on an error those before it are gone,
// and their number is given. Rows written meanwhile may stay.
//
// A purge that removes anything is recorded (see Change): in its one transaction, or,
// where it takes more, in the first, in the last, and in between whenever the number of
// rows has doubled. So of one whose process is killed at least half is recorded.
func (l *Log[R, D, F]) Purge(ctx context.Context, filter F) (int64, error) {
	q, err := l.purgeOf(ctx, filter)
	if err != nil {
		return 0, err
	}
	return l.purge(ctx, q, Change{
		Event: "Purge", Tenant: q.tenant, Details: map[string]any{"filter": recorded(asked(filter))},
	})
}

// WouldPurge counts what Purge would remove, and refuses what it would refuse.
func (l *Log[R, D, F]) WouldPurge(ctx context.Context, filter F) (int64, error) {
	if _, err := l.purgeOf(ctx, filter); err != nil {
		return 0, err
	}
	return l.Count(ctx, filter)
}

// purgeOf reads the filter of a purge, for those who may.
func (l *Log[R, D, F]) purgeOf(ctx context.Context, filter F) (question, error) {
	if err := l.mayRemove(ctx); err != nil {
		return question{}, err
	}
	q, err := l.ask(ctx, l.journal.db.Ent(), filter)
	if err == nil && len(l.conditions(q)) == 0 {
		err = fault.New(fault.Invalid, "a purge needs a condition")
	}
	return q, err
}

// mayRemove says whether the context's principal may remove rows. The row policy
// asks the same of every deletion.
func (l *Log[R, D, F]) mayRemove(ctx context.Context) error {
	if l.kept {
		return fault.New(fault.Forbidden, "%ss are never removed", l.noun)
	}
	return auth.Require(ctx, auth.Need{Role: auth.Admin})
}

// A transaction that removes rows works for about purgeWork, while others wait who write.
// The more rows it takes the less each costs, since they share pages and roll-ups, so it
// takes leastPurged where the machine is busy with others; how long the disk takes to sync
// is no part of it, or a slow one would be asked for more of them.
const (
	purgeWork   = 30 * time.Millisecond
	leastPurged = 1_000
	mostPurged  = 5_000 // engines take some ten thousand arguments
)

// purge is the one loop that removes rows. Of the change that it is, the kind and the
// number of rows are filled in here.
func (l *Log[R, D, F]) purge(ctx context.Context, q question, change Change) (int64, error) {
	change.Action = column.ActionDelete
	change.Details["kind"] = l.name
	by := change.Sentence
	said := func(state purgeState, removed int64) Change {
		change.Sentence = by + fmt.Sprintf(purgeSentences[state], removed, l.name)
		change.Details["state"], change.Details["removed"] = state, removed
		return change
	}
	var purged, recorded int64
	size := l.journal.leastPurged
	clears := l.clears(ctx, q)
	for {
		began := time.Now()
		var removed int
		var worked time.Duration
		var record []*ent.Operation
		err := l.journal.commit(ctx, func(tx *db.Tx, at *position) (err error) {
			begun := time.Now()
			defer func() { worked = time.Since(begun) }()
			removed, err = l.purgeSome(ctx, tx, q, clears, size)
			total := purged + int64(removed)
			switch {
			case err != nil || total == 0:
			case removed < size:
				_, err = l.journal.record(ctx, tx, at, said(purgeComplete, total))
			case total >= 2*recorded:
				record, err = l.journal.record(ctx, tx, at, said(purgeUnderWay, total))
			}
			return err
		})
		if errors.Is(err, errCleared) {
			clears = false // somebody wrote at that time
			continue
		}
		if err != nil {
			return purged, l.brokenOff(ctx, err, purged, said)
		}
		purged += int64(removed)
		if len(record) > 0 {
			recorded = purged
			if l.kind == schema.KindOperation && (q.until == nil || record[0].CreatedAt < *q.until) { // it is no row to remove
				q.rest, clears = append(q.rest, sql.FieldNEQ(l.id, record[0].ID)), false
			}
		}
		if removed < size {
			break
		}
		size = max(l.journal.leastPurged, min(size*2, mostPurged, int(float64(size)*float64(purgeWork)/float64(worked+1))))
		if _, err := l.journal.yield(ctx, time.Since(began)); err != nil {
			return purged, l.brokenOff(ctx, err, purged, said)
		}
	}
	if purged > 0 {
		select {
		case l.journal.freed <- struct{}{}:
		default: // it is known already
		}
	}
	return purged, nil
}

// KeepTrimmed gives the space that purges freed back to the file system, until ctx ends,
// so that whoever asked for a purge need not wait for that. What fails is handed to failed,
// and tried again after the next purge.
func (j *Journal) KeepTrimmed(ctx context.Context, failed func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.freed:
			if err := j.db.GiveBack(ctx); err != nil && ctx.Err() == nil {
				failed(err)
			}
		}
	}
}

// Trim is KeepTrimmed for whoever wants to wait: it gives back what purges of this journal
// freed, and does nothing where there was none.
func (j *Journal) Trim(ctx context.Context) error {
	select {
	case <-j.freed:
		return j.db.GiveBack(ctx)
	default:
		return nil
	}
}

// purgeState is how far a recorded purge had come.
type purgeState string

const (
	purgeUnderWay purgeState = "under way"
	purgeComplete purgeState = "complete"
	purgeBroken   purgeState = "broken off"
)

var purgeSentences = map[purgeState]string{
	purgeUnderWay: "is removing rows, %d so far, of %s",
	purgeComplete: "removed %d rows of %s",
	purgeBroken:   "broke off after removing %d rows of %s",
}

// brokenOff records that a purge which had begun came to no end, as far as it can
// still be recorded, and gives why.
func (l *Log[R, D, F]) brokenOff(ctx context.Context, why error, purged int64, said func(purgeState, int64) Change) error {
	if purged == 0 {
		return why
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := l.journal.Change(ctx, func(*db.Tx) ([]Change, error) { return []Change{said(purgeBroken, purged)}, nil })
	if err != nil {
		return fmt.Errorf("%w (and that is not recorded: %w)", why, err)
	}
	return why
}

// clears says whether all rows of a question's time pass it, so that none is left there.
func (l *Log[R, D, F]) clears(ctx context.Context, q question) bool {
	q.since, q.until = nil, nil
	return len(l.conditions(q)) == 0 && boundTenant(ctx).IsZero()
}

// purgeSome removes up to size rows, oldest first, with their roll-ups. Clears says that
// the question asks for all rows of its time.
func (l *Log[R, D, F]) purgeSome(ctx context.Context, tx *db.Tx, q question, clears bool, size int) (int, error) {
	rows, err := l.all(ctx, tx.Client, shaped(shaped(l.conditions(q)...), l.ordered(false), limited(size), db.ForUpdate, l.counted))
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	ids := make([]any, len(rows))
	for i, row := range rows {
		ids[i] = l.idOf(row).value()
	}
	removed, err := l.remove(ctx, tx.Client, func(s *sql.Selector) { s.Where(sql.In(s.C(l.id), ids...)) })
	if err != nil {
		return 0, err
	}
	if removed != len(rows) {
		return 0, fault.New(fault.Internal, "a purge found %d rows and removed %d", len(rows), removed)
	}
	var cleared stretch // none
	if clears {
		if cleared = q.within(); removed == size { // more rows may be of the last one's time
			cleared.until = *l.timeOf(rows[removed-1])
		}
	}
	return removed, l.lowerRollups(ctx, tx, rows, cleared)
}

// counted selects only the columns that roll-ups are made of.
func (t *table[R, D, F]) counted(s *sql.Selector) {
	columns := []string{s.C(t.id), s.C(t.time), s.C("tenant_id")}
	seen := map[string]bool{}
	add := func(names ...string) {
		for _, name := range names {
			if name != "" && !seen[name] {
				seen[name] = true
				columns = append(columns, s.C(name))
			}
		}
	}
	add(t.class)
	for i := range t.dimensions {
		add(t.dimensions[i].columns...)
	}
	if t.summed != nil {
		add(rollupSums[1:]...)
	}
	s.Select(columns...)
}
