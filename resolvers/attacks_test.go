package resolvers_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"logbook/internal/db/dbtest"
	"logbook/internal/web"
	"logbook/resolvers"
	"logbook/resolvers/attacks"
)

// held gives what the process holds of memory, in bytes, and how many goroutines it
// has, when everything has ended that was going to.
func held() (heap int64, goroutines int) {
	http.DefaultClient.CloseIdleConnections()
	var memory runtime.MemStats
	for range 2 { // what has a finalizer goes in the second
		runtime.GC()
	}
	runtime.ReadMemStats(&memory)
	return int64(memory.HeapAlloc), runtime.NumGoroutine()
}

// leavesNothing runs something, and wants the process to hold as much behind it as
// before: 8 MiB and no goroutine more.
func leavesNothing(t *testing.T, run func()) {
	t.Helper()
	heap, goroutines := held()
	run()
	for deadline := time.Now().Add(patience); ; <-time.After(10 * time.Millisecond) {
		heapNow, goroutinesNow := held()
		if heapNow <= heap+8<<20 && goroutinesNow <= goroutines {
			t.Logf("%d KiB and %d goroutines more", (heapNow-heap)>>10, goroutinesNow-goroutines)
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it left %d KiB and %d goroutines", (heapNow-heap)>>10, goroutinesNow-goroutines)
		}
	}
}

// Every attack over HTTP is refused in few words, and nothing of it stays.
func TestAttacksLeaveNothing(t *testing.T) {
	s := newServer(t, dbtest.SQLite(t))
	url := s.serve(resolvers.Options{Production: true})
	all := attacks.Requests()
	round := func(small bool) {
		for _, attack := range all {
			if small && len(attack.Body) > 1<<20 {
				continue
			}
			if status, answer := s.attack(url, attack); status >= 500 || len(answer) >= 16<<10 ||
				!strings.Contains(answer, `"code":"`+attack.Code+`"`) || strings.Contains(answer, `"data":{`) {
				t.Errorf("%s: %d, want %s: %d bytes, %.300s", attack.Name, status, attack.Code, len(answer), answer)
			}
		}
	}
	round(false) // documents are remembered, connections opened
	leavesNothing(t, func() {
		round(false)
		for range 19 {
			round(true)
		}
	})
	runtime.KeepAlive(all) // what they take is no part of the difference
	if text := s.log.String(); strings.Contains(text, "ERROR") {
		t.Errorf("logged: %.500s", text)
	}
}

// attack sends an attack.
func (s *server) attack(url string, attack attacks.Request) (status int, answer string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), attack.Method, url+"?"+attack.Query, strings.NewReader(attack.Body))
	s.check(err)
	r.Header = attack.Header.Clone()
	if !attack.Anonymous {
		r.Header.Set("Authorization", "Bearer "+adminToken)
	}
	response, err := http.DefaultClient.Do(r)
	s.check(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	s.check(err)
	return response.StatusCode, string(text)
}

// Subscriptions that come and go, and streams that are given up, leave nothing.
func TestStormsLeaveNothing(t *testing.T) {
	s := newServer(t, dbtest.SQLite(t))
	url, surface := s.serveIn(resolvers.Options{Production: true}, web.Options{}, func(next http.Handler) http.Handler { return next })
	client := begin(t, url, adminToken)
	storm := func() {
		for i := range 2_000 {
			client.send(subscribe(fmt.Sprint(i), follow), fmt.Sprintf(`{"type":"complete","id":"%d"}`, i))
		}
		client.send(`{"type":"ping"}`)
		for {
			message, err := client.read()
			s.check(err)
			if strings.HasPrefix(message, `{"type":"pong"`) {
				break
			}
		}
		open(t, surface, 0)
		for range 20 {
			body, _ := json.Marshal(map[string]any{"query": follow})
			r, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(string(body)))
			s.check(err)
			r.Header = http.Header{"Authorization": {"Bearer " + adminToken}, "Content-Type": {"application/json"}, "Accept": {"text/event-stream"}}
			response, err := http.DefaultClient.Do(r)
			s.check(err)
			response.Body.Close()
		}
		open(t, surface, 0)
	}
	storm()
	leavesNothing(t, storm)
}
