package flv

// Chunk is the tags of one access unit.
type Chunk struct {
	// Head is what a reader that begins with this chunk must have before Tags: onMetaData and the sequence header. Only
	// the chunk of a key frame has it.
	Head []Tag
	// Tags is what every reader gets, in the order of the stream: script tags, the video tag last. Where parameter sets
	// have changed, a sequence header stands before the video tag, and onMetaData before that if the size has.
	Tags []Tag
}

// Size is the length of all its tags in a file, in bytes.
func (c Chunk) Size() int {
	n := 0
	for _, t := range c.Head {
		n += t.Size()
	}
	for _, t := range c.Tags {
		n += t.Size()
	}
	return n
}
