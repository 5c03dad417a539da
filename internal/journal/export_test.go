package journal

// JumpFrom makes the journal look for where a page by offset begins from that offset on.
func (j *Journal) JumpFrom(offset int64) { j.nearOffset = offset }
