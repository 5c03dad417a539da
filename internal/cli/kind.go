package cli

import (
	"fmt"
	"slices"
	"strings"
)

// Kind is a kind of lines named by a flag: a kind of log, or users or tokens.
type Kind string

// The kinds, as the contract names them.
const (
	Entries    Kind = "entries"
	Audit      Kind = "audit"
	Operations Kind = "operations"
	Usage      Kind = "usage"
	APICalls   Kind = "api-calls"
	Users      Kind = "users"
	Tokens     Kind = "tokens"
)

// kinds are all kinds, those of logs first.
var kinds = []Kind{Entries, Audit, Operations, Usage, APICalls, Users, Tokens}

// logKinds are the kinds of logs.
var logKinds = kinds[:5]

// UnmarshalText reads the name of any kind.
func (k *Kind) UnmarshalText(text []byte) error {
	if !slices.Contains(kinds, Kind(text)) {
		return fmt.Errorf("%q is no kind; the kinds are %s", text, kindNames(kinds))
	}
	*k = Kind(text)
	return nil
}

// LogKind is a kind of log named by a flag, for commands that users and tokens
// have no part in.
type LogKind Kind

// UnmarshalText reads the name of a kind of log.
func (k *LogKind) UnmarshalText(text []byte) error {
	switch kind := Kind(text); {
	case slices.Contains(logKinds, kind):
		*k = LogKind(text)
		return nil
	case slices.Contains(kinds, kind):
		return fmt.Errorf("%q is no kind of log and is not written; the kinds of log are %s", text, kindNames(logKinds))
	}
	return fmt.Errorf("%q is no kind of log; the kinds of log are %s", text, kindNames(logKinds))
}

// kindNames lists kinds for a message.
func kindNames(kinds []Kind) string {
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = string(kind)
	}
	return strings.Join(names, ", ")
}
