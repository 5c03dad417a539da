package resolvers

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"logbook/internal/fault"
	"logbook/internal/web"
)

// The codes of extensions.code; schema.graphqls says what each means.
const (
	codeUnauthenticated  = "UNAUTHENTICATED"
	codeForbidden        = "FORBIDDEN"
	codeBadUserInput     = "BAD_USER_INPUT"
	codeNotFound         = "NOT_FOUND"
	codeConflict         = "CONFLICT"
	codePayloadTooLarge  = "PAYLOAD_TOO_LARGE"
	codeUnavailable      = "UNAVAILABLE"
	codeRateLimited      = "RATE_LIMITED"
	codeInternal         = "INTERNAL"
	codeParseFailed      = "GRAPHQL_PARSE_FAILED"
	codeValidationFailed = "GRAPHQL_VALIDATION_FAILED"
	codeBadRequest       = "BAD_REQUEST"

	codePersistedQueryNotFound   = "PERSISTED_QUERY_NOT_FOUND"
	codePersistedQueryNotAllowed = "PERSISTED_QUERY_NOT_ALLOWED"
)

// codes gives each kind of fault its code. What is missing is INTERNAL.
var codes = map[fault.Kind]string{
	fault.Invalid:         codeBadUserInput,
	fault.Unauthenticated: codeUnauthenticated,
	fault.Forbidden:       codeForbidden,
	fault.NotFound:        codeNotFound,
	fault.Conflict:        codeConflict,
	fault.TooLarge:        codePayloadTooLarge,
	fault.Unavailable:     codeUnavailable,
	fault.TooMany:         codeRateLimited,
}

// Limits on what errors may say, so that an attack's answer stays small.
const (
	maxErrors    = 10       // of a document that is refused
	maxRunErrors = 50       // of one that ran
	maxProblems  = 50       // values refused in one error
	maxListed    = 6 << 10  // bytes of these, as JSON
	maxAnswered  = 15 << 10 // bytes of all errors of an answer
	maxMessage   = 300      // bytes
	maxLocations = 2
)

// refusal makes an error with a code. Like every error here it is worded when the
// answer is written.
func refusal(code, format string, args ...any) *gqlerror.Error {
	return &gqlerror.Error{Err: &fault.Error{Sentence: fault.Say(format, args...)}, Extensions: map[string]any{"code": code}}
}

// refuse gives an error of Logbook's own kinds as GraphQL shows it. What is of
// another kind is shown as INTERNAL, with a sentence that says nothing.
func refuse(err error) *gqlerror.Error {
	known := fault.As(err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return refusal(codeUnavailable, "the answer took too long to work out, try again or ask for less")
	case errors.Is(err, context.Canceled):
		return refusal(codeUnavailable, "the request was given up before it was answered")
	case codes[known.Kind] == "":
		return refusal(codeInternal, "the server failed to answer; its log has the details")
	}
	return &gqlerror.Error{Err: known, Extensions: map[string]any{"code": codes[known.Kind]}}
}

// word gives errors that refusal and refuse made their texts in a language.
func word(errs gqlerror.List, language fault.Language) {
	for _, shown := range errs {
		if shown.Err == nil {
			continue // gqlgen's own, which has its text
		}
		known := fault.As(shown.Err)
		if len(known.Problems) == 0 {
			shown.Message = clip(known.In(language))
			continue
		}
		texts := make([]string, 0, 4)
		listed := make([]map[string]any, 0, min(len(known.Problems), maxProblems))
		size := 0
		for i, p := range known.Problems {
			if i == maxProblems || size > maxListed {
				break
			}
			path, index := p.Field, p.Index
			p.Field, p.Index = "", -1
			one := map[string]any{"path": clip(path), "message": clip(p.In(language))}
			if index >= 0 {
				one["index"] = index
			}
			listed = append(listed, one)
			size += len(encodeJSON(one))
			if i < 3 {
				p.Field = path
				texts = append(texts, clip(p.In(language)))
			}
		}
		if more := len(known.Problems) - len(texts); more > 0 {
			texts = append(texts, fault.Say("and %d more", more).In(language))
		}
		shown.Message = strings.Join(texts, "; ")
		shown.Extensions["problems"] = listed
		shown.Extensions["problemCount"] = len(known.Problems)
	}
}

// place words an error's problems with the names of GraphQL: name gives a problem
// its place in the field's arguments. Other errors pass.
func place(err error, name func(*fault.Problem)) error {
	var known *fault.Error
	if !errors.As(err, &known) || len(known.Problems) == 0 {
		return err
	}
	placed := *known
	placed.Problems = slices.Clone(known.Problems)
	for i := range placed.Problems {
		name(&placed.Problems[i])
	}
	return &placed
}

// inInput places the problems of a mutation that takes one of a thing.
func inInput(p *fault.Problem) { p.Field, p.Index = "input."+camel(p.Field), -1 }

// camel gives a column's name as GraphQL has it: tenant_id becomes tenantId. What
// follows a dot is a path in somebody's JSON and stays.
func camel(field string) string {
	name, rest, found := strings.Cut(field, ".")
	parts := strings.Split(name, "_")
	for i := 1; i < len(parts); i++ {
		if parts[i] != "" {
			parts[i] = strings.ToUpper(parts[i][:1]) + parts[i][1:]
		}
	}
	if name = strings.Join(parts, ""); found {
		return name + "." + rest
	}
	return name
}

// clip cuts a text that may repeat what a caller wrote, on a rune's edge.
func clip(text string) string {
	if len(text) <= maxMessage {
		return text
	}
	return strings.ToValidUTF8(text[:maxMessage], "") + "…"
}

// presenter gives the errors of fields that ran; it is gqlgen's hook.
func presenter(log *slog.Logger) graphql.ErrorPresenterFunc {
	return func(ctx context.Context, err error) *gqlerror.Error {
		shown := refuse(err)
		if up := context.Cause(ctx); up != nil && (shown.Extensions["code"] == codeInternal || errors.Is(err, context.Canceled)) {
			shown = refuse(up) // whatever the engine made of it: the time was up, or the caller has gone
		}
		shown.Path = graphql.GetPath(ctx)
		var located *gqlerror.Error
		if errors.As(err, &located) {
			shown.Locations = located.Locations
		}
		var known *fault.Error
		switch level := slog.LevelWarn; shown.Extensions["code"] {
		case codeInternal:
			level = slog.LevelError
			fallthrough
		case codeUnavailable:
			if errors.As(err, &known) {
				if known.After > 0 {
					break // too much at once: the figures count it, and a line for each would be more of it
				}
				err = known // without the path, which is logged beside it
			}
			log.Log(ctx, level, "a GraphQL field failed", "request_id", web.RequestID(ctx),
				"path", shown.Path.String(), "error", err)
		}
		return shown
	}
}

// recovered turns a panic, which is a bug, into an internal error; the log has
// the stack. It is gqlgen's hook.
func recovered(log *slog.Logger) graphql.RecoverFunc {
	return func(ctx context.Context, what any) error {
		log.ErrorContext(ctx, "a GraphQL resolver panicked", "request_id", web.RequestID(ctx),
			"path", graphql.GetPath(ctx).String(), "panic", what, "stack", string(debug.Stack()))
		return fault.New(fault.Internal, "panic: %v", what)
	}
}

// documentErrors gives the parser's or the validator's errors a code and cuts
// them to size. They stay in the parser's English. Without hints they do not say what else there would have been.
func documentErrors(code string, list gqlerror.List, hints bool) gqlerror.List {
	shown := make(gqlerror.List, 0, min(len(list), maxErrors+1))
	for i, err := range list {
		if i == maxErrors {
			shown = append(shown, refusal(code, "and %d more errors", len(list)-i))
			break
		}
		message := err.Message
		if at := strings.Index(message, " Did you mean"); at >= 0 && !hints {
			message = message[:at]
		}
		one := refusal(code, "%s", message)
		one.Locations = err.Locations[:min(len(err.Locations), maxLocations)]
		shown = append(shown, one)
	}
	return shown
}

// at gives an error the place of the document that it is about.
func at(err *gqlerror.Error, position *ast.Position) *gqlerror.Error {
	if position != nil {
		err.Locations = []gqlerror.Location{{Line: position.Line, Column: position.Column}}
	}
	return err
}
