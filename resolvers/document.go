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
}

// prepared is a document that has passed everything that does not depend on the
// request. It is shared and never changed.
type prepared struct {
	document    *ast.QueryDocument
	numbers     map[string]any
	uuids       map[*ast.OperationDefinition]map[string]bool
	introspects bool
}

// operation makes a request ready to run, or gives the errors for which it is
// refused. Nothing has run then.
func (e *engine) operation(ctx context.Context, r request) (*graphql.OperationContext, gqlerror.List) {
	anonymous := auth.From(ctx) == nil
	hints := !(e.production && anonymous)
	if r.query == "" {
		if r.query = e.persisted.get(*r.persisted); r.query == "" {
			return nil, gqlerror.List{refusal(codePersistedQueryNotFound, "%s", persistedQueryNotFound)}
		}
	}
	ready, refused := e.prepare(r.query, hints, !anonymous)
	if refused != nil {
		return nil, refused
	}
	if r.persisted != nil && !anonymous {
		e.persisted.add(*r.persisted, r.query)
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
		RawQuery: r.query, OperationName: r.operationName, Doc: ready.document, Operation: chosen,
		Variables: variables, RecoverFunc: e.recover,
		ResolverMiddleware: inTurn(),
		RootResolverMiddleware: func(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
			return next(ctx)
		},
	}, nil
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

// run carries an operation out.
func (e *engine) run(ctx context.Context, operation *graphql.OperationContext) *graphql.Response {
	responses, ctx := e.executor.DispatchOperation(ctx, operation)
	return responses(ctx)
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
	uuids := uuidVariables(e.schema.Schema(), document)
	numbers, refused := checkLiterals(e.schema.Schema(), document, uuids)
	if refused != nil {
		return nil, gqlerror.List{refused}
	}
	ready := &prepared{document, numbers, uuids, introspects}
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
