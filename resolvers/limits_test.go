package resolvers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"logbook/internal/auth"
	"logbook/internal/journal"
	"logbook/resolvers"
	"logbook/resolvers/attacks"
)

// Attacks are refused before anything runs, in few words, whoever sends them.
func TestAttacks(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		for _, attack := range attacks.Documents() {
			for _, token := range []string{"", adminToken} {
				a := s.ask(token, attack.Text, attack.Variables)
				if a.code() != attack.Code || a.Data != nil {
					t.Errorf("%s: %s, want %s: %.300s", attack.Name, a.code(), attack.Code, a.body)
				}
				if len(a.body) > 8<<10 || len(a.Errors) > 11 {
					t.Errorf("%s: the answer has %d bytes and %d errors", attack.Name, len(a.body), len(a.Errors))
				}
			}
		}
	})
}

// So they are on a socket, which stays open.
func TestAttacksOnSockets(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		signedIn, nobody := begin(t, s.url, adminToken), dial(t, s.url, nil)
		nobody.send(initialise)
		nobody.want("connection_ack")
		for _, client := range []*socket{signedIn, nobody} {
			for _, attack := range attacks.Documents() {
				client.send(subscribe("1", attack.Text, strings.TrimSuffix(strings.TrimPrefix(attack.Variables, "{"), "}")))
				message, err := client.read()
				if err != nil || !strings.HasPrefix(message, `{"type":"error","id":"1","payload":[{`) ||
					!strings.Contains(message, attack.Code) || len(message) > 8<<10 {
					t.Fatalf("%s: %.300s (%d bytes), %v", attack.Name, message, len(message), err)
				}
			}
		}
	})
}

// Each operation has its time, on a socket and in a stream too; a mutation that had not
// enough has done nothing.
func TestOperationsHaveTheirTime(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		const late = `"the answer took too long`
		short := s.serve(resolvers.Options{Times: resolvers.Times{Query: time.Nanosecond, Mutation: time.Nanosecond}})
		socket := begin(t, short, adminToken)
		for _, document := range []string{`{ entries { totalCount } }`, `mutation { createTenant(input: {name: "late"}) { tenant { id } } }`} {
			if a := s.askAt(short, adminToken, document, nil); a.code() != "UNAVAILABLE" || !strings.Contains(a.body, late) {
				t.Errorf("%s: %d %s", document, a.status, a.body)
			}
			socket.send(subscribe("1", document))
			socket.want(late)
			s.listen(adminToken, short, document).want(late, "complete")
		}
		var data struct{ Tenants []struct{ ID string } }
		if s.must(adminToken, `{ tenants { id } }`, nil, &data); len(data.Tenants) != 0 {
			t.Errorf("a mutation whose time was up made %v", data.Tenants)
		}
		// The one's time is not the other's, and a subscription has no end.
		queries := s.serve(resolvers.Options{Times: resolvers.Times{Query: time.Nanosecond}})
		if a := s.askAt(queries, adminToken, `mutation { createTenant(input: {name: "in time"}) { tenant { id } } }`, nil); a.code() != "" {
			t.Errorf("a mutation in time: %s", a.body)
		}
		stream := s.listen(adminToken, short, follow)
		s.append(journal.EntryDraft{Message: "in time"})
		stream.want("in time")
	})
}

// What is just within the limits is answered.
func TestWithinLimits(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.append(journal.EntryDraft{Message: "m"})
		introspection, err := os.ReadFile("testdata/introspection.graphql")
		if err != nil {
			t.Fatal(err)
		}
		aliases := "{"
		for i := range 100 {
			aliases += fmt.Sprintf("a%d: __typename ", i)
		}
		for name, document := range map[string]string{
			"introspection as graphql-js asks": string(introspection),
			"100 root fields":                  aliases + "}",
			"a full page of everything": `{ entries(first: 500) { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node {
			__typename id timestamp level message tenant { id name createdAt } category { id name code createdAt } source userId username ipAddress userAgent requestId metadata } } } }`,
			"a full page of every audit event": `{ auditEvents(first: 500) { totalCount pageInfo { endCursor } edges { cursor node {
				__typename id createdAt key payload tenant { id name createdAt } userId applicationId ip userAgent } } } }`,
			"a full page of every operation": `{ operations(first: 500) { totalCount pageInfo { endCursor } edges { cursor node {
				__typename id createdAt action module description succeeded responseStatus tenant { id name createdAt } userId username targetModel targetId ipAddress userAgent requestData } } } }`,
			"a full page of every usage record": `{ usageRecords(first: 500) { totalCount pageInfo { endCursor } edges { cursor node {
				__typename id createdAt type content tenant { id name createdAt } userId username tokenId tokenName modelName quota promptTokens completionTokens useTime isStream
				channelId channelName group ip other } } } }`,
			"a full page of every API call": `{ apiCalls(first: 500) { totalCount pageInfo { endCursor } edges { cursor node {
				__typename id operationTime appId apiPath httpMethod sourceIp statusCode tenant { id name createdAt } } } } }`,
			"a few slow ones": `{ a: usageRecords(first: 1, filter: {group: {eq: "x"}}) { totalCount } b: usageStats(filter: {search: "x"}) { count } c: apiCalls(filter: {httpMethod: {eq: "x"}}) { totalCount }
				d: usageRecords(filter: {search: "", group: null}) { totalCount } e: usageStats { count } }`,
			"a fragment in two places": `{ a: entries { ...E } b: entries { ...E } } fragment E on EntryConnection { edges { node { ...N } } } fragment N on Node { id }`,
		} {
			a := s.ask(adminToken, document, nil)
			if testing.Verbose() {
				t.Logf("%s: %d bytes", name, len(a.body))
			}
			if len(a.Errors) > 0 {
				t.Errorf("%s: %.300s", name, a.body)
			}
		}
	})
}

// In production whoever is not signed in learns nothing of the schema that was
// not in its own document.
func TestProduction(t *testing.T) { each(t, testProduction) }

func testProduction(t *testing.T, s *server) {
	open := s.url
	s.url = s.serve(resolvers.Options{Production: true})
	viewer := s.token(auth.Viewer, nil)
	for _, document := range []string{
		`{ __schema { types { name } } }`,
		`{ ...F } fragment F on Query { ... on Query { x: __type(name: "Entry") { name } } }`,
	} {
		if a := s.ask("", document, nil); a.code() != "UNAUTHENTICATED" || a.Data != nil {
			t.Errorf("anonymous, %s: %s", document, a.body)
		}
		if a := s.ask("lb_bad", document, nil); a.code() != "UNAUTHENTICATED" || a.Data != nil {
			t.Errorf("bad token, %s: %s", document, a.body)
		}
		if a := s.ask(viewer, document, nil); len(a.Errors) > 0 {
			t.Errorf("signed in, %s: %s", document, a.body)
		}
		if a := s.ask("", document, nil); a.code() != "UNAUTHENTICATED" {
			t.Errorf("anonymous, after somebody else asked: %s", a.body)
		}
		if a := s.askAt(open, "", document, nil); len(a.Errors) > 0 {
			t.Errorf("not in production, %s: %s", document, a.body)
		}
	}
	for _, document := range []string{
		`{ entrys { id } }`, `{ entries(fist: 1) { totalCount } }`, `{ entries(filter: {levl: {eq: INFO}}) { totalCount } }`,
		`{ entries(filter: {level: {eq: INFOS}}) { totalCount } }`, `{ entries(filter: {level: {eq: "INFO"}}) { totalCount } }`, `query($f: EntryFilte) { __typename }`,
		`query($l: Level) { entries(filter: {level: {eq: $l}}) { totalCount } }`, `{ me }`, `{ entries { message } }`,
	} {
		a := s.ask("", document, `{"l":"INFOS"}`)
		if len(a.Errors) == 0 || strings.Contains(a.body, "Did you mean") || strings.Contains(a.body, "WARNING") {
			t.Errorf("anonymous, %s: %s", document, a.body)
		}
	}
	if a := s.ask(viewer, `{ entrys { id } }`, nil); !strings.Contains(a.body, "Did you mean") {
		t.Errorf("no suggestion for somebody who is signed in: %s", a.body)
	}
}

// A document is read once for all, and each request has its own variables.
func TestDocumentsAreShared(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		const document = `mutation($m: String!) { createEntry(input: {message: $m, metadata: {n: 1.50, m: $m}}) { entry { message metadata } } }`
		done := make(chan string)
		for i := range 16 {
			go func() {
				message := fmt.Sprint("message ", i)
				a := s.ask(adminToken, document, map[string]any{"m": message})
				want := fmt.Sprintf(`{"createEntry":{"entry":{"message":%q,"metadata":{"m":%q,"n":1.50}}}}`, message, message)
				if a.status != http.StatusOK || string(a.Data) != want {
					done <- a.body + "\nwant " + want
					return
				}
				done <- ""
			}()
		}
		for range 16 {
			if wrong := <-done; wrong != "" {
				t.Error(wrong)
			}
		}
	})
}

// A body of refused values costs no memory that nobody will read.
func TestRefusedValuesAreBounded(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		for _, asked := range [][2]string{
			{`query ($values: [ID!]!) { nodes(ids: $values) { id } }`, `1`},
			{`mutation ($values: [CreateEntryInput!]!) { createEntries(input: {entries: $values}) { entries { id } } }`, `{}`},
		} {
			values := json.RawMessage("[" + strings.Repeat(asked[1]+",", 200_000) + asked[1] + "]")
			a := s.ask(adminToken, asked[0], map[string]any{"values": values})
			if a.code() != "BAD_USER_INPUT" {
				t.Fatalf("%.300s", a.body)
			}
			if of := a.Errors[0].Extensions; len(of.Problems) != 50 || of.ProblemCount < 10_000 || of.ProblemCount > 10_010 {
				t.Errorf("%s: %d problems of %d", asked[0], len(of.Problems), of.ProblemCount)
			}
		}
	})
}
