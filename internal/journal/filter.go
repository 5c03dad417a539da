package journal

import (
	"entgo.io/ent/dialect/sql"

	"logbook/ent/column"
	"logbook/ent/entry"
	"logbook/ent/predicate"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// EntryFilter says which entries are asked for; an absent field asks nothing.
// Every field but Search has an index behind it.
type EntryFilter struct {
	Since      *column.Time // at this instant or later
	Until      *column.Time // before this instant
	TenantID   *column.ID
	CategoryID *column.ID
	Level      *column.Level
	Source     *string
	UserID     *string // the user's id in its own system, verbatim
	Search     *string // part of the message; the case of ASCII letters does not matter
}

// MaxSearch is how long a search text may be, in bytes.
const MaxSearch = 1024

// check refuses what cannot be asked.
func (f EntryFilter) check() error {
	if f.Search != nil && len(*f.Search) > MaxSearch {
		return fault.Refuse(fault.Problem{Index: -1, Field: "search", Reason: fault.TooLong, Limit: MaxSearch})
	}
	return nil
}

// predicates gives the filter as conditions on rows.
func (f EntryFilter) predicates() []predicate.Entry {
	list := make([]predicate.Entry, 0, 8)
	if f.Since != nil {
		list = append(list, entry.TimestampGTE(*f.Since))
	}
	if f.Until != nil {
		list = append(list, entry.TimestampLT(*f.Until))
	}
	if f.TenantID != nil {
		list = append(list, entry.TenantID(*f.TenantID))
	}
	if f.CategoryID != nil {
		list = append(list, entry.CategoryID(*f.CategoryID))
	}
	if f.Level != nil {
		list = append(list, entry.LevelEQ(*f.Level))
	}
	if f.Source != nil {
		list = append(list, entry.Source(*f.Source))
	}
	if f.UserID != nil {
		list = append(list, entry.UserID(*f.UserID))
	}
	if f.Search != nil && *f.Search != "" {
		list = append(list, func(s *sql.Selector) { s.Where(db.ContainsFold(s.C(entry.FieldMessage), *f.Search)) })
	}
	return list
}
