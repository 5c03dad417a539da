package journal

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/apicall"
	"logbook/ent/auditevent"
	"logbook/ent/column"
	"logbook/ent/entry"
	"logbook/ent/identity"
	"logbook/ent/operation"
	"logbook/ent/schema"
	"logbook/ent/usagerecord"
	"logbook/ent/user"
	"logbook/internal/auth"
	"logbook/internal/fault"
)

// MostScanned is how long a time a timeline looks through where no index finds what
// it is asked for.
const MostScanned = 31 * 24 * time.Hour

// TimelineFilter says which rows of all kinds are asked for; an absent field asks
// nothing. Users and tenants are found as in the lists. The request id has no index,
// nor has the address among entries and usage records: without UserID a page of them
// needs Since, and Until at most MostScanned later; an absent Until is now.
type TimelineFilter struct {
	Since    *column.Time // at this instant or later
	Until    *column.Time // before this instant
	TenantID *column.ID
	// UserID is the id in Logbook of a user, whose rows are found in each kind by the id
	// that the kind's own system knows it by: its alias.
	UserID    *int64
	IPAddress *string
	RequestID *string // which only entries have
	Kinds     []Kind  // none: all that the principal may read
}

// Record is a row of any kind: an *ent.Entry, *ent.AuditEvent, *ent.Operation,
// *ent.UsageRecord or *ent.APICall.
type Record interface {
	fmt.Stringer
	IsLogRecord()
}

// TimelineConnection is a page of rows of all kinds, newest first (Relay).
type TimelineConnection struct {
	Edges      []*TimelineEdge
	PageInfo   PageInfo
	LiveCursor string // as a Connection has it, for FollowTimeline

	count func(context.Context) (int64, error)
}

// TimelineEdge is a row of any kind with its cursor.
type TimelineEdge struct {
	Cursor string
	Node   Record
}

// TotalCount counts all rows that pass the connection's filter, all at one moment. It
// is only worked out when it is called.
func (c *TimelineConnection) TotalCount(ctx context.Context) (int64, error) { return c.count(ctx) }

// Timeline gives a page of the rows of all kinds that pass a filter, in the order of
// time, kind and id: pages joined are the whole sort, whatever is written meanwhile.
// A page is of one moment. It reads from each kind one row more than it gives, and
// counts nothing.
//
// It shows what the lists of the kinds would show the principal. Where the filter
// names no kinds, those that the principal may not read are left out. It fails with
// kind Forbidden where the principal may not read a kind that is named, or none at all,
// and Invalid for a filter or page that cannot be answered.
func (j *Journal) Timeline(ctx context.Context, filter TimelineFilter, page KeysetPage) (*TimelineConnection, error) {
	b, err := checkPage(page, readPlace)
	if err != nil {
		return nil, err
	}
	readable, err := filter.readable(ctx)
	if err != nil {
		return nil, err
	}
	if err := filter.check(); err != nil {
		return nil, err
	}
	if err := filter.bound(j.now()); err != nil {
		return nil, err
	}
	filter.Kinds = readable
	var rows []placed
	var live string
	err = j.db.Read(ctx, func(client *ent.Client) error {
		lanes, err := j.lanes(ctx, client, &filter)
		if err != nil {
			return err
		}
		for _, lane := range lanes {
			found, err := lane.page(ctx, client, b)
			if err != nil {
				return err
			}
			rows = append(rows, found...)
		}
		if page.Live {
			at, err := readFrontier(ctx, client)
			live = at.text()
			return err
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(rows, func(x, y placed) int {
		if b.backward {
			return x.compare(y.place)
		}
		return y.compare(x.place)
	})
	more := len(rows) > b.size
	rows = rows[:min(len(rows), b.size)]
	if b.backward {
		slices.Reverse(rows)
	}
	c := &TimelineConnection{
		Edges: make([]*TimelineEdge, len(rows)), PageInfo: b.info(more), LiveCursor: live,
		count: func(ctx context.Context) (int64, error) { return j.countTimeline(ctx, &filter) },
	}
	for i, row := range rows {
		c.Edges[i] = &TimelineEdge{Cursor: row.text(), Node: row.record}
	}
	if len(rows) > 0 {
		c.PageInfo.StartCursor, c.PageInfo.EndCursor = &c.Edges[0].Cursor, &c.Edges[len(rows)-1].Cursor
	}
	return c, nil
}

func (j *Journal) countTimeline(ctx context.Context, filter *TimelineFilter) (total int64, err error) {
	err = j.db.Read(ctx, func(client *ent.Client) error {
		lanes, err := j.lanes(ctx, client, filter)
		if err != nil {
			return err
		}
		for _, lane := range lanes {
			count, err := lane.count(ctx, client)
			if err != nil {
				return err
			}
			total += count
		}
		return nil
	})
	return total, err
}

// readable gives the kinds that are asked for and that the principal may read, each
// once.
func (f *TimelineFilter) readable(ctx context.Context) (kinds []Kind, err error) {
	for kind := KindEntry; kind <= KindAPICall; kind++ {
		named := slices.Contains(f.Kinds, kind)
		if !named && len(f.Kinds) > 0 {
			continue
		}
		switch err := schema.MayRead(ctx, kind); {
		case err == nil:
			kinds = append(kinds, kind)
		case named || fault.KindOf(err) != fault.Forbidden:
			return nil, err
		}
	}
	if len(kinds) == 0 {
		return nil, fault.New(fault.Forbidden, "this needs a permission to read a kind of log")
	}
	return kinds, nil
}

// check refuses values that nobody can mean: where nothing is known some kinds have the
// empty text and others none.
func (f *TimelineFilter) check() error {
	for _, text := range []struct {
		field string
		value *string
	}{{"ip_address", f.IPAddress}, {"request_id", f.RequestID}} {
		if text.value != nil && *text.value == "" {
			return fault.RefuseField(text.field, fault.Required, "", "")
		}
	}
	return nil
}

// bound refuses a page that no index answers within bounds, and sets Until where it
// bounds the search. Which kinds the filter names counts, not which the principal may
// read, so that the answer is the same for all.
func (f *TimelineFilter) bound(now time.Time) error {
	asks := func(kind Kind) bool { return len(f.Kinds) == 0 || slices.Contains(f.Kinds, kind) }
	scans := asks(KindEntry) && (f.IPAddress != nil || f.RequestID != nil) || asks(KindUsageRecord) && f.IPAddress != nil && f.RequestID == nil
	if !scans || f.UserID != nil {
		return nil
	}
	if f.Until == nil {
		f.Until = new(column.TimeOf(now))
	}
	if f.Since == nil || *f.Until-*f.Since > column.Time(MostScanned.Microseconds()) {
		return fault.RefuseField("since", fault.Outside, "",
			"at most 31 days before until, or before now where there is none, to find an address or a request id")
	}
	return nil
}

// lane is one of the sorted lists that a timeline merges: rows of one kind.
type lane interface {
	// page gives the first rows within bounds, and one more than the page's size.
	page(context.Context, *ent.Client, bounds[place]) ([]placed, error)
	count(context.Context, *ent.Client) (int64, error)
	// arrived gives the first rows of a span, at most limit of them, by their sequence.
	arrived(ctx context.Context, client *ent.Client, in span, limit int) ([]arrived[Record], error)
}

// asking is the lane of the rows that pass a question.
type asking[R, D, F any] struct {
	*Log[R, D, F]
	question question
}

func (a asking[R, D, F]) page(ctx context.Context, client *ent.Client, b bounds[place]) ([]placed, error) {
	shapes := a.conditions(a.question)
	if b.after != nil {
		shapes = append(shapes, a.past(b.after, true))
	}
	if b.before != nil {
		shapes = append(shapes, a.past(b.before, false))
	}
	rows, err := a.all(ctx, client, shaped(append(shapes, a.sorted(ctx, a.question), a.ordered(!b.backward), limited(b.size+1))...))
	if err != nil {
		return nil, err
	}
	found := make([]placed, len(rows))
	for i, row := range a.shown(ctx, rows) {
		found[i] = placed{place{a.cursorOf(row), a.kind}, any(row).(Record)}
	}
	return found, nil
}

func (a asking[R, D, F]) count(ctx context.Context, client *ent.Client) (int64, error) {
	return a.countIn(ctx, client, a.question)
}

func (a asking[R, D, F]) arrived(ctx context.Context, client *ent.Client, in span, limit int) ([]arrived[Record], error) {
	rows, err := a.arrivedOf(ctx, client, a.question, in, limit)
	found := make([]arrived[Record], len(rows))
	for i, one := range rows {
		found[i] = arrived[Record]{one.sequence, one.size, any(one.row).(Record)}
	}
	return found, err
}

// past keeps the lane's rows whose place is smaller, or larger, than another. Of the
// rows of that very moment, those of one kind stand all on one side of another's.
func (a asking[R, D, F]) past(p *place, smaller bool) shape {
	switch {
	case p.kind == a.kind:
		return a.beyond(&p.cursor, smaller)
	case smaller && a.kind < p.kind:
		return sql.FieldLTE(a.time, int64(p.time))
	case smaller:
		return sql.FieldLT(a.time, int64(p.time))
	case a.kind > p.kind:
		return sql.FieldGTE(a.time, int64(p.time))
	}
	return sql.FieldGT(a.time, int64(p.time))
}

// laneOf gives the lane of a question; none where nothing can pass.
func laneOf[R, D, F any](log *Log[R, D, F], q question) []lane {
	if q.none {
		return nil
	}
	return []lane{asking[R, D, F]{log, q}}
}

// equal asks for a value of a column that no roll-up counts; nil asks nothing.
func (q *question) equal(column string, value *string) {
	if value != nil {
		q.picked = append(q.picked, column)
		q.rest = append(q.rest, sql.FieldEQ(column, *value))
	}
}

// lanes gives the lanes of a checked filter.
func (j *Journal) lanes(ctx context.Context, client *ent.Client, f *TimelineFilter) (list []lane, err error) {
	if f.UserID != nil && *f.UserID < 1 {
		return nil, nil // 0 stands for nobody in usage records
	}
	who, err := personOf(ctx, client, f.UserID)
	if err != nil {
		return nil, err
	}
	for _, kind := range f.Kinds {
		if f.RequestID != nil && kind != KindEntry {
			continue
		}
		var found []lane
		switch kind {
		case KindEntry:
			found, err = j.entryLanes(ctx, client, f, who)
		case KindAuditEvent:
			found, err = j.auditLanes(ctx, client, f, who)
		case KindOperation:
			found, err = j.operationLanes(ctx, client, f, who)
		case KindUsageRecord:
			found, err = j.usageLanes(ctx, client, f, who)
		case KindAPICall:
			found, err = j.apiCallLanes(ctx, client, f, who)
		}
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

func (j *Journal) entryLanes(ctx context.Context, client *ent.Client, f *TimelineFilter, who person) ([]lane, error) {
	alias, known := who.in("scitiger")
	if !known {
		return nil, nil
	}
	q, err := j.Entries.ask(ctx, client, EntryFilter{Since: f.Since, Until: f.Until, TenantID: isGiven(f.TenantID), UserID: isGiven(alias)})
	q.equal(entry.FieldIPAddress, f.IPAddress)
	q.equal(entry.FieldRequestID, f.RequestID)
	return laneOf(j.Entries, q), err
}

// auditLanes tells what Logbook recorded of itself from the events of other systems:
// its own name users by their ids in Logbook, the others by those in codebird. The two
// are lanes of their own, since an index sorts the rows of one user id only.
func (j *Journal) auditLanes(ctx context.Context, client *ent.Client, f *TimelineFilter, who person) (list []lane, err error) {
	ask := func(asked AuditEventFilter, rest ...shape) error {
		asked.Since, asked.Until, asked.TenantID = f.Since, f.Until, isGiven(f.TenantID)
		q, err := j.AuditEvents.ask(ctx, client, asked)
		q.rest = append(q.rest, rest...)
		q.equal(auditevent.FieldIP, f.IPAddress)
		list = append(list, laneOf(j.AuditEvents, q)...)
		return err
	}
	if who.asked == nil {
		err = ask(AuditEventFilter{})
		return list, err
	}
	if alias, known := who.in("codebird"); known {
		if err := ask(AuditEventFilter{UserID: isGiven(alias), ApplicationID: IsNot(OwnApplication)}); err != nil {
			return nil, err
		}
	}
	// Said so that SQLite looks through the user's events, not through all of Logbook's own.
	own := func(s *sql.Selector) { s.Where(sql.Not(sql.NEQ(s.C(auditevent.FieldApplicationID), OwnApplication))) }
	err = ask(AuditEventFilter{UserID: Is(numberValue(*who.asked))}, own)
	return list, err
}

func (j *Journal) operationLanes(ctx context.Context, client *ent.Client, f *TimelineFilter, who person) ([]lane, error) {
	alias, known := who.in("hertz")
	if !known {
		return nil, nil
	}
	asked := OperationFilter{Since: f.Since, Until: f.Until, TenantID: isGiven(f.TenantID)}
	if alias != nil {
		number, ok := parseID(numberRow(0), *alias)
		if !ok { // no operation can name it
			return nil, nil
		}
		asked.UserID = Is(number.number)
	}
	q, err := j.Operations.ask(ctx, client, asked)
	q.equal(operation.FieldIPAddress, f.IPAddress)
	return laneOf(j.Operations, q), err
}

func (j *Journal) usageLanes(ctx context.Context, client *ent.Client, f *TimelineFilter, who person) ([]lane, error) {
	q, err := j.UsageRecords.ask(ctx, client, UsageRecordFilter{Since: f.Since, Until: f.Until, TenantID: isGiven(f.TenantID), UserID: isGiven(who.asked)})
	q.equal(usagerecord.FieldIP, f.IPAddress)
	return laneOf(j.UsageRecords, q), err
}

// apiCallLanes finds a user's calls for all who may read API calls, though only
// administrators may filter by an app id: here nobody names one, so none can be
// guessed, and the rows show it masked.
func (j *Journal) apiCallLanes(ctx context.Context, client *ent.Client, f *TimelineFilter, who person) ([]lane, error) {
	alias, known := who.in("trae")
	if !known {
		return nil, nil
	}
	q, err := j.APICalls.ask(ctx, client, APICallFilter{Since: f.Since, Until: f.Until, TenantID: isGiven(f.TenantID)})
	where(&q, apiCallApp, isGiven(alias))
	q.equal(apicall.FieldSourceIP, f.IPAddress)
	return laneOf(j.APICalls, q), err
}

// person is the user that a timeline asks for, by its id in Logbook and by its aliases,
// one for each other system that knows it.
type person struct {
	asked   *int64 // nil: nobody is asked for
	aliases map[string]string
}

// in gives the id by which a system knows the person; nil where nobody is asked for,
// and false where the system does not know whoever is.
func (p person) in(system string) (alias *string, known bool) {
	if p.asked == nil {
		return nil, true
	}
	id, known := p.aliases[system]
	return &id, known
}

// personOf looks up a user's aliases. Whoever may read rows may ask which of them are
// one user's; it learns no other row by it. But a principal that is bound to a tenant
// finds the users of that tenant and itself: of all others it learns nothing, not even
// whether they exist.
func personOf(ctx context.Context, client *ent.Client, id *int64) (person, error) {
	who := person{asked: id, aliases: map[string]string{}}
	if id == nil {
		return who, nil
	}
	query := client.Identity.Query().Where(identity.UserID(*id))
	if p := auth.From(ctx); p.Tenant != nil && p.Subject != numberValue(*id) {
		query.Where(identity.HasUserWith(user.TenantID(column.ID(*p.Tenant))))
	}
	found, err := query.All(auth.System(ctx, "aliases"))
	for _, one := range found {
		who.aliases[one.System] = one.ExternalID
	}
	return who, err
}

// place is where a row stands among the rows of all kinds, in the order of time, kind
// and id.
type place struct {
	cursor
	kind Kind
}

// placed is a row in its place.
type placed struct {
	place
	record Record
}

func (p place) compare(other place) int {
	return cmp.Or(cmp.Compare(p.time, other.time), cmp.Compare(p.kind, other.kind), p.id.compare(other.id))
}

// timelineTag begins the cursors of timelines, as a kind begins those of its list.
const timelineTag = 'T'

// text gives the place as an opaque text.
func (p place) text() string {
	return base64.RawURLEncoding.EncodeToString(p.cursor.append([]byte{timelineTag}, p.kind))
}

// idsLike has an id of each kind's form.
var idsLike = map[Kind]rowID{
	KindEntry: entries.idOf(new(ent.Entry)), KindAuditEvent: auditEvents.idOf(new(ent.AuditEvent)),
	KindOperation: operations.idOf(new(ent.Operation)), KindUsageRecord: usageRecords.idOf(new(ent.UsageRecord)),
	KindAPICall: apiCalls.idOf(new(ent.APICall)),
}

// readPlace reads what text wrote.
func readPlace(raw []byte) (place, bool) {
	if len(raw) < 2 || raw[0] != timelineTag {
		return place{}, false
	}
	kind := Kind(raw[1])
	like, known := idsLike[kind]
	if !known {
		return place{}, false
	}
	c, ok := readCursor(raw[1:], kind, like)
	return place{c, kind}, ok
}
