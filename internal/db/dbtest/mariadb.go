// Package dbtest gives tests real databases of every engine: a fresh SQLite file
// each, and a fresh database each on a MariaDB server that the test process
// starts for itself, with a data directory and a port of its own.
//
// LOGBOOK_TEST_DB names another server to use instead, as mysql://USER:PASSWORD@HOST:PORT;
// databases whose names begin with logbook_test_ are made and dropped there.
package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql" // the driver
)

// Server is a MySQL-like server for tests.
type Server struct {
	URL     string // mysql://USER:PASSWORD@HOST:PORT, without a database
	command *exec.Cmd
	dir     string
}

// ErrNotInstalled says that there is no server to test with.
var ErrNotInstalled = errors.New("MariaDB is not installed (Debian's package is mariadb-server) and LOGBOOK_TEST_DB names no server")

// Start gives the server that LOGBOOK_TEST_DB names, or starts MariaDB on a free
// port of 127.0.0.1. It fails with ErrNotInstalled where there is none.
func Start() (*Server, error) {
	if given := os.Getenv("LOGBOOK_TEST_DB"); given != "" {
		return &Server{URL: strings.TrimSuffix(given, "/")}, nil
	}
	install, err := lookUp("mariadb-install-db")
	if err != nil {
		return nil, err
	}
	program, err := lookUp("mariadbd")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "logbook-mariadb")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	// MariaDB does not run as root unless it is told to.
	user := "--user=" + os.Getenv("USER")
	if os.Geteuid() == 0 {
		user = "--user=root"
	}
	data := "--datadir=" + filepath.Join(dir, "data")
	made, err := exec.Command(install, "--no-defaults", data, user, "--auth-root-authentication-method=normal", "--skip-test-db").CombinedOutput()
	if err != nil {
		s.Stop()
		return nil, fmt.Errorf("mariadb-install-db: %w: %s", err, made)
	}
	// Servers that share a folder for temporary tables remove each other's.
	temporary := filepath.Join(dir, "tmp")
	if err := os.Mkdir(temporary, 0o700); err != nil {
		s.Stop()
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		s.Stop()
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		s.Stop()
		return nil, err
	}
	defer log.Close()
	s.command = exec.Command(program, "--no-defaults", data, user, "--bind-address=127.0.0.1", fmt.Sprint("--port=", port),
		"--tmpdir="+temporary, "--socket="+filepath.Join(dir, "socket"), "--pid-file="+filepath.Join(dir, "pid"),
		"--max-connections=1000", "--innodb-flush-log-at-trx-commit=0") // the tests pull no plugs
	s.command.Stdout, s.command.Stderr = log, log
	if err := s.command.Start(); err != nil {
		s.Stop()
		return nil, err
	}
	s.URL = fmt.Sprintf("mysql://root:@127.0.0.1:%d", port)
	if err := s.wait(); err != nil {
		said, _ := os.ReadFile(log.Name())
		s.Stop()
		return nil, fmt.Errorf("MariaDB does not answer: %w\n%s", err, said)
	}
	return s, nil
}

// Stop ends the server and removes its files.
func (s *Server) Stop() {
	if s.command != nil && s.command.Process != nil {
		_ = s.command.Process.Kill()
		_ = s.command.Wait()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// Open opens a connection to one of the server's databases, "" for none, past
// everything Logbook does.
func (s *Server) Open(database string) (*sql.DB, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	password, _ := u.User.Password()
	return sql.Open("mysql", fmt.Sprintf("%s:%s@tcp(%s)/%s?multiStatements=true", u.User.Username(), password, u.Host, database))
}

// wait returns when the server answers.
func (s *Server) wait() error {
	db, err := s.Open("")
	if err != nil {
		return err
	}
	defer db.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		if err := db.PingContext(ctx); err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// lookUp finds a program, also where a user's PATH does not lead.
func lookUp(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	path := filepath.Join("/usr/sbin", name)
	if _, err := os.Stat(path); err != nil {
		return "", ErrNotInstalled
	}
	return path, nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
