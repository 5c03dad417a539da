package cli

import (
	"fmt"
	"io/fs"
	"strings"

	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/ingest"
	"logbook/internal/journal"
)

// sampled are the kinds of the sample in the order in which they are loaded, and
// what people call their rows. Entries come first: they make the tenants.
var sampled = []struct {
	kind   Kind
	plural string
}{
	{Entries, "entries"}, {Audit, "audit events"}, {Operations, "operations"}, {Usage, "usage records"},
	{APICalls, "API calls"}, {Users, "users"},
}

// LoadSample loads a file of each kind, called after it, into a store that holds no
// entries; one that holds some it leaves alone. It says which.
func LoadSample(p *Process, store *Store, sample fs.FS) error {
	held, err := store.Journal.Entries.Count(auth.System(p.Context, "sample"), journal.EntryFilter{})
	if err != nil {
		return err
	}
	if held > 0 {
		fmt.Fprintf(p.Stdout, "the database holds %d entries already, so the sample was left out\n", held)
		return nil
	}
	var loaded []string
	for _, one := range sampled {
		file, err := sample.Open(string(one.kind) + ".ndjson")
		if err != nil {
			return err
		}
		defer file.Close()
		report := &report{refused: func(line refusedLine) error {
			return fault.New(fault.Internal, "the built-in sample of %s is broken on line %d: %s", one.kind, line.number, line.problem)
		}}
		if err := loaderOf(one.kind, store, ingest.DocumentTypes, report)(p.Context, "sample", file, false); err != nil {
			return err
		}
		loaded = append(loaded, fmt.Sprintf("%d %s", report.counts.added, one.plural))
	}
	fmt.Fprintf(p.Stdout, "loaded the sample: %s\n", strings.Join(loaded, ", "))
	return nil
}
