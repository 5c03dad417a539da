package ingest

import (
	"bytes"
	"strconv"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// What the lines of all kinds have in common: how one member is read, how one is
// written. The readers leave alone what they read into where the value is null,
// which stands for an absent one.

// readMembers checks a line and calls read for each of its members.
func readMembers(line []byte, read func(key string, value []byte) error) error {
	if err := rawjson.CheckSyntax(line); err != nil {
		return err
	}
	if err := rawjson.Members(line, read); err != nil {
		return err
	}
	// Last, since the numbers that a kind has are refused in better words.
	return rawjson.CheckRange(line)
}

func given(text *string) bool { return text != nil && *text != "" }

// strayTenant refuses a tenant's name without the tenant.
func strayTenant(id *column.ID, name *string) error {
	if id == nil && given(name) {
		return refuse("tenant_name", fault.Clash, "", "stands without a tenant_id and would be lost")
	}
	return nil
}

func readText(field string, raw []byte, into **string) error {
	if rawjson.IsNull(raw) {
		return nil
	}
	var text string
	if err := readPlain(field, raw, &text); err != nil {
		return err
	}
	*into = &text
	return nil
}

// readPlain is readText for texts that are "" where they are absent.
func readPlain(field string, raw []byte, into *string) error {
	if rawjson.IsNull(raw) {
		return nil
	}
	if kind := rawjson.Kind(raw); kind != "a string" {
		return refuse(field, fault.WrongType, "", "a string, not "+kind)
	}
	text, ok := rawjson.Text(raw)
	if !ok {
		return refuse(field, fault.Clash, "", "has half a surrogate pair (such as \\ud800), which no text can hold")
	}
	*into = text
	return nil
}

func readNumber(field string, raw []byte, into **int64) error {
	if rawjson.IsNull(raw) {
		return nil
	}
	var number int64
	if err := readPlainNumber(field, raw, &number); err != nil {
		return err
	}
	*into = &number
	return nil
}

// readPlainNumber is readNumber for numbers that are 0 where they are absent.
func readPlainNumber(field string, raw []byte, into *int64) error {
	if rawjson.IsNull(raw) {
		return nil
	}
	if kind := rawjson.Kind(raw); kind != "a number" {
		return refuse(field, fault.WrongType, "", "a whole number, not "+kind)
	}
	number, ok := rawjson.Integer(raw)
	switch {
	case ok:
		*into = number
		return nil
	case bytes.ContainsAny(raw, ".eE"):
		return refuse(field, fault.Malformed, string(raw), "a whole number in plain digits")
	}
	return refuse(field, fault.Outside, "", "between -2^53 and 2^53")
}

func readBool(field string, raw []byte, into *bool) error {
	switch kind := rawjson.Kind(raw); kind {
	case "null":
	case "true or false":
		*into = raw[0] == 't'
	default:
		return refuse(field, fault.WrongType, "", "true or false, not "+kind)
	}
	return nil
}

func readID(field string, raw []byte, into **column.ID) error {
	var text *string
	if err := readText(field, raw, &text); err != nil || text == nil {
		return err
	}
	id, ok := column.ParseID(*text)
	if !ok {
		return refuse(field, fault.Malformed, *text, "a UUID such as 550e8400-e29b-41d4-a716-446655440000")
	}
	*into = &id
	return nil
}

func readTime(field string, raw []byte, into **column.Time) error {
	var text *string
	if err := readText(field, raw, &text); err != nil || text == nil {
		return err
	}
	instant, ok := column.ParseTime(*text)
	if !ok {
		return refuse(field, fault.Malformed, *text,
			"an RFC 3339 time with its offset, such as 2025-06-15T08:30:45Z, in the years 1 to 9999")
	}
	*into = &instant
	return nil
}

// readSeconds reads a time in seconds since 1970.
func readSeconds(field string, raw []byte, into **column.Time) error {
	var seconds *int64
	if err := readNumber(field, raw, &seconds); err != nil || seconds == nil {
		return err
	}
	if *seconds < column.MinTime.Time().Unix() || *seconds > column.MaxTime.Time().Unix() {
		return refuse(field, fault.Outside, "", "in seconds since 1970, in the years 1 to 9999")
	}
	instant := column.Time(*seconds * 1_000_000)
	*into = &instant
	return nil
}

// readJSON reads any JSON value.
func readJSON(raw []byte, into *column.JSON) error {
	if !rawjson.IsNull(raw) {
		*into = bytes.Clone(raw)
	}
	return nil
}

func readObject(field string, raw []byte, into *column.JSON) error {
	if kind := rawjson.Kind(raw); kind != "an object" && kind != "null" {
		return refuse(field, fault.WrongType, "", "an object, not "+kind)
	}
	return readJSON(raw, into)
}

// appendKey appends a key, after a comma where it is not the object's first.
func appendKey(b []byte, key string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(appendQuoted(b, key), ':')
}

// appendQuoted appends text that needs no escapes.
func appendQuoted(b []byte, text string) []byte {
	return append(append(append(b, '"'), text...), '"')
}

func appendText(b []byte, key, value string) []byte {
	return rawjson.AppendText(appendKey(b, key), value)
}

func appendNullable(b []byte, key string, value *string) []byte {
	if value == nil {
		return append(appendKey(b, key), "null"...)
	}
	return appendText(b, key, *value)
}

func appendNumber(b []byte, key string, value int64) []byte {
	return strconv.AppendInt(appendKey(b, key), value, 10)
}

func appendNullableNumber(b []byte, key string, value *int64) []byte {
	if value == nil {
		return append(appendKey(b, key), "null"...)
	}
	return appendNumber(b, key, *value)
}

func appendBool(b []byte, key string, value bool) []byte {
	return strconv.AppendBool(appendKey(b, key), value)
}

func appendTime(b []byte, key string, value column.Time) []byte {
	return append(value.AppendFormat(append(appendKey(b, key), '"')), '"')
}

// appendSeconds appends a time in whole seconds since 1970.
func appendSeconds(b []byte, key string, value column.Time) []byte {
	return appendNumber(b, key, value.Time().Unix())
}

// appendTenant appends the id and the name of the tenant that a row names, and
// nothing where it names none.
func appendTenant(b []byte, id *column.ID, tenant *ent.Tenant) []byte {
	if id == nil {
		return b
	}
	b = appendQuoted(appendKey(b, "tenant_id"), id.String())
	if tenant != nil {
		b = appendText(b, "tenant_name", tenant.Name)
	}
	return b
}

// appendJSON appends a JSON value as it came in, or what stands for an absent one.
// Raw line ends can only stand between its tokens and would break the line, so
// they are dropped.
func appendJSON(b []byte, key string, value column.JSON, absent string) []byte {
	b = appendKey(b, key)
	if value == nil {
		return append(b, absent...)
	}
	if bytes.IndexByte(value, '\n') < 0 && bytes.IndexByte(value, '\r') < 0 {
		return append(b, value...)
	}
	for _, c := range value {
		if c != '\n' && c != '\r' {
			b = append(b, c)
		}
	}
	return b
}
