package journal

import (
	"context"
	"testing"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
)

// TestHistogramStatements counts the statements that read rows: they do not grow with the
// buckets, whatever the zone and the roll-ups' own buckets.
func TestHistogramStatements(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		ctx := auth.System(context.Background(), "test")
		database, err := db.Open(ctx, address)
		if err != nil {
			t.Fatal(err)
		}
		defer database.Close()
		statements := 0
		counting := *entries
		counting.scan = func(ctx context.Context, client *ent.Client, s shape, into any) error {
			statements++
			return entries.scan(ctx, client, s, into)
		}
		log := &EntryLog{New(database, Options{}), &counting}
		const day = 24 * time.Hour
		source, text := "app", "text"
		since := column.TimeOf(time.Date(2025, 3, 1, 12, 30, 0, 0, time.UTC))
		for _, c := range []struct {
			zone     string
			interval Interval
			length   time.Duration
			filter   EntryFilter
			most     int
		}{
			{"UTC", Hour, 30 * day, EntryFilter{}, 2}, // both ends
			{"Asia/Kathmandu", Hour, 30 * day, EntryFilter{}, 1},
			{"UTC", Minute, 10 * time.Hour, EntryFilter{}, 1},
			{"Asia/Kolkata", Day, 90 * day, EntryFilter{}, 1},
			{"Europe/Berlin", Hour, 30 * day, EntryFilter{Source: Is(source)}, 1}, // whose roll-ups are of days
			{"Europe/Berlin", Day, 90 * day, EntryFilter{Source: Is(source)}, 1},
			{"Europe/Berlin", Week, 900 * day, EntryFilter{Source: Is(source)}, 2}, // more than 100 weeks
			{"Europe/Berlin", Day, 90 * day, EntryFilter{Search: &text}, 1},
		} {
			until := since.Add(c.length)
			c.filter.Since, c.filter.Until, statements = &since, &until, 0
			if _, err := log.Aggregate(c.filter).Histogram(ctx, c.interval, &c.zone); err != nil || statements > c.most {
				t.Errorf("%s in %s: %d statements, want %d at the most (%v)", c.interval, c.zone, statements, c.most, err)
			}
		}
	})
}
