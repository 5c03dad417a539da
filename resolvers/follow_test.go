package resolvers

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/complexity"
	"github.com/99designs/gqlgen/graphql"

	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/db/dbtest"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// stage is an engine over a fresh database, without a transport.
type stage struct {
	*engine
	journal  *journal.Journal
	database *db.DB
	system   context.Context
}

func eachStage(t *testing.T, test func(t *testing.T, s *stage)) {
	dbtest.Each(t, func(t *testing.T, address string) {
		s := &stage{system: auth.System(context.Background(), "test")}
		var err error
		if s.database, err = db.Open(s.system, address); err != nil {
			t.Fatal(err)
		}
		s.journal = journal.New(s.database, journal.Options{})
		s.engine = Handler(s.journal, nil, slog.New(slog.NewTextHandler(io.Discard, nil)), Options{}).engine
		t.Cleanup(func() {
			if err := s.journal.Close(s.system); err != nil && !strings.Contains(err.Error(), "shutting down") {
				t.Error(err)
			}
			s.database.Close()
		})
		test(t, s)
	})
}

// begin begins a subscription; what refuses it before it runs fails the test.
func (s *stage) begin(t *testing.T, ctx context.Context, document, variables string) func() *graphql.Response {
	t.Helper()
	operation, errs := s.operation(ctx, request{query: document, variables: []byte(variables)})
	if errs != nil {
		t.Fatal(errs)
	}
	return s.subscribe(ctx, operation)
}

func (s *stage) append(t *testing.T, drafts ...journal.EntryDraft) {
	t.Helper()
	if _, err := s.journal.Entries.Append(s.system, drafts); err != nil {
		t.Fatal(err)
	}
}

// data reads an answer that must have no errors.
func data(t *testing.T, answer *graphql.Response, into any) {
	t.Helper()
	if answer == nil || len(answer.Errors) > 0 || answer.Data == nil {
		t.Fatalf("got %+v, want data", answer)
	}
	if err := json.Unmarshal(answer.Data, into); err != nil {
		t.Fatal(err)
	}
}

// last wants an answer that has only an error, and the end behind it.
func last(t *testing.T, next func() *graphql.Response, code, path string) {
	t.Helper()
	answer := next()
	if answer == nil || answer.Data != nil || len(answer.Errors) != 1 ||
		answer.Errors[0].Extensions["code"] != code || answer.Errors[0].Path.String() != path {
		t.Fatalf("got %+v, want one error %s at %q", answer, code, path)
	}
	if answer := next(); answer != nil {
		t.Fatalf("got %+v behind the end", answer)
	}
}

type entryEvent struct {
	EntryAppended struct {
		Cursor string
		Node   struct{ Message string }
	}
}

// TestSubscription follows a page by its liveCursor, whatever it is called there, and
// breaks off and goes on.
func TestSubscription(t *testing.T) {
	eachStage(t, func(t *testing.T, s *stage) {
		s.append(t, journal.EntryDraft{Message: "on the page"})
		ctx, cancel := context.WithCancel(s.system)
		defer cancel()
		const list = `query ($on: Boolean!) { entries { ...f edges { node { message } } } }
			fragment f on EntryConnection { mine: liveCursor @include(if: $on) }`
		asked := func(on string) string {
			operation, errs := s.operation(ctx, request{query: list, variables: []byte(`{"on": ` + on + `}`)})
			if errs != nil {
				t.Fatal(errs)
			}
			var page struct{ Entries struct{ Mine string } }
			data(t, s.run(ctx, operation), &page)
			return page.Entries.Mine
		}
		if cursor := asked("false"); cursor != "" {
			t.Errorf("the cursor %q was not asked for", cursor)
		}
		cursor := asked("true")
		s.append(t, journal.EntryDraft{Message: "first"}, journal.EntryDraft{Message: "second"})
		const document = `subscription ($after: String) { entryAppended(after: $after) { cursor node { message } } }`
		for _, want := range []string{"first", "second", "third"} {
			if want == "third" {
				s.append(t, journal.EntryDraft{Message: "third"})
			}
			ctx, cancel := context.WithCancel(ctx)
			next := s.begin(t, ctx, document, `{"after": "`+cursor+`"}`)
			var event entryEvent
			data(t, next(), &event)
			if event.EntryAppended.Node.Message != want {
				t.Errorf("got %q, want %q", event.EntryAppended.Node.Message, want)
			}
			cursor = event.EntryAppended.Cursor
			cancel()
			if answer := next(); answer != nil {
				t.Errorf("got %+v after the caller had gone", answer)
			}
		}
	})
}

// TestSubscriptionToTheTimeline follows rows of two kinds in one stream, and none that the
// filter does not ask for.
func TestSubscriptionToTheTimeline(t *testing.T) {
	eachStage(t, func(t *testing.T, s *stage) {
		ctx, cancel := context.WithCancel(s.system)
		defer cancel()
		const document = `subscription ($f: TimelineFilter) { timelineAppended(filter: $f) {
			cursor node { __typename occurredAt ... on Entry { message } ... on APICall { apiPath } } } }`
		next := s.begin(t, ctx, document, `{"f": {"ipAddress": "::1", "kinds": ["ENTRY", "API_CALL"]}}`)
		address := "::1"
		s.append(t, journal.EntryDraft{Message: "here", IPAddress: &address}, journal.EntryDraft{Message: "elsewhere"})
		_, err := s.journal.APICalls.Append(s.system, []journal.APICallDraft{{APIPath: "/there", SourceIP: "::2"}, {APIPath: "/here", SourceIP: "::1"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"Entry here ", "APICall  /here"} {
			var event struct {
				TimelineAppended struct {
					Cursor string
					Node   struct{ Typename, OccurredAt, Message, APIPath string }
				}
			}
			answer := next()
			answer.Data = bytes.Replace(answer.Data, []byte("__typename"), []byte("typename"), 1)
			data(t, answer, &event)
			node := event.TimelineAppended.Node
			if got := node.Typename + " " + node.Message + " " + node.APIPath; got != want || event.TimelineAppended.Cursor == "" || node.OccurredAt == "" {
				t.Errorf("got %q, want %q: %+v", got, want, event)
			}
		}
		cancel()
		if answer := next(); answer != nil {
			t.Errorf("got %+v after the caller had gone", answer)
		}
		ingester := auth.With(context.Background(), &auth.Principal{Subject: "7", Role: auth.Ingest, Permissions: auth.Permissions})
		last(t, s.begin(t, ingester, document, `{}`), codeForbidden, "timelineAppended")
		last(t, s.begin(t, context.Background(), document, `{}`), codeUnauthenticated, "timelineAppended")
		last(t, s.begin(t, s.system, document, `{"f": {"ipAddress": ""}}`), codeBadUserInput, "timelineAppended")
	})
}

// TestSubscriptionRefused wants errors for what cannot be followed.
func TestSubscriptionRefused(t *testing.T) {
	eachStage(t, func(t *testing.T, s *stage) {
		for _, document := range []string{
			`subscription { a: entryAppended { cursor } b: entryAppended { cursor } }`,
			`subscription { entryAppended { cursor } ...f } fragment f on Subscription { b: entryAppended { cursor } }`,
			`subscription { entryAppended @skip(if: true) { cursor } }`,
			`subscription ($on: Boolean!) { ... @include(if: $on) { entryAppended { cursor } } }`,
			`subscription { __typename }`,
			`subscription { entryAppended { cursor } apiCallAppended { cursor } }`,
		} {
			_, errs := s.operation(s.system, request{query: document, variables: []byte(`{"on": true}`)})
			if len(errs) != 1 || errs[0].Extensions["code"] != codeValidationFailed {
				t.Errorf("%s: got %v, want %s", document, errs, codeValidationFailed)
			}
		}
		const fine = `subscription { entryAppended { cursor } ...f } fragment f on Subscription { entryAppended { node { id } } }`
		if _, errs := s.operation(s.system, request{query: fine}); errs != nil {
			t.Errorf("two selections of one field: %v", errs)
		}
		// A subscription counts what one row counts: six fields.
		const one = `subscription { entryAppended { cursor node { id tenant { name } } } }`
		operation, errs := s.operation(s.system, request{query: one})
		if errs != nil {
			t.Fatal(errs)
		}
		if n := complexity.Calculate(s.system, s.schema, operation.Operation, nil); n != 6 {
			t.Errorf("it counts %d", n)
		}
		last(t, s.begin(t, context.Background(), `subscription { entryAppended { cursor } }`, `{}`), codeUnauthenticated, "entryAppended")
		viewer := auth.With(context.Background(), &auth.Principal{Subject: "7", Role: auth.Viewer, Permissions: []auth.Permission{auth.EntriesRead}})
		last(t, s.begin(t, viewer, `subscription { mine: operationAppended { cursor } }`, `{}`), codeForbidden, "mine")
		last(t, s.begin(t, viewer, `subscription { entryAppended(after: "AQ") { cursor } }`, `{}`), codeBadUserInput, "entryAppended")
		last(t, s.begin(t, viewer, `subscription ($f: EntryFilter) { entryAppended(filter: $f) { cursor } }`,
			`{"f": {"search": "`+strings.Repeat("x", 2000)+`"}}`), codeBadUserInput, "entryAppended")
	})
}

// TestSubscriptionFails wants an error for who follows a database that goes away.
func TestSubscriptionFails(t *testing.T) {
	eachStage(t, func(t *testing.T, s *stage) {
		next := s.begin(t, s.system, `subscription { entryAppended { cursor node { message } } }`, `{}`)
		s.append(t, journal.EntryDraft{Message: "m"})
		var event entryEvent
		data(t, next(), &event)
		s.database.Close()
		last(t, next, codeUnavailable, "entryAppended")
	})
}

// TestSubscriptionBegunOtherwise wants no stream whose end nobody would hear of.
func TestSubscriptionBegunOtherwise(t *testing.T) {
	eachStage(t, func(t *testing.T, s *stage) {
		_, err := subscription{root{s.journal, nil}}.EntryAppended(s.system, nil, nil)
		if fault.KindOf(err) != fault.Internal {
			t.Errorf("got %v, want an internal error", err)
		}
	})
}
