package generator

// Event is a stretch of frames in which the block is cyan.
type Event struct {
	// Number counts the scheduled events of a stream from 1; it is 0 for one that was triggered by hand, and in the
	// zero Event, which stands for none.
	Number int64
	// First and Last are the frames that show it, inclusive.
	First, Last int64
}
