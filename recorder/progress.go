package recorder

import "time"

// Progress is how far a recording is. Its counts are those of this run.
type Progress struct {
	// Elapsed is the time since the run's start.
	Elapsed time.Duration
	// Playlists counts those that are followed, Versions what came of them.
	Playlists, Versions int64
	// Segments counts those that were fetched, Failed those that could not be, and Failures the requests that failed.
	Segments, Failed, Failures int64
	// Bytes is what came of the network, Stored what the session grew by in contents.
	Bytes, Stored int64
	// Behind is how much of the longest behind of the playlists is not recorded yet: all segments that were named and not
	// dealt with, also those that have left it.
	Behind time.Duration
	// Silent is how long ago the longest silent of the live playlists last named a new segment: 0 up to one and a half of its target
	// durations, when a new version is due (RFC 8216, 6.2.1). What was published meanwhile is not known.
	Silent time.Duration
}

// Summary is how a recording ended. Its Progress is zero where no session was left behind.
type Summary struct {
	Progress
	// Reason is that of the Run: "stopped", "duration", "end of stream", or an error.
	Reason string
	// Resumed says that the session was there before.
	Resumed bool
}
