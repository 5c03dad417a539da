//go:build race

package main

// pageRows is how many rows of each kind pages are asked of: fewer here, since the race
// detector makes the load some ten times as long.
const pageRows = 10_000
