package main_test

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"logbook/internal/auth"
	"logbook/internal/db"
)

// TestEngineThatIsHeld keeps the database from committing until appends have waited for
// too long, and wants each surface to say when to come again, and what was said to be
// stored, and nothing else, there afterwards.
func TestEngineThatIsHeld(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, w *world) {
		s := w.serve()
		create := func(message string) answer {
			body, err := json.Marshal(map[string]any{"query": `mutation { createEntry(input: {message: "` + message + `"}) { entry { id } } }`})
			if err != nil {
				t.Fatal(err)
			}
			return s.ask("POST", "/graphql", "application/json", strings.NewReader(string(body)))
		}
		if got := create("before"); got.status != http.StatusOK {
			t.Fatalf("%d %s", got.status, got.body)
		}
		ctx := auth.System(context.Background(), "test")
		other, err := db.Open(ctx, w.db)
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		held, let, ended := make(chan struct{}), make(chan struct{}), make(chan error)
		go func() {
			ended <- other.Write(ctx, func(tx *db.Tx) error {
				_, err := tx.Writer.Query().Modify(db.ForUpdate).IDs(ctx)
				close(held)
				<-let
				return err
			})
		}()
		<-held

		// On MariaDB the first ones' commit has begun, and waits until the engine is free.
		waiting := regexp.MustCompile(`(?m)^logbook_appends_waiting_rows [1-9]`)
		var first sync.WaitGroup
		for behind := 0; behind < 2; {
			first.Go(func() { create("first") })
			for range 20 {
				if waiting.MatchString(s.scrape()) {
					behind++
				}
			}
		}
		var all sync.WaitGroup
		var mutation, beside, batch answer
		all.Go(func() { mutation = create("mutation") })
		all.Go(func() {
			beside = s.ask("POST", "/graphql", "application/json", strings.NewReader(
				`{"query":"mutation { a: createEntry(input: {message: \"beside\"}) { entry { id } } b: createEntry(input: {message: \" \"}) { entry { id } } }"}`))
		})
		all.Go(func() {
			batch = s.ask("POST", "/api/management/logs/entries/", "application/json", strings.NewReader(`{"message":"rest"}`))
		})
		all.Wait()
		for name, got := range map[string]answer{"mutation": mutation, "rest": batch} {
			if got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "1" {
				t.Errorf("%s: %d %v %s", name, got.status, got.header, got.body)
			}
		}
		if !strings.Contains(string(mutation.body), `"code":"UNAVAILABLE"`) || !strings.Contains(string(mutation.body), "nothing of this was stored") {
			t.Errorf("%s", mutation.body)
		}
		if beside.status != http.StatusOK || beside.header.Get("Retry-After") != "1" || !strings.Contains(string(beside.body), `"code":"BAD_USER_INPUT"`) {
			t.Errorf("beside another field: %d %v %s", beside.status, beside.header, beside.body)
		}
		close(let)
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		first.Wait()
		if got := create("after"); got.status != http.StatusOK {
			t.Errorf("%d %s", got.status, got.body)
		}
		if text := s.scrape(); !strings.Contains(text, `logbook_appends_refused_total{reason="late"}`) || strings.Contains(text, `logbook_appends_refused_total{reason="late"} 0`) {
			t.Errorf("nothing refused is counted in\n%s", text)
		}
		for message, want := range map[string]int{"before": 1, "mutation": 0, "beside": 0, "rest": 0, "after": 1} {
			if n := s.total(map[string]any{"search": message}); n != want {
				t.Errorf("%d rows of %q, want %d", n, message, want)
			}
		}
	})
}
