package journal

import (
	"context"
	"sort"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/schema"
)

// LevelCount is how many entries have a level.
type LevelCount struct {
	Level column.Level
	Count int64
}

// CategoryCount is how many entries have a category; nil stands for none.
type CategoryCount struct {
	Category *ent.Category
	Count    int64
}

// DayCount is how many entries fall on a day.
type DayCount struct {
	Date    string // ISO, in the journal's zone
	Count   int64
	ByLevel []LevelCount // all levels, from the least severe up
}

// EntryStats counts the entries of a window of time.
type EntryStats struct {
	Since, Until column.Time // the window, Until excluded
	Total        int64
	ByLevel      []LevelCount    // all levels, from the least severe up
	ByCategory   []CategoryCount // those with entries, the largest first
	Daily        []DayCount      // the days with entries, ascending
}

// MaxStatsDays is how many days EntryStats may span.
const MaxStatsDays = 365

// EntryStats counts the entries of the last days × 24 hours, days clamped to 1
// to 365, of a tenant or of all. Days begin at midnight in the journal's zone.
// All figures are of one moment.
func (j *Journal) EntryStats(ctx context.Context, tenant *column.ID, days int) (*EntryStats, error) {
	if err := schema.MayRead(ctx, schema.KindEntry); err != nil {
		return nil, err
	}
	now := j.now()
	// The present moment is inside the window, so it ends a microsecond later.
	return j.entryStats(ctx, tenant, now.Add(-time.Duration(min(max(days, 1), MaxStatsDays))*24*time.Hour), now.Add(time.Microsecond))
}

func (j *Journal) entryStats(ctx context.Context, tenant *column.ID, since, until time.Time) (*EntryStats, error) {
	midnights := edgesOf(Day, 0, since, until, j.zone, 0)
	edges := timesOf(midnights)
	stats := &EntryStats{Since: edges[0], Until: edges[len(edges)-1]}
	byLevel := map[column.Level]int64{}
	byDay := make([]map[column.Level]int64, len(edges)-1)
	categories := map[string]int64{}

	of := question{tenant: tenant}
	err := j.db.Read(ctx, func(client *ent.Client) error {
		err := entries.run(ctx, client, tally{question: of, dimension: byAll, apart: classes, edges: edges}, func(c cell) {
			stats.Total += c.sums[0]
			byLevel[column.Level(c.class)] += c.sums[0]
			if byDay[c.segment] == nil {
				byDay[c.segment] = map[column.Level]int64{}
			}
			byDay[c.segment][column.Level(c.class)] += c.sums[0]
		})
		if err != nil {
			return err
		}
		window := []column.Time{stats.Since, stats.Until}
		return entries.run(ctx, client, tally{question: of, dimension: entriesByCategory, apart: values, edges: window}, func(c cell) {
			categories[c.value] += c.sums[0]
		})
	})
	if err != nil {
		return nil, err
	}

	stats.ByLevel = levelCounts(byLevel)
	for i, levels := range byDay {
		day := DayCount{Date: midnights[i].In(j.zone).Format(time.DateOnly), ByLevel: levelCounts(levels)}
		for _, count := range levels {
			day.Count += count
		}
		if day.Count > 0 {
			stats.Daily = append(stats.Daily, day)
		}
	}
	for value, count := range categories {
		one := CategoryCount{Count: count}
		if value != "" {
			id := column.ID([]byte(value))
			if one.Category, err = j.Category(ctx, &id); err != nil {
				return nil, err
			}
		}
		stats.ByCategory = append(stats.ByCategory, one)
	}
	sort.Slice(stats.ByCategory, func(i, k int) bool {
		a, b := stats.ByCategory[i], stats.ByCategory[k]
		return a.Count > b.Count || a.Count == b.Count && code(a.Category) < code(b.Category)
	})
	return stats, nil
}

func code(category *ent.Category) string {
	if category == nil {
		return ""
	}
	return category.Code
}

// levelCounts lists all levels with their counts.
func levelCounts(counts map[column.Level]int64) []LevelCount {
	list := make([]LevelCount, len(column.Levels))
	for i, level := range column.Levels {
		list[i] = LevelCount{level, counts[level]}
	}
	return list
}
