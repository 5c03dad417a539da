package resolvers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/journal"
)

// incident is what one person did within a minute, seen by five systems.
type incident struct {
	tom, ann     int64 // tom's is ours, ann belongs to another tenant
	ours, others column.ID
}

const incidentDocument = `query($f: TimelineFilter, $first: Int, $after: String) {
	timeline(filter: $f, first: $first, after: $after) {
		totalCount liveCursor pageInfo { hasNextPage endCursor }
		edges { cursor node {
			__typename id occurredAt tenant { name }
			... on Node { again: id }
			... on Entry { timestamp level message entryUser: userId requestId ip: ipAddress }
			... on AuditEvent { createdAt key payload auditUser: userId auditIp: ip }
			... on Operation { createdAt action operationUser: userId succeeded requestData ip: ipAddress }
			... on UsageRecord { createdAt type usageUser: userId modelName channelName usageIp: ip }
			... on APICall { operationTime appId apiPath statusCode }
		} } } }`

type timelineAnswer struct {
	Timeline struct {
		TotalCount int
		LiveCursor string
		PageInfo   struct {
			HasNextPage bool
			EndCursor   *string
		}
		Edges []struct {
			Cursor string
			Node   map[string]any
		}
	}
}

// types gives the rows' types, in their order.
func (a timelineAnswer) types() string {
	names := []string{}
	for _, edge := range a.Timeline.Edges {
		names = append(names, edge.Node["__typename"].(string))
	}
	return strings.Join(names, " ")
}

func stageIncident(s *server) (in incident) {
	in.ours, in.others = s.tenant("ours"), s.tenant("others")
	add := func(name string, tenant column.ID, aliases map[string]string) int64 {
		user, err := s.accounts.AddUser(s.system, account.UserDraft{Username: name, TenantID: &tenant, Aliases: aliases})
		s.check(err)
		return user.ID
	}
	in.tom = add("tom", in.ours, map[string]string{"scitiger": "4be5", "codebird": "usr_tom", "hertz": "11", "trae": "AK1234567890"})
	in.ann = add("ann", in.others, map[string]string{"scitiger": "usr_tom", "codebird": "4be5", "hertz": "12", "trae": "11"})
	const second = 1_000_000
	for i, tenant := range []column.ID{in.ours, in.others} {
		minute := func(seconds column.Time) *column.Time { return ptr(noon + seconds*second) }
		who := []int64{in.tom, in.ann}[i]
		// The other tenant's rows have the very ids of ours, which are strangers there.
		_, err := s.journal.AuditEvents.Append(s.system, []journal.AuditEventDraft{
			{CreatedAt: minute(1), TenantID: &tenant, Key: "SignIn.Password", UserID: ptr("usr_tom"), IP: ptr("203.0.113.54")}})
		s.check(err)
		_, err = s.journal.Operations.Append(s.system, []journal.OperationDraft{
			{CreatedAt: minute(2), TenantID: &tenant, UserID: ptr[int64](11), Username: ptr("tom"), Action: column.ActionExport, IPAddress: ptr("203.0.113.54"), RequestData: column.JSON(`{"all":true}`)}})
		s.check(err)
		_, err = s.journal.APICalls.Append(s.system, []journal.APICallDraft{
			{OperationTime: minute(3), TenantID: &tenant, AppID: "AK1234567890", APIPath: "/openapi/v1/export", StatusCode: 500, SourceIP: "203.0.113.54"}})
		s.check(err)
		_, err = s.journal.UsageRecords.Append(s.system, []journal.UsageRecordDraft{
			{CreatedAt: minute(4), TenantID: &tenant, Type: column.Consume, UserID: who, ModelName: "gpt-5", ChannelName: "c", IP: "203.0.113.54"}})
		s.check(err)
		_, err = s.journal.Entries.Append(s.system, []journal.EntryDraft{
			{Timestamp: minute(5), TenantID: &tenant, Level: ptr(column.Error), Message: "export failed", UserID: ptr("4be5"), RequestID: ptr("req-1"), IPAddress: ptr("203.0.113.54")}})
		s.check(err)
	}
	return in
}

// A sign-in, the operation, the API call, the use of a model and the error of one incident
// appear together; another tenant's never do.
func TestTimelineOfAnIncident(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		in := stageIncident(s)
		reads := []auth.Permission{auth.EntriesRead, auth.AuditRead, auth.OperationsList, auth.UsageRead, auth.APICallsRead}
		viewer := s.token(auth.Viewer, &in.ours, reads...)
		byUser := fmt.Sprintf(`"user":"%d"`, in.tom)
		const all = "Entry UsageRecord APICall Operation AuditEvent"
		const byAddress = `"ipAddress":"203.0.113.54","since":"2025-06-15T00:00:00Z","until":"2025-06-16T00:00:00Z"`
		for name, test := range map[string]struct{ token, filter, want string }{
			"by user":                    {viewer, byUser, all},
			"by address":                 {viewer, byAddress, all},
			"all of the tenant":          {viewer, `"since":"2025-06-15T00:00:00Z","until":"2025-06-15T12:01:00Z"`, all},
			"by request":                 {viewer, `"requestId":"req-1","since":"2025-06-15T00:00:00Z","until":"2025-06-16T00:00:00Z"`, "Entry"},
			"by user and request":        {viewer, byUser + `,"requestId":"req-1"`, "Entry"},
			"two kinds":                  {viewer, byUser + `,"kinds":["API_CALL","ENTRY"]`, "Entry APICall"},
			"an end":                     {viewer, byUser + `,"until":"2025-06-15T12:00:04Z"`, "APICall Operation AuditEvent"},
			"another tenant":             {viewer, byUser + `,"tenantId":"` + in.others.String() + `"`, ""},
			"another tenant's user":      {viewer, fmt.Sprintf(`"user":"%d"`, in.ann), ""},
			"no user":                    {viewer, `"user":"12345"`, ""},
			"no id":                      {viewer, `"user":"usr_tom"`, ""},
			"nobody":                     {viewer, `"user":"0"`, ""},
			"another spelling":           {viewer, fmt.Sprintf(`"user":"+%d"`, in.tom), ""},
			"an administrator of it":     {s.token(auth.Admin, &in.ours), byUser, all},
			"a viewer of some":           {s.token(auth.Viewer, &in.ours, auth.AuditRead, auth.APICallsRead), byUser, "APICall AuditEvent"},
			"a viewer of some, by place": {s.token(auth.Viewer, &in.ours, auth.AuditRead, auth.APICallsRead), byAddress, "APICall AuditEvent"},
			"the user itself":            {s.tokenOf(in.tom, auth.User, nil), byUser, "UsageRecord"},
			"the user, of itself alone":  {s.tokenOf(in.tom, auth.User, nil), "", "UsageRecord"},
			"the user, of another":       {s.tokenOf(in.tom, auth.User, nil), fmt.Sprintf(`"user":"%d"`, in.ann), ""},
			"the user that reads":        {s.tokenOf(in.tom, auth.User, nil, auth.EntriesRead), byUser, "Entry UsageRecord"},
			"an administrator":           {adminToken, byUser + `,"tenantId":"` + in.ours.String() + `"`, all},
		} {
			var got timelineAnswer
			s.must(test.token, incidentDocument, `{"f":{`+test.filter+`}}`, &got)
			if got.types() != test.want || got.Timeline.TotalCount != len(got.Timeline.Edges) {
				t.Errorf("%s: %q, total %d, want %q", name, got.types(), got.Timeline.TotalCount, test.want)
			}
			for _, edge := range got.Timeline.Edges {
				if tenant := edge.Node["tenant"].(map[string]any)["name"]; tenant != "ours" {
					t.Errorf("%s: a row of %v", name, tenant)
				}
			}
		}

		// Fragments reach what each kind has, as its list shows it to the caller.
		var got timelineAnswer
		s.must(viewer, incidentDocument, `{"f":{`+byUser+`}}`, &got)
		for i, want := range []map[string]any{
			{"timestamp": "2025-06-15T12:00:05Z", "level": "ERROR", "message": "export failed", "entryUser": "4be5", "requestId": "req-1"},
			{"createdAt": "2025-06-15T12:00:04Z", "type": "CONSUME", "usageUser": float64(in.tom), "modelName": "gpt-5", "channelName": "c"},
			{"operationTime": "2025-06-15T12:00:03Z", "appId": "AK1234****7890", "apiPath": "/openapi/v1/export", "statusCode": 500.0},
			{"createdAt": "2025-06-15T12:00:02Z", "action": "EXPORT", "operationUser": nil, "succeeded": true, "requestData": nil},
			{"createdAt": "2025-06-15T12:00:01Z", "key": "SignIn.Password", "auditUser": "usr_tom", "auditIp": "203.0.113.54"},
		} {
			node := got.Timeline.Edges[i].Node
			if node["occurredAt"] != fmt.Sprintf("2025-06-15T12:00:0%dZ", 5-i) || node["again"] != node["id"] {
				t.Errorf("row %d is %v", i, node)
			}
			for field, value := range want {
				if has, there := node[field]; !there || has != value {
					t.Errorf("row %d has the %s %v, want %v", i, field, has, value)
				}
			}
		}

		// Pages, and the lists' cursors that are none of theirs.
		var walked []string
		variables := map[string]any{"f": map[string]any{"user": fmt.Sprint(in.tom)}, "first": 2}
		for more := true; more; {
			var page timelineAnswer
			s.must(viewer, incidentDocument, variables, &page)
			walked = append(walked, page.types())
			variables["after"], more = page.Timeline.PageInfo.EndCursor, page.Timeline.PageInfo.HasNextPage
		}
		if !slices.Equal(walked, []string{"Entry UsageRecord", "APICall Operation", "AuditEvent"}) {
			t.Errorf("pages of two: %q", walked)
		}
	})
}

// The administration of Logbook itself is in the timeline of who did it, by its id in
// Logbook, and in nobody's whose codebird id is the same text.
func TestTimelineOfAnAdministrator(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		chief, err := s.accounts.AddUser(s.system, account.UserDraft{Username: "chief", Role: auth.Admin})
		s.check(err)
		stranger := addUser(t, s, "stranger", map[string]string{"codebird": fmt.Sprint(chief.ID)})
		s.must(s.tokenOf(chief.ID, auth.Admin, nil), `mutation { purgeEntries(input: {filter: {until: "2001-01-01T00:00:00Z"}, dryRun: false}) { count }
			createUser(input: {username: "made"}) { user { id } } }`, nil, nil)
		for user, want := range map[int64]bool{chief.ID: true, stranger: false} {
			var got timelineAnswer
			s.must(adminToken, incidentDocument, map[string]any{"f": map[string]any{"user": fmt.Sprint(user)}}, &got)
			if has := len(got.Timeline.Edges) > 0; has != want {
				t.Errorf("user %d: %v", user, got.Timeline.Edges)
			}
		}
	})
}

func TestTimelineRefusals(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		const must = "filter.since: must be at most 31 days before until, or before now where there is none, to find an address or a request id"
		for document, want := range map[string]string{
			`{ timeline(filter: {ipAddress: "::1"}) { totalCount } }`:                              must,
			`{ timeline(filter: {requestId: "r", until: "2025-06-15T12:00:00Z"}) { totalCount } }`: must,
			`{ timeline(filter: {ipAddress: "", since: "2025-06-15T12:00:00Z"}) { totalCount } }`:  "filter.ipAddress: is required",
			`{ timeline(filter: {requestId: "", user: "1"}) { totalCount } }`:                      "filter.requestId: is required",
			`{ timeline(filter: {tenantId: "x"}) { totalCount } }`:                                 `filter.tenantId: "x" is not a UUID such as 550e8400-e29b-41d4-a716-446655440000`,
			`{ timeline(filter: {kinds: [LOG]}) { totalCount } }`:                                  "",
			`{ timeline(first: 501) { totalCount } }`:                                              "first: must be between 0 and 500",
			`{ timeline(first: 1, last: 1) { totalCount } }`:                                       "last: cannot stand beside first",
			`{ timeline(after: "x") { totalCount } }`:                                              `after: "x" is not a cursor that this server gave`,
			`{ timeline(filter: {kinds: null}) { totalCount } }`:                                   "",
		} {
			a := s.ask(adminToken, document, nil)
			if want == "" && a.code() == "" || want != "" && (a.code() != "BAD_USER_INPUT" || !slices.Equal(a.problems(), []string{want})) {
				t.Errorf("%s: %s", document, a.body)
			}
		}
		reader := s.token(auth.Viewer, nil, auth.EntriesRead)
		for _, document := range []string{
			`{ timeline(filter: {kinds: [ENTRY, AUDIT_EVENT]}) { totalCount } }`, `query($k: [LogKind!]!) { timeline(filter: {kinds: $k}) { totalCount } }`,
		} {
			if a := s.ask(reader, document, `{"k":["API_CALL"]}`); a.code() != "FORBIDDEN" {
				t.Errorf("%s: %s", document, a.body)
			}
		}
		if a := s.ask(reader, `{ timeline(filter: {kinds: [ENTRY]}) { totalCount } }`, nil); a.code() != "" {
			t.Errorf("a reader of entries: %s", a.body)
		}
		// A page counts as the lists' pages do, and more without an index.
		const wide = `{ timeline(first: 500%s) { edges { node { ... on Entry { a: id b: id c: id d: id e: id f: id g: id h: id } ... on APICall { i: id j: id k: id l: id m: id n: id
			o: id p: id q: id r: id s: id t: id u: id v: id w: id x: id y: id z: id a1: id a2: id a3: id a4: id a5: id a6: id a7: id a8: id a9: id b0: id b1: id b2: id b3: id b4: id%s } } } } }`
		for document, want := range map[string]string{
			fmt.Sprintf(wide, "", ""): "", fmt.Sprintf(wide, "", " c1: id c2: id c3: id c4: id c5: id c6: id c7: id c8: id c9: id"): "GRAPHQL_VALIDATION_FAILED",
			fmt.Sprintf(wide, `, filter: {user: "1"}`, " c1: id c2: id c3: id c4: id"):                   "",
			fmt.Sprintf(wide, `, filter: {user: "1", ipAddress: "::1"}`, " c1: id c2: id c3: id c4: id"): "GRAPHQL_VALIDATION_FAILED",
		} {
			if a := s.ask(adminToken, document, nil); a.code() != want {
				t.Errorf("%.60s…: %s, want %q", document, a.body, want)
			}
		}
	})
}
