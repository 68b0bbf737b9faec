package replay

import "time"

// Position says how far a replay is.
type Position struct {
	// Started says that the clock runs.
	Started bool
	// At is the time in the recording, from 0 to Length.
	At time.Duration
	// Length is that of the recording.
	Length time.Duration
	// Pass counts the passes of a loop from 0.
	Pass int64
	// Remaining is how long it takes until the recording ends, or this pass of it, at the speed of the replay.
	Remaining time.Duration
}
