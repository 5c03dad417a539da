package journal

// SearchBy makes blocks, and what a search reads at a time, as small as a test's logs are.
func (j *Journal) SearchBy(blockRows, firstLook, leastBlocks, mostUnsealed int) {
	j.sizes = searchSizes{blockRows: blockRows, firstLook: firstLook, leastBlocks: leastBlocks, mostUnsealed: mostUnsealed}
}
