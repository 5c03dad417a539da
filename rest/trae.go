package rest

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
	"logbook/internal/rawjson"
	"logbook/internal/web"
)

// trae is the dialect of TRAE's OpenAPI 调用日志: the API calls of an enterprise, for
// those who hold the permission audit. Calls to the dialect's own paths are
// recorded among them.
type trae struct{ journal *journal.Journal }

const (
	traePageSize    = 50
	traeMaxPageSize = 200
	traeMaxSpan     = 90 * 86_400 // seconds
)

func (trae) name() string             { return "trae" }
func (trae) base() string             { return "/openapi/" }
func (trae) language() fault.Language { return fault.English }

// recordsCalls lets the mount record the calls to everything under base.
func (trae) recordsCalls() {}

func (t trae) routes() []route {
	return []route{
		{"GET", "/openapi/v1/audit/openapi-logs", &auth.Need{Permission: auth.APICallsRead}, t.openAPILogs},
	}
}

// 请求参数

// traeQuery is the parameters, both times included.
type traeQuery struct {
	startTime, endTime int64 // seconds
	page, pageSize     int64
	sourceIP, apiPath  *string
}

// traeQueryOf reads the parameters. It fails with kind Invalid, naming each that
// breaks its rule.
func traeQueryOf(q query) (asked traeQuery, err error) {
	var problems []fault.Problem
	refuse := func(p fault.Problem) {
		p.Index = -1
		problems = append(problems, p)
	}
	number := func(name string, standard, low, high int64, wanted fault.Sentence) int64 {
		text, given := q[name]
		if !given {
			return standard
		}
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		switch {
		case err != nil && !errors.Is(err, strconv.ErrRange): // out of range it gives the nearest there is
			refuse(fault.Problem{Field: name, Reason: fault.WrongType})
		case n < low || n > high:
			refuse(fault.Problem{Field: name, Reason: fault.Outside, Detail: wanted})
		}
		return n
	}
	seconds := func(name string) int64 {
		if _, given := q[name]; !given {
			refuse(fault.Problem{Field: name, Reason: fault.Required})
		}
		return number(name, 0, column.MinTime.Time().Unix(), column.MaxTime.Time().Unix(), fault.Say("a time in seconds"))
	}
	asked.startTime, asked.endTime = seconds("start_time"), seconds("end_time")
	if len(problems) == 0 {
		switch {
		case asked.startTime > asked.endTime:
			refuse(fault.Problem{Field: "start_time", Reason: fault.Clash})
		case asked.endTime-asked.startTime > traeMaxSpan:
			refuse(fault.Problem{Field: "end_time", Reason: fault.TooLong, Limit: traeMaxSpan})
		}
	}
	asked.page = number("page", 1, 1, rawjson.MaxInteger, fault.Say("at least 1"))
	asked.pageSize = number("page_size", traePageSize, 1, traeMaxPageSize, fault.Say("between 1 and 200"))
	if text, given := q["source_ip"]; given {
		asked.sourceIP = &text
	}
	if text, given := q["api_path"]; given {
		asked.apiPath = &text
	}
	if len(problems) > 0 {
		return asked, fault.Refuse(problems...)
	}
	return asked, nil
}

// impossible says that no call can pass, since a filter cannot be read.
func (q traeQuery) impossible() bool {
	return q.sourceIP != nil && *q.sourceIP == unreadable || q.apiPath != nil && *q.apiPath == unreadable
}

// openAPILogs answers with a page of calls, newest first.
func (t trae) openAPILogs(w http.ResponseWriter, r *http.Request) error {
	asked, err := traeQueryOf(queryOf(r))
	if err != nil {
		return err
	}
	answered := traePage{Items: []traeLog{}, Pagination: traePagination{Page: asked.page, PageSize: asked.pageSize}}
	if asked.impossible() {
		return answer(w, http.StatusOK, traeData(r, answered))
	}
	since, until := column.Time(asked.startTime*1_000_000), column.Time((asked.endTime+1)*1_000_000)
	filter := journal.APICallFilter{Since: &since, Until: &until}
	if asked.sourceIP != nil {
		filter.SourceIP = journal.Is(*asked.sourceIP)
	}
	if asked.apiPath != nil {
		filter.APIPath = journal.Is(*asked.apiPath)
	}
	rows, total, err := t.journal.APICalls.PageAt(r.Context(), filter,
		journal.OffsetPage{Offset: int((asked.page - 1) * asked.pageSize), Limit: int(asked.pageSize)})
	if err != nil {
		return err
	}
	answered.Pagination.Total, answered.Pagination.TotalPages = total, (total+asked.pageSize-1)/asked.pageSize
	for _, row := range rows {
		answered.Items = append(answered.Items, traeLog{
			row.ID, journal.MaskAppID(row.AppID), row.APIPath, row.HTTPMethod, row.SourceIP, row.StatusCode,
			row.OperationTime.Time().Unix(),
		})
	}
	return answer(w, http.StatusOK, traeData(r, answered))
}

// 响应参数

type traePage struct {
	Items      []traeLog      `json:"items"`
	Pagination traePagination `json:"pagination"`
}

// traeLog is a call. Its app is masked for everybody.
type traeLog struct {
	LogID         string `json:"log_id"`
	AppID         string `json:"app_id"`
	APIPath       string `json:"api_path"`
	HTTPMethod    string `json:"http_method"`
	SourceIP      string `json:"source_ip"`
	StatusCode    int32  `json:"status_code"`
	OperationTime int64  `json:"operation_time"` // seconds
}

type traePagination struct {
	Page       int64 `json:"page"`
	PageSize   int64 `json:"page_size"`
	Total      int64 `json:"total"`
	TotalPages int64 `json:"total_pages"`
}

// 响应示例

// traeEnvelope is every answer; an error has no data.
type traeEnvelope struct {
	Code      int    `json:"code"`
	Message   string `json:"message"`
	RequestID string `json:"request_id"`
	Data      any    `json:"data,omitempty"`
}

func traeData(r *http.Request, data any) traeEnvelope {
	return traeEnvelope{Message: "success", RequestID: web.RequestID(r.Context()), Data: data}
}

func (trae) refusal(r *http.Request, err error, say wording) (status int, envelope any) {
	status, code, message := traeError(r, err, say)
	return status, traeEnvelope{Code: code, Message: message, RequestID: web.RequestID(r.Context())}
}

// traeError is the table of errors.
func traeError(r *http.Request, err error, say wording) (status, code int, message string) {
	switch {
	case errors.Is(err, errNoPath):
		return http.StatusNotFound, 4001, say("invalid parameter: no such api path")
	case errors.Is(err, errWrongMethod):
		return http.StatusMethodNotAllowed, 4001, say("invalid parameter: http method not allowed")
	}
	switch known := fault.As(err); known.Kind {
	case fault.Unauthenticated:
		if auth.Refused(r.Context()) != nil {
			return http.StatusUnauthorized, 1002, say("access token is invalid or expired")
		}
		return http.StatusUnauthorized, 1002, say("access token is missing")
	case fault.Forbidden:
		return http.StatusForbidden, 30017, say("no permission: %s is required", auth.APICallsRead)
	case fault.Invalid:
		return http.StatusBadRequest, 4001, say("invalid parameter: %s", traeProblems(known.Problems, say))
	case fault.TooMany:
		return http.StatusTooManyRequests, 64290, say("too many requests")
	}
	return http.StatusInternalServerError, 2001, say("internal error")
}

// traeProblems words what was refused.
func traeProblems(problems []fault.Problem, say wording) string {
	texts := make([]string, len(problems))
	for i, p := range problems {
		switch p.Reason {
		case fault.Required:
			texts[i] = say("%s is required", p.Field)
		case fault.WrongType:
			texts[i] = say("%s must be an integer", p.Field)
		case fault.Outside:
			texts[i] = say("%s must be %s", p.Field, p.Detail)
		case fault.Clash:
			texts[i] = say("start_time must not be later than end_time")
		case fault.TooLong:
			texts[i] = say("the time range must not exceed 90 days")
		}
	}
	return strings.Join(texts, ", ")
}
