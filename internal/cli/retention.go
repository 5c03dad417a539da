package cli

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"logbook/internal/auth"
)

// Retention is the command "retention".
type Retention struct {
	Apply RetentionApply `cmd:"" help:"Remove the rows that have outlived their retention policy."`
}

// RetentionApply is the command "retention apply".
type RetentionApply struct {
	DryRun bool `help:"Only count what would go (default no)."`
}

// Run applies the policies and prints what went, or would go, by each.
func (c *RetentionApply) Run(p *Process, s *Settings) error {
	store, err := s.Open(p.Context)
	if err != nil {
		return err
	}
	defer store.Close()
	removed, failed := store.Journal.ApplyRetention(auth.System(p.Context, "retention"), c.DryRun)

	did := "removed"
	if c.DryRun {
		did = "would remove"
	}
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	var total int64
	for _, one := range removed {
		total += one.Count
		fmt.Fprintf(table, "%s\t%d days\tbefore %s\t%s %d\n",
			oneLine(one.Policy.Name), one.Policy.Days, one.Before, did, one.Count)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "%s %d by %d policies\n", did, total, len(removed))
	return errors.Join(failed, store.Journal.Trim(p.Context))
}
