package cli_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"logbook/internal/cli"
	"logbook/internal/web"
)

// TestFront asks for what nothing answers, and a playground without signing in.
func TestFront(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	cli.Front(mux, true)
	mux.Handle("/playground", cli.SignedIn(http.NotFoundHandler()))
	server := web.Server(mux, web.Options{}, slog.New(slog.DiscardHandler))
	for _, c := range []struct {
		path, accept, language string
		status                 int
		location, body         string
	}{
		{"/nothing", "application/json", "", 404, "", `{"success":false,"code":404,"message":"there is nothing at this path"}` + "\n"},
		{"/nothing", "text/html", "zh", 404, "", `{"success":false,"code":404,"message":"接口不存在"}` + "\n"},
		{"/playground", "text/html", "zh-CN", 404, "", `{"success":false,"code":404,"message":"接口不存在"}` + "\n"},
		{"/", "application/json", "en", 404, "", `{"success":false,"code":404,"message":"there is nothing at this path"}` + "\n"},
		{"/", "text/html", "zh", 303, "/playground", "<a href=\"/playground\">See Other</a>.\n\n"},
	} {
		request := httptest.NewRequest("GET", c.path, nil)
		request.Header.Set("Accept", c.accept)
		request.Header.Set("Accept-Language", c.language)
		answer := httptest.NewRecorder()
		server.Handler.ServeHTTP(answer, request)
		if answer.Code != c.status || answer.Body.String() != c.body || answer.Header().Get("Location") != c.location {
			t.Errorf("%s in %q: %d %q %v", c.path, c.language, answer.Code, answer.Body, answer.Header())
		}
	}
}
