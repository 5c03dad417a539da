//go:build !race

package main

// pageRows is how many rows of each kind pages are asked of.
const pageRows = 100_000
