package cli

import (
	"fmt"
	"sort"
	"strings"
	"text/tabwriter"

	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/fault"
)

// User is the command "user".
type User struct {
	Add     UserAdd     `cmd:"" help:"Add a user and print its id."`
	Disable UserDisable `cmd:"" help:"Keep a user out, with all its tokens and keys; its rows stay."`
	Enable  UserEnable  `cmd:"" help:"Let a disabled user in again."`
	List    UserList    `cmd:"" help:"List the users."`
}

// UserAdd is the command "user add".
type UserAdd struct {
	Username string   `help:"Name, unique." required:"" placeholder:"NAME"`
	Role     string   `help:"Role: admin, viewer, ingest or user (default ${default})." default:"user" enum:"admin,viewer,ingest,user" placeholder:"ROLE"`
	ID       *int64   `help:"The user's number, the one it has in newapi, 1 to 2^53 (default one beyond 2^40)." placeholder:"NUMBER"`
	Tenant   string   `help:"Id of the tenant that the user is bound to (default none)." placeholder:"UUID"`
	Alias    []string `help:"The user's id in another system: newapi, scitiger, codebird, hertz or trae. May be repeated (default none)." placeholder:"SYSTEM=ID" sep:"none"`
}

// Run adds the user.
func (c *UserAdd) Run(p *Process, s *Settings) error {
	draft := account.UserDraft{ID: c.ID, Username: c.Username, Role: auth.Role(c.Role), Aliases: map[string]string{}}
	var err error
	if draft.TenantID, err = parseTenant(c.Tenant); err != nil {
		return err
	}
	for _, text := range c.Alias {
		system, id, found := strings.Cut(text, "=")
		switch {
		case !found:
			return fault.New(fault.Invalid, "--alias %q: want system=id", fault.Shorten(text))
		case draft.Aliases[system] != "":
			return fault.New(fault.Invalid, "--alias %s: stands twice", fault.Shorten(system))
		}
		draft.Aliases[system] = id
	}
	store, err := s.Open(p.Context)
	if err != nil {
		return err
	}
	defer store.Close()
	user, err := store.Accounts.AddUser(auth.System(p.Context, "user add"), draft)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stderr, "added user %s, whose id is\n", oneLine(user.Username))
	fmt.Fprintln(p.Stdout, user.ID)
	return nil
}

// UserDisable is the command "user disable".
type UserDisable struct {
	ID int64 `arg:"" help:"The user's id, as user list gives it."`
}

// Run disables the user.
func (c *UserDisable) Run(p *Process, s *Settings) error {
	store, err := s.Open(p.Context)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.Accounts.DisableUser(auth.System(p.Context, "user disable"), c.ID); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "disabled user %d\n", c.ID)
	return nil
}

// UserEnable is the command "user enable".
type UserEnable struct {
	ID int64 `arg:"" help:"The user's id, as user list gives it."`
}

// Run enables the user.
func (c *UserEnable) Run(p *Process, s *Settings) error {
	store, err := s.Open(p.Context)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.Accounts.EnableUser(auth.System(p.Context, "user enable"), c.ID); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "enabled user %d\n", c.ID)
	return nil
}

// UserList is the command "user list".
type UserList struct{}

// Run lists the users.
func (c *UserList) Run(p *Process, s *Settings) error {
	store, err := s.Open(p.Context)
	if err != nil {
		return err
	}
	defer store.Close()
	users, err := store.Accounts.Users(auth.System(p.Context, "user list"))
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tUSERNAME\tROLE\tTENANT\tALIASES\tSTATE")
	for _, user := range users {
		var aliases []string
		for _, one := range user.Edges.Identities {
			aliases = append(aliases, oneLine(one.System+"="+one.ExternalID))
		}
		sort.Strings(aliases)
		state := "active"
		if user.DisabledAt != nil {
			state = "disabled " + user.DisabledAt.String()
		}
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\t%s\n", user.ID, oneLine(user.Username), user.Role,
			tenantText(user.TenantID), dash(strings.Join(aliases, " ")), state)
	}
	return table.Flush()
}

// parseTenant reads the id of a tenant, "" for none.
func parseTenant(text string) (*column.ID, error) {
	if text == "" {
		return nil, nil
	}
	id, ok := column.ParseID(text)
	if !ok {
		return nil, fault.New(fault.Invalid, "--tenant: %q is not a UUID", fault.Shorten(text))
	}
	return &id, nil
}

func tenantText(id *column.ID) string {
	if id == nil {
		return "-"
	}
	return id.String()
}

// dash gives "-" for nothing.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
