package resolvers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/journal"
	"logbook/internal/web"
	"logbook/resolvers"
)

// socket is a client's end of a WebSocket.
type socket struct {
	t    *testing.T
	conn *websocket.Conn
}

// patience is how long a test waits for what comes at once.
const patience = 20 * time.Second

// dial begins a WebSocket; header may be nil.
func dial(t *testing.T, url string, header http.Header) *socket {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: header})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(-1)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &socket{t, conn}
}

func bearer(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }

// send sends messages as they stand.
func (s *socket) send(messages ...string) {
	s.t.Helper()
	for _, message := range messages {
		ctx, cancel := context.WithTimeout(s.t.Context(), patience)
		err := s.conn.Write(ctx, websocket.MessageText, []byte(message))
		cancel()
		if err != nil {
			s.t.Fatal(err)
		}
	}
}

// read gives the next message as it stands, or why there is none.
func (s *socket) read() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, message, err := s.conn.Read(ctx)
	return string(message), err
}

// want wants the next messages to contain texts.
func (s *socket) want(texts ...string) (last string) {
	s.t.Helper()
	for _, text := range texts {
		message, err := s.read()
		if err != nil || !strings.Contains(message, text) {
			s.t.Fatalf("got %.500s, %v, want %s", message, err, text)
		}
		last = message
	}
	return last
}

// closed wants the server to close with a code, whatever it says before, and gives the
// reason.
func (s *socket) closed(code websocket.StatusCode) string {
	s.t.Helper()
	for {
		_, err := s.read()
		var closed websocket.CloseError
		switch {
		case err == nil:
		case !errors.As(err, &closed) || closed.Code != code:
			s.t.Fatalf("closed by %v, want %d", err, code)
		default:
			return closed.Reason
		}
	}
}

const initialise = `{"type":"connection_init"}`

// begin makes a socket that is signed in.
func begin(t *testing.T, url, token string) *socket {
	t.Helper()
	s := dial(t, url, nil)
	s.send(`{"type":"connection_init","payload":{"Authorization":"Bearer ` + token + `"}}`)
	s.want(`{"type":"connection_ack"}`)
	return s
}

// subscribe gives a message.
func subscribe(id, document string, variables ...string) string {
	query, _ := json.Marshal(document)
	return fmt.Sprintf(`{"type":"subscribe","id":%q,"payload":{"query":%s,"variables":{%s}}}`, id, query, strings.Join(variables, ","))
}

const follow = `subscription ($after: String) { entryAppended(after: $after) { cursor node { message } } }`

// liveCursor gives where to follow on from, so that no test depends on the moment.
func (s *server) liveCursor() string {
	s.t.Helper()
	var data struct{ Entries struct{ LiveCursor string } }
	s.must(adminToken, `{ entries { liveCursor } }`, nil, &data)
	return fmt.Sprintf(`"after":%q`, data.Entries.LiveCursor)
}

// open waits until so many subscriptions are open.
func open(t *testing.T, surface *resolvers.Server, want int64) {
	t.Helper()
	for deadline := time.Now().Add(patience); surface.Subscriptions() != want; {
		if time.Now().After(deadline) {
			t.Fatalf("%d subscriptions are open, want %d", surface.Subscriptions(), want)
		}
		<-time.After(time.Millisecond)
	}
}

// The codes and reasons a socket is closed with, as the protocol has them.
func TestSocketCloses(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		const query = `{"type":"subscribe","id":"1","payload":{"query":"{__typename}"}}`
		const endless = `{"type":"subscribe","id":"1","payload":{"query":"subscription { entryAppended { cursor } }"}}`
		signIn := `{"type":"connection_init","payload":{"authorization":"Bearer ` + adminToken + `"}}`
		for name, c := range map[string]struct {
			code     websocket.StatusCode
			reason   string
			messages []string
		}{
			"a second init":                 {4429, "Too many initialisation requests", []string{initialise, initialise}},
			"subscribe before init":         {4401, "Unauthorized", []string{query}},
			"an id that is in use":          {4409, "Subscriber for 1 already exists", []string{signIn, endless, endless}},
			"a long id that is in use":      {4409, "Subscriber for ééé", []string{signIn, strings.ReplaceAll(endless, `"1"`, `"`+strings.Repeat("é", 128)+`"`), strings.ReplaceAll(endless, `"1"`, `"`+strings.Repeat("é", 128)+`"`)}},
			"a bad credential":              {4403, "Forbidden: the access token", []string{`{"type":"connection_init","payload":{"Authorization":"Bearer lb_no"}}`}},
			"another scheme":                {4403, "Forbidden: the access token", []string{`{"type":"connection_init","payload":{"Authorization":"Basic eA=="}}`}},
			"a bad JWT":                     {4403, "Forbidden: the JWT", []string{`{"type":"connection_init","payload":{"Authorization":"Bearer ey.ey.ey"}}`}},
			"a credential that is none":     {4400, "Authorization must be a string", []string{`{"type":"connection_init","payload":{"Authorization":7}}`}},
			"a credential twice":            {4400, "Authorization must be a string", []string{`{"type":"connection_init","payload":{"a":1,"a":2}}`}},
			"a payload that is a string":    {4400, "payload must be an object", []string{`{"type":"connection_init","payload":"x"}`}},
			"no JSON":                       {4400, "JSON objects", []string{`hello`}},
			"nothing":                       {4400, "JSON objects", []string{``}},
			"an array":                      {4400, "JSON objects", []string{`[]`}},
			"no UTF-8":                      {4400, "JSON objects", []string{"{\"type\":\"\xff\"}"}},
			"a member twice":                {4400, "twice", []string{`{"type":"ping","type":"pong"}`}},
			"no type":                       {4400, "no type", []string{`{}`}},
			"a type that is a number":       {4400, "no type", []string{`{"type":1}`}},
			"an unknown type":               {4400, "no type", []string{`{"type":"start","id":"1"}`}},
			"a message of the server's":     {4400, "no type", []string{`{"type":"next","id":"1"}`}},
			"subscribe without id":          {4400, "has no id", []string{initialise, `{"type":"subscribe","payload":{"query":"{__typename}"}}`}},
			"an empty id":                   {4400, "The id", []string{initialise, `{"type":"subscribe","id":"","payload":{"query":"{__typename}"}}`}},
			"an id that is a number":        {4400, "The id", []string{initialise, `{"type":"subscribe","id":1,"payload":{"query":"{__typename}"}}`}},
			"an id that is too long":        {4400, "The id", []string{initialise, subscribe(strings.Repeat("i", 257), "{__typename}")}},
			"complete without id":           {4400, "has no id", []string{initialise, `{"type":"complete"}`}},
			"subscribe without payload":     {4400, "no payload", []string{initialise, `{"type":"subscribe","id":"1"}`}},
			"a payload without query":       {4400, "no query", []string{initialise, `{"type":"subscribe","id":"1","payload":{}}`}},
			"a query that is a number":      {4400, "must be a string", []string{initialise, `{"type":"subscribe","id":"1","payload":{"query":1}}`}},
			"variables that are none":       {4400, "must be an object", []string{initialise, `{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":"{}"}}`}},
			"a payload with a member twice": {4400, "twice", []string{initialise, `{"type":"subscribe","id":"1","payload":{"query":"{a}","query":"{b}"}}`}},
			"large before it is known whose": {websocket.StatusMessageTooBig, "", []string{
				`{"type":"connection_init","payload":{"x":"` + strings.Repeat("x", 64<<10) + `"}}`}},
			"larger than any request": {websocket.StatusMessageTooBig, "", []string{signIn, subscribe("1", strings.Repeat("x", 16<<20))}},
		} {
			client := dial(t, s.url, nil)
			if c.code != websocket.StatusMessageTooBig {
				client.send(c.messages...)
			} else { // the server may close while it is being sent
				client.send(c.messages[:len(c.messages)-1]...)
				go client.conn.Write(t.Context(), websocket.MessageText, []byte(c.messages[len(c.messages)-1]))
			}
			if reason := client.closed(c.code); !strings.Contains(reason, c.reason) || len(reason) > 123 {
				t.Errorf("%s: closed because of %q, want %q", name, reason, c.reason)
			}
		}

		binary := dial(t, s.url, nil)
		s.check(binary.conn.Write(t.Context(), websocket.MessageBinary, []byte(initialise)))
		binary.closed(4400)

		for _, spoken := range [][]string{nil, {"graphql-ws"}, {"chat", "soap"}} {
			conn, _, err := websocket.Dial(t.Context(), s.url, &websocket.DialOptions{Subprotocols: spoken})
			if err != nil {
				t.Fatal(err)
			}
			(&socket{t, conn}).closed(4406)
		}
		quick := s.serve(resolvers.Options{Times: resolvers.Times{Init: 20 * time.Millisecond}})
		dial(t, quick, nil).closed(4408)
		header := bearer("lb_no") // refused in the upgrade, said when it begins
		refused := dial(t, s.url, header)
		refused.send(initialise)
		refused.closed(4403)

		plain, err := http.NewRequestWithContext(t.Context(), "GET", s.url, nil)
		s.check(err)
		plain.Header.Set("Upgrade", "websocket")
		response, err := http.DefaultClient.Do(plain)
		s.check(err)
		if response.Body.Close(); response.StatusCode != http.StatusUpgradeRequired {
			t.Errorf("an upgrade without Connection: %d", response.StatusCode)
		}
	})
}

// Operations of every kind over one socket.
func TestSocketOperations(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		client := begin(t, s.url, adminToken)
		client.send(`{"type":"ping","payload":{"a":1}}`, `{"type":"pong"}`)
		client.want(`{"type":"pong"}`)

		client.send(subscribe("q", `{ __typename }`))
		client.want(`{"type":"next","id":"q","payload":{"data":{"__typename":"Query"}}}`, `{"type":"complete","id":"q"}`)
		client.send(subscribe("q", `mutation { createTenant(input: {name: "T"}) { tenant { name } } }`))
		client.want(`{"data":{"createTenant":{"tenant":{"name":"T"}}}}`, `{"type":"complete","id":"q"}`)
		client.send(subscribe("q", `{ nothing }`))
		client.want(`{"type":"error","id":"q","payload":[{"message":"Cannot query field`)
		client.send(subscribe("q", `query ($i: ID!) { entry(id: $i) { id } }`, `"i": 1`))
		client.want(`"code":"BAD_USER_INPUT"`)
		client.send(subscribe("q", `mutation { createTenant(input: {name: " "}) { tenant { name } } }`))
		client.want(`"type":"next","id":"q","payload":{"errors":[{`, `{"type":"complete","id":"q"}`)
		client.send(subscribe("q", `subscription { entryAppended(after: "no") { cursor } }`))
		client.want(`{"type":"error","id":"q","payload":[{`)
		client.send(`{"type":"complete","id":"of nothing"}`)

		after := s.liveCursor()
		client.send(subscribe("a", follow, after), subscribe("b", follow, after))
		s.append(journal.EntryDraft{Message: "one"}, journal.EntryDraft{Message: "two\n"})
		got := map[string][]string{}
		for range 4 {
			var message struct {
				Type, ID string
				Payload  struct {
					Data struct {
						EntryAppended struct{ Node struct{ Message string } }
					}
				}
			}
			text, err := client.read()
			s.check(err)
			s.check(json.Unmarshal([]byte(text), &message))
			got[message.ID] = append(got[message.ID], message.Payload.Data.EntryAppended.Node.Message)
		}
		for _, id := range []string{"a", "b"} {
			if fmt.Sprintf("%q", got[id]) != `["one" "two\n"]` {
				t.Errorf("%s follows %q", id, got[id])
			}
		}
		client.send(`{"type":"complete","id":"a"}`, subscribe("q", `{ __typename }`))
		client.want(`"id":"q"`, `{"type":"complete","id":"q"}`)
		s.append(journal.EntryDraft{Message: "three"})
		client.want(`"id":"b"`)
		client.send(subscribe("a", follow, after)) // its id is free, and it begins where it is told
		client.want(`"id":"a","payload":{"data":{"entryAppended"`)
		s.check(client.conn.Close(websocket.StatusNormalClosure, ""))
	})
}

// Who may on a socket: whoever its upgrade or its first message signs in.
func TestSocketSignIn(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		const me = `{ me { username } }`
		for name, c := range map[string]struct {
			header      http.Header
			init, wants string
		}{
			"nobody":                           {nil, initialise, `"UNAUTHENTICATED"`},
			"nobody, a blank credential":       {nil, `{"type":"connection_init","payload":{"Authorization":"Bearer "}}`, `"UNAUTHENTICATED"`},
			"nobody, null":                     {nil, `{"type":"connection_init","payload":{"Authorization":null}}`, `"UNAUTHENTICATED"`},
			"by the header":                    {bearer(adminToken), initialise, `"username":"admin"`},
			"by the header, the payload empty": {bearer(adminToken), `{"type":"connection_init","payload":{}}`, `"username":"admin"`},
			"by the payload":                   {nil, `{"type":"connection_init","payload":{"Authorization":"Bearer ` + adminToken + `"}}`, `"username":"admin"`},
			"by the payload, without Bearer":   {nil, `{"type":"connection_init","payload":{"authorization":"` + adminToken + `"}}`, `"username":"admin"`},
			"the payload is the later word":    {bearer("lb_no"), `{"type":"connection_init","payload":{"Authorization":"Bearer ` + adminToken + `"}}`, `"username":"admin"`},
		} {
			client := dial(t, s.url, c.header)
			client.send(c.init)
			client.want(`{"type":"connection_ack"}`)
			client.send(subscribe("1", me))
			if got, err := client.read(); err != nil || !strings.Contains(got, c.wants) {
				t.Errorf("%s: %s, %v, want %s", name, got, err, c.wants)
			}
		}
		client := dial(t, s.url, nil)
		client.send(initialise)
		client.want("connection_ack")
		client.send(subscribe("1", `subscription { entryAppended { cursor } }`))
		client.want(`{"type":"error","id":"1","payload":[{"message":"sign in first`)
	})
}

// Pages of which origins may connect, and that none uses a sign-in at the proxy of
// another.
func TestSocketOrigins(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		plain := func(next http.Handler) http.Handler { return next }
		var proxies web.Proxies
		s.check(proxies.UnmarshalText([]byte("127.0.0.1")))
		anybody, _ := s.serveIn(resolvers.Options{}, web.Options{Proxies: proxies}, plain)
		some, _ := s.serveIn(resolvers.Options{}, web.Options{Origins: []string{"https://good.example", "https://*.good.example"}, Proxies: proxies}, plain)
		alice := addUser(t, s, "alice", nil)
		own := func(url string) string { return strings.TrimSuffix(url, "/graphql") }
		for _, c := range []struct {
			url, origin string
			allowed     bool
		}{
			{anybody, "https://evil.example", true},
			{some, "https://evil.example", false},
			{some, "null", false},
			{some, "https://good.example.evil.example", false},
			{some, "https://good.example", true},
			{some, "https://www.good.example", true},
			{some, own(some), true},
			{some, "", true}, // no browser
		} {
			header := http.Header{}
			if c.origin != "" {
				header.Set("Origin", c.origin)
			}
			conn, response, err := websocket.Dial(t.Context(), c.url, &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: header})
			if c.allowed != (err == nil) || !c.allowed && response.StatusCode != http.StatusForbidden {
				t.Errorf("a page of %q connects: %v, want %t", c.origin, err, c.allowed)
			}
			if err == nil {
				conn.CloseNow()
			}
			if !c.allowed {
				continue
			}
			header.Set("X-Forwarded-User", "alice")
			client := dial(t, c.url, header)
			client.send(initialise)
			if foreign := c.origin != "" && c.origin != own(c.url); foreign {
				client.closed(4403)
			} else {
				client.want("connection_ack")
				client.send(subscribe("1", `{ me { id } }`))
				client.want(fmt.Sprintf(`"id":"User:%d"`, alice))
			}
		}
	})
}

// A socket and a stream end when what signed them in does, and with other rights than
// it had.
func TestLiveEnds(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		token := func(user int64) (key string, id int64) {
			t.Helper()
			token, key, err := s.accounts.AddToken(s.system, account.TokenDraft{
				UserID: user, Name: fmt.Sprint("t", user), Role: auth.User, Permissions: []auth.Permission{auth.EntriesRead},
			})
			s.check(err)
			return key, token.ID
		}
		user := addUser(t, s, "alice", nil)
		byToken, id := token(0)
		ofUser, _ := token(user)
		byJWT := s.soon(4 * time.Second)
		stays := begin(t, s.url, adminToken)
		stays.send(subscribe("1", follow))
		type live struct {
			name   string
			socket *socket
			stream *events
		}
		var all []live
		for name, key := range map[string]string{"a token": byToken, "a user's token": ofUser, "a JWT": byJWT} {
			one := live{name, begin(t, s.url, key), s.listen(key, s.url, follow)}
			one.socket.send(subscribe("1", follow), subscribe("2", `{ me { username } }`))
			one.socket.want(`"id":"2"`, `"complete","id":"2"`)
			all = append(all, one)
		}
		s.check(s.accounts.RevokeToken(s.system, id))
		s.check(s.accounts.DisableUser(s.system, user))
		for _, one := range all {
			if reason := one.socket.closed(4403); !strings.Contains(reason, "Forbidden: the ") {
				t.Errorf("%s: the socket is closed because of %q", one.name, reason)
			}
			if event := one.stream.next(); !strings.Contains(event, `"code":"UNAUTHENTICATED"`) {
				t.Errorf("%s: the stream says %s", one.name, event)
			}
			if event := one.stream.next(); event != "complete" {
				t.Errorf("%s: the stream goes on with %s", one.name, event)
			}
		}
		s.append(journal.EntryDraft{Message: "still"})
		stays.want(`"still"`)
	})
}

// A client that takes nothing is cut off, and holds up nobody else.
func TestSocketSlowClient(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		url, surface := s.serveIn(resolvers.Options{Times: resolvers.Times{Write: 300 * time.Millisecond}}, web.Options{},
			func(next http.Handler) http.Handler { return next })
		after := s.liveCursor()
		slow, quick := begin(t, url, adminToken), begin(t, url, adminToken)
		slowStream := s.listen(adminToken, url, follow, after)
		for _, client := range []*socket{slow, quick} {
			client.send(subscribe("1", follow, after))
		}
		open(t, surface, 3)
		text := strings.Repeat("x", 60<<10)
		for range 40 { // far more than the sockets' buffers hold
			drafts := make([]journal.EntryDraft, 10)
			for i := range drafts {
				drafts[i].Message = text
			}
			s.append(drafts...)
			for range drafts {
				quick.want(`"type":"next"`)
			}
		}
		open(t, surface, 1)
		s.append(journal.EntryDraft{Message: "the last"})
		quick.want(`"the last"`)
		for { // the slow one finds out when it reads again
			if _, err := slow.read(); err != nil {
				break
			}
		}
		if _, err := io.Copy(io.Discard, slowStream.body); err == nil {
			t.Error("the slow stream ended as if all were well")
		}
	})
}

// A peer that gives no sign of life is dropped; one that only answers pings is not.
func TestSocketKeepAlive(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		url, surface := s.serveIn(resolvers.Options{Times: resolvers.Times{KeepAlive: 100 * time.Millisecond}}, web.Options{},
			func(next http.Handler) http.Handler { return next })
		dead, alive := begin(t, url, adminToken), begin(t, url, adminToken)
		dead.send(subscribe("1", follow)) // and reads no more, so answers no ping
		alive.send(subscribe("1", follow))
		open(t, surface, 2)
		heard := make(chan error)
		go func() {
			_, err := alive.read()
			heard <- err
		}()
		open(t, surface, 1)
		s.append(journal.EntryDraft{Message: "still there"})
		if err := <-heard; err != nil {
			t.Errorf("who answers pings was dropped: %v", err)
		}
	})
}

// Clients that are killed leave nothing: the goroutines are counted when all tests have
// run, and here.
func TestLiveKilled(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		url, surface := s.serveIn(resolvers.Options{}, web.Options{}, func(next http.Handler) http.Handler { return next })
		const half = 100
		var mu sync.Mutex
		var conns []*net.TCPConn
		dialer := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			if err == nil {
				mu.Lock()
				defer mu.Unlock()
				conns = append(conns, conn.(*net.TCPConn))
			}
			return conn, err
		}, DisableKeepAlives: true}
		client := &http.Client{Transport: dialer}
		key := s.token(auth.User, nil, auth.EntriesRead)
		for range half {
			conn, _, err := websocket.Dial(t.Context(), url, &websocket.DialOptions{HTTPClient: client, Subprotocols: []string{"graphql-transport-ws"}})
			s.check(err)
			defer conn.CloseNow()
			one := &socket{t, conn}
			one.send(`{"type":"connection_init","payload":{"Authorization":"Bearer `+key+`"}}`, subscribe("1", follow))
			one.want("connection_ack")
			stream := s.listenBy(client, key, url, follow)
			defer stream.body.Close()
		}
		open(t, surface, 2*half)
		for _, conn := range conns {
			s.check(conn.SetLinger(0)) // a reset, as of a process that is killed on a machine that is not
			s.check(conn.Close())
		}
		open(t, surface, 0)
		surface.Stop() // waits for every goroutine of sockets and streams
	})
}

// When the server stops, sockets and streams are told to come again.
func TestLiveStops(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		url, surface := s.serveIn(resolvers.Options{}, web.Options{}, func(next http.Handler) http.Handler { return next })
		fresh, signedIn := dial(t, url, nil), begin(t, url, adminToken)
		const many = 90 // each of which could say that it is complete
		for i := range many {
			signedIn.send(subscribe(fmt.Sprint(i), follow))
		}
		stream := s.listen(adminToken, url, follow)
		open(t, surface, many+1)
		stopped := make(chan struct{})
		go func() { surface.Stop(); surface.Stop(); close(stopped) }()
		fresh.closed(websocket.StatusGoingAway)
		for {
			message, err := signedIn.read()
			if strings.Contains(message, "complete") {
				t.Errorf("a client that should come again is told %s", message)
			}
			if err != nil {
				if websocket.CloseStatus(err) != websocket.StatusGoingAway {
					t.Errorf("closed by %v", err)
				}
				break
			}
		}
		if rest := stream.next(); rest != "" {
			t.Errorf("the stream says %s", rest)
		}
		<-stopped
		if _, response, err := websocket.Dial(t.Context(), url, nil); err == nil || response.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("a socket is begun after the end: %v", err)
		}
	})
}

// What is too much is refused in words, and what else runs goes on.
func TestLiveLimits(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		limit := web.NewRateLimit(1000.0 / 10)
		noon := time.Now()
		limit.Now = func() time.Time { return noon }
		url, surface := s.serveIn(resolvers.Options{}, web.Options{}, limit.Middleware)
		key := s.token(auth.User, nil, auth.EntriesRead)
		var sockets []*socket
		for n := range 5 {
			client := begin(t, url, key)
			sockets = append(sockets, client)
			for i := range 100 {
				client.send(subscribe(fmt.Sprint(i), follow))
			}
			open(t, surface, int64(100*(n+1)))
		}
		sockets[0].send(subscribe("more", `{ __typename }`))
		sockets[0].want(`{"type":"error","id":"more","payload":[{"message":"a socket has at most 100 operations at once","extensions":{"code":"RATE_LIMITED"}}]}`)
		sixth := begin(t, url, key)
		sixth.send(subscribe("1", follow))
		sixth.want(`"RATE_LIMITED"`)
		if a := s.send("POST", url, map[string]string{"Authorization": "Bearer " + key, "Content-Type": "application/json", "Accept": "text/event-stream"},
			`{"query":"subscription { entryAppended { cursor } }"}`); a.status != http.StatusTooManyRequests || a.code() != "RATE_LIMITED" || a.header.Get("Retry-After") != "1" {
			t.Errorf("a stream beyond the limit: %d %s", a.status, a.body)
		}
		sixth.send(subscribe("1", `{ __typename }`)) // which counts apart
		sixth.want(`"next"`, `"complete"`)
		other := begin(t, url, adminToken)
		other.send(subscribe("1", follow))
		open(t, surface, 501)
		sockets[0].send(`{"type":"complete","id":"1"}`)
		open(t, surface, 500)
		sixth.send(subscribe("2", follow))
		open(t, surface, 501)

		// Each message is a request. 1,000 are admitted; the upgrades were somebody else's.
		for i := range 1000 {
			sixth.send(subscribe(fmt.Sprint("n", i), `{ __typename }`))
			if message, err := sixth.read(); err != nil {
				t.Fatal(err)
			} else if strings.Contains(message, `"you ask too often`) {
				if i < 480 || i > 500 {
					t.Errorf("the %dth of the rest is too many", i)
				}
				return
			}
			sixth.want(`"complete"`)
		}
		t.Error("nobody asks too often")
	})
}

// What panics on a socket before an operation runs takes nothing else with it.
func TestSocketPanics(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		var requests atomic.Int64
		url, _ := s.serveIn(resolvers.Options{}, web.Options{}, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r.WithContext(auth.WithAdmission(r.Context(), func(context.Context) error {
					if requests.Add(1) == 2 {
						panic("a bug")
					}
					return nil
				})))
			})
		})
		client := begin(t, url, adminToken)
		client.send(subscribe("1", `{ __typename }`))
		client.want(`{"type":"error","id":"1","payload":[{"message":"the server failed to answer; its log has the details","extensions":{"code":"INTERNAL"}}]}`)
		client.send(subscribe("1", `{ __typename }`))
		client.want(`"Query"`, `"complete"`)
		if !strings.Contains(s.log.String(), "a bug") {
			t.Error("the log does not say so")
		}
	})
}

// A mutation that was accepted ends and is answered though the server stops meanwhile,
// over a socket, wherever it stands by then, and as a stream of events.
func TestMutationsEndWhileTheServerStops(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		var requests atomic.Int64
		accepted, release := make(chan struct{}), make(chan struct{})
		url, surface := s.serveIn(resolvers.Options{}, web.Options{}, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("X-Held") == "" {
					next.ServeHTTP(w, r)
					return
				}
				next.ServeHTTP(w, r.WithContext(auth.WithAdmission(r.Context(), func(context.Context) error {
					if requests.Add(1) == 2 { // the first is the upgrade's
						accepted <- struct{}{}
						<-release
					}
					return nil
				})))
			})
		})
		const write = `mutation { createEntry(input: {message: "m"}) { entry { message } } }`
		fresh := dial(t, url, nil)
		held := dial(t, url, http.Header{"X-Held": {"yes"}, "Authorization": {"Bearer " + adminToken}})
		held.send(initialise)
		held.want("connection_ack")
		held.send(subscribe("1", write))
		<-accepted
		s.append(journal.EntryDraft{Message: "before"}) // so that there is a writer
		locked, unlock := make(chan struct{}), make(chan struct{})
		var lock sync.WaitGroup
		lock.Go(func() {
			// Nobody else commits meanwhile.
			if err := s.database.Write(s.system, func(tx *db.Tx) error {
				err := tx.Writer.Update().AddSequence(0).Exec(s.system)
				close(locked)
				<-unlock
				return err
			}); err != nil {
				t.Error(err)
			}
		})
		<-locked
		stream := s.listen(adminToken, url, write)
		stopped := make(chan struct{})
		go func() { surface.Stop(); close(stopped) }()
		fresh.closed(websocket.StatusGoingAway)
		close(release)
		close(unlock)
		lock.Wait()
		held.want(`"createEntry"`, `"complete"`)
		held.closed(websocket.StatusGoingAway)
		if event := stream.next(); !strings.Contains(event, `"createEntry"`) {
			t.Errorf("the stream says %s", event)
		}
		if event := stream.next(); !strings.Contains(event, "complete") {
			t.Errorf("the stream ends with %s", event)
		}
		<-stopped
	})
}
