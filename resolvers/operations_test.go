package resolvers_test

import (
	"math/rand/v2"
	"strconv"
	"testing"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/journal"
)

func sampleOperations(s *server, ours, theirs column.ID) *sample[journal.OperationDraft] {
	type draft = journal.OperationDraft
	random := rand.New(rand.NewPCG(1, 1))
	k := &sample[draft]{
		one: "operation", many: "operations", filter: "OperationFilter", numbered: true,
		time:   func(d *draft) column.Time { return *d.CreatedAt },
		tenant: func(d *draft) *column.ID { return d.TenantID },
	}
	for i := range 60 {
		d := draft{
			CreatedAt: sometime(random, 1), TenantID: orNil(random, ours, theirs),
			UserID: orNil[int64](random, 1, 2, 7), Username: orNil(random, "", "admin", "Admin", "Straße"),
			Action: pick(random, column.ActionLogin, column.ActionList, column.ActionOther, 0),
			Module: pick(random, "认证", "Auth", "auth ", ""), IPAddress: orNil(random, "127.0.0.1", "-"),
			Failed: pick(random, false, true), ResponseStatus: orNil[int64](random, 200, 500),
			TargetModel: ptr("User"), TargetID: ptr[int64](4), UserAgent: ptr("Mozilla/5.0"), RequestData: column.JSON(`{"x":` + pick(random, `1`, `"a"`, `true`, `null`) + `}`),
		}
		if i < 3 {
			d.ID = ptr([]int64{1001, 999, 1 << 53}[i])
		}
		k.drafts = append(k.drafts, d)
	}
	k.ids = drafted(s, s.journal.Operations, k.drafts, func(o *ent.Operation) string { return strconv.FormatInt(o.ID, 10) })
	name := func(d *draft) string {
		if d.Username == nil {
			return ""
		}
		return *d.Username
	}
	action := func(d *draft) *string {
		if d.Action == 0 {
			return ptr("OTHER")
		}
		return ptr(map[column.Action]string{column.ActionLogin: "LOGIN", column.ActionList: "LIST", column.ActionOther: "OTHER"}[d.Action])
	}
	for _, list := range [][]condition[draft]{
		wheres("userId", func(d *draft) *int64 { return d.UserID }, 1, 7, 0, -1),
		among("username", func(d *draft) *string { return ptr(name(d)) }, "admin", "Admin", "", "adm"),
		contains("username", name, "ADM", "n", "ß", "STRAß", "strass", "", "%"),
		among("action", action, "LOGIN", "LIST", "OTHER", "EXPORT"),
		wheres("module", func(d *draft) *string { return &d.Module }, "Auth", "认证", "auth", ""),
		contains("module", func(d *draft) string { return d.Module }, "AUTH", "证", " ", "", "_"),
		equals("succeeded", func(d *draft) *bool { return ptr(!d.Failed) }, true, false),
		wheres("ipAddress", func(d *draft) *string { return d.IPAddress }, "127.0.0.1", "-", ""),
		bounded(members("requestData", func(d *draft) string { return string(d.RequestData)[5 : len(d.RequestData)-1] }, `1`, `"a"`, `true`)),
	} {
		k.conditions = append(k.conditions, list...)
	}
	k.common(ours, theirs)
	return k
}

func TestOperations(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ours, theirs := s.tenant("ours"), s.tenant("theirs")
		k := sampleOperations(s, ours, theirs)
		testKind(s, k)
		testTenants(s, k, ours, auth.OperationsList, auth.OperationsQuery)
		lists := s.token(auth.Viewer, nil, auth.OperationsList)
		if a := s.ask(lists, `{ operations(filter: {since: "2025-06-01T00:00:00Z", until: "2025-06-20T00:00:00Z", requestData: {key: "x"}}) { totalCount } }`, nil); a.code() != "FORBIDDEN" {
			t.Errorf("who may not see request data filters by it: %s", a.body)
		}
		k.conditions = k.conditions.without("requestData")
		testFilters(s, k, lists)
	})
}

// An operation comes back as it was stored, with its secrets masked.
func TestOperationDetail(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		tenant := s.tenant("t")
		ids := drafted(s, s.journal.Operations, []journal.OperationDraft{
			{
				ID: ptr[int64](1001), CreatedAt: at("2025-11-17T08:30:00Z"), TenantID: &tenant, UserID: ptr[int64](1), Username: ptr("admin"),
				Action: column.ActionLogin, Module: "认证", Description: "用户登录", TargetModel: ptr("User"), TargetID: ptr[int64](9007199254740992),
				IPAddress: ptr("127.0.0.1"), UserAgent: ptr("Mozilla/5.0"), RequestData: column.JSON(`{"username": "admin","password":"x"}`), ResponseStatus: ptr[int64](500),
			},
			{CreatedAt: at("2025-11-17T08:30:00Z"), Failed: true},
			{CreatedAt: at("2025-11-17T08:30:00Z"), RequestData: column.JSON(`[1.50]`)},
		}, func(o *ent.Operation) string { return strconv.FormatInt(o.ID, 10) })
		const all = `__typename id createdAt action module description succeeded responseStatus tenant { id } userId username targetModel targetId ipAddress userAgent requestData`
		s.detail(adminToken, "operation", "1001", all, `{"__typename":"Operation","id":"Operation:1001","createdAt":"2025-11-17T08:30:00Z","action":"LOGIN","module":"认证",`+
			`"description":"用户登录","succeeded":true,"responseStatus":500,"tenant":{"id":"Tenant:`+tenant.String()+`"},"userId":1,"username":"admin","targetModel":"User",`+
			`"targetId":9007199254740992,"ipAddress":"127.0.0.1","userAgent":"Mozilla/5.0","requestData":{"username": "admin","password":"***"}}`)
		s.detail(adminToken, "operation", ids[1], all, `{"__typename":"Operation","id":"Operation:`+ids[1]+`","createdAt":"2025-11-17T08:30:00Z","action":"OTHER","module":"",`+
			`"description":"","succeeded":false,"responseStatus":null,"tenant":null,"userId":null,"username":null,"targetModel":null,`+
			`"targetId":null,"ipAddress":null,"userAgent":null,"requestData":null}`)
		s.detail(adminToken, "operation", ids[2], `requestData`, `{"requestData":[1.50]}`)
	})
}

// What only the detail shows is kept from those who may only list, and those who
// may only look at details get no list.
func TestOperationDetailsAreKept(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		drafted(s, s.journal.Operations, []journal.OperationDraft{{
			ID: ptr[int64](1001), CreatedAt: &noon, UserID: ptr[int64](1), Username: ptr("admin"), TargetModel: ptr("User"), TargetID: ptr[int64](2),
			UserAgent: ptr("Mozilla/5.0"), RequestData: column.JSON(`{"a":1}`), IPAddress: ptr("-"),
		}}, func(*ent.Operation) string { return "" })
		const fields = `username ipAddress userId targetModel targetId userAgent requestData`
		const (
			shown  = `{"username":"admin","ipAddress":"-","userId":1,"targetModel":"User","targetId":2,"userAgent":"Mozilla/5.0","requestData":{"a":1}}`
			hidden = `{"username":"admin","ipAddress":"-","userId":null,"targetModel":null,"targetId":null,"userAgent":null,"requestData":null}`
		)
		for _, c := range []struct{ who, token, list, detail string }{
			{"nobody", "", "UNAUTHENTICATED", "UNAUTHENTICATED"},
			{"viewer of nothing", s.token(auth.Viewer, nil), "FORBIDDEN", "FORBIDDEN"},
			{"viewer of lists", s.token(auth.Viewer, nil, auth.OperationsList), hidden, "FORBIDDEN"},
			{"user of lists", s.token(auth.User, nil, auth.OperationsList), hidden, "FORBIDDEN"},
			{"viewer of details", s.token(auth.Viewer, nil, auth.OperationsQuery), "FORBIDDEN", shown},
			{"viewer of both", s.token(auth.Viewer, nil, auth.OperationsList, auth.OperationsQuery), shown, shown},
			{"ingest of both", s.token(auth.Ingest, nil, auth.OperationsList, auth.OperationsQuery, auth.OperationsWrite), "FORBIDDEN", "FORBIDDEN"},
			{"admin", adminToken, shown, shown},
		} {
			list := s.ask(c.token, `{ operations { edges { node { `+fields+` } } } }`, nil)
			if list.code() != c.list && string(list.Data) != `{"operations":{"edges":[{"node":`+c.list+`}]}}` {
				t.Errorf("%s: the list is %s, want %s", c.who, list.body, c.list)
			}
			detail := s.ask(c.token, `{ operation(id: "1001") { `+fields+` } }`, nil)
			if detail.code() != c.detail && string(detail.Data) != `{"operation":`+c.detail+`}` {
				t.Errorf("%s: the detail is %s, want %s", c.who, detail.body, c.detail)
			}
		}
	})
}
