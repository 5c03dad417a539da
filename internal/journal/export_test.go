package journal

// JumpFrom makes the journal look for where a page by offset begins from that offset on.
func (j *Journal) JumpFrom(offset int64) { j.nearOffset = offset }

// SearchBy makes blocks, and what a search reads at a time, as small as a test's logs are.
func (j *Journal) SearchBy(blockRows, leastBlocks, mostUnsealed int) {
	j.sizes = searchSizes{blockRows: blockRows, leastBlocks: leastBlocks, mostUnsealed: mostUnsealed}
}

// PurgeBy makes purges begin with transactions of so many rows.
func (j *Journal) PurgeBy(rows int) { j.leastPurged = rows }
