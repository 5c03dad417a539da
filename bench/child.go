package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// child is a process that answers HTTP: the server or the floor.
type child struct {
	address string // HOST:PORT
	command *exec.Cmd
	input   io.Closer
}

// listening is what a child says on standard output when it can be asked.
var listening = regexp.MustCompile(`listens on http://(\S+)`)

// startChild starts a command and waits until it says where it listens.
func startChild(p process, name string, command *exec.Cmd) (*child, error) {
	// What it complains about is shown only if it does not start.
	complaints := &tail{}
	command.Stderr = complaints
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 15 * time.Second
	input, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	c := &child{command: command, input: input}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if found := listening.FindStringSubmatch(lines.Text()); found != nil {
			c.address = found[1]
			go io.Copy(io.Discard, output) // ends with the child
			return c, nil
		}
	}
	_ = command.Wait()
	return nil, fmt.Errorf("the %s did not start: %s", name, strings.TrimSpace(string(complaints.text)))
}

// stop ends the child.
func (c *child) stop() {
	_ = c.command.Process.Signal(syscall.SIGTERM)
	c.input.Close()
	_ = c.command.Wait()
}

// memory gives how much of the machine's memory the child holds, in bytes.
func (c *child) memory() memory { return statusOf(c.command.Process.Pid, "VmRSS") }

// mostMemory gives the most that it ever held.
func (c *child) mostMemory() memory { return statusOf(c.command.Process.Pid, "VmHWM") }

// statusOf reads a line of /proc/PID/status; 0 where there is none.
func statusOf(process int, name string) memory {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kilobytes, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return memory(kilobytes << 10)
		}
	}
	return 0
}

// memory is a number of bytes.
type memory int64

// String gives it in mebibytes, - where it is not known.
func (m memory) String() string {
	if m == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f MiB", float64(m)/(1<<20))
}

// tail keeps the end of what is written.
type tail struct{ text []byte }

// Write appends.
func (t *tail) Write(p []byte) (int, error) {
	const most = 4096
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-most):]
	return len(p), nil
}
