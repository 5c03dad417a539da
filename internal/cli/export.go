package cli

import (
	"bufio"
	"errors"
	"slices"
	"strings"

	"logbook/internal/auth"
	"logbook/internal/export"
	"logbook/internal/fault"
)

// Export is the command "export".
type Export struct {
	Kind   LogKind  `help:"Kind of log to write: entries, audit, operations, usage, api-calls." required:"" placeholder:"KIND"`
	Since  string   `help:"Only rows at this time or later: RFC 3339, or a date (default the first)." placeholder:"TIME"`
	Until  string   `help:"Only rows before this time (default the last)." placeholder:"TIME"`
	Filter []string `help:"Only rows whose field has this value. The fields are: for entries tenant_id, category_id, category_code, level, source, user_id, and search for a part of the message; for audit key, user_id, application_id, ip, tenant_id; for operations user, username, action_type, module, status, ip_address, tenant_id; for usage type, user_id, username, token_id, token_name, model_name, channel_id, group, tenant_id, and search for a part of the content; for api-calls app_id, api_path, http_method, source_ip, status_code, tenant_id. May be repeated (default all rows)." placeholder:"FIELD=VALUE" sep:"none"`
}

// Run writes the rows to standard output as NDJSON, oldest first and nothing
// masked, in the shape that import reads.
func (c *Export) Run(p *Process, s *Settings) error {
	kind, known := export.KindOf(string(c.Kind))
	if !known {
		return fault.New(fault.Invalid, "--kind %s: is not written", c.Kind)
	}
	terms, err := c.terms()
	if err != nil {
		return err
	}
	store, err := s.Open(p.Context)
	if err != nil {
		return err
	}
	defer store.Close()
	ctx := auth.System(p.Context, "export")

	rows, err := kind.Rows(ctx, store.Journal, terms)
	if err != nil {
		return inFlag(err)
	}
	out := bufio.NewWriterSize(p.Stdout, 64<<10)
	err = rows.WriteNDJSON(ctx, out)
	if stopped := p.Context.Err(); stopped != nil {
		err = fault.New(fault.Unavailable, "stopped; what was written is not the whole")
	}
	if flushed := out.Flush(); err == nil {
		err = flushed
	}
	return err
}

// terms gives the flags as conditions.
func (c *Export) terms() ([]export.Term, error) {
	var terms []export.Term
	for _, flag := range []export.Term{{Field: "since", Value: c.Since}, {Field: "until", Value: c.Until}} {
		if flag.Value != "" {
			terms = append(terms, flag)
		}
	}
	for _, text := range c.Filter {
		field, value, found := strings.Cut(text, "=")
		if !found {
			return nil, fault.New(fault.Invalid, "--filter %q: want field=value", fault.Shorten(text))
		}
		terms = append(terms, export.Term{Field: field, Value: value})
	}
	return terms, nil
}

// inFlag puts the flag's name before what is wrong with a condition.
func inFlag(err error) error {
	var known *fault.Error
	if !errors.As(err, &known) || len(known.Problems) != 1 {
		return err
	}
	flag := "--filter "
	if slices.Contains([]string{"since", "until"}, known.Problems[0].Field) {
		flag = "--"
	}
	return fault.Wrap(known.Kind, err, "%s%s", flag, known.In(fault.English))
}
