package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// saved is a run as --json writes it and --beside reads it.
type saved struct {
	Of      string `json:"of"` // the engine, or another server's address
	Machine string `json:"machine"`
	Lines   []line `json:"lines"`
}

// line is one line of a run's tables. A question has its times, in milliseconds, any
// other figure its value.
type line struct {
	Kind        string  `json:"kind"`
	Name        string  `json:"name"`
	Rows        int64   `json:"rows,omitempty"` // of the kind in the database; 0: not known
	Connections int     `json:"connections,omitempty"`
	P50         float64 `json:"p50,omitempty"`
	P95         float64 `json:"p95,omitempty"`
	PerSecond   float64 `json:"perSecond,omitempty"`
	FloorP50    float64 `json:"floorP50,omitempty"`
	FloorRate   float64 `json:"floorPerSecond,omitempty"`
	Value       float64 `json:"value,omitempty"`
	Floor       float64 `json:"floor,omitempty"`
	Unit        string  `json:"unit,omitempty"`
	Target      string  `json:"target,omitempty"`
	Met         string  `json:"met,omitempty"` // "met" or "MISSED"
}

// readSaved reads a run.
func readSaved(name string) (*saved, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	run := &saved{}
	if err := json.Unmarshal(text, run); err != nil {
		return nil, fmt.Errorf("%s is no run that --json wrote: %w", name, err)
	}
	return run, nil
}

// write writes the run.
func (s *saved) write(name string) error {
	text, err := json.MarshalIndent(s, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}

// find gives the line of a question, nil where the run did not ask it.
func (s *saved) find(kind, name string, connections int) *line {
	if s == nil {
		return nil
	}
	for i := range s.Lines {
		if one := &s.Lines[i]; one.Kind == kind && one.Name == name && one.Connections == connections && one.P50 > 0 {
			return one
		}
	}
	return nil
}
