package graph

// Purged is what a purge of any kind of log removed.
type Purged struct {
	Count int64 // rows
}
