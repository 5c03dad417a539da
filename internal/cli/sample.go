package cli

import (
	"bytes"
	"fmt"

	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/ingest"
	"logbook/internal/journal"
)

// LoadSample loads NDJSON entries into a store that holds none; one that holds
// some it leaves alone. It says which.
func LoadSample(p *Process, store *Store, sample []byte) error {
	held, err := store.Journal.Entries.Count(auth.System(p.Context, "sample"), journal.EntryFilter{})
	if err != nil {
		return err
	}
	if held > 0 {
		fmt.Fprintf(p.Stdout, "the database holds %d entries already, so the sample was left out\n", held)
		return nil
	}
	report := &report{refused: func(line refusedLine) error {
		return fault.New(fault.Internal, "the built-in sample is broken on line %d: %s", line.number, line.problem)
	}}
	load := loaderOf(Entries, store, ingest.DocumentTypes, report)
	if err := load(p.Context, "sample", bytes.NewReader(sample), false); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "loaded the sample: %d entries\n", report.counts.added)
	return nil
}
