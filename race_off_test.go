//go:build !race

package main_test

// raceFlags build the program as the tests are built.
var raceFlags []string
