package export

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"logbook/internal/web"
)

// TestCallerTakesNothing wants a write to fail in the end when nobody reads.
func TestCallerTakesNothing(t *testing.T) {
	t.Parallel()
	for _, accept := range []string{"identity", "gzip"} {
		failed := make(chan error, 1)
		server := httptest.NewUnstartedServer(nil)
		server.Config = web.Server(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			out := newStream(w, http.Header{}, 50*time.Millisecond)
			row := make([]byte, 1<<20)
			_, _ = rand.Read(row) // so that gzip makes nothing of it
			for {
				if _, err := out.Write(row); err != nil {
					failed <- err
					panic(http.ErrAbortHandler)
				}
			}
		}), web.Options{}, slog.New(slog.DiscardHandler))
		server.Start()
		request, err := http.NewRequest("GET", server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept-Encoding", accept)
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("writing ends with %v", err)
		}
		response.Body.Close()
		server.Close()
	}
}

// TestTrickle wants rows to go out before the buffer is full, and an answer of
// nothing to have its header.
func TestTrickle(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	out := newStream(recorder, http.Header{"X-A": {"b"}}, stall)
	if _, err := out.Write([]byte("row\n")); err != nil || out.begun() || recorder.Body.Len() > 0 {
		t.Errorf("one row at once goes out (%v)", err)
	}
	out.flushed = out.flushed.Add(-pace)
	if _, err := out.Write([]byte("row\n")); err != nil || !out.begun() || recorder.Body.Len() == 0 || !recorder.Flushed {
		t.Errorf("a row after a while does not go out (%v)", err)
	}

	recorder = httptest.NewRecorder()
	if err := newStream(recorder, http.Header{"X-A": {"b"}}, stall).close(); err != nil || recorder.Header().Get("X-A") != "b" {
		t.Errorf("nothing has the header %v (%v)", recorder.Header(), err)
	}
}
