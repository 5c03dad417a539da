package journal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// importHold is about how long one transaction of an import may hold SQLite's
// write lock while others want it.
const importHold = 25 * time.Millisecond

// ImportedEntry is one row of an import: an entry's draft with the names that
// make its tenant and category where they are new.
type ImportedEntry struct {
	EntryDraft
	TenantName   *string
	CategoryName *string
	CategoryCode *string
	Occurrence   uint32 // how many equal rows came before it in its input; makes the id where there is none
}

// Outcome is what became of one imported row.
type Outcome struct {
	Stored  bool           // false with no problem: it was there already
	Problem *fault.Problem // why it was refused
}

// ImportEntries stores rows one by one on their merits: good rows go in, rows
// that are there already with the same content are left, all others are refused
// with the reason; the outcomes are in the rows' order. Rows are committed in
// short transactions that yield to other processes; an error means that the
// rows from some transaction on were not stored, and the same import may simply
// run again.
func (j *Journal) ImportEntries(ctx context.Context, rows []ImportedEntry) ([]Outcome, error) {
	outcomes := make([]Outcome, len(rows))
	size := 200
	for start := 0; start < len(rows); {
		end := min(start+size, len(rows))
		began := time.Now()
		if err := j.importSome(ctx, rows[start:end], outcomes[start:end]); err != nil {
			return outcomes[:start], err
		}
		held := time.Since(began)
		// Aim at importHold, changing by no more than half at a time.
		size = max(20, min(size*3/2, int(float64(end-start)*float64(importHold)/float64(held+1))))
		start = end
		if err := j.yield(ctx, held); err != nil {
			return outcomes[:start], err
		}
	}
	return outcomes, nil
}

// importSome is one transaction of an import.
func (j *Journal) importSome(ctx context.Context, imported []ImportedEntry, outcomes []Outcome) error {
	var drafts []EntryDraft
	var index []int // of each draft in imported
	for i := range imported {
		row := &imported[i]
		problems := row.check(-1)
		if len(problems) > 0 {
			outcomes[i] = Outcome{Problem: &problems[0]}
			continue
		}
		if row.ID == nil {
			id := contentID(row)
			row.ID = &id
		}
		drafts = append(drafts, row.EntryDraft)
		index = append(index, i)
	}
	if len(drafts) == 0 {
		return nil
	}
	rows, err := j.entryRows(ctx, drafts)
	if err != nil {
		return err
	}
	named := false // whether a tenant or category was made
	err = j.commit(ctx, func(tx *db.Tx, at *position) error {
		stored, err := storedEntries(auth.System(ctx, "import"), tx.Client, rows)
		if err != nil {
			return err
		}
		known, err := loadNames(ctx, tx.Client)
		if err != nil {
			return err
		}
		fresh := make([]*ent.Entry, 0, len(rows))
		for k, row := range rows {
			i := index[k]
			old, there := stored[row.ID]
			problem := known.problem(&imported[i])
			switch {
			case problem != nil:
				outcomes[i] = Outcome{Problem: problem}
			case there && sameEntry(old, row, &drafts[k]):
				outcomes[i] = Outcome{}
			case there:
				outcomes[i] = Outcome{Problem: &fault.Problem{Index: -1, Field: "id", Reason: fault.Clash,
					Value: row.ID.String(), Detail: row.ID.String() + " is there already with other content"}}
			default:
				made, err := known.make(ctx, tx.Client, &imported[i], j.now())
				if err != nil {
					return err
				}
				named = named || made
				outcomes[i] = Outcome{Stored: true}
				stored[row.ID] = row
				fresh = append(fresh, row)
			}
		}
		if len(fresh) == 0 {
			return nil
		}
		return insertEntries(ctx, tx, at, fresh)
	})
	if named {
		j.names.forget()
	}
	return err
}

// sameEntry says whether a stored row has the content of an imported one. What
// the input leaves to Logbook (an absent time, a name it may look up) is not
// content.
func sameEntry(old, row *ent.Entry, draft *EntryDraft) bool {
	return (draft.Timestamp == nil || old.Timestamp == row.Timestamp) &&
		equal(old.TenantID, row.TenantID) && equal(old.CategoryID, row.CategoryID) &&
		old.Level == row.Level && old.Message == row.Message && equal(old.Source, row.Source) &&
		equal(old.UserID, row.UserID) && (draft.Username == nil || equal(old.Username, row.Username)) &&
		equal(old.IPAddress, row.IPAddress) && equal(old.UserAgent, row.UserAgent) &&
		equal(old.RequestID, row.RequestID) && sameJSON(old.Metadata, row.Metadata)
}

func equal[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

func sameJSON(a, b column.JSON) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return bytes.Equal(a, b) || bytes.Equal(rawjson.Canonical(a), rawjson.Canonical(b))
}

// ContentHash gives a number for the row's content, by which equal rows of an
// input are counted.
func (e *ImportedEntry) ContentHash() uint64 {
	sum := e.contentSum()
	return binary.BigEndian.Uint64(sum[:])
}

// contentSum hashes everything the input says of the row but its id.
func (e *ImportedEntry) contentSum() [sha256.Size]byte {
	var b []byte
	add := func(value *string) {
		if value == nil {
			b = append(b, 0)
			return
		}
		b = append(b, 1)
		b = binary.BigEndian.AppendUint64(b, uint64(len(*value)))
		b = append(b, *value...)
	}
	addID := func(id *column.ID) {
		if id == nil {
			add(nil)
			return
		}
		raw := string(id[:])
		add(&raw)
	}
	var time, level, metadata *string
	if e.Timestamp != nil {
		text := e.Timestamp.String()
		time = &text
	}
	if e.Level != nil && *e.Level != column.Info {
		text := e.Level.String()
		level = &text
	}
	if e.Metadata != nil {
		if text := string(rawjson.Canonical(e.Metadata)); text != "{}" {
			metadata = &text
		}
	}
	addID(e.TenantID)
	addID(e.CategoryID)
	for _, value := range []*string{
		time, level, &e.Message, e.Source, e.UserID, e.Username, e.IPAddress, e.UserAgent, e.RequestID, metadata,
	} {
		add(value)
	}
	return sha256.Sum256(b)
}

// contentID makes the id of a row that came without one: a UUID (version 8, RFC
// 9562) of its time in milliseconds and a hash of its content and occurrence, so
// that the same input gives the same ids again.
func contentID(e *ImportedEntry) column.ID {
	sum := e.contentSum()
	sum = sha256.Sum256(binary.BigEndian.AppendUint32(sum[:], e.Occurrence))
	var ms uint64
	if e.Timestamp != nil && *e.Timestamp > 0 {
		ms = uint64(*e.Timestamp / 1000)
	}
	var id column.ID
	copy(id[6:], sum[:])
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}
