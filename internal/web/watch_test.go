package web_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"logbook/internal/web"
)

// TestWatch holds which status a watcher is told, and that what the server's own
// writer can do is reached through two watchers.
func TestWatch(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int // that the watchers are told
		answer http.HandlerFunc
	}{
		"nothing":     {200, func(http.ResponseWriter, *http.Request) {}},
		"only a body": {200, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") }},
		"a status":    {404, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); io.WriteString(w, "x") }},
		"an announcement first": {403, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(403)
		}},
		"a status after the body": {200, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x"); w.WriteHeader(404) }},
		"a panic":                 {500, func(http.ResponseWriter, *http.Request) { panic("a bug") }},
		"a broken-off answer": {200, func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "x")
			panic(http.ErrAbortHandler)
		}},
		"the server's own": {202, func(w http.ResponseWriter, r *http.Request) {
			below := http.NewResponseController(w)
			w.WriteHeader(202)
			if err := below.Flush(); err != nil {
				t.Errorf("it does not flush: %v", err)
			}
			if err := below.SetWriteDeadline(time.Time{}); err != nil {
				t.Errorf("it takes no deadline: %v", err)
			}
		}},
		"a switch of protocols": {101, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusSwitchingProtocols)
			connection, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Errorf("it does not let the connection go: %v", err)
				return
			}
			connection.Close()
		}},
	} {
		told := make(chan int, 2)
		watch := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				web.Watch(w, r, next, func(status int) { told <- status })
			})
		}
		url, _ := serve(t, web.Options{}, watch(watch(test.answer)))
		if response, err := http.Get(url); err == nil {
			response.Body.Close()
		}
		for range 2 {
			if status := <-told; status != test.status {
				t.Errorf("%s: told %d, want %d", name, status, test.status)
			}
		}
	}
}
