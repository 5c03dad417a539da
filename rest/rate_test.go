package rest_test

import (
	"net/http"
	"testing"
	"time"

	"logbook/internal/db/dbtest"
	"logbook/internal/recorder"
)

// TestRefusedForTheRateAreGathered holds that a caller who asks too often does not fill
// the disk with API calls: one row a minute tells of it.
func TestRefusedForTheRateAreGathered(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, address string) {
		w := newLimitedWorld(t, address, "2026-01-01T00:00:00Z", time.UTC, 0.1)
		const path = "/openapi/v1/audit/openapi-logs?start_time=1700000000&end_time=1700086400"
		if got := w.serve(t, "GET", path, "").Code; got != http.StatusOK {
			t.Errorf("the first call answers %d", got)
		}
		for range 5 {
			if got := w.serve(t, "GET", path, "").Code; got != http.StatusTooManyRequests {
				t.Errorf("another call answers %d", got)
			}
		}
		w.calls.Flush()
		if got, want := w.calls.Counts(), (recorder.Counts{Recorded: 2, Gathered: 4}); got != want {
			t.Errorf("the recorder counts %+v, want %+v", got, want)
		}
	})
}
