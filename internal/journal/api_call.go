package journal

import (
	"context"
	"strconv"

	"logbook/ent"
	"logbook/ent/apicall"
	"logbook/ent/column"
	"logbook/ent/schema"
	"logbook/internal/auth"
	"logbook/internal/fault"
)

// APICallDraft is an API call on its way in. Texts that are not known are "".
type APICallDraft struct {
	ID            *string      // nil: made
	OperationTime *column.Time // nil: now; cut to whole seconds
	TenantID      *column.ID   // nil: the tenant the principal is bound to, or none
	AppID         string       // unmasked
	APIPath       string
	HTTPMethod    string
	SourceIP      string // as logged: host names occur
	StatusCode    int64
}

// APICallFilter says which API calls are asked for; an absent field asks nothing.
// Every field but HTTPMethod has an index behind it.
type APICallFilter struct {
	Since      *column.Time // at this instant or later
	Until      *column.Time // before this instant
	TenantID   *Where[column.ID]
	AppID      *Where[string] // unmasked; administrators only
	APIPath    *Where[string]
	SourceIP   *Where[string]
	StatusCode *Where[int64]
	HTTPMethod *Where[string]
}

// ReadsRows says whether the filter finds API calls by reading them one by one.
func (f *APICallFilter) ReadsRows() bool { return f.HTTPMethod != nil }

type (
	// APICallLog keeps the API calls.
	APICallLog = Log[ent.APICall, APICallDraft, APICallFilter]
	// APICallConnection is a page of API calls.
	APICallConnection = Connection[ent.APICall]
	// APICallEdge is one of API calls with its cursor.
	APICallEdge = Edge[ent.APICall]
	// APICallAppended is an API call that was appended.
	APICallAppended = Appended[ent.APICall]
)

// apiCallsByApp is the dimension of API calls beside all.
const apiCallsByApp int8 = 2

var apiCalls = &table[ent.APICall, APICallDraft, APICallFilter]{
	kind: schema.KindAPICall, noun: fault.Say("API call"), idName: "log_id", name: apicall.Table,
	id: apicall.FieldID, time: apicall.FieldOperationTime, class: apicall.FieldStatusCode,
	append: auth.APICallsWrite, wholeSeconds: true,
	columns: []attribute[ent.APICall]{
		{apicall.FieldID, func(a *ent.APICall) any { return a.ID }, itself},
		{apicall.FieldTenantID, func(a *ent.APICall) any { return idOf(a.TenantID) }, content},
		{apicall.FieldAppID, func(a *ent.APICall) any { return a.AppID }, content},
		{apicall.FieldHTTPMethod, func(a *ent.APICall) any { return a.HTTPMethod }, content},
		{apicall.FieldSourceIP, func(a *ent.APICall) any { return a.SourceIP }, content},
		{apicall.FieldStatusCode, func(a *ent.APICall) any { return int64(a.StatusCode) }, content},
		{apicall.FieldOperationTime, func(a *ent.APICall) any { return int64(a.OperationTime) }, moment},
		{apicall.FieldWriter, func(a *ent.APICall) any { return int64(a.Writer) }, arrival},
		{apicall.FieldSequence, func(a *ent.APICall) any { return a.Sequence }, arrival},
		{apicall.FieldAPIPath, func(a *ent.APICall) any { return a.APIPath }, content},
	},
	texts: []string{apicall.FieldAPIPath, apicall.FieldSourceIP},
	dimensions: []dimension[ent.APICall]{
		allRows[ent.APICall](),
		{number: apiCallsByApp, widths: daily, columns: []string{apicall.FieldAppID},
			value: func(a *ent.APICall) (string, bool) { return a.AppID, true }},
	},
	facets: []facet{
		{name: "STATUS", apart: classes},
		{name: "APP", apart: values, dimension: apiCallsByApp, may: func(p *auth.Principal) error {
			if seesAppIDs(p) {
				return nil
			}
			return fault.New(fault.Forbidden, "only an administrator may tell API calls apart by the app id, which others see masked")
		}},
		{name: "PATH", apart: values, columns: []string{apicall.FieldAPIPath}},
		{name: "METHOD", apart: values, columns: []string{apicall.FieldHTTPMethod}},
		{name: "IP", apart: values, columns: []string{apicall.FieldSourceIP}},
		byTenant,
	},
	idOf:      func(a *ent.APICall) rowID { return textRow(a.ID) },
	timeOf:    func(a *ent.APICall) *column.Time { return &a.OperationTime },
	tenantOf:  func(a *ent.APICall) **column.ID { return &a.TenantID },
	arrivalOf: func(a *ent.APICall) (*int32, *int64) { return &a.Writer, &a.Sequence },
	classOf:   func(a *ent.APICall) int16 { return int16(a.StatusCode) },
	setID:     func(a *ent.APICall, number int64) { a.ID = strconv.FormatInt(number, 10) },
	setHashed: func(a *ent.APICall, hash []byte) { a.ID = strconv.FormatInt(hashedNumber(hash), 10) },
	check:     checkAPICall,
	row:       apiCallRow,
	asks:      askAPICalls,
	present: func(p *auth.Principal, a *ent.APICall) {
		if !seesAppIDs(p) {
			a.AppID = MaskAppID(a.AppID)
		}
	},
	all: func(ctx context.Context, c *ent.Client, s shape) ([]*ent.APICall, error) {
		return c.APICall.Query().Where(s).All(ctx)
	},
	count: func(ctx context.Context, c *ent.Client, s shape) (int, error) {
		return c.APICall.Query().Where(s).Count(ctx)
	},
	scan: func(ctx context.Context, c *ent.Client, s shape, into any) error {
		return c.APICall.Query().Modify(s).Scan(ctx, into)
	},
	remove: func(ctx context.Context, c *ent.Client, s shape) (int, error) {
		return c.APICall.Delete().Where(s).Exec(ctx)
	},
}

// seesAppIDs says whether a principal may know app ids, which open other systems.
func seesAppIDs(p *auth.Principal) bool { return p != nil && p.Role == auth.Admin }

// MaskAppID hides the middle of an app id, as the trae document shows it: its first
// six characters, four stars and its last four; of ten characters or fewer nothing
// is shown. Masking what is masked changes nothing.
func MaskAppID(id string) string {
	characters := []rune(id)
	if len(characters) <= 10 {
		return "****"
	}
	return string(characters[:6]) + "****" + string(characters[len(characters)-4:])
}

func checkAPICall(d *APICallDraft, index int) []fault.Problem {
	c := checker{index: index}
	c.id("log_id", d.ID, schema.MaxText)
	c.text("app_id", d.AppID, schema.MaxText)
	c.text("api_path", d.APIPath, schema.MaxPath)
	c.text("http_method", d.HTTPMethod, schema.MaxText)
	c.text("source_ip", d.SourceIP, schema.MaxText)
	c.number("status_code", d.StatusCode, 0, 999, fault.Say("between 0 and 999"))
	c.time("operation_time", d.OperationTime)
	return c.problems
}

func apiCallRow(d *APICallDraft) (*ent.APICall, given) {
	row := &ent.APICall{
		TenantID: d.TenantID, AppID: d.AppID, APIPath: d.APIPath, HTTPMethod: d.HTTPMethod,
		SourceIP: d.SourceIP, StatusCode: int32(d.StatusCode),
	}
	if d.OperationTime != nil {
		row.OperationTime = *d.OperationTime
	}
	if d.ID != nil {
		row.ID = *d.ID
	}
	return row, given{id: d.ID != nil, time: d.OperationTime != nil}
}

// apiCallApp is where API calls keep their application.
var apiCallApp = filtered{name: "app_id", column: apicall.FieldAppID, dimension: apiCallsByApp}

func askAPICalls(ctx context.Context, _ *ent.Client, f *APICallFilter) (question, error) {
	q := question{since: f.Since, until: f.Until}
	if f.AppID != nil && !seesAppIDs(auth.From(ctx)) {
		// Counting would tell whether a guessed id exists.
		return q, fault.New(fault.Forbidden, "only an administrator may filter by the app id, which others see masked")
	}
	whereTenant(&q, f.TenantID)
	whereClass(&q, "status_code", f.StatusCode)
	where(&q, apiCallApp, f.AppID)
	where(&q, filtered{name: "api_path", column: apicall.FieldAPIPath, searched: true}, f.APIPath)
	where(&q, filtered{name: "source_ip", column: apicall.FieldSourceIP, searched: true}, f.SourceIP)
	where(&q, filtered{name: "http_method", column: apicall.FieldHTTPMethod}, f.HTTPMethod)
	q.scans = !f.HTTPMethod.asksNothing()
	return q, nil
}
