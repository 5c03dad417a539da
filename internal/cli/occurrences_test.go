package cli

import (
	"math/rand/v2"
	"testing"
)

// TestOccurrences holds the count against a plain map.
func TestOccurrences(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var o occurrences
	plain := map[uint64]uint32{}
	for range 200_000 {
		hash := random.Uint64()
		switch random.IntN(3) {
		case 0:
			hash %= 1000 // comes often, all in one set
		case 1:
			hash &= 0xff00_0000_0000_00ff // comes some times
		}
		if hash == 1 {
			continue // 0 counts as 1
		}
		if got := o.next(hash); got != plain[hash] {
			t.Fatalf("%x came %d times before, want %d", hash, got, plain[hash])
		}
		plain[hash]++
	}
}
