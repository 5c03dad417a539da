package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"logbook/internal/account"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
	"logbook/internal/journal"
)

// The promise about rows is of an unfiltered page and of one by a value of a single field
// that has an index, each also within a time range, backward, and deep by cursor; and of
// the timeline, for each of its lanes. Not promised, and printed by the bench where it asks
// them:
//
//   - some values of such a field (in): an index sorts the rows of one value only, so all
//     rows of the values are sorted, or rows of other values are passed over;
//   - two such fields at once: the rows of the one index are read until enough of them
//     have the other, however rare it is;
//   - contains and not: contains reads the roll-ups for the texts that have the part, and
//     not passes over what it leaves out;
//   - the names of users and tokens, and a user's number in operations: the roll-ups are
//     read for the numbers or names that belong to it;
//   - search, and the fields without an index (usage's group, API calls' method, a tenant
//     in operations and usage records, whatever needs a time bound): row after row;
//   - a range of numbers or levels: the same as some values.

// mostRows is how many rows the engine may look at for a page: three times as many as the
// page has, with the one that says whether there are more.
const mostRows = 3 * (pageSize + 1)

// loadedEngine is an engine with pageRows rows of each kind, and the program's handler.
type loadedEngine struct {
	*engine
	*server
	reads examiner
	heard func(ask func()) []string // the statements that the engine runs meanwhile
}

// onLoaded runs a test on each engine. It does so one after the other and beside no other
// test, since what is counted is all that the engine does.
func onLoaded(t *testing.T, test func(t *testing.T, l *loadedEngine)) {
	for _, name := range []string{"sqlite", "mysql"} {
		t.Run(name, func(t *testing.T) {
			if name == "mysql" && os.Getenv("LOGBOOK_TEST_DB") != "" {
				t.Skip("what a server does for others would be counted, too")
			}
			p := process{t.Context(), strings.NewReader(""), io.Discard, io.Discard}
			e, stop, err := startEngine(p, name, false)
			if errors.Is(err, dbtest.ErrNotInstalled) && os.Getenv("CI") != "true" {
				t.Skip(err)
			}
			check(t, err)
			defer stop()
			began := time.Now()
			for _, k := range kinds() {
				_, err := fill(p, k, e, pageRows, 1)
				check(t, err)
			}
			t.Logf("%d rows of each kind in %.0f s", pageRows, time.Since(began).Seconds())

			heard := hearMariaDB(t, e)
			if !e.mysql {
				heard = hearSQLite()
			}
			database, err := db.Open(p, e.address)
			check(t, err)
			defer database.Close()
			named(t, system(p), database)
			serving := httptest.NewServer(serverHandler(database))
			defer serving.Close()
			l := &loadedEngine{engine: e, server: serverAt(serving.Listener.Addr().String()), heard: heard}
			l.reads, err = newExaminer(p, e, l.server)
			check(t, err)
			defer l.reads.close()
			test(t, l)
		})
	}
}

// named makes the user whose timeline is asked for, by whose aliases rows are of all kinds.
func named(t *testing.T, ctx context.Context, database *db.DB) {
	id := int64(ownUser)
	_, err := account.New(database, journal.New(database, journal.Options{})).AddUser(ctx, account.UserDraft{
		ID: &id, Username: usageUser(ownUser), Aliases: map[string]string{
			"scitiger": "1003", "codebird": auditUser(40), "hertz": "31", "trae": callerID(9),
		},
	})
	check(t, err)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ask gives the question of a page.
func (l *loadedEngine) ask(t *testing.T, list, filterType, fields, more string, variables map[string]any) question {
	t.Helper()
	q := question{
		document: fmt.Sprintf(`query ($filter: %s, $first: Int, $after: String, $last: Int, $before: String) {
			%s(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
				edges { cursor node { %s } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } %s } }`, filterType, list, fields, more),
		variables: variables,
	}
	check(t, q.makeRequest(l.server))
	return q
}

// answer asks once.
func (l *loadedEngine) answer(t *testing.T, q question) (edges int, endCursor string) {
	t.Helper()
	body, err := fetch(l.server.address, q.request)
	check(t, err)
	var read struct {
		Data map[string]struct {
			Edges    []struct{}
			PageInfo struct{ EndCursor string }
		}
		Errors []any
	}
	if err := json.Unmarshal(body, &read); err != nil || len(read.Errors) > 0 {
		t.Fatalf("%v: %s", err, shorten(body))
	}
	for _, list := range read.Data {
		edges, endCursor = len(list.Edges), list.PageInfo.EndCursor
	}
	return edges, endCursor
}

// depth gives how many pages a way down a table of SQLite has.
func (l *loadedEngine) depth(t *testing.T, pool *sql.DB, table string) (depth int64) {
	t.Helper()
	check(t, pool.QueryRowContext(t.Context(),
		"SELECT MAX(LENGTH(path) - LENGTH(REPLACE(path, '/', ''))) FROM dbstat WHERE name = ? AND pagetype = 'leaf'", table).Scan(&depth))
	return depth
}

// asked is a filter by one field.
type asked struct {
	name   string
	filter map[string]any
}

func equal(field string, value any) asked {
	return asked{fmt.Sprintf("%s %v", field, value), map[string]any{field: map[string]any{"eq": value}}}
}

// oneField gives filters by each field of a kind that has an index: a value that is
// frequent and one that is rare.
func oneField(k *kind) []asked {
	tenant := func(n int) string { return made(tenantGroup, n).String() }
	category := func(n int) string { return made(categoryGroup, n).String() }
	list := []asked{{name: "unfiltered"}}
	switch k.name {
	case "entries":
		return append(list,
			equal("tenantId", tenant(0)), equal("tenantId", tenant(entryTenants-1)),
			equal("categoryId", category(0)), equal("categoryId", category(entryCategories-1)),
			equal("level", "INFO"), equal("level", "CRITICAL"),
			equal("source", "service-00/worker"), equal("source", "service-39/worker"),
			equal("userId", "1000"), equal("userId", "1299"))
	case "audit":
		return append(list,
			equal("tenantId", tenant(0)),
			equal("key", auditKeys()[0]), equal("key", "Account.Delete"),
			equal("userId", auditUser(0)), equal("userId", auditUser(1500)),
			equal("applicationId", auditApplication(0)), equal("applicationId", auditApplication(11)),
			equal("ip", address(0)), equal("ip", address(4500)))
	case "operations":
		return append(list,
			equal("action", "VIEW"), equal("action", "IMPORT"),
			equal("module", operationModule(0)), equal("module", operationModule(24)),
			equal("succeeded", true), equal("succeeded", false),
			equal("ipAddress", address(0)), equal("ipAddress", address(595)))
	case "usage":
		return append(list,
			equal("type", "CONSUME"), equal("type", "SYSTEM"),
			equal("userId", 1), equal("userId", 50),
			equal("tokenId", 1), equal("tokenId", 200),
			equal("modelName", modelName(0)), equal("modelName", modelName(19)),
			equal("channelId", 1), equal("channelId", 10))
	}
	return append(list,
		equal("tenantId", tenant(0)),
		equal("appId", callerID(0)), equal("appId", callerID(149)),
		equal("apiPath", callPath(0)), equal("apiPath", callPath(399)),
		equal("sourceIp", address(0)), equal("sourceIp", address(2900)),
		equal("statusCode", 200), equal("statusCode", 503))
}

// TestPagesRead wants the engine to look at few rows for a page, whichever it is, and to
// run few statements for it.
func TestPagesRead(t *testing.T) {
	onLoaded(t, func(t *testing.T, l *loadedEngine) {
		pool, err := l.open(t.Context())
		check(t, err)
		defer pool.Close()
		w, err := worldOf(t.Context(), usage(), pool)
		check(t, err)
		since, until := w.middle.Add(-10*24*time.Hour), w.middle.Add(10*24*time.Hour)
		depths := int64(0)
		for _, k := range kinds() {
			depth := int64(1)
			if !l.mysql {
				depth = l.depth(t, pool, k.table)
			}
			depths = max(depths, depth)
			middle := l.middle(t, k.list, k.filter, w)
			for _, one := range oneField(k) {
				within := map[string]any{"since": since, "until": until}
				maps.Copy(within, one.filter)
				for _, page := range []struct {
					name      string
					more      string
					variables map[string]any
				}{
					{"first", "", map[string]any{"filter": one.filter, "first": pageSize}},
					{"last", "", map[string]any{"filter": one.filter, "last": pageSize}},
					{"within", "", map[string]any{"filter": within, "first": pageSize}},
					{"within, last", "", map[string]any{"filter": within, "last": pageSize}},
					{"after", "", map[string]any{"filter": one.filter, "first": pageSize, "after": middle}},
					{"before", "", map[string]any{"filter": one.filter, "last": pageSize, "before": middle}},
					{"live", "liveCursor", map[string]any{"filter": one.filter, "first": pageSize}},
				} {
					l.fewRead(t, k.name+", "+one.name+", "+page.name, mostRows*depth,
						l.ask(t, k.list, k.filter, selection(k.fields), page.more, page.variables))
				}
			}
			l.statements(t, k, w)
		}
		l.timeline(t, w, mostRows*depths)
		l.documented(t, pool, w, depths)
		l.searches(t)
	})
}

// middle gives a cursor from the middle of a list.
func (l *loadedEngine) middle(t *testing.T, list, filter string, w world) string {
	t.Helper()
	_, cursor := l.answer(t, l.ask(t, list, filter, "id", "", map[string]any{"first": 1, "filter": map[string]any{"until": w.middle}}))
	return cursor
}

// fewRead wants a question to make the engine look at no more than so many rows, or pages
// of a file: for a row that is looked at, a way down the table.
func (l *loadedEngine) fewRead(t *testing.T, name string, most int64, q question) {
	t.Helper()
	edges, _ := l.answer(t, q)
	read, err := l.reads.examine(q)
	check(t, err)
	if read > most {
		t.Errorf("%s: %d %s for %d edges, want %d at the most", name, read, l.reads.unit(), edges, most)
	}
	t.Logf("%s: %d %s for %d edges", name, read, l.reads.unit(), edges)
}

// statements wants a page to be one statement that counts nothing, and a total, also one
// between two times, or a live cursor to be one more.
func (l *loadedEngine) statements(t *testing.T, k *kind, w world) {
	t.Helper()
	one := oneField(k)[1:]
	for _, page := range []struct {
		name, more string
		filter     map[string]any
		want       int
	}{
		{"a page", "", nil, 1},
		{"a page by a field", "", one[len(one)-1].filter, 1},
		{"a live page", "liveCursor", nil, 2},
		{"a page with its total", "totalCount totalCountKind", nil, 2},
		{"a page between two times with its total", "totalCount totalCountKind",
			map[string]any{"since": w.middle.Add(-time.Hour - 1), "until": w.middle.Add(50*time.Hour + 1)}, 2},
	} {
		l.runs(t, k.name+": "+page.name, page.want, page.more != "",
			l.ask(t, k.list, k.filter, selection(k.fields), page.more, map[string]any{"filter": page.filter, "first": pageSize}))
	}
}

// runs wants a question to run so many statements, with warm caches.
func (l *loadedEngine) runs(t *testing.T, name string, want int, counts bool, q question) {
	t.Helper()
	var heard []string
	for range examinations { // the caches are warm for a second
		l.answer(t, q)
		now := selects(l.heard(func() { l.answer(t, q) }))
		if heard == nil || len(now) < len(heard) {
			heard = now
		}
	}
	if len(heard) != want {
		t.Errorf("%s is %d statements, want %d:\n%s", name, len(heard), want, strings.Join(heard, "\n"))
	}
	for _, statement := range heard {
		if !counts && strings.Contains(strings.ToUpper(statement), "COUNT(") {
			t.Errorf("%s counts: %s", name, statement)
		}
	}
}

// timeline wants the timeline to read a page, and one row more, from each lane: one a kind
// and for a user two of audit events.
func (l *loadedEngine) timeline(t *testing.T, w world, most int64) {
	t.Helper()
	const fields = "__typename id occurredAt tenant { id name }"
	user := map[string]any{"user": fmt.Sprint("User:", ownUser)}
	middle := l.middle(t, "timeline", "TimelineFilter", w)
	for _, one := range []struct {
		name       string
		filter     map[string]any
		lanes      int64
		statements int // beside those of the lanes a user's aliases, and the numbers and names of operations
	}{{"the timeline", nil, 5, 5}, {"a user's timeline", user, 6, 8}} {
		first := map[string]any{"filter": one.filter, "first": pageSize}
		for name, variables := range map[string]map[string]any{
			"first": first, "last": {"filter": one.filter, "last": pageSize},
			"after":  {"filter": one.filter, "first": pageSize, "after": middle},
			"before": {"filter": one.filter, "last": pageSize, "before": middle},
		} {
			l.fewRead(t, one.name+", "+name, one.lanes*most, l.ask(t, "timeline", "TimelineFilter", fields, "", variables))
		}
		l.runs(t, one.name, one.statements, false, l.ask(t, "timeline", "TimelineFilter", fields, "", first))
		l.runs(t, one.name+", live", one.statements+1, false, l.ask(t, "timeline", "TimelineFilter", fields, "liveCursor", first))
	}
}
