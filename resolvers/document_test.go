package resolvers

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"logbook/internal/fault"
)

// TestInTurn wants no more than mostAtOnce fields of an operation at work at a time, that
// many where there are more, and none begun when the caller has gone.
func TestInTurn(t *testing.T) {
	t.Parallel()
	turn := inTurn()
	ctx := graphql.WithFieldContext(t.Context(), &graphql.FieldContext{IsResolver: true})
	var inside, done atomic.Int64
	var full, asking sync.WaitGroup
	full.Add(mostAtOnce)
	for range 10 * mostAtOnce {
		asking.Go(func() {
			_, err := turn(ctx, func(context.Context) (any, error) {
				if now := inside.Add(1); now > mostAtOnce {
					t.Errorf("%d fields at a time", now)
				}
				defer inside.Add(-1)
				if done.Add(1) <= mostAtOnce {
					full.Done()
					full.Wait()
				}
				return nil, nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	asking.Wait()

	left, leave := context.WithCancel(ctx)
	holding, release := make(chan struct{}, mostAtOnce), make(chan struct{})
	for range mostAtOnce {
		asking.Go(func() {
			_, _ = turn(ctx, func(context.Context) (any, error) { holding <- struct{}{}; <-release; return nil, nil })
		})
		<-holding
	}
	leave()
	if _, err := turn(left, func(context.Context) (any, error) { t.Error("it was begun"); return nil, nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone is told %v", err)
	}
	plain := graphql.WithFieldContext(ctx, &graphql.FieldContext{})
	if value, err := turn(plain, func(context.Context) (any, error) { return 1, nil }); value != 1 || err != nil {
		t.Errorf("a field that is there waits: %v %v", value, err)
	}
	close(release)
	asking.Wait()
}

// TestTimeIsUp wants whose time is up told so, and not that it went itself.
func TestTimeIsUp(t *testing.T) {
	t.Parallel()
	for cause, want := range map[error]string{
		context.DeadlineExceeded: "the answer took too long to work out, try again or ask for less",
		context.Canceled:         "the request was given up before it was answered",
	} {
		ctx, end := context.WithCancelCause(t.Context())
		end(cause)
		for _, err := range []error{ctx.Err(), fault.Wrap(fault.Unavailable, ctx.Err(), "the engine's words"), errors.New("what an engine made of it")} {
			shown := gqlerror.List{presenter(slog.New(slog.DiscardHandler))(ctx, err)}
			if word(shown, fault.English); shown[0].Message != want {
				t.Errorf("%v: %q, want %q", err, shown[0].Message, want)
			}
		}
	}
}
