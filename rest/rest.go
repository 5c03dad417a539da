// Package rest speaks the legacy REST dialects, so that old clients need not
// change. Each dialect is one file, readable beside its document: the routes in
// the document's order; then for each endpoint its parameters, its handler and
// its answer, fields in the document's order; last its envelope and its table of
// errors. Its names, defaults, caps and texts stand nowhere else.
//
// What the dialects share is small: this file has the route table, the mount and
// the gate; query.go and body.go read what callers send. A handler asks the
// journal and nothing below it; which rows a caller reaches is decided by the
// row policy, not here. Texts of errors that neither a document nor old clients fix
// follow Accept-Language; they are in English here, their Chinese is in package fault.
package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"logbook/ent"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
	"logbook/internal/web"
)

// dialect is what a document adds to the room. It is safe for concurrent use.
type dialect interface {
	// name is what --dialects calls it.
	name() string
	// base is the path, with its trailing slash, under which the dialect answers
	// for what is unknown. Where two dialects have the same one, the first answers.
	base() string
	// routes gives the document's endpoints, in its order.
	routes() []route
	// language is what its texts are in where the caller asks for no language.
	language() fault.Language
	// refusal words an error in the dialect's envelope. It shows neither causes
	// nor the texts of internal errors. Texts that the document or old clients fix
	// stand in it as they are; for all others say gives the caller's language.
	refusal(r *http.Request, err error, say wording) (status int, envelope any)
}

// wording words a sentence, as fault.Say makes it, in the caller's language.
type wording func(format string, args ...any) string

// Keys finds an access token, a gateway key too, by its key. It fails with kind
// NotFound for a key that is unknown, revoked or expired, and takes the same time
// whichever it is.
type Keys func(ctx context.Context, key string) (*ent.AccessToken, error)

// Options are what the dialects need beside the journal.
type Options struct {
	Log      *slog.Logger
	Keys     Keys
	Dialects []string      // those that are spoken; nil for all
	Calls    *CallRecorder // records the calls to the OpenAPI's paths; nil for nobody
}

// dialects lists the dialects there are.
func dialects(j *journal.Journal, keys Keys) []dialect {
	return []dialect{newapi{j, keys}, scitiger{j}, codebird{j}, hertz{j}, trae{j}}
}

// Dialects lists the names of the dialects there are.
func Dialects() []string {
	var names []string
	for _, d := range dialects(nil, nil) {
		names = append(names, d.name())
	}
	return names
}

// OpenPaths lists the paths, without a trailing slash, of the dialects that are
// spoken (nil for all) which callers need not be signed in for: their documents
// promise them to any origin.
func OpenPaths(spoken []string) []string {
	var paths []string
	for _, d := range dialects(nil, nil) {
		for _, line := range d.routes() {
			if line.need == anybody && (spoken == nil || slices.Contains(spoken, d.name())) {
				paths = append(paths, strings.TrimSuffix(line.path, "/"))
			}
		}
	}
	return paths
}

// route is one line of a dialect's table.
type route struct {
	method string
	path   string     // as the document writes it; wildcards are http.ServeMux's
	need   *auth.Need // what the gate asks of the caller: anybody, or more; nil opens the route to nobody
	serve  handler
}

// anybody stands in a route's need for callers who need not be signed in.
var anybody = &auth.Need{}

// handler answers a request that passed the gate. It writes an answer or gives an
// error, never both.
type handler func(w http.ResponseWriter, r *http.Request) error

// Errors of the mount, which each dialect words for itself.
var (
	errNoPath      = fault.New(fault.NotFound, "there is nothing at this path")
	errWrongMethod = fault.New(fault.Invalid, "this path does not know the method")
)

// Mount adds the dialects' paths to mux, each with and without its trailing
// slash, and their description at /openapi.json. It expects the caller's principal
// in the context (package authn) and the layer of package web around it.
func Mount(mux *http.ServeMux, j *journal.Journal, options Options) {
	mountOpenAPI(mux, options.Dialects)
	bases := map[string]bool{}
	for _, d := range dialects(j, options.Keys) {
		if options.Dialects != nil && !slices.Contains(options.Dialects, d.name()) {
			continue
		}
		m := mounted{d, options.Log}
		on, root := mux, strings.TrimSuffix(d.base(), "/")
		if _, records := d.(interface{ recordsCalls() }); records && options.Calls != nil {
			on = http.NewServeMux()
			recorded := options.Calls.Record(on)
			mux.Handle(root, recorded)
			mux.Handle(d.base(), recorded)
		}
		m.mount(on)
		if !bases[d.base()] {
			bases[d.base()] = true
			unknown := web.Surface(m.name(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.refuse(w, r, errNoPath) }))
			on.Handle(d.base(), unknown)
			if !slices.ContainsFunc(d.routes(), func(line route) bool { return strings.TrimSuffix(line.path, "/") == root }) {
				on.Handle(root, unknown) // else the mux would answer with a redirect
			}
		}
	}
}

// mounted is a dialect on a mux.
type mounted struct {
	dialect
	log *slog.Logger
}

func (m mounted) mount(mux *http.ServeMux) {
	paths := map[string]map[string]route{} // by path without its slash, then by method
	for _, line := range m.routes() {
		path := strings.TrimSuffix(line.path, "/")
		if paths[path] == nil {
			paths[path] = map[string]route{}
		}
		paths[path][line.method] = line
	}
	// No pattern names a method, and both forms of a path are there: else the mux
	// would answer for itself, with a redirect or in plain text.
	for path, methods := range paths {
		handler := web.Surface(m.name(), m.path(methods))
		mux.Handle(path, handler)
		mux.Handle(path+"/{$}", handler)
	}
}

// path serves one path: it finds the method's route, runs the gate, then the
// handler. HEAD is GET, whose body net/http holds back.
func (m mounted) path(methods map[string]route) http.Handler {
	allow := allowed(methods)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		line, known := methods[method]
		switch {
		case r.Method == http.MethodOptions:
			w.Header().Set("Allow", allow)
			w.WriteHeader(http.StatusNoContent)
			return
		case !known:
			w.Header().Set("Allow", allow)
			m.refuse(w, r, errWrongMethod)
			return
		}
		err := gate(r.Context(), line)
		if err == nil {
			err = line.serve(w, r)
		}
		if err != nil {
			m.refuse(w, r, err)
		}
	})
}

// allowed gives the Allow header of a path.
func allowed(methods map[string]route) string {
	list := []string{http.MethodOptions}
	for method := range methods {
		list = append(list, method)
		if method == http.MethodGet {
			list = append(list, http.MethodHead)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// gate passes callers who meet the route's need and do not ask too often. A route that declares none lets
// nobody in.
func gate(ctx context.Context, line route) error {
	if line.need == nil {
		return fault.New(fault.Internal, "the route %s %s declares no need", line.method, line.path)
	}
	if line.need == anybody {
		return auth.Admit(ctx)
	}
	return auth.Require(ctx, *line.need)
}

// refuse answers with an error in the dialect's envelope, and logs what is no
// fault of the caller's.
func (m mounted) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = fault.Wrap(fault.Unavailable, err, "the caller left, or the answer took too long")
	}
	level := slog.LevelError
	switch known := fault.As(err); {
	case known.Kind == fault.Unavailable && known.After > 0: // too much at once: the figures count it
	case known.Kind == fault.Unavailable:
		level = slog.LevelWarn
		fallthrough
	case known.Kind == fault.Internal:
		m.log.Log(r.Context(), level, "a REST request failed", "request_id", web.RequestID(r.Context()),
			"method", r.Method, "path", r.URL.Path, "error", err)
	}
	var spoken fault.Language
	status, envelope := m.refusal(r, err, func(format string, args ...any) string {
		if spoken == "" {
			spoken = web.Language(w, r, m.language())
		}
		return fault.Say(format, args...).In(spoken)
	})
	web.RetryAfter(w, err)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	if err := answer(w, status, envelope); err != nil {
		m.log.Error("an envelope does not encode", "request_id", web.RequestID(r.Context()), "error", err)
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// answer writes body as JSON, its texts unescaped but for what JSON itself wants.
// When it fails nothing is written.
func answer(w http.ResponseWriter, status int, body any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		return fmt.Errorf("encode an answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // fails only when the caller has left
	return nil
}
