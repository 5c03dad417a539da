// Package metrics is what Logbook tells Prometheus of itself, at /metrics: the
// requests it answered, what became of rows that are recorded best effort, its
// database's connections, and Go's and the process's own figures. docs/operations.md
// lists them and says which are worth an alert.
//
// It tells no tenant's data. Labels have few values whatever callers send, so that
// nobody can make the numbers of series grow: a surface is one that a mount names, a
// method one that HTTP names or "other", a code one that a handler writes.
package metrics

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"logbook/internal/recorder"
	"logbook/internal/web"
)

// scrapes is how many scrapes are answered at once; to more it says 503. A scrape
// costs about a millisecond, and anybody may ask for one.
const scrapes = 4

// seconds are the upper bounds of the durations that are told apart: a page takes
// about 1 ms, and what may take longer than 30 s is only exports and deletions.
var seconds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// Metrics are the figures of one server. They are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	inFlight prometheus.Gauge
	answered *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

// Build is what runs.
type Build struct {
	Version, Commit string
	Engine          string // the database's name and version when the server started
}

// New makes the figures that every server has, and adds those of the collectors.
func New(build Build, more ...prometheus.Collector) *Metrics {
	of := []string{"surface", "method", "code"}
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "logbook_http_requests_in_flight",
			Help: "Requests that are being answered now, this scrape included. Where it stays high look at the waits for database connections.",
		}),
		answered: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "logbook_http_requests_total",
			Help: "Requests answered, CORS preflights aside. Codes from 500 are the server's own faults: its log names each with its request id.",
		}, of),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "logbook_http_request_duration_seconds",
			Help:    "Time from a request's header to its answer's end, the callers' sending and taking included. Watch a high quantile by surface.",
			Buckets: seconds,
		}, of),
	}
	built := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "logbook_build_info",
		Help:        "Always 1: its labels say which build runs on which database engine. Compare them after an upgrade.",
		ConstLabels: prometheus.Labels{"version": build.Version, "commit": build.Commit, "engine": build.Engine},
	})
	built.Set(1)
	m.registry.MustRegister(built, m.inFlight, m.answered, m.duration,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registry.MustRegister(more...)
	return m
}

// Records adds what becomes of one sort of rows that are recorded best effort. Record
// is its name, which no other has; counts is called at every scrape.
func (m *Metrics) Records(record string, counts func() recorder.Counts) {
	for outcome, of := range map[string]func(recorder.Counts) int64{
		"recorded": func(c recorder.Counts) int64 { return c.Recorded },
		"gathered": func(c recorder.Counts) int64 { return c.Gathered },
		"lost":     func(c recorder.Counts) int64 { return c.Lost },
	} {
		m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "logbook_records_total",
			Help: "What became of the rows that the server records of its own use: stored, represented by another row, or lost. " +
				"Rows are lost where the database fails or they come too fast: the log says which.",
			ConstLabels: prometheus.Labels{"record": record, "outcome": outcome},
		}, func() float64 { return float64(of(counts())) }))
	}
}

// Appends says how rows are being written: see the figures that Appends adds.
type Appends struct {
	Commits, Appends, Rows    int64
	Full, Late                int64
	WaitingRows, WaitingBytes int64
}

// Appends adds what becomes of appends; counts is called at every scrape.
func (m *Metrics) Appends(counts func() Appends) {
	type figure = func(Appends) int64
	add := func(make func(prometheus.Opts, func() float64) prometheus.Collector, name, help string, labels prometheus.Labels, of figure) {
		opts := prometheus.Opts{Name: name, Help: help, ConstLabels: labels}
		m.registry.MustRegister(make(opts, func() float64 { return float64(of(counts())) }))
	}
	counter := func(opts prometheus.Opts, of func() float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts(opts), of)
	}
	gauge := func(opts prometheus.Opts, of func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts), of)
	}
	add(counter, "logbook_commits_total", "Commits that stored appends. Those that come at the same time share one: logbook_appends_total over this is how many.", nil,
		func(a Appends) int64 { return a.Commits })
	add(counter, "logbook_appends_total", "Appends that were stored, of one row or many.", nil,
		func(a Appends) int64 { return a.Appends })
	add(counter, "logbook_appended_rows_total", "Rows of the appends that were stored.", nil,
		func(a Appends) int64 { return a.Rows })
	for reason, of := range map[string]figure{
		"full": func(a Appends) int64 { return a.Full },
		"late": func(a Appends) int64 { return a.Late },
	} {
		add(counter, "logbook_appends_refused_total", "Appends that were refused since the database does not keep up: too much waited before them, or they had waited for too long.",
			prometheus.Labels{"reason": reason}, of)
	}
	add(gauge, "logbook_appends_waiting_rows", "Rows that wait for their commit now.", nil,
		func(a Appends) int64 { return a.WaitingRows })
	add(gauge, "logbook_appends_waiting_bytes", "About how much memory the rows take that wait for their commit now.", nil,
		func(a Appends) int64 { return a.WaitingBytes })
}

// Subscriptions adds how many GraphQL subscriptions are open; count is called at every
// scrape.
func (m *Metrics) Subscriptions(count func() int64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "logbook_subscriptions_open",
		Help: "GraphQL subscriptions that are open now, over WebSockets and as streams of events. Where it only grows, a client begins them and never ends them.",
	}, func() float64 { return float64(count()) }))
}

// Requests gives a handler that answers as next does and counts the answers. What is
// to be counted under a surface's name stands behind web.Surface, the rest is "other".
func (m *Metrics) Requests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		ctx, surface := web.WithSurface(r.Context())
		m.inFlight.Inc()
		web.Watch(w, r.WithContext(ctx), next, func(status int) {
			m.inFlight.Dec()
			if *surface == "" {
				*surface = "other"
			}
			method, code := knownMethod(r.Method), strconv.Itoa(status)
			m.answered.WithLabelValues(*surface, method, code).Inc()
			m.duration.WithLabelValues(*surface, method, code).Observe(time.Since(begun).Seconds())
		})
	})
}

// knownMethod gives a method's name, "other" for what HTTP does not know.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	}
	return "other"
}

// Mount adds /metrics to mux, which answers in Prometheus's text format. It is for
// everybody.
func (m *Metrics) Mount(mux *http.ServeMux, log *slog.Logger) {
	scrape := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		DisableCompression:  true, // package web packs
		ErrorLog:            slog.NewLogLogger(log.Handler(), slog.LevelError),
		ErrorHandling:       promhttp.ContinueOnError, // a scrape without one figure is better than none
		MaxRequestsInFlight: scrapes,
	})
	mux.Handle("/metrics", web.ReadOnly(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		scrape.ServeHTTP(w, r)
	}))
}
