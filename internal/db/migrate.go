package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"

	"logbook/ent/migrations"
	"logbook/internal/fault"
)

// versionTable notes which migrations were applied, and for an engine that
// cannot roll DDL back how many statements of each.
const versionTable = `CREATE TABLE IF NOT EXISTS schema_migrations (version integer NOT NULL PRIMARY KEY, name varchar(255) NOT NULL, statements integer NOT NULL)`

// applied reads the newest version; 0 for none. It fails where the table is not
// there yet.
func applied(ctx context.Context, db querier) (version int, err error) {
	var newest sql.NullInt64
	err = db.QueryRowContext(ctx, "SELECT MAX(version) FROM schema_migrations").Scan(&newest)
	return int(newest.Int64), err
}

// querier is a pool, a connection or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// errNewer refuses a database that a newer program made.
func errNewer(version, newest int) error {
	return fault.New(fault.Unavailable,
		"the database is at version %d and this program knows up to %d: run a newer logbook", version, newest)
}

// migrate applies what is missing in one transaction, which is the lock against
// other processes that start beside it.
func (sqliteEngine) migrate(ctx context.Context, d *DB) error {
	files, err := migrations.For(dialect.SQLite)
	if err != nil {
		return err
	}
	// Nearly every start finds nothing to do, and need not take the lock for it.
	var version int
	err = retryBusy(ctx, func() (err error) {
		version, err = applied(ctx, d.read)
		return err
	})
	if err == nil && version == len(files) {
		return nil
	}
	return retryBusy(ctx, func() error {
		tx, err := d.write.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, versionTable); err != nil {
			return err
		}
		version, err := applied(ctx, tx)
		if err != nil {
			return err
		}
		if version > len(files) {
			return errNewer(version, len(files))
		}
		for _, file := range files[version:] {
			for _, statement := range file.Statements {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return fmt.Errorf("apply migration %s: %w", file.Name, err)
				}
			}
			const note = "INSERT INTO schema_migrations (version, name, statements) VALUES (?, ?, ?)"
			if _, err := tx.ExecContext(ctx, note, file.Version, file.Name, len(file.Statements)); err != nil {
				return fmt.Errorf("note migration %s: %w", file.Name, err)
			}
		}
		return tx.Commit()
	})
}

// migrate applies what is missing statement by statement, under a lock of the
// server's. MySQL commits each DDL statement at once, so each is noted as it is
// done; after a process was killed in between, the statement behind the last
// noted one may have been done or not, and "it is there already" says that it was.
func (mysqlEngine) migrate(ctx context.Context, d *DB) error {
	files, err := migrations.For(dialect.MySQL)
	if err != nil {
		return err
	}
	connection, err := d.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer connection.Close()
	// The lock is the server's, the name must tell databases apart.
	const lock = "SELECT GET_LOCK(CONCAT('logbook migrates ', LEFT(MD5(DATABASE()), 16)), 60)"
	var locked sql.NullInt64
	if err := connection.QueryRowContext(ctx, lock).Scan(&locked); err != nil {
		return err
	}
	if locked.Int64 != 1 {
		return fault.New(fault.Unavailable, "another process has been migrating the database for a minute, try again")
	}
	defer connection.ExecContext(context.WithoutCancel(ctx), "SELECT RELEASE_LOCK(CONCAT('logbook migrates ', LEFT(MD5(DATABASE()), 16)))")

	if _, err := connection.ExecContext(ctx, versionTable); err != nil {
		return err
	}
	version, err := applied(ctx, connection)
	if err != nil {
		return err
	}
	if version > len(files) {
		return errNewer(version, len(files))
	}
	for _, file := range files[max(version-1, 0):] {
		var done int
		const progress = "SELECT statements FROM schema_migrations WHERE version = ?"
		err := connection.QueryRowContext(ctx, progress, file.Version).Scan(&done)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		resumed := err == nil
		for i, statement := range file.Statements {
			if i < done {
				continue
			}
			_, err := connection.ExecContext(ctx, statement)
			if err != nil && !(resumed && i == done && thereAlready(err)) && !(i == 0 && thereAlready(err)) {
				return fmt.Errorf("apply migration %s, statement %d: %w", file.Name, i+1, err)
			}
			const note = "INSERT INTO schema_migrations (version, name, statements) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE statements = VALUES(statements)"
			if _, err := connection.ExecContext(ctx, note, file.Version, file.Name, i+1); err != nil {
				return fmt.Errorf("note migration %s: %w", file.Name, err)
			}
		}
	}
	return nil
}
