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
	"unicode/utf8"

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

// maxBody is how large a request's body may be, in bytes.
const maxBody = 16 << 20

// Options are what the handler needs beside the journal.
type Options struct {
	Production bool // callers who are not signed in get no introspection and no suggestions
}

// Handler serves GraphQL over HTTP: queries by GET, HEAD and POST, mutations by
// POST. It wants a request's principal in its context, as package authn puts it
// there, and answers a caller without one with errors.
//
// It replaces gqlgen's transports, which pass 55 of the 61 audits of the npm
// package graphql-http. A page of another site cannot make a browser run a
// mutation unasked: POST must be application/json, and GET changes nothing.
func Handler(j *journal.Journal, accounts *account.Accounts, log *slog.Logger, options Options) http.Handler {
	config := graph.Config{Schema: served(), Resolvers: &Resolver{Journal: j, Accounts: accounts}, Directives: directives}
	setComplexity(&config.Complexity)
	schema := graph.NewExecutableSchema(config)
	run := executor.New(schema)
	run.SetErrorPresenter(presenter(log))
	run.SetRecoverFunc(recovered(log))
	return &handler{&engine{
		schema: schema, executor: run, recover: recovered(log), present: presenter(log),
		listing: newListing(schema.Schema()), production: options.Production,
	}}
}

// served gives the schema without @defer, which the parser puts into every schema:
// an answer here comes in one piece, and what is deferred would be missing in it.
func served() *ast.Schema {
	schema := *graph.NewExecutableSchema(graph.Config{}).Schema()
	schema.Directives = maps.Clone(schema.Directives)
	delete(schema.Directives, "defer")
	return &schema
}

type handler struct{ engine *engine }

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
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", methods)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	media, acceptable := negotiate(r.Header.Values("Accept"))
	no := &refused{}
	var asked request
	switch busy := auth.Admit(r.Context()); {
	case r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodPost:
		no = badRequest(http.StatusMethodNotAllowed, "only GET, HEAD, OPTIONS and POST are served")
		no.allow = methods
	case !acceptable:
		no = badRequest(http.StatusNotAcceptable, "answers are %s or %s, in UTF-8", typeResponse, typeJSON)
	case busy != nil: // before there is anything to read and to check
		web.RetryAfter(w, busy)
		no = &refused{status: http.StatusTooManyRequests, errors: gqlerror.List{refuse(busy)}}
	case r.Method == http.MethodPost:
		asked, no = fromBody(w, r)
	default:
		asked, no = fromURL(r.URL)
	}
	if no != nil {
		write(w, r, media, no, nil, no.errors)
		return
	}
	operation, errs := h.engine.operation(r.Context(), asked)
	if errs != nil {
		write(w, r, media, &refused{}, nil, errs)
		return
	}
	if r.Method != http.MethodPost && operation.Operation.Operation != ast.Query {
		no = badRequest(http.StatusMethodNotAllowed, "only queries are answered by GET, send mutations by POST")
		no.allow = http.MethodPost
		write(w, r, media, no, nil, no.errors)
		return
	}
	if operation.Operation.Operation == ast.Subscription {
		no = badRequest(0, "a subscription has no single answer: this transport does not serve it")
		write(w, r, media, no, nil, no.errors)
		return
	}
	if operation.Operation.Operation == ast.Mutation {
		web.TakeTime(w, r) // a deletion may be long
	}
	answer := h.engine.run(r.Context(), operation)
	if answer == nil { // the time was up before it began
		write(w, r, media, &refused{status: http.StatusServiceUnavailable}, nil, gqlerror.List{refuse(context.Cause(r.Context()))})
		return
	}
	write(w, r, media, nil, answer.Data, answer.Errors)
}

// fromURL reads a request from a query string.
func fromURL(u *url.URL) (request, *refused) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return request{}, badRequest(http.StatusBadRequest, "the query string cannot be read")
	}
	members := make(map[string][]byte, 4)
	for _, name := range []string{"query", "operationName", "variables", "extensions"} {
		given := values[name]
		switch {
		case len(given) > 1:
			return request{}, badRequest(http.StatusBadRequest, "%s stands twice in the query string", name)
		case len(given) == 0, given[0] == "" && name != "query":
			continue
		case !utf8.ValidString(given[0]):
			return request{}, badRequest(http.StatusBadRequest, "%s is not valid UTF-8", name)
		}
		if name == "query" || name == "operationName" {
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
	body, err := web.ReadBody(w, r, maxBody)
	if err != nil {
		no := &refused{status: http.StatusBadRequest, errors: gqlerror.List{refuse(err)}}
		if fault.KindOf(err) == fault.TooLarge {
			no.status = http.StatusRequestEntityTooLarge
		}
		return request{}, no
	}
	body = bytes.TrimSpace(body)
	switch {
	case !utf8.Valid(body):
		return request{}, badRequest(http.StatusBadRequest, "the body is not valid UTF-8")
	case !json.Valid(body):
		return request{}, badRequest(http.StatusBadRequest, "the body is not valid JSON")
	case body[0] == '[':
		return request{}, badRequest(http.StatusBadRequest, "the body must be one request: batches of requests are not served")
	case body[0] != '{':
		return request{}, badRequest(http.StatusBadRequest, "the body must be a JSON object")
	}
	members, ok := membersOf(body)
	if !ok {
		return request{}, badRequest(http.StatusBadRequest, "the body names a member twice, or by half a surrogate pair")
	}
	return fromMembers(members)
}

// membersOf gives the members of a checked JSON object that are not null; false
// where two have one name.
func membersOf(object []byte) (map[string][]byte, bool) {
	members := make(map[string][]byte, 4)
	err := rawjson.Members(object, func(name string, value []byte) error {
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
	switch empty := strings.TrimSpace(asked.query) == ""; {
	case empty && asked.persisted == nil:
		return request{}, badRequest(http.StatusBadRequest, "there is no query")
	case empty:
		asked.query = ""
	case asked.persisted != nil && *asked.persisted != sha256.Sum256([]byte(asked.query)):
		return request{}, badRequest(http.StatusBadRequest, "extensions.persistedQuery.sha256Hash is not the SHA-256 of the query")
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
	var head bytes.Buffer
	head.WriteByte('{')
	if len(errs) > maxRunErrors {
		code, _ := errs[maxRunErrors].Extensions["code"].(string)
		errs = append(errs[:maxRunErrors:maxRunErrors], refusal(code, "and %d more errors", len(errs)-maxRunErrors))
	}
	if len(errs) > 0 {
		word(errs, web.Language(w, r, fault.English))
		head.WriteString(`"errors":`)
		encoder := json.NewEncoder(&head)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(errs); err != nil {
			panic(err) // strings and numbers always encode
		}
		head.Truncate(head.Len() - 1) // the line's end
	}
	if data != nil && len(errs) > 0 {
		head.WriteByte(',')
	}
	if data != nil {
		head.WriteString(`"data":`)
	}
	const tail = "}\n"

	header := w.Header()
	header.Set("Content-Type", media+"; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(head.Len()+len(data)+len(tail)))
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Add("Vary", "Accept")
	if no != nil && no.allow != "" {
		header.Set("Allow", no.allow)
	}
	w.WriteHeader(status(media, no))
	for _, part := range [][]byte{head.Bytes(), data, []byte(tail)} {
		if _, err := w.Write(part); err != nil {
			return // the caller has gone
		}
	}
}
