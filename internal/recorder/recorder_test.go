package recorder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"logbook/internal/fault"
)

// recording is a recorder of numbers whose database is a function, with its log. The
// clock is the bubble's.
func recording(t *testing.T, store func(context.Context, []int) error) (*Recorder[int], *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	r := New("numbers", store, time.Now, slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(r.Stop)
	return r, &log
}

// TestFails holds that a database which fails or hangs slows nobody, that what is lost
// is counted, and that the log names it once a minute.
func TestFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		r, log := recording(t, func(context.Context, []int) error {
			if down {
				return errors.New("no disk")
			}
			return nil
		})
		for range 90 {
			r.Record(1)
			time.Sleep(990 * time.Millisecond) // so that no two timers end at one moment
		}
		r.Flush()
		if lines := strings.Count(log.String(), "\n"); lines != 2 || !strings.Contains(log.String(), "no disk") ||
			!strings.Contains(log.String(), "numbers were not recorded") || !strings.Contains(log.String(), "since_start=61") {
			t.Errorf("logged\n%s", log)
		}
		down = false
		r.Record(1)
		r.Flush()
		if got, want := r.Counts(), (Counts{Recorded: 1, Lost: 90}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		time.Sleep(time.Minute) // nobody comes, and yet the rest of it is named
		synctest.Wait()
		if lines := strings.Count(log.String(), "\n"); lines != 3 || !strings.Contains(log.String(), "since_start=90") {
			t.Errorf("logged at the end\n%s", log)
		}
		r.Stop()
		r.Record(1)
		r.Flush()
		r.Stop()
		if got, want := r.Counts(), (Counts{Recorded: 1, Lost: 91}); got != want {
			t.Errorf("after the end: %+v, want %+v", got, want)
		}
	})
}

// TestHangs holds that a full queue loses records instead of holding them up, and that
// stopping takes drainTimeout at most.
func TestHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := recording(t, func(ctx context.Context, _ []int) error {
			<-ctx.Done()
			return ctx.Err()
		})
		r.Record(1)
		time.Sleep(batchPause) // of the bubble
		synctest.Wait()        // the first hangs
		begun := time.Now()
		for range queueLength + 15 {
			r.Record(1)
		}
		if got, want := r.Counts(), (Counts{Lost: 15}); got != want || !time.Now().Equal(begun) {
			t.Errorf("%+v after %s, want %+v at once", got, time.Since(begun), want)
		}
		r.Stop()
		if took := time.Since(begun); took != drainTimeout {
			t.Errorf("it took %s to stop", took)
		}
		if got, want := r.Counts(), (Counts{Lost: queueLength + 16}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// TestStores holds that stopping stores what waits, in batches and in order, and that
// a record the database does not take keeps no other out.
func TestStores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		var got []int
		r, _ := recording(t, func(_ context.Context, numbers []int) error {
			for _, n := range numbers {
				if n == 270 {
					return fault.RefuseField("n", fault.Unknown, "", "")
				}
			}
			sizes, got = append(sizes, len(numbers)), append(got, numbers...)
			return nil
		})
		for n := range batchLength + 20 {
			r.Record(n)
		}
		r.Stop()
		if want := "[256 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1]"; fmt.Sprint(sizes) != want {
			t.Errorf("batches of %v, want %s", sizes, want)
		}
		for i := 1; i < len(got); i++ {
			if got[i] <= got[i-1] {
				t.Errorf("%d is stored behind %d", got[i], got[i-1])
			}
		}
		if got, want := r.Counts(), (Counts{Recorded: 275, Lost: 1}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// TestFirst holds who counts as one, and how many a minute has room for.
func TestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := recording(t, func(context.Context, []int) error { return nil })
		begin := time.Now()
		for i, c := range []struct {
			caller string
			like   int
			known  bool
			after  time.Duration
			first  bool
		}{
			{"192.0.2.1", 0, false, 0, true},
			{"192.0.2.1", 0, false, 59 * time.Second, false},
			{"192.0.2.1", 1, false, 0, true},
			{"192.0.2.2", 0, false, 0, true},
			{"2001:db8:1:1::/64", 0, false, 0, true},
			{"", 0, false, 0, true},
			{"@", 0, false, 0, true},
			{"@", 0, false, 0, false},
			{"@", 0, true, 0, true},
			{"@", 0, true, 0, false},
			{"192.0.2.1", 0, false, time.Minute, true},
			{"192.0.2.1", 0, false, 0, false}, // an earlier one, that took longer
			{"192.0.2.1", 0, false, time.Minute, false},
		} {
			if got := r.First(c.caller, c.known, c.like, begin.Add(c.after)); got != c.first {
				t.Errorf("%d: %q is the first: %t", i, c.caller, got)
			}
		}
		recorded := 0
		fill := func(after time.Duration, want int, what string) {
			firsts := 0
			for i := range 100 {
				if r.First(fmt.Sprint("198.51.100.", i), false, 0, begin.Add(after)) {
					firsts++
				}
			}
			if recorded += firsts; firsts != want {
				t.Errorf("%d firsts in %s, want %d", firsts, what, want)
			}
		}
		tomorrow := 24 * time.Hour
		for minute := range perDay / perMinute {
			fill(tomorrow+time.Duration(minute)*time.Minute, perMinute, "a minute")
		}
		fill(tomorrow+time.Hour*20, 0, "a day that is full")
		fill(tomorrow-time.Hour, 0, "the day before, again")
		if !r.First("user 7", true, 0, begin.Add(tomorrow+time.Hour*20)) {
			t.Error("strangers took what is for the known")
		}
		fill(2*tomorrow, perMinute, "the next day")
		if got, want := r.Counts().Gathered, int64(5+100*(perDay/perMinute+3)-recorded); got != want {
			t.Errorf("%d gathered, want %d", got, want)
		}
	})
}
