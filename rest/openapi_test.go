package rest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/db/dbtest"
	"logbook/internal/export"
	"logbook/internal/fault"
	"logbook/internal/metrics"
	"logbook/internal/web"
	"logbook/rest"
)

// described gives the description that a handler serves to nobody in particular,
// after it held against OpenAPI 3.1, its examples and defaults against their schemas.
func described(t *testing.T, handler http.Handler) *openapi3.T {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest("GET", "/openapi.json", nil))
	if got := recorder.Header().Get("Content-Type"); recorder.Code != 200 || got != "application/json; charset=utf-8" {
		t.Fatalf("answered %d, %s", recorder.Code, got)
	}
	document, err := openapi3.NewLoader().LoadFromData(recorder.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if !document.IsOpenAPI31OrLater() {
		t.Errorf("it is OpenAPI %s", document.OpenAPI)
	}
	if err := document.Validate(t.Context(), openapi3.EnableExamplesValidation(), openapi3.EnableMultiError()); err != nil {
		t.Error(err)
	}
	return document
}

// TestOpenAPI holds that the description is valid, whatever dialects are spoken, and
// is of those alone.
func TestOpenAPI(t *testing.T) {
	t.Parallel()
	all := rest.Dialects()
	choices := [][]string{nil, {}, all, {"newapi", "hertz"}}
	for _, name := range all {
		choices = append(choices, []string{name})
	}
	for _, spoken := range choices {
		t.Run(fmt.Sprint(spoken), func(t *testing.T) {
			t.Parallel()
			mux := http.NewServeMux()
			rest.Mount(mux, nil, rest.Options{Log: slog.New(slog.DiscardHandler), Dialects: spoken})
			document := described(t, mux)
			want := append(slices.Clone(spoken), "logbook")
			if spoken == nil {
				want = append(slices.Clone(all), "logbook")
			}
			var tags []string
			for _, tag := range document.Tags {
				tags = append(tags, tag.Name)
			}
			slices.SortFunc(want, func(a, b string) int { return slices.Index(all, a) - slices.Index(all, b) })
			slices.SortFunc(tags, func(a, b string) int { return slices.Index(all, a) - slices.Index(all, b) })
			if !slices.Equal(tags, want) {
				t.Errorf("the tags are %q, want %q", tags, want)
			}
			used := map[string]bool{}
			for _, item := range document.Paths.Map() {
				for _, operation := range item.Operations() {
					used[operation.Tags[0]] = true
				}
			}
			for name := range document.Components.Schemas {
				owner, _, _ := strings.Cut(name, ".")
				used[owner] = true
			}
			for _, name := range want {
				if !used[name] {
					t.Errorf("%s has no path", name)
				}
				delete(used, name)
			}
			if len(used) > 0 {
				t.Errorf("there is something of %v", slices.Collect(maps.Keys(used)))
			}
		})
	}
}

// TestOpenAPIKnowsTheExports holds that the description names the kinds that can be
// exported and their parameters.
func TestOpenAPIKnowsTheExports(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	rest.Mount(mux, nil, rest.Options{Log: slog.New(slog.DiscardHandler)})
	operation := described(t, mux).Paths.Value("/export/{kind}").Get
	want := map[string]bool{"kind": true, "format": true}
	var kinds []any
	for _, kind := range export.Kinds() {
		kinds = append(kinds, kind.Name)
		var own []string
		for _, field := range kind.Fields {
			want[field] = true
			if field != "since" && field != "until" {
				own = append(own, field)
			}
		}
		if line := "- " + kind.Name + ": " + strings.Join(own, ", ") + "\n"; !strings.Contains(operation.Description, line) {
			t.Errorf("the description lacks %q", line)
		}
	}
	for _, parameter := range operation.Parameters {
		name := parameter.Value.Name
		if !want[name] {
			t.Errorf("no kind knows %s", name)
		}
		delete(want, name)
		if name == "kind" && !slices.Equal(parameter.Value.Schema.Value.Enum, kinds) {
			t.Errorf("the kinds are %v, described %v", kinds, parameter.Value.Schema.Value.Enum)
		}
	}
	if len(want) > 0 {
		t.Errorf("undescribed: %v", slices.Collect(maps.Keys(want)))
	}
}

// TestOpenAPIFitsOwnPaths holds answers of the paths that are no dialect's against
// the description.
func TestOpenAPIFitsOwnPaths(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		w := newWorld(t, address, "2026-01-01T00:00:00Z", time.UTC)
		w.sow(t, seed{Audit: []json.RawMessage{json.RawMessage(`{"id": "1", "key": "ForgotPassword", "payload": {}, "created_at": "2026-01-01T00:00:00Z"}`)}})
		log, ready := slog.New(slog.DiscardHandler), error(nil)
		mux := http.NewServeMux()
		rest.Mount(mux, w.Journal, rest.Options{Log: log})
		export.Mount(mux, w.Journal, log)
		web.Health(mux, func(context.Context) error { return ready })
		metrics.New(metrics.Build{}).Mount(mux, log)
		handler := web.Server(mux, web.Options{}, log).Handler
		d := newDescription(described(t, handler))
		for _, e := range []struct {
			ctx    context.Context
			target string
			ready  error
			status int
			unsaid string
		}{
			{t.Context(), "/export/audit", nil, 401, ""},
			{auth.With(t.Context(), &auth.Principal{Subject: "1", Role: auth.Viewer}), "/export/audit", nil, 403, ""},
			{w.ctx, "/export/colours", nil, 404, ""},
			{auth.WithAdmission(w.ctx, func(context.Context) error {
				return &fault.Error{Kind: fault.TooMany, Sentence: fault.Say("too often"), After: time.Second}
			}), "/export/audit", nil, 429, ""},
			{w.ctx, "/export/audit?colour=red", nil, 400, "that other parameters are refused is not said"},
			{w.ctx, "/export/audit?key=ForgotPassword", nil, 200, ""},
			{w.ctx, "/export/audit/?format=csv&since=2026-01-01", nil, 200, ""},
			{t.Context(), "/readyz", errors.New("gone"), 503, ""},
			{t.Context(), "/readyz", nil, 200, ""},
			{t.Context(), "/healthz", nil, 200, ""},
			{t.Context(), "/metrics", nil, 200, ""},
			{t.Context(), "/openapi.json", nil, 200, ""},
		} {
			ready = e.ready
			request := httptest.NewRequestWithContext(e.ctx, "GET", e.target, nil)
			request.Header.Set("Authorization", "Bearer whatever") // the context says who it is
			recorder := httptest.NewRecorder()
			handler.ServeHTTP(recorder, request)
			if recorder.Code != e.status {
				t.Errorf("%s answered %d, want %d", e.target, recorder.Code, e.status)
			}
			d.check(t, request, recorder.Result(), recorder.Body.Bytes(), e.unsaid)
		}
	})
}

// description finds what is said of a request.
type description struct {
	document *openapi3.T
	paths    *http.ServeMux // whose patterns are the templates of OpenAPI
}

func newDescription(document *openapi3.T) *description {
	d := &description{document, http.NewServeMux()}
	for path := range document.Paths.Map() {
		path = strings.TrimSuffix(path, "/")
		d.paths.Handle(path, http.NotFoundHandler())
		d.paths.Handle(path+"/{$}", http.NotFoundHandler())
	}
	return d
}

// route gives what is said of a request. Where nothing is, because path or method is
// unknown, it gives the dialect's answer to that under the status 404 or 405.
func (d *description) route(t *testing.T, r *http.Request) (*routers.Route, map[string]string) {
	t.Helper()
	route := &routers.Route{Spec: d.document, Method: r.Method}
	if route.Method == http.MethodHead {
		route.Method = http.MethodGet
	}
	d.paths.ServeHTTP(httptest.NewRecorder(), r) // sets the pattern and the path's values
	template := strings.TrimSuffix(strings.TrimSuffix(r.Pattern, "{$}"), "/")
	refusal := ".UnknownPath"
	dialect := dialectOf(r.URL.Path)
	for path, item := range d.document.Paths.Map() {
		if template == "" || strings.TrimSuffix(path, "/") != template {
			continue
		}
		route.Path, route.PathItem = path, item
		refusal = ".WrongMethod"
		for _, operation := range item.Operations() {
			dialect = operation.Tags[0]
		}
		if route.Operation = item.GetOperation(route.Method); route.Operation != nil {
			values := map[string]string{}
			for _, parameter := range route.Operation.Parameters {
				if parameter.Value.In == "path" {
					values[parameter.Value.Name] = r.PathValue(parameter.Value.Name)
				}
			}
			return route, values
		}
	}
	response, known := d.document.Components.Responses[dialect+refusal]
	if !known {
		t.Fatalf("nothing is said of %s%s", dialect, refusal)
	}
	status := map[string]int{".UnknownPath": 404, ".WrongMethod": 405}[refusal]
	route.Operation = &openapi3.Operation{Responses: openapi3.NewResponses(openapi3.WithStatus(status, response))}
	return route, nil
}

// dialectOf gives the dialect that answers for an unknown path.
func dialectOf(path string) string {
	for _, one := range []struct{ base, dialect string }{
		{"/api/log", "newapi"}, {"/api/management/logs/entries", "scitiger"}, {"/api/v1/logs", "codebird"}, {"/openapi", "trae"},
	} {
		if path == one.base || strings.HasPrefix(path, one.base+"/") {
			return one.dialect
		}
	}
	return "nobody"
}

// check holds an exchange against the description: the answer's status, headers and
// body, and the request. One that is answered with what it asked for has to be valid,
// one that is refused for its parameters or body must not be, unless unsaid tells what
// the description has no words for.
func (d *description) check(t *testing.T, request *http.Request, response *http.Response, body []byte, unsaid string) {
	t.Helper()
	if request.Method == http.MethodOptions { // which the description's text answers for all paths
		if response.StatusCode != http.StatusNoContent || response.Header.Get("Allow") == "" && response.Header.Get("Access-Control-Allow-Methods") == "" {
			t.Errorf("OPTIONS answers %d, %v", response.StatusCode, response.Header)
		}
		return
	}
	route, values := d.route(t, request)
	asked := &openapi3filter.RequestValidationInput{
		Request: request, Route: route, PathParams: values, QueryParams: lastGiven(request.URL.Query()),
		Options: &openapi3filter.Options{MultiError: true, SkipSettingDefaults: true, AuthenticationFunc: sends, SchemaValidationOptions: formats()},
	}
	switch {
	case response.StatusCode < 300 && !bytes.Contains(body, []byte(`"success":false`)):
		if problems := slices.DeleteFunc(requestProblems(t, asked), meantWhenInvalid); len(problems) > 0 {
			t.Errorf("the request was answered, and the description refuses it: %v", problems)
		}
	case response.StatusCode == http.StatusBadRequest, response.StatusCode == http.StatusUnprocessableEntity,
		bytes.Contains(body, []byte(`"target timestamp is required"`)): // which newapi answers with 200
		if problems := requestProblems(t, asked); (len(problems) == 0) != (unsaid != "") {
			t.Errorf("the request was refused (%s); the description finds %v, and unsaid is %q", body, problems, unsaid)
		}
	}
	answered := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: asked, Status: response.StatusCode, Header: response.Header,
		Options: &openapi3filter.Options{
			MultiError: true, IncludeResponseStatus: true, SchemaValidationOptions: formats(),
			// HEAD has none, and NDJSON the validator cannot read.
			ExcludeResponseBody: request.Method == http.MethodHead || response.Header.Get("Content-Type") == "application/x-ndjson",
		},
	}
	if err := openapi3filter.ValidateResponse(t.Context(), answered.SetBodyBytes(body)); err != nil {
		t.Errorf("%d %s\n%v", response.StatusCode, body, err)
	}
}

// requestProblems gives what the description finds wrong with a request.
func requestProblems(t *testing.T, asked *openapi3filter.RequestValidationInput) openapi3.MultiError {
	t.Helper()
	if asked.Request.Header.Get("Content-Type") == "" {
		asked.Request.Header.Set("Content-Type", "application/json") // nobody looks at it
	}
	err := openapi3filter.ValidateRequest(t.Context(), asked)
	if err == nil {
		return nil
	}
	problems := openapi3.MultiError{err}
	errors.As(err, &problems)
	return problems
}

// meantWhenInvalid says whether a problem is with a parameter that says what it counts
// as when it is invalid: the legacy system took it so, and clients rely on it.
func meantWhenInvalid(problem error) bool {
	var refused *openapi3filter.RequestError
	return errors.As(problem, &refused) && refused.Parameter != nil && refused.Parameter.Extensions["x-when-invalid"] != nil
}

// lastGiven leaves blank parameters out and gives the last of repeated ones without
// the white space around it, as the dialects read them.
func lastGiven(query url.Values) url.Values {
	last := url.Values{}
	for name, values := range query {
		if value := strings.TrimSpace(values[len(values)-1]); value != "" {
			last.Set(name, value)
		}
	}
	return last
}

// sends says whether a request has the header of a security scheme.
func sends(_ context.Context, input *openapi3filter.AuthenticationInput) error {
	name := input.SecurityScheme.Name
	if input.SecurityScheme.Type == "http" {
		name = "Authorization"
	}
	if input.RequestValidationInput.Request.Header.Get(name) == "" {
		return fmt.Errorf("%s is missing", name)
	}
	return nil
}

// formats are the formats of text that the validator does not know by itself.
func formats() []openapi3.SchemaValidationOption {
	uuid := openapi3.NewCallbackValidator(func(text string) error {
		if _, ok := column.ParseID(text); !ok {
			return fmt.Errorf("%q is no UUID", text)
		}
		return nil
	})
	return []openapi3.SchemaValidationOption{openapi3.WithStringFormatValidator("uuid", uuid)}
}
