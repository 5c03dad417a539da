package main

import (
	"testing"

	"logbook/internal/db"
	"logbook/internal/journal"
)

// searches wants a search without a hit to look at the newest rows, those that have no block
// and few others, and one with many hits at no more than the newest.
func (l *loadedEngine) searches(t *testing.T) {
	t.Helper()
	database, err := db.Open(t.Context(), l.engine.address)
	check(t, err)
	defer database.Close()
	check(t, journal.New(database, journal.Options{}).Seal(system(process{Context: t.Context()})))
	k := usage()
	depth := int64(1)
	if !l.mysql {
		pool, err := l.open(t.Context())
		check(t, err)
		defer pool.Close()
		depth = 2 * l.depth(t, pool, k.table) // down the index, too
	}
	for _, one := range []struct {
		name, text string
		most       int64 // rows
	}{
		{"no hit", "no such text 7f3a", 8 * 1024},
		{"no hit in Chinese", "没有这段文字", 8 * 1024},
		{"many hits", "overloaded", 4 * 1024},
	} {
		for _, page := range []string{"first", "last"} {
			l.fewRead(t, "search, "+one.name+", "+page, one.most*depth, l.ask(t, k.list, k.filter, selection(k.fields), "",
				map[string]any{"filter": map[string]any{"search": one.text}, page: pageSize}))
		}
		l.fewRead(t, "search by a user, "+one.name, one.most*depth, l.ask(t, k.list, k.filter, selection(k.fields), "",
			map[string]any{"filter": map[string]any{"search": one.text, "userId": map[string]any{"eq": ownUser}}, "first": pageSize}))
	}
	// The page that stands beside its total searches, too.
	l.fewRead(t, "a search with its total, no hit", 2*8*1024*depth, l.ask(t, k.list, k.filter, "id", "totalCount totalCountKind",
		map[string]any{"filter": map[string]any{"search": "no such text 7f3a"}, "first": 0}))
}
