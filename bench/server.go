package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"logbook/internal/auth"
)

// What signs the bench in: adminKey as the administrator of the server's settings,
// jwtSecret as anybody.
const (
	adminKey  = "the-bench-is-the-administrator"
	jwtSecret = "a secret that the bench and its server share"
)

// server is where questions go, and the keys to ask with.
type server struct {
	*child   // nil in tests, which serve in the same process
	address  string
	adminKey string
	adminID  string // the administrator's number, as New-Api-User has it
	userKey  string // of the user ownUser
	tokenKey string // of a token that has records
}

// serverAt gives the server at an address that takes the bench's keys.
func serverAt(address string) *server {
	return &server{address: address, adminKey: adminKey, adminID: "0", userKey: userKey(), tokenKey: heldTokenKey}
}

// buildServer builds the program. Call remove at the end.
func buildServer(p process) (binary string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "logbook-binary")
	if err != nil {
		return "", nil, err
	}
	binary = filepath.Join(dir, "logbook")
	p.note("building logbook")
	build := exec.CommandContext(p, "go", "build", "-o", binary, "logbook")
	if said, err := build.CombinedOutput(); err != nil {
		os.RemoveAll(dir)
		return "", nil, fmt.Errorf("build logbook (run the bench in its repository): %w\n%s", err, said)
	}
	return binary, func() { os.RemoveAll(dir) }, nil
}

// startServer starts the program on the database, with options of its own.
func startServer(p process, binary string, e *engine, options ...string) (*server, error) {
	command := exec.CommandContext(p, binary, append([]string{"serve", "--addr", "127.0.0.1:0", "--db", e.address}, options...)...)
	command.Env = append(os.Environ(), "LOGBOOK_ADMIN_TOKEN="+adminKey, "LOGBOOK_JWT_SECRET="+jwtSecret)
	c, err := startChild(p, "server", command)
	if err != nil {
		return nil, err
	}
	s := serverAt(c.address)
	s.child = c
	return s, nil
}

// userKey gives a JWT of the user ownUser, who need not be stored.
func userKey() string { return signedKey(auth.User) }

// signedKey gives ownUser's with a role.
func signedKey(role auth.Role) string {
	key, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": strconv.Itoa(ownUser), "username": usageUser(ownUser), "role": role, "exp": time.Now().Add(24 * time.Hour).Unix(),
	}).SignedString([]byte(jwtSecret))
	if err != nil {
		panic(err) // a mistake in the claims
	}
	return key
}
