package rest

import (
	"context"
	"errors"
	"net/http"
	"unicode/utf8"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
)

// codebird is the dialect of 审计日志 API: CodeBird's audit events, read only, for
// administrators. Logbook's own events are not CodeBird's and stand in GraphQL
// and exports.
type codebird struct{ journal *journal.Journal }

const (
	codebirdPageSize    = 20
	codebirdMaxPageSize = 100
)

func (codebird) name() string             { return "codebird" }
func (codebird) base() string             { return "/api/v1/logs/" }
func (codebird) language() fault.Language { return fault.Chinese }

func (c codebird) routes() []route {
	admin := &auth.Need{Role: auth.Admin}
	return []route{
		{"GET", "/api/v1/logs", admin, c.list},
		{"GET", "/api/v1/logs/{id}", admin, c.detail},
	}
}

// 获取日志列表

// list answers with a page of events, newest first. A number that cannot be read
// or is below 1 falls back to its default.
func (c codebird) list(w http.ResponseWriter, r *http.Request) error {
	q := queryOf(r)
	page, ok := q.number("page")
	if !ok || page < 1 {
		page = 1
	}
	size, ok := q.number("page_size")
	if !ok || size < 1 {
		size = codebirdPageSize
	}
	size = min(size, codebirdMaxPageSize)
	others := journal.AuditEventFilter{ApplicationID: journal.IsNot(journal.OwnApplication)}
	rows, total, err := c.journal.AuditEvents.PageAt(r.Context(), others,
		journal.OffsetPage{Offset: int((page - 1) * size), Limit: int(size)})
	if err != nil {
		return err
	}
	answered := codebirdPage{Data: []codebirdLog{}, Total: total, Page: page, PageSize: size}
	for _, row := range rows {
		answered.Data = append(answered.Data, codebirdLogOf(row))
	}
	return answer(w, http.StatusOK, codebirdResult(answered))
}

type codebirdPage struct {
	Data     []codebirdLog `json:"data"`
	Total    int64         `json:"total"`
	Page     int64         `json:"page"`
	PageSize int64         `json:"page_size"`
}

// codebirdLog is an event, in the list and in the detail. User and application are
// null where there is none; all else is never null.
type codebirdLog struct {
	ID            string      `json:"id"`
	Key           string      `json:"key"`
	Payload       column.JSON `json:"payload"`
	UserID        *string     `json:"user_id"`
	ApplicationID *string     `json:"application_id"`
	IP            string      `json:"ip"`
	UserAgent     string      `json:"user_agent"`
	CreatedAt     column.Time `json:"created_at"`
}

func codebirdLogOf(row *ent.AuditEvent) codebirdLog {
	log := codebirdLog{
		ID: row.ID, Key: row.Key, Payload: row.Payload, UserID: row.UserID, ApplicationID: row.ApplicationID,
		CreatedAt: row.CreatedAt,
	}
	if log.Payload == nil {
		log.Payload = column.JSON("{}")
	}
	if row.IP != nil {
		log.IP = *row.IP
	}
	if row.UserAgent != nil {
		log.UserAgent = *row.UserAgent
	}
	return log
}

// 获取日志详情

// detail answers with one event. Any text may be an id.
func (c codebird) detail(w http.ResponseWriter, r *http.Request) error {
	id := r.PathValue("id")
	if !utf8.ValidString(id) {
		return fault.New(fault.NotFound, "the id of an event is valid UTF-8")
	}
	row, err := c.journal.AuditEvents.Get(r.Context(), id)
	if err != nil {
		return err
	}
	if row.ApplicationID != nil && *row.ApplicationID == journal.OwnApplication {
		return fault.New(fault.NotFound, "the event is Logbook's own")
	}
	return answer(w, http.StatusOK, codebirdResult(codebirdLogOf(row)))
}

// 响应

// codebirdEnvelope is every answer. Code is 0, or the HTTP status of an error,
// whose result is "".
type codebirdEnvelope struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Result  any    `json:"result"`
}

func codebirdResult(result any) codebirdEnvelope {
	return codebirdEnvelope{Message: "success", Result: result}
}

func (codebird) refusal(r *http.Request, err error, say wording) (status int, envelope any) {
	status, message := codebirdError(r.Context(), err, say)
	return status, codebirdEnvelope{Code: status, Message: message, Result: ""}
}

// codebirdError is the table of errors.
func codebirdError(ctx context.Context, err error, say wording) (status int, message string) {
	switch {
	case errors.Is(err, errNoPath):
		return http.StatusNotFound, say("%s", errNoPath.Sentence)
	case errors.Is(err, errWrongMethod):
		return http.StatusMethodNotAllowed, say("%s", errWrongMethod.Sentence)
	}
	switch fault.KindOf(err) {
	case fault.Unauthenticated:
		if auth.Refused(ctx) != nil {
			return http.StatusUnauthorized, say("the token is not valid or has expired")
		}
		return http.StatusUnauthorized, say("there is no token")
	case fault.Forbidden:
		return http.StatusForbidden, say("this needs the token of an administrator")
	case fault.NotFound:
		return http.StatusNotFound, "日志记录不存在"
	case fault.TooMany:
		return http.StatusTooManyRequests, say("too many requests, try again later")
	case fault.Unavailable:
		return http.StatusServiceUnavailable, say("the service does not answer at the moment, try again later")
	}
	return http.StatusInternalServerError, say("internal server error")
}
