package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"logbook/internal/fault"
	"logbook/internal/web"
)

func TestLanguage(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, web.Options{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked := fault.LanguageOf(r.Context())
		standard := fault.Language(r.URL.Query().Get("standard"))
		io.WriteString(w, string(asked)+" "+string(web.Language(w, r, standard)))
	}))
	for _, c := range []struct{ accept, asked string }{
		{"", ""}, {"*", ""}, {"*;q=0.1", ""}, {"fr, *", ""}, {"no language at all", ""}, {"zh;q=x", ""},
		{strings.Repeat("a-", 5_000), ""},
		{"en", "en"}, {"en-GB", "en"}, {"fr", "en"}, {"ja, ko;q=0.5", "en"}, {"en, zh", "en"},
		{"zh;q=0.5, en;q=0.6", "en"}, {"zh;q=0, en;q=0.1", "en"},
		{"zh", "zh"}, {"ZH", "zh"}, {"zh-CN", "zh"}, {"zh_cn", "zh"}, {"zh-Hant", "zh"}, {"zh-Hant-HK", "zh"},
		{"zh-CN,zh;q=0.9,en;q=0.8", "zh"}, {"en;q=0.5, zh;q=0.6", "zh"}, {"fr, zh;q=0.1", "zh"}, {"en;q=0, zh", "zh"}, {"zh, *", "zh"},
	} {
		for _, standard := range []string{"en", "zh"} {
			chosen := c.asked
			if chosen == "" {
				chosen = standard
			}
			response, body := ask(t, "GET", url+"?standard="+standard, map[string]string{"Accept-Language": c.accept})
			if body != c.asked+" "+chosen || response.Header.Get("Content-Language") != chosen ||
				!slices.Contains(response.Header.Values("Vary"), "Accept-Language") {
				t.Errorf("%.40q, else %s: %q, %v", c.accept, standard, body, response.Header)
			}
		}
	}
}

// TestOwnTexts is about what the package itself says.
func TestOwnTexts(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	web.Health(mux, func(context.Context) error { return errors.New("gone") })
	mux.HandleFunc("/panics", func(http.ResponseWriter, *http.Request) { panic("a bug") })
	url, _ := serve(t, web.Options{}, mux)
	for _, c := range []struct{ path, accept, language, body string }{
		{"/panics", "", "en", `{"success":false,"code":500,"message":"the server failed to answer; its log has the details"}`},
		{"/panics", "zh-CN", "zh", `{"success":false,"code":500,"message":"服务器未能作答，详情见其日志"}`},
		{"/readyz", "", "en", "the database does not answer"},
		{"/readyz", "zh-CN", "zh", "数据库没有响应"},
		{"/healthz", "zh-CN", "", "ok"},
	} {
		response, body := ask(t, "GET", url+c.path, map[string]string{"Accept-Language": c.accept})
		if body != c.body+"\n" || response.Header.Get("Content-Language") != c.language {
			t.Errorf("%s in %q: %q %v", c.path, c.accept, body, response.Header)
		}
	}
}
