package column

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Level is an entry's severity; a larger number is worse. The numbers leave
// room between them.
type Level int8

// The five levels.
const (
	Debug    Level = 10
	Info     Level = 20
	Warning  Level = 30
	Error    Level = 40
	Critical Level = 50
)

// Levels lists the levels from the least severe up.
var Levels = []Level{Debug, Info, Warning, Error, Critical}

// ParseLevel reads a level's lower-case name.
func ParseLevel(name string) (Level, bool) {
	for _, level := range Levels {
		if level.String() == name {
			return level, true
		}
	}
	return 0, false
}

// String gives the level's lower-case name.
func (l Level) String() string {
	switch l {
	case Debug:
		return "debug"
	case Info:
		return "info"
	case Warning:
		return "warning"
	case Error:
		return "error"
	case Critical:
		return "critical"
	}
	return "level " + strconv.Itoa(int(l))
}

// MarshalText gives the level's lower-case name.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// MarshalGQL writes the level as a GraphQL enum value, in capitals.
func (l Level) MarshalGQL(w io.Writer) {
	_, _ = io.WriteString(w, strconv.Quote(strings.ToUpper(l.String())))
}

// UnmarshalGQL reads the level from a GraphQL enum value.
func (l *Level) UnmarshalGQL(value any) error {
	name, _ := value.(string)
	level, ok := ParseLevel(strings.ToLower(name))
	if !ok {
		return fmt.Errorf("must be one of DEBUG, INFO, WARNING, ERROR, CRITICAL")
	}
	*l = level
	return nil
}
