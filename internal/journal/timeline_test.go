package journal_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// happened is a row of any kind as a naive merge sees it.
type happened struct {
	kind    journal.Kind
	time    column.Time
	id      string // as text that sorts as the database sorts the ids
	tenant  *column.ID
	user    string // system and id: who it was
	address string
	request string

	writer   int32
	sequence int64
}

func (h happened) compare(other happened) int {
	return cmp.Or(cmp.Compare(h.time, other.time), cmp.Compare(h.kind, other.kind), cmp.Compare(h.id, other.id))
}

func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

// happening gives a row as a naive merge sees it.
func happening(record journal.Record) happened {
	switch r := record.(type) {
	case *ent.Entry:
		h := happened{journal.KindEntry, r.Timestamp, string(r.ID[:]), r.TenantID, "", orEmpty(r.IPAddress), orEmpty(r.RequestID), r.Writer, r.Sequence}
		if r.UserID != nil {
			h.user = "scitiger " + *r.UserID
		}
		return h
	case *ent.AuditEvent:
		h := happened{journal.KindAuditEvent, r.CreatedAt, r.ID, r.TenantID, "", orEmpty(r.IP), "", r.Writer, r.Sequence}
		switch {
		case r.ApplicationID != nil && *r.ApplicationID == "logbook":
			h.user = "logbook " + orEmpty(r.UserID)
		case r.UserID != nil:
			h.user = "codebird " + *r.UserID
		}
		return h
	case *ent.Operation:
		h := happened{journal.KindOperation, r.CreatedAt, fmt.Sprintf("%020d", r.ID), r.TenantID, "", orEmpty(r.IPAddress), "", r.Writer, r.Sequence}
		if r.UserID != nil {
			h.user = "hertz " + strconv.FormatInt(*r.UserID, 10)
		}
		return h
	case *ent.UsageRecord:
		return happened{journal.KindUsageRecord, r.CreatedAt, fmt.Sprintf("%020d", r.ID), r.TenantID, fmt.Sprint("logbook ", r.UserID), r.IP, "", r.Writer, r.Sequence}
	case *ent.APICall:
		return happened{journal.KindAPICall, r.OperationTime, r.ID, r.TenantID, "trae " + r.AppID, r.SourceIP, "", r.Writer, r.Sequence}
	}
	panic(fmt.Sprintf("a %T is no row of a log", record))
}

// everything gives all rows of all kinds, as the lists of the kinds have them.
func (w *world) everything(t rapid.TB, ctx context.Context) (all []happened) {
	t.Helper()
	for _, err := range []error{
		w.Entries.Each(ctx, journal.EntryFilter{}, func(r *ent.Entry) error { all = append(all, happening(r)); return nil }),
		w.AuditEvents.Each(ctx, journal.AuditEventFilter{}, func(r *ent.AuditEvent) error { all = append(all, happening(r)); return nil }),
		w.Operations.Each(ctx, journal.OperationFilter{}, func(r *ent.Operation) error { all = append(all, happening(r)); return nil }),
		w.UsageRecords.Each(ctx, journal.UsageRecordFilter{}, func(r *ent.UsageRecord) error { all = append(all, happening(r)); return nil }),
		w.APICalls.Each(ctx, journal.APICallFilter{}, func(r *ent.APICall) error { all = append(all, happening(r)); return nil }),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// somebody is a stored user.
type somebody struct {
	id      int64
	tenant  *column.ID
	aliases map[string]string
}

// stored stores a user as it is.
func (w *world) stored(t testing.TB, ctx context.Context, who somebody) {
	t.Helper()
	err := w.database.Write(ctx, func(tx *db.Tx) error {
		name := fmt.Sprint("user ", who.id)
		if err := tx.User.Create().SetID(who.id).SetUsername(name).SetRole("user").SetNillableTenantID(who.tenant).SetCreatedAt(1).Exec(ctx); err != nil {
			return err
		}
		for system, id := range who.aliases {
			if err := tx.Identity.Create().SetSystem(system).SetExternalID(id).SetUserID(who.id).Exec(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readers are the permissions that let somebody read each kind.
var readers = map[journal.Kind]auth.Permission{
	journal.KindEntry: auth.EntriesRead, journal.KindAuditEvent: auth.AuditRead, journal.KindOperation: auth.OperationsList,
	journal.KindUsageRecord: auth.UsageRead, journal.KindAPICall: auth.APICallsRead,
}

// visible says whether a principal may see a row at all.
func visible(p *auth.Principal, h happened) bool {
	if p.Tenant != nil && (h.tenant == nil || *h.tenant != column.ID(*p.Tenant)) {
		return false
	}
	_, owns := p.Own()
	own := owns && h.kind == journal.KindUsageRecord && h.user == "logbook "+p.Subject
	return own || p.Holds(readers[h.kind])
}

// equals says whether a value is the wanted one, if one is.
func equals[T comparable](want, have *T) bool {
	return want == nil || have != nil && *have == *want
}

// inTimeline says whether a row passes a filter that a principal asks with.
func inTimeline(p *auth.Principal, f journal.TimelineFilter, people []somebody, h happened) bool {
	user := f.UserID == nil
	if f.UserID != nil && *f.UserID > 0 {
		user = h.user == fmt.Sprint("logbook ", *f.UserID)
		for _, one := range people {
			mine := p.Tenant == nil || p.Subject == fmt.Sprint(one.id) || one.tenant != nil && *one.tenant == column.ID(*p.Tenant)
			for system, id := range one.aliases {
				user = user || one.id == *f.UserID && mine && system != "newapi" && h.user == system+" "+id
			}
		}
	}
	return user && (f.Since == nil || h.time >= *f.Since) && (f.Until == nil || h.time < *f.Until) &&
		equals(f.TenantID, h.tenant) && equals(f.IPAddress, &h.address) && equals(f.RequestID, &h.request) &&
		(len(f.Kinds) == 0 || slices.Contains(f.Kinds, h.kind))
}

// walk joins the pages of a timeline, forth or back.
func (w *world) walk(t rapid.TB, ctx context.Context, f journal.TimelineFilter, size int, backward bool) (walked []happened, total int64) {
	t.Helper()
	page := journal.KeysetPage{First: &size}
	if backward {
		page = journal.KeysetPage{Last: &size}
	}
	for {
		c, err := w.Timeline(ctx, f, page)
		if err != nil {
			t.Fatal(err)
		}
		rows := make([]happened, len(c.Edges))
		for i, edge := range c.Edges {
			rows[i] = happening(edge.Node)
		}
		if total, err = c.TotalCount(ctx); err != nil || len(rows) > size {
			t.Fatalf("a page of %d has %d rows (%v)", size, len(rows), err)
		}
		info := c.PageInfo
		if len(rows) > 0 && (*info.StartCursor != c.Edges[0].Cursor || *info.EndCursor != c.Edges[len(rows)-1].Cursor) {
			t.Fatalf("the page's cursors are %v", info)
		}
		more, behind := info.HasNextPage, info.HasPreviousPage
		if backward {
			more, behind = behind, more
			walked = append(rows, walked...)
			page.Before = info.StartCursor
		} else {
			walked = append(walked, rows...)
			page.After = info.EndCursor
		}
		if behind != (len(walked) > len(rows)) {
			t.Fatalf("backward %t: a page behind %d rows says %+v", backward, len(walked)-len(rows), info)
		}
		if !more {
			return walked, total
		}
	}
}

// Pages joined are the sort of a naive merge, in both directions, for everybody who may
// ask: with rows of all kinds at one moment, ids that are equal in several systems, and
// users of other tenants.
func TestTimelineEqualsPlainMerge(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		s := stock(t, ctx, w)
		people := []somebody{
			{7, nil, map[string]string{"scitiger": "7", "codebird": "usr_7", "hertz": "8", "trae": "AK1234567890"}},
			{8, s.tenants[1], map[string]string{"scitiger": "8", "codebird": "7", "hertz": "7", "newapi": "7"}},
			{9, s.tenants[2], map[string]string{"codebird": "8", "hertz": "07", "trae": "7"}},
			{10, s.tenants[1], nil},
		}
		for _, one := range people {
			w.stored(t, ctx, one)
		}
		texts := []*string{nil, ptr("7"), ptr("8"), ptr("usr_7"), ptr("9")}
		addresses := []string{"::1", "10.0.0.1", ""}
		moment := func(t *rapid.T) *column.Time {
			return ptr(*at(-float64(rapid.IntRange(0, 3).Draw(t, "hours"))) - column.Time(of(t, "offset", int64(0), 0, 0, 1, 1_000_000)))
		}
		address := func(t *rapid.T) *string { return ptr(of(t, "address", addresses...)) }
		batch := func(t *rapid.T, kind string) int { return rapid.IntRange(0, 6).Draw(t, kind) }
		rapid.Check(t, func(t *rapid.T) {
			// Audit events stay, so rows of all runs gather until there are many.
			if rows := w.everything(t, ctx); len(rows) < 400 {
				fail := func(_ any, err error) {
					if err != nil {
						t.Fatal(err)
					}
				}
				for range batch(t, "entries") {
					fail(w.Entries.Append(ctx, []journal.EntryDraft{{
						Timestamp: moment(t), TenantID: of(t, "tenant", s.tenants...), Message: "m", UserID: of(t, "user", texts...),
						IPAddress: address(t), RequestID: of(t, "request", nil, ptr("req-1"), ptr("req-2")),
					}}))
				}
				for range batch(t, "audit events") {
					fail(w.AuditEvents.Append(ctx, []journal.AuditEventDraft{{
						CreatedAt: moment(t), TenantID: of(t, "tenant", s.tenants...), Key: "SignIn.Password", UserID: of(t, "user", texts...),
						ApplicationID: of(t, "application", nil, ptr("app"), ptr("Logbook")), IP: address(t),
					}}))
				}
				for range batch(t, "operations") {
					fail(w.Operations.Append(ctx, []journal.OperationDraft{{
						CreatedAt: moment(t), TenantID: of(t, "tenant", s.tenants...), UserID: of(t, "user", nil, ptr[int64](7), ptr[int64](8)),
						Username: of(t, "name", nil, ptr("a"), ptr("b")), IPAddress: address(t),
					}}))
				}
				for range batch(t, "usage records") {
					fail(w.UsageRecords.Append(ctx, []journal.UsageRecordDraft{{
						CreatedAt: moment(t), TenantID: of(t, "tenant", s.tenants...), Type: column.Consume, UserID: of(t, "user", int64(0), 7, 8),
						Username: of(t, "name", "", "a"), IP: *address(t),
					}}))
				}
				for range batch(t, "API calls") {
					fail(w.APICalls.Append(ctx, []journal.APICallDraft{{
						OperationTime: moment(t), TenantID: of(t, "tenant", s.tenants...), AppID: of(t, "app", "AK1234567890", "7", ""), SourceIP: *address(t),
					}}))
				}
				for range rapid.IntRange(0, 2).Draw(t, "changes") { // what Logbook records of itself
					change := journal.Change{Event: "Test", Action: column.ActionUpdate, Tenant: of(t, "tenant", s.tenants...), At: moment(t),
						By: &auth.Principal{Subject: of(t, "by", "0", "7", "8", "usr_7"), Username: "a"}, From: &auth.Origin{Address: *address(t)}}
					fail(nil, w.Change(ctx, func(*db.Tx) ([]journal.Change, error) { return []journal.Change{change}, nil }))
				}
			}
			rows := w.everything(t, ctx)
			slices.SortFunc(rows, func(a, b happened) int { return b.compare(a) })
			for range 4 {
				p := &auth.Principal{Role: auth.Admin, Subject: of(t, "subject", "0", "7", "8", "9")}
				if p.Role = of(t, "role", auth.Admin, auth.Viewer, auth.User); p.Role != auth.Admin {
					for kind := journal.KindEntry; kind <= journal.KindAPICall; kind++ {
						if permission := readers[kind]; rapid.Bool().Draw(t, string(permission)) {
							p.Permissions = append(p.Permissions, permission)
						}
					}
				}
				p.Tenant = (*[16]byte)(of(t, "bound to", nil, s.tenants[1], s.tenants[2]))
				var f journal.TimelineFilter
				ask := asks{t}
				ask.maybe("since", func() { f.Since = moment(t) })
				ask.maybe("until", func() { f.Until = moment(t) })
				ask.maybe("tenant", func() { f.TenantID = of(t, "of tenant", s.tenants[1:]...) })
				if rapid.Bool().Draw(t, "user?") {
					f.UserID = ptr(of(t, "of user", int64(0), 7, 7, 8, 8, 9, 10, 11))
				}
				ask.maybe("address", func() { f.IPAddress = ptr(of(t, "of address", addresses[:2]...)) })
				ask.maybe("request", func() { f.RequestID = ptr(of(t, "of request", "req-1", "req-3")) })
				ask.maybe("kinds", func() {
					for kind := journal.KindEntry; kind <= journal.KindAPICall; kind++ {
						if rapid.Bool().Draw(t, fmt.Sprint("kind ", kind)) {
							f.Kinds = append(f.Kinds, kind, kind)
						}
					}
				})
				if (f.IPAddress != nil || f.RequestID != nil) && f.UserID == nil {
					f.Since, f.Until = at(-20*24), cmp.Or(f.Until, at(1))
				}
				who := auth.With(context.Background(), p)
				refused := len(p.Permissions) == 0 && p.Role == auth.Viewer || p.Role == auth.User && p.Subject == "0" && len(p.Permissions) == 0
				for _, kind := range f.Kinds {
					_, owns := p.Own()
					refused = refused || !p.Holds(readers[kind]) && !(owns && kind == journal.KindUsageRecord)
				}
				if refused {
					if _, err := w.Timeline(who, f, journal.KeysetPage{}); fault.KindOf(err) != fault.Forbidden {
						t.Fatalf("%+v asks for %v and gets %v", p, f.Kinds, err)
					}
					continue
				}
				want := slices.DeleteFunc(slices.Clone(rows), func(h happened) bool { return !visible(p, h) || !inTimeline(p, f, people, h) })
				size := max(rapid.IntRange(1, 9).Draw(t, "page size"), len(want)/4)
				for _, backward := range []bool{false, true} {
					got, total := w.walk(t, who, f, size, backward)
					if !slices.EqualFunc(got, want, func(a, b happened) bool { return a.compare(b) == 0 }) || total != int64(len(want)) {
						t.Fatalf("%+v asks %+v, backward %t: %d rows, total %d\n%v\nwant %d\n%v", p, f, backward, len(got), total, got, len(want), want)
					}
				}
			}
		})
	})
}

// What is appended while somebody walks neither hides a row that was there nor shows one
// twice.
func TestTimelineWhileOthersWrite(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		fill := func(n int) {
			for i := range n {
				moment := at(-float64(i % 5))
				must[[]*ent.Entry](t)(w.Entries.Append(ctx, []journal.EntryDraft{{Timestamp: moment, Message: "m"}}))
				must[[]*ent.APICall](t)(w.APICalls.Append(ctx, []journal.APICallDraft{{OperationTime: moment}}))
				must[[]*ent.UsageRecord](t)(w.UsageRecords.Append(ctx, []journal.UsageRecordDraft{{CreatedAt: moment, Type: column.Consume}}))
			}
		}
		fill(10)
		there := w.everything(t, ctx)
		slices.SortFunc(there, func(a, b happened) int { return b.compare(a) })
		for _, backward := range []bool{false, true} {
			var got []happened
			size := 4
			for page, more := (journal.KeysetPage{First: &size}), true; more; {
				if backward {
					page.First, page.Last = nil, &size
				}
				c, err := w.Timeline(ctx, journal.TimelineFilter{}, page)
				if err != nil {
					t.Fatal(err)
				}
				var rows []happened
				for _, edge := range c.Edges {
					rows = append(rows, happening(edge.Node))
				}
				if backward {
					got, page.Before, more = append(rows, got...), c.PageInfo.StartCursor, c.PageInfo.HasPreviousPage
				} else {
					got, page.After, more = append(got, rows...), c.PageInfo.EndCursor, c.PageInfo.HasNextPage
				}
				if len(got) < 20 {
					fill(5)
				}
			}
			if !slices.IsSortedFunc(got, func(a, b happened) int { return b.compare(a) }) {
				t.Errorf("backward %t: the pages are out of order", backward)
			}
			for i := 1; i < len(got); i++ {
				if got[i].compare(got[i-1]) == 0 {
					t.Errorf("backward %t: %+v stands twice", backward, got[i])
				}
			}
			for _, one := range there {
				if !slices.ContainsFunc(got, func(h happened) bool { return h.compare(one) == 0 }) {
					t.Errorf("backward %t: %+v is missing", backward, one)
				}
			}
		}
	})
}

// A page is of one moment: whoever stores an entry and then an API call is never seen to
// have stored the call alone, though the entries are read first.
func TestTimelineIsOfOneMoment(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		var writing sync.WaitGroup
		stop := make(chan struct{})
		writing.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				moment := at(float64(i))
				if _, err := w.Entries.Append(ctx, []journal.EntryDraft{{Timestamp: moment, Message: "m"}}); err != nil {
					t.Error(err)
					return
				}
				if _, err := w.APICalls.Append(ctx, []journal.APICallDraft{{OperationTime: moment}}); err != nil {
					t.Error(err)
					return
				}
			}
		})
		defer writing.Wait()
		defer close(stop)
		for range 300 {
			c, err := w.Timeline(ctx, journal.TimelineFilter{}, journal.KeysetPage{First: ptr(2)})
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Edges) == 0 {
				continue
			}
			newest := happening(c.Edges[0].Node)
			if newest.kind == journal.KindAPICall && (len(c.Edges) < 2 || happening(c.Edges[1].Node).time != newest.time) {
				t.Fatal("a page has an API call without the entry that was there before it")
			}
		}
	})
}

func TestTimelineRefuses(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		must[[]*ent.Entry](t)(w.Entries.Append(ctx, []journal.EntryDraft{{Timestamp: at(-1), Message: "m"}}))
		must[[]*ent.UsageRecord](t)(w.UsageRecords.Append(ctx, []journal.UsageRecordDraft{{CreatedAt: at(-1), Type: column.Consume}}))
		entries, err := w.Entries.Page(ctx, journal.EntryFilter{}, journal.KeysetPage{})
		if err != nil {
			t.Fatal(err)
		}
		whole, err := w.Timeline(ctx, journal.TimelineFilter{}, journal.KeysetPage{})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := base64.RawURLEncoding.DecodeString(whole.Edges[0].Cursor)
		if err != nil {
			t.Fatal(err)
		}
		changed := func(at int, to byte) *string {
			b := slices.Clone(raw)
			b[at] = to
			return ptr(base64.RawURLEncoding.EncodeToString(b))
		}
		cut := func(n int) *string { return ptr(base64.RawURLEncoding.EncodeToString(raw[:n])) }
		address, request := ptr("::1"), ptr("req-1")
		type filter = journal.TimelineFilter
		reader := as(auth.Viewer, nil, auth.EntriesRead)
		for name, test := range map[string]struct {
			who    context.Context
			filter filter
			page   journal.KeysetPage
			want   fault.Kind // -1: none
		}{
			"nobody":                       {who: context.Background(), want: fault.Unauthenticated},
			"a gateway key":                {who: as("", nil, auth.EntriesRead), want: fault.Forbidden},
			"a viewer of nothing":          {who: as(auth.Viewer, nil), want: fault.Forbidden},
			"an ingester":                  {who: as(auth.Ingest, nil, auth.Permissions...), want: fault.Forbidden},
			"a user of another system":     {who: user("usr_2"), want: fault.Forbidden},
			"a kind that is not allowed":   {who: reader, filter: filter{Kinds: []journal.Kind{journal.KindEntry, journal.KindAuditEvent}}, want: fault.Forbidden},
			"a kind that is no user's own": {who: user("2"), filter: filter{Kinds: []journal.Kind{journal.KindEntry}}, want: fault.Forbidden},
			"an address of all times":      {filter: filter{IPAddress: address}, want: fault.Invalid},
			"an address until":             {filter: filter{IPAddress: address, Until: at(0)}, want: fault.Invalid},
			"an address of too long":       {filter: filter{IPAddress: address, Since: at(-31*24 - 0.001)}, want: fault.Invalid},
			"an address until too late":    {filter: filter{IPAddress: address, Since: at(-30 * 24), Until: at(25)}, want: fault.Invalid},
			"an address of usage":          {filter: filter{IPAddress: address, Kinds: []journal.Kind{journal.KindUsageRecord}}, want: fault.Invalid},
			"a request of all times":       {filter: filter{RequestID: request}, want: fault.Invalid},
			"no address":                   {filter: filter{IPAddress: ptr(""), Since: at(-1)}, want: fault.Invalid},
			"no request":                   {filter: filter{RequestID: ptr(""), UserID: ptr[int64](7)}, want: fault.Invalid},
			"first and last":               {page: journal.KeysetPage{First: ptr(1), Last: ptr(1)}, want: fault.Invalid},
			"too many":                     {page: journal.KeysetPage{First: ptr(501)}, want: fault.Invalid},
			"a cursor of entries":          {page: journal.KeysetPage{After: entries.PageInfo.EndCursor}, want: fault.Invalid},
			"a cursor of another tag":      {page: journal.KeysetPage{After: changed(0, 'U')}, want: fault.Invalid},
			"a cursor of no kind":          {page: journal.KeysetPage{Before: changed(1, 6)}, want: fault.Invalid},
			"a cursor of kind 0":           {page: journal.KeysetPage{Before: changed(1, 0)}, want: fault.Invalid},
			"a cursor's tag":               {page: journal.KeysetPage{After: cut(1)}, want: fault.Invalid},
			"a cursor's kind":              {page: journal.KeysetPage{After: cut(2)}, want: fault.Invalid},
			"a cursor without its id":      {page: journal.KeysetPage{After: cut(10)}, want: fault.Invalid},
			"an empty cursor":              {page: journal.KeysetPage{After: ptr("")}, want: fault.Invalid},
			"a timeline's cursor":          {page: journal.KeysetPage{After: whole.PageInfo.EndCursor}, want: -1},
			"an address of 31 days":        {filter: filter{IPAddress: address, Since: at(-31 * 24)}, want: -1},
			"an address of another time":   {filter: filter{IPAddress: address, Since: at(-100 * 24), Until: at(-70 * 24)}, want: -1},
			"an address with an index": {filter: filter{IPAddress: address, Kinds: []journal.Kind{
				journal.KindAuditEvent, journal.KindOperation, journal.KindAPICall}}, want: -1},
			"an address of a user":         {filter: filter{IPAddress: address, UserID: ptr[int64](7)}, want: -1},
			"a request, and never entries": {filter: filter{RequestID: request, Kinds: []journal.Kind{journal.KindAPICall}}, want: -1},
			"a reader of one kind":         {who: reader, want: -1},
			"a user":                       {who: user("2"), want: -1},
		} {
			who := test.who
			if who == nil {
				who = ctx
			}
			_, err := w.Timeline(who, test.filter, test.page)
			if test.want == -1 && err != nil || test.want != -1 && (err == nil || fault.KindOf(err) != test.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := w.Entries.Page(ctx, journal.EntryFilter{}, journal.KeysetPage{After: whole.PageInfo.EndCursor}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("the list of entries takes a timeline's cursor: %v", err)
		}
		// Where until is absent it is now, which is excluded.
		must[[]*ent.Entry](t)(w.Entries.Append(ctx, []journal.EntryDraft{
			{Timestamp: at(0), Message: "m", IPAddress: address}, {Timestamp: ptr(*at(0) - 1), Message: "m", IPAddress: address}}))
		for want, f := range map[int]filter{1: {IPAddress: address, Since: at(-24)}, 2: {IPAddress: address, Since: at(-24), Until: at(1)}} {
			if c, err := w.Timeline(ctx, f, journal.KeysetPage{}); err != nil || len(c.Edges) != want {
				t.Errorf("until %v: %v, want %d rows (%v)", f.Until, c, want, err)
			}
		}
		// Too many requests are no want of permissions.
		busy := auth.WithAdmission(ctx, func(context.Context) error { return fault.New(fault.TooMany, "later") })
		if _, err := w.Timeline(busy, filter{}, journal.KeysetPage{}); fault.KindOf(err) != fault.TooMany {
			t.Errorf("who asks too often gets %v", err)
		}
	})
}

// What the lists hide is hidden here: app ids, details of operations, what only
// administrators see of usage.
func TestTimelineHidesWhatListsHide(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		w.stored(t, ctx, somebody{7, nil, map[string]string{"hertz": "3", "trae": "AK1234567890"}})
		must[[]*ent.Operation](t)(w.Operations.Append(ctx, []journal.OperationDraft{{UserID: ptr[int64](3), RequestData: column.JSON(`{"a":1}`), CreatedAt: at(0)}}))
		must[[]*ent.APICall](t)(w.APICalls.Append(ctx, []journal.APICallDraft{{AppID: "AK1234567890", OperationTime: at(0)}}))
		must[[]*ent.UsageRecord](t)(w.UsageRecords.Append(ctx, []journal.UsageRecordDraft{{
			Type: column.Consume, UserID: 7, ChannelName: "c", Other: `{"admin_info":1}`, CreatedAt: at(0)}}))
		for name, test := range map[string]struct {
			who                       context.Context
			app, data, channel, other string
		}{
			"an administrator": {ctx, "AK1234567890", `{"a":1}`, "c", `{"admin_info":1}`},
			"a viewer":         {as(auth.Viewer, nil, auth.OperationsList, auth.APICallsRead, auth.UsageRead), "AK1234****7890", "", "c", `{"admin_info":1}`},
			"a viewer of details": {as(auth.Viewer, nil, auth.OperationsQuery, auth.APICallsRead, auth.UsageRead),
				"AK1234****7890", `{"a":1}`, "c", `{"admin_info":1}`},
			"the user": {user("7", auth.OperationsList, auth.APICallsRead), "AK1234****7890", "", "", "{}"},
		} {
			c, err := w.Timeline(test.who, journal.TimelineFilter{UserID: ptr[int64](7)}, journal.KeysetPage{})
			if err != nil || len(c.Edges) != 3 {
				t.Fatalf("%s: %v, %v", name, c, err)
			}
			call, usage, done := c.Edges[0].Node.(*ent.APICall), c.Edges[1].Node.(*ent.UsageRecord), c.Edges[2].Node.(*ent.Operation)
			if call.AppID != test.app || string(done.RequestData) != test.data || (done.UserID == nil) != (test.data == "") ||
				usage.ChannelName != test.channel || usage.Other != test.other {
				t.Errorf("%s sees %+v, %+v, %+v", name, call, usage, done)
			}
		}
	})
}
