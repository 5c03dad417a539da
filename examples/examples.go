// Package examples holds Logbook's sample: log entries of our own making, which
// `logbook serve --demo` loads into an empty database.
package examples

import _ "embed"

// Entries is the sample's entries as NDJSON: two tenants, five categories, all
// levels. It must not be changed.
//
//go:embed entries.ndjson
var Entries []byte
