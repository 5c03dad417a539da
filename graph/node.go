package graph

import "fmt"

// Node is whatever has an id of its own in GraphQL. All that ent's rows have in
// common is that they print themselves, so that is what makes a Go type one; the
// schema says which types are.
type Node interface{ fmt.Stringer }
