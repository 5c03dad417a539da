package journal

import (
	"context"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/internal/db"
)

// Number names a number that rows have; only usage records have any.
type Number string

// measure is a Number of a kind.
type measure struct {
	name   Number
	column string // never null
}

// Numbers says how a number is spread over some rows. Percentiles are by nearest rank:
// the smallest value that at least so many percent of the values do not exceed. All but
// the count and the sum are nil where there are no rows.
type Numbers struct {
	Count              int64
	Min, Max           *int64
	Sum                int64
	Average            *float64
	P50, P90, P95, P99 *int64
}

// Numbers reads the rows and says how a number is spread over them, exactly. It fails
// with kind Invalid where the sum is beyond 2^53.
func (a *Aggregate[R, D, F]) Numbers(ctx context.Context, of Number) (*Numbers, error) {
	name := ""
	for _, one := range a.log.numbers {
		if one.name == of {
			name = one.column
		}
	}
	if name == "" {
		panic("journal: a number that the kind does not have") // the schema knows their names
	}
	answer := &Numbers{}
	err := a.ask(ctx, func(client *ent.Client, q question) error {
		var rows []struct {
			Count int64  `sql:"row_count"`
			Min   *int64 `sql:"smallest"`
			Max   *int64 `sql:"largest"`
			Sum   int64  `sql:"total"`
		}
		conditions := a.log.conditions(q)
		err := a.log.scan(ctx, client, shaped(append(conditions[:len(conditions):len(conditions)], func(s *sql.Selector) {
			s.Select(sql.As(sql.Count("*"), "row_count"), sql.As(sql.Min(s.C(name)), "smallest"),
				sql.As(sql.Max(s.C(name)), "largest"), sql.As("COALESCE("+sql.Sum(s.C(name))+", 0)", "total"))
		})...), &rows)
		if err != nil || len(rows) == 0 || rows[0].Count == 0 {
			return err
		}
		all := rows[0]
		if all.Sum > maxNumber || all.Sum < -maxNumber {
			return errBeyond
		}
		average := float64(all.Sum) / float64(all.Count)
		*answer = Numbers{Count: all.Count, Min: all.Min, Max: all.Max, Sum: all.Sum, Average: &average}
		var wanted []rank
		for _, one := range []struct {
			percent int64
			into    **int64
		}{{50, &answer.P50}, {90, &answer.P90}, {95, &answer.P95}, {99, &answer.P99}} {
			wanted = append(wanted, rank{(one.percent*all.Count + 99) / 100, one.into})
		}
		return a.log.ranked(ctx, client, conditions, name, *all.Min, *all.Max, wanted)
	})
	return answer, err
}

// rank asks for the value at a place of the ascending order, which counts from 1.
type rank struct {
	place int64
	into  **int64
}

// mostSteps is how many parts of a range are counted at a time.
const mostSteps = 1_000_000

// ranked finds the values at some ranks, ascending, among the rows whose number lies
// between two. It counts the numbers in equal parts of that range, then looks into those
// that hold a rank: memory does not grow with the rows, nor with the numbers, and the
// engine sorts the rows once where the numbers are fewer than the parts.
func (l *table[R, D, F]) ranked(ctx context.Context, client *ent.Client, conditions []shape, name string, low, high int64, wanted []rank) error {
	width := (high-low)/mostSteps + 1
	var parts []struct {
		Slot     int64 `sql:"slot"`
		RowCount int64 `sql:"row_count"`
	}
	err := l.scan(ctx, client, shaped(append(conditions[:len(conditions):len(conditions)], func(s *sql.Selector) {
		s.Where(sql.GTE(s.C(name), low)).Where(sql.LTE(s.C(name), high)).
			Select(sql.As(db.Quotient(s, name, low, width), "slot"), sql.As(sql.Count("*"), "row_count")).
			GroupBy("slot").OrderBy("slot")
	})...), &parts)
	if err != nil {
		return err
	}
	var below int64
	for _, part := range parts {
		var inside []rank
		for len(wanted) > 0 && wanted[0].place <= below+part.RowCount {
			inside = append(inside, rank{wanted[0].place - below, wanted[0].into})
			wanted = wanted[1:]
		}
		below += part.RowCount
		first := low + part.Slot*width
		switch {
		case len(inside) == 0:
		case width == 1:
			for _, one := range inside {
				value := first
				*one.into = &value
			}
		default:
			if err := l.ranked(ctx, client, conditions, name, first, min(first+width-1, high), inside); err != nil {
				return err
			}
		}
	}
	return nil
}
