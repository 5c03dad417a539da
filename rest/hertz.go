package rest

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
	"logbook/internal/rawjson"
)

// hertz is the dialect of Hertz Studio Django 日志模块接口文档: the operations of an
// administration, for those who hold the permission of the endpoint.
type hertz struct{ journal *journal.Journal }

const (
	hertzPageSize    = 20
	hertzMaxPageSize = 100
	hertzDetail      = "/api/log/detail/"
)

func (hertz) name() string             { return "hertz" }
func (hertz) base() string             { return "/api/log/" }
func (hertz) language() fault.Language { return fault.Chinese }

func (h hertz) routes() []route {
	return []route{
		{"GET", "/api/log/list/", &auth.Need{Permission: auth.OperationsList}, h.list},
		{"GET", hertzDetail + "{log_id}/", &auth.Need{Permission: auth.OperationsQuery}, h.detail},
	}
}

// 一、操作日志列表

// list answers with a page of operations, newest first. It refuses every parameter
// that breaks its rule, all of a request at once.
func (h hertz) list(w http.ResponseWriter, r *http.Request) error {
	v := hertzQuery{query: queryOf(r)}
	filter, possible := v.filter(h.journal)
	page := v.page("page", 1, rawjson.MaxInteger)
	size := v.page("page_size", hertzPageSize, hertzMaxPageSize)
	if len(v.problems) > 0 {
		return fault.Refuse(v.problems...)
	}
	var rows []*ent.Operation
	var total int64
	if possible {
		var err error
		rows, total, err = h.journal.Operations.PageAt(r.Context(), filter,
			journal.OffsetPage{Offset: int((page - 1) * size), Limit: int(size)})
		if err != nil {
			return err
		}
	}
	pages := (total + size - 1) / size
	answered := hertzPage{Logs: []hertzItem{}, Pagination: hertzPagination{
		Page: page, PageSize: size, TotalCount: total, TotalPages: pages, HasNext: page < pages, HasPrevious: page > 1,
	}}
	for _, row := range rows {
		answered.Logs = append(answered.Logs, hertzItemOf(row))
	}
	return answer(w, http.StatusOK, hertzData("获取操作日志列表成功", answered))
}

// hertzQuery is a list's parameters and what was found wrong with them.
type hertzQuery struct {
	query
	problems []fault.Problem
}

func (v *hertzQuery) refuse(p fault.Problem) {
	p.Index, p.Value = -1, fault.Shorten(strings.ToValidUTF8(p.Value, ""))
	v.problems = append(v.problems, p)
}

// filter reads the filters in the document's order. It gives false where no
// operation can pass.
func (v *hertzQuery) filter(j *journal.Journal) (filter journal.OperationFilter, possible bool) {
	possible = true
	if number := v.number("user_id"); number != nil {
		filter.UserID = journal.Is(*number)
	}
	filter.Username = v.part("username", &possible)
	if text := v.text("action_type", nil); text != nil {
		action, ok := column.ParseAction(*text)
		if !ok {
			v.refuse(fault.Problem{Field: "action_type", Reason: fault.NotChoice, Value: *text})
		}
		filter.Action = journal.Is(action)
	}
	filter.Module = v.part("module", &possible)
	if text := v.text("status", nil); text != nil {
		if *text != "0" && *text != "1" {
			v.refuse(fault.Problem{Field: "status", Reason: fault.NotChoice, Value: *text})
		}
		filter.Succeeded = journal.Is(*text == "1")
	}
	if text := v.text("ip_address", &possible); text != nil {
		filter.IPAddress = journal.Is(*text)
	}
	filter.Since, filter.Until = v.time("start_date", j), v.time("end_date", j)
	if filter.Since != nil && filter.Until != nil && *filter.Since > *filter.Until {
		v.refuse(fault.Problem{Field: "non_field_errors", Reason: fault.Clash})
	}
	if filter.Until != nil {
		*filter.Until++ // the document's end is inside, the journal's is not
	}
	return filter, possible
}

// number reads a whole number of any size, nil for an absent one.
func (v *hertzQuery) number(name string) *int64 {
	text, given := v.query[name]
	if !given {
		return nil
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // out of range it gives the nearest there is
		v.refuse(fault.Problem{Field: name, Reason: fault.WrongType})
	}
	return &n
}

// page reads a number from 1 to most.
func (v *hertzQuery) page(name string, standard, most int64) int64 {
	n := v.number(name)
	switch {
	case n == nil:
		return standard
	case len(v.problems) > 0 && v.problems[len(v.problems)-1].Field == name: // no number
	case *n < 1:
		v.refuse(fault.Problem{Field: name, Reason: fault.Outside, Detail: fault.Say("this must be at least %d.", 1)})
	case *n > most:
		v.refuse(fault.Problem{Field: name, Reason: fault.Outside, Detail: fault.Say("this must be at most %d.", most)})
	}
	return *n
}

// text reads a text without the white space around it, nil for an absent one. One
// that cannot be read leaves nothing possible.
func (v *hertzQuery) text(name string, possible *bool) *string {
	text, given := v.query[name]
	if !given {
		return nil
	}
	if text = strings.TrimSpace(text); text == unreadable && possible != nil {
		*possible = false
	}
	if len(text) > journal.MaxSearch {
		v.refuse(fault.Problem{Field: name, Reason: fault.TooLong, Limit: journal.MaxSearch})
	}
	return &text
}

// part asks for a part of a text, for nothing where the parameter is absent.
func (v *hertzQuery) part(name string, possible *bool) *journal.Where[string] {
	if text := v.text(name, possible); text != nil {
		return journal.Has(*text)
	}
	return nil
}

// time reads a time, nil for an absent one.
func (v *hertzQuery) time(name string, j *journal.Journal) *column.Time {
	t, err := v.query.time(name, j.Zone())
	if err != nil {
		v.refuse(fault.Problem{Field: name, Reason: fault.Malformed})
	}
	return t
}

type hertzPage struct {
	Logs       []hertzItem     `json:"logs"`
	Pagination hertzPagination `json:"pagination"`
}

type hertzItem struct {
	LogID             int64         `json:"log_id"`
	Username          string        `json:"username"`
	ActionType        column.Action `json:"action_type"`
	ActionTypeDisplay string        `json:"action_type_display"`
	Module            string        `json:"module"`
	Description       string        `json:"description"`
	IPAddress         *string       `json:"ip_address"`
	ResponseStatus    *int32        `json:"response_status"`
	Status            int8          `json:"status"`
	StatusDisplay     string        `json:"status_display"`
	IsSuccess         bool          `json:"is_success"`
	CreatedAt         column.Time   `json:"created_at"`
}

type hertzPagination struct {
	Page        int64 `json:"page"`
	PageSize    int64 `json:"page_size"`
	TotalCount  int64 `json:"total_count"`
	TotalPages  int64 `json:"total_pages"`
	HasNext     bool  `json:"has_next"`
	HasPrevious bool  `json:"has_previous"`
}

func hertzItemOf(row *ent.Operation) hertzItem {
	return hertzItem{
		LogID: row.ID, Username: hertzUsername(row), ActionType: row.Action, ActionTypeDisplay: hertzActions[row.Action],
		Module: row.Module, Description: row.Description, IPAddress: row.IPAddress, ResponseStatus: row.ResponseStatus,
		Status: row.Status, StatusDisplay: hertzStatuses[row.Status], IsSuccess: hertzSuccess(row), CreatedAt: row.CreatedAt,
	}
}

// hertzActions and hertzStatuses are what the document's web page shows.
var (
	hertzActions = map[column.Action]string{
		column.ActionCreate: "创建", column.ActionUpdate: "更新", column.ActionDelete: "删除", column.ActionView: "查看",
		column.ActionList: "列表查看", column.ActionLogin: "登录", column.ActionLogout: "登出",
		column.ActionExport: "导出", column.ActionImport: "导入", column.ActionOther: "其他",
	}
	hertzStatuses = map[int8]string{0: "失败", 1: "成功"}
)

// hertzUsername goes by the name alone, since the journal shows the user's number
// only to those who may ask for details.
func hertzUsername(row *ent.Operation) string {
	if row.Username == nil || *row.Username == "" {
		return "匿名用户"
	}
	return *row.Username
}

// hertzSuccess says whether an operation succeeded and, where it was answered over
// HTTP, was answered well.
func hertzSuccess(row *ent.Operation) bool {
	return row.Status == 1 && (row.ResponseStatus == nil || *row.ResponseStatus >= 200 && *row.ResponseStatus < 400)
}

// 二、操作日志详情

// detail answers with one operation. An id that is no number names none.
func (h hertz) detail(w http.ResponseWriter, r *http.Request) error {
	row, err := h.journal.Operations.Get(r.Context(), r.PathValue("log_id"))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, hertzData("获取操作日志详情成功", hertzLog{
		LogID: row.ID, User: row.UserID, Username: hertzUsername(row),
		ActionType: row.Action, ActionTypeDisplay: hertzActions[row.Action], Module: row.Module, Description: row.Description,
		TargetModel: row.TargetModel, TargetID: row.TargetID, IPAddress: row.IPAddress, UserAgent: row.UserAgent,
		RequestData: row.RequestData, FormattedRequestData: hertzFormatted(row.RequestData),
		ResponseStatus: row.ResponseStatus, Status: row.Status, StatusDisplay: hertzStatuses[row.Status],
		IsSuccess: hertzSuccess(row), CreatedAt: row.CreatedAt,
	}))
}

// hertzLog shows what is absent as null.
type hertzLog struct {
	LogID                int64         `json:"log_id"`
	User                 *int64        `json:"user"`
	Username             string        `json:"username"`
	ActionType           column.Action `json:"action_type"`
	ActionTypeDisplay    string        `json:"action_type_display"`
	Module               string        `json:"module"`
	Description          string        `json:"description"`
	TargetModel          *string       `json:"target_model"`
	TargetID             *int64        `json:"target_id"`
	IPAddress            *string       `json:"ip_address"`
	UserAgent            *string       `json:"user_agent"`
	RequestData          column.JSON   `json:"request_data"`
	FormattedRequestData string        `json:"formatted_request_data"`
	ResponseStatus       *int32        `json:"response_status"`
	Status               int8          `json:"status"`
	StatusDisplay        string        `json:"status_display"`
	IsSuccess            bool          `json:"is_success"`
	CreatedAt            column.Time   `json:"created_at"`
}

// hertzFormatted writes request data for people: indented by two spaces, keys in
// the stored order, numbers as stored, texts with no more escapes than JSON wants.
func hertzFormatted(raw column.JSON) string {
	plain := make([]byte, 0, len(raw))
	for len(raw) > 0 {
		if raw[0] != '"' {
			plain, raw = append(plain, raw[0]), raw[1:]
			continue
		}
		end := 1
		for raw[end] != '"' {
			if raw[end] == '\\' {
				end++
			}
			end++
		}
		if text, ok := rawjson.Text(raw[:end+1]); ok {
			plain = rawjson.AppendText(plain, text)
		} else {
			plain = append(plain, raw[:end+1]...)
		}
		raw = raw[end+1:]
	}
	var indented bytes.Buffer
	_ = json.Indent(&indented, plain, "", "  ") // fails only for what is absent
	return indented.String()
}

// 统一响应

type hertzEnvelope struct {
	Success bool                `json:"success"`
	Code    int                 `json:"code"`
	Message string              `json:"message"`
	Data    any                 `json:"data,omitempty"`
	Errors  map[string][]string `json:"errors,omitempty"`
}

func hertzData(message string, data any) hertzEnvelope {
	return hertzEnvelope{Success: true, Code: http.StatusOK, Message: message, Data: data}
}

func (hertz) refusal(r *http.Request, err error, say wording) (status int, envelope any) {
	status, message := hertzError(r, err, say)
	return status, hertzEnvelope{Code: status, Message: message, Errors: hertzProblems(fault.As(err).Problems, say)}
}

// hertzError is the table of errors.
func hertzError(r *http.Request, err error, say wording) (status int, message string) {
	switch {
	case errors.Is(err, errNoPath):
		return http.StatusNotFound, say("%s", errNoPath.Sentence)
	case errors.Is(err, errWrongMethod):
		return http.StatusMethodNotAllowed, say("%s", errWrongMethod.Sentence)
	}
	switch fault.KindOf(err) {
	case fault.Unauthenticated:
		if auth.Refused(r.Context()) != nil {
			return http.StatusUnauthorized, "认证令牌无效或已过期"
		}
		return http.StatusUnauthorized, "未提供认证令牌"
	case fault.Forbidden:
		if strings.HasPrefix(r.URL.Path, hertzDetail) {
			return http.StatusForbidden, "缺少权限：" + string(auth.OperationsQuery)
		}
		return http.StatusForbidden, "缺少权限：" + string(auth.OperationsList)
	case fault.NotFound:
		return http.StatusNotFound, "操作日志不存在"
	case fault.Invalid:
		return http.StatusUnprocessableEntity, "查询参数错误"
	case fault.TooMany:
		return http.StatusTooManyRequests, say("too many requests, try again later")
	case fault.Unavailable:
		return http.StatusServiceUnavailable, say("the service does not answer at the moment, try again later")
	}
	return http.StatusInternalServerError, say("internal server error")
}

// hertzProblems words what was refused, by parameter, as the original's framework
// does.
func hertzProblems(problems []fault.Problem, say wording) map[string][]string {
	texts := map[string][]string{}
	for _, p := range problems {
		texts[p.Field] = append(texts[p.Field], hertzReason(p, say))
	}
	return texts
}

func hertzReason(p fault.Problem, say wording) string {
	switch p.Reason {
	case fault.WrongType:
		return say("this must be a whole number.")
	case fault.NotChoice:
		return say("“%s” is none of the choices.", p.Value)
	case fault.Malformed:
		return say("this is no time: send ISO 8601, such as 2025-11-17T08:30:00Z.")
	case fault.Outside:
		return say("%s", p.Detail)
	case fault.TooLong:
		return say("this must be at most %d bytes long.", p.Limit)
	case fault.Clash:
		return "开始时间不能大于结束时间"
	}
	return say("not valid.")
}
