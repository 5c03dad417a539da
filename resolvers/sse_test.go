package resolvers_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"logbook/ent/column"
	"logbook/internal/journal"
	"logbook/internal/web"
	"logbook/resolvers"
)

// events is a client's end of a stream.
type events struct {
	t    *testing.T
	body io.ReadCloser
	scan *bufio.Scanner
}

// listen posts an operation, and reads its events.
func (s *server) listen(token, url, document string, variables ...string) *events {
	s.t.Helper()
	return s.listenBy(http.DefaultClient, token, url, document, variables...)
}

func (s *server) listenBy(client *http.Client, token, url, document string, variables ...string) *events {
	s.t.Helper()
	query, _ := json.Marshal(document)
	body := fmt.Sprintf(`{"query":%s,"variables":{%s}}`, query, strings.Join(variables, ","))
	r, err := http.NewRequestWithContext(s.t.Context(), "POST", url, strings.NewReader(body))
	s.check(err)
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Accept-Encoding", "gzip")
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return s.events(client, r)
}

func (s *server) events(client *http.Client, r *http.Request) *events {
	s.t.Helper()
	response, err := client.Do(r)
	s.check(err)
	if response.StatusCode != 200 || response.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" ||
		response.Header.Get("Content-Encoding") != "" || response.Header.Get("Cache-Control") != "no-store" {
		text, _ := io.ReadAll(response.Body)
		s.t.Fatalf("answered %d %v %s", response.StatusCode, response.Header, text)
	}
	s.t.Cleanup(func() { response.Body.Close() })
	scan := bufio.NewScanner(response.Body)
	scan.Buffer(nil, 1<<20)
	return &events{s.t, response.Body, scan}
}

// next gives the next event's data, "complete" for the last, "" where the stream ended,
// as a browser's EventSource reads them: an event without data is none.
func (e *events) next() string {
	e.t.Helper()
	kind, data, some := "message", []string{}, false
	for e.scan.Scan() {
		name, value, _ := strings.Cut(e.scan.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "event":
			kind = value
		case "data":
			data, some = append(data, value), true
		case "":
			if e.scan.Text() != "" || !some { // a comment, or nothing
				continue
			}
			switch kind {
			case "complete":
				return "complete"
			case "next":
				return strings.Join(data, "\n")
			}
			e.t.Fatalf("an event of the type %q", kind)
		default:
			e.t.Fatalf("a line %q", e.scan.Text())
		}
	}
	return ""
}

// want wants the next events to contain texts.
func (e *events) want(texts ...string) {
	e.t.Helper()
	for _, text := range texts {
		if got := e.next(); !strings.Contains(got, text) || got == "" {
			e.t.Fatalf("got %q, want %s", got, text)
		}
	}
}

// soon makes a JWT of somebody who reads entries, which is accepted for so long.
func (s *server) soon(lasts time.Duration) string {
	s.t.Helper()
	key, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": "0", "username": "test", "role": "user", "permissions": []string{"entries:read"},
		"exp": time.Now().Add(lasts - 10*time.Second).Unix(), // clocks may differ by so much
	}).SignedString([]byte(jwtSecret))
	s.check(err)
	return key
}

func TestStream(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.listen(adminToken, s.url, `{ __typename }`).want(`{"data":{"__typename":"Query"}}`, "complete")
		s.listen(adminToken, s.url, `{ nothing }`).want(`{"errors":[{"message":"Cannot query field`, "complete")
		s.listen("", s.url, `subscription { entryAppended { cursor } }`).want(`"code":"UNAUTHENTICATED"`, "complete")
		s.listen(adminToken, s.url, `subscription { entryAppended(after: "no") { cursor } }`).want(`"code":"BAD_USER_INPUT"`, "complete")
		s.listen(adminToken, s.url, `mutation { createTenant(input: {name: "T"}) { tenant { name } } }`).want(`{"data":{"createTenant"`, "complete")

		// A stream gives what is appended, in whatever lines it came.
		stream := s.listen(adminToken, s.url, `subscription { entryAppended { node { message metadata } } }`)
		const metadata = "{\"a\":\r\n 1,\"b\"\r:\n2}"
		s.append(journal.EntryDraft{Message: "one\ntwo\r\n", Metadata: column.JSON(metadata)})
		text := stream.next()
		var got struct {
			Data struct {
				EntryAppended struct {
					Node struct {
						Message  string
						Metadata json.RawMessage
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.Data.EntryAppended.Node.Message != "one\ntwo\r\n" ||
			string(got.Data.EntryAppended.Node.Metadata) != "{\"a\":\n 1,\"b\"\n:\n2}" {
			t.Errorf("%v: %s", err, text)
		}

		// By GET, as EventSource asks.
		get := func(method, document, accept string) *http.Request {
			r, err := http.NewRequestWithContext(t.Context(), method, s.url+"?"+url.Values{"query": {document}}.Encode(), nil)
			s.check(err)
			r.Header.Set("Accept", accept)
			r.Header.Set("Authorization", "Bearer "+adminToken)
			return r
		}
		const document = `subscription { entryAppended { node { message } } }`
		byGet := s.events(http.DefaultClient, get("GET", document, "text/event-stream"))
		s.append(journal.EntryDraft{Message: "by GET"})
		byGet.want(`{"data":{"entryAppended":{"node":{"message":"by GET"}}}}`)
		// urql takes everything; a subscription is a stream for it.
		urql := s.events(http.DefaultClient, get("GET", document, "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"))
		s.append(journal.EntryDraft{Message: "for urql"})
		urql.want("for urql")
		head := s.events(http.DefaultClient, get("HEAD", document, "text/event-stream"))
		if rest := head.next(); rest != "" {
			t.Errorf("HEAD answers %s", rest)
		}
	})
}

// Comments keep a quiet stream alive, and time that other answers have does not end it.
func TestStreamKeepAlive(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		url, _ := s.serveIn(resolvers.Options{Times: resolvers.Times{KeepAlive: 300 * time.Millisecond, Query: time.Millisecond}},
			web.Options{AnswerTime: time.Second}, func(next http.Handler) http.Handler { return next })
		client := begin(t, url, adminToken)
		client.send(subscribe("1", follow))
		heard := make(chan string, 1)
		go func() { // a client that does not read answers no ping
			message, _ := client.read()
			heard <- message
		}()
		stream := s.listen(adminToken, url, follow)
		for comments := 0; comments < 5; {
			if !stream.scan.Scan() {
				t.Fatalf("the stream ended: %v", stream.scan.Err())
			}
			if stream.scan.Text() == ":" {
				comments++
			}
		}
		s.append(journal.EntryDraft{Message: "still there"})
		stream.want("still there")
		if message := <-heard; !strings.Contains(message, "still there") {
			t.Errorf("the socket says %q", message)
		}
	})
}
