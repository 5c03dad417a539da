CREATE INDEX `entries_arrival` ON `entries` (`writer`, `sequence`);
CREATE INDEX `api_calls_arrival` ON `api_calls` (`writer`, `sequence`);
CREATE INDEX `audit_events_arrival` ON `audit_events` (`writer`, `sequence`);
CREATE INDEX `operations_arrival` ON `operations` (`writer`, `sequence`);
CREATE INDEX `usage_records_arrival` ON `usage_records` (`writer`, `sequence`);
