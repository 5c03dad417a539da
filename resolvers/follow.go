package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"logbook/internal/fault"
	"logbook/internal/journal"
)

// subscribe begins an operation that is a subscription. Each call of next gives one
// answer, and waits for it; nil is the end. An answer without data is the last one and
// has only errors: the subscription was refused, or what it followed failed. Errors of
// single fields come in answers that have data.
//
// What follows the log is a goroutine of its own that waits, without buffer, until its
// row is taken, so a caller that is slow to call next falls behind and grows nothing. It
// ends with ctx, which the transport must cancel when the caller ends the operation,
// whether next is called again or not; then next gives nil. Next is for one goroutine at
// a time. Data is valid until next is called again.
func (e *engine) subscribe(ctx context.Context, operation *graphql.OperationContext) (next func() *graphql.Response) {
	following := &following{}
	responses, inner := e.executor.DispatchOperation(context.WithValue(ctx, followingKey{}, following), operation)
	if following.field != nil { // or the paths of errors would begin below it
		field := *following.field
		inner = graphql.WithFieldContext(inner, &field)
	}
	ended := false
	return func() *graphql.Response {
		if ended {
			return nil
		}
		answer := responses(inner)
		switch {
		case ctx.Err() != nil:
			answer = nil
		case answer == nil && following.failed != nil: // the channel is closed, so nobody writes it
			answer = &graphql.Response{Errors: gqlerror.List{e.present(inner, following.failed)}}
		}
		ended = answer == nil || answer.Data == nil
		return answer
	}
}

// following is what a subscription's resolver has to tell beside its channel, on which
// gqlgen lets it send rows only.
type following struct {
	field  *graphql.FieldContext
	failed error // set before the channel is closed
}

type followingKey struct{}

// follow gives the rows of a log as they are appended. The channel is closed when ctx
// ends and when following fails, of which subscribe hears.
func follow[R, D, F any](ctx context.Context, log *journal.Log[R, D, F], filter *F, after *string) (<-chan *journal.Appended[R], error) {
	inArguments := func(p *fault.Problem) {
		if p.Field != "after" {
			inFilter(p)
		}
	}
	f, subscribed := ctx.Value(followingKey{}).(*following)
	if !subscribed {
		return nil, fault.New(fault.Internal, "a subscription was begun otherwise than by subscribe")
	}
	rows, err := log.Follow(ctx, orAll(filter), after)
	if err != nil {
		return nil, place(err, inArguments)
	}
	f.field = graphql.GetFieldContext(ctx)
	channel := make(chan *journal.Appended[R])
	go func() {
		defer close(channel)
		defer func() {
			if what := recover(); what != nil {
				f.failed = graphql.GetOperationContext(ctx).Recover(ctx, what)
			}
		}()
		for row, err := range rows {
			if err != nil {
				f.failed = place(err, inArguments)
				return
			}
			select {
			case channel <- row:
			case <-ctx.Done():
				return
			}
		}
	}()
	return channel, nil
}

// checkSubscriptions wants one stream of each subscription of a valid document, whatever
// its variables are. The validator looks at the names of fields and passes one that
// stands twice under two aliases.
func checkSubscriptions(document *ast.QueryDocument) *gqlerror.Error {
	for _, operation := range document.Operations {
		if operation.Operation != ast.Subscription {
			continue
		}
		aliases := map[string]bool{}
		if refused := rootFields(operation.SelectionSet, aliases); refused != nil {
			return refused
		}
		if len(aliases) > 1 {
			return at(refusal(codeValidationFailed, "a subscription selects exactly one field"), operation.Position)
		}
	}
	return nil
}

// rootFields collects the aliases of the fields of a subscription.
func rootFields(set ast.SelectionSet, aliases map[string]bool) *gqlerror.Error {
	for _, selection := range set {
		var directives ast.DirectiveList
		var inside ast.SelectionSet
		switch selection := selection.(type) {
		case *ast.Field:
			aliases[selection.Alias] = true
			directives = selection.Directives
		case *ast.InlineFragment:
			directives, inside = selection.Directives, selection.SelectionSet
		case *ast.FragmentSpread:
			directives, inside = selection.Directives, selection.Definition.SelectionSet
		}
		if directives.ForName("skip") != nil || directives.ForName("include") != nil {
			return at(refusal(codeValidationFailed, "the field of a subscription takes no @skip and no @include"), selection.GetPosition())
		}
		if refused := rootFields(inside, aliases); refused != nil {
			return refused
		}
	}
	return nil
}
