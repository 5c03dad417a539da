package journal

import (
	"context"
	"strings"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/entry"
	"logbook/ent/schema"
	"logbook/internal/auth"
	"logbook/internal/fault"
)

// EntryDraft is an entry on its way in. Nil stands for an absent value.
type EntryDraft struct {
	ID         *column.ID   // nil: made
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

// EntryFilter says which entries are asked for; an absent field asks nothing.
type EntryFilter struct {
	Since      *column.Time // at this instant or later
	Until      *column.Time // before this instant
	TenantID   *Where[column.ID]
	CategoryID *Where[column.ID]
	Level      *Where[column.Level]
	Source     *Where[string]
	UserID     *Where[string] // the user's id in its own system, verbatim
	Search     *string        // part of the message; the case of ASCII letters does not matter

	// Within MaxScan only.
	Username  *Where[string]
	IPAddress *Where[string]
	RequestID *Where[string]
	Metadata  []*WhereMember
}

// ReadsRows says whether the filter finds entries by reading them one by one.
func (f *EntryFilter) ReadsRows() bool {
	return asksPart(f.Search) || f.Username != nil || f.IPAddress != nil || f.RequestID != nil || len(f.Metadata) > 0
}

type (
	// EntryLog keeps the entries.
	EntryLog = Log[ent.Entry, EntryDraft, EntryFilter]
	// EntryConnection is a page of entries.
	EntryConnection = Connection[ent.Entry]
	// EntryEdge is one of entries with its cursor.
	EntryEdge = Edge[ent.Entry]
	// EntryAppended is an entry that was appended.
	EntryAppended = Appended[ent.Entry]
)

// The dimensions of entries.
const (
	entriesByCategory int8 = 2
	entriesBySource   int8 = 3
	entriesByUser     int8 = 4
)

var entries = &table[ent.Entry, EntryDraft, EntryFilter]{
	kind: schema.KindEntry, noun: fault.Say("entry"), idName: "id", name: entry.Table,
	id: entry.FieldID, time: entry.FieldTimestamp, class: entry.FieldLevel,
	append: auth.EntriesWrite,
	columns: []attribute[ent.Entry]{
		{entry.FieldID, func(e *ent.Entry) any { return e.ID[:] }, itself},
		{entry.FieldTenantID, func(e *ent.Entry) any { return idOf(e.TenantID) }, content},
		{entry.FieldCategoryID, func(e *ent.Entry) any { return idOf(e.CategoryID) }, content},
		{entry.FieldLevel, func(e *ent.Entry) any { return int64(e.Level) }, content},
		{entry.FieldSource, func(e *ent.Entry) any { return textOf(e.Source) }, content},
		{entry.FieldUserID, func(e *ent.Entry) any { return textOf(e.UserID) }, content},
		{entry.FieldUsername, func(e *ent.Entry) any { return textOf(e.Username) }, lookedUp},
		{entry.FieldIPAddress, func(e *ent.Entry) any { return textOf(e.IPAddress) }, content},
		{entry.FieldUserAgent, func(e *ent.Entry) any { return textOf(e.UserAgent) }, content},
		{entry.FieldRequestID, func(e *ent.Entry) any { return textOf(e.RequestID) }, content},
		{entry.FieldTimestamp, func(e *ent.Entry) any { return int64(e.Timestamp) }, moment},
		{entry.FieldWriter, func(e *ent.Entry) any { return int64(e.Writer) }, arrival},
		{entry.FieldSequence, func(e *ent.Entry) any { return e.Sequence }, arrival},
		{entry.FieldMessage, func(e *ent.Entry) any { return e.Message }, content},
		{entry.FieldMetadata, func(e *ent.Entry) any { return jsonOf(e.Metadata) }, content},
	},
	texts: []string{entry.FieldMessage, entry.FieldUsername, entry.FieldIPAddress, entry.FieldRequestID},
	dimensions: []dimension[ent.Entry]{
		allRows[ent.Entry](),
		{number: entriesByCategory, widths: hourly, columns: []string{entry.FieldCategoryID}, absent: true,
			value: func(e *ent.Entry) (string, bool) { return idValue(e.CategoryID), true }},
		{number: entriesBySource, widths: daily, columns: []string{entry.FieldSource},
			value: func(e *ent.Entry) (string, bool) { return optionalValue(e.Source) }},
		{number: entriesByUser, widths: daily, columns: []string{entry.FieldUserID},
			value: func(e *ent.Entry) (string, bool) { return optionalValue(e.UserID) }},
	},
	facets: []facet{
		{name: "LEVEL", apart: classes, show: func(number string) string { return capital(column.Level(digits(number))) }},
		{name: "CATEGORY", apart: values, dimension: entriesByCategory, reads: ids, called: (*Journal).categoryName},
		{name: "SOURCE", apart: values, dimension: entriesBySource, optional: true},
		{name: "USER", apart: values, dimension: entriesByUser, optional: true},
		byTenant,
	},
	idOf:       func(e *ent.Entry) rowID { return uuidRow(e.ID) },
	timeOf:     func(e *ent.Entry) *column.Time { return &e.Timestamp },
	tenantOf:   func(e *ent.Entry) **column.ID { return &e.TenantID },
	categoryOf: func(e *ent.Entry) *column.ID { return e.CategoryID },
	arrivalOf:  func(e *ent.Entry) (*int32, *int64) { return &e.Writer, &e.Sequence },
	classOf:    func(e *ent.Entry) int16 { return int16(e.Level) },
	setID:      func(e *ent.Entry, _ int64) { e.ID = newID(e.Timestamp.Time()) },
	setHashed:  func(e *ent.Entry, hash []byte) { e.ID = hashedID(e.Timestamp, hash) },
	check:      checkEntry,
	row:        entryRow,
	asks:       askEntries,
	look:       nameUsers,
	all: func(ctx context.Context, c *ent.Client, s shape) ([]*ent.Entry, error) {
		return c.Entry.Query().Where(s).All(ctx)
	},
	count: func(ctx context.Context, c *ent.Client, s shape) (int, error) {
		return c.Entry.Query().Where(s).Count(ctx)
	},
	scan: func(ctx context.Context, c *ent.Client, s shape, into any) error {
		return c.Entry.Query().Modify(s).Scan(ctx, into)
	},
	remove: func(ctx context.Context, c *ent.Client, s shape) (int, error) {
		return c.Entry.Delete().Where(s).Exec(ctx)
	},
}

// checkEntry gives what is wrong with a draft itself.
func checkEntry(d *EntryDraft, index int) []fault.Problem {
	c := checker{index: index}
	if index >= 0 && strings.TrimSpace(d.Message) == "" {
		// What is imported happened, whatever it says.
		c.refuse(fault.Problem{Field: "message", Reason: fault.Required})
	}
	c.text("message", d.Message, schema.MaxLongText)
	c.optional("source", d.Source, schema.MaxText)
	c.optional("user_id", d.UserID, schema.MaxText)
	c.optional("username", d.Username, schema.MaxText)
	c.optional("ip_address", d.IPAddress, schema.MaxText)
	c.optional("user_agent", d.UserAgent, schema.MaxAgent)
	c.optional("request_id", d.RequestID, schema.MaxText)
	c.json("metadata", d.Metadata, schema.MaxJSON, true)
	c.time("timestamp", d.Timestamp)
	return c.problems
}

func entryRow(d *EntryDraft) (*ent.Entry, given) {
	row := &ent.Entry{
		TenantID: d.TenantID, CategoryID: d.CategoryID, Level: column.Info, Message: d.Message,
		Source: d.Source, UserID: d.UserID, Username: d.Username, IPAddress: d.IPAddress,
		UserAgent: d.UserAgent, RequestID: d.RequestID, Metadata: emptyObject(d.Metadata),
	}
	if d.Level != nil {
		row.Level = *d.Level
	}
	if d.Timestamp != nil {
		row.Timestamp = *d.Timestamp
	}
	if d.ID != nil {
		row.ID = *d.ID
	}
	return row, given{id: d.ID != nil, time: d.Timestamp != nil}
}

func askEntries(ctx context.Context, client *ent.Client, f *EntryFilter) (question, error) {
	q := question{since: f.Since, until: f.Until}
	whereTenant(&q, f.TenantID)
	whereClass(&q, "level", f.Level)
	where(&q, filtered{name: "category_id", column: entry.FieldCategoryID, optional: true, dimension: entriesByCategory, absent: true}, f.CategoryID)
	err := wherePart(ctx, client, schema.KindEntry, &q, filtered{name: "source", column: entry.FieldSource, optional: true, dimension: entriesBySource}, f.Source)
	if err != nil {
		return q, err
	}
	where(&q, filtered{name: "user_id", column: entry.FieldUserID, optional: true, dimension: entriesByUser}, f.UserID)
	where(&q, filtered{name: "username", column: entry.FieldUsername, optional: true, scanned: true, searched: true}, f.Username)
	where(&q, filtered{name: "ip_address", column: entry.FieldIPAddress, optional: true, scanned: true, searched: true}, f.IPAddress)
	where(&q, filtered{name: "request_id", column: entry.FieldRequestID, optional: true, scanned: true, searched: true}, f.RequestID)
	whereMembers(&q, filtered{name: "metadata", column: entry.FieldMetadata}, f.Metadata)
	return q, q.search(f.Search, entry.FieldMessage)
}
