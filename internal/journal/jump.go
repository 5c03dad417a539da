package journal

import (
	"cmp"
	"context"
	"slices"

	"logbook/ent"
	"logbook/ent/column"
)

// nearOffset is how many rows a page by offset may have in front of it without a look at
// where it begins: so many are passed over as quickly.
const nearOffset = 500

// jump gives, beside the number of all rows that pass a question, the question and the
// offset that give the same rows of it, in order of time, with fewer rows in front. It
// adds up the roll-ups from the first row on to the widest bucket that holds the page's
// first row, then the narrower ones within that. The caller's snapshot makes it exact.
func (t *table[R, D, F]) jump(ctx context.Context, client *ent.Client, q question, asked tally, offset int64, ascending bool) (question, int64, int64, error) {
	if asked.nilTenant() {
		return q, offset, 0, nil
	}
	asked.apart = moments
	dim := t.dimension(asked.dimension)
	widths := dim.widths
	var total int64
	for first := true; ; first = false {
		var counted []cell
		if err := t.runBy(ctx, client, &asked, dim, widths, func(c cell) { counted = append(counted, c) }); err != nil {
			return q, offset, 0, err
		}
		slices.SortFunc(counted, func(a, b cell) int {
			if ascending {
				return cmp.Compare(a.at.from, b.at.from)
			}
			return cmp.Compare(b.at.from, a.at.from)
		})
		if first {
			for _, one := range counted {
				total += one.sums[0]
			}
			if offset >= total {
				return q, offset, total, nil
			}
		}
		i := 0
		for ; offset >= counted[i].sums[0]; i++ {
			offset -= counted[i].sums[0]
		}
		at := counted[i].at
		if ascending && at.from != beginning {
			q.since = &at.from
		}
		if !ascending && at.until != end {
			q.until = &at.until
		}
		before := len(widths)
		widths = dim.widths[:slices.IndexFunc(dim.widths, func(w width) bool { return w.span() >= at.until-at.from })]
		// It is one of the narrowest, or an end of the time that is no bucket: such an end may
		// be longer than the narrowest and hold none.
		if len(widths) == 0 || len(widths) == before && slices.Equal(asked.edges, []column.Time{at.from, at.until}) {
			return q, offset, total, nil
		}
		asked.edges = []column.Time{at.from, at.until}
	}
}
