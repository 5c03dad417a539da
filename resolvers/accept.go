package resolvers

import (
	"mime"
	"strconv"
	"strings"
)

// The media types of answers (GraphQL over HTTP, September 2025 draft, section
// 4): the first says by its status what became of a request, the second, older
// one answers 200 to everything that was a GraphQL request.
const (
	typeResponse = "application/graphql-response+json"
	typeJSON     = "application/json"
)

// negotiate gives the media type to answer with; false where the caller takes
// neither. Without Accept, or where all is welcome, it is application/json; of
// two that are equally welcome by name the newer (RFC 9110, 12.5.1).
func negotiate(accept []string) (media string, ok bool) {
	text := strings.Join(accept, ",")
	if strings.TrimSpace(text) == "" {
		return typeJSON, true
	}
	response, responseNamed := quality(text, typeResponse)
	plain, plainNamed := quality(text, typeJSON)
	switch {
	case response <= 0 && plain <= 0:
		return typeJSON, false
	case response > plain, response == plain && responseNamed >= plainNamed && responseNamed == byName:
		return typeResponse, true
	}
	return typeJSON, true
}

// How closely a range of an Accept header names a media type.
const (
	byNothing = iota
	byAll     // */*
	byFamily  // application/*
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
		case "application/*":
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
