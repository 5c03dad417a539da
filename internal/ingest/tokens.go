package ingest

import (
	"strconv"

	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/rawjson"
)

// Token reads one line of the kind "tokens", such as
//
//	{"id":2,"user_id":2,"name":"api_token","key":"…","role":"user","permissions":["audit"],"tenant_id":null}
//
// Null stands for an absent value and unknown keys are ignored; a token without
// role is a gateway key. Whether the user, the role and the permissions exist is
// package account's to say. No problem shows the key.
func Token(line []byte) (account.KeyedToken, *fault.Problem) {
	token, err := readToken(line)
	if err != nil {
		return account.KeyedToken{}, problemOf(err)
	}
	return token, nil
}

func readToken(line []byte) (k account.KeyedToken, err error) {
	err = readMembers(line, func(key string, value []byte) error {
		switch key {
		case "id":
			return readNumber(key, value, &k.ID)
		case "user_id":
			return readPlainNumber(key, value, &k.UserID)
		case "name":
			return readPlain(key, value, &k.Name)
		case "key":
			return readPlain(key, value, &k.Key)
		case "role":
			return readPlain(key, value, (*string)(&k.Role))
		case "permissions":
			return readPermissions(key, value, &k.Permissions)
		case "tenant_id":
			return readID(key, value, &k.TenantID)
		}
		return nil
	})
	return k, err
}

// readPermissions reads an array of texts.
func readPermissions(field string, raw []byte, into *[]auth.Permission) error {
	switch kind := rawjson.Kind(raw); kind {
	case "null":
		return nil
	case "an array":
	default:
		return refuse(field, fault.WrongType, "", "an array, not "+kind)
	}
	return rawjson.Elements(raw, func(i int, value []byte) error {
		name := field + "[" + strconv.Itoa(i) + "]"
		if rawjson.IsNull(value) {
			return refuse(name, fault.WrongType, "", "a string, not null")
		}
		var permission string
		if err := readPlain(name, value, &permission); err != nil {
			return err
		}
		*into = append(*into, auth.Permission(permission))
		return nil
	})
}
