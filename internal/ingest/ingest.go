// Package ingest knows the wire formats that logs arrive in: it turns bytes into
// the journal's drafts, and rows back into the same bytes. Its functions are
// pure; they store nothing and ask nobody's leave.
//
// Lines cuts an input into lines, unpacked and of bounded length, however broken
// it is. Each kind of log has a file with two functions that are each other's
// inverse, such as Entry and AppendEntry: what the one writes, the other reads,
// and the two are equal. Users and tokens (drafts of package account) only come in:
// of a token's key a hash is kept, so nobody could write it.
//
// Nothing is repaired on the way in. A value that cannot be kept exactly as it
// was meant is refused with the field's name.
package ingest

import (
	"errors"

	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// wholeLine stands in a problem's field for the line itself.
const wholeLine = "line"

// problemOf words an error of rawjson as a refused field.
func problemOf(err error) *fault.Problem {
	var problem *refusal
	if errors.As(err, &problem) {
		return &problem.Problem
	}
	p := &fault.Problem{Index: -1, Field: wholeLine, Reason: fault.Clash, Detail: fault.Say("%s", err)}
	var at *rawjson.Error
	if errors.As(err, &at) {
		p.Detail = at.Reason
		if at.Path != "" {
			p.Field = fault.Shorten(at.Path)
		}
	}
	return p
}

// refusal carries a problem through functions that return errors.
type refusal struct{ fault.Problem }

func (r *refusal) Error() string { return r.String() }

// refuse makes a refusal of one field.
func refuse(field string, reason fault.Reason, value, detail string) error {
	return &refusal{fault.Problem{Index: -1, Field: field, Reason: reason, Value: fault.Shorten(value), Detail: fault.Say("%s", detail)}}
}
