package resolvers

import (
	"mime"
	"strconv"
	"strings"
)

// The media types of answers (GraphQL over HTTP, September 2025 draft, section
// 4): the first says by its status what became of a request, the second, older
// one answers 200 to everything that was a GraphQL request. The third is a stream
// of events, each of which holds an answer (sse.go).
const (
	typeResponse = "application/graphql-response+json"
	typeJSON     = "application/json"
	typeEvents   = "text/event-stream"
)

// negotiate gives the media type of a single answer; false where the caller takes
// none. Without Accept, or where all is welcome, it is application/json; of two
// that are equally welcome by name the newer (RFC 9110, 12.5.1). It is a stream
// only for who likes that better than both.
//
// Streams says whether the caller takes a stream too, which is for those who name
// it: who takes anything waits for an end.
func negotiate(accept []string) (media string, streams, ok bool) {
	text := strings.Join(accept, ",")
	if strings.TrimSpace(text) == "" {
		return typeJSON, false, true
	}
	response, responseNamed := quality(text, typeResponse)
	plain, plainNamed := quality(text, typeJSON)
	events, eventsNamed := quality(text, typeEvents)
	streams = events > 0 && eventsNamed >= byFamily
	switch {
	case streams && events > max(response, plain):
		return typeEvents, true, true
	case response <= 0 && plain <= 0:
		return typeJSON, streams, false
	case response > plain, response == plain && responseNamed >= plainNamed && responseNamed == byName:
		return typeResponse, streams, true
	}
	return typeJSON, streams, true
}

// How closely a range of an Accept header names a media type.
const (
	byNothing = iota
	byAll     // */*
	byFamily  // application/* or text/*
	byName
)

// quality says how welcome a media type is, from 0 to 1, and how closely it is
// named; the closest range decides. A range in another charset than UTF-8 does
// not count, since answers are UTF-8.
func quality(accept, media string) (q float64, closeness int) {
	for _, part := range strings.Split(accept, ",") {
		name, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		near := byNothing
		switch name {
		case media:
			near = byName
		case media[:strings.IndexByte(media, '/')] + "/*":
			near = byFamily
		case "*/*":
			near = byAll
		}
		if charset, given := parameters["charset"]; given && !strings.EqualFold(charset, "utf-8") {
			continue
		}
		if near <= closeness {
			continue
		}
		weight := 1.0
		if text, given := parameters["q"]; given {
			if weight, err = strconv.ParseFloat(text, 64); err != nil || !(weight >= 0 && weight <= 1) {
				continue
			}
		}
		q, closeness = weight, near
	}
	return q, closeness
}
