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
)

// attacks are documents that cost a stock server dear, with the code they are
// refused with. Each is small enough to be sent by anybody.
func attacks() map[string][2]string {
	repeat := func(format string, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	bomb := "query { ...F0 } "
	for i := range 30 {
		bomb += fmt.Sprintf("fragment F%d on Query { ...F%d ...F%d } ", i, i+1, i+1)
	}
	bomb += "fragment F30 on Query { __typename }"
	unused := "{ __typename } fragment F on Query { " + strings.Repeat("a ", 9_000) + "}"
	const tooLarge, invalid, unparsed = "PAYLOAD_TOO_LARGE", "GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"
	attacks := map[string][2]string{
		"large document":           {"{ __typename } #" + long(64<<10), tooLarge},
		"many tokens":              {"{" + strings.Repeat("a ", 15_000) + "}", tooLarge},
		"many aliases":             {"{" + repeat("a%d:me{id} ", 1_500) + "}", invalid},
		"many equal fields":        {"{" + strings.Repeat("a ", 9_000) + "}", invalid},
		"many root fields":         {"{" + repeat("a%d:__typename ", 101) + "}", invalid},
		"many aliases below":       {"{me{" + repeat("a%d:id ", 501) + "}}", invalid},
		"101 aliases":              {"{ me {" + repeat("a%d:id ", 101) + "} }", invalid},
		"101 aliases in fragments": {"{ ...F ...G } fragment F on Query { " + repeat("a%d:__typename ", 51) + "} fragment G on Query { " + repeat("b%d:__typename ", 50) + "}", invalid},
		"many directives":          {"{ __typename " + strings.Repeat("@a ", 4_000) + "}", invalid},
		"many include":             {"{ __typename " + strings.Repeat("@include(if:true) ", 1_000) + "}", invalid},
		"many variables":           {"query(" + repeat("$a%d:Int ", 2_000) + "){ __typename }", invalid},
		"many arguments":           {"{ entries(" + repeat("a%d:1 ", 3_000) + ") { totalCount } }", invalid},
		"many bad values":          {"{ entries(filter:{" + repeat("a%d:1 ", 3_000) + "}) { totalCount } }", invalid},
		"deep fields":              {strings.Repeat("{a", 900) + strings.Repeat("}", 900), invalid},
		"deeper than the parser":   {strings.Repeat("{a", 4_000), unparsed},
		"deep value":               {"{ entries(filter:" + strings.Repeat("[", 4_000), unparsed},
		"sixteen deep":             {"{__schema{types{" + strings.Repeat("ofType{", 13) + "name" + strings.Repeat("}", 16), invalid},
		"fragment bomb":            {bomb, invalid},
		"fragment cycle":           {"{...A} fragment A on Query {...B} fragment B on Query {...A}", invalid},
		"unused fragment":          {unused, invalid},
		"many fragments":           {"{ __typename }" + repeat("fragment F%d on Query{me{id}} ", 900), invalid},
		"many operations":          {repeat("query Q%d{me{id}} ", 1_200), invalid},
		"complex":                  {"{ entries(first: 500) {" + repeat("e%d: edges { node { id message metadata } } ", 20) + "} }", invalid},
		"many large pages":         {"{" + repeat("e%d: entries(first: 500) { edges { node { id message } } } ", 30) + "}", invalid},
		"many searches":            {"{" + repeat(`e%d: entries(first: 1, filter: {search: "x"}) { totalCount } `, 50) + "}", invalid},
		"long name":                {"{ " + long(60_000) + " }", invalid},
		"long string for a level":  {`{ entries(filter: {level: {eq: "` + long(60_000) + `"}}) { totalCount } }`, invalid},
		"unclosed":                 {`{ me { id `, unparsed},
		"unclosed string":          {`{ entry(id: "` + long(60_000), unparsed},
		"half a surrogate pair":    {`{ entries(filter: {source: {eq: "\uD83D"}}) { totalCount } }`, unparsed},
		"conflicting fields":       {"{ entries { edges {" + strings.Repeat("node { x: id } node { x: message } ", 120) + "} } }", invalid},
		"the schema many times":    {"{" + repeat("a%d: __schema { types { name fields { name } } } ", 90) + "}", invalid},
		"a listing many times":     {"{ __schema { types { fields {" + repeat("a%d: name ", 400) + "} } } }", invalid},
		"a large integer":          {`{ entries(first: 99999999999999999999) { totalCount } }`, invalid},
		"many slow usages":         {"{" + repeat(`e%d: usageRecords(first: 1, filter: {search: "x"}) { totalCount } `, 13) + "}", invalid},
		"many groups":              {"{" + repeat(`e%d: usageRecords(first: 1, filter: {group: {eq: ""}}) { totalCount } `, 13) + "}", invalid},
		"many slow statistics":     {"{" + repeat(`e%d: usageStats(filter: {search: "x"}) { count } `, 12) + "}", invalid},
		"many methods":             {"{" + repeat(`e%d: apiCalls(first: 1, filter: {httpMethod: {eq: "GET"}}) { totalCount } `, 13) + "}", invalid},
	}
	for _, field := range []string{"auditEvents", "operations", "usageRecords", "apiCalls"} {
		attacks["many large pages of "+field] = [2]string{"{" + repeat("e%d: "+field+"(first: 500) { edges { node { id tenant { id } } } } ", 13) + "}", invalid}
	}
	return attacks
}

// Attacks are refused before anything runs, in few words, whoever sends them.
func TestAttacks(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		for name, attack := range attacks() {
			document, want := attack[0], attack[1]
			for _, token := range []string{"", adminToken} {
				began := time.Now()
				a := s.ask(token, document, nil)
				took := time.Since(began)
				if want != "" && a.code() != want || len(a.Errors) == 0 || a.Data != nil {
					t.Errorf("%s: %s, want %s: %.300s", name, a.code(), want, a.body)
				}
				if len(a.body) > 4<<10 || len(a.Errors) > 11 {
					t.Errorf("%s: the answer has %d bytes and %d errors", name, len(a.body), len(a.Errors))
				}
				if testing.Verbose() {
					t.Logf("%-25s %8s %s", name, took.Round(10*time.Microsecond), a.Errors[0].Message[:min(90, len(a.Errors[0].Message))])
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
			for name, attack := range attacks() {
				client.send(subscribe("1", attack[0]))
				message, err := client.read()
				if err != nil || !strings.HasPrefix(message, `{"type":"error","id":"1","payload":[{`) ||
					!strings.Contains(message, attack[1]) || len(message) > 4<<10 {
					t.Fatalf("%s: %.300s (%d bytes), %v", name, message, len(message), err)
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
