// Package console serves the offline GraphQL playground at /playground.
//
// The page is GraphiQL, built by npm from the sources beside this file (`make
// console`) into dist/, which the binary embeds. Every file there is stored as
// its gzip: the binary carries a third of the bytes, and nearly every browser
// gets them as they are. The page asks nothing of any host but its own, and a
// strict Content-Security-Policy holds it to that.
//
// A binary built without npm has no page; /playground then says how to get it.
package console

import (
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"

	"logbook/internal/web"
)

// The all: prefix takes in dist/.keep, without which a fresh clone would have
// nothing to embed and would not compile.
//
//go:embed all:dist
var embedded embed.FS

//go:embed unbuilt.html
var unbuiltPage []byte

// root is where the page lives. vite.config.js names the same path as "base".
const root = "/playground"

// policy is the Content-Security-Policy of every answer, the workers' scripts
// included, since a worker obeys the policy it arrived with. Monaco needs the
// three exceptions: workers from blobs, inline styles, and a font and icons in
// data: URLs.
const policy = "default-src 'none'; script-src 'self'; worker-src 'self' blob:; " +
	"style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; " +
	"connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// Handler serves /playground and everything below it. It answers GET and HEAD
// (405 otherwise) and 404 for a path that the build does not hold. It checks no
// credentials: the files are public, and the page sends its token to /graphql
// itself. It expects the layer of package web around it, which says Vary. It is safe for concurrent use.
func Handler() http.Handler {
	dist, err := fs.Sub(embedded, "dist")
	if err != nil {
		panic(err) // Only for an invalid path, and this one is a constant.
	}
	h, err := newHandler(dist)
	if err != nil {
		panic(fmt.Sprintf("console: the embedded build is damaged: %v", err))
	}
	return h
}

// handler serves one build. It never changes after newHandler.
type handler struct {
	dist  fs.FS
	files map[string]file // by the path below root; the page is "index.html"
}

// file is what there is to know about a file before it is read.
type file struct {
	packed      string // name of the gzip in dist
	packedBytes int64
	contentType string
	etag        string
	immutable   bool // the name holds a hash of the content
}

// newHandler reads the list of files in dist and their checksums. A dist
// without index.html.gz is an unbuilt one, which is no error.
func newHandler(dist fs.FS) (*handler, error) {
	h := &handler{dist: dist, files: make(map[string]file)}
	err := fs.WalkDir(dist, ".", func(packed string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, ok := strings.CutSuffix(packed, ".gz")
		if !ok || entry.IsDir() {
			return nil
		}
		content, err := fs.ReadFile(dist, packed)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		h.files[name] = file{
			packed:      packed,
			packedBytes: int64(len(content)),
			contentType: contentType(name),
			// Weak, since the packed and the unpacked form share it.
			etag:      `W/"` + hex.EncodeToString(sum[:12]) + `"`,
			immutable: strings.HasPrefix(name, "assets/"),
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the playground's files: %w", err)
	}
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")

	if r.Method == http.MethodOptions {
		header.Set("Allow", web.ReadMethods)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", web.ReadMethods)
		http.Error(w, "the playground answers GET and HEAD only", http.StatusMethodNotAllowed)
		return
	}
	name, ok := fileName(r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	f, ok := h.files[name]
	switch {
	case ok:
		h.serveFile(w, r, f)
	case name == "index.html":
		serveUnbuilt(w)
	default:
		http.NotFound(w, r)
	}
}

// fileName returns the file that a request's path asks for. It reports false for
// a path that is not below root.
func fileName(urlPath string) (string, bool) {
	rest, ok := strings.CutPrefix(urlPath, root)
	switch {
	case !ok:
		return "", false
	case rest == "" || rest == "/":
		return "index.html", true
	case rest[0] != '/':
		return "", false // "/playgrounds"
	default:
		return rest[1:], true
	}
}

// serveFile sends f, packed to a client that takes gzip and unpacked to others.
func (h *handler) serveFile(w http.ResponseWriter, r *http.Request, f file) {
	header := w.Header()
	header.Set("ETag", f.etag)
	if f.immutable {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		// Kept, but asked about each time: the page names this build's files.
		header.Set("Cache-Control", "no-cache")
	}
	if matches(r.Header.Values("If-None-Match"), f.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}

	packed, err := h.dist.Open(f.packed)
	if err != nil {
		http.Error(w, "the playground's files cannot be read", http.StatusInternalServerError)
		return
	}
	defer packed.Close()

	var body io.Reader = packed
	if web.AcceptsGzip(r.Header.Values("Accept-Encoding")) {
		header.Set("Content-Encoding", "gzip")
		header.Set("Content-Length", strconv.FormatInt(f.packedBytes, 10))
	} else if body, err = gzip.NewReader(packed); err != nil {
		http.Error(w, "the playground's files cannot be read", http.StatusInternalServerError)
		return
	}
	header.Set("Content-Type", f.contentType)
	if r.Method == http.MethodHead {
		return
	}
	// An error here is a client that went away: the status is sent already.
	_, _ = io.Copy(w, body)
}

// serveUnbuilt explains how to build the playground. It is a 200, so that a
// browser, a person and a link checker all take it for the page that it is.
func serveUnbuilt(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store") // The next binary may have the real one.
	_, _ = w.Write(unbuiltPage)             // Which net/http holds back for HEAD.
}

// contentType returns the media type for a file's name. The types are listed
// here because package mime's table depends on the machine, and a browser
// refuses a module script of another type.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".ttf":
		return "font/ttf"
	case ".svg":
		return "image/svg+xml"
	default:
		return "application/octet-stream"
	}
}
