// Package fault is the one small set of error kinds that Logbook's rooms
// share. An error made here carries what may be shown to a caller; the cause
// it wraps is for the server's own log and is never shown.
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
	Detail string
}

// String words the problem in English: "field: reason".
func (p Problem) String() string {
	var b strings.Builder
	if p.Index >= 0 {
		fmt.Fprintf(&b, "[%d].", p.Index)
	}
	if p.Field != "" {
		b.WriteString(p.Field)
		b.WriteString(": ")
	}
	switch p.Reason {
	case Required:
		b.WriteString("is required")
	case WrongType:
		fmt.Fprintf(&b, "must be %s", p.Detail)
	case NotChoice:
		fmt.Fprintf(&b, "%q is none of %s", p.Value, p.Detail)
	case TooLong:
		fmt.Fprintf(&b, "is longer than %d bytes", p.Limit)
	case Malformed:
		if p.Value != "" {
			fmt.Fprintf(&b, "%q is not %s", p.Value, p.Detail)
		} else {
			fmt.Fprintf(&b, "is not %s", p.Detail)
		}
	case Unknown:
		fmt.Fprintf(&b, "%q does not exist", p.Value)
	case Outside:
		fmt.Fprintf(&b, "must be %s", p.Detail)
	case Clash, BadJSON:
		b.WriteString(p.Detail)
	default:
		b.WriteString("is not valid")
	}
	return b.String()
}

// Error is an error for people.
type Error struct {
	Kind     Kind
	Message  string        // one sentence, shown to the caller
	Problems []Problem     // for Invalid: every refused value
	After    time.Duration // for TooMany: how long to wait, in whole seconds
	Err      error         // the cause, for the log only
}

// Error gives the sentence, the problems and, for the log, the cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an error of a kind with the sentence to show.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap is New with a cause for the log.
func Wrap(kind Kind, cause error, format string, args ...any) *Error {
	e := New(kind, format, args...)
	e.Err = cause
	return e
}

// Refuse makes an Invalid error of one or more problems.
func Refuse(problems ...Problem) *Error {
	texts := make([]string, 0, min(len(problems), 10)+1)
	for i, p := range problems {
		if i == 10 {
			texts = append(texts, fmt.Sprintf("and %d more", len(problems)-i))
			break
		}
		texts = append(texts, p.String())
	}
	return &Error{Kind: Invalid, Message: strings.Join(texts, "; "), Problems: problems}
}

// RefuseField makes an Invalid error of one problem outside any batch.
func RefuseField(field string, reason Reason, value, detail string) *Error {
	return Refuse(Problem{Index: -1, Field: field, Reason: reason, Value: Shorten(value), Detail: detail})
}

// Text gives what is wrong with a text for the named field: longer than limit bytes,
// or not valid UTF-8; nil for nothing.
func Text(field, text string, limit int) *Problem {
	switch {
	case len(text) > limit:
		return &Problem{Index: -1, Field: field, Reason: TooLong, Limit: limit}
	case !utf8.ValidString(text):
		return &Problem{Index: -1, Field: field, Reason: Malformed, Detail: "valid UTF-8"}
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

// Shorten cuts a caller's value to what an error may repeat: 60 bytes at most,
// on a rune's edge.
func Shorten(value string) string {
	const most = 60
	if len(value) <= most {
		return value
	}
	cut := most
	for cut > 0 && value[cut]&0xC0 == 0x80 {
		cut--
	}
	return value[:cut] + "…"
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
