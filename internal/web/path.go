package web

import (
	"net/http"
	"net/url"
	"strings"

	"logbook/internal/fault"
)

// unknownParts stand for the part of a path that nobody knows. They are two, since
// one may be taken for an id.
const unknownParts = "-/-"

// cleanPaths keeps http.ServeMux from answering for itself, with a redirect in HTML
// that repeats the query, where a path has empty parts, "." or "..". What such a path
// means is not guessed: from the first such part on it is one that nobody knows, and the
// surface in front of that part answers so in its own words. RequestURI keeps what was
// sent.
func cleanPaths(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if known, clean := knownPart(r.URL.EscapedPath()); !clean {
			plain, _ := url.PathUnescape(known) // it is from EscapedPath
			asked := r.WithContext(r.Context())
			asked.URL = &url.URL{Path: plain + unknownParts, RawPath: known + unknownParts, RawQuery: r.URL.RawQuery}
			r = asked
		}
		next.ServeHTTP(w, r)
	})
}

// knownPart gives the beginning of a path, up to its first part that is empty, "." or
// "..", and whether it has none. The end behind a trailing slash is no part.
func knownPart(path string) (known string, clean bool) {
	if !strings.HasPrefix(path, "/") {
		return path, true // of "OPTIONS *"
	}
	parts := strings.Split(path[1:], "/")
	for i, part := range parts {
		if part == "." || part == ".." || part == "" && i < len(parts)-1 {
			return "/" + strings.Join(append(parts[:i:i], ""), "/"), false
		}
	}
	return path, true
}

// ReadOnly gives a handler for what can only be read: GET and HEAD are next's, OPTIONS
// learns the methods, and all others are refused.
func ReadOnly(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead:
			next(w, r)
		case http.MethodOptions:
			w.Header().Set("Allow", ReadMethods)
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Allow", ReadMethods)
			Refuse(w, r, http.StatusMethodNotAllowed, fault.Say("only GET, HEAD and OPTIONS are served here"))
		}
	})
}

// ReadMethods is what Allow says of what can only be read.
const ReadMethods = "GET, HEAD, OPTIONS"
