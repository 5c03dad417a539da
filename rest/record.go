package rest

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
	"logbook/internal/recorder"
	"logbook/internal/web"
)

// CallRecorder records the calls to Logbook's own OpenAPI paths as API calls, those
// that are refused included, best effort (package recorder).
//
// Calls without a principal, and those whose answer anybody gets (401, 403, 404, 405,
// 429, and the 204 of OPTIONS), are knocking: of those alike in caller and status, which
// is 404 for unknown paths alone, the first of each minute is recorded, under its own
// method and the beginning of its path; the others are only counted. A caller is who is
// signed in, else the network that the call comes from.
//
// A row's app is the name of the user or token, else the user's id, "-" for nobody; its
// path is as it was sent, percent-encoding included, without the query; its address is
// the request's origin's. It belongs to the tenant that the caller is bound to.
//
// It is safe for concurrent use.
type CallRecorder struct {
	*recorder.Recorder[journal.APICallDraft]
	now func() time.Time
}

// Bounds of a row's texts, in bytes, as the journal has them.
const (
	callText = 255
	callPath = 2048
)

// NewCallRecorder starts a recorder. Stop it before the journal is closed.
func NewCallRecorder(j *journal.Journal, log *slog.Logger) *CallRecorder {
	return newCallRecorder(func(ctx context.Context, drafts []journal.APICallDraft) error {
		_, err := j.APICalls.Append(ctx, drafts)
		return err
	}, j.Now, log)
}

func newCallRecorder(append func(context.Context, []journal.APICallDraft) error, now func() time.Time, log *slog.Logger) *CallRecorder {
	store := func(ctx context.Context, drafts []journal.APICallDraft) error {
		err := append(ctx, drafts)
		if fault.KindOf(err) == fault.Invalid && len(drafts) == 1 && drafts[0].TenantID != nil {
			drafts[0].TenantID = nil // of a tenant that is not known yet
			err = append(ctx, drafts)
		}
		return err
	}
	return &CallRecorder{recorder.New("API calls", store, now, log), now}
}

// Record gives a handler that answers as next does and then records the call.
func (c *CallRecorder) Record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := c.now()
		web.Watch(w, r, next, func(status int) { c.record(r, begun, status) })
	})
}

// record queues a call, unless another stands for it.
func (c *CallRecorder) record(r *http.Request, at time.Time, status int) {
	origin := auth.OriginOf(r.Context())
	p := auth.From(r.Context())
	keep := callPath
	if p == nil || forAnybody(status) {
		caller := origin.Network()
		if p != nil {
			caller = p.Account
		}
		if !c.First(caller, p != nil, status, at) {
			return
		}
		keep = recorder.KnockText
	}
	draft := journal.APICallDraft{
		OperationTime: new(column.TimeOf(at)),
		AppID:         fault.Cut(callerOf(p), callText),
		APIPath:       fault.Cut(sentPath(r), keep),
		HTTPMethod:    fault.Cut(r.Method, min(keep, callText)),
		SourceIP:      fault.Cut(origin.Address, callText),
		StatusCode:    int64(status),
	}
	if p != nil {
		draft.TenantID = (*column.ID)(p.Tenant)
	}
	c.Recorder.Record(draft)
}

// sentPath gives a request's path as it was sent, in plain ASCII.
func sentPath(r *http.Request) string {
	if sent, err := url.ParseRequestURI(r.RequestURI); err == nil {
		return sent.EscapedPath()
	}
	return r.URL.EscapedPath()
}

// forAnybody says whether an answer's status is one that needs no permission, or one of
// those that come in masses by their nature.
func forAnybody(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
		http.StatusNoContent, // of OPTIONS
		http.StatusTooManyRequests:
		return true
	}
	return false
}

// callerOf gives what is recorded as the app of a call: the user's or token's name,
// the user's id where there is no name, "-" for nobody.
func callerOf(p *auth.Principal) string {
	switch {
	case p == nil:
		return "-"
	case p.Username != "":
		return p.Username
	}
	return p.Subject
}
