package cli

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"syscall"
	"time"

	"logbook/internal/fault"
)

// grace is how long requests under way may take when the server stops.
const grace = 10 * time.Second

// Listen opens the address, HOST:PORT; port 0 takes a free one. It fails with
// kind Invalid for an address that is none, else Unavailable, each with what to
// do about it.
func Listen(address string) (net.Listener, error) {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "--addr %q: want HOST:PORT, such as 127.0.0.1:8080", fault.Shorten(address))
	}
	listener, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fault.Wrap(fault.Unavailable, err,
			"--addr %s: another program listens there; stop it or choose another port, such as --addr 127.0.0.1:0 for any free one", address)
	case errors.Is(err, fs.ErrPermission):
		return nil, fault.Wrap(fault.Unavailable, err, "--addr %s: listening there is not permitted; choose a port above 1023", address)
	case err != nil:
		return nil, fault.Wrap(fault.Unavailable, err, "--addr %s: this machine cannot listen there", address)
	}
	return listener, nil
}

// BaseURL gives the address at which a browser on this machine finds the
// listener.
func BaseURL(listener net.Listener) string {
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return "http://" + listener.Addr().String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Serve answers requests until the context ends. Then it stops listening and
// gives the requests under way ten seconds to finish.
func Serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }() // Shutdown ends it
	select {
	case err := <-failed:
		return fault.Wrap(fault.Unavailable, err, "the server stopped listening")
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		_ = server.Close() // cuts off who is still there
		return fault.Wrap(fault.Unavailable, err, "some requests were cut off; they took longer than %d seconds to finish", int(grace/time.Second))
	}
	return nil
}
