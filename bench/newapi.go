package main

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"logbook/ent/column"
)

// Who asks a question of the newapi document. It wants to be told the user's number
// in a header, too.
const (
	newapiAdmin  = "newapi admin"
	newapiUser   = "newapi user"
	newapiHolder = "newapi holder" // of a token's key, in the query
)

// The token whose key asks for its records: the one that has the most.
const (
	heldToken     = 1
	heldTokenKey  = "lb_thekeyofthetokenthatthebenchholds"
	heldTokenUser = (heldToken-1)%usageUsers + 1 // see usageDrafts
)

// makeHeldToken makes the token, where it is not there yet. It has signed in before,
// so that using it writes nothing.
func makeHeldToken(ctx context.Context, db *sql.DB) error {
	hash := sha256.Sum256([]byte(heldTokenKey))
	var there int
	if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM access_tokens WHERE hash = ?", hash[:]).Scan(&there); err != nil || there > 0 {
		return err
	}
	_, err := db.ExecContext(ctx, "INSERT INTO access_tokens (id, user_id, name, hash, prefix, role, permissions, created_at, first_used_at) VALUES (?, ?, 'bench', ?, 'lb_', '', '', 0, 0)",
		heldToken, heldTokenUser, hash[:])
	return err
}

// legacy is a question of the newapi document.
type legacy struct {
	name   string
	as     string
	path   string
	query  url.Values
	answer func(ctx context.Context, e *engine, db *sql.DB, l legacy) (answerer, error) // the floor's
	counts counting                                                                     // what passes the query's filters
	page   int
	search string // in lower case
	wanted wanted
}

// question makes the question.
func (l legacy) question() question {
	path := l.path
	if len(l.query) > 0 {
		path += "?" + l.query.Encode()
	}
	return question{
		name: l.name, as: l.as, path: path, wanted: l.wanted,
		floor: func(ctx context.Context, e *engine, db *sql.DB) (answerer, error) { return l.answer(ctx, e, db, l) },
	}
}

// newapiQuestions gives the questions of the newapi document, those of the targets.
func newapiQuestions(w world) []question {
	common, rare, user := modelName(0), modelName(usageModels-1), usageUser(ownUser)
	day := [2]column.Time{w.newest.Add(-31 * 24 * time.Hour), w.newest.Add(-30 * 24 * time.Hour)}
	month := [2]column.Time{w.newest.Add(-30 * 24 * time.Hour), w.newest}
	half := [2]column.Time{w.newest.Add(-12 * time.Hour), 0}
	all := counting{dimension: 1, widths: usageWidths}
	consumed := counting{dimension: 1, widths: usageWidths, class: 2}
	ofModel := func(name string) counting {
		return counting{dimension: 2, widths: hourly, value: name, where: "model_name = ?", args: []any{name}}
	}
	own := counting{dimension: 3, widths: userWidths, value: strconv.Itoa(ownUser), numbered: true, where: "user_id = ?", args: []any{ownUser}}
	ownConsumed := own
	ownConsumed.class = 2
	named := own
	named.value, named.numbered, named.where, named.args = named.value+"\x00"+user, false, "user_id = ? AND username = ?", []any{ownUser, user}

	list := func(name, as string, counts counting, span [2]column.Time, more url.Values, most float64) question {
		path := map[string]string{newapiAdmin: "/api/log/", newapiUser: "/api/log/self"}[as]
		counts, query := counts.within(span, more)
		query.Set("p", "1")
		query.Set("page_size", strconv.Itoa(pageSize))
		return legacy{name: name, as: as, path: path, query: query, answer: newapiList, counts: counts, page: 1, wanted: wanted{p50: milli(most)}}.question()
	}
	deep := func(number int, most float64) question {
		name, page := fmt.Sprintf("newapi p=%d", number), number
		if w.rows < wantedRows { // as deep for the rows that there are
			page = max(1, int(int64(number)*w.rows/wantedRows))
			name += fmt.Sprintf(" (here %d)", page)
		}
		query := url.Values{"p": {strconv.Itoa(page)}, "page_size": {strconv.Itoa(pageSize)}}
		return legacy{name: name, as: newapiAdmin, path: "/api/log/", query: query, answer: newapiList, counts: all, page: page, wanted: wanted{p50: milli(most)}}.question()
	}
	sum := func(name, as string, counts counting, span [2]column.Time) question {
		path := map[string]string{newapiAdmin: "/api/log/stat", newapiUser: "/api/log/self/stat"}[as]
		counts, query := counts.within(span, nil)
		return legacy{name: name, as: as, path: path, query: query, answer: newapiStat, counts: counts, wanted: wanted{p50: milli(1)}}.question()
	}
	search := func(name, text string, w wanted) question {
		return legacy{name: name, as: newapiAdmin, path: "/api/log/search", query: url.Values{"keyword": {text}}, answer: newapiSearch,
			search: strings.ToLower(text), wanted: w}.question()
	}
	none := [2]column.Time{}
	return []question{
		list("newapi list, first page of 20", newapiAdmin, all, none, nil, 0.6),
		list("newapi list, last 12 hours", newapiAdmin, all, half, nil, 0.7),
		list("newapi type=2 and one day", newapiAdmin, consumed, day, url.Values{"type": {"2"}}, 0.7),
		list("newapi a common model", newapiAdmin, ofModel(common), none, url.Values{"model_name": {common}}, 0.7),
		list("newapi a rare model and one day", newapiAdmin, ofModel(rare), day, url.Values{"model_name": {rare}}, 0.7),
		list("newapi username", newapiAdmin, named, none, url.Values{"username": {user}}, 0.7),
		deep(10_000, 2),
		deep(40_000, 3),
		sum("newapi stat over 30 days", newapiAdmin, consumed, month),
		sum("newapi stat over all", newapiAdmin, consumed, none),
		sum("newapi self stat over 30 days", newapiUser, ownConsumed, month),
		search("newapi search, many hits", "OVERLOADED", wanted{p50: milli(2)}),
		search("newapi search, no hit", "no such text 7f3a", wanted{p50: milli(15), grown: grownSearch}),
		legacy{name: "newapi token?key=, 1,000 rows", as: newapiHolder, path: "/api/log/token", answer: newapiOfToken, wanted: wanted{p50: milli(7)}}.question(),
		list("newapi self, first page", newapiUser, own, none, nil, 0.7),
		list("newapi self, type=2 and one day", newapiUser, ownConsumed, day, url.Values{"type": {"2"}}, 0.7),
	}
}

// within gives what is counted between two times, 0 for none, and the query that asks
// so. The document's end is inside.
func (c counting) within(span [2]column.Time, more url.Values) (counting, url.Values) {
	const second = column.Time(1_000_000)
	query := url.Values{}
	for name, value := range more {
		query[name] = value
	}
	if c.since = span[0]; c.since != 0 {
		query.Set("start_timestamp", fmt.Sprint(int64(c.since/second)))
	}
	if span[1] != 0 {
		query.Set("end_timestamp", fmt.Sprint(int64(span[1]/second)))
		c.until = span[1] + second
	}
	return c, query
}
