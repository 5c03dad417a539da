package resolvers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
	"logbook/internal/web"
)

// This file is GraphQL over WebSockets: the protocol graphql-transport-ws, as the
// npm package graphql-ws has it (PROTOCOL.md there), for operations of every kind.
//
// A socket has three sorts of goroutine. The request's own reads messages. One watches
// over it (guests.watch). Each operation has one, which prepares, runs and answers it.
// All write, one message at a time and in the order they come, so none starves; who
// takes a message too slowly is cut off, and goes on from the last cursor it got.
const subprotocol = "graphql-transport-ws"

// The codes that a socket is closed with: the protocol's and, below 4000, RFC 6455's.
const (
	closeGoingAway      = websocket.StatusGoingAway     // the server stops: come again
	closeTooLarge       = websocket.StatusMessageTooBig // by the library too
	closeTryAgain       = websocket.StatusTryAgainLater // nobody can tell who is calling
	closeBadMessage     = websocket.StatusCode(4400)    // none that the protocol knows
	closeNotInitialised = websocket.StatusCode(4401)    // subscribe before connection_ack
	closeForbidden      = websocket.StatusCode(4403)    // the credential is not accepted, or no longer
	closeSubprotocol    = websocket.StatusCode(4406)    // the caller does not speak graphql-transport-ws
	closeInitTimeout    = websocket.StatusCode(4408)    // no connection_init in time
	closeDuplicate      = websocket.StatusCode(4409)    // an operation of this id runs
	closeTwice          = websocket.StatusCode(4429)    // a second connection_init
)

// Limits of a socket.
const (
	maxFirstMessage = 64 << 10 // bytes; until it is known who is calling
	maxOperationID  = 256      // bytes
	maxCloseReason  = 123      // bytes, by RFC 6455
)

// closing is why a socket is to be closed.
type closing struct {
	code   websocket.StatusCode
	reason string
}

func badMessage(reason string) *closing { return &closing{closeBadMessage, reason} }

// socket is one connection.
type socket struct {
	server   *Server
	conn     *websocket.Conn
	language fault.Language
	heard    atomic.Int64 // when something came, in nanoseconds
	init     *time.Timer  // closes the socket of who says nothing
	begun    bool         // whether connection_init came; the reader's alone

	turn       sync.Mutex     // held while a message is written
	work       sync.WaitGroup // all goroutines but the reader
	goroutines atomic.Int64   // of operations, those that have ended but not yet said so among them

	mu         sync.Mutex
	ctx        context.Context // of the request, then of who signed in
	cancel     context.CancelFunc
	leaving    bool // the server stops, and nothing new begins
	operations map[string]*running
	requests   sync.WaitGroup // those that may be queries and mutations, which are let end
}

// running is an operation of a socket.
type running struct{ cancel context.CancelFunc }

// socket answers a request that begins a WebSocket, and returns when that has ended and
// nothing of it is left.
func (s *Server) socket(w http.ResponseWriter, r *http.Request) {
	leave, err := s.guests.enter()
	if err != nil {
		write(w, r, typeResponse, &refused{status: http.StatusServiceUnavailable}, nil, gqlerror.List{refuse(err)})
		return
	}
	defer leave()
	left, busy := s.guests.sockets.Enter(r.Context())
	if busy != nil {
		no := tooMany(w, busy)
		write(w, r, typeResponse, no, nil, no.errors)
		return
	}
	defer left()
	web.TakeTime(w, r)
	c := &socket{server: s, language: web.Language(w, r, fault.English), operations: map[string]*running{}}
	c.hear()
	// Which origins may connect is package web's to say, for streams and sockets alike.
	// Nothing is packed: messages are short, and a packer for each takes a lot of memory.
	if c.conn, err = websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{subprotocol}, InsecureSkipVerify: true,
		OnPongReceived: func(context.Context, []byte) { c.hear() },
	}); err != nil {
		return // which has answered
	}
	defer c.conn.CloseNow()
	if c.conn.Subprotocol() == "" {
		c.close(&closing{closeSubprotocol, "Subprotocol not acceptable"})
		return
	}
	c.serve(r.Context())
}

func (c *socket) hear() { c.heard.Store(time.Now().UnixNano()) }

// serve reads until the socket is closed, by whichever side.
func (c *socket) serve(request context.Context) {
	times := c.server.engine.times
	c.ctx, c.cancel = context.WithCancel(request)
	c.conn.SetReadLimit(maxFirstMessage)
	c.init = time.AfterFunc(times.Init, func() { c.close(&closing{closeInitTimeout, "Connection initialisation timeout"}) })
	c.work.Go(c.watch)
	for {
		message, err := c.read()
		if errors.Is(err, websocket.ErrMessageTooBig) {
			c.close(&closing{closeTooLarge, "Message too large"})
		}
		if err != nil {
			break
		}
		if why := c.take(message); why != nil {
			c.close(why)
			break
		}
	}
	c.init.Stop()
	c.cancel()
	_ = c.conn.CloseNow()
	c.work.Wait()
}

// watch looks after the socket: that its caller is signed in, is there, and hears when
// the server stops.
func (c *socket) watch() {
	keepAlive := c.server.engine.times.KeepAlive
	err := c.server.guests.watch(c.signedIn(), keepAlive, c.signedIn, func() {
		if time.Since(time.Unix(0, c.heard.Load())) > 2*keepAlive {
			_ = c.conn.CloseNow() // a dead peer takes no farewell
			return
		}
		c.work.Go(func() { // the pong is heard by the reader, whatever becomes of this
			ctx, cancel := context.WithTimeout(context.Background(), keepAlive)
			defer cancel()
			_ = c.conn.Ping(ctx)
		})
	})
	switch {
	case err == errStopping:
		c.finish()
		c.close(&closing{closeGoingAway, "The server stops, connect again"})
	case err != nil:
		c.close(&closing{closeForbidden, "Forbidden: " + fault.As(err).In(fault.English)})
	}
}

// signedIn gives the context of whoever is signed in by now.
func (c *socket) signedIn() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ctx
}

// finish lets queries and mutations that run end, for as long as a caller may take to
// take one answer; subscriptions have no end, and nothing new begins.
func (c *socket) finish() {
	c.mu.Lock()
	c.leaving = true
	c.mu.Unlock()
	ended := make(chan struct{})
	c.work.Go(func() { c.requests.Wait(); close(ended) })
	select {
	case <-ended:
	case <-c.signedIn().Done():
	case <-time.After(c.server.engine.times.Write):
	}
}

// close says farewell and closes the socket, and ends what runs on it; only the first
// call does.
func (c *socket) close(why *closing) {
	if c.cancel != nil {
		c.cancel()
	}
	_ = c.conn.Close(why.code, fault.Cut(why.reason, maxCloseReason))
}

// heardReader is a message on its way; what comes of it is a sign of life.
type heardReader struct {
	io.Reader
	heard func()
}

func (r heardReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.heard()
	return n, err
}

// read gives the next message. It is not ended by a context, since the library would
// close the socket without a farewell.
func (c *socket) read() ([]byte, error) {
	kind, reader, err := c.conn.Reader(context.Background())
	if err != nil {
		return nil, err
	}
	c.hear()
	late := time.AfterFunc(c.server.engine.times.Message, func() { _ = c.conn.CloseNow() })
	defer late.Stop()
	message, err := io.ReadAll(heardReader{reader, c.hear})
	if err == nil && kind != websocket.MessageText {
		message = nil // none that the protocol knows
	}
	return message, err
}

// take does what a message asks for, or says why the socket is to be closed.
func (c *socket) take(message []byte) *closing {
	message = bytes.TrimSpace(message)
	if !utf8.Valid(message) || !json.Valid(message) || message[0] != '{' {
		return badMessage("Messages are JSON objects, in UTF-8 and in frames of text")
	}
	members, ok := membersOf(message)
	if !ok {
		return badMessage("The message names a member twice, or too many")
	}
	var id string
	if raw := members["id"]; raw != nil {
		if raw[0] != '"' {
			return badMessage("The id must be a string")
		}
		if id, ok = rawjson.Text(raw); !ok || id == "" || len(id) > maxOperationID {
			return badMessage("The id must be of 1 to 256 bytes")
		}
	}
	payload := members["payload"]
	if payload != nil && payload[0] != '{' {
		return badMessage("The payload must be an object")
	}
	kind := ""
	if raw := members["type"]; raw != nil && raw[0] == '"' {
		kind, _ = rawjson.Text(raw)
	}
	switch kind {
	case "connection_init":
		return c.initialise(payload)
	case "ping":
		c.send("pong", "", nil)
		return nil
	case "pong":
		return nil
	case "subscribe", "complete":
		if id == "" {
			return badMessage("The message has no id")
		}
		if kind == "complete" {
			c.complete(id)
			return nil
		}
		return c.subscribe(id, payload)
	}
	return badMessage("The message has no type that this protocol knows")
}

// initialise signs the caller in.
func (c *socket) initialise(payload []byte) *closing {
	if c.begun {
		return &closing{closeTwice, "Too many initialisation requests"}
	}
	c.begun = true
	authorization := ""
	if payload != nil {
		members, ok := membersOf(payload)
		raw := members["Authorization"]
		if raw == nil {
			raw = members["authorization"]
		}
		if raw != nil && ok {
			if ok = raw[0] == '"'; ok {
				authorization, ok = rawjson.Text(raw)
			}
		}
		if !ok {
			return badMessage("The payload's Authorization must be a string")
		}
	}
	ctx := c.signedIn()
	if authorization != "" {
		ctx = auth.SignInWith(ctx, authorization)
	}
	if err := auth.Refused(ctx); fault.KindOf(err) == fault.Unauthenticated {
		return &closing{closeForbidden, "Forbidden: " + fault.As(err).In(fault.English)}
	} else if err != nil {
		return &closing{closeTryAgain, fault.As(err).In(fault.English)}
	}
	if !c.init.Stop() {
		return &closing{closeInitTimeout, "Connection initialisation timeout"}
	}
	c.mu.Lock()
	c.ctx = ctx
	c.mu.Unlock()
	c.conn.SetReadLimit(bodyLimit(ctx))
	c.send("connection_ack", "", nil)
	return nil
}

// subscribe begins an operation.
func (c *socket) subscribe(id string, payload []byte) *closing {
	if !c.begun {
		return &closing{closeNotInitialised, "Unauthorized"}
	}
	if payload == nil {
		return badMessage("The message has no payload")
	}
	members, ok := membersOf(payload)
	if !ok {
		return badMessage("The payload names a member twice, or too many")
	}
	asked, no := fromMembers(members)
	if no != nil {
		word(no.errors, fault.English)
		return badMessage("The payload is no request: " + no.errors[0].Message)
	}
	ctx, operation, why := c.begin(id)
	switch {
	case why != nil:
		return why
	case ctx == nil: // the socket is closed in a moment, and its caller comes again with this
		return nil
	case operation == nil:
		full := fault.New(fault.TooMany, "a socket has at most %d operations at once", maxOperations)
		c.send("error", id, [][]byte{encodeErrors(gqlerror.List{refuse(full)}, c.language)})
		return nil
	}
	c.work.Go(func() {
		defer c.goroutines.Add(-1)
		defer operation.cancel()
		endless := sync.OnceFunc(c.requests.Done)
		defer endless()
		c.operate(ctx, id, operation, asked, endless)
	})
	return nil
}

// begin makes room for an operation; no operation where there is none, and no context
// either where the server stops.
func (c *socket) begin(id string) (context.Context, *running, *closing) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.operations[id] != nil:
		return nil, nil, &closing{closeDuplicate, "Subscriber for " + fault.Cut(id, 80) + " already exists"}
	case c.leaving:
		return nil, nil, nil
	case len(c.operations) >= maxOperations || c.goroutines.Load() >= 2*maxOperations:
		return c.ctx, nil, nil
	}
	ctx, cancel := context.WithCancel(auth.NextRequest(c.ctx))
	operation := &running{cancel}
	c.operations[id] = operation
	c.goroutines.Add(1)
	c.requests.Add(1) // as long as nobody knows better; never once finish waits
	return ctx, operation, nil
}

// complete ends an operation that the caller wants no more of.
func (c *socket) complete(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if operation := c.operations[id]; operation != nil {
		operation.cancel()
		delete(c.operations, id)
	}
}

// ended forgets an operation, and says whether its caller still waits for it.
func (c *socket) ended(id string, operation *running) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.operations[id] != operation {
		return false
	}
	delete(c.operations, id)
	return true
}

// operate carries an operation out and answers it: with "next" for each answer and
// "complete" after the last, or with "error" where it is refused or breaks. Once begun
// has ended, because the caller wants no more or the socket closes, it says nothing: a
// "complete" would tell the caller not to come again. Whatever panics is logged and
// answered as INTERNAL, since nobody above would catch it. Endless is called for what a
// stopping server does not wait for.
func (c *socket) operate(begun context.Context, id string, as *running, asked request, endless func()) {
	engine := c.server.engine
	refused := func(errs gqlerror.List) {
		if begun.Err() == nil && c.ended(id, as) {
			c.send("error", id, [][]byte{encodeErrors(errs, c.language)})
		}
	}
	defer func() {
		if what := recover(); what != nil {
			refused(gqlerror.List{refuse(engine.recover(begun, what))})
		}
	}()
	if busy := auth.Admit(begun); busy != nil {
		refused(gqlerror.List{refuse(busy)})
		return
	}
	operation, errs := engine.operation(begun, asked)
	if errs != nil {
		refused(errs)
		return
	}
	kind := operation.Operation.Operation
	if kind == ast.Subscription {
		endless()
	}
	ctx, leave, busy := engine.enter(begun, kind)
	if busy != nil {
		refused(gqlerror.List{refuse(busy)})
		return
	}
	defer leave()
	next := engine.answers(ctx, operation)
	for answer := next(); answer != nil; answer = next() {
		switch {
		case begun.Err() != nil:
			return
		case answer.Data == nil: // it never began, or ends here
			refused(answer.Errors)
			return
		case !c.send("next", id, encode(answer.Data, answer.Errors, c.language)):
			return
		}
	}
	if begun.Err() == nil && c.ended(id, as) {
		c.send("complete", id, nil)
	}
}

// send writes a message, and says whether all is well; else the socket is closed.
func (c *socket) send(kind, id string, payload [][]byte) bool {
	var message bytes.Buffer
	message.WriteString(`{"type":"` + kind + `"`)
	if id != "" {
		encoded, _ := json.Marshal(id) // texts always encode
		message.WriteString(`,"id":`)
		message.Write(encoded)
	}
	if payload != nil {
		message.WriteString(`,"payload":`)
	}
	for _, part := range payload {
		message.Write(part)
	}
	message.WriteByte('}')

	c.turn.Lock()
	defer c.turn.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), c.server.engine.times.Write)
	defer cancel()
	if err := c.conn.Write(ctx, websocket.MessageText, message.Bytes()); err != nil {
		_ = c.conn.CloseNow()
		return false
	}
	return true
}
