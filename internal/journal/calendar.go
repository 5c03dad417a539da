package journal

import (
	"time"

	"logbook/ent/column"
	"logbook/internal/fault"
)

// Interval is how long the buckets of a histogram are, as a clock and a calendar in a
// zone of time have it.
type Interval string

// The intervals, from the shortest.
const (
	Minute      Interval = "MINUTE"
	FiveMinutes Interval = "FIVE_MINUTES"
	Hour        Interval = "HOUR"
	Day         Interval = "DAY"
	Week        Interval = "WEEK" // from Monday on (ISO 8601)
	Month       Interval = "MONTH"
)

// intervals lists them with their lengths where the clock measures them.
var intervals = []struct {
	name  Interval
	clock time.Duration // 0: the calendar does
}{
	{Minute, time.Minute}, {FiveMinutes, 5 * time.Minute}, {Hour, time.Hour}, {Day, 0}, {Week, 0}, {Month, 0},
}

// MaxBuckets is how many buckets a histogram may have.
const MaxBuckets = 1000

// edges gives the edges of an interval's buckets in a zone: since and until themselves
// and, ascending, whatever begins a bucket between them. It fails with kind Invalid for
// more than MaxBuckets, and says which interval would do. Where since is not before
// until it gives since alone: there is no bucket.
func (i Interval) edges(since, until time.Time, zone *time.Location) ([]time.Time, error) {
	known := false
	for _, one := range intervals {
		known = known || one.name == i
		if !known {
			continue
		}
		edges := edgesOf(one.name, one.clock, since, until, zone, MaxBuckets)
		switch {
		case len(edges) > MaxBuckets+1 && one.name == Month:
			return nil, fault.RefuseField("since", fault.Outside, "", "later: there are at most 1,000 buckets")
		case len(edges) > MaxBuckets+1:
			continue
		case one.name == i:
			return edges, nil
		}
		return nil, fault.RefuseField("interval", fault.Outside, "", "%s or longer for this window: there are at most 1,000 buckets", one.name)
	}
	return nil, fault.RefuseField("interval", fault.NotChoice, string(i), "%s", "MINUTE, FIVE_MINUTES, HOUR, DAY, WEEK, MONTH")
}

// edgesOf gives the edges of at most so many buckets, and one more where there would
// be more; most 0 is no bound.
func edgesOf(i Interval, clock time.Duration, since, until time.Time, zone *time.Location, most int) []time.Time {
	edges := []time.Time{since}
	if !since.Before(until) {
		return edges
	}
	for at := since; most == 0 || len(edges) < most+1; edges = append(edges, at) {
		if clock > 0 {
			at = nextOnClock(at, clock, zone)
		} else {
			at = nextOnCalendar(at, i, zone)
		}
		if !at.Before(until) {
			return append(edges, until)
		}
	}
	return append(edges, until)
}

// nextOnClock gives when the clock of a zone next shows a multiple of an interval, or
// is put forward or back before that: what it shows twice is two buckets.
func nextOnClock(t time.Time, interval time.Duration, zone *time.Location) time.Time {
	t = t.In(zone)
	_, offset := t.Zone()
	shown := t.UnixMicro() + int64(offset)*1e6
	width := interval.Microseconds()
	next := t.Add(time.Duration((floorDiv(shown, width)+1)*width-shown) * time.Microsecond)
	for from := t; ; {
		_, end := from.ZoneBounds()
		if end.IsZero() || !end.Before(next) {
			return next
		}
		if _, after := end.Zone(); after != offset {
			return end
		}
		from = end // the zone only got another name
	}
}

// nextOnCalendar gives when the day, week or month after a moment's begins in a zone.
func nextOnCalendar(t time.Time, i Interval, zone *time.Location) time.Time {
	year, month, day := t.In(zone).Date()
	months, days := 0, 1
	switch i {
	case Week:
		days = 7
		day -= (int(time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Weekday()) + 6) % 7
	case Month:
		day, months, days = 1, 1, 0
	}
	for {
		month, day = month+time.Month(months), day+days
		// One that has begun already goes on, though the clock went back over midnight;
		// a day that the zone left out begins when the next one does.
		if begins := startOfDay(year, month, day, zone); begins.After(t) {
			return begins
		}
	}
}

// startOfDay gives the first moment at which the clocks of a zone show a date, or a
// later one where they leave it out, or midnight.
func startOfDay(year int, month time.Month, day int, zone *time.Location) time.Time {
	midnight := time.Date(year, month, day, 0, 0, 0, 0, time.UTC) // as the clock shows it
	// No zone is, or was, more than a day from UTC.
	for from := midnight.Add(-48 * time.Hour).In(zone); ; {
		_, offset := from.Zone()
		begins := midnight.Add(-time.Duration(offset) * time.Second).In(zone)
		_, end := from.ZoneBounds()
		switch {
		case begins.Before(from):
			return from // the clocks went over it
		case end.IsZero() || begins.Before(end):
			return begins
		}
		from = end
	}
}

// timesOf gives moments as columns hold them.
func timesOf(moments []time.Time) []column.Time {
	times := make([]column.Time, len(moments))
	for i, moment := range moments {
		times[i] = column.TimeOf(moment)
	}
	return times
}

// zoneOf gives the zone of an IANA name.
func zoneOf(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" { // which stand for something else in Go
		return nil, fault.RefuseField("time_zone", fault.Malformed, name, "the IANA name of a time zone, such as Europe/Berlin or UTC")
	}
	return zone, nil
}
