package journal

import (
	"errors"

	"logbook/ent/column"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// checker gathers what is wrong with one draft.
type checker struct {
	index    int
	problems []fault.Problem
}

func (c *checker) refuse(p fault.Problem) {
	p.Index = c.index
	c.problems = append(c.problems, p)
}

// text checks a text of up to limit bytes.
func (c *checker) text(field, value string, limit int) {
	if problem := fault.Text(field, value, limit); problem != nil {
		c.refuse(*problem)
	}
}

// optional is text for one that may be absent.
func (c *checker) optional(field string, value *string, limit int) {
	if value != nil {
		c.text(field, *value, limit)
	}
}

// id checks an id that the draft brings, which must not be empty.
func (c *checker) id(field string, value *string, limit int) {
	if value == nil {
		return
	}
	if *value == "" {
		c.refuse(fault.Problem{Field: field, Reason: fault.Required})
	}
	c.text(field, *value, limit)
}

// number checks a whole number within bounds, both included.
func (c *checker) number(field string, value, low, high int64, wanted fault.Sentence) {
	if value < low || value > high {
		c.refuse(fault.Problem{Field: field, Reason: fault.Outside, Detail: wanted})
	}
}

// maxNumber is how large a number may be: JSON's integers are exact up to it.
const maxNumber = 1 << 53

func (c *checker) anyNumber(field string, value int64) {
	c.number(field, value, -maxNumber, maxNumber, fault.Say("between -2^53 and 2^53"))
}

// rowNumber checks an id that is a number.
func (c *checker) rowNumber(field string, value *int64) {
	if value != nil {
		c.number(field, *value, 1, maxNumber, fault.Say("between 1 and 2^53"))
	}
}

// time checks an instant that may be absent.
func (c *checker) time(field string, value *column.Time) {
	if value != nil && (*value < column.MinTime || *value > column.MaxTime) {
		c.refuse(fault.Problem{Field: field, Reason: fault.Outside, Detail: fault.Say("in the years 1 to 9999")})
	}
}

// json checks a JSON value that may be absent; object says it must be one.
func (c *checker) json(field string, raw []byte, limit int, object bool) {
	if raw == nil {
		return
	}
	if len(raw) > limit {
		c.refuse(fault.Problem{Field: field, Reason: fault.TooLong, Limit: limit})
		return
	}
	if err := rawjson.Check(raw); err != nil {
		var at *rawjson.Error
		errors.As(err, &at)
		path := field
		if at.Path != "" {
			path += "." + at.Path
		}
		c.refuse(fault.Problem{Field: path, Reason: fault.BadJSON, Detail: at.Reason})
		return
	}
	if object && rawjson.Kind(raw) != "an object" {
		c.refuse(fault.Problem{Field: field, Reason: fault.WrongType, Detail: fault.Say("%s, not %s", fault.Say("an object"), fault.Say(rawjson.Kind(raw)))})
	}
}
