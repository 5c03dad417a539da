package cli

import (
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"logbook/ent/column"
	"logbook/internal/account"
	"logbook/internal/auth"
)

// Token is the command "token".
type Token struct {
	Add    TokenAdd    `cmd:"" help:"Make an access token and print its key, once."`
	Revoke TokenRevoke `cmd:"" help:"End an access token for good."`
	List   TokenList   `cmd:"" help:"List the access tokens, without their keys."`
}

// TokenAdd is the command "token add".
type TokenAdd struct {
	Name       string   `help:"What to call it (default nothing)." placeholder:"NAME"`
	Role       string   `help:"Role: admin, viewer, ingest or user (default none: a gateway key, which opens only /api/log/token)." default:"" enum:"admin,viewer,ingest,user," placeholder:"ROLE"`
	User       int64    `help:"Id of the user it belongs to (default none)." placeholder:"ID"`
	Permission []string `help:"Permission it holds, such as entries:read. May be repeated (default none)." placeholder:"PERMISSION"`
	Tenant     string   `help:"Id of the tenant it is bound to (default none)." placeholder:"UUID"`
	Expires    Lifetime `help:"How long it is good for, such as 12h or 90d (default until it is revoked)." placeholder:"DURATION"`
}

// Run makes the token. Its key alone goes to standard output.
func (c *TokenAdd) Run(p *Process, s *Settings) error {
	draft := account.TokenDraft{UserID: c.User, Name: c.Name, Role: auth.Role(c.Role), Lifetime: time.Duration(c.Expires)}
	for _, permission := range c.Permission {
		draft.Permissions = append(draft.Permissions, auth.Permission(permission))
	}
	var err error
	if draft.TenantID, err = parseTenant(c.Tenant); err != nil {
		return err
	}
	store, err := s.Open(p.Context)
	if err != nil {
		return err
	}
	defer store.Close()
	token, key, err := store.Accounts.AddToken(auth.System(p.Context, "token add"), draft)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.Stderr, "made access token %d; this is its key, which is not shown again:\n", token.ID)
	fmt.Fprintln(p.Stdout, key)
	return nil
}

// TokenRevoke is the command "token revoke".
type TokenRevoke struct {
	ID int64 `arg:"" help:"The token's id, as token list gives it."`
}

// Run revokes the token.
func (c *TokenRevoke) Run(p *Process, s *Settings) error {
	store, err := s.Open(p.Context)
	if err != nil {
		return err
	}
	defer store.Close()
	if err := store.Accounts.RevokeToken(auth.System(p.Context, "token revoke"), c.ID); err != nil {
		return err
	}
	fmt.Fprintf(p.Stdout, "revoked access token %d\n", c.ID)
	return nil
}

// TokenList is the command "token list".
type TokenList struct{}

// Run lists the tokens.
func (c *TokenList) Run(p *Process, s *Settings) error {
	store, err := s.Open(p.Context)
	if err != nil {
		return err
	}
	defer store.Close()
	tokens, err := store.Accounts.Tokens(auth.System(p.Context, "token list"))
	if err != nil {
		return err
	}
	now := column.TimeOf(time.Now())
	table := tabwriter.NewWriter(p.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tKEY\tNAME\tROLE\tUSER\tTENANT\tPERMISSIONS\tEXPIRES\tSTATE")
	for _, token := range tokens {
		user, expires, state := "-", "never", "active"
		if token.UserID != 0 {
			user = strconv.FormatInt(token.UserID, 10)
		}
		if token.ExpiresAt != nil {
			expires = token.ExpiresAt.String()
			if *token.ExpiresAt <= now {
				state = "expired"
			}
		}
		if token.RevokedAt != nil {
			state = "revoked"
		}
		fmt.Fprintf(table, "%d\t%s…\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", token.ID, oneLine(token.Prefix),
			dash(oneLine(token.Name)), dash(token.Role), user, tenantText(token.TenantID),
			dash(token.Permissions), expires, state)
	}
	return table.Flush()
}

// Lifetime is a duration of the command line: Go's form, or whole days as "90d".
type Lifetime time.Duration

// UnmarshalText reads a duration above zero.
func (l *Lifetime) UnmarshalText(text []byte) error {
	const day = 24 * time.Hour
	const most = 36500 * day
	lifetime, err := time.ParseDuration(string(text))
	if days, found := strings.CutSuffix(string(text), "d"); found {
		var n int64
		if n, err = strconv.ParseInt(days, 10, 32); err == nil {
			lifetime = day * time.Duration(min(n, 1+int64(most/day)))
		}
	}
	if err != nil || lifetime <= 0 || lifetime > most {
		return fmt.Errorf("%q is not a duration such as 12h or 90d, of at most 36500d", text)
	}
	*l = Lifetime(lifetime)
	return nil
}
