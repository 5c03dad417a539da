package rest

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
	"logbook/internal/web"
)

// newapi is the dialect of 日志模块: New API's usage log, for users, administrators
// and whoever holds a key.
type newapi struct {
	journal *journal.Journal
	keys    Keys
}

const (
	newapiPageSize    = 20
	newapiMaxPageSize = 100
	newapiMaxFound    = 100   // records that a search gives
	newapiMaxOfToken  = 1_000 // records that a key gives
)

func (newapi) name() string             { return "newapi" }
func (newapi) base() string             { return "/api/log/" }
func (newapi) language() fault.Language { return fault.Chinese }

func (n newapi) routes() []route {
	user, admin := &auth.Need{}, &auth.Need{Role: auth.Admin}
	return []route{
		{"GET", "/api/log/token", anybody, n.token},
		{"GET", "/api/log/self/stat", user, newapiSigned(n.selfStat)},
		{"GET", "/api/log/self", user, newapiSigned(n.selfList)},
		{"GET", "/api/log/self/search", user, newapiSigned(n.selfSearch)},
		{"GET", "/api/log/", admin, newapiSigned(n.list)},
		{"DELETE", "/api/log/", admin, newapiSigned(n.deleteHistory)},
		{"GET", "/api/log/stat", admin, newapiSigned(n.stat)},
		{"GET", "/api/log/search", admin, newapiSigned(n.search)},
	}
}

// newapiSigned passes callers who say in New-Api-User, too, who they are.
func newapiSigned(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := newapiUser(r); err != nil {
			return err
		}
		return next(w, r)
	}
}

// What New-Api-User can be.
var (
	errNoNewAPIUser    = fault.New(fault.Unauthenticated, "the header New-Api-User is missing")
	errBadNewAPIUser   = fault.New(fault.Unauthenticated, "the header New-Api-User is no number")
	errOtherNewAPIUser = fault.New(fault.Unauthenticated, "the header New-Api-User names somebody else than the credential")
)

func newapiUser(r *http.Request) error {
	said := strings.TrimSpace(r.Header.Get("New-Api-User"))
	if said == "" {
		return errNoNewAPIUser
	}
	id, err := strconv.ParseInt(said, 10, 64)
	if err != nil {
		return errBadNewAPIUser
	}
	caller := auth.From(r.Context())
	if caller == nil {
		return errOtherNewAPIUser
	}
	if own, err := strconv.ParseInt(caller.Subject, 10, 64); err != nil || own != id {
		return errOtherNewAPIUser
	}
	return nil
}

// newapiOwn gives the context in which the journal shows the caller its own records
// and nothing that only administrators may see, whatever the caller's role is. It
// gives false for a caller who can have none: user 0.
func newapiOwn(ctx context.Context) (own context.Context, some bool) {
	caller := auth.From(ctx)
	user := &auth.Principal{Subject: caller.Subject, Username: caller.Username, Role: auth.User, Tenant: caller.Tenant}
	_, some = user.Own()
	return auth.With(ctx, user), some
}

// 根据 Token 查询日志

// token answers with the newest records of a key, to whoever has it.
func (n newapi) token(w http.ResponseWriter, r *http.Request) error {
	key := strings.TrimSpace(queryOf(r)["key"])
	if key == "" {
		key = newapiBearer(r)
	}
	if key == "" {
		return fault.New(fault.NotFound, "there is no key")
	}
	token, err := n.keys(r.Context(), key)
	if err != nil {
		return err
	}
	holder := &auth.Principal{
		Subject: strconv.FormatInt(token.UserID, 10), Role: auth.User, Tenant: (*[16]byte)(token.TenantID),
	}
	_, owned := holder.Own()
	if !owned {
		// No user stands behind the key, so whose own the records are, only their
		// token says.
		holder.Role, holder.Permissions = auth.Viewer, []auth.Permission{auth.UsageRead}
	}
	filter := journal.UsageRecordFilter{TokenID: journal.Is(token.ID)}
	rows, err := n.journal.UsageRecords.Newest(auth.With(r.Context(), holder), filter, newapiMaxOfToken)
	if err != nil {
		return err
	}
	if !owned {
		for _, row := range rows {
			journal.HideFromOwner(row)
		}
	}
	return answer(w, http.StatusOK, newapiData(newapiItems(rows)))
}

// newapiBearer gives what Authorization brings, "Bearer " in front of it or not.
func newapiBearer(r *http.Request) string {
	value := strings.TrimSpace(r.Header.Get("Authorization"))
	if scheme, rest, _ := strings.Cut(value, " "); strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(rest)
	}
	return value
}

// 我的日志统计

// selfStat answers with the sums of the caller's own records.
func (n newapi) selfStat(w http.ResponseWriter, r *http.Request) error {
	q := queryOf(r)
	delete(q, "username")
	own, some := newapiOwn(r.Context())
	return n.sum(own, w, q, some)
}

// sum answers with the sums of the records that a query's filters leave, of type
// consume where it names none. Where possible is false there are none.
func (n newapi) sum(ctx context.Context, w http.ResponseWriter, q query, possible bool) error {
	filter, readable := newapiFilter(q)
	if filter.Type == nil {
		filter.Type = journal.Is(column.Consume)
	}
	if !possible || !readable {
		return answer(w, http.StatusOK, newapiData(newapiStat{}))
	}
	stats, err := n.journal.UsageStats(ctx, filter)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, newapiData(newapiStat{stats.Quota, stats.RequestsPerMinute, stats.TokensPerMinute}))
}

type newapiStat struct {
	Quota int64 `json:"quota"`
	RPM   int64 `json:"rpm"`
	TPM   int64 `json:"tpm"`
}

// 获取我的日志

// selfList answers with a page of the caller's own records.
func (n newapi) selfList(w http.ResponseWriter, r *http.Request) error {
	q := queryOf(r)
	delete(q, "username")
	delete(q, "channel")
	own, some := newapiOwn(r.Context())
	return n.page(own, w, q, some)
}

// 搜索我的日志

// selfSearch answers with the newest of the caller's own records that have to do
// with the keyword, none without one.
func (n newapi) selfSearch(w http.ResponseWriter, r *http.Request) error {
	keyword, given := queryOf(r)["keyword"]
	own, some := newapiOwn(r.Context())
	return n.find(own, w, &journal.UsageKeyword{Text: keyword, Models: true}, given && some)
}

// find answers with the newest records that have to do with a keyword, nil for all
// records. Where possible is false there are none.
func (n newapi) find(ctx context.Context, w http.ResponseWriter, keyword *journal.UsageKeyword, possible bool) error {
	if !possible || keyword != nil && keyword.Text == unreadable {
		return answer(w, http.StatusOK, newapiData(newapiItems(nil)))
	}
	rows, err := n.journal.UsageRecords.Newest(ctx, journal.UsageRecordFilter{Keyword: keyword}, newapiMaxFound)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, newapiData(newapiItems(rows)))
}

// 获取全部日志

// list answers with a page of all records.
func (n newapi) list(w http.ResponseWriter, r *http.Request) error {
	return n.page(r.Context(), w, queryOf(r), true)
}

// page answers with a page of the records that a query's filters leave, newest
// first. Where possible is false there are none.
func (n newapi) page(ctx context.Context, w http.ResponseWriter, q query, possible bool) error {
	page, ok := q.number("p")
	if !ok || page < 1 {
		page = 1
	}
	size := int64(newapiPageSize)
	for _, name := range []string{"page_size", "ps", "size"} {
		if asked, ok := q.number(name); ok && asked >= 1 {
			size = min(asked, newapiMaxPageSize)
			break
		}
	}
	answered := newapiPage{Items: newapiItems(nil), Page: page, PageSize: size}
	filter, readable := newapiFilter(q)
	if !possible || !readable {
		return answer(w, http.StatusOK, newapiData(answered))
	}
	rows, total, err := n.journal.UsageRecords.PageAt(ctx, filter, journal.OffsetPage{
		Offset: int((page - 1) * size), Limit: int(size),
	})
	if err != nil {
		return err
	}
	answered.Items, answered.Total = newapiItems(rows), total
	return answer(w, http.StatusOK, newapiData(answered))
}

// newapiFilter reads the filters of lists and sums. It gives false where no record
// can pass, because a text cannot be read; a number that cannot is no filter.
func newapiFilter(q query) (filter journal.UsageRecordFilter, readable bool) {
	if number, ok := q.number("type"); ok && number != 0 {
		asked, known := column.ParseUsageType(number)
		if !known {
			asked = 0 // which no record has
		}
		filter.Type = journal.Is(asked)
	}
	filter.Since = newapiTime(q, "start_timestamp")
	if filter.Until = newapiTime(q, "end_timestamp"); filter.Until != nil {
		*filter.Until += newapiSecond // the document's end is inside, the journal's is not
	}
	readable = true
	for _, named := range []struct {
		name string
		text **journal.Where[string]
	}{{"username", &filter.Username}, {"token_name", &filter.TokenName}, {"group", &filter.Group}} {
		if text, given := q[named.name]; given {
			*named.text, readable = journal.Is(text), readable && text != unreadable
		}
	}
	if text, given := q["model_name"]; given {
		filter.ModelLike, readable = &text, readable && text != unreadable
	}
	if channel, ok := q.number("channel"); ok && channel != 0 {
		filter.ChannelID = journal.Is(channel)
	}
	return filter, readable
}

const newapiSecond = column.Time(1_000_000)

// newapiTime reads a time in whole seconds since 1970, nil for one that is absent,
// unreadable or 0. One beyond the years that records have stands right beyond them.
func newapiTime(q query, name string) *column.Time {
	seconds, ok := q.number(name)
	if !ok || seconds == 0 {
		return nil
	}
	first, last := column.MinTime/newapiSecond, column.MaxTime/newapiSecond
	at := min(max(column.Time(seconds), first-1), last+1) * newapiSecond
	return &at
}

type newapiPage struct {
	Items    []newapiItem `json:"items"`
	Total    int64        `json:"total"`
	Page     int64        `json:"page"`
	PageSize int64        `json:"page_size"`
}

// newapiItem is a record as every endpoint shows it.
type newapiItem struct {
	ID               int64            `json:"id"`
	UserID           int64            `json:"user_id"`
	CreatedAt        int64            `json:"created_at"`
	Type             column.UsageType `json:"type"`
	Content          string           `json:"content"`
	Username         string           `json:"username"`
	TokenName        string           `json:"token_name"`
	ModelName        string           `json:"model_name"`
	Quota            int64            `json:"quota"`
	PromptTokens     int64            `json:"prompt_tokens"`
	CompletionTokens int64            `json:"completion_tokens"`
	UseTime          int64            `json:"use_time"`
	IsStream         bool             `json:"is_stream"`
	ChannelID        int64            `json:"channel_id"`
	Channel          int64            `json:"channel"` // the same, as New API's own page reads it
	ChannelName      string           `json:"channel_name"`
	TokenID          int64            `json:"token_id"`
	Group            string           `json:"group"`
	IP               string           `json:"ip"`
	Other            string           `json:"other"`
}

func newapiItems(rows []*ent.UsageRecord) []newapiItem {
	items := make([]newapiItem, len(rows))
	for i, row := range rows {
		items[i] = newapiItem{
			ID: row.ID, UserID: row.UserID, CreatedAt: row.CreatedAt.Time().Unix(), Type: row.Type, Content: row.Content,
			Username: row.Username, TokenName: row.TokenName, ModelName: row.ModelName, Quota: row.Quota,
			PromptTokens: row.PromptTokens, CompletionTokens: row.CompletionTokens, UseTime: row.UseTime,
			IsStream: row.IsStream, ChannelID: row.ChannelID, Channel: row.ChannelID, ChannelName: row.ChannelName,
			TokenID: row.TokenID, Group: row.Group, IP: row.IP, Other: row.Other,
		}
	}
	return items
}

// 删除历史日志

// errNoTarget refuses a deletion that does not say how much to delete.
var errNoTarget = fault.New(fault.Invalid, "a deletion needs a time")

// deleteHistory deletes the records before a time.
func (n newapi) deleteHistory(w http.ResponseWriter, r *http.Request) error {
	target := newapiTime(queryOf(r), "target_timestamp")
	if target == nil || *target > column.MaxTime {
		// Beyond the years it is no time in seconds: a caller that sends milliseconds
		// would lose every record.
		return errNoTarget
	}
	web.TakeTime(w, r)
	count, err := n.journal.UsageRecords.Purge(r.Context(), journal.UsageRecordFilter{Until: target})
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, newapiData(count))
}

// 日志统计

// stat answers with the sums of all records.
func (n newapi) stat(w http.ResponseWriter, r *http.Request) error {
	return n.sum(r.Context(), w, queryOf(r), true)
}

// 搜索全部日志

// search answers with the newest records that have to do with the keyword, of all
// without one.
func (n newapi) search(w http.ResponseWriter, r *http.Request) error {
	keyword, given := queryOf(r)["keyword"]
	if !given {
		return n.find(r.Context(), w, nil, true)
	}
	return n.find(r.Context(), w, &journal.UsageKeyword{Text: keyword}, true)
}

// The envelope. Its message is there in success too, and empty.

type newapiEnvelope struct {
	Success bool   `json:"success"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

func newapiData(data any) newapiEnvelope { return newapiEnvelope{Success: true, Data: data} }

func (newapi) refusal(r *http.Request, err error, say wording) (status int, envelope any) {
	status, message := newapiError(r, err, say)
	return status, newapiEnvelope{Message: message}
}

// newapiError is the table of errors. Most are answered with status 200, as
// New API does.
func newapiError(r *http.Request, err error, say wording) (status int, message string) {
	path := strings.TrimSuffix(r.URL.Path, "/")
	switch {
	case errors.Is(err, errNoPath):
		return http.StatusNotFound, say("%s", errNoPath.Sentence)
	case errors.Is(err, errWrongMethod):
		return http.StatusMethodNotAllowed, say("%s", errWrongMethod.Sentence)
	case fault.KindOf(err) == fault.TooMany:
		return http.StatusTooManyRequests, say("too many requests, try again later")
	case strings.HasSuffix(path, "/token"):
		return http.StatusOK, "Token不存在或无权限"
	case errors.Is(err, errNoNewAPIUser):
		return http.StatusUnauthorized, say("%s", errNoNewAPIUser.Sentence)
	case errors.Is(err, errBadNewAPIUser):
		return http.StatusUnauthorized, say("%s", errBadNewAPIUser.Sentence)
	case errors.Is(err, errOtherNewAPIUser):
		return http.StatusUnauthorized, say("%s", errOtherNewAPIUser.Sentence)
	case errors.Is(err, errNoTarget):
		return http.StatusOK, "target timestamp is required"
	}
	switch fault.KindOf(err) {
	case fault.Unauthenticated:
		if auth.Refused(r.Context()) != nil {
			return http.StatusOK, say("the access token is not valid")
		}
		return http.StatusUnauthorized, say("nobody is signed in, and there is no access token")
	case fault.Forbidden:
		if err := newapiUser(r); err != nil { // asked first, whatever the role is
			return newapiError(r, err, say)
		}
		return http.StatusOK, "无权进行此操作，权限不足"
	}
	switch {
	case r.Method == http.MethodDelete:
		return http.StatusOK, say("the deletion failed")
	case strings.HasSuffix(path, "/stat"):
		return http.StatusOK, "获取统计信息失败"
	case strings.HasSuffix(path, "/search"):
		return http.StatusOK, "搜索日志失败"
	}
	return http.StatusOK, "获取日志失败"
}
