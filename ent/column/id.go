// Package column holds the Go types of columns: how a value looks in Go, in the
// database and in GraphQL. They know nothing of tables or of who asks.
package column

import (
	"database/sql/driver"
	"encoding/hex"
	"fmt"
)

// ID is a UUID, kept as 16 bytes. Its text is lower-case with dashes (RFC 9562).
type ID [16]byte

// ParseID reads the text of a UUID: 36 characters with dashes, in either case.
func ParseID(text string) (ID, bool) {
	var id ID
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return ID{}, false
	}
	packed := make([]byte, 0, 32)
	packed = append(packed, text[0:8]...)
	packed = append(packed, text[9:13]...)
	packed = append(packed, text[14:18]...)
	packed = append(packed, text[19:23]...)
	packed = append(packed, text[24:]...)
	if _, err := hex.Decode(id[:], packed); err != nil {
		return ID{}, false
	}
	return id, true
}

// String gives the UUID's text.
func (id ID) String() string { return string(id.Append(make([]byte, 0, 36))) }

// Append appends String's text to b.
func (id ID) Append(b []byte) []byte {
	b = append(hex.AppendEncode(b, id[0:4]), '-')
	b = append(hex.AppendEncode(b, id[4:6]), '-')
	b = append(hex.AppendEncode(b, id[6:8]), '-')
	b = append(hex.AppendEncode(b, id[8:10]), '-')
	return hex.AppendEncode(b, id[10:])
}

// IsZero says whether the id is the nil UUID.
func (id ID) IsZero() bool { return id == ID{} }

// Value gives the 16 bytes to the database.
func (id ID) Value() (driver.Value, error) { return id[:], nil }

// Scan reads the 16 bytes from the database.
func (id *ID) Scan(source any) error {
	raw, ok := source.([]byte)
	if !ok || len(raw) != len(id) {
		return fmt.Errorf("column holds %T of the wrong length, want 16 bytes", source)
	}
	copy(id[:], raw)
	return nil
}

// MarshalText gives the UUID's text.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }
