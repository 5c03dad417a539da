package main

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// took gives answers that all took so long, of connections that were never idle.
func took(each time.Duration, connections int) measured {
	m := measured{elapsed: time.Second}
	for range int(time.Second/each) * connections {
		m.times = append(m.times, each)
	}
	return m
}

// TestLimits wants the figures of a question to be held against what is wanted of it
// on that engine, with that many connections and rows.
func TestLimits(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	sqlite, mariadb := &engine{}, &engine{mysql: true}
	quick, busy := wanted{p50: 2 * ms}, wanted{perSecond: 3000}
	for _, one := range []struct {
		name        string
		wanted      wanted
		engine      *engine
		rows        int64
		connections int
		ours, floor time.Duration
		before      *line
		target, met string
	}{
		{"nothing is wanted", wanted{}, sqlite, 1e6, 1, ms, ms, nil, "", ""},
		{"p50 at the bound", quick, sqlite, 1e6, 1, 2 * ms, ms, nil, "p50 ≤ 2 ms", "met"},
		{"p50 beyond it", quick, sqlite, 1e6, 1, 3 * ms, ms, nil, "p50 ≤ 2 ms", "MISSED"},
		{"p50 is of one connection", quick, sqlite, 1e6, 8, 3 * ms, ms, nil, "", ""},
		{"p50 is of a million rows", quick, sqlite, 1e7, 1, 3 * ms, ms, nil, "", ""},
		{"rate reached", busy, sqlite, 1e6, 8, 2 * ms, ms, nil, "rate ≥ 3000 /s", "met"},
		{"rate not reached", busy, sqlite, 1e6, 8, 3 * ms, ms, nil, "rate ≥ 3000 /s", "MISSED"},
		{"rate is of eight connections", busy, sqlite, 1e6, 1, 3 * ms, ms, nil, "", ""},
		{"twice the floor", quick, mariadb, 1e6, 1, 4 * ms, 2 * ms, nil, "p50 ÷ floor ≤ 2", "met"},
		{"more than that", busy, mariadb, 1e6, 8, 5 * ms, 2 * ms, nil, "p50 ÷ floor ≤ 2", "MISSED"},
		{"twice the floor with ten million", quick, mariadb, 1e7, 1, 5 * ms, 2 * ms, nil, "p50 ÷ floor ≤ 2", "MISSED"},
		{"grown by half", wanted{}, sqlite, 1e7, 1, 3 * ms, ms, &line{Rows: 1e6, P50: 2}, "growth ≤ 1.5", "met"},
		{"grown by more", quick, sqlite, 1e7, 1, 4 * ms, ms, &line{Rows: 1e6, P50: 2}, "growth ≤ 1.5", "MISSED"},
		{"beside as many rows", wanted{}, sqlite, 1e6, 1, 4 * ms, ms, &line{Rows: 1e6, P50: 2}, "", ""},
		{"beside unknown rows", wanted{}, sqlite, 1e6, 1, 4 * ms, ms, &line{Rows: 1e7, P50: 2}, "", ""},
		{"may grow", wanted{grown: 5 * ms}, sqlite, 1e7, 1, 4 * ms, ms, &line{Rows: 1e6, P50: 1}, "p50 ≤ 5 ms", "met"},
		{"may grow only so far", wanted{grown: 5 * ms}, sqlite, 1e7, 1, 6 * ms, ms, &line{Rows: 1e6, P50: 5}, "p50 ≤ 5 ms", "MISSED"},
		{"one of two missed", quick, mariadb, 1e7, 1, 4 * ms, 2 * ms, &line{Rows: 1e6, P50: 1}, "p50 ÷ floor ≤ 2, growth ≤ 1.5", "MISSED"},
	} {
		q := question{wanted: one.wanted}
		limits := q.limits(one.engine, one.rows, one.connections, took(one.ours, one.connections), took(one.floor, one.connections), one.before)
		if target, met := verdict(limits); target != one.target || met != one.met {
			t.Errorf("%s: %q %q, want %q %q", one.name, target, met, one.target, one.met)
		}
	}
}

// TestSaved wants a run to be read as it was written, and its questions to be found.
func TestSaved(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "run.json")
	run := &saved{Of: "SQLite", Lines: []line{
		{Kind: "usage", Name: "a", Rows: 10, Connections: 1, P50: 1.5, FloorP50: 1, Target: "p50 ≤ 1 ms", Met: "MISSED"},
		{Kind: "usage", Name: "a", Rows: 10, Connections: 8, P50: 2.5},
		{Kind: "audit", Name: "a", Rows: 10, Connections: 1, P50: 3.5},
		{Kind: "usage", Name: "import", Value: 4.5, Unit: "/s"},
	}}
	check(t, run.write(name))
	read, err := readSaved(name)
	check(t, err)
	if !reflect.DeepEqual(run, read) {
		t.Errorf("read %+v, want %+v", read, run)
	}
	if found := read.find("usage", "a", 8); found == nil || found.P50 != 2.5 {
		t.Errorf("found %+v", found)
	}
	if found := read.find("usage", "import", 0); found != nil {
		t.Errorf("a figure is no question: %+v", found)
	}
	if found := (*saved)(nil).find("usage", "a", 8); found != nil {
		t.Errorf("found %+v in no run", found)
	}
	check(t, os.WriteFile(name, []byte("# usage, SQLite"), 0o600))
	if _, err := readSaved(name); err == nil {
		t.Error("what is no run was read")
	}
}

// TestRefused wants an error of status 200 to be no answer, and a text that shows one to
// be.
func TestRefused(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{
		`{"errors":[{"message":"no"}],"data":null}`:                   true,
		`{"data":{"a":null},"errors":[{"message":"no"}]}`:             true,
		`{"success":false,"message":"no"}`:                            true,
		`{"data":{"entries":{"edges":[]}}}`:                           false,
		`{"success":true,"message":"","data":{"items":[]}}`:           false,
		`{"data":{"a":"{\"errors\":[1]}","b":"{\"success\":false}"}}`: false,
	} {
		if err := refused([]byte(answer)); (err != nil) != want {
			t.Errorf("%s: %v", answer, err)
		}
	}
}
