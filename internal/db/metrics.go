package db

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Collectors gives the figures of the two pools (connections, waits for them) for
// Prometheus, as go_sql_… with the db_name "read" and "write".
func (d *DB) Collectors() []prometheus.Collector {
	return []prometheus.Collector{
		collectors.NewDBStatsCollector(d.read, "read"),
		collectors.NewDBStatsCollector(d.write, "write"),
	}
}
