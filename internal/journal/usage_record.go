package journal

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/schema"
	"logbook/ent/usagerecord"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// UsageRecordDraft is a usage record on its way in. Numbers and texts that are not
// known are 0 and "".
type UsageRecordDraft struct {
	ID               *int64       // nil: made
	CreatedAt        *column.Time // nil: now; cut to whole seconds
	TenantID         *column.ID   // nil: the tenant the principal is bound to, or none
	Type             column.UsageType
	UserID           int64 // the user's id in Logbook
	Username         string
	TokenID          int64
	TokenName        string
	ModelName        string
	Quota            int64
	PromptTokens     int64
	CompletionTokens int64
	UseTime          int64 // seconds
	IsStream         bool
	ChannelID        int64
	ChannelName      string
	Group            string
	IP               string
	Content          string
	Other            string // mostly a text that holds JSON
}

// UsageRecordFilter says which usage records are asked for; an absent field asks
// nothing.
type UsageRecordFilter struct {
	Since     *column.Time // at this instant or later
	Until     *column.Time // before this instant
	TenantID  *Where[column.ID]
	Type      *Where[column.UsageType]
	UserID    *Where[int64]
	Username  *Where[string]
	TokenID   *Where[int64]
	TokenName *Where[string]
	ModelName *Where[string]
	ModelLike *string // a pattern: % is any text, _ any character; the case of ASCII letters does not matter
	ChannelID *Where[int64]
	Group     *Where[string]
	Search    *string // part of the content; the case of ASCII letters does not matter
	Keyword   *UsageKeyword

	// Within MaxScan only.
	IP               *Where[string]
	IsStream         *Where[bool]
	Quota            *Where[int64]
	PromptTokens     *Where[int64]
	CompletionTokens *Where[int64]
	UseTime          *Where[int64]
	Other            []*WhereMember // of the records whose Other is a JSON object
}

// ReadsRows says whether the filter finds usage records by reading them one by one.
func (f *UsageRecordFilter) ReadsRows() bool {
	return asksPart(f.Search) || f.Group != nil || f.IP != nil || f.IsStream != nil || f.Quota != nil ||
		f.PromptTokens != nil || f.CompletionTokens != nil || f.UseTime != nil || len(f.Other) > 0 || f.Keyword != nil
}

// UsageKeyword asks for the records that have to do with a word in one of the ways
// of the newapi system. The case of ASCII letters does not matter.
type UsageKeyword struct {
	Text   string // part of the content, or the type's number
	Models bool   // or part of the model's name
}

type (
	// UsageLog keeps the usage records.
	UsageLog = Log[ent.UsageRecord, UsageRecordDraft, UsageRecordFilter]
	// UsageRecordConnection is a page of usage records.
	UsageRecordConnection = Connection[ent.UsageRecord]
	// UsageRecordEdge is one of usage records with its cursor.
	UsageRecordEdge = Edge[ent.UsageRecord]
	// UsageRecordAppended is a usage record that was appended.
	UsageRecordAppended = Appended[ent.UsageRecord]
)

// The dimensions of usage records.
const (
	usageByModel   int8 = 2
	usageByUser         = schema.UsageByUser // number and name
	usageByToken   int8 = 4                  // number and name
	usageByChannel int8 = 5
	usageByGroup   int8 = 6

	// What counts names in front of their numbers knows the numbers of a name. Nothing
	// else is asked of it, so it has the widest buckets only.
	usageByUsername int8 = 7
)

var usageRecords = &table[ent.UsageRecord, UsageRecordDraft, UsageRecordFilter]{
	kind: schema.KindUsage, noun: fault.Say("usage record"), idName: "id", name: usagerecord.Table,
	id: usagerecord.FieldID, time: usagerecord.FieldCreatedAt, class: usagerecord.FieldType,
	append: auth.UsageWrite, wholeSeconds: true,
	columns: []attribute[ent.UsageRecord]{
		{usagerecord.FieldID, func(u *ent.UsageRecord) any { return u.ID }, itself},
		{usagerecord.FieldTenantID, func(u *ent.UsageRecord) any { return idOf(u.TenantID) }, content},
		{usagerecord.FieldUserID, func(u *ent.UsageRecord) any { return u.UserID }, content},
		{usagerecord.FieldCreatedAt, func(u *ent.UsageRecord) any { return int64(u.CreatedAt) }, moment},
		{usagerecord.FieldType, func(u *ent.UsageRecord) any { return int64(u.Type) }, content},
		{usagerecord.FieldUsername, func(u *ent.UsageRecord) any { return u.Username }, content},
		{usagerecord.FieldTokenName, func(u *ent.UsageRecord) any { return u.TokenName }, content},
		{usagerecord.FieldModelName, func(u *ent.UsageRecord) any { return u.ModelName }, content},
		{usagerecord.FieldQuota, func(u *ent.UsageRecord) any { return u.Quota }, content},
		{usagerecord.FieldPromptTokens, func(u *ent.UsageRecord) any { return u.PromptTokens }, content},
		{usagerecord.FieldCompletionTokens, func(u *ent.UsageRecord) any { return u.CompletionTokens }, content},
		{usagerecord.FieldUseTime, func(u *ent.UsageRecord) any { return u.UseTime }, content},
		{usagerecord.FieldIsStream, func(u *ent.UsageRecord) any { return u.IsStream }, content},
		{usagerecord.FieldChannelID, func(u *ent.UsageRecord) any { return u.ChannelID }, content},
		{usagerecord.FieldChannelName, func(u *ent.UsageRecord) any { return u.ChannelName }, content},
		{usagerecord.FieldTokenID, func(u *ent.UsageRecord) any { return u.TokenID }, content},
		{usagerecord.FieldGroup, func(u *ent.UsageRecord) any { return u.Group }, content},
		{usagerecord.FieldIP, func(u *ent.UsageRecord) any { return u.IP }, content},
		{usagerecord.FieldWriter, func(u *ent.UsageRecord) any { return int64(u.Writer) }, arrival},
		{usagerecord.FieldSequence, func(u *ent.UsageRecord) any { return u.Sequence }, arrival},
		{usagerecord.FieldContent, func(u *ent.UsageRecord) any { return u.Content }, content},
		{usagerecord.FieldOther, func(u *ent.UsageRecord) any { return u.Other }, content},
	},
	texts: []string{usagerecord.FieldContent, usagerecord.FieldModelName, usagerecord.FieldIP},
	dimensions: []dimension[ent.UsageRecord]{
		// Sums of records, unlike counts, have to read the records at both ends of a time.
		allRows[ent.UsageRecord](fiveMinutes),
		{number: usageByModel, widths: hourly, columns: []string{usagerecord.FieldModelName},
			value: func(u *ent.UsageRecord) (string, bool) { return u.ModelName, true }},
		{number: usageByUser, widths: []width{fourHours, oneDay, sixteenDays}, columns: []string{usagerecord.FieldUserID, usagerecord.FieldUsername},
			value: func(u *ent.UsageRecord) (string, bool) { return numberedName(u.UserID, u.Username), true }},
		{number: usageByToken, widths: daily, columns: []string{usagerecord.FieldTokenID, usagerecord.FieldTokenName},
			value: func(u *ent.UsageRecord) (string, bool) { return numberedName(u.TokenID, u.TokenName), true }},
		{number: usageByUsername, widths: []width{sixteenDays}, columns: []string{usagerecord.FieldUsername, usagerecord.FieldUserID},
			value: func(u *ent.UsageRecord) (string, bool) { return nameNumbered(u.Username, u.UserID), true }},
		{number: usageByChannel, widths: hourly, columns: []string{usagerecord.FieldChannelID},
			value: func(u *ent.UsageRecord) (string, bool) { return numberValue(u.ChannelID), true }},
		{number: usageByGroup, widths: hourly, columns: []string{usagerecord.FieldGroup},
			value: func(u *ent.UsageRecord) (string, bool) { return u.Group, true }},
	},
	facets: []facet{
		{name: "TYPE", apart: classes, show: func(number string) string { return capital(column.UsageType(digits(number))) }},
		{name: "MODEL", apart: values, dimension: usageByModel},
		{name: "USER", apart: values, dimension: usageByUser, reads: numbers},
		{name: "TOKEN", apart: values, dimension: usageByToken, reads: numbers},
		{name: "CHANNEL", apart: values, dimension: usageByChannel, reads: numbers},
		{name: "GROUP", apart: values, dimension: usageByGroup},
		byTenant,
	},
	numbers: []measure{
		{"QUOTA", usagerecord.FieldQuota}, {"PROMPT_TOKENS", usagerecord.FieldPromptTokens},
		{"COMPLETION_TOKENS", usagerecord.FieldCompletionTokens}, {"USE_TIME", usagerecord.FieldUseTime},
	},
	idOf:      func(u *ent.UsageRecord) rowID { return numberRow(u.ID) },
	timeOf:    func(u *ent.UsageRecord) *column.Time { return &u.CreatedAt },
	tenantOf:  func(u *ent.UsageRecord) **column.ID { return &u.TenantID },
	arrivalOf: func(u *ent.UsageRecord) (*int32, *int64) { return &u.Writer, &u.Sequence },
	ownerOf:   func(u *ent.UsageRecord) int64 { return u.UserID },
	classOf:   func(u *ent.UsageRecord) int16 { return int16(u.Type) },
	summed: func(u *ent.UsageRecord, s *sums) {
		s[1], s[2], s[3] = u.Quota, u.PromptTokens, u.CompletionTokens
	},
	setID:     func(u *ent.UsageRecord, number int64) { u.ID = number },
	setHashed: func(u *ent.UsageRecord, hash []byte) { u.ID = hashedNumber(hash) },
	check:     checkUsageRecord,
	row:       usageRecordRow,
	asks:      askUsageRecords,
	present:   presentUsageRecord,
	all: func(ctx context.Context, c *ent.Client, s shape) ([]*ent.UsageRecord, error) {
		return c.UsageRecord.Query().Where(s).All(ctx)
	},
	count: func(ctx context.Context, c *ent.Client, s shape) (int, error) {
		return c.UsageRecord.Query().Where(s).Count(ctx)
	},
	scan: func(ctx context.Context, c *ent.Client, s shape, into any) error {
		return c.UsageRecord.Query().Modify(s).Scan(ctx, into)
	},
	remove: func(ctx context.Context, c *ent.Client, s shape) (int, error) {
		return c.UsageRecord.Delete().Where(s).Exec(ctx)
	},
}

func checkUsageRecord(d *UsageRecordDraft, index int) []fault.Problem {
	c := checker{index: index}
	c.rowNumber("id", d.ID)
	if _, known := column.ParseUsageType(int64(d.Type)); !known {
		c.refuse(fault.Problem{Field: "type", Reason: fault.Outside, Detail: fault.Say("1 (top-up), 2 (consume), 3 (manage), 4 (error) or 5 (system)")})
	}
	for _, number := range []struct {
		field string
		value int64
	}{
		{"user_id", d.UserID}, {"token_id", d.TokenID}, {"channel_id", d.ChannelID}, {"quota", d.Quota},
		{"prompt_tokens", d.PromptTokens}, {"completion_tokens", d.CompletionTokens}, {"use_time", d.UseTime},
	} {
		c.anyNumber(number.field, number.value)
	}
	for _, text := range []struct{ field, value string }{
		{"username", d.Username}, {"token_name", d.TokenName}, {"model_name", d.ModelName},
		{"channel_name", d.ChannelName}, {"group", d.Group}, {"ip", d.IP},
	} {
		c.text(text.field, text.value, schema.MaxText)
	}
	c.text("content", d.Content, schema.MaxLongText)
	c.text("other", d.Other, schema.MaxJSON)
	c.time("created_at", d.CreatedAt)
	return c.problems
}

func usageRecordRow(d *UsageRecordDraft) (*ent.UsageRecord, given) {
	row := &ent.UsageRecord{
		TenantID: d.TenantID, UserID: d.UserID, Type: d.Type, Username: d.Username, TokenName: d.TokenName,
		ModelName: d.ModelName, Quota: d.Quota, PromptTokens: d.PromptTokens, CompletionTokens: d.CompletionTokens,
		UseTime: d.UseTime, IsStream: d.IsStream, ChannelID: d.ChannelID, ChannelName: d.ChannelName,
		TokenID: d.TokenID, Group: d.Group, IP: d.IP, Content: d.Content, Other: d.Other,
	}
	if d.CreatedAt != nil {
		row.CreatedAt = *d.CreatedAt
	}
	if d.ID != nil {
		row.ID = *d.ID
	}
	return row, given{id: d.ID != nil, time: d.CreatedAt != nil}
}

// adminInfo is the member of Other that only those may see who see all records.
const adminInfo = "admin_info"

// askUsageRecords asks for a user's own records where the principal may see no
// others.
func askUsageRecords(ctx context.Context, client *ent.Client, f *UsageRecordFilter) (question, error) {
	q := question{since: f.Since, until: f.Until}
	user := f.UserID
	if p := auth.From(ctx); !p.Holds(auth.UsageRead) {
		if slices.ContainsFunc(f.Other, func(m *WhereMember) bool { return m.Key == adminInfo }) {
			return q, fault.New(fault.Forbidden, "only who may read all usage records may filter by %s, which others do not see", adminInfo)
		}
		own, _ := p.Own()
		if accept(&q, "user_id", user) && (user.ranges() || !user.passes(&own)) {
			q.rest = append(q.rest, user.on(usagerecord.FieldUserID, false))
		}
		user = Is(own)
	}
	whereTenant(&q, f.TenantID)
	whereClass(&q, "type", f.Type)
	err := wherePart(ctx, client, schema.KindUsage, &q, filtered{name: "model_name", column: usagerecord.FieldModelName, dimension: usageByModel}, f.ModelName)
	if err != nil {
		return q, err
	}
	if f.ModelLike != nil && (*f.ModelLike == "" || strings.Trim(*f.ModelLike, "%") != "") { // % alone asks nothing
		if err := checkContains("model_like", f.ModelLike); err != nil {
			return q, err
		}
		all := ctx
		if p := auth.From(ctx); !p.Holds(auth.UsageRead) {
			// Who sees its own rows only sees no roll-ups of models. Here the names only
			// become a condition on its own rows.
			all = auth.With(ctx, &auth.Principal{Subject: p.Subject, Role: auth.Admin, Tenant: p.Tenant})
		}
		known, err := valuesOf(all, client, boundTenant(all), schema.KindUsage, usageByModel)
		if err != nil {
			return q, err
		}
		known = slices.DeleteFunc(known, func(model string) bool { return !likeFold(model, *f.ModelLike) })
		if len(known) > mostModels {
			return q, fault.RefuseField("model_like", fault.Outside, "", "narrower: more than 30,000 models match")
		}
		named := func(models []string) shape { return sql.FieldIn(usagerecord.FieldModelName, models...) }
		q.chooseAmong(usageByModel, known, func(string) bool { return true }, named, named(known))
	}
	users := numbered{usageByUser, usageByUsername, filtered{name: "user_id", column: usagerecord.FieldUserID}, filtered{name: "username", column: usagerecord.FieldUsername}}
	if err := q.whereNumbered(ctx, client, users, user, f.Username); err != nil {
		return q, err
	}
	tokens := numbered{usageByToken, 0, filtered{name: "token_id", column: usagerecord.FieldTokenID}, filtered{name: "token_name", column: usagerecord.FieldTokenName}}
	if err := q.whereNumbered(ctx, client, tokens, f.TokenID, f.TokenName); err != nil {
		return q, err
	}
	where(&q, filtered{name: "channel_id", column: usagerecord.FieldChannelID, dimension: usageByChannel}, f.ChannelID)
	where(&q, filtered{name: "group", column: usagerecord.FieldGroup, dimension: usageByGroup}, f.Group)
	where(&q, filtered{name: "ip", column: usagerecord.FieldIP, scanned: true, searched: true}, f.IP)
	where(&q, filtered{name: "is_stream", column: usagerecord.FieldIsStream, scanned: true}, f.IsStream)
	where(&q, filtered{name: "quota", column: usagerecord.FieldQuota, scanned: true}, f.Quota)
	where(&q, filtered{name: "prompt_tokens", column: usagerecord.FieldPromptTokens, scanned: true}, f.PromptTokens)
	where(&q, filtered{name: "completion_tokens", column: usagerecord.FieldCompletionTokens, scanned: true}, f.CompletionTokens)
	where(&q, filtered{name: "use_time", column: usagerecord.FieldUseTime, scanned: true}, f.UseTime)
	whereMembers(&q, filtered{name: "other", column: usagerecord.FieldOther, verbatim: true}, f.Other)
	if f.Keyword != nil {
		if err := q.keyword(*f.Keyword); err != nil {
			return q, err
		}
	}
	return q, q.search(f.Search, usagerecord.FieldContent)
}

// keyword asks for a word of the newapi system's search.
func (q *question) keyword(word UsageKeyword) error {
	if err := checkContains("keyword", &word.Text); err != nil {
		return err
	}
	q.scans = true
	number, notNumber := strconv.ParseInt(word.Text, 10, 8)
	if notNumber != nil {
		q.has(word.Text)
	}
	q.rest = append(q.rest, func(s *sql.Selector) {
		ways := []*sql.Predicate{db.ContainsFold(s.C(usagerecord.FieldContent), word.Text)}
		if notNumber == nil {
			ways = append(ways, sql.EQ(s.C(usagerecord.FieldType), number))
		}
		if word.Models {
			ways = append(ways, db.ContainsFold(s.C(usagerecord.FieldModelName), word.Text))
		}
		s.Where(sql.Or(ways...))
	})
	return nil
}

// numbered is a dimension of names with their numbers, and where rows have both.
type numbered struct {
	dimension     int8
	names         int8 // the dimension that has the names in front, 0 for none
	number, named filtered
}

// whereNumbered asks for a number, a name, or both. Names are served by the index of
// their numbers: the roll-ups know which numbers a name had.
func (q *question) whereNumbered(ctx context.Context, client *ent.Client, at numbered, number *Where[int64], name *Where[string]) error {
	asked, named := accept(q, at.number.name, number), accept(q, at.named.name, name)
	byNumber, byName := number.on(at.number.column, false), name.on(at.named.column, false)
	direct := shaped(byNumber, byName)
	switch {
	case !asked && !named:
		return nil
	case asked && number.ranges() || named && name.ranges() || byArrival(ctx):
		q.rest = append(q.rest, direct)
		return nil
	case !named:
		q.whereNumber(at, number, byNumber)
		return nil
	case !auth.From(ctx).Holds(auth.UsageRead):
		// Who sees its own rows only sees no roll-ups of other names.
		q.rest = append(q.rest, byName)
		if asked {
			q.whereNumber(at, number, byNumber)
		}
		return nil
	}
	numbers, numbersOnly := number.only()
	names, namesOnly := name.only()
	if numbersOnly && namesOnly && len(numbers)*len(names) <= mostValues {
		values := make([]string, 0, len(numbers)*len(names))
		for _, number := range numbers {
			for _, name := range names {
				values = append(values, numberedName(number, name))
			}
		}
		q.chooseAmong(at.dimension, values, func(string) bool { return true }, func([]string) shape { return direct }, direct)
		return nil
	}
	known, err := at.known(ctx, client, names, namesOnly)
	if err != nil {
		return err
	}
	wanted := func(value string) bool {
		digits, text, _ := strings.Cut(value, "\x00")
		n, _ := strconv.ParseInt(digits, 10, 64) // numberedName wrote it
		return number.passes(&n) && name.passes(&text)
	}
	if !asked && !name.picks() {
		unwanted := slices.DeleteFunc(known, wanted)
		if len(unwanted) > mostValues {
			q.rest = append(q.rest, direct)
			return nil
		}
		q.leave(choice{
			dimension: at.dimension, named: true, rollups: rollupsOf(unwanted...), rows: byName,
			opposite: shaped(numbersOf(at.number.column, unwanted), OneOf(name.Not...).on(at.named.column, false)),
		})
		return nil
	}
	q.chooseAmong(at.dimension, known, wanted, func(values []string) shape {
		if numbersOnly || len(values) > mostNumbers {
			return direct
		}
		return shaped(numbersOf(at.number.column, values), direct)
	}, direct)
	return nil
}

// known gives the numbered names that there are, where only is set at least those of some
// names.
func (at numbered) known(ctx context.Context, client *ent.Client, names []string, only bool) ([]string, error) {
	if !only || at.names == 0 {
		return valuesOf(ctx, client, boundTenant(ctx), schema.KindUsage, at.dimension)
	}
	if len(names) == 0 {
		return nil, nil
	}
	known, err := valuesOf(ctx, client, boundTenant(ctx), schema.KindUsage, at.names, rollupsOfFirst(names))
	for i, value := range known {
		end := strings.LastIndexByte(value, 0) // nameNumbered wrote it
		known[i] = value[end+1:] + "\x00" + value[:end]
	}
	return known, err
}

// whereNumber asks for a number, whatever names it had.
func (q *question) whereNumber(at numbered, number *Where[int64], rows shape) {
	pick(q, at.number.column, number)
	only, bounded := number.only()
	switch {
	case bounded && len(only) == 0, number.Exists != nil && !*number.Exists:
		q.none = true
	case bounded:
		q.choices = append(q.choices, choice{dimension: at.dimension, rollups: rollupsOfNumbers(only), rows: rows})
	case len(number.Not) > 0:
		q.leave(choice{dimension: at.dimension, rollups: rollupsOfNumbers(number.Not), rows: rows, opposite: OneOf(number.Not...).on(at.number.column, false)})
	}
}

// numbersOf keeps the rows whose number is one of some numbered names.
func numbersOf(column string, values []string) shape {
	numbers := make([]int64, len(values))
	for i, value := range values {
		digits, _, _ := strings.Cut(value, "\x00")
		numbers[i], _ = strconv.ParseInt(digits, 10, 64) // numberedName wrote it
	}
	return OneOf(numbers...).on(column, false)
}

// mostModels is how many models a pattern may match; engines take no more arguments.
const mostModels = 30_000

// mostNumbers is how many numbers of one name are looked up by their index. A name
// that more have is so common that the newest rows have it.
const mostNumbers = 10

// presentUsageRecord keeps what only administrators may see from a user who looks
// at its own records.
func presentUsageRecord(p *auth.Principal, u *ent.UsageRecord) {
	if !p.Holds(auth.UsageRead) {
		HideFromOwner(u)
	}
}

// HideFromOwner takes out of a usage record what only administrators may see.
func HideFromOwner(u *ent.UsageRecord) {
	u.ChannelName = ""
	u.Other = withoutAdminInfo(u.Other)
}

// withoutAdminInfo takes the member admin_info out of a text that holds a JSON
// object. Text that names it and is no object that can be read goes altogether.
func withoutAdminInfo(other string) string {
	if !strings.Contains(other, adminInfo) && !strings.Contains(other, `\u`) {
		return other
	}
	raw := []byte(other)
	if rawjson.CheckSyntax(raw) != nil || rawjson.Kind(raw) != "an object" {
		return ""
	}
	b := []byte{'{'}
	_ = rawjson.EachMember(raw, func(key string, value []byte) error {
		if key == adminInfo {
			return nil
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(rawjson.AppendText(b, key), ':')
		b = append(b, value...)
		return nil
	})
	return string(append(b, '}'))
}
