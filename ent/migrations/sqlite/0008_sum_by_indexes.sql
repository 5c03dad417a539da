DROP INDEX `usage_records_time`;
DROP INDEX `usage_records_user`;
CREATE INDEX `usage_records_time` ON `usage_records` (`created_at`, `id`, `type`, `quota`, `prompt_tokens`, `completion_tokens`);
CREATE INDEX `usage_records_user` ON `usage_records` (`user_id`, `created_at`, `id`, `type`, `quota`, `prompt_tokens`, `completion_tokens`);
