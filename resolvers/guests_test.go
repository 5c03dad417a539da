package resolvers

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"logbook/internal/auth"
	"logbook/internal/web"
)

// A caller with enough at work is told to come again, by the answer's status and header
// too; others are answered.
func TestEnoughAtWork(t *testing.T) {
	t.Parallel()
	surface := Handler(nil, nil, slog.New(slog.DiscardHandler), Options{})
	who := map[string]*auth.Principal{
		"busy":  {Subject: "1", Role: auth.User, Account: "user 1"},
		"other": {Subject: "2", Role: auth.User, Account: "user 2"},
	}
	server := httptest.NewServer(web.Server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		surface.ServeHTTP(w, r.WithContext(auth.With(r.Context(), who[r.Header.Get("X-Api-Key")])))
	}), web.Options{}, slog.New(slog.DiscardHandler)).Handler)
	t.Cleanup(server.Close)
	ask := func(name, accept string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "POST", server.URL, strings.NewReader(`{"query":"{ __typename }"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Api-Key", name)
		r.Header.Set("Accept", accept)
		r.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response, string(text)
	}
	var leave []func()
	for range maxRunning {
		_, left, err := surface.engine.enter(auth.With(context.Background(), who["busy"]), ast.Mutation)
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, left)
	}
	for _, accept := range []string{"*/*", typeResponse, typeEvents} {
		response, text := ask("busy", accept)
		var answer struct {
			Errors []struct{ Extensions struct{ Code string } }
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil || response.StatusCode != http.StatusTooManyRequests ||
			response.Header.Get("Retry-After") != "1" || len(answer.Errors) != 1 || answer.Errors[0].Extensions.Code != codeRateLimited {
			t.Errorf("asked for %s: %s %v %s", accept, response.Status, response.Header, text)
		}
		if response, text := ask("other", accept); response.StatusCode != http.StatusOK || !strings.Contains(text, `"Query"`) {
			t.Errorf("another caller asked for %s: %s %s", accept, response.Status, text)
		}
	}
	leave[0]()
	for range 3 { // each leaves when it is answered
		if response, text := ask("busy", "*/*"); response.StatusCode != http.StatusOK {
			t.Errorf("with one less: %s %s", response.Status, text)
		}
	}
}
