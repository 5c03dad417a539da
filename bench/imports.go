package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// What is wanted of an import.
const (
	wantedImportMemory = 200 // MB
	wantedBesideImport = 50  // ms, the p95 of single creates meanwhile
)

// imports measures "logbook import" of NDJSON files with and without ids, and then
// beside a server that takes single rows.
func (w *writer) imports(inputs [][]byte) error {
	dir, err := os.MkdirTemp("", "logbook-bench-import")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	files, err := w.export(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		name := fmt.Sprintf("import of %s, %s", megabytes(f.bytes), f.name)
		var held memory
		err := w.beside(name, batchRows, func(to *engine) (*writing, error) {
			began := time.Now()
			var err error
			held, err = w.runImport(to, f)
			return &writing{rows: f.lines, elapsed: time.Since(began)}, err
		}, nil, nil)
		if err != nil {
			return err
		}
		megabytes := float64(held) / 1e6
		w.figure(w.kind, int64(f.lines), figure{name: "memory, " + name, value: megabytes, unit: "MB",
			limits: []limit{atMost("memory", megabytes, wantedImportMemory, "MB")}})
	}
	return w.importBeside(files[len(files)-1], inputs)
}

// importBeside imports into the database of a server that takes single rows meanwhile.
func (w *writer) importBeside(f ndjson, inputs [][]byte) error {
	var singles [][]byte
	for _, input := range inputs[:min(len(inputs), batchRows)] {
		singles = append(singles, w.kind.createOne(input))
	}
	return w.empty("written", func(to *engine) error {
		var m measured
		var took time.Duration
		err := w.serve(to, "beside an import", func(s *server) (err error) {
			m, err = meanwhile(s.address, singles, func() error {
				began := time.Now()
				_, err := w.runImport(to, f)
				took = time.Since(began)
				return err
			})
			return err
		})
		if err != nil {
			return fmt.Errorf("import beside a server: %w", err)
		}
		p95 := inMilliseconds(m.percentile(95))
		w.figure(w.kind, int64(f.lines), figure{name: fmt.Sprintf("p95 of %d single creates beside an import", len(m.times)), value: p95, unit: "ms",
			limits: []limit{atMost("p95", p95, wantedBesideImport, "ms")}})
		w.figure(w.kind, int64(f.lines), figure{name: "that import", value: float64(f.lines) / took.Seconds(), unit: "/s"})
		return nil
	})
}

// meanwhile asks requests in turn, with a pause after each, while fn runs.
func meanwhile(address string, requests [][]byte, fn func() error) (m measured, err error) {
	done, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		err := fn()
		close(done)
		ended <- err
	}()
	m, err = askBeside(address, requests, done)
	if failed := <-ended; failed != nil {
		return m, failed
	}
	return m, err
}

// ndjson is a file to import.
type ndjson struct {
	name, path string
	lines      int
	bytes      int64
}

// export writes the oldest rows to two files, with ids and without, by "logbook export".
func (w *writer) export(dir string) ([]ndjson, error) {
	command := exec.CommandContext(w, w.binary, "export", "--db", w.from.address, "--kind", w.kind.name)
	complaints := &tail{}
	command.Stderr = complaints
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	// It ends early where fewer rows are wanted: what it then complains about is nothing.
	defer func() {
		output.Close()
		_ = command.Process.Kill()
		_ = command.Wait()
	}()
	files := []ndjson{{name: "with ids", path: filepath.Join(dir, "with.ndjson")}, {name: "without ids", path: filepath.Join(dir, "without.ndjson")}}
	var writers []*bufio.Writer
	for _, f := range files {
		file, err := os.Create(f.path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		writers = append(writers, bufio.NewWriterSize(file, 1<<20))
	}
	lines := bufio.NewScanner(output)
	lines.Buffer(nil, 16<<20)
	for files[0].lines < w.rows && lines.Scan() {
		for i, line := range [][]byte{lines.Bytes(), withoutID(lines.Bytes())} {
			files[i].lines++
			files[i].bytes += int64(len(line)) + 1
			_, _ = writers[i].Write(append(line[:len(line):len(line)], '\n')) // Flush gives the error
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("export: %w", err)
	}
	if files[0].lines == 0 {
		return nil, fmt.Errorf("export gave nothing: %s", complaints.text)
	}
	for _, writer := range writers {
		if err := writer.Flush(); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// withoutID gives a line without its first member, which is the id.
func withoutID(line []byte) []byte {
	_, rest, found := bytes.Cut(line, []byte(","))
	if !found {
		return line
	}
	return append([]byte("{"), rest...)
}

// runImport imports a file and gives the most memory that this took.
func (w *writer) runImport(to *engine, f ndjson) (most memory, err error) {
	var said bytes.Buffer
	command := exec.CommandContext(w, w.binary, "import", "--db", to.address, "--kind", w.kind.name, f.path)
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	// By its status while it runs: what the system says of a process that has ended
	// (ru_maxrss) counts what this one held when it started it.
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for running := true; running; {
		select {
		case err = <-ended:
			running = false
		case <-look.C:
			most = max(most, statusOf(command.Process.Pid, "VmHWM"))
		}
	}
	if want := fmt.Sprintf("read %d, added %[1]d,", f.lines); err == nil && !strings.Contains(said.String(), want) {
		err = fmt.Errorf("want %q", want)
	}
	if err != nil {
		return 0, fmt.Errorf("import %s: %w\n%s", f.name, err, said.Bytes())
	}
	return most, nil
}
