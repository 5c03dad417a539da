// Package fault is the one small set of error kinds that Logbook's rooms
// share. An error made here carries what may be shown to a caller; the cause
// it wraps is for the server's own log and is never shown. What is shown is worded
// only then, in English or in Chinese (Sentence); chinese.go is the one home of the
// Chinese. The log and the command line are in English.
//
// Everything that is not a *fault.Error is internal: it is logged with the
// request id and shown as one plain sentence.
package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Kind says what sort of thing went wrong. Each surface maps a kind to its own
// status and envelope in one place.
type Kind int

// The kinds. Internal is the zero value, so that a forgotten kind hides.
const (
	Internal Kind = iota
	Invalid
	Unauthenticated
	Forbidden
	NotFound
	Conflict
	TooLarge
	Unavailable
	TooMany // asked too often; After says when to ask again
)

// Reason says why a value was refused, so that a surface can word it in its
// own language.
type Reason int

// The reasons a value can be refused for.
const (
	Required  Reason = iota + 1 // absent or blank
	WrongType                   // another JSON type than wanted; Detail names the wanted one
	NotChoice                   // none of the known choices; Detail lists them
	TooLong                     // longer than Limit bytes
	Malformed                   // unreadable; Detail says what is wanted
	Unknown                     // names something that does not exist
	Outside                     // a number or time outside its range; Detail gives the range
	BadJSON                     // JSON that others would read differently; Detail says why
	Clash                       // contradicts what is stored; Detail says what
)

// Problem is one refused value.
type Problem struct {
	Index  int    // position of the row in its batch, from 0; -1 where there is no batch
	Field  string // the field's documented name, a path inside JSON included
	Reason Reason
	Value  string // what was given, shortened, where showing it helps
	Limit  int    // for TooLong, in bytes
	Detail Sentence
}

// In words the problem in a language: "field: reason".
func (p Problem) In(language Language) string {
	place := ""
	if p.Index >= 0 {
		place = fmt.Sprintf("[%d].", p.Index)
	}
	if p.Field != "" {
		place += p.Field + ": "
	}
	return place + p.reason().In(language)
}

func (p Problem) reason() Sentence {
	switch p.Reason {
	case Required:
		return Say("is required")
	case WrongType, Outside:
		return Say("must be %s", p.Detail)
	case NotChoice:
		return Say("%q is none of %s", p.Value, p.Detail)
	case TooLong:
		return Say("is longer than %d bytes", p.Limit)
	case Malformed:
		if p.Value != "" {
			return Say("%q is not %s", p.Value, p.Detail)
		}
		return Say("is not %s", p.Detail)
	case Unknown:
		return Say("%q does not exist", p.Value)
	case Clash, BadJSON:
		return p.Detail
	}
	return Say("is not valid")
}

// String words the problem in English.
func (p Problem) String() string { return p.In(English) }

// Error is an error for people.
type Error struct {
	Kind     Kind
	Sentence Sentence      // shown to the caller
	Problems []Problem     // for Invalid: every refused value; they are shown in place of the sentence
	After    time.Duration // for TooMany, and Unavailable where too much came at once: how long to wait, in whole seconds
	Err      error         // the cause, for the log only
}

// In words what to show the caller in a language: the sentence or, of the problems,
// the first ten.
func (e *Error) In(language Language) string {
	if len(e.Problems) == 0 {
		return e.Sentence.In(language)
	}
	const most = 10
	texts := make([]string, 0, most+1)
	for _, p := range e.Problems[:min(len(e.Problems), most)] {
		texts = append(texts, p.In(language))
	}
	if more := len(e.Problems) - most; more > 0 {
		texts = append(texts, Say("and %d more", more).In(language))
	}
	return strings.Join(texts, "; ")
}

// Error gives the sentence or the problems in English and, for the log, the cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.In(English) + ": " + e.Err.Error()
	}
	return e.In(English)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a kind with the sentence to show.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Sentence: Say(format, args...)}
}

// Wrap is New with a cause for the log.
func Wrap(kind Kind, cause error, format string, args ...any) *Error {
	e := New(kind, format, args...)
	e.Err = cause
	return e
}

// Refuse makes an Invalid error of one or more problems.
func Refuse(problems ...Problem) *Error { return &Error{Kind: Invalid, Problems: problems} }

// RefuseField makes an Invalid error of one problem outside any batch. Format and
// args make its Detail.
func RefuseField(field string, reason Reason, value, format string, args ...any) *Error {
	return Refuse(Problem{Index: -1, Field: field, Reason: reason, Value: Shorten(value), Detail: Say(format, args...)})
}

// Text gives what is wrong with a text for the named field: longer than limit bytes,
// or not valid UTF-8; nil for nothing.
func Text(field, text string, limit int) *Problem {
	switch {
	case len(text) > limit:
		return &Problem{Index: -1, Field: field, Reason: TooLong, Limit: limit}
	case !utf8.ValidString(text):
		return &Problem{Index: -1, Field: field, Reason: Malformed, Detail: Say("valid UTF-8")}
	}
	return nil
}

// Name is Text for a name, which must not be blank either, as an error.
func Name(field, name string, limit int) error {
	if strings.TrimSpace(name) == "" {
		return RefuseField(field, Required, "", "")
	}
	if problem := Text(field, name, limit); problem != nil {
		return Refuse(*problem)
	}
	return nil
}

// Shorten cuts a caller's value to what an error may repeat: 60 bytes at most.
func Shorten(value string) string {
	if cut := Cut(value, 60); cut != value {
		return cut + "…"
	}
	return value
}

// Cut gives the beginning of a text, of at most so many bytes and ending on a rune's
// edge.
func Cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// As gives err's *Error, or an Internal one that wraps it. Nil stays nil.
func As(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Wrap(Internal, err, "the server failed to answer; the log has the details")
}

// KindOf gives err's kind; Internal for everything foreign.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}
