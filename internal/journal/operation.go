package journal

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/ent/operation"
	"logbook/ent/schema"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// OperationDraft is an operation on its way in. Nil stands for an absent value.
type OperationDraft struct {
	ID             *int64        // nil: made
	CreatedAt      *column.Time  // nil: now
	TenantID       *column.ID    // nil: the tenant the principal is bound to, or none
	UserID         *int64        // the user's number in its own system
	Username       *string       // nil for nobody known
	Action         column.Action // 0: other
	Module         string
	Description    string // cut at 255 characters
	TargetModel    *string
	TargetID       *int64
	IPAddress      *string     // as logged
	UserAgent      *string     // cut at 500 characters
	RequestData    column.JSON // any JSON value; secrets in it are masked
	ResponseStatus *int64
	Failed         bool
}

// OperationFilter says which operations are asked for; an absent field asks
// nothing. Every field but TenantID and RequestData has an index behind it.
type OperationFilter struct {
	Since     *column.Time // at this instant or later
	Until     *column.Time // before this instant
	TenantID  *Where[column.ID]
	UserID    *Where[int64]  // the user's number in its own system
	Username  *Where[string] // no name and "" are one
	Action    *Where[column.Action]
	Module    *Where[string]
	Succeeded *Where[bool]
	IPAddress *Where[string]

	RequestData []*WhereMember // within MaxScan only, by those who may see it
}

// ReadsRows says whether the filter finds operations by reading them one by one.
func (f *OperationFilter) ReadsRows() bool { return len(f.RequestData) > 0 }

type (
	// OperationLog keeps the operations.
	OperationLog = Log[ent.Operation, OperationDraft, OperationFilter]
	// OperationConnection is a page of operations.
	OperationConnection = Connection[ent.Operation]
	// OperationEdge is one of operations with its cursor.
	OperationEdge = Edge[ent.Operation]
	// OperationAppended is an operation that was appended.
	OperationAppended = Appended[ent.Operation]
)

// The dimensions of operations.
const (
	operationsByUser   int8 = 2 // number and name; without number the name alone
	operationsByAction int8 = 3
	operationsByModule int8 = 4
)

// What an operation's texts are cut at, in characters, as the document has it.
const (
	descriptionCut = 255
	userAgentCut   = 500
)

var operations = &table[ent.Operation, OperationDraft, OperationFilter]{
	kind: schema.KindOperation, noun: fault.Say("operation"), idName: "log_id", name: operation.Table,
	id: operation.FieldID, time: operation.FieldCreatedAt, class: operation.FieldStatus,
	append: auth.OperationsWrite,
	columns: []attribute[ent.Operation]{
		{operation.FieldID, func(o *ent.Operation) any { return o.ID }, itself},
		{operation.FieldTenantID, func(o *ent.Operation) any { return idOf(o.TenantID) }, content},
		{operation.FieldUserID, func(o *ent.Operation) any { return numberOf(o.UserID) }, content},
		{operation.FieldUsername, func(o *ent.Operation) any { return textOf(o.Username) }, content},
		{operation.FieldAction, func(o *ent.Operation) any { return int64(o.Action) }, content},
		{operation.FieldModule, func(o *ent.Operation) any { return o.Module }, content},
		{operation.FieldDescription, func(o *ent.Operation) any { return o.Description }, content},
		{operation.FieldTargetModel, func(o *ent.Operation) any { return textOf(o.TargetModel) }, content},
		{operation.FieldTargetID, func(o *ent.Operation) any { return numberOf(o.TargetID) }, content},
		{operation.FieldIPAddress, func(o *ent.Operation) any { return textOf(o.IPAddress) }, content},
		{operation.FieldUserAgent, func(o *ent.Operation) any { return textOf(o.UserAgent) }, content},
		{operation.FieldResponseStatus, func(o *ent.Operation) any {
			if o.ResponseStatus == nil {
				return nil
			}
			return int64(*o.ResponseStatus)
		}, content},
		{operation.FieldStatus, func(o *ent.Operation) any { return int64(o.Status) }, content},
		{operation.FieldCreatedAt, func(o *ent.Operation) any { return int64(o.CreatedAt) }, moment},
		{operation.FieldWriter, func(o *ent.Operation) any { return int64(o.Writer) }, arrival},
		{operation.FieldSequence, func(o *ent.Operation) any { return o.Sequence }, arrival},
		{operation.FieldRequestData, func(o *ent.Operation) any { return jsonOf(o.RequestData) }, content},
	},
	texts: []string{operation.FieldIPAddress},
	dimensions: []dimension[ent.Operation]{
		allRows[ent.Operation](),
		{number: operationsByUser, widths: daily, columns: []string{operation.FieldUserID, operation.FieldUsername}, absent: true,
			value: func(o *ent.Operation) (string, bool) {
				var number, name string
				if o.UserID != nil {
					number = numberValue(*o.UserID)
				}
				if o.Username != nil {
					name = *o.Username
				}
				return number + "\x00" + name, true
			}},
		{number: operationsByAction, widths: hourly, columns: []string{operation.FieldAction},
			value: func(o *ent.Operation) (string, bool) { return numberValue(int64(o.Action)), true }},
		{number: operationsByModule, widths: daily, columns: []string{operation.FieldModule},
			value: func(o *ent.Operation) (string, bool) { return o.Module, true }},
	},
	facets: []facet{
		{name: "ACTION", apart: values, dimension: operationsByAction, reads: numbers,
			show: func(number string) string { return capital(column.Action(digits(number))) }},
		{name: "MODULE", apart: values, dimension: operationsByModule},
		{name: "USER", apart: values, dimension: operationsByUser, reads: numbers,
			may: func(p *auth.Principal) error {
				if p.Holds(auth.OperationsQuery) {
					return nil
				}
				return fault.New(fault.Forbidden, "this needs the permission %q", auth.OperationsQuery)
			}},
		{name: "USERNAME", apart: values, dimension: operationsByUser, key: 1, blank: true},
		{name: "SUCCEEDED", apart: classes, show: func(status string) string { return strconv.FormatBool(status == "1") }},
		{name: "IP", apart: values, columns: []string{operation.FieldIPAddress}, optional: true},
		byTenant,
	},
	idOf:      func(o *ent.Operation) rowID { return numberRow(o.ID) },
	timeOf:    func(o *ent.Operation) *column.Time { return &o.CreatedAt },
	tenantOf:  func(o *ent.Operation) **column.ID { return &o.TenantID },
	arrivalOf: func(o *ent.Operation) (*int32, *int64) { return &o.Writer, &o.Sequence },
	classOf:   func(o *ent.Operation) int16 { return int16(o.Status) },
	setID:     func(o *ent.Operation, number int64) { o.ID = number },
	setHashed: func(o *ent.Operation, hash []byte) { o.ID = hashedNumber(hash) },
	check:     checkOperation,
	own: func(d *OperationDraft) string {
		if d.Module == ownModule {
			return "module"
		}
		return ""
	},
	row:     operationRow,
	asks:    askOperations,
	present: presentOperation,
	all: func(ctx context.Context, c *ent.Client, s shape) ([]*ent.Operation, error) {
		return c.Operation.Query().Where(s).All(ctx)
	},
	count: func(ctx context.Context, c *ent.Client, s shape) (int, error) {
		return c.Operation.Query().Where(s).Count(ctx)
	},
	scan: func(ctx context.Context, c *ent.Client, s shape, into any) error {
		return c.Operation.Query().Modify(s).Scan(ctx, into)
	},
	remove: func(ctx context.Context, c *ent.Client, s shape) (int, error) {
		return c.Operation.Delete().Where(s).Exec(ctx)
	},
}

func numberOf(value *int64) any {
	if value == nil {
		return nil
	}
	return *value
}

func checkOperation(d *OperationDraft, index int) []fault.Problem {
	c := checker{index: index}
	c.rowNumber("log_id", d.ID)
	if d.UserID != nil {
		c.anyNumber("user", *d.UserID)
	}
	c.optional("username", d.Username, schema.MaxText)
	if d.Action < 0 || d.Action > column.ActionOther {
		c.refuse(fault.Problem{Field: "action_type", Reason: fault.NotChoice, Value: d.Action.String(), Detail: fault.Say("%s", column.ActionNames)})
	}
	c.text("module", d.Module, schema.MaxText)
	c.text("description", cutText(d.Description, descriptionCut), schema.MaxDescription)
	c.optional("target_model", d.TargetModel, schema.MaxText)
	if d.TargetID != nil {
		c.anyNumber("target_id", *d.TargetID)
	}
	c.optional("ip_address", d.IPAddress, schema.MaxText)
	c.optional("user_agent", cutOptional(d.UserAgent, userAgentCut), schema.MaxAgent)
	c.json("request_data", d.RequestData, schema.MaxJSON, false)
	if d.ResponseStatus != nil {
		c.number("response_status", *d.ResponseStatus, math.MinInt32, math.MaxInt32, fault.Say("a whole number of 32 bits"))
	}
	c.time("created_at", d.CreatedAt)
	return c.problems
}

func operationRow(d *OperationDraft) (*ent.Operation, given) {
	row := &ent.Operation{
		TenantID: d.TenantID, UserID: d.UserID, Username: d.Username, Action: d.Action, Module: d.Module,
		Description: cutText(d.Description, descriptionCut), TargetModel: d.TargetModel, TargetID: d.TargetID,
		IPAddress: d.IPAddress, UserAgent: cutOptional(d.UserAgent, userAgentCut), Status: 1,
	}
	if d.Failed {
		row.Status = 0
	}
	if row.Action == 0 {
		row.Action = column.ActionOther
	}
	if d.RequestData != nil && !rawjson.IsNull(d.RequestData) {
		row.RequestData = maskSecrets(d.RequestData)
	}
	if d.ResponseStatus != nil {
		status := int32(*d.ResponseStatus)
		row.ResponseStatus = &status
	}
	if d.CreatedAt != nil {
		row.CreatedAt = *d.CreatedAt
	}
	if d.ID != nil {
		row.ID = *d.ID
	}
	return row, given{id: d.ID != nil, time: d.CreatedAt != nil}
}

// cutText keeps the first characters of a text.
func cutText(text string, characters int) string {
	for i := range text {
		if characters == 0 {
			return text[:i]
		}
		characters--
	}
	return text
}

func cutOptional(text *string, characters int) *string {
	if text == nil {
		return nil
	}
	cut := cutText(*text, characters)
	return &cut
}

// secretKeys are the keys of request data whose values nobody may read again, as
// the hertz system has them.
var secretKeys = map[string]bool{"password": true, "token": true, "secret": true, "key": true, "csrf_token": true}

// maskSecrets puts "***" in the place of secrets at any depth. What is no JSON
// stays as it is, for the checks to refuse.
func maskSecrets(raw column.JSON) column.JSON {
	if rawjson.Check(raw) != nil {
		return raw
	}
	return rawjson.MaskMembers(raw, func(key string) bool { return secretKeys[key] }, `"***"`)
}

func askOperations(ctx context.Context, client *ent.Client, f *OperationFilter) (question, error) {
	q := question{since: f.Since, until: f.Until}
	if len(f.RequestData) > 0 && !auth.From(ctx).Holds(auth.OperationsQuery) {
		return q, fault.New(fault.Forbidden, "only who holds the permission %s may filter by the request's data, which others do not see", auth.OperationsQuery)
	}
	whereTenant(&q, f.TenantID)
	whereClass(&q, "succeeded", f.Succeeded)
	where(&q, filtered{name: "action", column: operation.FieldAction, dimension: operationsByAction}, f.Action)
	if err := q.whereUser(ctx, client, f.UserID, f.Username); err != nil {
		return q, err
	}
	err := wherePart(ctx, client, schema.KindOperation, &q, filtered{name: "module", column: operation.FieldModule, dimension: operationsByModule}, f.Module)
	where(&q, filtered{name: "ip_address", column: operation.FieldIPAddress, optional: true, searched: true}, f.IPAddress)
	whereMembers(&q, filtered{name: "request_data", column: operation.FieldRequestData}, f.RequestData)
	return q, err
}

// whereUser serves a user's number and name by the index of names: the roll-ups know
// which names a number had, and which names contain a text.
func (q *question) whereUser(ctx context.Context, client *ent.Client, number *Where[int64], username *Where[string]) error {
	name := orNobody(username)
	asked, named := accept(q, "user_id", number), accept(q, "username", name)
	if !asked && !named {
		return nil
	}
	direct := shaped(number.on(operation.FieldUserID, true), name.onNobody(operation.FieldUsername))
	if asked && number.ranges() || named && name.ranges() || byArrival(ctx) {
		q.rest = append(q.rest, direct)
		return nil
	}
	var among []shape
	if numbers, bounded := number.only(); bounded && len(numbers) > 0 {
		among = append(among, rollupsOfNumbers(numbers)) // not all that there are
	}
	known, err := valuesOf(ctx, client, boundTenant(ctx), schema.KindOperation, operationsByUser, among...)
	if err != nil {
		return err
	}
	wanted := func(value string) bool {
		digits, text, _ := strings.Cut(value, "\x00")
		var has *int64
		if n, err := strconv.ParseInt(digits, 10, 64); err == nil {
			has = &n
		}
		return number.passes(has) && name.passes(&text)
	}
	if !number.picks() && !name.picks() {
		q.leaveUsers(known, wanted, number, name, direct)
		return nil
	}
	q.chooseAmong(operationsByUser, known, wanted, func(values []string) shape { return shaped(operationsOf(values), direct) }, direct)
	return nil
}

// leaveUsers leaves out those of the known users that are not wanted.
func (q *question) leaveUsers(known []string, wanted func(string) bool, number *Where[int64], name *Where[string], direct shape) {
	unwanted := slices.DeleteFunc(slices.Clone(known), wanted)
	if len(unwanted) > mostValues || !number.asksNothing() && !name.asksNothing() {
		q.rest = append(q.rest, direct)
		return
	}
	if len(unwanted) == 0 {
		q.rest = append(q.rest, direct) // which leaves out nobody: a purge has its condition all the same
		return
	}
	opposite := operationsOf(unwanted)
	if !number.asksNothing() {
		opposite = shaped(opposite, OneOf(number.Not...).on(operation.FieldUserID, true))
	}
	q.leave(choice{dimension: operationsByUser, named: true, rollups: rollupsOf(unwanted...), rows: direct, opposite: opposite})
}

// operationsOf keeps the operations of users whose names are among the values; no name
// and the name "" are one value.
func operationsOf(values []string) shape {
	names := make([]string, len(values))
	for i, value := range values {
		_, names[i], _ = strings.Cut(value, "\x00")
	}
	return OneOf(names...).onNobody(operation.FieldUsername)
}

// presentOperation keeps what the document shows only in the detail from those
// who may not ask for details.
func presentOperation(p *auth.Principal, o *ent.Operation) {
	if p.Holds(auth.OperationsQuery) {
		return
	}
	o.UserID, o.TargetModel, o.TargetID, o.UserAgent, o.RequestData = nil, nil, nil, nil, nil
}
