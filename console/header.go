package console

import (
	"iter"
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
