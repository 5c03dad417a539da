package resolvers_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/journal"
)

func sampleAPICalls(s *server, ours, theirs column.ID) *sample[journal.APICallDraft] {
	type draft = journal.APICallDraft
	random := rand.New(rand.NewPCG(1, 1))
	k := &sample[draft]{
		one: "apiCall", many: "apiCalls", filter: "APICallFilter",
		time:   func(d *draft) column.Time { return *d.OperationTime - *d.OperationTime%1_000000 },
		tenant: func(d *draft) *column.ID { return d.TenantID },
	}
	for i := range 60 {
		d := draft{
			OperationTime: sometime(random, 500_000), TenantID: orNil(random, ours, theirs),
			AppID: pick(random, "AK1234567890125678", "AK1234000000005678", "short", ""), APIPath: pick(random, "/openapi/v1/users", "/openapi/v1/users/", ""),
			HTTPMethod: pick(random, "GET", "get", "POST"), SourceIP: pick(random, "1.2.3.4", "1.2.3.40", "localhost"),
			StatusCode: pick[int64](random, 200, 404, 0),
		}
		if own := []string{"req_ABC", "req_abc", "123", "0123"}; i < len(own) {
			d.ID = &own[i]
		}
		k.drafts = append(k.drafts, d)
	}
	k.ids = drafted(s, s.journal.APICalls, k.drafts, func(a *ent.APICall) string { return a.ID })
	for _, list := range [][]condition[draft]{
		wheres("appId", func(d *draft) *string { return &d.AppID }, "AK1234567890125678", "AK1234****5678", "short", "****", ""),
		wheres("apiPath", func(d *draft) *string { return &d.APIPath }, "/openapi/v1/users", "/OpenAPI/v1/users", ""),
		wheres("httpMethod", func(d *draft) *string { return &d.HTTPMethod }, "GET", "get", "G"),
		wheres("sourceIp", func(d *draft) *string { return &d.SourceIP }, "1.2.3.4", "1.2.3.", "localhost"),
		among("statusCode", func(d *draft) *int64 { return &d.StatusCode }, 200, 404, 0, -1, 1000, 65736, 2147483647),
		within("statusCode", func(d *draft) *int64 { return &d.StatusCode }, 200, 404, 0, -1, 1000, 1<<53-1),
	} {
		k.conditions = append(k.conditions, list...)
	}
	k.common(ours, theirs)
	return k
}

func TestAPICalls(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		ours, theirs := s.tenant("ours"), s.tenant("theirs")
		k := sampleAPICalls(s, ours, theirs)
		testKind(s, k)

		// Others cannot find out whether a guessed app id exists.
		reader := s.token(auth.Viewer, nil, auth.APICallsRead)
		a := s.ask(reader, `{ apiCalls(filter: {appId: {not: ["AK1234567890125678"]}}) { totalCount } }`, nil)
		if code := a.code(); code != "FORBIDDEN" {
			t.Errorf("a reader filters by app id: %s", a.body)
		}
		k.conditions = slices.DeleteFunc(k.conditions, func(c condition[journal.APICallDraft]) bool { return c.field == "appId" })
		testTenants(s, k, ours, auth.APICallsRead)
		testFilters(s, k, reader)
	})
}

// An API call comes back as it was stored, with its application's id masked for
// all but administrators.
func TestAPICallDetail(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		tenant := s.tenant("t")
		ids := drafted(s, s.journal.APICalls, []journal.APICallDraft{
			{
				ID: ptr("123"), OperationTime: at("2023-11-14T22:13:20.9Z"), TenantID: &tenant, AppID: "AK1234567890125678",
				APIPath: "/openapi/v1/users", HTTPMethod: "GET", SourceIP: "1.2.3.4", StatusCode: 200,
			},
			{OperationTime: at("2023-11-14T22:13:20Z"), AppID: "AK12345678"},
		}, func(a *ent.APICall) string { return a.ID })
		const all = `__typename id operationTime appId apiPath httpMethod sourceIp statusCode tenant { id }`
		full := func(app string) string {
			return `{"__typename":"APICall","id":"APICall:123","operationTime":"2023-11-14T22:13:20Z","appId":"` + app + `","apiPath":"/openapi/v1/users",` +
				`"httpMethod":"GET","sourceIp":"1.2.3.4","statusCode":200,"tenant":{"id":"Tenant:` + tenant.String() + `"}}`
		}
		empty := func(app string) string {
			return `{"__typename":"APICall","id":"APICall:` + ids[1] + `","operationTime":"2023-11-14T22:13:20Z","appId":"` + app + `","apiPath":"",` +
				`"httpMethod":"","sourceIp":"","statusCode":0,"tenant":null}`
		}
		for _, c := range []struct{ token, long, short string }{
			{adminToken, "AK1234567890125678", "AK12345678"},
			{s.token(auth.Viewer, nil, auth.APICallsRead), "AK1234****5678", "****"},
			{s.token(auth.User, nil, auth.APICallsRead), "AK1234****5678", "****"},
		} {
			s.detail(c.token, "apiCall", "123", all, full(c.long))
			s.detail(c.token, "apiCall", ids[1], all, empty(c.short))
			a := s.ask(c.token, `{ apiCalls(filter: {httpMethod: {eq: "GET"}}) { edges { node { `+all+` } } } }`, nil)
			if string(a.Data) != `{"apiCalls":{"edges":[{"node":`+full(c.long)+`}]}}` {
				t.Errorf("the list is %s", a.body)
			}
		}
	})
}
