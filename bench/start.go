package main

import (
	"fmt"
	"slices"
	"time"
)

const (
	startTries = 3
	settling   = 5 * time.Second // after the start, before idle memory is read
)

// starts prints how long the program takes from its start to its first answers on a
// loaded database, the middle one of three.
func starts(r *report, k *kind, e *engine, binary string) error {
	var healthy, answered []time.Duration
	page := k.page(page{name: "first page of 20"})
	for range startTries {
		began := time.Now()
		s, err := startServer(r.process, binary, e)
		if err != nil {
			return err
		}
		_, err = fetch(s.address, rawRequest("GET", "/healthz", "", nil))
		healthy = append(healthy, time.Since(began))
		if err == nil {
			err = page.makeRequest(s)
		}
		if err == nil {
			_, err = fetch(s.address, page.request)
		}
		answered = append(answered, time.Since(began))
		s.stop()
		if err != nil {
			return err
		}
	}
	r.figures("start and memory")
	for _, one := range []struct {
		name  string
		times []time.Duration
	}{{"start to the answer of /healthz", healthy}, {"start to the answer of the first page", answered}} {
		slices.Sort(one.times)
		seconds := one.times[startTries/2].Seconds()
		r.figure(k, 0, figure{name: one.name, value: seconds, unit: "s", limits: []limit{atMost("start", seconds, 0.5, "s")}})
	}
	return nil
}

// idle prints what a server holds that has answered nothing but that it is up.
func idle(r *report, k *kind, s *server) error {
	if _, err := fetch(s.address, rawRequest("GET", "/healthz", "", nil)); err != nil {
		return err
	}
	select {
	case <-r.Done():
		return r.Err()
	case <-time.After(settling):
	}
	megabytes := float64(s.memory()) / 1e6
	r.figure(k, 0, figure{name: fmt.Sprintf("memory, idle, %s after the start", settling), value: megabytes, unit: "MB",
		limits: []limit{atMost("memory", megabytes, 40, "MB")}})
	r.print("")
	return nil
}
