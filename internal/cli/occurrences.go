package cli

import "math/bits"

// occurrences counts how often each content has come in an input. An input may
// have many millions of lines, nearly all of which come once, so these cost
// little more than the eight bytes of their hash. The zero value is ready.
type occurrences struct {
	once [256]hashSet      // by the hash's first byte, so that they grow one after another
	more map[uint64]uint32 // how often those came before that came again
}

// next says how often the content of this hash came before, and counts it.
func (o *occurrences) next(hash uint64) uint32 {
	if o.once[hash>>56].add(hash) {
		return 0
	}
	if o.more == nil {
		o.more = map[uint64]uint32{}
	}
	o.more[hash]++
	return o.more[hash]
}

// hashSet is a set of random numbers, by open addressing.
type hashSet struct {
	slots []uint64 // 0 is empty
	used  int
}

// add puts a number in, and says whether it is new.
func (s *hashSet) add(hash uint64) bool {
	if hash == 0 {
		hash = 1
	}
	if s.used*5 >= len(s.slots)*4 {
		old := s.slots // sets grow alike, so by twice they would all be half empty at once
		s.slots = make([]uint64, max(16, len(old)*5/4))
		for _, one := range old {
			if one != 0 {
				s.slots[s.find(one)] = one
			}
		}
	}
	at := s.find(hash)
	if s.slots[at] == hash {
		return false
	}
	s.slots[at] = hash
	s.used++
	return true
}

// find gives the slot that holds the number, or the empty one it belongs in.
func (s *hashSet) find(hash uint64) uint64 {
	at, _ := bits.Mul64(hash<<8, uint64(len(s.slots))) // the first byte chose the set
	for s.slots[at] != 0 && s.slots[at] != hash {
		if at++; at == uint64(len(s.slots)) {
			at = 0
		}
	}
	return at
}
