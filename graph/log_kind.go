package graph

import (
	"fmt"
	"io"

	"github.com/99designs/gqlgen/graphql"

	"logbook/internal/journal"
)

// logKinds names the kinds of log as GraphQL does.
var logKinds = map[journal.Kind]string{
	journal.KindEntry: "ENTRY", journal.KindAuditEvent: "AUDIT_EVENT", journal.KindOperation: "OPERATION",
	journal.KindUsageRecord: "USAGE_RECORD", journal.KindAPICall: "API_CALL",
}

// MarshalLogKind writes a kind of log as a LogKind.
func MarshalLogKind(kind journal.Kind) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, `"`+logKinds[kind]+`"`) })
}

// UnmarshalLogKind reads a kind of log from a LogKind.
func UnmarshalLogKind(value any) (journal.Kind, error) {
	for kind, name := range logKinds {
		if name == value {
			return kind, nil
		}
	}
	return 0, fmt.Errorf("is no kind of log")
}
