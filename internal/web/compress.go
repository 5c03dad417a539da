package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

// leastPacked is how long an answer is, in bytes, that is worth packing: what is
// shorter goes in one packet anyway.
const leastPacked = 1024

// compressed packs the answers of next with gzip for callers who take it. What
// handlers pack themselves, streams of events and multipart answers pass as they
// are; what a handler flushes, the caller gets at once. An entity tag stays, so
// it must be a weak one.
//
// The length of a packed answer varies by up to 32 bytes with its content, so that
// lengths say less about what stands beside a text of somebody else's (BREACH).
// Credentials travel in headers that no page of another site can make a browser
// send, unless a proxy that is trusted adds them.
func compressed(next http.Handler) http.Handler {
	packing, always := packer(leastPacked), packer(1)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		packed, plain := encodings(r.Header.Values("Accept-Encoding"))
		pack := packing
		if !plain {
			pack = always
		}
		// The library asks no more than the first line of the header, and nothing for
		// HEAD, whose header must be GET's. So it gets a request of its own.
		asked := &http.Request{Method: http.MethodGet, Header: http.Header{}}
		if packed {
			asked.Header.Set("Accept-Encoding", "gzip")
		}
		pack(http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
			next.ServeHTTP(out, r)
		})).ServeHTTP(w, asked)
	})
}

// packer makes the middleware that packs answers of at least so many bytes. The
// quickest level makes a seventh of a list; the others take twice the time for a
// twentieth less.
func packer(least int) func(http.Handler) http.HandlerFunc {
	pack, err := gzhttp.NewWrapper(
		gzhttp.EnableZstd(false),
		gzhttp.CompressionLevel(gzip.BestSpeed),
		gzhttp.MinSize(least),
		gzhttp.SetContentType(false),
		gzhttp.RandomJitter(32, 0, false),
		gzhttp.ContentTypeFilter(func(media string) bool {
			return !strings.HasPrefix(media, "text/event-stream") && !strings.HasPrefix(media, "multipart/")
		}),
	)
	if err != nil {
		panic(err) // only for options that there are not
	}
	return pack
}

// AcceptsGzip says whether an answer to a caller with these lines of Accept-Encoding
// is to be packed with gzip.
func AcceptsGzip(accept []string) bool {
	packed, _ := encodings(accept)
	return packed
}

// encodings says whether an answer is to be packed with gzip, and whether it may be
// plain, by RFC 9110, section 12.5.3. Where nothing that there is may be sent, it is
// plain, unless that alone is refused.
func encodings(accept []string) (packed, plain bool) {
	weights := map[string]float64{}
	for _, line := range accept {
		for item := range strings.SplitSeq(line, ",") {
			coding, parameter, _ := strings.Cut(item, ";")
			coding = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(coding)), "x-")
			weight := 1.0
			if text, ok := strings.CutPrefix(strings.ToLower(strings.TrimSpace(parameter)), "q="); ok {
				weight, _ = strconv.ParseFloat(text, 64) // 0 for what is no number
			}
			if _, twice := weights[coding]; !twice {
				weights[coding] = weight
			}
		}
	}
	others, anyOther := weights["*"]
	gzip, named := weights["gzip"]
	if !named {
		gzip, named = others, anyOther
	}
	identity, said := weights["identity"]
	if !said && anyOther && others == 0 {
		said = true
	}
	refused := said && identity <= 0
	switch {
	case refused && !named: // it wants to be spared the plain form, whatever the other is
		return true, false
	case gzip <= 0:
		return false, true
	case said && identity > gzip:
		return false, true
	}
	return true, !refused
}
