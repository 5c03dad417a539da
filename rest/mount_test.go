package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/web"
)

// failing is a dialect whose one route fails with an error.
type failing struct{ err error }

func (failing) name() string { return "failing" }
func (failing) base() string { return "/failing/" }

func (f failing) routes() []route {
	fail := func(http.ResponseWriter, *http.Request) error { return f.err }
	return []route{{"GET", "/failing/", &auth.Need{}, fail}}
}

func (failing) language() fault.Language { return fault.Chinese }

func (failing) refusal(r *http.Request, err error, say wording) (int, any) {
	return scitiger{}.refusal(r, err, say)
}

// TestFailures holds that errors show one plain sentence, and that the log has the
// cause and the request id of those that are the server's own.
func TestFailures(t *testing.T) {
	t.Parallel()
	unavailable := fault.Wrap(fault.Unavailable, errors.New("SECRET disk"), "try again")
	for _, c := range []struct {
		name   string
		ctx    context.Context
		err    error
		status int
		want   string
		logged bool
	}{
		{"foreign error", auth.System(t.Context(), "test"), errors.New("SECRET near \"SELECT\""),
			500, `{"success":false,"message":"服务器内部错误"}`, true},
		{"database away", auth.System(t.Context(), "test"), unavailable,
			503, `{"success":false,"message":"服务暂时不可用，请稍后重试"}`, true},
		{"database away at sign-in", auth.WithRefused(t.Context(), unavailable), nil,
			503, `{"success":false,"message":"服务暂时不可用，请稍后重试"}`, true},
		{"an Invalid without problems", auth.System(t.Context(), "test"), fault.Wrap(fault.Invalid, errors.New("SECRET"), "broke off"),
			400, `{"success":false,"message":"请求无法读取"}`, false},
		{"the answer took too long", auth.System(t.Context(), "test"), fmt.Errorf("SECRET query: %w", context.Canceled),
			503, `{"success":false,"message":"服务暂时不可用，请稍后重试"}`, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			logger := slog.New(slog.NewTextHandler(&log, nil))
			mux := http.NewServeMux()
			mounted{failing{c.err}, logger}.mount(mux)
			request := httptest.NewRequestWithContext(c.ctx, "GET", "/failing/", nil)
			request.Header.Set("X-Request-Id", "req-7")
			recorder := httptest.NewRecorder()
			web.Server(mux, web.Options{}, slog.New(slog.NewTextHandler(io.Discard, nil))).Handler.ServeHTTP(recorder, request)
			if got := strings.TrimSpace(recorder.Body.String()); recorder.Code != c.status || got != c.want {
				t.Errorf("answered %d %s, want %d %s", recorder.Code, got, c.status, c.want)
			}
			if got := log.String(); (got != "") != c.logged || c.logged && !(strings.Contains(got, "req-7") && strings.Contains(got, "SECRET")) {
				t.Errorf("logged %q", got)
			}
		})
	}
}

// TestUnencodableAnswer holds that an answer which does not encode is an error and
// leaves nothing written.
func TestUnencodableAnswer(t *testing.T) {
	t.Parallel()
	recorder := httptest.NewRecorder()
	if err := answer(recorder, http.StatusOK, func() {}); err == nil || recorder.Body.Len() > 0 {
		t.Errorf("got %v and %q", err, recorder.Body)
	}
}
