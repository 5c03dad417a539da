package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// measure is the command "measure".
type measure struct {
	loaded
	Connections []int   `help:"Connections that ask at once, one table row each (default ${default})." default:"1,8" placeholder:"N"`
	Seconds     float64 `help:"How long each question is asked (default ${default})." default:"2"`
	WriteFloor  bool    `help:"Also write all rows by prepared SQL, beside which the load is shown (default yes)." default:"true" negatable:""`
	Written     int     `help:"How many rows each way of writing writes, into databases of their own, at most those that are loaded; 0 measures no writing (default ${default})." default:"100000"`
	Only        string  `help:"Ask only the questions whose names contain this (default all)." placeholder:"TEXT"`
	JSON        string  `name:"json" help:"File to write the figures to (default none)." placeholder:"FILE"`
	Beside      string  `help:"File that --json wrote: its medians are printed beside, and where it is of the same engine and fewer rows they bound the growth (default none)." placeholder:"FILE"`
	against
}

// AfterApply refuses what cannot be measured.
func (m *measure) AfterApply() error {
	for _, n := range m.Connections {
		if n < 1 || n > 1000 {
			return fmt.Errorf("--connections %d: want between 1 and 1000", n)
		}
	}
	if m.Rows < 1000 || m.Seconds <= 0 {
		return fmt.Errorf("--rows %d --seconds %g: want at least 1000 rows and some time", m.Rows, m.Seconds)
	}
	if m.Written != 0 && m.Written < batchRows {
		return fmt.Errorf("--written %d: want 0 or at least a batch of %d", m.Written, batchRows)
	}
	return nil
}

// Run measures the kinds one after the other, or another server.
func (m *measure) Run(p process) error {
	r := &report{process: p, saved: saved{Machine: machine()}}
	if m.Beside != "" {
		var err error
		if r.beside, err = readSaved(m.Beside); err != nil {
			return err
		}
	}
	err := m.all(r)
	r.end()
	if m.JSON != "" { // also of a run that broke off
		err = errors.Join(err, r.write(m.JSON))
	}
	return err
}

func (m *measure) all(r *report) error {
	if m.URL != "" {
		return m.other(r)
	}
	binary, remove, err := buildServer(r.process)
	if err != nil {
		return err
	}
	defer remove()
	return m.each(r.process, func(k *kind, e *engine) error {
		r.Of = e.name
		return m.kind(r, k, e, binary)
	})
}

// kind measures one kind.
func (m *measure) kind(r *report, k *kind, e *engine, binary string) error {
	p := r.process
	p.print("# %s, %s, %s", k.name, e.name, machine())
	load, err := fill(p, k, e, m.Rows, m.Seed)
	if err != nil {
		return err
	}
	if load != nil {
		p.print("load: %s by the journal, batches of %d, seed %d", load, batchRows, m.Seed)
	}
	if load != nil && m.WriteFloor {
		if err := m.floorLoad(p, k, e, load); err != nil {
			return err
		}
	}
	size, err := sizesOf(p, e)
	if err != nil {
		return err
	}
	p.print("%s", size)
	held, err := m.reading(r, k, e, binary)
	if err != nil {
		return err
	}
	w := &writer{report: r, kind: k, from: e, binary: binary, held: peak{held, "questions"}}
	if m.Written == 0 {
		r.mostMemory(k, w.held)
		return nil
	}
	if err := w.measure(m.Written); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	switch {
	case k.name != "usage":
	case m.DB != "sqlite" && m.DB != "mysql" || m.Keep:
		p.print("nothing is deleted: the database was named by its address, or is to be kept")
	default:
		if err := w.deletion(); err != nil {
			return fmt.Errorf("delete: %w", err)
		}
	}
	r.mostMemory(k, w.held)
	return nil
}

// peak is the most memory that any server held, and under which load.
type peak struct {
	most  memory
	under string
}

// add takes what a server held at most.
func (p *peak) add(most memory, under string) {
	if most > p.most {
		*p = peak{most, under}
	}
}

// mostMemory prints the most memory that a server held.
func (r *report) mostMemory(k *kind, held peak) {
	megabytes := float64(held.most) / 1e6
	r.figure(k, 0, figure{name: "memory, the most under any load: " + held.under, value: megabytes, unit: "MB",
		limits: []limit{atMost("memory", megabytes, 150, "MB")}})
	r.print("")
}

// reading starts the server and asks the questions. It gives the most memory that the
// server held.
func (m *measure) reading(r *report, k *kind, e *engine, binary string) (memory, error) {
	if err := starts(r, k, e, binary); err != nil {
		return 0, fmt.Errorf("start: %w", err)
	}
	server, err := startServer(r.process, binary, e)
	if err != nil {
		return 0, err
	}
	defer server.stop()
	if err := idle(r, k, server); err != nil {
		return 0, err
	}
	floor, err := startFloor(r.process, k, e)
	if err != nil {
		return 0, err
	}
	defer floor.stop()
	if err := m.ask(r, k, e, server, floor); err != nil {
		return 0, err
	}
	r.print("memory: server %s at most, floor %s at most\n", server.mostMemory(), floor.mostMemory())
	return server.mostMemory(), nil
}

// ask asks the kind's questions of the server and of the floor.
func (m *measure) ask(r *report, k *kind, e *engine, server *server, floor *child) error {
	asked, w, err := questionsOf(r, k, e, server)
	if err != nil {
		return err
	}
	examiner, err := newExaminer(r, e, server)
	if err != nil {
		return err
	}
	defer examiner.close()
	run := time.Duration(m.Seconds * float64(time.Second))
	r.questions(examiner.unit())
	for i, q := range asked {
		if !strings.Contains(q.name, m.Only) {
			continue
		}
		if err := agree(server.address, q.request, floor.address, floorRequest(i)); err != nil {
			return fmt.Errorf("%q: %w", q.name, err)
		}
		examined, err := examiner.examine(q)
		if err != nil {
			return fmt.Errorf("count what %q examines: %w", q.name, err)
		}
		for _, connections := range m.Connections {
			ours, err := askFor(r, server.address, q.request, connections, run)
			if r.Err() != nil {
				return r.Err()
			}
			if err != nil { // it agreed when it was asked alone
				r.failed(k, &q, connections, err)
				continue
			}
			bare, err := askFor(r, floor.address, floorRequest(i), connections, run)
			if err != nil {
				return fmt.Errorf("ask the floor %q: %w", q.name, err)
			}
			r.question(k, e, w.rows, &q, connections, ours, bare, fmt.Sprint(examined), server.memory())
		}
	}
	return nil
}
