package main_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"logbook/internal/journal/journaltest"
)

// TestProcessesKeepRollups lets several processes at once add and remove rows of
// one database, through every door there is, and wants the roll-ups to equal a
// recount, before and after one of them is killed in the middle of it.
func TestProcessesKeepRollups(t *testing.T) {
	onEveryEngine(t, keepRollups)
}

func keepRollups(t *testing.T, w *world) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	servers := []*server{w.serve(), w.serve()}

	const tenants, bigLines = 3, 6000
	tenant := func(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-00000000000%d", n) }
	line := func(random *rand.Rand, text string) string {
		at := time.Now().Add(-time.Duration(random.IntN(60*24)) * time.Hour).UTC().Format(time.RFC3339)
		level := []string{"debug", "info", "error"}[random.IntN(3)]
		n := random.IntN(tenants)
		return fmt.Sprintf(`{"tenant_id":%q,"tenant_name":"t%d","level":%q,"message":%q,"source":"s%d","user_id":"%d","timestamp":%q}`,
			tenant(n), n, level, text, random.IntN(4), random.IntN(5), at)
	}
	// Every tenant exists before anybody names one.
	var first strings.Builder
	for n := range tenants {
		fmt.Fprintf(&first, `{"tenant_id":%q,"tenant_name":"t%d","message":"first","timestamp":"2025-01-01T00:00:00Z"}`+"\n", tenant(n), n)
	}
	w.must("import", "--kind", "entries", w.file("first.ndjson", first.String()))

	acts := []func(*rand.Rand, string){
		func(random *rand.Rand, name string) { // a file
			var text strings.Builder
			for i := range 400 {
				text.WriteString(line(random, fmt.Sprint(name, " ", i)) + "\n")
			}
			w.must("import", "--kind", "entries", w.file(name+".ndjson", text.String()))
		},
		func(random *rand.Rand, name string) { // a batch by REST
			var logs []string
			for i := range 50 {
				logs = append(logs, fmt.Sprintf(`{"message":"%s %d","tenant_id":%q,"level":"warning"}`, name, i, tenant(random.IntN(tenants))))
			}
			got := servers[random.IntN(2)].rest("POST", "batch_create/", `{"logs":[`+strings.Join(logs, ",")+`]}`, nil)
			if got.status != http.StatusCreated {
				t.Errorf("batch_create answers %d %s", got.status, got.body)
			}
		},
		func(random *rand.Rand, name string) { // one by one through GraphQL
			for range 20 {
				servers[random.IntN(2)].graphql(`mutation($m: String!, $t: ID) { createEntry(input: {message: $m, tenantId: $t}) { entry { id } } }`,
					map[string]any{"m": name, "t": tenant(random.IntN(tenants))}, nil)
			}
		},
		func(random *rand.Rand, _ string) { // a deletion
			before := time.Now().Add(-time.Duration(random.IntN(60)) * 24 * time.Hour).UTC().Format(time.RFC3339)
			got := servers[random.IntN(2)].rest("POST", "delete_logs/", fmt.Sprintf(`{"tenant_id":%q,"before_date":%q}`, tenant(random.IntN(tenants)), before), nil)
			if got.status != http.StatusOK {
				t.Errorf("delete_logs answers %d %s", got.status, got.body)
			}
		},
		func(*rand.Rand, string) { w.must("retention", "apply") },
	}
	servers[0].graphql(`mutation($t: ID) { createRetentionPolicy(input: {name: "short", tenantId: $t, days: 40}) { retentionPolicy { id } } }`,
		map[string]any{"t": tenant(1)}, nil)

	var hands sync.WaitGroup
	for hand := range 4 {
		hands.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(hand)))
			for step := range 8 {
				acts[random.IntN(len(acts))](random, fmt.Sprintf("hand %d step %d", hand, step))
			}
		})
	}
	hands.Wait()
	rows := journaltest.Recount(t, w.db)

	// Killed in the middle: what was committed is whole, the rest never was.
	var text strings.Builder
	random := rand.New(rand.NewPCG(seed, 99))
	for i := range bigLines {
		text.WriteString(line(random, fmt.Sprint("big ", i)) + "\n")
	}
	big := w.file("big.ndjson", text.String())
	importer := w.command("import", "--kind", "entries", big)
	if err := importer.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); servers[0].total(nil) < rows+300; {
		if time.Now().After(deadline) {
			t.Fatal("the import does not get on")
		}
	}
	if err := importer.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = importer.Wait()
	if part := journaltest.Recount(t, w.db); part >= rows+bigLines {
		t.Logf("the import was over before it was killed: %d rows", part)
	}
	w.must("import", "--kind", "entries", big)
	if all := journaltest.Recount(t, w.db); all != rows+bigLines {
		t.Errorf("%d rows after the import ran again, want %d", all, rows+bigLines)
	}
	for _, s := range servers {
		s.stop()
	}
}
