package rest

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"time"

	"logbook/ent/column"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
	"logbook/internal/web"
)

// object is a JSON object on its way in: its members as the bytes that came, and
// what was found wrong with those that were asked for. Null counts as absent.
type object struct {
	index    int // its place in a batch, from 0; -1 where there is none
	members  map[string][]byte
	twice    map[string]bool // the keys that stand more than once
	problems []fault.Problem
}

// readObject reads a body of at most limit bytes as one JSON object; an empty body
// is an object without members. It fails with kind TooLarge, or Invalid, naming
// the place.
func readObject(w http.ResponseWriter, r *http.Request, limit int64) (*object, error) {
	body, err := web.ReadBody(w, r, limit)
	if err != nil {
		return nil, err
	}
	if len(bytes.TrimSpace(body)) == 0 {
		return &object{index: -1}, nil
	}
	if err := rawjson.CheckSyntax(body); err != nil {
		return nil, fault.RefuseField("body", fault.Malformed, "", "JSON")
	}
	return objectOf(bytes.TrimSpace(body), -1)
}

// objectOf takes JSON of checked syntax apart. It fails with kind Invalid where it
// is no object.
func objectOf(raw []byte, index int) (*object, error) {
	o := &object{index: index, members: map[string][]byte{}, twice: map[string]bool{}}
	if kind := rawjson.Kind(raw); kind != "an object" {
		field := "body"
		if index >= 0 {
			field = ""
		}
		o.refuse(field, fault.WrongType, "", fault.Say("an object"))
		return nil, o.err()
	}
	err := rawjson.EachMember(raw, func(key string, value []byte) error {
		_, o.twice[key] = o.members[key]
		o.members[key] = value
		return nil
	})
	if err != nil {
		var at *rawjson.Error
		errors.As(err, &at)
		o.refuse(fault.Shorten(at.Path), fault.Clash, "", at.Reason)
		return nil, o.err()
	}
	return o, nil
}

// refuse notes a problem.
func (o *object) refuse(field string, reason fault.Reason, value string, detail fault.Sentence) {
	o.problems = append(o.problems, fault.Problem{
		Index: o.index, Field: field, Reason: reason, Value: fault.Shorten(value), Detail: detail,
	})
}

// err gives the problems as one error of kind Invalid, nil where there are none.
func (o *object) err() error {
	if len(o.problems) == 0 {
		return nil
	}
	return fault.Refuse(o.problems...)
}

// value gives a member of the wanted kind (as rawjson.Kind names it), nil for an
// absent one.
func (o *object) value(field string, kind fault.Sentence) []byte {
	raw := o.members[field]
	switch {
	case o.twice[field]:
		o.refuse(field, fault.Clash, "", fault.Say("stands twice"))
		return nil
	case raw == nil || rawjson.IsNull(raw):
		return nil
	case rawjson.Kind(raw) != kind.String():
		o.refuse(field, fault.WrongType, "", kind)
		return nil
	}
	return raw
}

// text gives a string without the white space around it, nil for an absent or
// blank one.
func (o *object) text(field string) *string {
	raw := o.value(field, fault.Say("a string"))
	if raw == nil {
		return nil
	}
	text, ok := rawjson.Text(raw)
	if !ok {
		o.refuse(field, fault.Malformed, "", fault.Say("text"))
		return nil
	}
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	return &text
}

// id gives a UUID, nil for an absent or blank one.
func (o *object) id(field string) *column.ID {
	text := o.text(field)
	if text == nil {
		return nil
	}
	id, ok := column.ParseID(*text)
	if !ok {
		o.refuse(field, fault.Malformed, *text, fault.Say("a UUID"))
		return nil
	}
	return &id
}

// time gives a time as readTime does, nil for an absent or blank one.
func (o *object) time(field string, zone *time.Location) *column.Time {
	text := o.text(field)
	if text == nil {
		return nil
	}
	t, ok := readTime(*text, zone)
	if !ok {
		o.refuse(field, fault.Malformed, *text, fault.Say("a time"))
		return nil
	}
	return &t
}
