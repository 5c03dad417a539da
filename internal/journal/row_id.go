package journal

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"logbook/ent/column"
)

// rowID is the id of a row: a UUID, a number or an opaque text, as its kind has
// it. It is comparable; ids of different kinds never meet.
type rowID struct {
	form   idForm
	uuid   column.ID
	number int64
	text   string
}

// idForm is which of the three an id is.
type idForm int8

const (
	formUUID idForm = iota
	formNumber
	formText
)

func uuidRow(id column.ID) rowID { return rowID{form: formUUID, uuid: id} }
func numberRow(id int64) rowID   { return rowID{form: formNumber, number: id} }
func textRow(id string) rowID    { return rowID{form: formText, text: id} }

// value gives the id as the database compares it.
func (id rowID) value() any {
	switch id.form {
	case formUUID:
		return id.uuid[:]
	case formNumber:
		return id.number
	}
	return id.text
}

// compare orders ids of one kind as the database does.
func (id rowID) compare(other rowID) int {
	switch id.form {
	case formUUID:
		return bytes.Compare(id.uuid[:], other.uuid[:])
	case formNumber:
		return cmp.Compare(id.number, other.number)
	}
	return strings.Compare(id.text, other.text)
}

// String gives the id as people see it.
func (id rowID) String() string {
	switch id.form {
	case formUUID:
		return id.uuid.String()
	case formNumber:
		return strconv.FormatInt(id.number, 10)
	}
	return id.text
}

// appendBytes appends the id for a cursor.
func (id rowID) appendBytes(b []byte) []byte {
	switch id.form {
	case formUUID:
		return append(b, id.uuid[:]...)
	case formNumber:
		return binary.BigEndian.AppendUint64(b, uint64(id.number))
	}
	return append(b, id.text...)
}

// readID reads what appendBytes wrote of an id of the same form as like.
func readID(like rowID, b []byte) (rowID, bool) {
	switch like.form {
	case formUUID:
		if len(b) != 16 {
			return rowID{}, false
		}
		return uuidRow(column.ID(b)), true
	case formNumber:
		if len(b) != 8 {
			return rowID{}, false
		}
		return numberRow(int64(binary.BigEndian.Uint64(b))), true
	}
	return textRow(string(b)), true
}

// parseID reads the text of an id of the same form as like.
func parseID(like rowID, text string) (rowID, bool) {
	switch like.form {
	case formUUID:
		id, ok := column.ParseID(text)
		return uuidRow(id), ok
	case formNumber:
		n, err := strconv.ParseInt(text, 10, 64)
		return numberRow(n), err == nil && strconv.FormatInt(n, 10) == text
	}
	return textRow(text), true
}

// A number that Logbook gives is (writer, sequence) in one, so that no two
// processes give the same: the writer in the bits from 40 on, which leaves the
// numbers below 2^40 to rows that bring theirs. Those made of a hash begin with
// the bit 52.
const (
	writerShift = 40
	hashedBit   = 1 << 52
	mostWriters = hashedBit >> writerShift
)

// number gives the number of the row that got the last sequence.
func (p *position) number() int64 { return int64(p.writer)<<writerShift | p.sequence }

// hashedNumber makes a number of a content's hash.
func hashedNumber(hash []byte) int64 {
	return hashedBit | int64(binary.BigEndian.Uint64(hash)>>12)
}

// newID makes a time-ordered UUID (version 7, RFC 9562).
func newID(now time.Time) column.ID {
	var id column.ID
	_, _ = rand.Read(id[6:]) // never fails
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// hashedID makes the UUID (version 8, RFC 9562) of an instant in milliseconds and
// a hash, so that the same input gives the same ids again.
func hashedID(at column.Time, hash []byte) column.ID {
	var ms uint64
	if at > 0 {
		ms = uint64(at / 1000)
	}
	var id column.ID
	copy(id[6:], hash)
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}
