package journal

import (
	"context"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/entry"
	"logbook/ent/predicate"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// EntryPurge says which entries go: those that meet all that is set. At least
// one must be.
type EntryPurge struct {
	TenantID   *column.ID
	CategoryID *column.ID
	Before     *column.Time // strictly before
}

func (p EntryPurge) predicates() []predicate.Entry {
	return EntryFilter{TenantID: p.TenantID, CategoryID: p.CategoryID, Until: p.Before}.predicates()
}

// PurgeEntries deletes entries and gives their number. Only an administrator
// may, and one bound to a tenant reaches only its rows. Rows go in short
// transactions, each with its roll-ups; on an error those before it are gone,
// and their number is given. Rows written meanwhile may stay.
func (j *Journal) PurgeEntries(ctx context.Context, purge EntryPurge) (int64, error) {
	if purge == (EntryPurge{}) {
		return 0, fault.New(fault.Invalid, "a purge needs a tenant, a category or a time")
	}
	return j.purge(ctx, purge.predicates())
}

// purge is the one loop that removes entries.
func (j *Journal) purge(ctx context.Context, conditions []predicate.Entry) (int64, error) {
	if err := auth.Require(ctx, auth.Need{Role: auth.Admin}); err != nil {
		return 0, err
	}
	var purged int64
	size := 200
	for {
		began := time.Now()
		var removed int
		err := j.commit(ctx, func(tx *db.Tx, _ *position) (err error) {
			removed, err = purgeSome(ctx, tx, conditions, size)
			return err
		})
		if err != nil {
			return purged, err
		}
		purged += int64(removed)
		if removed < size {
			break
		}
		held := time.Since(began)
		size = max(50, min(size*2, 1000, int(float64(size)*float64(importHold)/float64(held+1))))
		if err := j.yield(ctx, held); err != nil {
			return purged, err
		}
	}
	if purged == 0 {
		return 0, nil
	}
	return purged, j.db.GiveBack(ctx)
}

// purgeSome removes up to size rows, oldest first, with their roll-ups.
func purgeSome(ctx context.Context, tx *db.Tx, conditions []predicate.Entry, size int) (int, error) {
	var rows []*ent.Entry
	rows, err := tx.Entry.Query().Where(conditions...).Where(db.ForUpdate).
		Order(entry.ByTimestamp(), entry.ByID()).Limit(size).
		Select(entry.FieldID, entry.FieldTenantID, entry.FieldCategoryID, entry.FieldLevel,
			entry.FieldSource, entry.FieldUserID, entry.FieldTimestamp).All(ctx)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	ids := make([]column.ID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	removed, err := tx.Entry.Delete().Where(entry.IDIn(ids...)).Exec(ctx)
	if err != nil {
		return 0, err
	}
	if removed != len(rows) {
		return 0, fault.New(fault.Internal, "a purge found %d rows and removed %d", len(rows), removed)
	}
	return removed, addRollups(ctx, tx, entryDeltas(rows, -1))
}
