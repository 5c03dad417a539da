package main

import (
	"log/slog"
	"net/http"

	"logbook/internal/account"
	"logbook/internal/authn"
	"logbook/internal/db"
	"logbook/internal/journal"
	"logbook/internal/web"
	"logbook/resolvers"
	"logbook/rest"
)

// serverHandler is what the program answers with, for questions that are asked in
// this process: to count what SQLite does for them, and in tests.
func serverHandler(database *db.DB) http.Handler {
	log := slog.New(slog.DiscardHandler)
	j := journal.New(database, journal.Options{})
	mux := http.NewServeMux()
	mux.Handle("/graphql", resolvers.Handler(j, account.New(database, j), log, resolvers.Options{}))
	callers := authn.New(database.Ent(), authn.Options{AdminToken: adminKey, JWTSecret: jwtSecret})
	rest.Mount(mux, j, rest.Options{Log: log, Keys: callers.Token})
	return web.Server(callers.Middleware(mux), web.Options{}, log).Handler
}
