package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"logbook/ent/column"
)

// span is how much time the made-up rows cover.
const span = 90 * 24 * time.Hour

// source makes the rows of a kind: the same for the same seed, number of rows and
// newest time. It belongs to one goroutine.
type source struct {
	random *rand.Rand
	newest time.Time
	rows   int
	made   int
	draft  func(column.Time) any
}

func newSource(k *kind, seed uint64, rows int, newest time.Time) *source {
	random := rand.New(rand.NewPCG(seed, uint64(k.number)))
	return &source{random: random, newest: newest, rows: rows, draft: k.drafts(random)}
}

// next gives the next drafts, n at most. Their times rise but for some seconds, as
// those of rows do that come from many machines, and there are more of them by
// day than by night.
func (s *source) next(n int) []any {
	drafts := make([]any, 0, n)
	for ; len(drafts) < n && s.made < s.rows; s.made++ {
		part := float64(s.made+1) / float64(s.rows)
		days := part * span.Hours() / 24
		day, hour := math.Modf(days)
		hour -= 0.7 * math.Sin(2*math.Pi*hour) / (2 * math.Pi)
		at := s.newest.Add(-span + time.Duration((day+hour)*24*float64(time.Hour)))
		at = at.Add(-time.Duration(s.random.Int64N(int64(5 * time.Second))))
		drafts = append(drafts, s.draft(column.TimeOf(at)))
	}
	return drafts
}

// skewed gives numbers from 0 to n-1, the smaller the more frequent (Zipf).
func skewed(random *rand.Rand, n int, skew float64) func() int {
	zipf := rand.NewZipf(random, skew, 1, uint64(n-1))
	return func() int { return int(zipf.Uint64()) }
}

// weighted gives numbers from 0 on, each as often as its weight says.
func weighted(random *rand.Rand, weights ...int) func() int {
	all := 0
	for _, weight := range weights {
		all += weight
	}
	return func() int {
		left := random.IntN(all)
		for i, weight := range weights {
			if left -= weight; left < 0 {
				return i
			}
		}
		panic("bench: weights that do not add up")
	}
}

// amount gives a number that is mostly small and now and then large.
func amount(random *rand.Rand, usual float64) int64 {
	return int64(usual * math.Exp(random.NormFloat64()))
}

// address gives the n-th of many IP addresses.
func address(n int) string {
	return fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
}

// made gives a UUID of a group's n-th member.
func made(group byte, n int) column.ID {
	id := column.ID{0: group, 6: 0x40, 8: 0x80, 14: byte(n >> 8), 15: byte(n)}
	return id
}

// pointer gives a value's address.
func pointer[T any](value T) *T { return &value }
