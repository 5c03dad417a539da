package resolvers

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"logbook/graph"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
	"logbook/internal/rawjson"
	"logbook/internal/web"
)

// The limits of a request, beside those of its document.
const (
	maxBody      = 16 << 20  // bytes
	maxGuestBody = 512 << 10 // bytes, where nobody is signed in: enough for a document, however it is escaped
	maxMembers   = 10_000    // of an object around the document: variables, or nothing we know
)

// bodyLimit gives how large a request of a context's caller may be.
func bodyLimit(ctx context.Context) int64 {
	if auth.From(ctx) == nil {
		return maxGuestBody
	}
	return maxBody
}

// Options are what the server needs beside the journal.
type Options struct {
	Production bool                // callers who are not signed in get no introspection and no suggestions
	Documents  *PersistedDocuments // the only documents that may run, but for administrators; nil for any
	Times      Times
}

// Times are limits on time; one that is zero is the default.
type Times struct {
	Query     time.Duration // to work a query out: 30 s
	Mutation  time.Duration // to carry a mutation out: 10 min, since a deletion may be long
	Init      time.Duration // for a socket to say who it is: 10 s
	Message   time.Duration // for a socket to send one message: a minute
	Write     time.Duration // for a caller to take one message or event: 10 s
	KeepAlive time.Duration // between the signs of life on a socket or a stream: 20 s
}

func (t Times) orDefaults() Times {
	for _, one := range []struct {
		limit    *time.Duration
		standard time.Duration
	}{
		{&t.Query, 30 * time.Second}, {&t.Mutation, 10 * time.Minute}, {&t.Init, 10 * time.Second},
		{&t.Message, time.Minute}, {&t.Write, 10 * time.Second}, {&t.KeepAlive, 20 * time.Second},
	} {
		if *one.limit == 0 {
			*one.limit = one.standard
		}
	}
	return t
}

// Server serves GraphQL: queries by GET, HEAD and POST, mutations by POST, and
// subscriptions as a stream of events (sse.go); everything over WebSockets too
// (websocket.go). It wants a request's principal in its context, as package authn puts
// it there, and answers a caller without one with errors. It is safe for concurrent
// use.
//
// It replaces gqlgen's transports, which pass 55 of the 61 audits of the npm
// package graphql-http, and whose sockets close with other codes than the protocol's.
// A page of another site cannot make a browser run a mutation unasked: POST must be
// application/json, GET changes nothing, and no credential is a cookie.
type Server struct {
	engine *engine
	guests *guests
}

// Handler makes a server of the journal.
func Handler(j *journal.Journal, accounts *account.Accounts, log *slog.Logger, options Options) *Server {
	config := graph.Config{Schema: served(), Resolvers: &Resolver{Journal: j, Accounts: accounts}, Directives: directives}
	setComplexity(&config.Complexity)
	schema := graph.NewExecutableSchema(config)
	run := executor.New(schema)
	run.SetErrorPresenter(presenter(log))
	run.SetRecoverFunc(recovered(log))
	return &Server{
		engine: &engine{
			schema: schema, executor: run, recover: recovered(log), present: presenter(log),
			listing: newListing(schema.Schema()), production: options.Production,
			allowed: options.Documents, times: options.Times.orDefaults(),
			running: web.NewAtOnce(maxRunning), live: web.NewAtOnce(maxSubscriptions),
		},
		guests: newGuests(),
	}
}

// Subscriptions gives how many subscriptions are open.
func (s *Server) Subscriptions() int64 { return s.engine.live.Total() }

// served gives the schema without @defer, which the parser puts into every schema:
// an answer here comes in one piece, and what is deferred would be missing in it.
func served() *ast.Schema {
	schema := *graph.NewExecutableSchema(graph.Config{}).Schema()
	schema.Directives = maps.Clone(schema.Directives)
	delete(schema.Directives, "defer")
	return &schema
}

// methods is what Allow says.
const methods = "GET, HEAD, OPTIONS, POST"

// refused is a request that is not carried out.
type refused struct {
	status int    // 0: the document is refused, not the HTTP request
	allow  string // for 405
	errors gqlerror.List
}

func badRequest(status int, format string, args ...any) *refused {
	return &refused{status: status, errors: gqlerror.List{refusal(codeBadRequest, format, args...)}}
}

// status is the one place that chooses an HTTP status. The drafts of the
// specification differ: that of 2026 wants 422 for a document that is refused and
// 294 for an answer with errors, the audits want 400 and 200.
func status(media string, no *refused) int {
	switch {
	case no == nil:
		return http.StatusOK
	case no.status != 0:
		return no.status
	case media == typeResponse:
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", methods)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	media, streams, acceptable := negotiate(r.Header.Values("Accept"))
	no := &refused{}
	var asked request
	switch busy := auth.Admit(r.Context()); {
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		no = badRequest(http.StatusMethodNotAllowed, "only GET, HEAD, OPTIONS and POST are served")
		no.allow = methods
	case busy != nil: // before there is anything to read and to check
		no = tooMany(w, busy)
	case web.BeginsWebSocket(r):
		web.Surface(liveSurface, http.HandlerFunc(s.socket)).ServeHTTP(w, r)
		return
	case !acceptable && !streams:
		no = badRequest(http.StatusNotAcceptable, "answers are %s or %s, in UTF-8", typeResponse, typeJSON)
	case r.Method == http.MethodPost:
		asked, no = fromBody(w, r)
	default:
		asked, no = fromURL(r.URL)
	}
	if no != nil {
		write(w, r, media, no, nil, no.errors)
		return
	}
	operation, errs := s.engine.operation(r.Context(), asked)
	switch {
	case errs != nil && media == typeEvents:
		s.streamErrors(w, r, errs)
		return
	case errs != nil:
		write(w, r, media, &refused{}, nil, errs)
		return
	}
	kind := operation.Operation.Operation
	switch {
	case r.Method != http.MethodPost && kind == ast.Mutation:
		no = badRequest(http.StatusMethodNotAllowed, "only queries are answered by GET, send mutations by POST")
		no.allow = http.MethodPost
	case kind == ast.Subscription && !streams:
		no = badRequest(http.StatusNotAcceptable, "a subscription is answered by a stream of events: ask with Accept: %s, or over a WebSocket", typeEvents)
	case !acceptable && kind != ast.Subscription:
		no = badRequest(http.StatusNotAcceptable, "answers are %s or %s, in UTF-8", typeResponse, typeJSON)
	}
	if no != nil {
		write(w, r, media, no, nil, no.errors)
		return
	}
	ctx, end, busy := s.engine.enter(r.Context(), kind)
	if busy != nil {
		no = tooMany(w, busy)
		write(w, r, media, no, nil, no.errors)
		return
	}
	defer end()
	web.TakeTime(w, r) // enter gave it its own
	if kind == ast.Subscription || media == typeEvents {
		stream := func(w http.ResponseWriter, r *http.Request) { s.stream(ctx, w, r, operation) }
		web.Surface(liveSurface, http.HandlerFunc(stream)).ServeHTTP(w, r)
		return
	}
	answer := s.engine.run(ctx, operation)
	web.GiveTime(w, 0)
	if answer == nil { // the time was up before it began
		write(w, r, media, &refused{status: http.StatusServiceUnavailable}, nil, gqlerror.List{refuse(context.Cause(ctx))})
		return
	}
	write(w, r, media, postponed(w, operation, answer.Errors), answer.Data, answer.Errors)
}

// postponed asks for the request again, later, where the engine does not keep up: by
// Retry-After and, if nothing of it has been done, the status 503.
func postponed(w http.ResponseWriter, operation *graphql.OperationContext, errs gqlerror.List) *refused {
	for _, one := range errs {
		if fault.KindOf(one.Err) != fault.Unavailable || fault.As(one.Err).After == 0 {
			continue
		}
		web.RetryAfter(w, one.Err)
		fields := operation.Operation.SelectionSet
		if _, isField := fields[0].(*ast.Field); isField && len(fields) == 1 {
			return &refused{status: http.StatusServiceUnavailable}
		}
	}
	return nil
}

// tooMany refuses a caller who asks too often, or too much at once.
func tooMany(w http.ResponseWriter, busy error) *refused {
	web.RetryAfter(w, busy)
	return &refused{status: http.StatusTooManyRequests, errors: gqlerror.List{refuse(busy)}}
}

// fromURL reads a request from a query string.
func fromURL(u *url.URL) (request, *refused) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return request{}, badRequest(http.StatusBadRequest, "the query string cannot be read")
	}
	members := make(map[string][]byte, 4)
	for _, name := range []string{"query", "operationName", "variables", "extensions", "documentId"} {
		given := values[name]
		switch {
		case len(given) > 1:
			return request{}, badRequest(http.StatusBadRequest, "%s stands twice in the query string", name)
		case len(given) == 0, given[0] == "" && name != "query":
			continue
		case !utf8.ValidString(given[0]):
			return request{}, badRequest(http.StatusBadRequest, "%s is not valid UTF-8", name)
		}
		if name != "variables" && name != "extensions" {
			members[name], _ = json.Marshal(given[0])
			continue
		}
		raw := bytes.TrimSpace([]byte(given[0]))
		if !json.Valid(raw) {
			return request{}, badRequest(http.StatusBadRequest, "%s is not valid JSON", name)
		}
		members[name] = raw
	}
	return fromMembers(members)
}

// fromBody reads a request from a body.
func fromBody(w http.ResponseWriter, r *http.Request) (request, *refused) {
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset, given := parameters["charset"]
	if err != nil || media != typeJSON || given && !strings.EqualFold(charset, "utf-8") {
		return request{}, badRequest(http.StatusUnsupportedMediaType, "send the request as Content-Type: application/json, in UTF-8")
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return request{}, badRequest(http.StatusUnsupportedMediaType, "send the body without Content-Encoding")
	}
	body, err := web.ReadBody(w, r, bodyLimit(r.Context()))
	if err != nil {
		no := &refused{status: http.StatusBadRequest, errors: gqlerror.List{refuse(err)}}
		if fault.KindOf(err) == fault.TooLarge {
			no.status = http.StatusRequestEntityTooLarge
		}
		return request{}, no
	}
	body = bytes.TrimSpace(body)
	switch {
	case bytes.HasPrefix(body, []byte("[")):
		return request{}, badRequest(http.StatusBadRequest, "the body must be one request: batches of requests are not served")
	case !utf8.Valid(body):
		return request{}, badRequest(http.StatusBadRequest, "the body is not valid UTF-8")
	case !json.Valid(body):
		return request{}, badRequest(http.StatusBadRequest, "the body is not valid JSON")
	case body[0] != '{':
		return request{}, badRequest(http.StatusBadRequest, "the body must be a JSON object")
	}
	members, ok := membersOf(body)
	if !ok {
		return request{}, badRequest(http.StatusBadRequest, "the body names a member twice, or by half a surrogate pair, or has more than %d", maxMembers)
	}
	return fromMembers(members)
}

// membersOf gives the members of a checked JSON object that are not null; false
// where two have one name, or there are too many.
func membersOf(object []byte) (map[string][]byte, bool) {
	members, read := make(map[string][]byte, 4), 0
	err := rawjson.Members(object, func(name string, value []byte) error {
		if read++; read > maxMembers {
			return errTooMany
		}
		if !rawjson.IsNull(value) {
			members[name] = value
		}
		return nil
	})
	return members, err == nil
}

// fromMembers reads a request from its members, each checked JSON.
func fromMembers(members map[string][]byte) (request, *refused) {
	var texts [2]string
	for i, name := range []string{"query", "operationName"} {
		raw, given := members[name]
		if !given {
			continue
		}
		if raw[0] != '"' {
			return request{}, badRequest(http.StatusBadRequest, "%s must be a string", name)
		}
		text, ok := rawjson.Text(raw)
		if !ok {
			return request{}, badRequest(http.StatusBadRequest, "%s has half a surrogate pair", name)
		}
		texts[i] = text
	}
	for _, name := range []string{"variables", "extensions"} {
		if raw, given := members[name]; given && !rawjson.IsNull(raw) && raw[0] != '{' {
			return request{}, badRequest(http.StatusBadRequest, "%s must be an object", name)
		}
	}
	asked := request{query: texts[0], operationName: texts[1]}
	if raw := members["extensions"]; raw != nil && !rawjson.IsNull(raw) {
		var no *refused
		if asked.persisted, no = persistedQuery(raw); no != nil {
			return request{}, no
		}
	}
	if raw := members["documentId"]; raw != nil && !rawjson.IsNull(raw) {
		named, no := documentID(raw)
		switch {
		case no != nil:
			return request{}, no
		case asked.persisted != nil && *asked.persisted != *named:
			return request{}, badRequest(http.StatusBadRequest, "documentId and extensions.persistedQuery name different documents")
		}
		asked.persisted = named
	}
	switch empty := strings.TrimSpace(asked.query) == ""; {
	case empty && asked.persisted == nil:
		return request{}, badRequest(http.StatusBadRequest, "there is no query")
	case empty:
		asked.query = ""
	case asked.persisted != nil && *asked.persisted != sha256.Sum256([]byte(asked.query)):
		return request{}, badRequest(http.StatusBadRequest, "the SHA-256 beside the query is not that of the query")
	}
	if raw := members["variables"]; raw != nil && !rawjson.IsNull(raw) {
		asked.variables = raw
	}
	return asked, nil
}

// write answers. A request that is refused has no data; data that is there is
// written as the bytes it is, and not copied, since it may be large.
func write(w http.ResponseWriter, r *http.Request, media string, no *refused, data []byte, errs gqlerror.List) {
	if data == nil && no == nil {
		no = &refused{} // nothing ran
	}
	if media == typeEvents { // an error that is no event's
		media = typeResponse
	}
	language := fault.English
	if len(errs) > 0 {
		language = web.Language(w, r, fault.English)
	}
	parts := append(encode(data, errs, language), []byte("\n"))
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	header := w.Header()
	header.Set("Content-Type", media+"; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(length))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Add("Vary", "Accept")
	if no != nil && no.allow != "" {
		header.Set("Allow", no.allow)
	}
	w.WriteHeader(status(media, no))
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			return // the caller has gone
		}
	}
}

// encode gives an answer as JSON, in parts that follow each other. Data is nil where
// nothing ran.
func encode(data []byte, errs gqlerror.List, language fault.Language) [][]byte {
	parts := [][]byte{[]byte("{")}
	if len(errs) > 0 {
		parts = append(parts, []byte(`"errors":`), encodeErrors(errs, language))
	}
	if data != nil && len(errs) > 0 {
		parts = append(parts, []byte(","))
	}
	if data != nil {
		parts = append(parts, []byte(`"data":`), data)
	}
	return append(parts, []byte("}"))
}

// encodeErrors gives errors as JSON, worded in a language: the first ones, where there are
// many or they say much.
func encodeErrors(errs gqlerror.List, language fault.Language) []byte {
	text := []byte("[")
	for i, one := range errs {
		word(gqlerror.List{one}, language)
		next := encodeJSON(one)
		if i == maxRunErrors || i > 0 && len(text)+len(next) > maxAnswered {
			code, _ := one.Extensions["code"].(string)
			rest := refusal(code, "and %d more errors", len(errs)-i)
			word(gqlerror.List{rest}, language)
			return append(append(append(text, ','), encodeJSON(rest)...), ']')
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, next...)
	}
	return append(text, ']')
}

// encodeJSON gives what always encodes, made of texts and numbers, as JSON.
func encodeJSON(value any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err)
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}
