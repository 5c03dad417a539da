package web_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"logbook/internal/web"
)

// Who sends a header or a body a byte at a time is cut off, and holds no goroutine for
// longer; what is quick beside it is answered.
func TestSlowRequests(t *testing.T) {
	t.Parallel()
	server := web.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := web.ReadBody(w, r, 1<<20); err != nil {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, "read")
	}), web.Options{}, slog.New(slog.DiscardHandler))
	for name, limit := range map[string]time.Duration{
		"header": server.ReadHeaderTimeout, "request": server.ReadTimeout, "answer": server.WriteTimeout, "idle": server.IdleTimeout,
	} {
		if limit <= 0 || limit > 2*time.Minute {
			t.Errorf("the %s has %s", name, limit)
		}
	}
	server.ReadHeaderTimeout, server.ReadTimeout = 150*time.Millisecond, 300*time.Millisecond
	listening := httptest.NewUnstartedServer(nil)
	listening.Config = server
	listening.Start()
	t.Cleanup(listening.Close) // which waits for handlers
	for name, c := range map[string]struct{ begin, drip, answer string }{
		"the header": {"POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ", "s", ""},
		"the body":   {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", "b", "HTTP/1.1 400"},
		"a chunk":    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", "c", "HTTP/1.1 400"},
	} {
		conn, err := net.Dial("tcp", listening.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, c.begin)
		ended := make(chan struct{})
		go func() { // drips for as long as the other side listens
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-ended:
					return
				case <-tick.C:
					_, _ = io.WriteString(conn, c.drip)
				}
			}
		}()
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		line, err := bufio.NewReader(conn).ReadString('\n')
		if timeout, ok := err.(net.Error); ok && timeout.Timeout() || !strings.HasPrefix(line, c.answer) {
			t.Errorf("%s: answered %q, %v", name, line, err)
		}
		close(ended)
	}
	response, err := http.Post(listening.URL, "text/plain", strings.NewReader("quick"))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); string(text) != "read" {
		t.Error(fmt.Sprint("a quick one: ", string(text), err))
	}
}
