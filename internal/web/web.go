// Package web is what every HTTP answer of Logbook has in common, whatever
// surface gives it: a request id, where the request comes from, the language of
// errors, gzip, limits on headers, bodies and time, CORS, a last net under panics,
// and the health checks. It knows no surface.
package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/rs/cors"

	"logbook/internal/auth"
	"logbook/internal/fault"
)

// The limits of every request.
const (
	maxHeader     = 64 << 10         // bytes
	headerTimeout = 5 * time.Second  // to send the header
	readTimeout   = time.Minute      // to send header and body
	idleTimeout   = 2 * time.Minute  // between requests of a connection
	answerTimeout = 30 * time.Second // to work an answer out, where Options do not say
	writeTimeout  = 2 * time.Minute  // for the caller to take the answer, from the header's end
)

// Options say who may read from a browser, and who else is believed. Credentials
// never travel in cookies, so an origin gains nothing that it does not send itself;
// package authn sees to it where a proxy reads cookies.
type Options struct {
	Origins   []string // the origins that may; empty means any
	OpenPaths []string // paths, without a trailing slash, that any origin may read whatever Origins says
	Proxies   Proxies  // the reverse proxies whose headers are believed

	AnswerTime time.Duration // to work an answer out; 0 for 30 s
}

// Server gives an http.Server with the limits set, which serves handler inside
// everything this package adds.
func Server(handler http.Handler, options Options, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           origin(options.Proxies, languages(compressed(recovered(log, crossOrigin(options, timed(options.AnswerTime, cleanPaths(handler))))))),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// crossOrigin tells browsers who may read the answers, and answers their preflights.
//
// A browser lets every page begin a WebSocket and read it, whatever the answer's
// header says. So one that a page of an origin begins that may not read is refused.
func crossOrigin(options Options, next http.Handler) http.Handler {
	readable := func(origins ...string) (*cors.Cors, http.Handler) {
		rules := cors.New(cors.Options{
			AllowedOrigins: origins,
			AllowedMethods: []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
			AllowedHeaders: []string{"*", "Authorization"},
			ExposedHeaders: []string{"X-Request-Id", "Retry-After", "Content-Disposition"},
			MaxAge:         600,
		})
		return rules, rules.Handler(next)
	}
	_, byAnybody := readable("*")
	if len(options.Origins) == 0 {
		return byAnybody
	}
	rules, byOrigins := readable(options.Origins...)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case slices.Contains(options.OpenPaths, strings.TrimSuffix(r.URL.Path, "/")):
			byAnybody.ServeHTTP(w, r)
		case BeginsWebSocket(r) && auth.OriginOf(r.Context()).Foreign && !rules.OriginAllowed(r):
			Refuse(w, r, http.StatusForbidden, fault.Say("pages of this origin may not connect"))
		default:
			byOrigins.ServeHTTP(w, r)
		}
	})
}

// BeginsWebSocket says whether a request wants its connection to become a WebSocket.
func BeginsWebSocket(r *http.Request) bool {
	for _, line := range r.Header.Values("Upgrade") {
		for token := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(token), "websocket") {
				return true
			}
		}
	}
	return false
}

// recovered answers 500 where a handler panics, which is a bug: the log has the
// stack, the caller does not.
func recovered(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			what := recover()
			if what == nil {
				return
			}
			if what == http.ErrAbortHandler {
				panic(what)
			}
			log.Error("a handler panicked", "request_id", RequestID(r.Context()), "method", r.Method,
				"path", r.URL.Path, "panic", what, "stack", string(debug.Stack()))
			Refuse(w, r, http.StatusInternalServerError, fault.Say("the server failed to answer; its log has the details"))
		}()
		next.ServeHTTP(w, r)
	})
}

// Refuse answers with an error where no surface does.
func Refuse(w http.ResponseWriter, r *http.Request, status int, text fault.Sentence) {
	message, _ := json.Marshal(text.In(Language(w, r, fault.English))) // texts always encode
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"success":false,"code":%d,"message":%s}`+"\n", status, message)
}

type timerKey struct{}

// answerTimer ends the work on an answer.
type answerTimer struct {
	*time.Timer
	limit time.Duration
}

// timed ends the work on an answer that takes too long. The cause of the context's end
// is then context.DeadlineExceeded.
func timed(limit time.Duration, next http.Handler) http.Handler {
	if limit == 0 {
		limit = answerTimeout
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancelCause(r.Context())
		defer cancel(nil)
		timer := answerTimer{time.AfterFunc(limit, func() { cancel(context.DeadlineExceeded) }), limit}
		defer timer.Stop()
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, timerKey{}, timer)))
	})
}

// TakeTime lifts the limits on the time to work out and to send the answer of
// this request. It is for work that is long by its nature and would be half done
// if it were stopped, such as a large deletion, or has no end; GiveTime sets the
// second anew.
func TakeTime(w http.ResponseWriter, r *http.Request) {
	if timer, ok := r.Context().Value(timerKey{}).(answerTimer); ok {
		timer.Stop()
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // a recorder in a test has none
}

// GiveTime lets the caller take what is written from now on for as long as limit, 0
// for as long as any answer. It is for answers that took their time, and for each part
// of one that has no end.
func GiveTime(w http.ResponseWriter, limit time.Duration) {
	if limit == 0 {
		limit = writeTimeout
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit)) // a recorder in a test has none
}

// ReadBody reads a request's body of at most limit bytes. It fails with kind
// TooLarge, or Invalid where the body breaks off.
//
// The time to work the answer out begins when the body is there: until then the
// time to send it (a minute) counts.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if timer, ok := r.Context().Value(timerKey{}).(answerTimer); ok && timer.Stop() {
		defer timer.Reset(timer.limit)
	}
	if r.ContentLength > limit { // known before anything is read
		w.Header().Set("Connection", "close")
		return nil, fault.New(fault.TooLarge, "the body is larger than %d bytes", limit)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, fault.Wrap(fault.TooLarge, err, "the body is larger than %d bytes", limit)
	case err != nil:
		return nil, fault.Wrap(fault.Invalid, err, "the body broke off before its end")
	}
	return body, nil
}

// Health mounts /healthz, which answers while the process is up, and /readyz,
// which answers while ready does.
func Health(mux *http.ServeMux, ready func(context.Context) error) {
	answer := func(w http.ResponseWriter, status int, text string) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text+"\n")
	}
	mux.Handle("/healthz", ReadOnly(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "ok")
	}))
	mux.Handle("/readyz", ReadOnly(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := ready(ctx); err != nil {
			answer(w, http.StatusServiceUnavailable, fault.Say("the database does not answer").In(Language(w, r, fault.English)))
			return
		}
		answer(w, http.StatusOK, "ok")
	}))
}
