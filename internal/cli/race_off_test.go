//go:build !race

package cli_test

// raced says that the race detector makes all of this many times slower.
const raced = false
