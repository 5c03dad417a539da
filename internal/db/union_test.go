package db

import (
	"context"
	"slices"
	"strconv"
	"testing"

	"entgo.io/ent/dialect/sql"

	"logbook/ent"
	"logbook/ent/category"
	"logbook/ent/column"
	"logbook/internal/auth"
	"logbook/internal/db/dbtest"
)

// TestUnion wants the rows of all queries of a union in their order, no more than asked
// for, the row policies in force, and the union empty afterwards.
func TestUnion(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		ctx := auth.System(t.Context(), "test")
		d, err := Open(ctx, address)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		err = d.Write(ctx, func(tx *Tx) error {
			for i := range byte(9) {
				_, err := tx.Category.Create().SetID(column.ID{15: i + 1}).SetName("n" + strconv.Itoa(int(i))).
					SetCode("c" + strconv.Itoa(int(i))).SetCreatedAt(column.Time(i)).Save(ctx)
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		err = d.Read(ctx, func(client *ent.Client) error {
			u := NewUnion(client)
			var none []struct{}
			gather := func(ctx context.Context, part int, below column.Time) error {
				return u.Client().Category.Query().Where(category.CreatedAtLT(below)).Modify(func(s *sql.Selector) {
					s.Select().AppendSelectExpr(sql.Raw(strconv.Itoa(part)+" AS part"), sql.Raw("COUNT(*) AS n"))
				}).Scan(ctx, &none)
			}
			read := func(most int) (got [][2]int) {
				var row [2]int
				err := u.Each(ctx, most, []any{&row[0], &row[1]}, func() error {
					got = append(got, row)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				return got
			}
			for part, below := range []column.Time{3, 0, 8} {
				if err := gather(ctx, part, below); err != nil {
					return err
				}
			}
			if queries, arguments := u.Parts(); queries != 3 || arguments != 3 {
				t.Errorf("%d queries with %d arguments", queries, arguments)
			}
			if got := read(0); !slices.Equal(got, [][2]int{{0, 3}, {1, 0}, {2, 8}}) {
				t.Errorf("got %v", got)
			}
			if got := read(0); got != nil {
				t.Errorf("got %v of nothing", got)
			}
			for part := range 3 {
				if err := gather(ctx, part, 9); err != nil {
					return err
				}
			}
			if got := read(2); !slices.Equal(got, [][2]int{{0, 9}, {1, 9}}) {
				t.Errorf("got %v of at most two", got)
			}
			if err := gather(context.Background(), 0, 9); err == nil {
				t.Error("nobody may gather")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
