package journal

import (
	"math"
	"unicode/utf8"
)

// A gram is a short piece that every text has which contains the piece: four ASCII
// characters side by side, letters lowered, or one character that is not ASCII, or two of
// them side by side. Whatever contains a text as db.ContainsFold has it contains the
// text's grams. Bytes that are no UTF-8 are in no gram and stand between those beside
// them.
const asciiGram = 4

// eachGram calls fn with the hash of each gram of a text, of one that stands twice twice.
// Filters on disk are made of these hashes, so they are what they are.
func eachGram(text string, fn func(hash uint64)) {
	var ascii uint32 // the last four ASCII characters
	run := 0         // how many stand side by side up to here
	var before rune  // the character before, 0 where it is ASCII or none
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			ascii, before = ascii<<8|uint32(c), 0
			if run++; run >= asciiGram {
				fn(mixed(uint64(ascii)))
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		i, run = i+size, 0
		if r == utf8.RuneError && size == 1 {
			before = 0
			continue
		}
		fn(mixed(1<<62 | uint64(r)))
		if before != 0 {
			fn(mixed(2<<62 | uint64(before)<<21 | uint64(r)))
		}
		before = r
	}
}

// mixed spreads a number over 64 bits (the last step of SplitMix64).
func mixed(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

// gramsOf gives the hashes of the grams of a text that is looked for, each once.
func gramsOf(needle string) (grams []uint64) {
	seen := map[uint64]bool{}
	eachGram(needle, func(hash uint64) {
		if !seen[hash] {
			seen[hash] = true
			grams = append(grams, hash)
		}
	})
	return grams
}

// gramFilter is a Bloom filter of grams: a byte that says how many bits each gram has,
// then the bits. It never lacks a gram that it was made of.
type gramFilter []byte

// What a filter takes: ten bits a gram let one gram in a hundred pass that is not there.
// Where texts repeat themselves so little that this were more than a part of their size,
// a filter is made smaller: what is looked for in such texts has many grams.
const (
	bitsPerGram   = 10
	mostOfText    = 0.15
	leastFilter   = 16 // bytes
	mostGramBits  = 7
	bitsPerHashed = math.Ln2 // of a gram's share of the filter, what serves best
)

// makeGramFilter makes a filter of grams that were found in so many bytes of text.
func makeGramFilter(grams map[uint64]struct{}, textBytes int) gramFilter {
	size := min(len(grams)*bitsPerGram/8, int(float64(textBytes)*mostOfText))
	f := make(gramFilter, 1+max(size, leastFilter))
	bits := 8 * (len(f) - 1)
	f[0] = byte(min(max(int(math.Round(bitsPerHashed*float64(bits)/float64(max(len(grams), 1)))), 1), mostGramBits))
	for hash := range grams {
		for i := range f[0] {
			at := f.bit(hash, i)
			f[1+at/8] |= 1 << (at % 8)
		}
	}
	return f
}

// bit gives the place of a gram's i-th bit.
func (f gramFilter) bit(hash uint64, i byte) uint64 {
	step := uint32(hash) | 1
	at := uint32(hash>>32) + uint32(i)*step
	return uint64(at) * uint64(8*(len(f)-1)) >> 32
}

// mayHave says whether the texts may have all of the grams; they have not where it is false.
func (f gramFilter) mayHave(grams []uint64) bool {
	if len(f) < 2 {
		return true
	}
	for _, hash := range grams {
		for i := range f[0] {
			if at := f.bit(hash, i); f[1+at/8]&(1<<(at%8)) == 0 {
				return false
			}
		}
	}
	return true
}
