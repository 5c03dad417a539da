package journal

import (
	"context"
	"sort"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/fault"
)

// UsageSums are figures of some usage records.
type UsageSums struct {
	Count            int64
	Quota            int64
	PromptTokens     int64
	CompletionTokens int64
}

// UsageTypeSums are the figures of one type.
type UsageTypeSums struct {
	Type column.UsageType
	UsageSums
}

// UsageStats are figures of the usage records that pass a filter, and how busy
// the last minute was.
type UsageStats struct {
	UsageSums
	ByType []UsageTypeSums // the types that occur, by number

	// The consume records of the last 60 seconds that pass the filter, whatever its
	// times and type, and the tokens of their prompts and completions.
	RequestsPerMinute int64
	TokensPerMinute   int64
}

// UsageStats sums the usage records that pass a filter, exactly; all figures are
// of one moment. It fails with kind Invalid where a sum is beyond 2^53. Without a dimension, or with one, it reads roll-ups, else rows.
func (j *Journal) UsageStats(ctx context.Context, filter UsageRecordFilter) (*UsageStats, error) {
	stats := &UsageStats{}
	within := true
	types := map[column.UsageType]*UsageTypeSums{}
	now := usageRecords.cut(column.TimeOf(j.now())) // as the rows' times are
	since, until := now.Add(-time.Minute), now.Add(time.Second)
	done, err := j.UsageRecords.turn(ctx, filter)
	if err != nil {
		return nil, err
	}
	defer done()
	err = j.db.Read(ctx, func(client *ent.Client) error {
		q, err := j.UsageRecords.ask(ctx, client, filter)
		if err != nil {
			return err
		}
		byType := telling{by: usageRecords.facet("TYPE")}
		r := newReading(client, byType.apart(), 2)
		err = usageRecords.gatherTold(ctx, r, q, byType, func(c cell) {
			one := types[column.UsageType(c.class)]
			if one == nil {
				one = &UsageTypeSums{Type: column.UsageType(c.class)}
				types[one.Type] = one
			}
			within = one.add(c.sums) && stats.add(c.sums) && within
		})
		if err != nil {
			return err
		}
		q.since, q.until = &since, &until
		whereClass(&q, "type", Is(column.Consume))
		err = usageRecords.gatherTold(ctx, r, q, telling{}, func(c cell) {
			stats.RequestsPerMinute += c.sums[0]
			stats.TokensPerMinute += c.sums[2] + c.sums[3]
		})
		if err != nil {
			return err
		}
		return r.run(ctx)
	})
	if err == nil && !within {
		err = errBeyond
	}
	if err != nil {
		return nil, err
	}
	for _, one := range types {
		stats.ByType = append(stats.ByType, *one)
	}
	sort.Slice(stats.ByType, func(i, k int) bool { return stats.ByType[i].Type < stats.ByType[k].Type })
	return stats, nil
}

// errBeyond refuses a sum that JSON cannot hold.
var errBeyond = fault.New(fault.Invalid, "the sums of these records are beyond 2^53, which JSON cannot hold exactly; ask about fewer")

// add adds and says whether all sums are numbers that JSON holds exactly.
func (s *UsageSums) add(c sums) bool {
	within := true
	for i, sum := range []*int64{&s.Count, &s.Quota, &s.PromptTokens, &s.CompletionTokens} {
		within = within && c[i] <= maxNumber && c[i] >= -maxNumber
		*sum += c[i]
		within = within && *sum <= maxNumber && *sum >= -maxNumber
	}
	return within
}
