package journal

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/fault"
)

// Aggregate answers what is asked of the rows of a log that pass a filter, beyond the
// rows: counts, histograms, groups, values and numbers. All figures of one answer are of
// one moment, and each answer works out only itself. They come from roll-ups where the
// filter is of at most one dimension (with tenant, class and time) and what they are told
// apart by is that dimension, the class or the tenant, and from rows elsewhere. A filter
// that is refused fails each of them, as it fails a page.
type Aggregate[R, D, F any] struct {
	log    *Log[R, D, F]
	filter F
}

type (
	// EntryAggregate answers about entries.
	EntryAggregate = Aggregate[ent.Entry, EntryDraft, EntryFilter]
	// AuditEventAggregate answers about audit events.
	AuditEventAggregate = Aggregate[ent.AuditEvent, AuditEventDraft, AuditEventFilter]
	// OperationAggregate answers about operations.
	OperationAggregate = Aggregate[ent.Operation, OperationDraft, OperationFilter]
	// UsageRecordAggregate answers about usage records.
	UsageRecordAggregate = Aggregate[ent.UsageRecord, UsageRecordDraft, UsageRecordFilter]
	// APICallAggregate answers about API calls.
	APICallAggregate = Aggregate[ent.APICall, APICallDraft, APICallFilter]
)

// Aggregate gives the answers about the rows that pass a filter. Nothing is worked out
// before it is asked for.
func (l *Log[R, D, F]) Aggregate(filter F) *Aggregate[R, D, F] { return &Aggregate[R, D, F]{l, filter} }

// Figures are the count and the sums of some rows. Kinds that sum nothing have the count
// only.
type Figures struct {
	UsageSums
	span time.Duration // of the time they are of; 0 where it has no beginning
}

// TokensPerMinute gives how many tokens of prompts and completions there were a minute,
// nil where the time has no beginning.
func (f *Figures) TokensPerMinute() *float64 {
	if f.span <= 0 {
		return nil
	}
	rate := float64(f.PromptTokens+f.CompletionTokens) / f.span.Minutes()
	return &rate
}

// Bucket holds the figures of a stretch of time.
type Bucket struct {
	Start, End column.Time // End is excluded
	Figures
}

// Group holds the figures of the rows that have a value.
type Group struct {
	Value *string // as the filter takes it; nil: the rows that have none
	Label *string // what an id or a number is called; nil where it has no name
	Figures
}

// Groups holds the figures of the most frequent values, the most frequent first, and
// of all others together.
type Groups struct {
	Groups     []Group
	ValueCount int64 // all values, no value among them
	Other      Figures
}

// OtherCount gives how many rows have other values.
func (g *Groups) OtherCount() int64 { return g.Other.Count }

// Series holds the figures of the rows that have a value, or of those that have a value
// that no other series has, by bucket.
type Series struct {
	Group
	IsOther bool
	Buckets []Bucket
}

// Value is a value that occurs.
type Value struct {
	Value string
	Label *string
}

// How many groups, series and values there are.
const (
	DefaultGroups = 10
	MaxGroups     = 500
	DefaultSeries = 5
	MaxSeries     = 50
	DefaultValues = 100
	MaxValues     = 500
)

// Count counts the rows.
func (a *Aggregate[R, D, F]) Count(ctx context.Context) (int64, error) {
	return a.log.Count(ctx, a.filter)
}

// Histogram gives the figures of each bucket of an interval, in a zone of an IANA name or
// the journal's, from the filter's since to its until or now. The first and the last
// bucket end with that window. It fails with kind Invalid where the filter has no since,
// for an unknown zone, more than MaxBuckets and a sum beyond 2^53.
func (a *Aggregate[R, D, F]) Histogram(ctx context.Context, interval Interval, zone *string) ([]Bucket, error) {
	var buckets []Bucket
	err := a.ask(ctx, func(client *ent.Client, q question) error {
		edges, err := a.edges(q, interval, zone)
		if err != nil {
			return err
		}
		counted := make([]sums, len(edges)-1)
		within := true
		err = a.log.tell(ctx, client, q, telling{edges: edges}, func(c cell) {
			within = counted[c.segment].add(c.sums, 1) && within
		})
		if err == nil {
			buckets, err = bucketsOf(edges, counted, within)
		}
		return err
	})
	return buckets, err
}

// Series gives the figures of each bucket, as Histogram does, told apart by the values
// that are the most frequent ones of the whole window, first of them, the most frequent
// first; behind them, where there are more, those of all other values. Added up they are
// the histogram. It fails as Histogram and Groups do.
func (a *Aggregate[R, D, F]) Series(ctx context.Context, by Dimension, first int, interval Interval, zone *string) ([]Series, error) {
	f, err := a.facet(ctx, by)
	if err == nil && (first < 1 || first > MaxSeries) {
		err = fault.RefuseField("first", fault.Outside, "", "between 1 and 50")
	}
	if err != nil {
		return nil, err
	}
	var list []Series
	var groups []*counted
	err = a.ask(ctx, func(client *ent.Client, q question) error {
		edges, err := a.edges(q, interval, zone)
		if err != nil || len(edges) < 2 {
			return err
		}
		window := []column.Time{edges[0], edges[len(edges)-1]}
		if groups, err = a.log.groups(ctx, client, q, telling{edges: window, by: f}); err != nil {
			return err
		}
		chosen := groups[:min(len(groups), first)]
		if len(chosen) == 0 {
			return nil
		}
		index := make(map[groupKey]int, len(chosen))
		told := make([][]sums, len(chosen), len(chosen)+1)
		for i, one := range chosen {
			index[one.groupKey] = i
			told[i] = make([]sums, len(edges)-1)
		}
		within := true
		err = a.log.tell(ctx, client, q, telling{edges: edges, by: f, only: chosen}, func(c cell) {
			if i, wanted := index[f.keyOf(c)]; wanted {
				within = told[i][c.segment].add(c.sums, 1) && within
			}
		})
		if err != nil {
			return err
		}
		if len(groups) > len(chosen) {
			other := make([]sums, len(edges)-1)
			err := a.log.tell(ctx, client, q, telling{edges: edges}, func(c cell) { within = other[c.segment].add(c.sums, 1) && within })
			if err != nil {
				return err
			}
			for _, one := range told {
				for segment := range one {
					other[segment].add(one[segment], -1)
				}
			}
			told = append(told, other)
		}
		for i, one := range told {
			series := Series{IsOther: i == len(chosen)}
			if series.Buckets, err = bucketsOf(edges, one, within); err != nil {
				return err
			}
			var total sums
			for _, part := range one {
				within = total.add(part, 1) && within
			}
			if series.Figures, err = figuresOf(total, window[0], window[1], within); err != nil {
				return err
			}
			list = append(list, series)
		}
		return nil
	})
	for i := range list {
		if err == nil && !list[i].IsOther {
			list[i].Value, list[i].Label, err = a.named(ctx, f, groups[i])
		}
	}
	return list, err
}

// Groups gives the figures of the values of a dimension: of the first most frequent ones,
// those that are as frequent by value, and of all others. It fails with kind Forbidden
// where the principal may not see the dimension, and Invalid for more than MaxGroups and a
// sum beyond 2^53.
func (a *Aggregate[R, D, F]) Groups(ctx context.Context, by Dimension, first int) (*Groups, error) {
	f, err := a.facet(ctx, by)
	if err == nil && (first < 1 || first > MaxGroups) {
		err = fault.RefuseField("first", fault.Outside, "", "between 1 and 500")
	}
	if err != nil {
		return nil, err
	}
	answer := &Groups{}
	var groups []*counted
	since, until := beginning, column.TimeOf(a.log.journal.now())
	err = a.ask(ctx, func(client *ent.Client, q question) (err error) {
		if q.since != nil {
			since = *q.since
		}
		if q.until != nil {
			until = *q.until
		}
		groups, err = a.log.groups(ctx, client, q, telling{by: f})
		return err
	})
	if err != nil {
		return nil, err
	}
	answer.ValueCount = int64(len(groups))
	var other sums
	within := true
	for i, one := range groups {
		if i >= first {
			within = other.add(one.sums, 1) && within
			continue
		}
		var group Group
		if group.Figures, err = figuresOf(one.sums, since, until, true); err == nil {
			group.Value, group.Label, err = a.named(ctx, f, one)
		}
		if err != nil {
			return nil, err
		}
		answer.Groups = append(answer.Groups, group)
	}
	answer.Other, err = figuresOf(other, since, until, within)
	return answer, err
}

// Values gives the values of a dimension that occur, ascending (numbers by size, ids by
// what they are called), first of those that contain a text, or are called so, whatever
// the case of its ASCII letters. It fails as Groups does.
func (a *Aggregate[R, D, F]) Values(ctx context.Context, of Dimension, contains *string, first int) ([]Value, error) {
	f, err := a.facet(ctx, of)
	if err == nil && (first < 1 || first > MaxValues) {
		err = fault.RefuseField("first", fault.Outside, "", "between 1 and 500")
	}
	if err == nil {
		err = checkContains("contains", contains)
	}
	if err != nil {
		return nil, err
	}
	var groups []*counted
	err = a.ask(ctx, func(client *ent.Client, q question) (err error) {
		groups, err = a.log.groups(ctx, client, q, telling{by: f})
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(groups, func(a, b *counted) int { return f.compare(a.key, b.key) })
	var list []Value
	for _, one := range groups {
		if len(list) == first && f.reads != ids {
			break
		}
		value, label, err := a.named(ctx, f, one)
		if err != nil {
			return nil, err
		}
		if value != nil && (containsFold(*value, contains) || label != nil && containsFold(*label, contains)) {
			list = append(list, Value{*value, label})
		}
	}
	if f.reads == ids {
		called := func(v Value) string {
			if v.Label == nil {
				return ""
			}
			return *v.Label
		}
		slices.SortStableFunc(list, func(a, b Value) int { return strings.Compare(called(a), called(b)) })
	}
	return list[:min(len(list), first)], nil
}

// ask runs a question about the filter on one snapshot.
func (a *Aggregate[R, D, F]) ask(ctx context.Context, question func(*ent.Client, question) error) error {
	done, err := a.log.turn(ctx, a.filter)
	if err != nil {
		return err
	}
	defer done()
	return a.log.journal.db.Read(ctx, func(client *ent.Client) error {
		q, err := a.log.ask(ctx, client, a.filter)
		if err != nil {
			return err
		}
		return question(client, q)
	})
}

// facet gives the facet of a dimension, for those who may see it.
func (a *Aggregate[R, D, F]) facet(ctx context.Context, name Dimension) (*facet, error) {
	f := a.log.table.facet(name)
	if f.may != nil {
		if err := f.may(auth.From(ctx)); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// edges gives the edges of an interval's buckets in the window that a question asks for.
func (a *Aggregate[R, D, F]) edges(q question, interval Interval, zone *string) ([]column.Time, error) {
	in := a.log.journal.zone
	if zone != nil {
		var err error
		if in, err = zoneOf(*zone); err != nil {
			return nil, err
		}
	}
	if q.since == nil {
		return nil, fault.RefuseField("since", fault.Required, "", "")
	}
	until := a.log.journal.now().Add(time.Microsecond) // the present moment is inside the window
	if q.until != nil {
		until = q.until.Time()
	}
	edges, err := interval.edges(q.since.Time(), until, in)
	return timesOf(edges), err
}

// named gives a group's value and what it is called.
func (a *Aggregate[R, D, F]) named(ctx context.Context, f *facet, one *counted) (value, label *string, err error) {
	if one.absent {
		return nil, nil, nil
	}
	text := f.text(one.key)
	switch {
	case f.called != nil:
		label, err = f.called(a.log.journal, ctx, one.key)
	case f.named():
		if name := one.name(); name != "" {
			label = &name
		}
	}
	return &text, label, err
}

// groupKey is a value, or that there is none.
type groupKey struct {
	key    string
	absent bool
}

// counted is a value of a facet with its figures.
type counted struct {
	groupKey
	raw  map[string]int64 // how many rows have each of the values with a name that are this one; nil for a value without
	sums sums
}

// name gives what most rows call the value, of several that as many do the first.
func (c *counted) name() (name string) {
	var most int64
	counts := map[string]int64{}
	for raw, count := range c.raw {
		_, one, _ := strings.Cut(raw, "\x00")
		counts[one] += count
		if sum := counts[one]; sum > most || sum == most && one < name {
			most, name = sum, one
		}
	}
	return name
}

// groups gives the values of a facet with their figures, the most frequent first; those
// that are as frequent by value, no value in front.
func (l *table[R, D, F]) groups(ctx context.Context, client *ent.Client, q question, t telling) ([]*counted, error) {
	found := map[groupKey]*counted{}
	within := true
	err := l.tell(ctx, client, q, t, func(c cell) {
		key := t.by.keyOf(c)
		one := found[key]
		if one == nil {
			one = &counted{groupKey: key}
			found[key] = one
		}
		if t.by.joined() {
			if one.raw == nil {
				one.raw = map[string]int64{}
			}
			one.raw[c.value] += c.sums[0]
		}
		within = one.sums.add(c.sums, 1) && within
	})
	if err == nil && !within {
		err = errBeyond
	}
	list := make([]*counted, 0, len(found))
	for _, one := range found {
		list = append(list, one)
	}
	slices.SortFunc(list, func(a, b *counted) int {
		switch {
		case a.sums[0] != b.sums[0]:
			if a.sums[0] > b.sums[0] {
				return -1
			}
			return 1
		case a.absent != b.absent:
			if a.absent {
				return -1
			}
			return 1
		}
		return t.by.compare(a.key, b.key)
	})
	return list, err
}

// figuresOf gives sums of a stretch of time as figures, unless one is beyond 2^53.
func figuresOf(s sums, since, until column.Time, within bool) (figures Figures, err error) {
	if !figures.add(s) || !within {
		return figures, errBeyond
	}
	if since != beginning && since < until {
		// In microseconds, which a duration has no room for in nanoseconds.
		figures.span = time.Duration(min(int64(until-since), math.MaxInt64/1000)) * time.Microsecond
	}
	return figures, nil
}

// bucketsOf gives buckets of sums.
func bucketsOf(edges []column.Time, list []sums, within bool) ([]Bucket, error) {
	buckets := make([]Bucket, len(list))
	for i, one := range list {
		figures, err := figuresOf(one, edges[i], edges[i+1], within)
		if err != nil {
			return nil, err
		}
		buckets[i] = Bucket{edges[i], edges[i+1], figures}
	}
	return buckets, nil
}
