package web

import (
	"context"
	"net/http"
)

// Watch answers as next does, then tells done the answer's status: 500 where next
// panicked before it wrote one, and the panic goes on. An answer that breaks off
// has the status it began with.
func Watch(w http.ResponseWriter, r *http.Request, next http.Handler, done func(status int)) {
	watched := &statusWriter{ResponseWriter: w}
	unwritten := http.StatusInternalServerError
	defer func() {
		if watched.status == 0 {
			watched.status = unwritten
		}
		done(watched.status)
	}()
	next.ServeHTTP(watched, r)
	unwritten = http.StatusOK // as net/http answers then
}

// statusWriter is a ResponseWriter that knows which status was written.
type statusWriter struct {
	http.ResponseWriter
	status int // 0 until one is written
}

// WriteHeader writes the status. Those below 200 only announce one, but for 101.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer below.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type surfaceKey struct{}

// WithSurface gives a context for a request, and where the name of the surface that
// answers it is found after that: "" where none gave its name (Surface).
func WithSurface(ctx context.Context) (context.Context, *string) {
	name := new(string)
	return context.WithValue(ctx, surfaceKey{}, name), name
}

// Surface gives a handler that answers as next does, under the name of the surface
// that next belongs to: graphql, export or a dialect's.
func Surface(name string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if found, ok := r.Context().Value(surfaceKey{}).(*string); ok {
			*found = name
		}
		next.ServeHTTP(w, r)
	})
}
