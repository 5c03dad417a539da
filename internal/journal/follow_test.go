package journal_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// robbing gives a clock of which every look takes 20 s, so that processes keep taking
// each other's writer number.
func robbing() func() time.Time {
	var mu sync.Mutex
	now := noon
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(20 * time.Second)
		return now
	}
}

// trade is what the tests of following do with a kind of log: write to it by any
// journal, and follow it.
type trade struct {
	write  func(t *testing.T, ctx context.Context, j *journal.Journal, r *rand.Rand)
	follow func(t *testing.T, ctx context.Context, readers []*journal.Journal, seed int) *trail
}

// trail is a follower that breaks off at random and goes on, by any journal. Its lock
// guards what it has been given.
type trail struct {
	mu     sync.Mutex
	more   *sync.Cond
	given  map[string]bool // ids
	ended  chan struct{}
	filter string
	want   func(ctx context.Context) (map[string]bool, error) // what is there and passes the filter
	passed func(id string) bool
}

// tradeIn makes a trade of a kind; of gives the kind's log of a journal.
func tradeIn[R, D, F any](k kind[R, D, F], of func(*journal.Journal) *journal.Log[R, D, F], arrival func(*R) (int32, int64)) trade {
	id := func(row *R) string { at, id := k.key(row); return fmt.Sprintf("%d %x", at, id) }
	return trade{
		write: func(t *testing.T, ctx context.Context, j *journal.Journal, r *rand.Rand) {
			seed := r.IntN(1 << 30)
			var err error
			switch drafts := rapid.SliceOfN(rapid.Custom(k.draft), 1, 20).Example(seed); {
			case r.IntN(12) == 0 && !k.kept:
				_, err = of(j).Purge(ctx, rapid.Custom(k.filter).Example(seed))
				if err != nil && strings.Contains(err.Error(), "needs a condition") {
					err = nil
				}
			case r.IntN(4) == 0:
				imported := make([]journal.Imported[D], len(drafts))
				for i := range drafts {
					imported[i] = journal.Imported[D]{Draft: drafts[i], Occurrence: uint32(seed + i)}
				}
				_, err = of(j).Import(ctx, imported)
			default:
				_, err = of(j).Append(ctx, drafts)
			}
			if err != nil && fault.KindOf(err) != fault.Unavailable { // the clock robs leases
				t.Error(err)
			}
		},
		follow: func(t *testing.T, ctx context.Context, readers []*journal.Journal, seed int) *trail {
			r := rand.New(rand.NewPCG(uint64(seed), 1))
			filter := rapid.Custom(k.filter).Example(seed)
			if seed%3 == 0 {
				filter = *new(F)
			}
			begin, err := of(readers[0]).Page(ctx, *new(F), journal.KeysetPage{First: ptr(0), Live: true})
			if err != nil {
				t.Fatal(err)
			}
			fits := map[string]bool{}
			one := &trail{given: map[string]bool{}, ended: make(chan struct{}), filter: fmt.Sprintf("%T %+v", filter, filter)}
			one.more = sync.NewCond(&one.mu)
			one.passed = func(id string) bool { return fits[id] }
			one.want = func(ctx context.Context) (map[string]bool, error) {
				ids := map[string]bool{}
				return ids, k.log.Each(ctx, k.all, func(row *R) error {
					if k.passes(filter, row) {
						ids[id(row)] = true
					}
					return nil
				})
			}
			go func() {
				defer close(one.ended)
				reached := map[int32]int64{}
				for cursor := begin.LiveCursor; ctx.Err() == nil; {
					rows, err := of(readers[r.IntN(len(readers))]).Follow(ctx, filter, &cursor)
					if err != nil {
						if ctx.Err() == nil {
							t.Error(err)
						}
						return
					}
					for row, err := range rows {
						if err != nil {
							t.Error(err)
							return
						}
						if r.IntN(10) == 0 {
							break // it never came to the caller, who begins where it was
						}
						writer, sequence := arrival(row.Node)
						one.mu.Lock()
						if sequence <= reached[writer] {
							t.Errorf("%s: the writer %d's row %d comes behind its row %d", one.filter, writer, sequence, reached[writer])
						}
						reached[writer] = sequence
						one.given[id(row.Node)], fits[id(row.Node)] = true, k.passes(filter, row.Node)
						one.more.Broadcast()
						one.mu.Unlock()
						if cursor = row.Cursor; r.IntN(10) == 0 {
							break
						}
					}
				}
			}()
			return one
		},
	}
}

// await waits until the trail has been given everything that is there now.
func (one *trail) await(t *testing.T, ctx context.Context) {
	want, err := one.want(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// Not a limit on how long it may take, but on how long a test hangs.
	late, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	defer context.AfterFunc(late, func() { one.mu.Lock(); defer one.mu.Unlock(); one.more.Broadcast() })()
	one.mu.Lock()
	defer one.mu.Unlock()
	for missing := len(want); ; one.more.Wait() {
		missing = 0
		for id := range want {
			if !one.given[id] {
				missing++
			}
		}
		if missing == 0 {
			break
		}
		if late.Err() != nil {
			t.Fatalf("%s: %d of %d rows never came", one.filter, missing, len(want))
		}
	}
	for id := range one.given {
		if !one.passed(id) {
			t.Errorf("%s: %s came, which does not pass", one.filter, id)
		}
	}
}

func trades(ctx context.Context, w *world, s wares) []trade {
	return []trade{
		tradeIn(entryKind(w, s), func(j *journal.Journal) *journal.EntryLog { return j.Entries }, func(e *ent.Entry) (int32, int64) { return e.Writer, e.Sequence }),
		tradeIn(auditKind(w, s), func(j *journal.Journal) *journal.AuditLog { return j.AuditEvents }, func(e *ent.AuditEvent) (int32, int64) { return e.Writer, e.Sequence }),
		tradeIn(operationKind(w, s), func(j *journal.Journal) *journal.OperationLog { return j.Operations }, func(e *ent.Operation) (int32, int64) { return e.Writer, e.Sequence }),
		tradeIn(usageKind(ctx, w, s), func(j *journal.Journal) *journal.UsageLog { return j.UsageRecords }, func(e *ent.UsageRecord) (int32, int64) { return e.Writer, e.Sequence }),
		tradeIn(callKind(w, s), func(j *journal.Journal) *journal.APICallLog { return j.APICalls }, func(e *ent.APICall) (int32, int64) { return e.Writer, e.Sequence }),
	}
}

// TestFollowersMissNothing lets several processes write all kinds at once, late rows,
// imports and purges among them, come and go, and rob each other of their numbers, and
// wants every follower given, once, every row of its filter that is there in the end,
// each writer's in order.
func TestFollowersMissNothing(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		all := trades(ctx, w, stock(t, ctx, w))
		clock := robbing()
		process := func() *journal.Journal { return journal.New(w.database, journal.Options{Now: clock}) }
		readers := []*journal.Journal{process(), process()} // which write, too
		following, stop := context.WithCancel(ctx)
		defer stop()
		var trails []*trail
		for i := range 3 * len(all) {
			trails = append(trails, all[i%len(all)].follow(t, following, readers, i/len(all)+7*i))
		}
		var writing sync.WaitGroup
		for i := range 4 {
			r := rand.New(rand.NewPCG(uint64(i), 2))
			writing.Go(func() {
				j := readers[i%len(readers)]
				for range 25 {
					all[r.IntN(len(all))].write(t, ctx, j, r)
					if i >= len(readers) && r.IntN(5) == 0 { // another process, perhaps under this one's number
						if j != readers[i%len(readers)] {
							if err := j.Close(ctx); err != nil {
								t.Error(err)
							}
						}
						j = process()
					}
				}
			})
		}
		writing.Wait()
		for _, one := range trails {
			one.await(t, ctx)
		}
		stop()
		for _, one := range trails {
			<-one.ended
		}
	})
}

// take gives what comes next of a sequence, n rows of it.
func take[R any](t *testing.T, rows tail[R], n int) []*journal.Appended[R] {
	t.Helper()
	var taken []*journal.Appended[R]
	for row, err := range rows {
		if err != nil {
			t.Fatal(err)
		}
		if taken = append(taken, row); len(taken) == n {
			break
		}
	}
	return taken
}

// TestFollowShowsWhatMayBeSeen wants nobody given what no list would show it.
func TestFollowShowsWhatMayBeSeen(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		mine := must[*ent.Tenant](t)(w.CreateTenant(ctx, "mine"))
		other := must[*ent.Tenant](t)(w.CreateTenant(ctx, "another"))
		for name, who := range map[string]context.Context{
			"nobody": context.Background(), "an ingester": as(auth.Ingest, nil, auth.EntriesWrite), "a reader of usage": as(auth.Viewer, nil, auth.UsageRead),
			"a user": user("7"),
		} {
			_, err := w.Entries.Follow(who, journal.EntryFilter{}, nil)
			if kind := fault.KindOf(err); err == nil || kind != fault.Forbidden && kind != fault.Unauthenticated {
				t.Errorf("%s follows entries: %v", name, err)
			}
		}

		bound := must[tail[ent.Entry]](t)(w.Entries.Follow(as(auth.Admin, mine), journal.EntryFilter{}, nil))
		own := must[tail[ent.UsageRecord]](t)(w.UsageRecords.Follow(user("2"), journal.UsageRecordFilter{}, nil))
		listed := must[tail[ent.Operation]](t)(w.Operations.Follow(as(auth.Viewer, nil, auth.OperationsList), journal.OperationFilter{}, nil))
		if _, err := w.Entries.Append(ctx, []journal.EntryDraft{
			{Message: "theirs", TenantID: &other.ID}, {Message: "nobody's"}, {Message: "ours", TenantID: &mine.ID}, {Message: "theirs", TenantID: &other.ID},
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.UsageRecords.Append(ctx, []journal.UsageRecordDraft{
			{Type: column.Consume, UserID: 20}, {Type: column.Consume, UserID: 2, ChannelName: "c"}, {Type: column.Consume, UserID: 0},
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Operations.Append(ctx, []journal.OperationDraft{{UserID: ptr[int64](1), RequestData: column.JSON(`{}`)}}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Entries.Append(ctx, []journal.EntryDraft{{Message: "ours, too", TenantID: &mine.ID}}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.UsageRecords.Append(ctx, []journal.UsageRecordDraft{{Type: column.Consume, UserID: 2}}); err != nil {
			t.Fatal(err)
		}
		if got := take(t, bound, 2); got[0].Node.Message != "ours" || got[1].Node.Message != "ours, too" {
			t.Errorf("a tenant's administrator is given %+v", got)
		}
		if got := take(t, own, 2); got[0].Node.UserID != 2 || got[1].Node.UserID != 2 || got[0].Node.ChannelName != "" {
			t.Errorf("user 2 is given %+v", got)
		}
		if got := take(t, listed, 1)[0].Node; got.UserID != nil || got.RequestData != nil {
			t.Errorf("who may only list is given %+v", got)
		}
	})
}

// TestFollowEndsWithItsContext wants no error for it, and no row.
func TestFollowEndsWithItsContext(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		ended, cancel := context.WithCancel(ctx)
		defer cancel()
		rows := must[tail[ent.Entry]](t)(w.Entries.Follow(ended, journal.EntryFilter{}, nil))
		if _, err := w.Entries.Append(ctx, []journal.EntryDraft{{Message: "m"}, {Message: "n"}}); err != nil {
			t.Fatal(err)
		}
		given := 0
		for _, err := range rows {
			if err != nil {
				t.Error(err)
			}
			given++
			cancel()
		}
		for range rows {
			given++
		}
		if given > 2 { // the second may have been read along with the first
			t.Errorf("%d rows, want no more than there are", given)
		}
	})
}

// TestFollowersDoNotWaitForEachOther stops one follower in its tracks and wants the
// others given everything, and it too, later.
func TestFollowersDoNotWaitForEachOther(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		slow := must[tail[ent.Entry]](t)(w.Entries.Follow(ctx, journal.EntryFilter{}, nil))
		quick := must[tail[ent.Entry]](t)(w.Entries.Follow(ctx, journal.EntryFilter{}, nil))
		const rows = 500
		drafts := make([]journal.EntryDraft, rows/2)
		for i := range drafts {
			drafts[i].Message = "m"
		}
		if _, err := w.Entries.Append(ctx, drafts); err != nil {
			t.Fatal(err)
		}
		stuck, release, done := make(chan struct{}), make(chan struct{}), make(chan int)
		go func() {
			given := 0
			for _, err := range slow {
				if err != nil {
					t.Error(err)
				}
				if given++; given == 1 {
					close(stuck)
					<-release
				}
				if given == rows {
					break
				}
			}
			done <- given
		}()
		<-stuck
		if _, err := w.Entries.Append(ctx, drafts); err != nil {
			t.Fatal(err)
		}
		take(t, quick, rows)
		close(release)
		if given := <-done; given != rows {
			t.Errorf("the slow one is given %d rows, want %d", given, rows)
		}
	})
}

// TestFollowLeavesNothing ends 200 followers at once, and wants no goroutine left, of
// theirs or of the hub, and the next follower served. It runs beside no other test.
func TestFollowLeavesNothing(t *testing.T) {
	for engine, address := range map[string]func(testing.TB) string{"sqlite": dbtest.SQLite, "mysql": dbtest.MySQL} {
		t.Run(engine, func(t *testing.T) {
			ctx := auth.System(context.Background(), "test")
			database := must[*db.DB](t)(db.Open(ctx, address(t)))
			j := journal.New(database, journal.Options{})
			but := []goleak.Option{ // the database stays open, or the hub would end of that
				goleak.IgnoreCurrent(),
				goleak.IgnoreAnyFunction("github.com/go-sql-driver/mysql.(*mysqlConn).startWatcher.func1"),
				goleak.IgnoreAnyFunction("database/sql.(*DB).connectionCleaner"),
			}
			for range 2 {
				following, cancel := context.WithCancel(ctx)
				defer cancel()
				var given, ended sync.WaitGroup
				for range 200 {
					rows := must[tail[ent.Entry]](t)(j.Entries.Follow(following, journal.EntryFilter{}, nil))
					given.Add(1)
					ended.Go(func() {
						for _, err := range rows {
							if err != nil {
								t.Error(err)
							}
							given.Done()
						}
					})
				}
				if _, err := j.Entries.Append(ctx, []journal.EntryDraft{{Message: "m"}}); err != nil {
					t.Fatal(err)
				}
				given.Wait()
				cancel()
				ended.Wait()
				goleak.VerifyNone(t, but...)
			}
			if err := errors.Join(j.Close(ctx), database.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPageAndTailJoin takes pages while several processes write, and wants each page and
// what follows its LiveCursor to be everything, once.
func TestPageAndTailJoin(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		const writers, batches, size = 3, 40, 3
		filter := journal.EntryFilter{Level: journal.Is(column.Info)}
		var all sync.WaitGroup
		for i := range writers {
			j := journal.New(w.database, journal.Options{})
			all.Go(func() {
				for n := range batches {
					drafts := make([]journal.EntryDraft, size)
					for k := range drafts {
						drafts[k] = journal.EntryDraft{Message: "m", Timestamp: at(float64((i + n*7) % 11))}
					}
					drafts[0].Level = ptr(column.Error)
					if _, err := j.Entries.Append(ctx, drafts); err != nil {
						t.Error(err)
					}
				}
			})
		}
		written := make(chan struct{})
		go func() { all.Wait(); close(written) }()
		var pages []*journal.EntryConnection
		for done := false; !done; {
			select {
			case <-written:
				done = true
			default:
			}
			pages = append(pages, must[*journal.EntryConnection](t)(w.Entries.Page(ctx, filter, journal.KeysetPage{First: ptr(500), Live: true})))
		}
		step := max(1, len(pages)/12)
		for i := 0; i < len(pages); i += step {
			page, seen := pages[i], map[column.ID]int{}
			for _, edge := range page.Edges {
				seen[edge.Node.ID]++
			}
			const want = writers * batches * (size - 1)
			if left := want - len(page.Edges); left > 0 {
				rows := must[tail[ent.Entry]](t)(w.Entries.Follow(ctx, filter, &page.LiveCursor))
				for _, row := range take(t, rows, left) {
					seen[row.Node.ID]++
				}
			}
			if len(seen) != want {
				t.Fatalf("a page of %d and its tail are %d rows, want %d", len(page.Edges), len(seen), want)
			}
		}
		last := pages[len(pages)-1].LiveCursor
		marker := must[[]*ent.Entry](t)(w.Entries.Append(ctx, []journal.EntryDraft{{Message: "the next"}}))[0]
		if got := take(t, must[tail[ent.Entry]](t)(w.Entries.Follow(ctx, filter, &last)), 1)[0].Node; got.ID != marker.ID {
			t.Errorf("behind everything comes %+v", got)
		}
		if page := must[*journal.EntryConnection](t)(w.Entries.Page(ctx, filter, journal.KeysetPage{})); page.LiveCursor != "" {
			t.Error("a page brings a cursor that was not asked for")
		}
	})
}

// TestFollowNewNames follows by a part of a name that nobody has yet.
func TestFollowNewNames(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		rows := must[tail[ent.Operation]](t)(w.Operations.Follow(ctx, journal.OperationFilter{Username: journal.Has("ann")}, nil))
		other := journal.New(w.database, journal.Options{})
		for _, name := range []string{"bob", "Joanna", "hannes"} {
			if _, err := other.Operations.Append(ctx, []journal.OperationDraft{{Username: &name}}); err != nil {
				t.Fatal(err)
			}
		}
		got := take(t, rows, 2)
		if *got[0].Node.Username != "Joanna" || *got[1].Node.Username != "hannes" {
			t.Errorf("got %s and %s", *got[0].Node.Username, *got[1].Node.Username)
		}
	})
}

// TestFollowOverGaps follows over places of the sequence where no rows stand, many more
// than are looked at in one go.
func TestFollowOverGaps(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		rows := must[tail[ent.Entry]](t)(w.Entries.Follow(ctx, journal.EntryFilter{}, nil))
		var sent, got []string
		for i := range 4 {
			sent = append(sent, fmt.Sprint("row ", i))
			first := must[[]*ent.Entry](t)(w.Entries.Append(ctx, []journal.EntryDraft{{Message: sent[i]}}))[0]
			if err := w.database.Write(ctx, func(tx *db.Tx) error {
				return tx.Writer.UpdateOneID(first.Writer).AddSequence(25_000).Exec(ctx)
			}); err != nil {
				t.Fatal(err)
			}
		}
		for _, row := range take(t, rows, len(sent)) {
			got = append(got, row.Node.Message)
		}
		if !slices.Equal(got, sent) {
			t.Errorf("got %q, want %q", got, sent)
		}
	})
}

// TestFollowRefuses wants no stream for what cannot be followed.
func TestFollowRefuses(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		for range 3 {
			if _, err := w.Entries.Append(ctx, []journal.EntryDraft{{Message: "m"}}); err != nil {
				t.Fatal(err)
			}
		}
		page := must[*journal.EntryConnection](t)(w.Entries.Page(ctx, journal.EntryFilter{}, journal.KeysetPage{Live: true}))
		for name, cursor := range map[string]string{
			"a list's cursor": page.Edges[0].Cursor, "nothing": "", "no base64": "?", "padded": page.LiveCursor + "=", "a line": page.LiveCursor + "\n",
			"half": page.LiveCursor[:len(page.LiveCursor)-1], "ahead of the database": "gQEE", "an unknown writer": "gQEDAQE",
		} {
			_, err := w.Entries.Follow(ctx, journal.EntryFilter{}, &cursor)
			wantKind(t, err, fault.Invalid)
			if known := fault.As(err); len(known.Problems) != 1 || known.Problems[0].Field != "after" {
				t.Errorf("%s: got %v", name, err)
			}
		}
		_, err := w.Entries.Page(ctx, journal.EntryFilter{}, journal.KeysetPage{After: &page.LiveCursor})
		wantKind(t, err, fault.Invalid)
		_, err = w.Entries.Follow(ctx, journal.EntryFilter{Search: ptr(strings.Repeat("x", journal.MaxSearch+1))}, nil)
		wantKind(t, err, fault.Invalid)
		if _, err := w.AuditEvents.Follow(ctx, journal.AuditEventFilter{}, &page.LiveCursor); err != nil {
			t.Errorf("the cursor is a place in the order of all kinds: %v", err)
		}
	})
}

// tail is what Follow gives.
type tail[R any] = iter.Seq2[*journal.Appended[R], error]
