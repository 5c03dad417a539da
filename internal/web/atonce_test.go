package web

import (
	"sync"
	"testing"

	"logbook/internal/auth"
	"logbook/internal/fault"
)

// One caller's things do not count against another's, and what has left is forgotten.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	a := NewAtOnce(2)
	one := auth.WithOrigin(t.Context(), auth.Origin{Address: "192.0.2.1"})
	signedIn := auth.With(one, &auth.Principal{Subject: "7", Role: auth.User})
	var leave []func()
	for range 2 {
		left, err := a.Enter(one)
		if err != nil {
			t.Fatal(err)
		}
		leave = append(leave, left)
	}
	if _, err := a.Enter(one); fault.KindOf(err) != fault.TooMany || fault.As(err).After <= 0 {
		t.Errorf("the third of two: %v", err)
	}
	if left, err := a.Enter(signedIn); err != nil {
		t.Errorf("another caller of the same network: %v", err)
	} else {
		leave = append(leave, left)
	}
	if a.Total() != 3 {
		t.Errorf("there are %d at once", a.Total())
	}
	for _, left := range leave {
		left()
	}
	if a.Total() != 0 || len(a.now) != 0 {
		t.Errorf("%d are there after all left, of %d callers", a.Total(), len(a.now))
	}
	if left, err := a.Enter(one); err != nil {
		t.Errorf("after all left: %v", err)
	} else {
		left()
	}
}

// Of many who come at the same time no more than the most are in.
func TestAtOnceConcurrently(t *testing.T) {
	t.Parallel()
	a := NewAtOnce(5)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 100 {
				left, err := a.Enter(t.Context())
				if err != nil {
					continue
				}
				if n := a.Total(); n > 5 {
					t.Errorf("%d are in", n)
				}
				left()
			}
		})
	}
	all.Wait()
	if a.Total() != 0 {
		t.Errorf("%d are left", a.Total())
	}
}
