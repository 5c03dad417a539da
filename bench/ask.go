package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// measured is how a question was answered.
type measured struct {
	times   []time.Duration // one an answer, ascending
	elapsed time.Duration
}

// percentile gives the time within which so many of a hundred answers came.
func (m measured) percentile(p int) time.Duration {
	return m.times[min(len(m.times)*p/100, len(m.times)-1)]
}

// perSecond gives the answers a second.
func (m measured) perSecond() float64 { return float64(len(m.times)) / m.elapsed.Seconds() }

// caller is a kept-alive connection. It writes requests that are ready and reads
// answers with as little work as can be, since it shares the machine's cores with
// those it measures.
type caller struct {
	connection net.Conn
	reader     *bufio.Reader
}

func call(address string) (*caller, error) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &caller{connection, bufio.NewReaderSize(connection, 64<<10)}, nil
}

// ask sends a request and copies the answer's body.
func (c *caller) ask(request []byte, body io.Writer) error {
	if _, err := c.connection.Write(request); err != nil {
		return err
	}
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(response.Body)
		return fmt.Errorf("answers %s: %s", response.Status, shorten(said))
	}
	_, err = io.Copy(body, response.Body)
	return err
}

// fetch asks once.
func fetch(address string, request []byte) ([]byte, error) {
	c, err := call(address)
	if err != nil {
		return nil, err
	}
	defer c.connection.Close()
	var body writeBuffer
	err = c.ask(request, &body)
	return body, err
}

// refused gives the error that an answer of status 200 is, nil for none. In a text of an
// answer the quotes are escaped.
func refused(answer []byte) error {
	if bytes.Contains(answer, []byte(`"errors":[`)) || bytes.HasPrefix(answer, []byte(`{"success":false`)) {
		return fmt.Errorf("answers %s", shorten(answer))
	}
	return nil
}

// writeBuffer keeps what is written.
type writeBuffer []byte

// Write appends.
func (b *writeBuffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// askFor asks one question over and over on some connections for about as long as
// it is told, after a warm-up of a fifth of it. Each connection waits for an answer
// before it asks again, and gets one at least.
func askFor(ctx context.Context, address string, request []byte, connections int, run time.Duration) (measured, error) {
	if _, err := askUntil(ctx, address, request, connections, time.Now().Add(run/5)); err != nil {
		return measured{}, err
	}
	return askUntil(ctx, address, request, connections, time.Now().Add(run))
}

func askUntil(ctx context.Context, address string, request []byte, connections int, end time.Time) (measured, error) {
	callers := make([]*caller, connections)
	for i := range callers {
		var err error
		if callers[i], err = call(address); err != nil {
			return measured{}, err
		}
		defer callers[i].connection.Close()
	}
	times := make([][]time.Duration, connections)
	failures := make([]error, connections)
	answers := make([]writeBuffer, connections)
	var working sync.WaitGroup
	began := time.Now()
	for i, c := range callers {
		working.Go(func() {
			for at := time.Now(); len(times[i]) == 0 || at.Before(end); {
				answers[i] = answers[i][:0]
				failures[i] = c.ask(request, &answers[i])
				took := time.Since(at)
				if failures[i] == nil {
					failures[i] = cmp.Or(refused(answers[i]), ctx.Err())
				}
				if failures[i] != nil {
					return
				}
				times[i] = append(times[i], took)
				at = time.Now()
			}
		})
	}
	working.Wait()
	m := measured{elapsed: time.Since(began)}
	for i := range callers {
		if failures[i] != nil {
			return m, failures[i]
		}
		m.times = append(m.times, times[i]...)
	}
	slices.Sort(m.times)
	return m, nil
}
