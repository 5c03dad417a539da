package db

import (
	"strconv"
	"testing"

	"logbook/ent"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/db/dbtest"
)

// TestSnapshots wants each Read to see one moment, its own, and to write nothing, on
// connections that have served before.
func TestSnapshots(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		ctx := auth.System(t.Context(), "test")
		d, err := Open(ctx, address)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		made := 0
		add := func() {
			made++
			err := d.Write(ctx, func(tx *Tx) error {
				return tx.Category.Create().SetID(column.ID{15: byte(made)}).SetName("n" + strconv.Itoa(made)).
					SetCode("c" + strconv.Itoa(made)).SetCreatedAt(1).Exec(ctx)
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for range 20 {
			add()
			err := d.Read(ctx, func(client *ent.Client) error {
				first, err := client.Category.Query().Count(ctx)
				if err != nil || first != made {
					t.Errorf("%d rows of %d at the beginning (%v)", first, made, err)
				}
				add()
				again, err := client.Category.Query().Count(ctx)
				if err != nil || again != first {
					t.Errorf("%d rows, then %d (%v)", first, again, err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		tx, err := d.snapshots.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, "DELETE FROM categories"); err == nil {
			t.Error("a snapshot was written to")
		}
	})
}
