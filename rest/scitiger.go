package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/entry"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/journal"
	"logbook/internal/rawjson"
	"logbook/internal/web"
)

// scitiger is the dialect of 日志条目管理API文档: SciTigerCore's entries, for
// administrators.
type scitiger struct{ journal *journal.Journal }

const (
	scitigerPageSize    = 20
	scitigerMaxPageSize = 100
	scitigerStatsDays   = 30
	scitigerMaxBatch    = 10_000
	scitigerMaxBody     = 16 << 20 // bytes
)

func (scitiger) name() string             { return "scitiger" }
func (scitiger) base() string             { return "/api/management/logs/entries/" }
func (scitiger) language() fault.Language { return fault.Chinese }

func (s scitiger) routes() []route {
	admin := &auth.Need{Role: auth.Admin}
	return []route{
		{"GET", "/api/management/logs/entries/", admin, s.list},
		{"GET", "/api/management/logs/entries/{log_id}/", admin, s.detail},
		{"POST", "/api/management/logs/entries/", admin, s.create},
		{"POST", "/api/management/logs/entries/batch_create/", admin, s.batchCreate},
		{"POST", "/api/management/logs/entries/delete_logs/", admin, s.deleteLogs},
		{"POST", "/api/management/logs/entries/apply_retention_policies/", admin, s.applyRetentionPolicies},
		{"GET", "/api/management/logs/entries/stats/", admin, s.stats},
	}
}

// 1. 获取日志条目列表

// list answers with a page of entries, newest first unless asked otherwise.
func (s scitiger) list(w http.ResponseWriter, r *http.Request) error {
	q := queryOf(r)
	filter, possible, err := s.filter(q)
	if err != nil {
		return err
	}
	page, ok := q.number("page")
	if !ok || page < 1 {
		page = 1
	}
	size, ok := q.number("page_size")
	if !ok || size < 1 {
		size = scitigerPageSize
	}
	size = min(size, scitigerMaxPageSize)
	answered := scitigerPage{Results: []scitigerItem{}, Pagination: scitigerPagination{Page: page, PageSize: size}}
	if !possible {
		return answer(w, http.StatusOK, scitigerResults(answered))
	}
	rows, total, err := s.journal.Entries.PageAt(r.Context(), filter, journal.OffsetPage{
		Order:     scitigerOrder(q["sort_field"]),
		Ascending: q["sort_order"] != "" && q["sort_order"] != "desc",
		Offset:    int((page - 1) * size),
		Limit:     int(size),
	})
	if err != nil {
		return err
	}
	answered.Pagination.Total, answered.Pagination.TotalPages = total, (total+size-1)/size
	for _, row := range rows {
		base, err := s.entry(r.Context(), row)
		if err != nil {
			return err
		}
		answered.Results = append(answered.Results, scitigerItem{base, row.RequestID, row.Timestamp})
	}
	return answer(w, http.StatusOK, scitigerResults(answered))
}

// filter reads the list's filters. It gives false where no entry can pass: an id
// that is no UUID, an unknown level, a text that cannot be read. It fails for a
// time that cannot be.
func (s scitiger) filter(q query) (filter journal.EntryFilter, possible bool, err error) {
	if filter.Since, err = q.time("start_time", s.journal.Zone()); err != nil {
		return filter, false, err
	}
	if filter.Until, err = q.time("end_time", s.journal.Zone()); err != nil {
		return filter, false, err
	}
	if filter.Until != nil {
		*filter.Until++ // the document's end is inside, the journal's is not
	}
	possible = true
	for _, named := range []struct {
		name string
		id   **journal.Where[column.ID]
	}{{"tenant_id", &filter.TenantID}, {"category_id", &filter.CategoryID}} {
		if text, given := q[named.name]; given {
			id, ok := column.ParseID(text)
			*named.id, possible = journal.Is(id), possible && ok
		}
	}
	if text, given := q["level"]; given {
		level, ok := column.ParseLevel(text)
		filter.Level, possible = journal.Is(level), possible && ok
	}
	for _, named := range []struct {
		name string
		text **journal.Where[string]
	}{{"user_id", &filter.UserID}, {"source", &filter.Source}} {
		if text, given := q[named.name]; given {
			*named.text, possible = journal.Is(text), possible && text != unreadable
		}
	}
	if text, given := q["search_text"]; given {
		filter.Search, possible = &text, possible && text != unreadable
	}
	if filter.Search != nil && len(*filter.Search) > journal.MaxSearch {
		return filter, false, fault.Refuse(fault.Problem{
			Index: -1, Field: "search_text", Reason: fault.TooLong, Limit: journal.MaxSearch})
	}
	return filter, possible, nil
}

// scitigerOrder gives the column of a sort_field: those of the item's that have
// an index, else timestamp.
func scitigerOrder(field string) string {
	switch field {
	case entry.FieldTenantID, entry.FieldCategoryID, entry.FieldUserID, entry.FieldLevel, entry.FieldSource:
		return field
	}
	return entry.FieldTimestamp
}

type scitigerPage struct {
	Results    []scitigerItem     `json:"results"`
	Pagination scitigerPagination `json:"pagination"`
}

type scitigerItem struct {
	scitigerEntry
	RequestID *string     `json:"request_id"`
	Timestamp column.Time `json:"timestamp"`
}

// scitigerEntry is what list and detail have in common. Absent tenant, category
// and user are left out, what else is absent is null.
type scitigerEntry struct {
	ID           column.ID    `json:"id"`
	TenantID     *column.ID   `json:"tenant_id,omitempty"`
	TenantName   *string      `json:"tenant_name,omitempty"`
	CategoryID   *column.ID   `json:"category_id,omitempty"`
	CategoryName *string      `json:"category_name,omitempty"`
	CategoryCode *string      `json:"category_code,omitempty"`
	Level        column.Level `json:"level"`
	Message      string       `json:"message"`
	Source       *string      `json:"source"`
	UserID       *string      `json:"user_id,omitempty"`
	Username     *string      `json:"username,omitempty"`
	IPAddress    *string      `json:"ip_address"`
}

type scitigerPagination struct {
	Page       int64 `json:"page"`
	PageSize   int64 `json:"page_size"`
	Total      int64 `json:"total"`
	TotalPages int64 `json:"total_pages"`
}

// entry gives a row as the document shows it, with its names.
func (s scitiger) entry(ctx context.Context, row *ent.Entry) (scitigerEntry, error) {
	e := scitigerEntry{
		ID: row.ID, TenantID: row.TenantID, CategoryID: row.CategoryID, Level: row.Level, Message: row.Message,
		Source: row.Source, UserID: row.UserID, Username: row.Username, IPAddress: row.IPAddress,
	}
	tenant, err := s.journal.Tenant(ctx, row.TenantID)
	if err != nil {
		return e, err
	}
	category, err := s.journal.Category(ctx, row.CategoryID)
	if err != nil {
		return e, err
	}
	if tenant != nil {
		e.TenantName = &tenant.Name
	}
	if category != nil {
		e.CategoryName, e.CategoryCode = &category.Name, &category.Code
	}
	return e, nil
}

// 2. 获取日志条目详情

// detail answers with one entry. An id that is no UUID names none.
func (s scitiger) detail(w http.ResponseWriter, r *http.Request) error {
	id, ok := column.ParseID(r.PathValue("log_id"))
	if !ok {
		return fault.New(fault.NotFound, "the id of an entry is a UUID")
	}
	row, err := s.journal.Entries.Get(r.Context(), id.String())
	if err != nil {
		return err
	}
	base, err := s.entry(r.Context(), row)
	if err != nil {
		return err
	}
	metadata := row.Metadata
	if metadata == nil {
		metadata = column.JSON("{}")
	}
	return answer(w, http.StatusOK, scitigerResults(scitigerDetail{
		base, row.UserAgent, row.RequestID, metadata, row.Timestamp}))
}

type scitigerDetail struct {
	scitigerEntry
	UserAgent *string     `json:"user_agent"`
	RequestID *string     `json:"request_id"`
	Metadata  column.JSON `json:"metadata"`
	Timestamp column.Time `json:"timestamp"`
}

// 3. 创建日志条目

// create stores one entry. Id and time are the server's; nothing is taken from the
// caller's own identity or address.
func (s scitiger) create(w http.ResponseWriter, r *http.Request) error {
	body, err := readObject(w, r, scitigerMaxBody)
	if err != nil {
		return err
	}
	draft, err := s.draft(r.Context(), body)
	if err != nil {
		return err
	}
	if err := body.err(); err != nil {
		return err
	}
	rows, err := s.journal.Entries.Append(r.Context(), []journal.EntryDraft{draft})
	if err != nil {
		return withoutIndex(err)
	}
	created, err := s.created(r.Context(), rows[0])
	if err != nil {
		return err
	}
	if created.Metadata == nil {
		created.Metadata = column.JSON("{}")
	}
	return answer(w, http.StatusCreated, scitigerDone("日志条目创建成功", created))
}

// draft reads an entry's fields in the document's order and notes in the object
// what is wrong with them. It fails where the journal does not answer.
func (s scitiger) draft(ctx context.Context, o *object) (journal.EntryDraft, error) {
	var d journal.EntryDraft
	if message := o.text("message"); message != nil {
		d.Message = *message
	} else if len(o.problems) == 0 {
		o.refuse("message", fault.Required, "", fault.Sentence{})
	}
	if name := o.text("level"); name != nil {
		level, ok := column.ParseLevel(*name)
		if !ok {
			o.refuse("level", fault.NotChoice, *name, fault.Sentence{})
		}
		d.Level = &level
	}
	d.CategoryID = o.id("category_id")
	if code := o.text("category_code"); code != nil {
		category, err := s.journal.CategoryByCode(ctx, *code)
		switch {
		case err != nil:
			return d, err
		case category == nil:
			o.refuse("category_code", fault.Unknown, *code, fault.Sentence{})
		case d.CategoryID != nil && *d.CategoryID != category.ID:
			o.refuse("category_code", fault.Clash, *code, fault.Say("names another category than category_id"))
		default:
			d.CategoryID = &category.ID
		}
	}
	d.TenantID = o.id("tenant_id")
	d.UserID = o.text("user_id")
	d.Source = o.text("source")
	if d.IPAddress = o.text("ip_address"); d.IPAddress != nil {
		if _, err := netip.ParseAddr(*d.IPAddress); err != nil {
			o.refuse("ip_address", fault.Malformed, *d.IPAddress, fault.Say("an IP address"))
		}
	}
	d.UserAgent = o.text("user_agent")
	d.RequestID = o.text("request_id")
	d.Metadata = column.JSON(o.value("metadata", fault.Say("an object")))
	return d, nil
}

// scitigerCreated is an entry as create and batch_create answer it. The document's
// examples show other keys here than in list and detail, in another order, and
// none at all for the address, agent and request id that their requests leave
// out. So these three, like tenant, category and user, stand only where the entry
// has them; source is always there, null when absent; metadata is always there
// in create, {} when absent, and in batch_create only where the row has some.
type scitigerCreated struct {
	ID           column.ID    `json:"id"`
	Message      string       `json:"message"`
	Level        column.Level `json:"level"`
	CategoryID   *column.ID   `json:"category_id,omitempty"`
	CategoryName *string      `json:"category_name,omitempty"`
	TenantID     *column.ID   `json:"tenant_id,omitempty"`
	TenantName   *string      `json:"tenant_name,omitempty"`
	UserID       *string      `json:"user_id,omitempty"`
	Username     *string      `json:"username,omitempty"`
	Source       *string      `json:"source"`
	IPAddress    *string      `json:"ip_address,omitempty"`
	UserAgent    *string      `json:"user_agent,omitempty"`
	RequestID    *string      `json:"request_id,omitempty"`
	Metadata     column.JSON  `json:"metadata,omitempty"`
	Timestamp    column.Time  `json:"timestamp"`
}

func (s scitiger) created(ctx context.Context, row *ent.Entry) (scitigerCreated, error) {
	e, err := s.entry(ctx, row)
	return scitigerCreated{
		ID: e.ID, Message: e.Message, Level: e.Level, CategoryID: e.CategoryID, CategoryName: e.CategoryName,
		TenantID: e.TenantID, TenantName: e.TenantName, UserID: e.UserID, Username: e.Username, Source: e.Source,
		IPAddress: e.IPAddress, UserAgent: row.UserAgent, RequestID: row.RequestID, Metadata: row.Metadata,
		Timestamp: row.Timestamp,
	}, err
}

// 4. 批量创建日志条目

// batchCreate stores all entries of a batch, or none.
func (s scitiger) batchCreate(w http.ResponseWriter, r *http.Request) error {
	body, err := readObject(w, r, scitigerMaxBody)
	if err != nil {
		return err
	}
	logs := body.value("logs", fault.Say("an array"))
	if logs == nil && len(body.problems) == 0 {
		body.refuse("logs", fault.Required, "", fault.Sentence{})
	}
	if err := body.err(); err != nil {
		return err
	}
	drafts, err := s.drafts(r.Context(), logs)
	if err != nil {
		return err
	}
	rows, err := s.journal.Entries.Append(r.Context(), drafts)
	if err != nil {
		return err
	}
	created := make([]scitigerCreated, len(rows))
	for i, row := range rows {
		if created[i], err = s.created(r.Context(), row); err != nil {
			return err
		}
	}
	return answer(w, http.StatusCreated, scitigerDone(fmt.Sprintf("成功创建%d条日志", len(rows)), created))
}

// drafts reads the rows of a batch. It fails with all that is wrong with any.
func (s scitiger) drafts(ctx context.Context, logs []byte) ([]journal.EntryDraft, error) {
	var drafts []journal.EntryDraft
	var problems []fault.Problem
	err := rawjson.Elements(logs, func(index int, raw []byte) error {
		if index == scitigerMaxBatch {
			return fault.New(fault.TooLarge, "a batch holds at most %d rows", scitigerMaxBatch)
		}
		row, err := objectOf(raw, index)
		if err != nil {
			problems = append(problems, fault.As(err).Problems...)
			return nil
		}
		draft, err := s.draft(ctx, row)
		drafts, problems = append(drafts, draft), append(problems, row.problems...)
		return err
	})
	if err == nil && len(problems) > 0 {
		err = fault.Refuse(problems...)
	}
	return drafts, err
}

// 5. 删除日志

// errNoCondition refuses a deletion that would delete everything.
var errNoCondition = fault.New(fault.Invalid, "a deletion needs a tenant, a category or a time")

// deleteLogs deletes the entries that meet all conditions. A condition that
// cannot be read deletes nothing.
func (s scitiger) deleteLogs(w http.ResponseWriter, r *http.Request) error {
	body, err := readObject(w, r, scitigerMaxBody)
	if err != nil {
		return err
	}
	var purge journal.EntryFilter
	if id := body.id("tenant_id"); id != nil {
		purge.TenantID = journal.Is(*id)
	}
	if id := body.id("category_id"); id != nil {
		purge.CategoryID = journal.Is(*id)
	}
	purge.Until = body.time("before_date", s.journal.Zone())
	if err := body.err(); err != nil {
		return err
	}
	if purge.TenantID == nil && purge.CategoryID == nil && purge.Until == nil {
		return errNoCondition
	}
	web.TakeTime(w, r)
	count, err := s.journal.Entries.Purge(r.Context(), purge)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, scitigerDone(fmt.Sprintf("成功删除%d条日志", count), scitigerDeleted{count}))
}

type scitigerDeleted struct {
	DeletedCount int64 `json:"deleted_count"`
}

// 6. 应用日志保留策略

// applyRetentionPolicies deletes the entries that have outlived their policy. It
// does not look at the body.
func (s scitiger) applyRetentionPolicies(w http.ResponseWriter, r *http.Request) error {
	web.TakeTime(w, r)
	retained, err := s.journal.ApplyRetention(r.Context(), false)
	if err != nil {
		return err
	}
	var count int64
	for _, one := range retained {
		count += one.Count
	}
	return answer(w, http.StatusOK, scitigerDone(fmt.Sprintf("成功删除%d条过期日志", count), scitigerDeleted{count}))
}

// 7. 获取日志统计信息

// stats answers with the figures of the last days × 24 hours; the journal clamps
// the days.
func (s scitiger) stats(w http.ResponseWriter, r *http.Request) error {
	q := queryOf(r)
	days, ok := q.number("days")
	if !ok {
		days = scitigerStatsDays
	}
	var tenant *column.ID
	if text, given := q["tenant_id"]; given {
		id, ok := column.ParseID(text)
		if !ok { // no entry has such a tenant
			return answer(w, http.StatusOK, scitigerResults(scitigerStatsOf(&journal.EntryStats{})))
		}
		tenant = &id
	}
	counted, err := s.journal.EntryStats(r.Context(), tenant, int(days))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, scitigerResults(scitigerStatsOf(counted)))
}

type scitigerStats struct {
	TotalLogs      int64            `json:"total_logs"`
	LogsByLevel    scitigerLevels   `json:"logs_by_level"`
	LogsByCategory map[string]int64 `json:"logs_by_category"` // by code, which encodes in order
	DailyStats     []scitigerDay    `json:"daily_stats"`
}

type scitigerLevels struct {
	Debug    int64 `json:"debug"`
	Info     int64 `json:"info"`
	Warning  int64 `json:"warning"`
	Error    int64 `json:"error"`
	Critical int64 `json:"critical"`
}

type scitigerDay struct {
	Date    string         `json:"date"`
	Count   int64          `json:"count"`
	ByLevel scitigerLevels `json:"by_level"`
}

func scitigerStatsOf(counted *journal.EntryStats) scitigerStats {
	stats := scitigerStats{
		TotalLogs: counted.Total, LogsByLevel: scitigerLevelsOf(counted.ByLevel),
		LogsByCategory: map[string]int64{}, DailyStats: []scitigerDay{},
	}
	for _, one := range counted.ByCategory {
		code := "uncategorized"
		if one.Category != nil {
			code = one.Category.Code
		}
		stats.LogsByCategory[code] += one.Count
	}
	for _, day := range counted.Daily {
		stats.DailyStats = append(stats.DailyStats, scitigerDay{day.Date, day.Count, scitigerLevelsOf(day.ByLevel)})
	}
	return stats
}

func scitigerLevelsOf(counts []journal.LevelCount) (levels scitigerLevels) {
	for _, one := range counts {
		switch one.Level {
		case column.Debug:
			levels.Debug = one.Count
		case column.Info:
			levels.Info = one.Count
		case column.Warning:
			levels.Warning = one.Count
		case column.Error:
			levels.Error = one.Count
		case column.Critical:
			levels.Critical = one.Count
		}
	}
	return levels
}

// 统一响应格式

type scitigerEnvelope struct {
	Success bool   `json:"success"`
	Message string `json:"message,omitempty"`
	Results any    `json:"results,omitempty"`
}

func scitigerResults(results any) scitigerEnvelope {
	return scitigerEnvelope{Success: true, Results: results}
}

func scitigerDone(message string, results any) scitigerEnvelope {
	return scitigerEnvelope{true, message, results}
}

func (scitiger) refusal(r *http.Request, err error, say wording) (status int, envelope any) {
	status, message := scitigerError(r.Context(), err, say)
	return status, scitigerEnvelope{Message: message}
}

// scitigerError is the table of errors.
func scitigerError(ctx context.Context, err error, say wording) (status int, message string) {
	switch {
	case errors.Is(err, errNoPath):
		return http.StatusNotFound, say("%s", errNoPath.Sentence)
	case errors.Is(err, errWrongMethod):
		return http.StatusMethodNotAllowed, say("%s", errWrongMethod.Sentence)
	case errors.Is(err, errNoCondition):
		return http.StatusBadRequest, "必须提供至少一个过滤条件"
	}
	switch known := fault.As(err); known.Kind {
	case fault.Unauthenticated:
		if auth.Refused(ctx) != nil {
			return http.StatusUnauthorized, say("the credential is not valid or has expired")
		}
		return http.StatusUnauthorized, "认证凭据未提供"
	case fault.Forbidden:
		return http.StatusForbidden, say("you may not do this")
	case fault.NotFound:
		return http.StatusNotFound, "日志条目不存在"
	case fault.Invalid:
		return http.StatusBadRequest, scitigerProblems(known.Problems, say)
	case fault.Conflict:
		return http.StatusConflict, say("this contradicts what is stored")
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge, say("the request is too large: a batch holds at most %d entries, a body %d MiB", scitigerMaxBatch, scitigerMaxBody>>20)
	case fault.TooMany:
		return http.StatusTooManyRequests, say("too many requests, try again later")
	case fault.Unavailable:
		return http.StatusServiceUnavailable, say("the service does not answer at the moment, try again later")
	}
	return http.StatusInternalServerError, say("internal server error")
}

// scitigerProblems words what was refused, ten problems at most.
func scitigerProblems(problems []fault.Problem, say wording) string {
	if len(problems) == 0 {
		return say("the request cannot be read")
	}
	const most = 10
	texts := make([]string, 0, most)
	for _, p := range problems[:min(len(problems), most)] {
		field := p.Field
		if p.Index >= 0 {
			field = strings.TrimSuffix("logs["+strconv.Itoa(p.Index)+"]."+field, ".")
		}
		texts = append(texts, field+": "+scitigerReason(p, say))
	}
	text := strings.Join(texts, ", ")
	if len(problems) > most {
		text += say(" (%d errors in all)", len(problems))
	}
	return text
}

func scitigerReason(p fault.Problem, say wording) string {
	value := ""
	if p.Value != "" {
		value = "“" + p.Value + "” "
	}
	switch p.Reason {
	case fault.Required:
		return "该字段是必填项。"
	case fault.WrongType:
		return say("wrong type: this must be %s.", scitigerThing(p.Detail))
	case fault.NotChoice:
		return value + "不是合法选项。"
	case fault.TooLong:
		return say("longer than %d bytes.", p.Limit)
	case fault.Malformed:
		return say("%sis not %s.", value, scitigerThing(p.Detail))
	case fault.Unknown:
		return say("%sdoes not exist.", value)
	case fault.Outside, fault.BadJSON:
		return say("out of range: numbers go up to 2^53, nesting goes to 64 levels.")
	case fault.Clash:
		return say("stands twice, or contradicts another field.")
	}
	return say("not valid.")
}

// scitigerThing names what a value should have been.
func scitigerThing(thing fault.Sentence) fault.Sentence {
	switch thing.String() {
	case "a string", "an object", "an array", "a UUID", "an IP address", "a time", "JSON":
		return thing
	}
	return fault.Say("a proper value")
}

// withoutIndex takes out the row numbers that the journal gives every draft, for a
// request that is no batch.
func withoutIndex(err error) error {
	var refused *fault.Error
	if errors.As(err, &refused) {
		for i := range refused.Problems {
			refused.Problems[i].Index = -1
		}
	}
	return err
}
