package resolvers

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"logbook/internal/fault"
	"logbook/internal/web"
)

// This file is GraphQL over Server-Sent Events, as the protocol of the npm package
// graphql-sse has it in its "distinct connections mode": one request, one operation,
// each answer an event "next", and "complete" after the last. What is refused before it
// runs is an event too, since a browser's EventSource hides every status but 200.

// eventStream writes events. It is safe for concurrent use.
type eventStream struct {
	w        http.ResponseWriter
	flush    *http.ResponseController
	language fault.Language
	limit    time.Duration // for the caller to take one event

	mu     sync.Mutex
	broken error // why nothing more is written
}

// openStream begins an answer of events.
func (s *Server) openStream(w http.ResponseWriter, r *http.Request) *eventStream {
	stream := &eventStream{
		w: w, flush: http.NewResponseController(w), limit: s.engine.times.Write,
		language: web.Language(w, r, fault.English),
	}
	header := w.Header()
	header.Set("Content-Type", typeEvents+"; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Accel-Buffering", "no") // nginx would wait for more
	header.Add("Vary", "Accept")
	w.WriteHeader(http.StatusOK)
	stream.write([]byte(":\n\n")) // the header goes now, however long the first event takes
	return stream
}

// write sends text to a caller who takes it in time, and says whether all is well.
func (e *eventStream) write(parts ...[]byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.broken != nil {
		return false
	}
	web.GiveTime(e.w, e.limit)
	for _, part := range parts {
		if _, e.broken = e.w.Write(part); e.broken != nil {
			return false
		}
	}
	e.broken = e.flush.Flush()
	return e.broken == nil
}

// next sends an answer, each line of its JSON as one of the event's: values that are
// kept as they came may have several.
func (e *eventStream) next(data []byte, errs gqlerror.List) bool {
	parts := [][]byte{[]byte("event: next\ndata: ")}
	for _, part := range encode(data, errs, e.language) {
		part = bytes.ReplaceAll(part, []byte("\r\n"), []byte("\n"))
		part = bytes.ReplaceAll(part, []byte("\r"), []byte("\n"))
		parts = append(parts, bytes.ReplaceAll(part, []byte("\n"), []byte("\ndata: ")))
	}
	return e.write(append(parts, []byte("\n\n"))...)
}

// complete says that there is nothing more. Without data EventSource would drop it.
func (e *eventStream) complete() { e.write([]byte("event: complete\ndata:\n\n")) }

// streamErrors answers with the errors of an operation that does not run.
func (s *Server) streamErrors(w http.ResponseWriter, r *http.Request, errs gqlerror.List) {
	stream := s.openStream(w, r)
	stream.next(nil, errs)
	stream.complete()
}

// stream carries an operation out and answers by events. It returns when the operation
// has ended, the caller has gone or takes nothing, or is signed in no longer, which is
// said. Where the server stops, a subscription breaks off without "complete", and its
// caller comes again.
func (s *Server) stream(ctx context.Context, w http.ResponseWriter, r *http.Request, operation *graphql.OperationContext) {
	leave, err := s.guests.enter()
	if err != nil {
		write(w, r, typeResponse, &refused{status: http.StatusServiceUnavailable}, nil, gqlerror.List{refuse(err)})
		return
	}
	defer leave()
	if r.Method == http.MethodHead {
		s.openStream(w, r)
		return
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	next := s.engine.answers(ctx, operation)
	stream := s.openStream(w, r) // so whoever has the header knows that the subscription has begun
	var work sync.WaitGroup
	all := false
	ended := make(chan struct{})
	work.Go(func() {
		defer close(ended)
		defer cancel(nil)
		for answer := next(); answer != nil; answer = next() {
			if !stream.next(answer.Data, answer.Errors) {
				return
			}
		}
		cause := context.Cause(ctx) // nothing, or its time was up, unless it is broken off
		all = cause == nil || cause == context.DeadlineExceeded
	})
	err = s.guests.watch(ctx, s.engine.times.KeepAlive, func() context.Context { return ctx }, func() {
		if !stream.write([]byte(":\n\n")) {
			cancel(nil)
		}
	})
	if err != nil && operation.Operation.Operation != ast.Subscription {
		select { // what has an end is let come to it, as over a socket
		case <-ended:
		case <-r.Context().Done():
		case <-time.After(s.engine.times.Write):
		}
	}
	cancel(err)
	if err != nil {
		_ = stream.flush.SetWriteDeadline(time.Now().Add(time.Second)) // who takes nothing now is not waited for
	}
	work.Wait()
	switch {
	case all && r.Context().Err() == nil:
		stream.complete()
	case err == errStopping:
	case err != nil:
		stream.next(nil, gqlerror.List{refuse(err)})
		stream.complete()
	}
}
