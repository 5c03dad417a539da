package journal

import (
	"slices"
	"testing"
	"time"
)

// TestEdges wants the buckets of days on which clocks and calendars do odd things.
func TestEdges(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone         string
		interval     Interval
		since, until string
		want         []string // between them
	}{
		// The clock goes from 23:30 to midnight.
		{"Asia/Pyongyang", Hour, "2018-05-04T13:30:00Z", "2018-05-04T16:30:00Z", []string{"2018-05-04T14:30:00Z", "2018-05-04T15:00:00Z", "2018-05-04T16:00:00Z"}},
		// Half an hour forward, half an hour back.
		{"Australia/Lord_Howe", Hour, "2025-10-04T14:30:00Z", "2025-10-04T17:00:00Z", []string{"2025-10-04T15:30:00Z", "2025-10-04T16:00:00Z"}},
		{"Australia/Lord_Howe", Hour, "2025-04-05T14:00:00Z", "2025-04-05T16:30:00Z", []string{"2025-04-05T15:00:00Z", "2025-04-05T15:30:00Z"}},
		{"Europe/Berlin", Hour, "2025-10-25T23:30:00Z", "2025-10-26T02:00:00Z", []string{"2025-10-26T00:00:00Z", "2025-10-26T01:00:00Z"}},
		{"Europe/Berlin", Day, "2025-03-29T12:00:00Z", "2025-03-31T12:00:00Z", []string{"2025-03-29T23:00:00Z", "2025-03-30T22:00:00Z"}},
		{"Asia/Kathmandu", Hour, "2025-01-01T00:00:00Z", "2025-01-01T02:00:00Z", []string{"2025-01-01T00:15:00Z", "2025-01-01T01:15:00Z"}},
		{"Asia/Kathmandu", FiveMinutes, "2025-01-01T00:00:00.5Z", "2025-01-01T00:10:00.000001Z", []string{"2025-01-01T00:05:00Z", "2025-01-01T00:10:00Z"}},
		// There was no 30th of December.
		{"Pacific/Apia", Day, "2011-12-28T12:00:00Z", "2011-12-31T12:00:00Z", []string{"2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"}},
		// Midnight is left out, comes twice, comes an hour late.
		{"America/Sao_Paulo", Day, "2018-11-03T12:00:00Z", "2018-11-05T12:00:00Z", []string{"2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"}},
		{"Asia/Amman", Day, "2021-10-28T12:00:00Z", "2021-10-29T23:00:00Z", []string{"2021-10-28T21:00:00Z", "2021-10-29T22:00:00Z"}},
		{"America/Sao_Paulo", Day, "2018-02-17T12:00:00Z", "2018-02-18T12:00:00Z", []string{"2018-02-18T03:00:00Z"}},
		// The clock goes back over midnight at a minute past it: the day has begun.
		{"America/St_Johns", Day, "2010-11-06T12:00:00Z", "2010-11-08T12:00:00Z", []string{"2010-11-07T02:30:00Z", "2010-11-08T03:30:00Z"}},
		{"UTC", Week, "2024-12-29T00:00:00Z", "2025-01-07T00:00:00Z", []string{"2024-12-30T00:00:00Z", "2025-01-06T00:00:00Z"}},
		{"Europe/Berlin", Month, "2025-02-28T22:59:59Z", "2025-05-01T00:00:00Z", []string{"2025-02-28T23:00:00Z", "2025-03-31T22:00:00Z", "2025-04-30T22:00:00Z"}},
		{"UTC", Month, "2024-01-31T00:00:00Z", "2024-03-01T00:00:00Z", []string{"2024-02-01T00:00:00Z"}},
		{"UTC", Day, "0001-01-01T00:00:00Z", "0001-01-02T12:00:00Z", []string{"0001-01-02T00:00:00Z"}},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		parse := func(text string) time.Time {
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		edges, err := c.interval.edges(parse(c.since), parse(c.until), zone)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, edge := range edges {
			got = append(got, edge.UTC().Format(time.RFC3339Nano))
		}
		want := append(append([]string{parse(c.since).Format(time.RFC3339Nano)}, c.want...), parse(c.until).Format(time.RFC3339Nano))
		if !slices.Equal(got, want) {
			t.Errorf("%s in %s: %v\nwant %v", c.interval, c.zone, got, want)
		}
	}
}
