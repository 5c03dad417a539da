package web_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"logbook/internal/fault"
	"logbook/internal/web"
)

// serve serves a handler as the program does, and gives its address and what it
// logs.
func serve(t *testing.T, options web.Options, handler http.Handler) (string, *bytes.Buffer) {
	t.Helper()
	var logged bytes.Buffer
	server := web.Server(handler, options, slog.New(slog.NewTextHandler(&logged, nil)))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Close()
		<-ended
	})
	return "http://" + listener.Addr().String(), &logged
}

func ask(t *testing.T, method, url string, header map[string]string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, web.Options{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, web.RequestID(r.Context()))
	}))
	for given, echoed := range map[string]bool{
		"": false, strings.Repeat("x", 129): false, "two words": false, "ümlaut": false,
		"abc-123": true, strings.Repeat("x", 128): true,
	} {
		response, body := ask(t, "GET", url, map[string]string{"X-Request-Id": given})
		id := response.Header.Get("X-Request-Id")
		if id != body || id == "" || (id == given) != echoed {
			t.Errorf("sent %q, got %q in the header and %q in the context", given, id, body)
		}
	}
}

func TestPanicIsHidden(t *testing.T) {
	t.Parallel()
	url, logged := serve(t, web.Options{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("the secret of the house") }))
	response, body := ask(t, "GET", url, map[string]string{"X-Request-Id": "of-the-panic"})
	if response.StatusCode != 500 || strings.Contains(body, "secret") || strings.Contains(body, "goroutine") {
		t.Errorf("a panic answers %d %s", response.StatusCode, body)
	}
	if !strings.Contains(logged.String(), "of-the-panic") || !strings.Contains(logged.String(), "the secret of the house") {
		t.Errorf("the log says %s", logged)
	}
}

func TestCrossOrigin(t *testing.T) {
	t.Parallel()
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	open, _ := serve(t, web.Options{}, refuse)
	closed, _ := serve(t, web.Options{Origins: []string{"https://app.example"}, OpenPaths: []string{"/open"}}, refuse)
	for _, test := range []struct {
		url, origin, want string
	}{
		{open, "https://anybody.example", "*"},
		{closed, "https://anybody.example", ""},
		{closed, "https://app.example", "https://app.example"},
		{closed + "/openly", "https://anybody.example", ""},
		{closed + "/open/beyond", "https://anybody.example", ""},
		{closed + "/open", "https://anybody.example", "*"},
		{closed + "/open/", "https://anybody.example", "*"},
		{closed + "/open?key=k", "https://app.example", "*"},
	} {
		// A browser must be able to read refusals too, and asks first without a
		// credential.
		for _, method := range []string{"GET", "OPTIONS"} {
			response, _ := ask(t, method, test.url, map[string]string{
				"Origin": test.origin, "Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "authorization,x-api-key",
			})
			if got := response.Header.Get("Access-Control-Allow-Origin"); got != test.want {
				t.Errorf("%s from %s: allows %q, want %q", method, test.origin, got, test.want)
			}
			if response.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s from %s: credentials are allowed", method, test.origin)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, web.Options{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := web.ReadBody(w, r, 10)
		io.WriteString(w, map[fault.Kind]string{fault.TooLarge: "too large", fault.Invalid: "invalid"}[fault.KindOf(err)])
	}))
	if response, _ := ask(t, "GET", url, map[string]string{"X-Long": strings.Repeat("x", 80<<10)}); response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a long header answers %d", response.StatusCode)
	}
	for body, want := range map[string]string{"ten bytes!": "", "eleven byte": "too large"} {
		response, err := http.Post(url, "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if string(got) != want {
			t.Errorf("%q is %q, want %q", body, got, want)
		}
	}
	// A body that breaks off.
	connection, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	io.WriteString(connection, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nConnection: close\r\n\r\nabc")
	connection.(*net.TCPConn).CloseWrite()
	answer, _ := io.ReadAll(connection)
	if !strings.HasSuffix(string(answer), "invalid") {
		t.Errorf("a body that breaks off answers %q", answer)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	var down error
	mux := http.NewServeMux()
	web.Health(mux, func(context.Context) error { return down })
	url, _ := serve(t, web.Options{}, mux)
	for _, test := range []struct {
		down   error
		path   string
		status int
	}{
		{nil, "/healthz", 200}, {nil, "/readyz", 200},
		{errors.New("gone"), "/healthz", 200}, {errors.New("gone"), "/readyz", 503},
	} {
		down = test.down
		response, body := ask(t, "GET", url+test.path, nil)
		if response.StatusCode != test.status || strings.Contains(body, "gone") {
			t.Errorf("%s with %v: %d %s", test.path, test.down, response.StatusCode, body)
		}
	}
}

// TestTimeIsUp wants the work on an answer ended when its time is up, with a cause that
// tells so from a caller who has gone.
func TestTimeIsUp(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]error{"time": context.DeadlineExceeded, "caller": context.Canceled} {
		synctest.Test(t, func(t *testing.T) {
			asking, leave := context.WithCancel(t.Context())
			defer leave()
			work := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if name == "caller" {
					leave()
				}
				<-r.Context().Done()
				if cause := context.Cause(r.Context()); cause != want {
					t.Errorf("%s: the work ended by %v, want %v", name, cause, want)
				}
			})
			handler := web.Server(work, web.Options{}, slog.New(slog.DiscardHandler)).Handler
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(asking, http.MethodGet, "/", nil))
		})
	}
}
