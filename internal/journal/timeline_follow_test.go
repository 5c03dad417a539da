package journal_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// Followers of all kinds, who break off and go on behind their last cursor, get each row
// that several processes append once, in each writer's order, and nothing that they may
// not see or did not ask for.
func TestTimelineFollows(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		s := stock(t, ctx, w)
		people := []somebody{{7, nil, map[string]string{"scitiger": "u7", "hertz": "7", "trae": "AK1234567890"}}}
		w.stored(t, ctx, people[0])
		appendTo := func(j *journal.Journal, random *rand.Rand, n int) error {
			for range n {
				var err error
				moment, tenant := at(random.Float64()), s.tenants[random.IntN(len(s.tenants))]
				switch random.IntN(6) {
				case 0:
					_, err = j.Entries.Append(ctx, []journal.EntryDraft{
						{Timestamp: moment, TenantID: tenant, Message: "a", UserID: ptr("u7")}, {Timestamp: at(-1), TenantID: tenant, Message: "b"}})
				case 1:
					_, err = j.AuditEvents.Append(ctx, []journal.AuditEventDraft{{CreatedAt: moment, TenantID: tenant, Key: "k", UserID: ptr("7")}})
				case 2:
					_, err = j.Operations.Append(ctx, []journal.OperationDraft{{CreatedAt: moment, TenantID: tenant, UserID: ptr(random.Int64N(3) + 6)}})
				case 3:
					_, err = j.UsageRecords.Append(ctx, []journal.UsageRecordDraft{{CreatedAt: moment, TenantID: tenant, Type: column.Consume, UserID: random.Int64N(3) + 6}})
				case 4:
					_, err = j.APICalls.Append(ctx, []journal.APICallDraft{{OperationTime: moment, TenantID: tenant, AppID: "AK1234567890"}})
				case 5: // many kinds in few places of the sequence
					_, err = j.APICalls.Append(ctx, make([]journal.APICallDraft, 40))
				}
				if err != nil {
					return err
				}
			}
			return nil
		}
		if err := appendTo(w.Journal, rand.New(rand.NewPCG(0, 0)), 10); err != nil {
			t.Fatal(err)
		}
		before := len(w.everything(t, ctx))
		page, err := w.Timeline(ctx, journal.TimelineFilter{}, journal.KeysetPage{Live: true, First: ptr(0)})
		if err != nil || page.LiveCursor == "" {
			t.Fatalf("the page is %+v (%v)", page, err)
		}
		viewer := &auth.Principal{Role: auth.Viewer, Subject: "1", Tenant: (*[16]byte)(s.tenants[1]),
			Permissions: []auth.Permission{auth.EntriesRead, auth.APICallsRead}}
		follows := []struct {
			p      *auth.Principal
			filter journal.TimelineFilter
			got    []happened
			err    error
		}{
			{p: auth.From(ctx)},
			{p: auth.From(ctx), filter: journal.TimelineFilter{UserID: ptr[int64](7)}},
			{p: viewer},
			{p: viewer, filter: journal.TimelineFilter{Kinds: []journal.Kind{journal.KindAPICall}, Since: at(0.5)}},
			{p: &auth.Principal{Role: auth.User, Subject: "7"}},
		}
		// Every writer ends with a row that all followers get, each of its own kind.
		closing := func(j *journal.Journal) error {
			_, err := j.UsageRecords.Append(ctx, []journal.UsageRecordDraft{{CreatedAt: at(1000), TenantID: s.tenants[1], Type: column.Consume, UserID: 7}})
			if err == nil {
				_, err = j.APICalls.Append(ctx, []journal.APICallDraft{{OperationTime: at(1000), TenantID: s.tenants[1], AppID: "AK1234567890"}})
			}
			return err
		}
		const writers = 3
		var running sync.WaitGroup
		for i := range follows {
			f := &follows[i]
			running.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(i)))
				after, ended := &page.LiveCursor, 0
				for ended < writers {
					rows, err := w.FollowTimeline(auth.With(context.Background(), f.p), f.filter, after)
					if err != nil {
						f.err = err
						return
					}
					left := 1 + random.IntN(40)
					for row, err := range rows {
						if err != nil {
							f.err = err
							return
						}
						h := happening(row.Node)
						f.got, after = append(f.got, h), &row.Cursor
						if _, isCall := row.Node.(*ent.APICall); h.time == *at(1000) && (isCall || f.p.Role == auth.User) {
							ended++
						}
						if left--; left == 0 || ended == writers {
							break
						}
					}
				}
			})
		}
		for i := range writers {
			j := w.Journal
			if i > 0 { // another process
				j = journal.New(w.database, journal.Options{})
				t.Cleanup(func() {
					if err := j.Close(ctx); err != nil {
						t.Error(err)
					}
				})
			}
			running.Go(func() {
				err := appendTo(j, rand.New(rand.NewPCG(2, uint64(i))), 40)
				if err == nil {
					err = closing(j)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
		all := w.everything(t, ctx)
		slices.SortFunc(all, func(a, b happened) int {
			if a.writer != b.writer {
				return int(a.writer - b.writer)
			}
			return int(a.sequence - b.sequence)
		})
		begun, err := w.Timeline(ctx, journal.TimelineFilter{}, journal.KeysetPage{Live: true})
		if err != nil || begun.LiveCursor == page.LiveCursor || len(all) < before+writers*40 {
			t.Fatalf("%d rows before, %d after, %v", before, len(all), err)
		}
		for i, f := range follows {
			if f.err != nil {
				t.Errorf("follower %d: %v", i, f.err)
			}
			last := map[int32]int64{}
			seen := map[int32]map[int64]bool{}
			for _, h := range f.got {
				if h.sequence <= last[h.writer] {
					t.Errorf("follower %d: %d of writer %d comes behind %d", i, h.sequence, h.writer, last[h.writer])
				}
				last[h.writer] = h.sequence
				if seen[h.writer] == nil {
					seen[h.writer] = map[int64]bool{}
				}
				seen[h.writer][h.sequence] = true
			}
			want := 0
			for n, h := range all {
				// What was there before is of the first writer.
				expected := n >= before && visible(f.p, h) && inTimeline(f.p, f.filter, people, h)
				if expected {
					want++
				}
				if has := seen[h.writer][h.sequence]; has != expected {
					t.Errorf("follower %d: %+v came: %t", i, h, has)
				}
			}
			if len(f.got) != want || want < writers {
				t.Errorf("follower %d got %d rows, want %d", i, len(f.got), want)
			}
		}
	})
}

func TestFollowTimelineRefuses(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		list, err := w.Timeline(ctx, journal.TimelineFilter{}, journal.KeysetPage{})
		if err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			who    context.Context
			filter journal.TimelineFilter
			after  *string
			want   fault.Kind
		}{
			"nobody":              {who: context.Background(), want: fault.Unauthenticated},
			"an ingester":         {who: as(auth.Ingest, nil, auth.Permissions...), want: fault.Forbidden},
			"a viewer of nothing": {who: as(auth.Viewer, nil), want: fault.Forbidden},
			"a kind that is not allowed": {who: as(auth.Viewer, nil, auth.EntriesRead),
				filter: journal.TimelineFilter{Kinds: []journal.Kind{journal.KindUsageRecord}}, want: fault.Forbidden},
			"no address":      {who: ctx, filter: journal.TimelineFilter{IPAddress: ptr("")}, want: fault.Invalid},
			"a list's cursor": {who: ctx, after: ptr("VAEAAAAAAAAAAA"), want: fault.Invalid},
			"an empty cursor": {who: ctx, after: &list.LiveCursor, want: fault.Invalid},
			"an address":      {who: ctx, filter: journal.TimelineFilter{IPAddress: ptr("::1")}, want: -1},
			"a user of usage": {who: user("2"), want: -1},
		} {
			_, err := w.FollowTimeline(test.who, test.filter, test.after)
			if test.want == -1 && err != nil || test.want != -1 && (err == nil || fault.KindOf(err) != test.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
