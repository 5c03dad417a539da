package ent

// IsLogRecord marks the rows of the five kinds of log, which the timeline lists in one.
// It is written by hand: rows of other tables have all other methods too, and GraphQL
// tells types by them.
func (*Entry) IsLogRecord() {}

// IsLogRecord marks a row of a log.
func (*AuditEvent) IsLogRecord() {}

// IsLogRecord marks a row of a log.
func (*Operation) IsLogRecord() {}

// IsLogRecord marks a row of a log.
func (*UsageRecord) IsLogRecord() {}

// IsLogRecord marks a row of a log.
func (*APICall) IsLogRecord() {}
