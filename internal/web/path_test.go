package web_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"logbook/internal/web"
)

// TestUncleanPaths asks for paths that http.ServeMux would clean, and wants the surface
// in front of the unclean part to answer.
func TestUncleanPaths(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	for _, pattern := range []string{"/", "/a/", "/a/b/", "/a/b/{id}", "/c"} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Pattern", pattern)
			w.Header().Set("Sent", r.RequestURI)
		})
	}
	server := web.Server(mux, web.Options{}, slog.New(slog.DiscardHandler))
	for path, want := range map[string]string{
		"/":            "/",
		"/c":           "/c",
		"/a/b/x":       "/a/b/{id}",
		"/a/b/x%2F%2F": "/a/b/{id}", // an id may hold anything
		"/a/b/%2e%2e":  "/a/b/{id}",
		"/a/b/...":     "/a/b/{id}",
		"/a/b/":        "/a/b/",

		"//":            "/",
		"//a/b/x":       "/",
		"/c//":          "/",
		"/./a/b/x":      "/",
		"/a//b/x":       "/a/",
		"/a/../a/b/x":   "/a/",
		"/a/b//":        "/a/b/",
		"/a/b/..":       "/a/b/",
		"/a/b/.":        "/a/b/",
		"/a/b//x?key=1": "/a/b/",
		"/a/b/x//":      "/a/b/",
		"/a/%62//x":     "/a/b/",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		parsed, err := url.Parse("http://h" + path)
		if err != nil {
			t.Fatal(err)
		}
		r.URL, r.RequestURI = parsed, path
		recorder := httptest.NewRecorder()
		server.Handler.ServeHTTP(recorder, r)
		if got := recorder.Header(); recorder.Code != 200 || got.Get("Pattern") != want || got.Get("Sent") != path {
			t.Errorf("%s: %d by %q as %q, want %q", path, recorder.Code, got.Get("Pattern"), got.Get("Sent"), want)
		}
	}
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	handler := web.ReadOnly(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for method, want := range map[string]int{"GET": 418, "HEAD": 418, "OPTIONS": 204, "POST": 405, "BREW": 405} {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(method, "/", nil))
		if recorder.Code != want || (want < 418) != (recorder.Header().Get("Allow") == "GET, HEAD, OPTIONS") {
			t.Errorf("%s: %d %v, want %d", method, recorder.Code, recorder.Header(), want)
		}
	}
}
