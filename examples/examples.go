// Package examples holds Logbook's sample: rows of every kind and users, of our own
// making, which `logbook serve --demo` loads into an empty database. They tell of one
// week of two shops and of an incident on 16 November, so that the kinds belong
// together.
package examples

import "embed"

// Files holds one file a kind, as NDJSON, called after the kind: two tenants, five
// categories, all levels, five people.
//
//go:embed *.ndjson
var Files embed.FS
