package journal

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestSlots wants every value in a slot that lies between the same marks, and no more
// slots than two where one mark stands between the values: what is grouped by them is
// bounded by what is asked for, however close the mark is to an end.
func TestSlots(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfNDistinct(rapid.Int64Range(-1000, 1000), 2, 8, rapid.ID).Draw(t, "lowest, marks, highest")
		slices.Sort(values)
		lowest, marks, highest := values[0], values[1:len(values)-1], values[len(values)-1]
		told := slotsOf(lowest, highest, marks)
		if len(marks) == 0 {
			if told.width != 0 {
				t.Fatalf("%v without a mark", told)
			}
			return
		}
		if told.origin > lowest {
			t.Fatalf("%v begins above %d", told, lowest)
		}
		if count := (highest-1-told.origin)/told.width + 1; len(marks) == 1 && count > 2 {
			t.Fatalf("%d slots on both sides of %d between %d and %d", count, marks[0], lowest, highest)
		}
		for _, mark := range marks {
			if (mark-told.origin)%told.width != 0 {
				t.Fatalf("%d cuts a slot of %v", mark, told)
			}
		}
	})
}
