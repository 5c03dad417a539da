package journal

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/entry"
	"logbook/ent/schema"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// EntryDraft is an entry on its way in. Nil stands for an absent value.
type EntryDraft struct {
	ID         *column.ID   // nil: made from the clock
	Timestamp  *column.Time // nil: now
	TenantID   *column.ID   // nil: the tenant the principal is bound to, or none
	CategoryID *column.ID
	Level      *column.Level // nil: info
	Message    string
	Source     *string
	UserID     *string // the user's id in its own system; any is taken
	Username   *string // nil: the name of the user known by UserID, if one is
	IPAddress  *string // as logged: host names and "-" occur
	UserAgent  *string
	RequestID  *string
	Metadata   column.JSON // an object; nil stands for {}
}

// check gives what is wrong with the draft itself. Index is its place in the
// batch, -1 where there is none.
func (d *EntryDraft) check(index int) []fault.Problem {
	var problems []fault.Problem
	refuse := func(p fault.Problem) {
		p.Index = index
		problems = append(problems, p)
	}
	text := func(field, value string, limit int) {
		if problem := fault.Text(field, value, limit); problem != nil {
			refuse(*problem)
		}
	}
	optional := func(field string, value *string, limit int) {
		if value != nil {
			text(field, *value, limit)
		}
	}
	text("message", d.Message, schema.MaxLongText)
	optional("source", d.Source, schema.MaxText)
	optional("user_id", d.UserID, schema.MaxText)
	optional("username", d.Username, schema.MaxText)
	optional("ip_address", d.IPAddress, schema.MaxText)
	optional("user_agent", d.UserAgent, schema.MaxAgent)
	optional("request_id", d.RequestID, schema.MaxText)
	if d.Metadata != nil {
		if len(d.Metadata) > schema.MaxJSON {
			refuse(fault.Problem{Field: "metadata", Reason: fault.TooLong, Limit: schema.MaxJSON})
		} else if problem := checkObject("metadata", d.Metadata); problem != nil {
			refuse(*problem)
		}
	}
	if d.Timestamp != nil && (*d.Timestamp < column.MinTime || *d.Timestamp > column.MaxTime) {
		refuse(fault.Problem{Field: "timestamp", Reason: fault.Outside, Detail: "in the years 1 to 9999"})
	}
	return problems
}

// checkObject says what is wrong with raw as a JSON object.
func checkObject(field string, raw []byte) *fault.Problem {
	if err := rawjson.Check(raw); err != nil {
		var at *rawjson.Error
		errors.As(err, &at)
		path := field
		if at.Path != "" {
			path += "." + at.Path
		}
		return &fault.Problem{Field: path, Reason: fault.BadJSON, Detail: at.Reason}
	}
	if kind := rawjson.Kind(raw); kind != "an object" {
		return &fault.Problem{Field: field, Reason: fault.WrongType, Detail: "an object, not " + kind}
	}
	return nil
}

// AppendEntries stores the drafts, all or none, and gives the rows in the
// drafts' order. Acknowledged rows are on disk. It fails with kind Invalid
// (naming each bad draft's index and field), Forbidden for another tenant's row
// and Conflict for an id that is there already.
func (j *Journal) AppendEntries(ctx context.Context, drafts []EntryDraft) ([]*ent.Entry, error) {
	var problems []fault.Problem
	for i := range drafts {
		if strings.TrimSpace(drafts[i].Message) == "" {
			problems = append(problems, fault.Problem{Index: i, Field: "message", Reason: fault.Required})
		}
		problems = append(problems, drafts[i].check(i)...)
	}
	named, err := j.checkNames(ctx, drafts)
	if err != nil {
		return nil, err
	}
	if problems = append(problems, named...); len(problems) > 0 {
		return nil, fault.Refuse(problems...)
	}
	rows, err := j.entryRows(ctx, drafts)
	if err != nil || len(rows) == 0 {
		return rows, err
	}
	err = j.commit(ctx, func(tx *db.Tx, at *position) error {
		taken, err := storedEntries(auth.System(ctx, "append"), tx.Client, rows)
		if err != nil {
			return err
		}
		if len(taken) > 0 {
			return fault.New(fault.Conflict, "an entry with one of these ids is there already; nothing was stored")
		}
		return insertEntries(ctx, tx, at, rows)
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// entryRows makes rows of checked drafts, and holds them against the row
// policy.
func (j *Journal) entryRows(ctx context.Context, drafts []EntryDraft) ([]*ent.Entry, error) {
	now := j.now()
	usernames, err := j.usernames(ctx, drafts)
	if err != nil {
		return nil, err
	}
	rows := make([]*ent.Entry, len(drafts))
	for i := range drafts {
		d := &drafts[i]
		tenant := d.TenantID
		if p := auth.From(ctx); tenant == nil && p != nil && p.Tenant != nil {
			bound := column.ID(*p.Tenant)
			tenant = &bound
		}
		if err := auth.RequireAppend(ctx, auth.EntriesWrite, (*[16]byte)(tenant)); err != nil {
			return nil, err
		}
		row := &ent.Entry{
			TenantID: tenant, CategoryID: d.CategoryID, Level: column.Info, Message: d.Message,
			Source: d.Source, UserID: d.UserID, Username: d.Username, IPAddress: d.IPAddress,
			UserAgent: d.UserAgent, RequestID: d.RequestID, Metadata: d.Metadata,
			Timestamp: column.TimeOf(now),
		}
		if d.Level != nil {
			row.Level = *d.Level
		}
		if d.Timestamp != nil {
			row.Timestamp = *d.Timestamp
		}
		if d.ID != nil {
			row.ID = *d.ID
		} else {
			row.ID = newID(now)
		}
		if d.Username == nil && d.UserID != nil {
			if name, known := usernames[*d.UserID]; known {
				row.Username = &name
			}
		}
		if string(row.Metadata) == "{}" {
			row.Metadata = nil
		}
		rows[i] = row
	}
	return rows, nil
}

// newID makes a time-ordered UUID (version 7, RFC 9562).
func newID(now time.Time) column.ID {
	var id column.ID
	_, _ = rand.Read(id[6:]) // never fails
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// storedEntries gives those of the rows' ids that are in the table already.
func storedEntries(ctx context.Context, client *ent.Client, rows []*ent.Entry) (map[column.ID]*ent.Entry, error) {
	const perQuery = 500
	stored := map[column.ID]*ent.Entry{}
	ids := make([]column.ID, 0, perQuery)
	for start := 0; start < len(rows); start += perQuery {
		ids = ids[:0]
		for _, row := range rows[start:min(start+perQuery, len(rows))] {
			ids = append(ids, row.ID)
		}
		found, err := client.Entry.Query().Where(entry.IDIn(ids...)).All(ctx)
		if err != nil {
			return nil, err
		}
		for _, row := range found {
			stored[row.ID] = row
		}
	}
	return stored, nil
}

// entryColumns are the columns in the order of entryValues.
var entryColumns = []string{
	entry.FieldID, entry.FieldTenantID, entry.FieldCategoryID, entry.FieldLevel, entry.FieldSource,
	entry.FieldUserID, entry.FieldUsername, entry.FieldIPAddress, entry.FieldUserAgent,
	entry.FieldRequestID, entry.FieldTimestamp, entry.FieldWriter, entry.FieldSequence,
	entry.FieldMessage, entry.FieldMetadata,
}

// insertEntries stamps the rows with their place in the order of arrival and
// inserts them with their roll-ups.
func insertEntries(ctx context.Context, tx *db.Tx, at *position, rows []*ent.Entry) error {
	values := make([][]any, len(rows))
	for i, row := range rows {
		row.Writer, row.Sequence = at.writer, at.next()
		var metadata any
		if row.Metadata != nil {
			metadata = []byte(row.Metadata)
		}
		values[i] = []any{
			row.ID[:], rawID(row.TenantID), rawID(row.CategoryID), int64(row.Level), text(row.Source),
			text(row.UserID), text(row.Username), text(row.IPAddress), text(row.UserAgent),
			text(row.RequestID), int64(row.Timestamp), int64(row.Writer), row.Sequence,
			row.Message, metadata,
		}
	}
	if err := tx.Insert(ctx, entry.Table, entryColumns, values); err != nil {
		return err
	}
	return addRollups(ctx, tx, entryDeltas(rows, 1))
}

func text(value *string) any {
	if value == nil {
		return nil
	}
	return *value
}

func rawID(id *column.ID) any {
	if id == nil {
		return nil
	}
	return id[:]
}
