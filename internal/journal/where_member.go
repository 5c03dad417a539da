package journal

import (
	"fmt"
	"strings"

	"entgo.io/ent/dialect/sql"

	"logbook/ent/column"
	"logbook/ent/schema"
	"logbook/internal/db"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// WhereMember is what is asked of one member of a JSON object: everything that is set
// holds. Values are strings, which are equal byte for byte, numbers, which are equal by
// their value as 64-bit floating point has it, true and false. Of equal keys the first
// counts. What is no object has no members.
type WhereMember struct {
	Key string        `json:"key"` // of the object itself, verbatim; at most schema.MaxText bytes
	Eq  column.JSON   `json:"eq,omitzero"`
	In  []column.JSON `json:"in,omitzero"`  // the empty list finds nothing; at most MaxListed
	Not []column.JSON `json:"not,omitzero"` // passes rows without the member, too; at most MaxListed
	// IsNull says whether the member is there and null, Exists whether it is there.
	IsNull *bool `json:"isNull,omitzero"`
	Exists *bool `json:"exists,omitzero"`
}

// MaxMembers is how many members of one object a filter may ask for.
const MaxMembers = 10

// whereMembers asks for members of the objects in a column.
func whereMembers(q *question, at filtered, list []*WhereMember) {
	if len(list) == 0 {
		return
	}
	q.scan(at.name)
	if len(list) > MaxMembers {
		q.refuse(fault.Problem{Field: at.name, Reason: fault.Outside, Detail: fault.Say("a list of at most %d values", MaxMembers)})
		return
	}
	for i, one := range list {
		whereMember(q, fmt.Sprintf("%s[%d]", at.name, i), at, one)
	}
}

func whereMember(q *question, path string, at filtered, m *WhereMember) {
	if problem := fault.Text(path+".key", m.Key, schema.MaxText); problem != nil {
		q.refuse(*problem)
		return
	}
	before := len(q.problems)
	var conditions []func(member db.Member) *sql.Predicate
	among := func(name string, values []column.JSON, wanted bool) {
		scalars := q.scalars(path+"."+name, values)
		conditions = append(conditions, func(member db.Member) *sql.Predicate { return member.Among(scalars, wanted) })
	}
	if m.Eq != nil {
		among("eq", []column.JSON{m.Eq}, true)
	}
	if m.In != nil {
		among("in", m.In, true)
	}
	if len(m.Not) > 0 {
		among("not", m.Not, false)
	}
	if m.IsNull != nil {
		null := []rawjson.Scalar{{Kind: 'n'}}
		conditions = append(conditions, func(member db.Member) *sql.Predicate { return member.Among(null, *m.IsNull) })
	}
	if m.Exists != nil {
		conditions = append(conditions, func(member db.Member) *sql.Predicate { return member.Exists(*m.Exists) })
	}
	if len(q.problems) > before {
		return
	}
	q.rest = append(q.rest, func(s *sql.Selector) {
		for _, condition := range conditions {
			s.Where(condition(db.MemberOf(s.C(at.column), m.Key, at.verbatim)))
		}
	})
}

// scalars reads the values that a member may equal.
func (q *question) scalars(path string, values []column.JSON) []rawjson.Scalar {
	if len(values) > MaxListed {
		q.refuse(fault.Problem{Field: path, Reason: fault.Outside, Detail: fault.Say("a list of at most %d values", MaxListed)})
		return nil
	}
	list := make([]rawjson.Scalar, len(values))
	for i, raw := range values {
		at := path
		if !strings.HasSuffix(path, ".eq") {
			at = fmt.Sprintf("%s[%d]", path, i)
		}
		scalar, ok := rawjson.ScalarOf(raw)
		switch {
		case !ok || rawjson.Check(raw) != nil:
			q.refuse(fault.Problem{Field: at, Reason: fault.WrongType, Detail: fault.Say("a string, a number within 2^53, true or false")})
		case len(scalar.Text) > MaxSearch:
			q.refuse(fault.Problem{Field: at, Reason: fault.TooLong, Limit: MaxSearch})
		}
		list[i] = scalar
	}
	return list
}
