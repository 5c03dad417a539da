package schema

import (
	"bytes"
	"context"

	"logbook/internal/auth"
)

// Kind numbers the five kinds of log in the roll-ups.
type Kind int8

// The kinds.
const (
	KindEntry     Kind = 1
	KindAudit     Kind = 2
	KindOperation Kind = 3
	KindUsage     Kind = 4
	KindAPICall   Kind = 5
)

// KindReaders says which permissions let somebody read a kind; one suffices.
var KindReaders = map[Kind][]auth.Permission{
	KindEntry:     {auth.EntriesRead},
	KindAudit:     {auth.AuditRead},
	KindOperation: {auth.OperationsList, auth.OperationsQuery},
	KindUsage:     {auth.UsageRead},
	KindAPICall:   {auth.APICallsRead},
}

// MayRead refuses those who may read no row of a kind.
func MayRead(ctx context.Context, kind Kind) error {
	return requireAny(ctx, KindReaders[kind], kind == KindUsage)
}

// UsageByUser numbers the roll-up dimension of usage records in which a user who
// may not read usage sees its own. Its values begin with the user's number.
const UsageByUser int8 = 3

// RollupValue joins the values of a dimension's columns as the roll-ups keep
// them: with a NUL between, which no text that is stored can hold at an end that
// would matter, since only the last may be any text.
func RollupValue(parts ...[]byte) []byte { return bytes.Join(parts, []byte{0}) }

// RollupRange gives the bounds, the upper one excluded, of the values that begin
// with a part and have more behind it.
func RollupRange(part string) (low, high []byte) {
	return append([]byte(part), 0), append([]byte(part), 1)
}
