package journal

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"maps"
	"slices"

	"logbook/ent"
	"logbook/internal/fault"
)

// frontier is a place in the order of arrival of the whole database: how far the
// sequence of each writer has come. What a writer that it does not name has written, or
// will write, lies beyond it.
//
// Every row up to a frontier that was read can be read from then on: the commit of a
// row moves its writer's sequence in the same transaction, and commits of one writer
// follow each other. So rows up to a frontier may be read after it, a few at a time, in
// no snapshot.
type frontier map[int32]int64

// readFrontier gives the present frontier, or in a snapshot that snapshot's.
func readFrontier(ctx context.Context, client *ent.Client) (frontier, error) {
	writers, err := client.Writer.Query().All(ctx)
	if err != nil {
		return nil, err
	}
	f := make(frontier, len(writers))
	for _, w := range writers {
		f.reach(w.ID, w.Sequence)
	}
	return f, nil
}

// reach moves the frontier to a writer's sequence, unless it is there already.
func (f frontier) reach(writer int32, sequence int64) (moved bool) {
	if moved = sequence > f[writer]; moved {
		f[writer] = sequence
	}
	return moved
}

// behind says whether anything may lie between f and the other.
func (f frontier) behind(other frontier) bool {
	for writer, sequence := range other {
		if sequence > f[writer] {
			return true
		}
	}
	return false
}

// frontierTag stands in front of a frontier's text. No kind has its number, so that no
// list's cursor is taken for a frontier; another form of text gets another tag.
const frontierTag = 0x81

// text gives the frontier's opaque text, which grows with the number of processes that
// ever wrote at once: some ten bytes for each.
func (f frontier) text() string {
	b := append(make([]byte, 0, 32), frontierTag)
	var last int32
	for _, writer := range slices.Sorted(maps.Keys(f)) {
		b = binary.AppendUvarint(b, uint64(writer-last))
		b = binary.AppendUvarint(b, uint64(f[writer]))
		last = writer
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseFrontier reads what text wrote, and nothing else: one frontier has one text.
func parseFrontier(text string) (frontier, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) == 0 || raw[0] != frontierTag {
		return nil, false
	}
	f := frontier{}
	var writer uint64
	for raw = raw[1:]; len(raw) > 0; {
		var pair [2]uint64 // how much further the writer's number, and its sequence
		for i := range pair {
			n := 0
			if pair[i], n = binary.Uvarint(raw); n <= 0 || pair[i] == 0 {
				return nil, false
			}
			raw = raw[n:]
		}
		step, sequence := pair[0], pair[1]
		if step >= mostWriters || sequence > 1<<63-1 {
			return nil, false
		}
		if writer += step; writer >= mostWriters {
			return nil, false
		}
		f[int32(writer)] = int64(sequence)
	}
	return f, f.text() == text // numbers can be spelt at greater length
}

// beginning gives the place behind which a caller wants to follow: that of the cursor
// after, or the present one where it is nil.
func (j *Journal) beginning(ctx context.Context, after *string) (frontier, error) {
	if after == nil {
		return readFrontier(ctx, j.db.Ent())
	}
	begin, ok := parseFrontier(*after)
	if !ok {
		return nil, fault.RefuseField("after", fault.Malformed, *after, "a place to follow on from: the cursor of a row that was appended, or a page's liveCursor")
	}
	present, err := readFrontier(ctx, j.db.Ent())
	if err != nil {
		return nil, err
	}
	if present.behind(begin) { // rows would be passed over until the writers got there
		return nil, fault.RefuseField("after", fault.Clash, "", "is ahead of this database, which may be a backup that was restored; begin anew without it")
	}
	return begin, nil
}
