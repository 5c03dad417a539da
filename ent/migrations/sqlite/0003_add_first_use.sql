ALTER TABLE `access_tokens` ADD COLUMN `first_used_at` integer NULL;
