package db

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Collectors gives the figures of the pools (connections, waits for them) for Prometheus,
// as go_sql_… with the db_name "read", "write" and, on MySQL, "snapshots".
func (d *DB) Collectors() []prometheus.Collector {
	list := []prometheus.Collector{
		collectors.NewDBStatsCollector(d.read, "read"),
		collectors.NewDBStatsCollector(d.write, "write"),
	}
	if d.snapshots != d.read {
		list = append(list, collectors.NewDBStatsCollector(d.snapshots, "snapshots"))
	}
	return list
}
