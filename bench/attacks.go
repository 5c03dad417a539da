package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"logbook/resolvers/attacks"
)

// attacked is the command "attacks".
type attacked struct {
	Times int `help:"How often each attack is sent, those of more than a megabyte three times at most (default ${default})." default:"10"`
}

// AfterApply refuses what cannot be measured.
func (a *attacked) AfterApply() error {
	if a.Times < 1 {
		return fmt.Errorf("--times %d: want 1 at least", a.Times)
	}
	return nil
}

// Run sends the attacks to a server in production that holds nothing, on one
// connection, and prints how long each refusal took.
func (a *attacked) Run(p process) error {
	binary, remove, err := buildServer(p)
	if err != nil {
		return err
	}
	defer remove()
	e, stop, err := startEngine(p, "sqlite", false)
	if err != nil {
		return err
	}
	defer stop()
	server, err := startServer(p, binary, e, "--production")
	if err != nil {
		return err
	}
	defer server.stop()

	const head, row = "%-52s %9s %9s %9s %9s %9s\n", "%-52s %9d %9s %9s %9d %9s\n"
	p.print("# attacks, %s, %s", e.name, machine())
	p.print(strings.TrimSpace(head), "attack", "bytes", "p50 ms", "p95 ms", "answer", "memory")
	before, all := server.memory(), attacks.Requests()
	var slowest measured
	worst, slow, largest := "", 0, 0
	for _, attack := range all {
		m, size, err := a.send(p, server, attack)
		if err != nil {
			return fmt.Errorf("attack %q: %w", attack.Name, err)
		}
		fmt.Fprintf(p.output, row, attack.Name, len(attack.Body)+len(attack.Query), milliseconds(m.percentile(50)), milliseconds(m.percentile(95)), size, server.memory())
		if m.percentile(50) > 50*time.Millisecond {
			slow++
		}
		if worst == "" || m.percentile(50) > slowest.percentile(50) {
			worst, slowest = attack.Name, m
		}
		largest = max(largest, size)
	}
	p.print("ℹ attacks: %d refused in %d bytes at most, %d in more than 50 ms (p50), the slowest in %s ms (%s); memory: server %s before, %s after, %s at most",
		len(all), largest, slow, milliseconds(slowest.percentile(50)), worst, before, server.memory(), server.mostMemory())
	return nil
}

// send sends an attack several times and gives how it was refused, in how many bytes.
func (a *attacked) send(p process, to *server, attack attacks.Request) (m measured, size int, err error) {
	times := a.Times
	if len(attack.Body) > 1<<20 {
		times = min(times, 3)
	}
	for range times {
		address := url.URL{Scheme: "http", Host: to.address, Path: "/graphql", RawQuery: attack.Query}
		r, err := http.NewRequestWithContext(p, attack.Method, address.String(), strings.NewReader(attack.Body))
		if err != nil {
			return m, 0, err
		}
		r.Header = attack.Header.Clone()
		if !attack.Anonymous {
			r.Header.Set("Authorization", "Bearer "+to.adminKey)
		}
		began := time.Now()
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return m, 0, err
		}
		answer, err := io.ReadAll(response.Body)
		m.times = append(m.times, time.Since(began))
		response.Body.Close()
		if err != nil {
			return m, 0, err
		}
		if size = len(answer); size >= 16<<10 || !bytes.Contains(answer, []byte(`"code":"`+attack.Code+`"`)) || bytes.Contains(answer, []byte(`"data":{`)) {
			return m, 0, fmt.Errorf("want %s, answered %d bytes: %s", attack.Code, size, shorten(answer))
		}
	}
	slices.Sort(m.times)
	return m, size, nil
}
