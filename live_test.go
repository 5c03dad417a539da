package main_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestServeEndsSubscriptions stops a server that has a socket and a stream open: both
// hear what came before, and that they are to come again; the server ends well and soon.
func TestServeEndsSubscriptions(t *testing.T) {
	onEveryEngine(t, func(t *testing.T, w *world) {
		s := w.serve()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // far beyond what it takes
		defer cancel()
		header := http.Header{"Authorization": {"Bearer " + s.token}}
		socket, _, err := websocket.Dial(ctx, s.url+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: header})
		if err != nil {
			t.Fatal(err)
		}
		defer socket.CloseNow()
		var data struct{ Entries struct{ LiveCursor string } }
		s.graphql(`{ entries { liveCursor } }`, nil, &data)
		document := `subscription { entryAppended(after: \"` + data.Entries.LiveCursor + `\") { node { message } } }`
		r, err := http.NewRequestWithContext(ctx, "POST", s.url+"/graphql", strings.NewReader(`{"query":"`+document+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header.Clone()
		r.Header.Set("Accept", "text/event-stream")
		r.Header.Set("Content-Type", "application/json")
		stream, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Body.Close()
		lines := bufio.NewScanner(stream.Body)
		read := func() (string, error) {
			_, message, err := socket.Read(ctx)
			return string(message), err
		}
		for _, message := range []string{`{"type":"connection_init"}`, `{"type":"subscribe","id":"1","payload":{"query":"` + document + `"}}`,
			`{"type":"subscribe","id":"2","payload":{"query":"{ __typename }"}}`} {
			if err := socket.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
				t.Fatal(err)
			}
		}
		s.rest("POST", "", `{"message":"the last"}`, nil)
		for message := ""; !strings.Contains(message, `"the last"`); {
			if message, err = read(); err != nil {
				t.Fatal(err)
			}
		}
		for !strings.Contains(lines.Text(), `"the last"`) {
			if !lines.Scan() {
				t.Fatalf("the stream ended: %v", lines.Err())
			}
		}
		if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		for {
			if _, err = read(); err != nil {
				break
			}
		}
		if websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Errorf("the socket was closed by %v", err)
		}
		for lines.Scan() {
			if strings.Contains(lines.Text(), "complete") {
				t.Error("the stream says that it is complete")
			}
		}
		if lines.Err() != nil {
			t.Errorf("the stream ended by %v", lines.Err())
		}
		if err := s.cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v: %s", err, s.errors)
		}
	})
}
