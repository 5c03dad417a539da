package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
)

// floor is the command "floor": the least that an answer can cost. It is a bare
// net/http server that answers the questions of a kind, each under its number, by
// prepared statements through the raw driver, and writes their JSON by hand.
type floor struct {
	Kind string `required:""`
	DB   string `required:""`
}

// Run answers questions until the bench is gone.
func (f *floor) Run(p process) error {
	k, err := kindNamed(f.Kind)
	if err != nil {
		return err
	}
	e, err := engineAt(f.DB)
	if err != nil {
		return err
	}
	pool, err := e.open(p)
	if err != nil {
		return err
	}
	defer pool.Close()
	handler, err := floorHandler(p, k, e, pool)
	if err != nil {
		return err
	}
	return answer(p, handler)
}

// answer lets a handler answer until standard input ends, as it does when the bench is gone.
func answer(p process, handler http.Handler) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler}
	go func() {
		_, _ = io.Copy(io.Discard, p.input)
		server.Close()
	}()
	p.print("floor listens on http://%s", listener.Addr())
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	return nil
}

// floorHandler prepares all questions of a kind.
func floorHandler(ctx context.Context, k *kind, e *engine, db *sql.DB) (http.Handler, error) {
	w, err := worldOf(ctx, k, db)
	if err != nil {
		return nil, err
	}
	var answers []answerer
	for _, q := range k.questions(k, w) {
		answer, err := q.floor(ctx, e, db)
		if err != nil {
			return nil, fmt.Errorf("prepare %q: %w", q.name, err)
		}
		answers = append(answers, answer)
	}
	buffers := sync.Pool{New: func() any { return new([]byte) }}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		number, err := strconv.Atoi(r.URL.Path[1:])
		if err != nil || number < 0 || number >= len(answers) {
			http.NotFound(w, r)
			return
		}
		buffer := buffers.Get().(*[]byte)
		defer buffers.Put(buffer)
		if *buffer, err = answers[number](r.Context(), (*buffer)[:0]); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(*buffer) // fails only when the caller has left
	}), nil
}

// floorRequest gives the request for a question's number.
func floorRequest(number int) []byte { return rawRequest("GET", "/"+strconv.Itoa(number), "", nil) }

// startFloor starts the floor in a process of its own: this program again.
func startFloor(p process, k *kind, e *engine) (*child, error) {
	return startItself(p, "floor", "--kind", k.name, "--db", e.address)
}

// startItself starts a command of this program in a process of its own.
func startItself(p process, command string, arguments ...string) (*child, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return startChild(p, command, exec.CommandContext(p, program, append([]string{command}, arguments...)...))
}
