package stream

// Chunk is a piece of a stream: what one access unit became in some format.
type Chunk[T any] struct {
	// Payload is shared by the feed and all its readers; nobody changes it or what it points to.
	Payload T
	// Size is the payload's length in bytes. The feed believes it.
	Size int
	// Time is the chunk's DTS in ticks, not wrapped. It doesn't decrease from chunk to chunk.
	Time int64
	// Start: a reader can begin here, at a key frame.
	Start bool
}
