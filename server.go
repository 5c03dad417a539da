// Logbook is a self-hosted log service: one binary that keeps five kinds of log
// in one database and serves them through GraphQL and legacy REST APIs.
//
// This file is a list: the commands, and what `logbook serve` is made of.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
	_ "time/tzdata" // --timezone works where the machine has no time zones

	"github.com/mattn/go-isatty"

	"logbook/console"
	"logbook/examples"
	"logbook/internal/account"
	"logbook/internal/auth"
	"logbook/internal/authn"
	"logbook/internal/cli"
	"logbook/internal/export"
	"logbook/internal/fault"
	"logbook/internal/metrics"
	"logbook/internal/web"
	"logbook/resolvers"
	"logbook/rest"
)

// commands are the command line.
type commands struct {
	cli.Settings

	Serve     serve         `cmd:"" default:"withargs" help:"Serve everything on --addr (the default command)."`
	Import    cli.Import    `cmd:"" help:"Load NDJSON files; a bad line is named and stops no other."`
	Export    cli.Export    `cmd:"" help:"Write NDJSON to standard output, in the shape that import reads."`
	User      cli.User      `cmd:"" help:"Users."`
	Token     cli.Token     `cmd:"" help:"Access tokens."`
	Retention cli.Retention `cmd:"" help:"Retention policies."`
	Version   cli.Version   `cmd:"" help:"Version, commit, Go and engine."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	var list commands
	os.Exit(cli.Run(&list, &cli.Process{
		Context:  ctx,
		Stdin:    os.Stdin,
		Stdout:   os.Stdout,
		Stderr:   os.Stderr,
		Terminal: isatty.IsTerminal(os.Stderr.Fd()),
	}, os.Args[1:], &list.Settings))
}

// serve is the command "serve".
type serve struct {
	Addr               string      `help:"Address to listen on; port 0 takes a free one (default ${default})." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	CORSOrigins        []string    `name:"cors-origins" help:"Origins that may read from a browser, separated by commas (default any, without credentials)." placeholder:"ORIGIN"`
	Production         bool        `help:"No introspection, playground or suggestions for callers who are not signed in (default no)."`
	JWTIssuer          string      `name:"jwt-issuer" help:"Issuer that a JWT must name (default any)." placeholder:"ISSUER"`
	JWTAudience        string      `name:"jwt-audience" help:"Audience that a JWT must name (default any)." placeholder:"AUDIENCE"`
	TrustedProxies     web.Proxies `help:"Addresses of reverse proxies whose X-Forwarded-For, X-Forwarded-User and X-Forwarded-User-Id are believed, IP addresses or prefixes separated by commas (default none)." placeholder:"ADDRESS"`
	RateLimit          float64     `name:"rate-limit" help:"Requests a second that one caller may send on average, after ten seconds' worth at once: a user or token, or an address where nobody is signed in; 0 for any number (default ${default})." default:"0" placeholder:"NUMBER"`
	Dialects           []string    `help:"Legacy REST dialects to speak, separated by commas: newapi, scitiger, codebird, hertz, trae (default all)." placeholder:"DIALECT"`
	PersistedDocuments string      `help:"File with the GraphQL documents that may be run, a JSON object of documents by their SHA-256; administrators may run any (default any for everybody)." placeholder:"FILE"`
	Demo               bool        `help:"Load the built-in sample where the database holds no entries (default no)."`
}

// The bounds of --rate-limit, in requests a second.
const leastRate, mostRate = 0.001, 100_000

// settled is when a server gives back to the system what its start took: 4 MB of 42 beside
// ten million rows, whose blocks it looks through.
const settled = 3 * time.Second

// Run serves until the process is told to stop.
func (s *serve) Run(p *cli.Process, settings *cli.Settings) error {
	log := slog.New(slog.NewTextHandler(p.Stderr, nil))
	adminToken := os.Getenv("LOGBOOK_ADMIN_TOKEN")

	for i, name := range s.Dialects {
		s.Dialects[i] = strings.TrimSpace(name)
		if name = s.Dialects[i]; !slices.Contains(rest.Dialects(), name) {
			return fault.New(fault.Invalid, "--dialects %q: there are %s", fault.Shorten(name), strings.Join(rest.Dialects(), ", "))
		}
	}
	if limited := s.RateLimit >= leastRate && s.RateLimit <= mostRate; !limited && s.RateLimit != 0 {
		return fault.New(fault.Invalid, "--rate-limit %v: want requests a second between %v and %v, or 0 for any number",
			s.RateLimit, leastRate, mostRate)
	}
	if len(s.Dialects) == 0 {
		s.Dialects = nil // blank is as good as absent
	}
	var documents *resolvers.PersistedDocuments
	if s.PersistedDocuments != "" {
		var err error
		if documents, err = resolvers.ReadPersistedDocuments(s.PersistedDocuments); err != nil {
			return err
		}
	}
	listener, err := cli.Listen(s.Addr)
	if err != nil {
		return err
	}
	defer listener.Close()
	store, err := settings.Open(p.Context)
	if err != nil {
		return err
	}
	defer store.Close()

	var jobs sync.WaitGroup
	running, stop := context.WithCancel(auth.System(p.Context, "jobs"))
	defer jobs.Wait()
	defer stop()
	jobs.Go(func() {
		store.Journal.KeepLease(running, func(err error) { log.Warn("the writer's lease was not renewed", "error", err) })
	})
	jobs.Go(func() {
		store.Journal.KeepTrimmed(running, func(err error) { log.Warn("the space that a purge freed was not given back", "error", err) })
	})
	jobs.Go(func() {
		store.Journal.KeepSealed(running, func(err error) { log.Warn("texts were not made ready to search", "error", err) })
	})

	if s.Demo {
		if err := cli.LoadSample(p, store, examples.Files); err != nil {
			return err
		}
	}
	keys, err := authn.OpenKeySet(running, authn.KeySetOptions{
		URL: os.Getenv("LOGBOOK_JWKS_URL"), File: os.Getenv("LOGBOOK_JWKS_FILE"), Log: log,
	})
	if err != nil {
		return err
	}
	defer keys.Close()
	tokens := account.NewTokenRecorder(store.Accounts, log)
	defer tokens.Stop()
	callers := authn.New(store.DB.Ent(), authn.Options{
		Watch:       tokens.Watch,
		AdminToken:  adminToken,
		JWTSecret:   os.Getenv("LOGBOOK_JWT_SECRET"),
		Keys:        keys,
		JWTIssuer:   s.JWTIssuer,
		JWTAudience: s.JWTAudience,
	})
	playground := console.Handler()
	if s.Production {
		playground = cli.SignedIn(playground)
	}

	calls := rest.NewCallRecorder(store.Journal, log)
	defer calls.Stop()

	engine, err := store.DB.Engine(p.Context)
	if err != nil {
		return err
	}
	version, commit := cli.Build()
	figures := metrics.New(metrics.Build{Version: version, Commit: commit, Engine: engine}, store.DB.Collectors()...)
	figures.Records("api_calls", calls.Counts)
	figures.Records("token_events", tokens.Counts)
	figures.Appends(func() metrics.Appends { return metrics.Appends(store.Journal.AppendCounts()) })

	queries := resolvers.Handler(store.Journal, store.Accounts, log, resolvers.Options{Production: s.Production, Documents: documents})
	defer queries.Stop()
	figures.Subscriptions(queries.Subscriptions)

	mux := http.NewServeMux()
	mux.Handle("/graphql", web.Surface("graphql", queries))
	rest.Mount(mux, store.Journal, rest.Options{Log: log, Keys: callers.Token, Dialects: s.Dialects, Calls: calls})
	export.Mount(mux, store.Journal, log)
	mux.Handle("/playground", playground)
	mux.Handle("/playground/", playground)
	web.Health(mux, store.DB.Ping)
	figures.Mount(mux, log)
	cli.Front(mux, !s.Production)
	var surfaces http.Handler = mux
	if s.RateLimit > 0 {
		surfaces = web.NewRateLimit(s.RateLimit).Middleware(mux)
	}
	server := web.Server(figures.Requests(callers.Middleware(surfaces)), web.Options{
		Origins: s.CORSOrigins, OpenPaths: rest.OpenPaths(s.Dialects), Proxies: s.TrustedProxies,
	}, log)
	server.RegisterOnShutdown(queries.Stop)

	url := cli.BaseURL(listener)
	fmt.Fprintf(p.Stdout, "Logbook listens on %s\n", url)
	if !s.Production {
		fmt.Fprintf(p.Stdout, "playground: %s/playground\n", url)
	}
	if adminToken == "" {
		key, err := store.Accounts.EnsureAdministrator(auth.System(p.Context, "first administrator"))
		if err != nil {
			return err
		}
		if key != "" {
			fmt.Fprintf(p.Stdout, "administrator token, shown only now: %s\n", key)
		}
	}
	time.AfterFunc(settled, debug.FreeOSMemory)
	return cli.Serve(p.Context, server, listener)
}
