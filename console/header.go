package console

import (
	"iter"
	"strconv"
	"strings"
)

// matches reports whether an If-None-Match header names etag or is "*". It
// compares weakly, as RFC 9110, section 13.1.2, asks for.
func matches(values []string, etag string) bool {
	for tag := range items(values) {
		if tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

// acceptsGzip reports whether an Accept-Encoding header lets the answer be
// gzip: it names gzip, or "*" while it does not name gzip, with a weight other
// than 0 (RFC 9110, section 12.5.3).
func acceptsGzip(values []string) bool {
	others := false
	for item := range items(values) {
		coding, params, _ := strings.Cut(item, ";")
		accepted := true
		if weight, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(params)), "q="); ok {
			q, err := strconv.ParseFloat(weight, 64)
			accepted = err == nil && q > 0
		}
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return accepted
		case "*":
			others = accepted
		}
	}
	return others
}

// items yields the comma-separated items of a header that may be repeated,
// without the white space around them. Our own entity tags hold no comma.
func items(values []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, value := range values {
			for item := range strings.SplitSeq(value, ",") {
				if !yield(strings.TrimSpace(item)) {
					return
				}
			}
		}
	}
}
