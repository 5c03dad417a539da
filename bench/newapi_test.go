package main

import (
	"bytes"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"logbook/ent/column"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
)

// usageEngine gives a database with some usage records, of 90 days.
func usageEngine(t *testing.T, address string, rows int) *engine {
	t.Helper()
	p := process{t.Context(), strings.NewReader(""), io.Discard, io.Discard}
	e, stop, err := startEngine(p, address, false)
	check(t, err)
	t.Cleanup(stop)
	_, err = fill(p, usage(), e, rows, 1)
	check(t, err)
	return e
}

// TestCounting wants what the floor counts from roll-ups and ragged ends to be what the
// rows alone come to, between any two times.
func TestCounting(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		e := usageEngine(t, address, 2000)
		pool, err := e.open(t.Context())
		check(t, err)
		defer pool.Close()
		w, err := worldOf(t.Context(), usage(), pool)
		check(t, err)
		rapid.Check(t, func(rt *rapid.T) {
			c := rapid.SampledFrom([]counting{
				{dimension: 1, widths: usageWidths},
				{dimension: 2, widths: hourly, value: modelName(0), where: "model_name = ?", args: []any{modelName(0)}},
				{dimension: 3, widths: userWidths, value: "7", numbered: true, where: "user_id = ?", args: []any{7}},
				{dimension: 3, widths: userWidths, value: "7\x00" + usageUser(7), where: "user_id = ? AND username = ?", args: []any{7, usageUser(7)}},
			}).Draw(rt, "counting")
			c.class = rapid.IntRange(0, 5).Draw(rt, "class")
			at := rapid.Custom(func(rt *rapid.T) column.Time {
				if rapid.Bool().Draw(rt, "none") {
					return 0
				}
				back := time.Duration(rapid.IntRange(-3600, 91*24*3600).Draw(rt, "seconds")) * time.Second
				return w.newest.Add(-back)
			})
			c.since, c.until = at.Draw(rt, "since"), at.Draw(rt, "until")
			if c.until != 0 && c.since > c.until {
				c.since, c.until = c.until, c.since
			}
			for _, sum := range [][2]string{{"row_count", "COUNT(*)"}, {"quota", "COALESCE(SUM(quota), 0)"}} {
				prepared, err := c.sum(t.Context(), e, pool, sum[0], sum[1])
				if err != nil {
					rt.Fatal(err)
				}
				got, err := prepared(t.Context())
				if err != nil {
					rt.Fatal(err)
				}
				where, args := c.rows(int64(c.since), int64(c.until))
				if where != "" {
					where = " WHERE " + where
				}
				var want int64
				if err := pool.QueryRowContext(t.Context(), "SELECT "+sum[1]+" FROM usage_records"+where, args...).Scan(&want); err != nil {
					rt.Fatal(err)
				}
				if got != want {
					rt.Fatalf("%s of %+v is %d, want %d", sum[0], c, got, want)
				}
			}
		})
	})
}

// TestAgainst wants every newapi question to be asked of another server, and those
// without a key to be named.
func TestAgainst(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		usageEngine(t, address, 2000)
		database, err := db.Open(t.Context(), address)
		check(t, err)
		defer database.Close()
		other := httptest.NewServer(serverHandler(database))
		defer other.Close()
		ask := func(keys against) (string, error) {
			var said bytes.Buffer
			keys.URL = other.URL
			m := &measure{Connections: []int{1}, Seconds: 0.001, against: keys}
			err := m.Run(process{t.Context(), strings.NewReader(""), &said, io.Discard})
			return said.String(), err
		}
		if said, err := ask(against{AdminKey: "wrong", AdminID: "0"}); err == nil {
			t.Errorf("a wrong key was answered:\n%s", said)
		}
		said, err := ask(against{AdminKey: adminKey, AdminID: "0", UserKey: userKey(), TokenKey: heldTokenKey})
		check(t, err)
		for _, q := range newapiQuestions(world{rows: 2000, newest: column.TimeOf(time.Now())}) {
			if !strings.Contains(said, "\n"+q.name) {
				t.Errorf("%q was not asked:\n%s", q.name, said)
			}
		}
		if strings.Contains(said, "no key") {
			t.Errorf("a key was not used:\n%s", said)
		}
		said, err = ask(against{AdminKey: adminKey, AdminID: "0"})
		check(t, err)
		if strings.Count(said, "no key for it") != 4 {
			t.Errorf("want three questions of a user and one of a token to lack a key:\n%s", said)
		}
	})
}
