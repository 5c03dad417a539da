package resolvers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/complexity"
	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"logbook/internal/auth"
	"logbook/internal/rawjson"
	"logbook/internal/web"
)

// request is what a transport read: a document and what comes beside it.
type request struct {
	query         string  // "" where the document is named by persisted only
	persisted     *digest // of the document; nil where the caller sends none
	operationName string  // "" where the document has one operation
	variables     []byte  // checked JSON, an object; nil for none
}

// engine takes a request from its text to its answer. In place of the steps of
// gqlgen's executor up to running it has its own, since limits must be held
// between parsing and validating, and values checked before anything runs.
type engine struct {
	schema     graphql.ExecutableSchema
	executor   *executor.Executor
	recover    graphql.RecoverFunc
	present    graphql.ErrorPresenterFunc
	listing    listing
	production bool
	known      documents
	persisted  persistedQueries
	allowed    *PersistedDocuments // nil: any document may run
	times      Times
	running    *web.AtOnce // queries and mutations
	live       *web.AtOnce // subscriptions
}

// prepared is a document that has passed everything that does not depend on the
// request. It is shared and never changed.
type prepared struct {
	document    *ast.QueryDocument
	numbers     map[string]any
	introspects bool
}

// operation makes a request ready to run, or gives the errors for which it is
// refused. Nothing has run then.
func (e *engine) operation(ctx context.Context, r request) (*graphql.OperationContext, gqlerror.List) {
	anonymous := auth.From(ctx) == nil
	hints := !(e.production && anonymous)
	text, refused := e.text(ctx, r)
	if refused != nil {
		return nil, gqlerror.List{refused}
	}
	ready, problems := e.prepare(text, hints, !anonymous)
	if problems != nil {
		return nil, problems
	}
	if r.persisted != nil && !anonymous {
		e.persisted.add(*r.persisted, text)
	}
	if ready.introspects && e.production && anonymous {
		return nil, gqlerror.List{refusal(codeUnauthenticated, "only those who are signed in may ask about the schema here")}
	}
	chosen, err := choose(ready.document.Operations, r.operationName)
	if err != nil {
		return nil, gqlerror.List{err}
	}
	variables, problem := readVariables(e.schema.Schema(), ready, chosen, r.variables, hints)
	if problem != nil {
		return nil, gqlerror.List{refuse(problem)}
	}
	for digits, number := range ready.numbers {
		variables[digits] = number
	}
	count := complexity.Calculate(ctx, e.schema, chosen, variables)
	if ready.introspects {
		count += e.listing.complexity(chosen.SelectionSet)
	}
	if count > maxComplexity {
		return nil, gqlerror.List{refusal(codeValidationFailed,
			"the operation has a complexity of %d, more than %d: ask for smaller pages or fewer fields", count, maxComplexity)}
	}
	return &graphql.OperationContext{
		RawQuery: text, OperationName: r.operationName, Doc: ready.document, Operation: chosen,
		Variables: variables, RecoverFunc: e.recover,
		ResolverMiddleware: inTurn(),
		RootResolverMiddleware: func(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
			return next(ctx)
		},
	}, nil
}

// text gives the document that a request sends or names.
func (e *engine) text(ctx context.Context, r request) (string, *gqlerror.Error) {
	text := r.query
	if text == "" {
		if text = e.allowed.text(*r.persisted); text == "" {
			text = e.persisted.get(*r.persisted)
		}
	}
	switch {
	case !e.allowed.allow(auth.From(ctx), r):
		return "", refusal(codePersistedQueryNotAllowed, "only the documents of this server's list may be run here")
	case text == "":
		return "", refusal(codePersistedQueryNotFound, "%s", persistedQueryNotFound)
	}
	return text, nil
}

// enter takes the place that an operation has while it runs, and gives it its time. The
// place is kept until leave is called, which has to be once. It fails with kind TooMany
// where the caller has enough at work.
func (e *engine) enter(ctx context.Context, kind ast.Operation) (timed context.Context, leave func(), err error) {
	places, limit := e.running, e.times.Query
	switch kind {
	case ast.Mutation:
		limit = e.times.Mutation
	case ast.Subscription:
		places = e.live
	}
	left, err := places.Enter(ctx)
	if err != nil {
		return nil, nil, err
	}
	if kind == ast.Subscription {
		ctx, cancel := context.WithCancel(ctx)
		return ctx, func() { cancel(); left() }, nil
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	return ctx, func() { cancel(); left() }, nil
}

// mostAtOnce is how many fields of an operation are worked out at a time. Each holds a
// connection of the few for reading, of which other callers are to find one free, and
// as much memory as it reads, whatever the number of aliases.
const mostAtOnce = 2

// inTurn lets the fields of one operation that a resolver or a method answers wait for
// each other. None waits inside another: fields below one begin when it has ended.
func inTurn() graphql.FieldMiddleware {
	turns := make(chan struct{}, mostAtOnce)
	return func(ctx context.Context, next graphql.Resolver) (any, error) {
		if field := graphql.GetFieldContext(ctx); !field.IsResolver && !field.IsMethod {
			return next(ctx)
		}
		select {
		case turns <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		defer func() { <-turns }()
		return next(ctx)
	}
}

// run carries an operation out that has one answer; nil where the time was up before it
// began.
func (e *engine) run(ctx context.Context, operation *graphql.OperationContext) *graphql.Response {
	responses, ctx := e.executor.DispatchOperation(ctx, operation)
	return responses(ctx)
}

// answers begins an operation of any kind for a transport that sends answers one by
// one. Next is as subscribe says, for a query or a mutation of one answer; whatever
// panics is logged and answered as INTERNAL, since it may run outside any request.
func (e *engine) answers(ctx context.Context, operation *graphql.OperationContext) (next func() *graphql.Response) {
	more := func() *graphql.Response { return nil }
	if operation.Operation.Operation == ast.Subscription {
		more = e.subscribe(ctx, operation)
	}
	begun := false
	return func() (answer *graphql.Response) {
		defer func() {
			if what := recover(); what != nil {
				more = func() *graphql.Response { return nil }
				answer = &graphql.Response{Errors: gqlerror.List{refuse(e.recover(ctx, what))}}
			}
		}()
		if operation.Operation.Operation == ast.Subscription || begun {
			return more()
		}
		begun = true
		if answer = e.run(ctx, operation); answer == nil {
			answer = &graphql.Response{Errors: gqlerror.List{refuse(ctx.Err())}}
		}
		return answer
	}
}

// choose gives the operation that a request names.
func choose(operations ast.OperationList, name string) (*ast.OperationDefinition, *gqlerror.Error) {
	chosen := operations.ForName(name)
	switch {
	case chosen != nil:
		return chosen, nil
	case name == "":
		return nil, refusal(codeValidationFailed, "the document has several operations: name one as operationName")
	}
	return nil, refusal(codeValidationFailed, "the document has no operation %s", name)
}

// prepare parses and checks a document. With keep it is remembered.
func (e *engine) prepare(text string, hints, keep bool) (*prepared, gqlerror.List) {
	if ready := e.known.get(text); ready != nil {
		return ready, nil
	}
	if len(text) > maxDocument {
		return nil, gqlerror.List{refusal(codePayloadTooLarge, "the document is larger than %d bytes: send values as variables", maxDocument)}
	}
	if rawjson.LoneSurrogate([]byte(text)) {
		return nil, gqlerror.List{refusal(codeParseFailed, "a string in the document has half a surrogate pair")}
	}
	if refused := checkNames(text); refused != nil {
		return nil, gqlerror.List{refused}
	}
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxTokens)
	if err != nil {
		return nil, parseErrors(text, err, hints)
	}
	if len(document.Operations) == 0 {
		return nil, gqlerror.List{refusal(codeValidationFailed, "the document has no operation")}
	}
	introspects, refused := measure(document)
	if refused != nil {
		return nil, gqlerror.List{refused}
	}
	if errs := validator.ValidateWithRules(e.schema.Schema(), document, nil); len(errs) > 0 {
		return nil, documentErrors(codeValidationFailed, errs, hints)
	}
	if refused := checkSubscriptions(document); refused != nil {
		return nil, gqlerror.List{refused}
	}
	separateIDs(e.schema.Schema(), document)
	numbers, refused := checkLiterals(e.schema.Schema(), document)
	if refused != nil {
		return nil, gqlerror.List{refused}
	}
	ready := &prepared{document, numbers, introspects}
	if keep {
		e.known.add(text, ready)
	}
	return ready, nil
}

// parseErrors gives what the parser refuses.
func parseErrors(text string, err error, hints bool) gqlerror.List {
	var one *gqlerror.Error
	switch {
	case !errors.As(err, &one):
		one = gqlerror.Errorf("the document is not GraphQL")
	case one.Message == fmt.Sprintf("exceeded token limit of %d", maxTokens):
		return gqlerror.List{refusal(codePayloadTooLarge, "the document has more than %d tokens: send values as variables", maxTokens)}
	case strings.Contains(one.Message, "<Invalid>"): // the parser drops what the lexer said
		read := lexer.New(&ast.Source{Input: text})
		for {
			token, err := read.ReadToken()
			if errors.As(err, &one) || token.Kind == lexer.EOF {
				break
			}
		}
	}
	return documentErrors(codeParseFailed, gqlerror.List{one}, hints)
}

// documents remembers short documents of callers who are signed in, which send
// the same few all day. The zero value is ready; it is safe for concurrent use.
type documents struct {
	mu    sync.RWMutex
	known map[string]*prepared
}

// Limits on what is remembered: some 10 MiB at most, since a parsed document
// takes about ten times its text.
const (
	maxKnown      = 256
	maxKnownBytes = 4 << 10
)

func (d *documents) get(text string) *prepared {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.known[text]
}

func (d *documents) add(text string, ready *prepared) {
	if len(text) > maxKnownBytes {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known == nil || len(d.known) >= maxKnown {
		d.known = make(map[string]*prepared, maxKnown)
	}
	d.known[text] = ready
}
