package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/db"
	"logbook/internal/fault"
)

// adminKey signs the bench in as the administrator of the server's settings.
const adminKey = "the-bench-is-the-administrator"

// server is where questions go, and the keys to ask with.
type server struct {
	*child   // nil in tests, which serve in the same process
	address  string
	adminKey string
	userKey  string // of the user ownUser
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

// startServer starts the program on the database.
func startServer(p process, binary string, e *engine) (*server, error) {
	key, err := userKey(p, e)
	if err != nil {
		return nil, err
	}
	command := exec.CommandContext(p, binary, "serve", "--addr", "127.0.0.1:0", "--db", e.address)
	command.Env = append(os.Environ(), "LOGBOOK_ADMIN_TOKEN="+adminKey)
	c, err := startChild(p, "server", command)
	if err != nil {
		return nil, err
	}
	return &server{child: c, address: c.address, adminKey: adminKey, userKey: key}, nil
}

// userKey makes a key of the user ownUser, and the user where there is none.
func userKey(ctx context.Context, e *engine) (string, error) {
	database, err := db.Open(ctx, e.address)
	if err != nil {
		return "", err
	}
	defer database.Close()
	accounts := account.New(database, nil)
	ctx = system(ctx)
	_, err = accounts.AddUser(ctx, account.UserDraft{ID: pointer(int64(ownUser)), Username: usageUser(ownUser)})
	if err != nil && fault.KindOf(err) != fault.Conflict {
		return "", err
	}
	_, key, err := accounts.AddToken(ctx, account.TokenDraft{UserID: ownUser, Name: "bench", Role: auth.User, Lifetime: 24 * time.Hour})
	return key, err
}
