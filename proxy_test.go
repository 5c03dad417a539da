package main_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// proxyFor serves a reverse proxy in front of a server. It knows people by a cookie
// that holds their number, and lets nobody else say who is there.
func proxyFor(t *testing.T, s *server) *server {
	t.Helper()
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
		r.SetXForwarded()
		r.Out.Header.Del("X-Forwarded-User")
		r.Out.Header.Del("X-Forwarded-User-Id")
		if cookie, err := r.In.Cookie("session"); err == nil {
			r.Out.Header.Set("X-Forwarded-User-Id", cookie.Value)
		}
	}})
	t.Cleanup(proxy.Close)
	behind := *s
	behind.url = proxy.URL
	return &behind
}

// TestIdentityFromAProxy signs people in by a cookie, as the page of an older system
// does, with a proxy in front of the program.
func TestIdentityFromAProxy(t *testing.T) {
	onEveryEngine(t, testIdentityFromAProxy)
}

func testIdentityFromAProxy(t *testing.T, w *world) {
	w.must("import", "--kind", "users", w.file("users.ndjson",
		`{"id":2,"username":"alice","role":"user"}
{"id":3,"username":"root","role":"admin"}
{"id":4,"username":"mallory","role":"admin"}
`))
	w.must("import", "--kind", "usage", w.file("usage.ndjson",
		`{"id":1,"user_id":2,"username":"alice","created_at":1640995000,"type":2,"content":"of alice"}
{"id":2,"user_id":5,"username":"bob","created_at":1640995001,"type":2,"content":"of bob"}
`))
	w.env = append(w.env, "LOGBOOK_TRUSTED_PROXIES=::1, 127.0.0.1")
	s := w.serve()
	w.must("user", "disable", "4")
	proxied := proxyFor(t, s)

	type header map[string]string
	const cookie, user, forwarded = "Cookie", "New-Api-User", "X-Forwarded-User-Id"
	const all, own, entries = "/api/log/", "/api/log/self", "/api/management/logs/entries/"
	for _, c := range []struct {
		name         string
		method, path string
		header       header
		status       int
		body         string // a regular expression
	}{
		{"without a cookie", "GET", own, header{user: "2"}, 401, `"success":false,"message":"无权进行此操作，未登录`},
		{"spoofed", "GET", all, header{user: "3", forwarded: "3", "X-Forwarded-User": "root"}, 401, `"success":false`},
		{"spoofed beside a cookie", "GET", all, header{cookie: "session=2", user: "2", forwarded: "3", "X-Forwarded-User": "root"}, 200, `权限不足`},
		{"an unknown user", "GET", own, header{cookie: "session=9", user: "9"}, 200, `"success":false,"message":"无权进行此操作，access token 无效"`},
		{"a disabled user", "GET", all, header{cookie: "session=4", user: "4"}, 200, `"success":false`},
		{"without New-Api-User", "GET", own, header{cookie: "session=2"}, 401, `未提供 New-Api-User`},
		{"New-Api-User is no number", "GET", own, header{cookie: "session=2", user: "alice"}, 401, `格式错误`},
		{"New-Api-User is another's", "GET", own, header{cookie: "session=2", user: "3"}, 401, `不匹配`},
		{"a user asks for all", "GET", all, header{cookie: "session=2", user: "2"}, 200, `权限不足`},
		{"a user's own", "GET", own, header{cookie: "session=2", user: "2"}, 200, `"success":true.*"of alice".*"total":1,`},
		{"an administrator's list", "GET", all, header{cookie: "session=3", user: "3"}, 200, `"of bob".*"of alice".*"total":2,`},
		{"the page's own request", "GET", all, header{cookie: "session=3", user: "3", "Sec-Fetch-Site": "same-origin"}, 200, `"total":2,`},
		{"a token counts more", "GET", all, header{cookie: "session=2", user: "0", "Authorization": "Bearer " + adminToken}, 200, `"total":2,`},
		{"GraphQL", "GET", "/graphql?query=%7Bme%7Bid%20username%20role%7D%7D", header{cookie: "session=2"}, 200, `"id":"User:2","username":"alice","role":"USER"`},
		{"a form of another origin", "POST", entries + "delete_logs/", header{cookie: "session=3", "Origin": "http://evil.example", "Content-Type": "text/plain"}, 401, `^\{"success":false,"message":"`},
		{"another origin's, newapi", "DELETE", all + "?target_timestamp=1700000000", header{cookie: "session=3", user: "3", "Sec-Fetch-Site": "cross-site"}, 200, `"success":false`},
		{"another origin reads, newapi", "GET", all, header{cookie: "session=3", user: "3", "Sec-Fetch-Site": "cross-site"}, 200, `"success":false`},
		{"another origin reads, hertz", "GET", "/api/log/list/", header{cookie: "session=3", "Sec-Fetch-Site": "cross-site"}, 401, `"code":401`},
		{"another origin reads, codebird", "GET", "/api/v1/logs", header{cookie: "session=3", "Sec-Fetch-Site": "cross-site"}, 401, `"code":401`},
		{"another origin reads, trae", "GET", "/openapi/v1/audit/openapi-logs", header{cookie: "session=3", "Sec-Fetch-Site": "cross-site"}, 401, `"code":1002`},
		{"another origin reads, export", "GET", "/export/usage", header{cookie: "session=3", "Sec-Fetch-Site": "cross-site"}, 401, `"UNAUTHENTICATED".*another origin`},
		{"another origin reads, GraphQL", "GET", "/graphql?query=%7Bme%7Bid%7D%7D", header{cookie: "session=3", "Sec-Fetch-Site": "cross-site"}, 200, `another origin.*"UNAUTHENTICATED"`},
		{"a preflight", "OPTIONS", all, header{"Origin": "http://evil.example", "Access-Control-Request-Method": "DELETE"}, 204, `^$`},
		{"what needs no sign-in", "GET", "/api/log/token", header{cookie: "session=3", "Sec-Fetch-Site": "cross-site"}, 200, `Token不存在或无权限`},
		{"an administrator of the page", "GET", "/openapi/v1/audit/openapi-logs?start_time=1&end_time=2", header{cookie: "session=3", "X-Forwarded-For": "198.51.100.1, 203.0.113.7"}, 200, `"code":0`},
		{"a deletion of the page's", "DELETE", all + "?target_timestamp=1640995001", header{cookie: "session=3", user: "3", "Origin": proxied.url}, 200, `"data":1\}`},
		{"GraphQL by POST, of another origin", "POST", "/graphql", header{cookie: "session=3", "Origin": "http://evil.example", "Content-Type": "application/json"}, 200, `another origin`},
	} {
		body := ""
		if c.method == "POST" {
			body = `{"query":"{me{id}}"}`
		}
		request, err := http.NewRequest(c.method, proxied.url+c.path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range c.header {
			request.Header.Set(name, value)
		}
		got := proxied.send(request)
		if got.status != c.status || !regexp.MustCompile(c.body).Match(got.body) {
			t.Errorf("%s: %d %s, want %d %s", c.name, got.status, got.body, c.status, c.body)
		}
		if got.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: credentials are allowed", c.name)
		}
	}
	s.stop()

	// The call to the OpenAPI path has the address that the proxies saw.
	calls := w.must("export", "--kind", "api-calls", "--filter", "status_code=200")
	if !strings.Contains(calls, `"source_ip":"203.0.113.7"`) || strings.Count(calls, "\n") != 1 {
		t.Errorf("recorded is %s", calls)
	}

	// Whoever is not named as a proxy says nothing about callers.
	w.env = []string{"LOGBOOK_ADMIN_TOKEN=" + adminToken}
	for _, flags := range [][]string{nil, {"--trusted-proxies", "192.0.2.1"}} {
		s := w.serve(flags...)
		request, err := http.NewRequest("GET", s.url+"/api/log/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("New-Api-User", "3")
		request.Header.Set("X-Forwarded-User-Id", "3")
		if got := s.send(request); got.status != 401 || !strings.Contains(string(got.body), "未登录") {
			t.Errorf("%s: %d %s", flags, got.status, got.body)
		}
		s.stop()
	}
}
