CREATE TABLE `text_blocks` (`id` integer NOT NULL PRIMARY KEY AUTOINCREMENT, `kind` integer NOT NULL, `writer` integer NOT NULL, `first_sequence` integer NOT NULL, `last_sequence` integer NOT NULL, `oldest` integer NOT NULL, `newest` integer NOT NULL, `filter` blob NOT NULL);
CREATE UNIQUE INDEX `text_blocks_first` ON `text_blocks` (`kind`, `writer`, `first_sequence`);
CREATE INDEX `text_blocks_newest` ON `text_blocks` (`kind`, `newest`, `oldest`);
CREATE INDEX `text_blocks_oldest` ON `text_blocks` (`kind`, `oldest`, `newest`);
