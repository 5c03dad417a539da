package console

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	pageText   = "<!doctype html><title>page</title>"
	scriptText = "export const answer = 42;"
)

// builtFS is a dist as the build leaves it.
func builtFS(t *testing.T) fs.FS {
	t.Helper()
	return fstest.MapFS{
		".keep":                      {},
		"index.html.gz":              {Data: packed(t, pageText)},
		"assets/index-AbC123.js.gz":  {Data: packed(t, scriptText)},
		"assets/index-AbC123.css.gz": {Data: packed(t, "body{}")},
		"assets/icons-AbC123.ttf.gz": {Data: packed(t, "\x00\x01\x00\x00")},
	}
}

func unbuiltFS() fs.FS { return fstest.MapFS{".keep": {}} }

func packed(t *testing.T, text string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// serve starts dist's handler on a real server, whose own client would hide
// what Accept-Encoding does, and returns a function that sends one request.
func serve(t *testing.T, dist fs.FS) func(method, path string, header http.Header) (*http.Response, string) {
	t.Helper()
	h, err := newHandler(dist)
	if err != nil {
		t.Fatal(err)
	}
	return serveHandler(t, h)
}

func serveHandler(t *testing.T, h http.Handler) func(method, path string, header http.Header) (*http.Response, string) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	client := &http.Client{
		Transport:     &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(client.CloseIdleConnections)
	return func(method, path string, header http.Header) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequest(method, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if header != nil {
			req.Header = header
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(body)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, dist := range map[string]fs.FS{"built": builtFS(t), "unbuilt": unbuiltFS()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			send := serve(t, dist)
			for _, tc := range []struct {
				method, path string
				status       int
			}{
				{"POST", "/playground", 405},
				{"PUT", "/playground/assets/index-AbC123.js", 405},
				{"DELETE", "/playground/", 405},
				{"OPTIONS", "/playground", 204},
				{"GET", "/", 404},
				{"GET", "/playgrounds", 404},
				{"GET", "/playground/nothing.js", 404},
				{"GET", "/playground/.keep", 404},
				{"GET", "/playground/assets", 404},
				{"GET", "/playground/assets/", 404},
				{"GET", "/playground/index.html.gz", 404},
				{"GET", "/playground//index.html", 404},
				{"GET", "/playground/assets/../index.html", 404},
				{"GET", "/playground/..%2f..%2fconsole.go", 404},
			} {
				resp, _ := send(tc.method, tc.path, nil)
				if resp.StatusCode != tc.status {
					t.Errorf("%s %s: status %d, want %d", tc.method, tc.path, resp.StatusCode, tc.status)
				}
				if allow := resp.Header.Get("Allow"); tc.status == 405 && allow != "GET, HEAD, OPTIONS" {
					t.Errorf("%s %s: Allow %q", tc.method, tc.path, allow)
				}
				if cc := resp.Header.Get("Cache-Control"); strings.Contains(cc, "immutable") {
					t.Errorf("%s %s: a refusal is cached: %q", tc.method, tc.path, cc)
				}
				checkSecurityHeaders(t, tc.method+" "+tc.path, resp)
			}
		})
	}
}

func TestBuilt(t *testing.T) {
	t.Parallel()
	send := serve(t, builtFS(t))
	const immutable = "public, max-age=31536000, immutable"
	for _, tc := range []struct {
		path, contentType, cache, body string
	}{
		{"/playground", "text/html; charset=utf-8", "no-cache", pageText},
		{"/playground/", "text/html; charset=utf-8", "no-cache", pageText},
		{"/playground/index.html", "text/html; charset=utf-8", "no-cache", pageText},
		{"/playground/assets/index-AbC123.js", "text/javascript; charset=utf-8", immutable, scriptText},
		{"/playground/assets/index-AbC123.css", "text/css; charset=utf-8", immutable, "body{}"},
		{"/playground/assets/icons-AbC123.ttf", "font/ttf", immutable, "\x00\x01\x00\x00"},
	} {
		for _, gzipped := range []bool{false, true} {
			header := http.Header{}
			if gzipped {
				header.Set("Accept-Encoding", "br, gzip")
			}
			resp, body := send("GET", tc.path, header)
			if resp.StatusCode != 200 {
				t.Fatalf("%s: status %d", tc.path, resp.StatusCode)
			}
			if got := resp.Header.Get("Content-Encoding"); (got == "gzip") != gzipped {
				t.Errorf("%s: Content-Encoding %q, gzip accepted: %v", tc.path, got, gzipped)
			}
			if gzipped {
				body = unpacked(t, body)
			}
			if body != tc.body {
				t.Errorf("%s: body %q, want %q", tc.path, body, tc.body)
			}
			for name, want := range map[string]string{
				"Content-Type": tc.contentType, "Cache-Control": tc.cache,
			} {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s: %s %q, want %q", tc.path, name, got, want)
				}
			}
			checkSecurityHeaders(t, tc.path, resp)

			head, headBody := send("HEAD", tc.path, header)
			if head.StatusCode != 200 || headBody != "" {
				t.Errorf("HEAD %s: status %d, body %q", tc.path, head.StatusCode, headBody)
			}
			for _, name := range []string{"Content-Type", "Content-Encoding", "ETag", "Cache-Control"} {
				if got, want := head.Header.Get(name), resp.Header.Get(name); got != want {
					t.Errorf("HEAD %s: %s %q, GET says %q", tc.path, name, got, want)
				}
			}
		}
	}
}

func TestNotModified(t *testing.T) {
	t.Parallel()
	send := serve(t, builtFS(t))
	resp, _ := send("GET", "/playground", nil)
	etag := resp.Header.Get("ETag")
	if etag == "" {
		t.Fatal("the page has no ETag")
	}
	for value, status := range map[string]int{
		`"other"`:                           200,
		"":                                  200,
		etag:                                304,
		strings.TrimPrefix(etag, "W/"):      304,
		`"other", ` + etag:                  304,
		"*":                                 304,
		strings.TrimSuffix(etag, `"`) + `x`: 200,
	} {
		resp, body := send("GET", "/playground", http.Header{"If-None-Match": {value}})
		if resp.StatusCode != status {
			t.Errorf("If-None-Match %q: status %d, want %d", value, resp.StatusCode, status)
		}
		if status == 304 && (body != "" || resp.Header.Get("ETag") != etag) {
			t.Errorf("If-None-Match %q: body %q, ETag %q", value, body, resp.Header.Get("ETag"))
		}
	}

	changed, err := newHandler(fstest.MapFS{"index.html.gz": {Data: packed(t, pageText+"!")}})
	if err != nil {
		t.Fatal(err)
	}
	resp, _ = serveHandler(t, changed)("GET", "/playground", http.Header{"If-None-Match": {etag}})
	if resp.StatusCode != 200 {
		t.Errorf("another build's page: status %d, want 200", resp.StatusCode)
	}
}

func TestUnbuilt(t *testing.T) {
	t.Parallel()
	send := serve(t, unbuiltFS())
	for _, path := range []string{"/playground", "/playground/", "/playground/index.html"} {
		resp, body := send("GET", path, nil)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Errorf("%s: status %d, type %q", path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		if got := resp.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", path, got)
		}
		for _, want := range []string{"make console", "restart", "curl ", "/graphql", "Authorization: Bearer"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the page does not say %q", path, want)
			}
		}
		// Self-contained, and within the policy, which allows no inline script.
		for _, unwanted := range []string{"<script", "src=", "@import", "url("} {
			if strings.Contains(body, unwanted) {
				t.Errorf("%s: the page has %q", path, unwanted)
			}
		}
		checkSecurityHeaders(t, path, resp)
		if head, body := send("HEAD", path, nil); head.StatusCode != 200 || body != "" {
			t.Errorf("HEAD %s: status %d, body %q", path, head.StatusCode, body)
		}
	}
}

// TestEmbedded holds for whatever this binary carries, built or not.
func TestEmbedded(t *testing.T) {
	t.Parallel()
	send := serveHandler(t, Handler())
	resp, page := send("GET", "/playground", nil)
	if resp.StatusCode != 200 {
		t.Fatalf("status %d", resp.StatusCode)
	}
	if page == string(unbuiltPage) {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI skips nothing: the playground is not built")
		}
		t.Skip("the playground is not built (make console)")
	}
	// Every file that the page names is there, and nothing is named elsewhere.
	found := 0
	for _, attr := range []string{`src="`, `href="`} {
		for rest := page; ; found++ {
			_, after, ok := strings.Cut(rest, attr)
			if !ok {
				break
			}
			target, tail, _ := strings.Cut(after, `"`)
			rest = tail
			if strings.HasPrefix(target, "data:") {
				continue
			}
			if !strings.HasPrefix(target, "/playground/assets/") {
				t.Errorf("the page names %q", target)
				continue
			}
			if resp, body := send("GET", target, nil); resp.StatusCode != 200 || body == "" {
				t.Errorf("%s: status %d, %d bytes", target, resp.StatusCode, len(body))
			}
		}
	}
	if found < 2 {
		t.Errorf("the page names %d files", found)
	}

	h := Handler().(*handler)
	var total int64
	for name, f := range h.files {
		total += f.packedBytes
		if strings.HasSuffix(name, ".map") {
			t.Errorf("%s: a source map is embedded", name)
		}
		if f.contentType == "application/octet-stream" {
			t.Errorf("%s: no content type is listed for it", name)
		}
	}
	if limit := int64(3 << 20); total > limit {
		t.Errorf("%d bytes are embedded, more than %d", total, limit)
	}
}

func checkSecurityHeaders(t *testing.T, what string, resp *http.Response) {
	t.Helper()
	csp := resp.Header.Get("Content-Security-Policy")
	for _, directive := range []string{
		"default-src 'none'", "script-src 'self'", "worker-src 'self' blob:",
		"style-src 'self' 'unsafe-inline'", "font-src 'self' data:", "connect-src 'self'",
		"img-src 'self' data:", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'",
	} {
		if !strings.Contains("; "+csp+";", "; "+directive+";") {
			t.Errorf("%s: the policy lacks %q: %q", what, directive, csp)
		}
	}
	if strings.Contains(csp, "unsafe-eval") {
		t.Errorf("%s: the policy allows eval", what)
	}
	if got := resp.Header.Get("X-Content-Type-Options"); got != "nosniff" {
		t.Errorf("%s: X-Content-Type-Options %q", what, got)
	}
	if got := resp.Header.Get("Referrer-Policy"); got != "no-referrer" {
		t.Errorf("%s: Referrer-Policy %q", what, got)
	}
}

func unpacked(t *testing.T, body string) string {
	t.Helper()
	r, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
