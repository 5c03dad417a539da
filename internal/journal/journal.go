// Package journal is Logbook's domain: it keeps the five kinds of log and
// answers every question about them. GraphQL, the REST dialects, the command
// line and the jobs all call it, and nothing below it knows what a log is.
//
// Each kind is a Log of its own, all of the same methods. The ways in are Append
// (all or nothing), AppendOnce (the same under a key, repeatable) and Import (row by
// row, repeatable); the ways out are Get, lists by keyset (Page), by offset (PageAt) or
// one row after another (Each), Count and statistics; Purge and retention remove.
// Timeline merges the lists of all kinds, and FollowTimeline what Follow gives. What
// makes one kind different from the others is a table of facts in its own file
// (entry.go, audit_event.go, ...).
//
// Roll-ups count rows by hour or day and change in the transaction that changes
// the rows, so counts over any range are exact and cheap. Every committed row
// carries the number of the process that wrote it and a sequence in commit
// order (see writer.go).
//
// Who may see and do what is not decided here but in ent's row policy, by the
// context's principal. Errors are *fault.Error with the kinds of that package;
// a Journal is safe for concurrent use.
package journal

import (
	"context"
	"sync/atomic"
	"time"

	"logbook/ent/schema"
	"logbook/internal/db"
)

// Kind is one of the five kinds of log.
type Kind = schema.Kind

// The kinds.
const (
	KindEntry       = schema.KindEntry
	KindAuditEvent  = schema.KindAudit
	KindOperation   = schema.KindOperation
	KindUsageRecord = schema.KindUsage
	KindAPICall     = schema.KindAPICall
)

// Journal keeps the logs of one database.
type Journal struct {
	Entries      *EntryLog
	AuditEvents  *AuditLog
	Operations   *OperationLog
	UsageRecords *UsageLog
	APICalls     *APICallLog

	db          *db.DB
	now         func() time.Time
	zone        *time.Location
	countBudget time.Duration
	scans       chan struct{} // one for each question that reads row after row
	freed       chan struct{} // has one where a purge freed space that was not given back
	nearOffset  int64
	leastPurged int // rows in a purge's transaction
	sizes       searchSizes
	writer      writer
	line        line
	importSize  atomic.Int64 // rows that an import's next transaction is to have
	hub         hub
	names       names
}

// Options are what a Journal needs beside its database.
type Options struct {
	Now  func() time.Time // the clock; nil for the system's
	Zone *time.Location   // where days begin; nil for UTC

	// CountBudget is how long a connection's TotalCount may look at row after row
	// before it is cut off; 0 for DefaultCountBudget.
	CountBudget time.Duration
}

// New makes a journal on an open database. Close it before the database.
func New(database *db.DB, options Options) *Journal {
	j := &Journal{
		db: database, now: options.Now, zone: options.Zone, countBudget: options.CountBudget,
		scans: make(chan struct{}, mostScans), freed: make(chan struct{}, 1), nearOffset: nearOffset, leastPurged: leastPurged, sizes: usualSizes,
	}
	if j.now == nil {
		j.now = time.Now
	}
	if j.zone == nil {
		j.zone = time.UTC
	}
	if j.countBudget == 0 {
		j.countBudget = DefaultCountBudget
	}
	j.Entries = &EntryLog{j, entries}
	j.AuditEvents = &AuditLog{j, auditEvents}
	j.Operations = &OperationLog{j, operations}
	j.UsageRecords = &UsageLog{j, usageRecords}
	j.APICalls = &APICallLog{j, apiCalls}
	return j
}

// Zone gives the time zone in which days begin.
func (j *Journal) Zone() *time.Location { return j.zone }

// Now gives the journal's clock.
func (j *Journal) Now() time.Time { return j.now() }

// Close gives the writer number back. The journal must not be used any more.
func (j *Journal) Close(ctx context.Context) error { return j.writer.release(ctx, j.db) }
