package web_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"logbook/internal/web"
)

func TestAcceptsGzip(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{
		"":                         false,
		"br":                       false,
		"identity":                 false,
		"gzip;q=0":                 false,
		"gzip; q=0.000":            false,
		"*;q=1, gzip;q=0":          false,
		"*;q=0":                    false,
		"gzip;q=many":              false,
		"gzipped":                  false,
		"gzip;q=0, identity;q=0":   false,
		"identity, gzip;q=0.5":     false,
		"gzip":                     true,
		"GZIP":                     true,
		"x-gzip":                   true,
		"gzip, deflate, br":        true,
		"deflate,gzip;q=0.5":       true,
		"br;q=1.0 , gzip ; Q=1":    true,
		"gzip, identity":           true,
		"gzip, identity;q=0":       true,
		"*":                        true,
		"identity;q=0, *;q=0.1":    true,
		"identity;q=0":             true,
		"gzip;q=0.5, *;q=0":        true,
		"identity;q=0.5, gzip;q=1": true,
	} {
		if got := web.AcceptsGzip([]string{value}); got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
	if web.AcceptsGzip(nil) {
		t.Error("no header: gzip is sent")
	}
	if !web.AcceptsGzip([]string{"br", "gzip"}) {
		t.Error("a repeated header: gzip is not sent")
	}
}

// long is an answer that is worth packing.
var long = strings.Repeat(`{"message":"disk almost full"}`+"\n", 200)

// unpack gives what a body of gzip holds.
func unpack(t *testing.T, body string) string {
	t.Helper()
	reader, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCompressed(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, web.Options{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		switch r.URL.Path {
		case "/sized":
			w.Header().Set("Content-Length", strconv.Itoa(len(long)))
			_, _ = io.WriteString(w, long[:10])
			_, _ = io.WriteString(w, long[10:])
		case "/refused":
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, long)
		case "/short":
			_, _ = io.WriteString(w, "{}")
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
			packer := gzip.NewWriter(w)
			_, _ = io.WriteString(packer, long)
			_ = packer.Close()
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, long)
		case "/parts":
			w.Header().Set("Content-Type", `multipart/mixed; boundary="-"`)
			_, _ = io.WriteString(w, long)
		case "/panics":
			panic("a bug")
		}
	}))
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}} // which would hide it
	defer client.CloseIdleConnections()
	for _, c := range []struct {
		path, accept string
		status       int
		packed       bool
		want         string
	}{
		{"/refused", "", 403, false, long},
		{"/refused", "gzip", 403, true, long},
		{"/panics", "gzip", 500, false, ""},
		{"/none", "gzip", 204, false, ""},
		{"/none", "identity;q=0", 204, false, ""},
		{"/short", "gzip", 200, false, "{}"},
		{"/short", "gzip, identity;q=0", 200, true, "{}"},
		{"/short", "identity;q=0", 200, true, "{}"},
		{"/short", "gzip, *;q=0", 200, true, "{}"},
		{"/sized", "", 200, false, long},
		{"/sized", "br, gzip;q=0", 200, false, long},
		{"/sized", "identity;q=0, gzip;q=0", 200, false, long},
		{"/sized", "br, gzip;q=0.1", 200, true, long},
		{"/sized", "identity;q=0", 200, true, long},
		{"/packed", "gzip", 200, true, long},
		{"/events", "gzip", 200, false, long},
		{"/parts", "gzip", 200, false, long},
	} {
		what := fmt.Sprintf("%s %q", c.path, c.accept)
		send := func(method string) (*http.Response, string) {
			request, err := http.NewRequest(method, url+c.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.accept != "" {
				request.Header.Set("Accept-Encoding", c.accept)
			}
			response, err := client.Do(request)
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
		response, body := send("GET")
		if length := response.ContentLength; length >= 0 && length != int64(len(body)) {
			t.Errorf("%s: Content-Length %d of %d bytes", what, length, len(body))
		}
		head, nothing := send("HEAD")
		if nothing != "" || head.StatusCode != c.status {
			t.Errorf("HEAD %s: %d %q", what, head.StatusCode, nothing)
		}
		if length := head.ContentLength; length >= 0 && length != int64(len(body)) {
			t.Errorf("HEAD %s: Content-Length %d, GET's body has %d", what, length, len(body))
		}
		encoding := map[bool]string{true: "gzip"}[c.packed]
		for method, answer := range map[string]*http.Response{"GET": response, "HEAD": head} {
			if got := answer.Header.Get("Content-Encoding"); got != encoding {
				t.Errorf("%s %s: Content-Encoding %q", method, what, got)
			}
			if got := answer.Header.Values("Vary"); !slices.Contains(got, "Accept-Encoding") {
				t.Errorf("%s %s: Vary %q", method, what, got)
			}
		}
		if c.packed {
			if len(body) > 2*len(c.want)/3 && c.want == long {
				t.Errorf("%s: %d bytes for %d", what, len(body), len(c.want))
			}
			body = unpack(t, body)
		}
		if response.StatusCode != c.status || c.status != 500 && body != c.want {
			t.Errorf("%s: %d %q", what, response.StatusCode, body)
		}
	}
	response, body := ask(t, "OPTIONS", url+"/short", map[string]string{
		"Accept-Encoding": "gzip", "Origin": "https://example.org", "Access-Control-Request-Method": "GET"})
	if response.StatusCode != 204 || body != "" || response.Header.Get("Content-Encoding") != "" ||
		response.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("a preflight: %d %v %q", response.StatusCode, response.Header, body)
	}
}

// TestFlushed wants what a handler flushes to come before the handler goes on.
func TestFlushed(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{})
	url, _ := serve(t, web.Options{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-arrived
		_, _ = io.WriteString(w, "second")
	}))
	response, err := http.Get(url) // asks for gzip and unpacks it
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if !response.Uncompressed {
		t.Error("a stream is not packed")
	}
	first := make([]byte, len("first"))
	_, err = io.ReadFull(response.Body, first)
	close(arrived)
	rest, _ := io.ReadAll(response.Body)
	if err != nil || string(first) != "first" || string(rest) != "second" {
		t.Errorf("got %q, then %q (%v)", first, rest, err)
	}
}

// TestBrokenOff wants half an answer to lack the end of its gzip, which for a caller
// of HTTP/1.0 is the only mark.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, web.Options{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, long)
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, long)
		panic(http.ErrAbortHandler)
	}))
	connection, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, "GET / HTTP/1.0\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(connection)
	if err != nil {
		t.Fatal(err)
	}
	head, body, found := strings.Cut(string(raw), "\r\n\r\n")
	if !found || !strings.Contains(head, "Content-Encoding: gzip") {
		t.Fatalf("the answer is %q", head)
	}
	reader, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(reader); err != io.ErrUnexpectedEOF {
		t.Errorf("%d bytes and %v", len(text), err)
	}
}

// TestLengthsVary wants the lengths of packed answers to depend on more than how
// well their texts pack.
func TestLengthsVary(t *testing.T) {
	t.Parallel()
	server := web.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Path+long)
	}), web.Options{}, slog.New(slog.DiscardHandler))
	lengths := map[int]bool{}
	for i := range 100 {
		request := httptest.NewRequest("GET", fmt.Sprintf("/%03d", i), nil)
		request.Header.Set("Accept-Encoding", "gzip")
		answer := httptest.NewRecorder()
		server.Handler.ServeHTTP(answer, request)
		lengths[answer.Body.Len()] = true
	}
	if len(lengths) < 15 {
		t.Errorf("a hundred answers have %d lengths", len(lengths))
	}
}

// BenchmarkCompressed answers with a list of 100 entries, plain and packed.
func BenchmarkCompressed(b *testing.B) {
	var list bytes.Buffer
	for i := range 100 {
		fmt.Fprintf(&list, `{"id":"0199a8c4-%04x-7%03x-8%03x-%012x","level":"warning","category_code":"gateway","category_name":"网关","message":"request %d to db-%d took %d ms, more than its share","source":"gateway","ip_address":"203.0.113.%d","request_id":"req-%x","timestamp":"2026-11-16T13:%02d:%02dZ"},`,
			i*7919%65536, i*31%4096, i*17%4096, i*104729, i*7, i%3, i*37%1000, i%256, i*7919*104729, i%60, i*7%60)
	}
	server := web.Server(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = w.Write(list.Bytes())
	}), web.Options{}, slog.New(slog.DiscardHandler))
	for _, accept := range []string{"identity", "gzip"} {
		b.Run(accept, func(b *testing.B) {
			request := httptest.NewRequest("GET", "/", nil)
			request.Header.Set("Accept-Encoding", accept)
			var sent int
			b.ReportAllocs()
			for b.Loop() {
				answer := httptest.NewRecorder()
				server.Handler.ServeHTTP(answer, request)
				sent = answer.Body.Len()
			}
			b.ReportMetric(float64(sent), "bytes")
		})
	}
}
