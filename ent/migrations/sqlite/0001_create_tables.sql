-- create "access_tokens" table
CREATE TABLE `access_tokens` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `user_id` integer NOT NULL, `name` text NOT NULL, `hash` blob NOT NULL, `prefix` text NOT NULL, `role` text NOT NULL, `permissions` text NOT NULL, `tenant_id` blob NULL, `created_at` integer NOT NULL, `expires_at` integer NULL, `revoked_at` integer NULL);
-- create index "access_tokens_hash_key" to table: "access_tokens"
CREATE UNIQUE INDEX `access_tokens_hash_key` ON `access_tokens` (`hash`);
-- create "categories" table
CREATE TABLE `categories` (`id` blob NOT NULL, `name` text NOT NULL, `code` text NOT NULL, `created_at` integer NOT NULL, PRIMARY KEY (`id`));
-- create index "categories_code_key" to table: "categories"
CREATE UNIQUE INDEX `categories_code_key` ON `categories` (`code`);
-- create "entries" table
CREATE TABLE `entries` (`id` blob NOT NULL, `tenant_id` blob NULL, `category_id` blob NULL, `level` integer NOT NULL, `source` text NULL, `user_id` text NULL, `username` text NULL, `ip_address` text NULL, `user_agent` text NULL, `request_id` text NULL, `timestamp` integer NOT NULL, `writer` integer NOT NULL, `sequence` integer NOT NULL, `message` text NOT NULL, `metadata` blob NULL, PRIMARY KEY (`id`));
-- create index "entries_time" to table: "entries"
CREATE INDEX `entries_time` ON `entries` (`timestamp`, `id`);
-- create index "entries_tenant" to table: "entries"
CREATE INDEX `entries_tenant` ON `entries` (`tenant_id`, `timestamp`, `id`);
-- create index "entries_category" to table: "entries"
CREATE INDEX `entries_category` ON `entries` (`category_id`, `timestamp`, `id`);
-- create index "entries_user" to table: "entries"
CREATE INDEX `entries_user` ON `entries` (`user_id`, `timestamp`, `id`);
-- create index "entries_level" to table: "entries"
CREATE INDEX `entries_level` ON `entries` (`level`, `timestamp`, `id`);
-- create index "entries_source" to table: "entries"
CREATE INDEX `entries_source` ON `entries` (`source`, `timestamp`, `id`);
-- create "identities" table
CREATE TABLE `identities` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `system` text NOT NULL, `external_id` text NOT NULL, `user_id` integer NOT NULL);
-- create index "identities_system_external_id" to table: "identities"
CREATE UNIQUE INDEX `identities_system_external_id` ON `identities` (`system`, `external_id`);
-- create index "identities_user" to table: "identities"
CREATE INDEX `identities_user` ON `identities` (`user_id`);
-- create "retention_policies" table
CREATE TABLE `retention_policies` (`id` blob NOT NULL, `name` text NOT NULL, `tenant_id` blob NULL, `category_id` blob NULL, `days` integer NOT NULL, `active` bool NOT NULL DEFAULT true, `created_at` integer NOT NULL, PRIMARY KEY (`id`));
-- create "rollups" table
CREATE TABLE `rollups` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `kind` integer NOT NULL, `dimension` integer NOT NULL, `value` blob NOT NULL, `tenant_id` blob NOT NULL, `bucket` integer NOT NULL, `class` integer NOT NULL, `row_count` integer NOT NULL);
-- create index "rollups_key" to table: "rollups"
CREATE UNIQUE INDEX `rollups_key` ON `rollups` (`kind`, `dimension`, `value`, `tenant_id`, `bucket`, `class`);
-- create "tenants" table
CREATE TABLE `tenants` (`id` blob NOT NULL, `name` text NOT NULL, `created_at` integer NOT NULL, PRIMARY KEY (`id`));
-- create "users" table
CREATE TABLE `users` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `username` text NOT NULL, `role` text NOT NULL, `tenant_id` blob NULL, `created_at` integer NOT NULL, `disabled_at` integer NULL);
-- create index "users_username_key" to table: "users"
CREATE UNIQUE INDEX `users_username_key` ON `users` (`username`);
-- create "writers" table
CREATE TABLE `writers` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `holder` blob NOT NULL, `leased_until` integer NOT NULL, `sequence` integer NOT NULL);
