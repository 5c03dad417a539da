CREATE TABLE `idempotency_keys` (`id` blob NOT NULL, `kind` integer NOT NULL, `body` blob NOT NULL, `row_ids` blob NOT NULL, `expires_at` integer NOT NULL, PRIMARY KEY (`id`));
CREATE INDEX `idempotency_keys_expires_at` ON `idempotency_keys` (`expires_at`);
