package journal_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// An order is one append of TestAppendersTogether, and what became of it.
type order struct {
	kind    string
	journal int
	rows    int
	moment  *column.Time
	tag     string        // in every row; under a key two orders may have the same
	id      int           // the number of the first row's id, few of which there are; 0 for none
	key     string        // "" for none
	invalid bool          // the last row is refused
	heavy   int64         // the quota of usage records, so much that a few orders spoil a transaction
	patient time.Duration // when the caller gives up; 0 for never

	ids   []string
	place []place
	err   error
}

type place struct {
	writer   int32
	sequence int64
}

func drawOrder(t *rapid.T, run int) *order {
	o := &order{
		kind:    rapid.SampledFrom([]string{"entry", "usage", "audit"}).Draw(t, "kind"),
		journal: rapid.IntRange(0, 1).Draw(t, "journal"),
		rows:    rapid.SampledFrom([]int{1, 1, 1, 2, 5, 60}).Draw(t, "rows"),
		moment:  at(float64(-run)),
		tag:     fmt.Sprint("row ", run, " ", rapid.Uint64().Draw(t, "tag")),
	}
	switch rapid.IntRange(0, 8).Draw(t, "sort") {
	case 0:
		o.invalid = true
	case 1, 2:
		o.id = 1 + run*10 + rapid.IntRange(0, 2).Draw(t, "id")
	case 3:
		o.patient = time.Duration(rapid.IntRange(1, 20_000_000).Draw(t, "patience"))
	case 4, 5:
		o.rows = 2
		o.key = fmt.Sprint("key ", run, o.kind, rapid.IntRange(0, 1).Draw(t, "key"))
		o.tag = fmt.Sprint(o.key, " ", rapid.SampledFrom([]string{"one", "one", "other"}).Draw(t, "body"))
	case 6:
		// One transaction may hold the sums of 60, not of 120; a roll-up those of 17 orders.
		o.kind, o.rows = "usage", 60
		o.heavy = 9e15
	}
	return o
}

// carryOut appends what an order says.
func (o *order) carryOut(ctx context.Context, j *journal.Journal) {
	if o.patient > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.patient)
		defer cancel()
	}
	bad := func(i int) bool { return o.invalid && i == o.rows-1 }
	switch o.kind {
	case "entry":
		drafts := make([]journal.EntryDraft, o.rows)
		for i := range drafts {
			drafts[i] = journal.EntryDraft{Message: o.tag, Source: ptr("app"), Timestamp: o.moment}
			if bad(i) {
				drafts[i].Message = " "
			}
		}
		if o.id != 0 {
			drafts[0].ID = &column.ID{0xee, byte(o.id >> 8), byte(o.id)}
		}
		appendOrder(ctx, o, j.Entries, drafts, func(e *ent.Entry) (string, place) { return e.ID.String(), place{e.Writer, e.Sequence} })
	case "usage":
		drafts := make([]journal.UsageRecordDraft, o.rows)
		for i := range drafts {
			drafts[i] = journal.UsageRecordDraft{Type: 2, Content: o.tag, ModelName: "m", Quota: o.heavy, CreatedAt: o.moment}
			if bad(i) {
				drafts[i].Type = 77
			}
		}
		if o.id != 0 {
			drafts[0].ID = ptr(int64(o.id))
		}
		appendOrder(ctx, o, j.UsageRecords, drafts, func(u *ent.UsageRecord) (string, place) {
			return fmt.Sprint(u.ID), place{u.Writer, u.Sequence}
		})
	case "audit":
		drafts := make([]journal.AuditEventDraft, o.rows)
		for i := range drafts {
			drafts[i] = journal.AuditEventDraft{Key: o.tag, CreatedAt: o.moment}
			if bad(i) {
				drafts[i].Key = ""
			}
		}
		if o.id != 0 {
			drafts[0].ID = ptr(fmt.Sprint("given-", o.id))
		}
		appendOrder(ctx, o, j.AuditEvents, drafts, func(e *ent.AuditEvent) (string, place) { return e.ID, place{e.Writer, e.Sequence} })
	}
}

func appendOrder[R, D, F any](ctx context.Context, o *order, log *journal.Log[R, D, F], drafts []D, of func(*R) (string, place)) {
	var rows []*R
	if o.key != "" {
		rows, o.err = log.AppendOnce(ctx, o.key, drafts)
	} else {
		rows, o.err = log.Append(ctx, drafts)
	}
	for _, row := range rows {
		id, at := of(row)
		o.ids, o.place = append(o.ids, id), append(o.place, at)
	}
}

// stocked gives every row of the three kinds: its tag, its id and its place.
func stocked(t journalFailer, ctx context.Context, w *world) (byTag map[string][]string, places map[place]string) {
	byTag, places = map[string][]string{}, map[place]string{}
	add := func(kind, tag, id string, at place) {
		byTag[tag] = append(byTag[tag], id)
		if twin, taken := places[at]; taken {
			t.Fatalf("%s and %s %s both have the place %v", twin, kind, id, at)
		}
		places[at] = kind + " " + id
	}
	client := w.database.Ent()
	entries, err := client.Entry.Query().All(ctx)
	usage, err2 := client.UsageRecord.Query().All(ctx)
	events, err3 := client.AuditEvent.Query().All(ctx)
	if err := errors.Join(err, err2, err3); err != nil {
		t.Fatalf("%v", err)
	}
	for _, e := range entries {
		add("entry", e.Message, e.ID.String(), place{e.Writer, e.Sequence})
	}
	for _, u := range usage {
		add("usage record", u.Content, fmt.Sprint(u.ID), place{u.Writer, u.Sequence})
	}
	for _, e := range events {
		add("audit event", e.Key, e.ID, place{e.Writer, e.Sequence})
	}
	return byTag, places
}

type journalFailer interface {
	Fatalf(format string, args ...any)
}

// TestAppendersTogether lets random callers append beside each other, to two journals of
// one database, some with ids that others have, rows that are refused, keys, sums that
// spoil a transaction, or too little patience. Every acknowledged row wants to be there
// once, nothing of what was refused, roll-ups as the rows are, places without gap in the
// order of the commits, and a follower that saw it all.
func TestAppendersTogether(t *testing.T) {
	each(t, func(t *testing.T, _ context.Context, w *world) {
		ctx := account("appenders", nil)
		other, err := db.Open(ctx, w.address)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		second := journal.New(other, journal.Options{Now: func() time.Time { return noon }})
		defer second.Close(ctx)
		journals := []*journal.Journal{w.Journal, second}

		following, stop := context.WithCancel(ctx)
		defer stop()
		appended := must[func(func(*journal.EntryAppended, error) bool)](t)(unnamed(second.Entries.Follow(following, journal.EntryFilter{}, nil)))
		var mu sync.Mutex
		seen, ahead := map[string]int{}, map[int32]int64{}
		var followers sync.WaitGroup
		defer followers.Wait()
		defer stop()
		followers.Go(func() {
			for one, err := range appended {
				if err != nil {
					t.Errorf("the follower: %v", err)
					return
				}
				mu.Lock()
				seen[one.Node.ID.String()]++
				if one.Node.Sequence <= ahead[one.Node.Writer] {
					t.Errorf("the follower sees writer %d's row %d behind %d", one.Node.Writer, one.Node.Sequence, ahead[one.Node.Writer])
				}
				ahead[one.Node.Writer] = one.Node.Sequence
				mu.Unlock()
			}
		})

		acknowledged := map[string]bool{} // entries
		run := 0
		rapid.Check(t, func(rt *rapid.T) {
			run++
			callers := make([][]*order, rapid.IntRange(1, 12).Draw(rt, "callers"))
			var all sync.WaitGroup
			var orders []*order
			for i := range callers {
				for range rapid.IntRange(1, 4).Draw(rt, "orders") {
					callers[i] = append(callers[i], drawOrder(rt, run))
				}
				orders = append(orders, callers[i]...)
			}
			for _, list := range callers {
				all.Go(func() {
					for _, o := range list {
						o.carryOut(ctx, journals[o.journal])
					}
				})
			}
			all.Wait()
			byTag, places := stocked(rt, ctx, w)
			if run%5 == 0 { // it takes longer than all the rest
				w.recount(rt)
			}
			holders := map[string]int{}     // of ids that were given
			answers := map[string]string{}  // of keys
			wanted := map[string][]string{} // ids of tags
			for _, list := range callers {
				last := map[int]place{}
				for _, o := range list {
					checkOrder(rt, o)
					if o.err != nil {
						continue
					}
					if o.kind == "entry" {
						for _, id := range o.ids {
							acknowledged[id] = true
						}
					}
					if o.key != "" {
						if before, given := answers[o.key]; given && before != fmt.Sprint(o.ids) {
							rt.Fatalf("the key %s has the answers %v and %s", o.key, o.ids, before)
						}
						answers[o.key] = fmt.Sprint(o.ids)
						wanted[o.tag] = o.ids
						continue
					}
					wanted[o.tag] = append(wanted[o.tag], o.ids...)
					if o.id != 0 {
						holders[fmt.Sprint(o.kind, o.id)]++
					}
					// Its caller had heard of what stands before it.
					if before := last[o.journal]; before.writer == o.place[0].writer && before.sequence >= o.place[0].sequence {
						rt.Fatalf("a row of %v was committed behind one of %v", o.place[0], before)
					}
					last[o.journal] = o.place[len(o.place)-1]
				}
			}
			for _, o := range orders {
				slices.Sort(byTag[o.tag])
				slices.Sort(wanted[o.tag])
				if !slices.Equal(byTag[o.tag], wanted[o.tag]) {
					rt.Fatalf("of %+v there is %v, acknowledged was %v", o, byTag[o.tag], wanted[o.tag])
				}
				if n := holders[fmt.Sprint(o.kind, o.id)]; o.id != 0 && n != 1 {
					rt.Fatalf("%d appends hold the id %d", n, o.id)
				}
			}
			highest := map[int32]int64{}
			for at := range places {
				highest[at.writer] = max(highest[at.writer], at.sequence)
			}
			var sum int64
			for _, sequence := range highest {
				sum += sequence
			}
			if sum != int64(len(places)) {
				rt.Fatalf("%d places, the writers' last ones add up to %d", len(places), sum)
			}
		})
		w.recount(t)
		// It hears of the other journal's rows five times a second.
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
			mu.Lock()
			complete := len(seen) >= len(acknowledged)
			mu.Unlock()
			if complete {
				break
			}
		}
		mu.Lock()
		defer mu.Unlock()
		for id := range acknowledged {
			if seen[id] != 1 {
				t.Errorf("the follower saw the entry %s %d times", id, seen[id])
			}
		}
		if len(seen) != len(acknowledged) {
			t.Errorf("the follower saw %d entries of %d", len(seen), len(acknowledged))
		}
		counts := w.AppendCounts()
		if counts.Appends == 0 || counts.WaitingRows != 0 || counts.WaitingBytes != 0 || counts.Full+counts.Late != 0 {
			t.Errorf("%+v", counts)
		}
	})
}

// unnamed gives an iterator as the function that it is.
func unnamed[T ~func(func(V, error) bool), V any](of T, err error) (func(func(V, error) bool), error) {
	return of, err
}

// checkOrder holds an order's error against what it asked for.
func checkOrder(t journalFailer, o *order) {
	kind := fault.KindOf(o.err)
	switch {
	case o.err == nil && !o.invalid:
		if len(o.ids) != o.rows || len(slices.Compact(slices.Sorted(slices.Values(o.ids)))) != o.rows {
			t.Fatalf("%+v was answered with other rows", o)
		}
	case o.err != nil && o.invalid && kind == fault.Invalid:
	case o.err != nil && o.id != 0 && kind == fault.Conflict:
	case o.err != nil && o.key != "" && kind == fault.Conflict:
	case o.err != nil && o.heavy != 0 && kind == fault.Invalid:
	case o.err != nil && o.patient != 0 && errors.Is(o.err, context.DeadlineExceeded):
	default:
		t.Fatalf("%+v ended with %v", o, o.err)
	}
}

// hold keeps everybody from committing until release is called.
func (w *world) hold(t *testing.T, ctx context.Context) (release func()) {
	t.Helper()
	other, err := db.Open(ctx, w.address)
	if err != nil {
		t.Fatal(err)
	}
	held, let, ended := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		ended <- other.Write(ctx, func(tx *db.Tx) error {
			_, err := tx.Writer.Query().Modify(db.ForUpdate).IDs(ctx)
			close(held)
			<-let
			return err
		})
	}()
	<-held
	return func() {
		close(let)
		if err := errors.Join(<-ended, other.Close()); err != nil {
			t.Error(err)
		}
	}
}

// TestHeldEngine holds the engine while many append: what waits is bounded, what is
// beyond is refused at once and what waits for too long later, each with a time to come
// again, and all that was not refused is stored once the engine is free.
func TestHeldEngine(t *testing.T) {
	each(t, func(t *testing.T, ctx context.Context, w *world) {
		must[[]*ent.Entry](t)(w.Entries.Append(ctx, []journal.EntryDraft{{Message: "leases the number"}}))
		release := w.hold(t, ctx)
		long := make([]byte, 1<<20)
		for i := range long {
			long[i] = 'x'
		}
		text := string(long) // one for all: what is bounded is what they would take
		const callers, rows = 40, 3
		var all sync.WaitGroup
		errs := make([]error, callers)
		one := func(ctx context.Context, i int) {
			drafts := make([]journal.EntryDraft, rows)
			for k := range drafts {
				drafts[k].Message = text
			}
			_, errs[i] = w.Entries.Append(ctx, drafts)
		}
		refused := make(chan error, callers)
		impatient, giveUp := context.WithCancel(ctx)
		for i := range callers {
			all.Go(func() {
				if i%4 == 0 {
					one(impatient, i)
				} else {
					one(ctx, i)
				}
				refused <- errs[i]
			})
		}
		// 40 appends of 3 MiB each want to wait, where 64 MiB may: 21 fit in, and one or
		// those of 8 MiB may have been taken by a commit that does not end.
		for range callers - 24 {
			if err := <-refused; fault.KindOf(err) != fault.Unavailable || fault.As(err).After <= 0 {
				t.Errorf("beyond what may wait: %v", err)
			}
		}
		if counts := w.AppendCounts(); counts.WaitingBytes > 64<<20 || counts.Full == 0 {
			t.Errorf("%+v", counts)
		}
		giveUp() // these are taken out, but for one whose commit had begun
		ended := make(chan struct{})
		go func() { all.Wait(); close(ended) }()
		for w.AppendCounts().WaitingRows > 0 { // the others until they are late
			time.Sleep(20 * time.Millisecond)
		}
		late := w.AppendCounts().Late
		if late == 0 {
			t.Error("nobody was refused for having waited too long")
		}
		release()
		<-ended
		stored := 0
		kinds := map[string]int{}
		for _, err := range errs {
			switch {
			case err == nil:
				stored++
			case errors.Is(err, context.Canceled):
				kinds["gave up"]++
			case fault.KindOf(err) == fault.Unavailable && fault.As(err).After > 0:
				kinds["refused"]++
			case fault.KindOf(err) == fault.Unavailable: // SQLite waits for a lock for ten seconds
				kinds["busy"]++
			default:
				t.Errorf("an append ended with %v", err)
			}
		}
		counts := w.AppendCounts()
		if int64(kinds["refused"]) != counts.Full+counts.Late {
			t.Errorf("%v, counted %+v", kinds, counts)
		}
		if n := must[int64](t)(w.Entries.Count(ctx, journal.EntryFilter{})); n != int64(stored*rows+1) {
			t.Errorf("%d rows of %d appends that were acknowledged (%v)", n, stored, slices.Collect(maps.Keys(kinds)))
		}
		w.recount(t)
		must[[]*ent.Entry](t)(w.Entries.Append(auth.System(ctx, "after it"), []journal.EntryDraft{{Message: "goes on"}}))
	})
}
