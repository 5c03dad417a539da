ALTER TABLE `api_calls` ADD INDEX `api_calls_arrival` (`writer`, `sequence`);
ALTER TABLE `audit_events` ADD INDEX `audit_events_arrival` (`writer`, `sequence`);
ALTER TABLE `entries` ADD INDEX `entries_arrival` (`writer`, `sequence`);
ALTER TABLE `operations` ADD INDEX `operations_arrival` (`writer`, `sequence`);
ALTER TABLE `usage_records` ADD INDEX `usage_records_arrival` (`writer`, `sequence`);
