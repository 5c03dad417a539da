package web

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"logbook/internal/auth"
	"logbook/internal/fault"
)

// Proxies are the addresses of the reverse proxies in front of the server, whose
// headers about the caller are believed: X-Forwarded-For here, those of identity in
// package authn. The zero value believes nobody.
type Proxies struct{ prefixes []netip.Prefix }

// UnmarshalText reads addresses and prefixes (10.1.0.0/16) of IPv4 and IPv6,
// separated by commas; blank text is none.
func (p *Proxies) UnmarshalText(text []byte) error {
	p.prefixes = nil
	if strings.TrimSpace(string(text)) == "" {
		return nil
	}
	for item := range strings.SplitSeq(string(text), ",") {
		prefix, err := parseProxy(strings.TrimSpace(item))
		if err != nil {
			return err
		}
		p.prefixes = append(p.prefixes, prefix)
	}
	return nil
}

// parseProxy reads an address or a prefix.
func parseProxy(text string) (netip.Prefix, error) {
	shown := fault.Shorten(text)
	address, err := netip.ParseAddr(text)
	if err == nil && address.Zone() == "" {
		address = address.Unmap()
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	switch {
	case err != nil || prefix.Addr().Is4In6():
		return netip.Prefix{}, fmt.Errorf("%q is no address of a proxy; want IP addresses or prefixes, such as 127.0.0.1,10.1.0.0/16,fd00::/64", shown)
	case prefix.Bits() == 0:
		return netip.Prefix{}, fmt.Errorf("%q would let every caller say who it is; name the proxy's own address", shown)
	case prefix != prefix.Masked():
		return netip.Prefix{}, fmt.Errorf("%q names an address and a network; want %s for the address or %s for the network", shown, prefix.Addr(), prefix.Masked())
	}
	return prefix, nil
}

// include says whether an address is a trusted proxy's. An address with a zone
// never is, since the zone is not part of what was named.
func (p Proxies) include(address netip.Addr) bool {
	for _, prefix := range p.prefixes {
		if prefix.Contains(address.Unmap()) {
			return true
		}
	}
	return false
}

// RequestID gives the id of the request that a context belongs to, "" outside
// one. The answer carries it as X-Request-Id, and so do the log's lines.
func RequestID(ctx context.Context) string { return auth.OriginOf(ctx).RequestID }

// origin puts into a request's context where it comes from, with its request id: the
// caller's, echoed, where that is a plain one, else one that is made.
func origin(proxies Proxies, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from := auth.Origin{UserAgent: r.UserAgent(), RequestID: r.Header.Get("X-Request-Id"), Foreign: foreign(r)}
		if !plainID(from.RequestID) {
			from.RequestID = "req_" + strings.ToLower(rand.Text()[:20])
		}
		from.Address, from.Proxied = proxies.caller(r)
		w.Header().Set("X-Request-Id", from.RequestID)
		next.ServeHTTP(w, r.WithContext(auth.WithOrigin(r.Context(), from)))
	})
}

// foreign says whether a browser sends a request for a page of another origin than
// the server's, requests that only read among them, and those that begin a WebSocket.
func foreign(r *http.Request) bool {
	asked := *r
	asked.Method = http.MethodPost // the library passes methods that only read
	return new(http.CrossOriginProtection).Check(&asked) != nil
}

// plainID says whether an id is 1 to 128 visible ASCII characters.
func plainID(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return true
}

// caller gives the address that a request comes from, and whether the other end of
// the connection is a trusted proxy.
//
// Each proxy adds the address that it heard from at the right of X-Forwarded-For, so
// what stands there is read from the right for as long as a trusted proxy wrote it:
// what is left of that, the caller may have written. Forwarded (RFC 7239) is not
// read: most proxies write only one of the two and pass on the other.
func (p Proxies) caller(r *http.Request) (address string, proxied bool) {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	peer, err := netip.ParseAddr(address)
	if err != nil || !p.include(peer) {
		return address, false
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, readable := parseHop(strings.TrimSpace(hops[i]))
		if !readable {
			break
		}
		address = hop.String()
		if !p.include(hop) {
			break
		}
	}
	return address, true
}

// parseHop reads an address of X-Forwarded-For, to which some proxies add a port.
func parseHop(text string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		text = withPort.Addr().String()
	}
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	return address.Unmap(), err == nil && address.Zone() == "" // a zone may be any text
}
