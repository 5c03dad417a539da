package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"logbook/internal/account"
	"logbook/internal/db"
	"logbook/internal/journal"
)

// Settings are the flags that every command has.
type Settings struct {
	DB       string `help:"Database: sqlite:PATH or mysql://USER:PASSWORD@HOST:PORT/DATABASE; made where it is absent (default ${default})." default:"sqlite:logbook.db" placeholder:"URL"`
	Timezone Zone   `help:"IANA name of the zone in which days begin and times without a zone are read (default ${default})." default:"UTC" placeholder:"ZONE"`
}

// Zone is a time zone named by a flag.
type Zone struct{ *time.Location }

// UnmarshalText reads an IANA name.
func (z *Zone) UnmarshalText(text []byte) error {
	zone, err := time.LoadLocation(string(text))
	if err != nil || zone == time.Local {
		return fmt.Errorf("%q is no time zone; want an IANA name such as Europe/Berlin or UTC", text)
	}
	z.Location = zone
	return nil
}

// Store is an open, migrated database and what works on it.
type Store struct {
	DB       *db.DB
	Journal  *journal.Journal
	Accounts *account.Accounts
}

// Open opens the database. Close the store.
func (s *Settings) Open(ctx context.Context) (*Store, error) {
	database, err := db.Open(ctx, s.DB)
	if err != nil {
		return nil, err
	}
	j := journal.New(database, journal.Options{Zone: s.Timezone.Location})
	return &Store{DB: database, Journal: j, Accounts: account.New(database, j)}, nil
}

// Close closes the journal, then the database.
func (s *Store) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return errors.Join(s.Journal.Close(ctx), s.DB.Close())
}
