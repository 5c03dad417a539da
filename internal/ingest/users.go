package ingest

import (
	"errors"

	"logbook/internal/account"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// User reads one line of the kind "users", such as
//
//	{"id":2,"username":"alice","role":"user","tenant_id":null,"aliases":{"hertz":"7","codebird":"usr_a"}}
//
// Null stands for an absent value and unknown keys are ignored. Whether the role,
// the tenant and the systems exist is package account's to say.
func User(line []byte) (account.UserDraft, *fault.Problem) {
	draft, err := readUser(line)
	if err != nil {
		return account.UserDraft{}, problemOf(err)
	}
	return draft, nil
}

func readUser(line []byte) (d account.UserDraft, err error) {
	err = readMembers(line, func(key string, value []byte) error {
		switch key {
		case "id":
			return readNumber(key, value, &d.ID)
		case "username":
			return readPlain(key, value, &d.Username)
		case "role":
			return readPlain(key, value, (*string)(&d.Role))
		case "tenant_id":
			return readID(key, value, &d.TenantID)
		case "aliases":
			return readAliases(key, value, &d.Aliases)
		}
		return nil
	})
	return d, err
}

// readAliases reads an object whose values are texts; null stands for no alias.
func readAliases(field string, raw []byte, into *map[string]string) error {
	switch kind := rawjson.Kind(raw); kind {
	case "null":
		return nil
	case "an object":
	default:
		return refuse(field, fault.WrongType, "", "an object, not "+kind)
	}
	aliases := map[string]string{}
	err := rawjson.Members(raw, func(system string, value []byte) error {
		var external *string
		if err := readText(fault.Shorten(field+"."+system), value, &external); err != nil || external == nil {
			return err
		}
		aliases[system] = *external
		return nil
	})
	*into = aliases
	var twice *rawjson.Error
	if errors.As(err, &twice) {
		return refuse(fault.Shorten(field+"."+twice.Path), fault.Clash, "", twice.Reason.String())
	}
	return err
}
