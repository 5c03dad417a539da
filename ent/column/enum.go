package column

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Action is what an operation did, in the hertz document's words.
type Action int8

// The actions.
const (
	ActionCreate Action = iota + 1
	ActionUpdate
	ActionDelete
	ActionView
	ActionList
	ActionLogin
	ActionLogout
	ActionExport
	ActionImport
	ActionOther
)

var actionNames = []string{"create", "update", "delete", "view", "list", "login", "logout", "export", "import", "other"}

// ActionNames lists the names of all actions, for messages.
var ActionNames = strings.Join(actionNames, ", ")

// ParseAction reads an action's lower-case name.
func ParseAction(name string) (Action, bool) {
	n, ok := number(actionNames, name)
	return Action(n), ok
}

// String gives the action's lower-case name.
func (a Action) String() string { return name(actionNames, int8(a)) }

// MarshalText gives the action's lower-case name.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// MarshalGQL writes the action as a GraphQL enum value, in capitals.
func (a Action) MarshalGQL(w io.Writer) {
	_, _ = io.WriteString(w, strconv.Quote(strings.ToUpper(a.String())))
}

// UnmarshalGQL reads the action from a GraphQL enum value.
func (a *Action) UnmarshalGQL(value any) error {
	text, _ := value.(string)
	action, ok := ParseAction(strings.ToLower(text))
	if !ok {
		return fmt.Errorf("must be one of %s", strings.ToUpper(ActionNames))
	}
	*a = action
	return nil
}

// UsageType is what a usage record is about; the numbers are the newapi
// document's.
type UsageType int8

// The types.
const (
	TopUp       UsageType = 1
	Consume     UsageType = 2
	Manage      UsageType = 3
	UsageError  UsageType = 4
	UsageSystem UsageType = 5
)

var usageTypeNames = []string{"top_up", "consume", "manage", "error", "system"}

// UsageTypes lists all types by number.
var UsageTypes = []UsageType{TopUp, Consume, Manage, UsageError, UsageSystem}

// ParseUsageType reads a type's number.
func ParseUsageType(number int64) (UsageType, bool) {
	return UsageType(number), number >= 1 && number <= int64(len(usageTypeNames))
}

// String gives the type's lower-case name.
func (t UsageType) String() string { return name(usageTypeNames, int8(t)) }

// MarshalGQL writes the type as a GraphQL enum value, in capitals.
func (t UsageType) MarshalGQL(w io.Writer) {
	_, _ = io.WriteString(w, strconv.Quote(strings.ToUpper(t.String())))
}

// UnmarshalGQL reads the type from a GraphQL enum value.
func (t *UsageType) UnmarshalGQL(value any) error {
	text, _ := value.(string)
	n, ok := number(usageTypeNames, strings.ToLower(text))
	if !ok {
		return fmt.Errorf("must be one of TOP_UP, CONSUME, MANAGE, ERROR, SYSTEM")
	}
	*t = UsageType(n)
	return nil
}

// name gives the name at a number that counts from 1.
func name(names []string, n int8) string {
	if n < 1 || int(n) > len(names) {
		return strconv.Itoa(int(n))
	}
	return names[n-1]
}

// number gives the number of a name, from 1.
func number(names []string, name string) (int8, bool) {
	for i, one := range names {
		if one == name {
			return int8(i + 1), true
		}
	}
	return 0, false
}
