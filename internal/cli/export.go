package cli

import (
	"bufio"
	"strings"
	"time"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/fault"
	"logbook/internal/ingest"
	"logbook/internal/journal"
)

// Export is the command "export".
type Export struct {
	Kind   Kind     `help:"Kind of log to write: entries." required:"" placeholder:"KIND"`
	Since  string   `help:"Only rows at this time or later: RFC 3339, or a date (default the first)." placeholder:"TIME"`
	Until  string   `help:"Only rows before this time (default the last)." placeholder:"TIME"`
	Filter []string `help:"Only rows whose field has this value; the fields are tenant_id, category_id, category_code, level, source, user_id, and search for a part of the message. May be repeated (default all rows)." placeholder:"FIELD=VALUE" sep:"none"`
}

// Run writes the rows to standard output as NDJSON, oldest first. It reads a page
// at a time and keeps no snapshot, so rows that come in meanwhile may be in it.
func (c *Export) Run(p *Process, s *Settings) error {
	store, err := s.Open(p.Context)
	if err != nil {
		return err
	}
	defer store.Close()
	ctx := auth.System(p.Context, "export")

	filter := journal.EntryFilter{}
	if filter.Since, err = parseTime("--since", c.Since, s.Timezone.Location); err != nil {
		return err
	}
	if filter.Until, err = parseTime("--until", c.Until, s.Timezone.Location); err != nil {
		return err
	}
	given := map[string]bool{}
	for _, text := range c.Filter {
		field, value, found := strings.Cut(text, "=")
		if !found {
			return fault.New(fault.Invalid, "--filter %q: want field=value", fault.Shorten(text))
		}
		if given[field] {
			return fault.New(fault.Invalid, "--filter %s: stands twice", field)
		}
		given[field] = true
		err := setFilter(&filter, field, value, func(code string) (*ent.Category, error) {
			return store.Journal.CategoryByCode(ctx, code)
		})
		if err != nil {
			return err
		}
	}

	out := bufio.NewWriterSize(p.Stdout, 64<<10)
	var line []byte
	err = store.Journal.Entries.Each(ctx, filter, func(row *ent.Entry) error {
		tenant, err := store.Journal.Tenant(ctx, row.TenantID)
		if err != nil {
			return err
		}
		category, err := store.Journal.Category(ctx, row.CategoryID)
		if err != nil {
			return err
		}
		line = append(ingest.AppendEntry(line[:0], row, tenant, category), '\n')
		_, err = out.Write(line)
		return err
	})
	if stopped := p.Context.Err(); stopped != nil {
		err = fault.New(fault.Unavailable, "stopped; what was written is not the whole")
	}
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	return err
}

// setFilter reads one --filter.
func setFilter(filter *journal.EntryFilter, field, value string, category func(code string) (*ent.Category, error)) error {
	refuse := func(want string) error {
		return fault.New(fault.Invalid, "--filter %s: %q is not %s", field, fault.Shorten(value), want)
	}
	switch field {
	case "tenant_id", "category_id":
		id, ok := column.ParseID(value)
		if !ok {
			return refuse("a UUID")
		}
		if field == "tenant_id" {
			filter.TenantID = &id
		} else if filter.CategoryID == nil {
			filter.CategoryID = &id
		} else if *filter.CategoryID != id {
			return fault.New(fault.Invalid, "--filter category_id: names another category than category_code")
		}
	case "category_code":
		known, err := category(value)
		switch {
		case err != nil:
			return err
		case known == nil:
			return refuse("the code of a category here")
		case filter.CategoryID != nil && *filter.CategoryID != known.ID:
			return fault.New(fault.Invalid, "--filter category_code: names another category than category_id")
		}
		filter.CategoryID = &known.ID
	case "level":
		level, ok := column.ParseLevel(value)
		if !ok {
			return refuse("one of debug, info, warning, error, critical")
		}
		filter.Level = &level
	case "source":
		filter.Source = &value
	case "user_id":
		filter.UserID = &value
	case "search":
		filter.Search = &value
	default:
		return fault.New(fault.Invalid, "--filter %s: the fields are tenant_id, category_id, category_code, level, source, user_id, search", fault.Shorten(field))
	}
	return nil
}

// parseTime reads a time of the command line, "" for none. One without a zone is
// read in zone, a date is its midnight.
func parseTime(flag, text string, zone *time.Location) (*column.Time, error) {
	if text == "" {
		return nil, nil
	}
	if instant, ok := column.ParseTime(text); ok {
		return &instant, nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, zone); err == nil {
			instant := column.TimeOf(t)
			return &instant, nil
		}
	}
	return nil, fault.New(fault.Invalid, "%s: %q is not a time such as 2025-06-15T08:30:45Z or 2025-06-15", flag, fault.Shorten(text))
}
