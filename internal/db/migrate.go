package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"logbook/ent/migrations"
	"logbook/internal/fault"
)

// migrate brings the database to the newest version this program knows, in one
// transaction, which is the lock against other processes that start beside it.
// It refuses a database that a newer program made.
func (d *DB) migrate(ctx context.Context) error {
	files, err := migrations.For(d.dialect)
	if err != nil {
		return err
	}
	newest := files[len(files)-1].Version

	// Nearly every start finds nothing to do, and need not take the lock for it.
	var version int
	err = retryBusy(ctx, func() error {
		return d.read.QueryRowContext(ctx, "SELECT MAX(version) FROM schema_migrations").Scan(&version)
	})
	if err == nil && version == newest {
		return nil
	}

	return retryBusy(ctx, func() error {
		tx, err := d.write.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if err := migrateIn(ctx, tx, files); err != nil {
			return err
		}
		return tx.Commit()
	})
}

// migrateIn applies the files that the database has not seen yet.
func migrateIn(ctx context.Context, tx *sql.Tx, files []migrations.File) error {
	const table = `CREATE TABLE IF NOT EXISTS schema_migrations (version integer NOT NULL PRIMARY KEY, name text NOT NULL)`
	if _, err := tx.ExecContext(ctx, table); err != nil {
		return err
	}
	var version sql.NullInt64
	if err := tx.QueryRowContext(ctx, "SELECT MAX(version) FROM schema_migrations").Scan(&version); err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if newest := files[len(files)-1].Version; version.Int64 > int64(newest) {
		return fault.New(fault.Unavailable,
			"the database is at version %d and this program knows up to %d: run a newer logbook", version.Int64, newest)
	}
	for _, file := range files {
		if int64(file.Version) <= version.Int64 {
			continue
		}
		if _, err := tx.ExecContext(ctx, file.SQL); err != nil {
			return fmt.Errorf("apply migration %s: %w", file.Name, err)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO schema_migrations (version, name) VALUES (?, ?)", file.Version, file.Name); err != nil {
			return fmt.Errorf("record migration %s: %w", file.Name, err)
		}
	}
	return nil
}
