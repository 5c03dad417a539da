package cli

import (
	"net/http"
	"strings"

	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/web"
)

// Front mounts what answers where nothing else does: a browser that opens the
// root is sent to the playground, where there is one; all else is a 404.
func Front(mux *http.ServeMux, playground bool) {
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		reads := r.Method == http.MethodGet || r.Method == http.MethodHead
		if playground && r.URL.Path == "/" && reads && strings.Contains(r.Header.Get("Accept"), "text/html") {
			w.Header().Add("Vary", "Accept")
			http.Redirect(w, r, "/playground", http.StatusSeeOther)
			return
		}
		notFound(w, r)
	})
}

// SignedIn hides a handler from callers who are not signed in.
func SignedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if auth.From(r.Context()) == nil {
			notFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func notFound(w http.ResponseWriter, r *http.Request) {
	web.Refuse(w, r, http.StatusNotFound, fault.Say("there is nothing at this path"))
}
