package main

import (
	"context"
	"io"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"logbook/internal/db"
	"logbook/internal/db/dbtest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

// TestSameSeedSameRows wants the rows of a kind to follow from the seed, the
// number of rows and the newest time.
func TestSameSeedSameRows(t *testing.T) {
	t.Parallel()
	newest := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, k := range kinds() {
		first, same, other := newSource(k, 1, 500, newest).next(500), newSource(k, 1, 500, newest), newSource(k, 2, 500, newest).next(500)
		again := append(same.next(123), same.next(500)...)
		if len(first) != 500 || !reflect.DeepEqual(first, again) {
			t.Errorf("%s: the same seed makes other rows", k.name)
		}
		if reflect.DeepEqual(first, other) {
			t.Errorf("%s: another seed makes the same rows", k.name)
		}
	}
}

// TestFloorAgrees loads some rows of each kind and wants the floor to write the
// roll-ups that the journal writes, and to answer each question as the server does.
func TestFloorAgrees(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		for _, k := range kinds() {
			t.Run(k.name, func(t *testing.T) { floorAgrees(t, k, address) })
		}
	})
}

func floorAgrees(t *testing.T, k *kind, address string) {
	p := process{t.Context(), strings.NewReader(""), io.Discard, io.Discard}
	e, stop, err := startEngine(p, address, false)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	const rows = 3000
	if _, err := fill(p, k, e, rows, 1); err != nil {
		t.Fatal(err)
	}
	// The roll-ups of the kinds before this one are there too.
	other, remove, err := e.beside(p, "beside")
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	if _, err := copyRows(p, k, e, other, k.dimensions, rows, batchRows); err != nil {
		t.Fatal(err)
	}
	if err := sameRollups(p, k, e, other); err != nil {
		t.Error(err)
	}

	database, err := db.Open(p, address)
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()
	ours := httptest.NewServer(serverHandler(database))
	defer ours.Close()
	s := serverAt(ours.Listener.Addr().String())
	asked, _, err := questionsOf(p, k, e, s)
	if err != nil {
		t.Fatal(err)
	}
	pool, err := e.open(p)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	handler, err := floorHandler(context.Background(), k, e, pool)
	if err != nil {
		t.Fatal(err)
	}
	bare := httptest.NewServer(handler)
	defer bare.Close()
	for i, q := range asked {
		if err := agree(s.address, q.request, bare.Listener.Addr().String(), floorRequest(i)); err != nil {
			t.Errorf("%q: %v", q.name, err)
		}
	}
	sentAlike(t, p, k, e)
}

// sentAlike sends the rows to a server on an empty database, as the ways of writing do,
// and wants the roll-ups that they have here.
func sentAlike(t *testing.T, p process, k *kind, e *engine) {
	t.Helper()
	inputs, err := k.inputs(p, e, 1<<20)
	check(t, err)
	w := &writer{report: &report{process: p}, kind: k, from: e}
	check(t, w.empty("sent", func(to *engine) error {
		database, err := db.Open(p, to.address)
		check(t, err)
		defer database.Close()
		serving := httptest.NewServer(serverHandler(database))
		defer serving.Close()
		many, one := [][]byte{}, [][]byte{}
		for i := 0; i < len(inputs)-100; i += 1000 {
			many = append(many, k.createMany(inputs[i:min(i+1000, len(inputs)-100)]))
		}
		for _, input := range inputs[len(inputs)-100:] {
			one = append(one, k.createOne(input))
		}
		address := serving.Listener.Addr().String()
		if _, err := sendAll(p, address, many[:len(many)-1], 1000, 2); err != nil {
			return err
		}
		if _, err := sendAll(p, address, many[len(many)-1:], len(inputs)-100-1000*(len(many)-1), 1); err != nil {
			return err
		}
		if _, err := sendAll(p, address, one, 1, 8); err != nil {
			return err
		}
		return sameRollups(p, k, e, to)
	}))
}
