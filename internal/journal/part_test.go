package journal

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"logbook/ent/column"
)

// TestPartsOf wants every moment of every segment counted once: by one bucket that lies
// within the segment, or by a ragged stretch.
func TestPartsOf(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		widths := [][]width{{1, 3, 6, 24}, {6, 24}, {24}}[rapid.IntRange(0, 2).Draw(t, "widths")]
		const minute = 60_000_000
		unit := rapid.SampledFrom([]int64{1, 3, 6, 24}).Draw(t, "unit")
		draw := rapid.Custom(func(t *rapid.T) column.Time {
			return column.Time(rapid.Int64Range(-100, 100).Draw(t, "edge")*unit*minute +
				rapid.SampledFrom([]int64{0, 0, 0, 1, -1, minute / 2}).Draw(t, "offset"))
		})
		edges := rapid.SliceOfNDistinct(draw, 2, 7, rapid.ID).Draw(t, "edges")
		slices.Sort(edges)
		// Counting moments is adding up lengths, where nothing is counted twice.
		type piece struct {
			stretch
			segment int
		}
		var pieces []piece
		asked := tally{edges: edges}
		parts, ragged := partsOf(edges, widths)
		for _, one := range parts {
			told := one.slots()
			for _, r := range one.ranges() {
				for bucket := r.Low; bucket < r.High; bucket++ {
					slot := int64(0)
					if told.width > 0 {
						slot = (bucket - told.origin) / told.width
					}
					if segment, whole := one.segmentOf(told, slot); whole {
						at := column.Time(bucket) * width(r.Beside).span()
						pieces = append(pieces, piece{stretch{at, at + width(r.Beside).span()}, segment})
					}
				}
			}
		}
		for _, one := range ragged {
			for from := one.from; from < one.until; { // an edge may stand in it
				until := one.until
				if segment := asked.segmentAt(from); edges[segment+1] < until {
					until = edges[segment+1]
				}
				pieces = append(pieces, piece{stretch{from, until}, asked.segmentAt(from)})
				from = until
			}
		}
		slices.SortFunc(pieces, func(a, b piece) int { return int(min(max(a.from-b.from, -1), 1)) })
		at := edges[0]
		for _, one := range pieces {
			if one.from != at || one.from < edges[one.segment] || one.until > edges[one.segment+1] {
				t.Fatalf("%v is counted in segment %d, everything before %d is", one.stretch, one.segment, at)
			}
			at = one.until
		}
		if at != edges[len(edges)-1] {
			t.Fatalf("nothing is counted behind %d", at)
		}
		if len(edges) == 2 {
			if len(ragged) > 2 {
				t.Fatalf("%d stretches are read row by row", len(ragged))
			}
			for _, one := range ragged {
				if one.until-one.from >= 2*widths[0].span() {
					t.Fatalf("%v is read row by row", one)
				}
			}
		}
	})
}
