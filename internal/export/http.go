package export

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
	"logbook/internal/web"
)

// base is the path under which the kinds stand.
const base = "/export/"

// Mount adds /export/{kind} to mux. It expects the caller's principal in the
// context (package authn) and the layer of package web around it.
func Mount(mux *http.ServeMux, j *journal.Journal, log *slog.Logger) {
	handler := web.Surface("export", Handler(j, log))
	mux.Handle(strings.TrimSuffix(base, "/"), handler) // else the mux would redirect in HTML
	mux.Handle(base, handler)
}

// Handler serves /export/{kind}, as the package's text says.
func Handler(j *journal.Journal, log *slog.Logger) http.Handler {
	s := &server{journal: j, log: log, kinds: map[string]*Kind{}}
	for _, kind := range Kinds() {
		s.kinds[kind.Name] = kind
		s.names = append(s.names, kind.Name)
	}
	return s
}

type server struct {
	journal *journal.Journal
	log     *slog.Logger
	kinds   map[string]*Kind
	names   []string
}

// format is a form of the answer.
type format struct {
	name, contentType string
	write             func(*Rows, context.Context, *stream) error
}

// formats are the forms, the default first.
var formats = []format{
	{"ndjson", "application/x-ndjson", func(r *Rows, ctx context.Context, s *stream) error { return r.WriteNDJSON(ctx, s) }},
	{"csv", "text/csv; charset=utf-8", func(r *Rows, ctx context.Context, s *stream) error { return r.WriteCSV(ctx, s) }},
}

// ServeHTTP answers one request.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", web.ReadMethods)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	rows, form, err := s.question(r)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	header := http.Header{}
	header.Set("Content-Type", form.contentType)
	header.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q",
		rows.kind.Name+"-"+s.journal.Now().In(s.journal.Zone()).Format(time.DateOnly)+"."+form.name))
	if r.Method == http.MethodHead {
		maps.Copy(w.Header(), header)
		w.WriteHeader(http.StatusOK)
		return
	}

	web.TakeTime(w, r)
	out := newStream(w, header, stall)
	err = form.write(rows, r.Context(), out)
	if err == nil {
		err = out.close()
	}
	switch {
	case err == nil:
	case out.begun():
		s.note(r, err, "an export broke off")
		panic(http.ErrAbortHandler) // ends the connection, so that half an export looks like one
	default:
		s.refuse(w, r, err)
	}
}

// errMethod refuses a method other than GET and HEAD.
var errMethod = fault.New(fault.Invalid, "an export is read with GET or HEAD")

// question reads a request, the gate first.
func (s *server) question(r *http.Request) (*Rows, format, error) {
	name := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, base), "/")
	kind, known := s.kinds[name]
	if !known {
		return nil, format{}, fault.New(fault.NotFound, "there is no such export; there are %s", strings.Join(s.names, ", "))
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil, format{}, errMethod
	}
	for _, need := range kind.Needs {
		if err := auth.Require(r.Context(), need); err != nil {
			return nil, format{}, err
		}
	}
	terms, form, err := readQuery(kind, r.URL.RawQuery)
	if err != nil {
		return nil, format{}, err
	}
	rows, err := kind.Rows(r.Context(), s.journal, terms)
	return rows, form, err
}

// readQuery reads a query's parameters: the format, and a term of each other. It
// refuses what the kind does not know.
func readQuery(kind *Kind, query string) (terms []Term, form format, err error) {
	form = formats[0]
	given := false // the format
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		rawName, rawValue, _ := strings.Cut(pair, "=")
		name, err := url.QueryUnescape(rawName)
		if err != nil {
			name = rawName // and unknown, whatever it was
		}
		value, badValue := url.QueryUnescape(rawValue)
		switch {
		case name != "format" && !slices.Contains(kind.Fields, name):
			name = fault.Shorten(strings.ToValidUTF8(name, "\ufffd"))
			return nil, form, fault.RefuseField(name, fault.Clash, "",
				"is no parameter of this export; there are format, %s", strings.Join(kind.Fields, ", "))
		case badValue != nil:
			return nil, form, fault.RefuseField(name, fault.Malformed, "", "well percent-encoded")
		case name != "format":
			terms = append(terms, Term{name, value})
		case given:
			return nil, form, fault.RefuseField(name, fault.Clash, "", "stands twice")
		default:
			at := slices.IndexFunc(formats, func(f format) bool { return f.name == value })
			if at < 0 {
				return nil, form, fault.RefuseField(name, fault.NotChoice, strings.ToValidUTF8(value, "\ufffd"), "%s", "ndjson, csv")
			}
			form, given = formats[at], true
		}
	}
	return terms, form, nil
}

// answers gives each kind of error its status and code. What is missing is
// internal.
var answers = map[fault.Kind]struct {
	status int
	code   string
}{
	fault.Invalid:         {http.StatusBadRequest, "BAD_USER_INPUT"},
	fault.Unauthenticated: {http.StatusUnauthorized, "UNAUTHENTICATED"},
	fault.Forbidden:       {http.StatusForbidden, "FORBIDDEN"},
	fault.NotFound:        {http.StatusNotFound, "NOT_FOUND"},
	fault.Unavailable:     {http.StatusServiceUnavailable, "UNAVAILABLE"},
	fault.TooMany:         {http.StatusTooManyRequests, "RATE_LIMITED"},
}

// refuse answers with an error. It shows neither causes nor the texts of internal
// errors.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		err = fault.Wrap(fault.Unavailable, err, "the caller left, or the answer took too long")
	}
	s.note(r, err, "an export failed")
	var shown struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	answer, known := answers[fault.KindOf(err)]
	language := web.Language(w, r, fault.English)
	shown.Error.Code, shown.Error.Message = answer.code, fault.As(err).In(language)
	switch {
	case !known:
		answer.status = http.StatusInternalServerError
		shown.Error.Code, shown.Error.Message = "INTERNAL", fault.Say("the server failed to answer; its log has the details").In(language)
	case errors.Is(err, errMethod):
		answer.status, shown.Error.Code = http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED"
		w.Header().Set("Allow", web.ReadMethods)
	case answer.status == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	web.RetryAfter(w, err)
	body, _ := json.Marshal(shown) // texts always encode
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(answer.status)
	_, _ = w.Write(append(body, '\n')) // fails only when the caller has left
}

// note logs an error that is not the caller's. That one left is no error.
func (s *server) note(r *http.Request, err error, what string) {
	level := slog.LevelError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded): // which also ends the context
		err = fmt.Errorf("the caller took nothing for %s: %w", stall, err)
		level = slog.LevelWarn
	case r.Context().Err() != nil:
		level = slog.LevelDebug
	case fault.KindOf(err) == fault.Unavailable:
		level = slog.LevelWarn
	case fault.KindOf(err) != fault.Internal:
		return
	}
	s.log.Log(r.Context(), level, what, "request_id", web.RequestID(r.Context()), "method", r.Method, "path", r.URL.Path, "error", err)
}
