package web_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"logbook/internal/auth"
	"logbook/internal/web"
)

// TestOrigin wants the caller's address believed from trusted proxies only, and of
// what they send only what one of them wrote.
func TestOrigin(t *testing.T) {
	t.Parallel()
	const trusted = " 10.1.0.0/16, 127.0.0.1 ,::1,fd00::/64"
	for _, c := range []struct {
		name, trusted, peer string
		sent                []string // lines of X-Forwarded-For
		want                string
		proxied             bool
	}{
		{"nobody is trusted", "", "127.0.0.1:5", []string{"192.0.2.1"}, "127.0.0.1", false},
		{"a stranger says so", trusted, "192.0.2.9:5", []string{"192.0.2.1"}, "192.0.2.9", false},
		{"beside the network", trusted, "10.2.0.1:5", []string{"192.0.2.1"}, "10.2.0.1", false},
		{"beside the address", trusted, "127.0.0.2:5", []string{"192.0.2.1"}, "127.0.0.2", false},
		{"a zone is not what was named", trusted, "[fd00::1%eth0]:5", []string{"192.0.2.1"}, "fd00::1%eth0", false},
		{"no address", trusted, "pipe", []string{"192.0.2.1"}, "pipe", false},

		{"the proxy itself", trusted, "127.0.0.1:5", nil, "127.0.0.1", true},
		{"one proxy", trusted, "127.0.0.1:5", []string{"192.0.2.1"}, "192.0.2.1", true},
		{"a proxy of a network", trusted, "10.1.255.7:5", []string{"192.0.2.1"}, "192.0.2.1", true},
		{"a proxy of IPv6", trusted, "[::1]:5", []string{"2001:db8::1"}, "2001:db8::1", true},
		{"IPv4 in IPv6", trusted, "[::ffff:127.0.0.1]:5", []string{"::ffff:192.0.2.1"}, "192.0.2.1", true},
		{"named as IPv4 in IPv6", "::ffff:127.0.0.1", "127.0.0.1:5", []string{"192.0.2.1"}, "192.0.2.1", true},
		{"the caller wrote the left", trusted, "127.0.0.1:5", []string{"198.51.100.1, 192.0.2.1"}, "192.0.2.1", true},
		{"the caller named a proxy", trusted, "127.0.0.1:5", []string{"10.1.0.1, 192.0.2.1"}, "192.0.2.1", true},
		{"the caller wrote lines", trusted, "127.0.0.1:5", []string{"198.51.100.1", "198.51.100.2", "192.0.2.1"}, "192.0.2.1", true},
		{"a chain of proxies", trusted, "127.0.0.1:5", []string{"192.0.2.1,10.1.0.4", " fd00::7 "}, "192.0.2.1", true},
		{"proxies alone", trusted, "127.0.0.1:5", []string{"10.1.0.5, 10.1.0.4"}, "10.1.0.5", true},
		{"unreadable", trusted, "127.0.0.1:5", []string{"unknown"}, "127.0.0.1", true},
		{"unreadable behind a proxy", trusted, "127.0.0.1:5", []string{"192.0.2.1, <b>, 10.1.0.4"}, "10.1.0.4", true},
		{"a zone may be any text", trusted, "127.0.0.1:5", []string{"fe80::1%<b>"}, "127.0.0.1", true},
		{"blank", trusted, "127.0.0.1:5", []string{"192.0.2.1,"}, "127.0.0.1", true},
		{"with a port", trusted, "127.0.0.1:5", []string{"192.0.2.1:6000"}, "192.0.2.1", true},
		{"IPv6 with a port", trusted, "127.0.0.1:5", []string{"[2001:db8::1]:6000"}, "2001:db8::1", true},
		{"IPv6 in brackets", trusted, "127.0.0.1:5", []string{"[2001:db8::1]"}, "2001:db8::1", true},
	} {
		var options web.Options
		if err := options.Proxies.UnmarshalText([]byte(c.trusted)); err != nil {
			t.Fatal(err)
		}
		var got auth.Origin
		server := web.Server(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got = auth.OriginOf(r.Context())
		}), options, slog.New(slog.NewTextHandler(io.Discard, nil)))
		request := httptest.NewRequest("GET", "/", nil)
		request.RemoteAddr = c.peer
		request.Header["X-Forwarded-For"] = c.sent
		request.Header.Set("Forwarded", "for=203.0.113.1")
		request.Header.Set("X-Real-Ip", "203.0.113.1")
		request.Header.Set("User-Agent", "a browser")
		request.Header.Set("X-Request-Id", "r")
		server.Handler.ServeHTTP(httptest.NewRecorder(), request)
		if want := (auth.Origin{Address: c.want, UserAgent: "a browser", RequestID: "r", Proxied: c.proxied}); got != want {
			t.Errorf("%s: %+v, want %+v", c.name, got, want)
		}
	}
}

func TestProxies(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"proxy.example": "is no address", "10.0.0.1,": `"" is no address`, "10.0.0.1 10.0.0.2": "is no address",
		"10.0.0.1:80": "is no address", "fe80::1%eth0": "is no address", "fe80::%eth0/64": "is no address",
		"::ffff:10.0.0.0/104": "is no address", "10.0.0.0/33": "is no address", strings.Repeat("9", 9999): "is no address",
		"10.0.0.1,0.0.0.0/0": "every caller", "::/0": "every caller",
		"10.0.0.5/8": "want 10.0.0.5 for the address or 10.0.0.0/8 for the network",
	} {
		err := new(web.Proxies).UnmarshalText([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 300 {
			t.Errorf("%.50q: %v, want it to say %s", text, err, want)
		}
	}
}
