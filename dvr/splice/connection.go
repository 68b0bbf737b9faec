package splice

import "time"

// Connection is what connections.jsonl says of a sender's connection. A line is appended before its first byte is in the
// recording, without Ended and Bytes, and another when it is over: of several lines with one Number the last counts.
// Where the second is missing, the connection lasts, or the recording was killed and not resumed: its bytes are all
// those from FirstByte on.
type Connection struct {
	// Number counts the connections of the session from 1.
	Number int `json:"connection"`
	// From is the address of the sender.
	From string `json:"from"`
	// Began is when the connection was made, in UTC.
	Began time.Time `json:"began"`
	// Ended is when it was over, in UTC; nil while it lasts.
	Ended *time.Time `json:"ended,omitempty"`
	// FirstByte is where in recording.ts its packets begin.
	FirstByte int64 `json:"first_byte"`
	// Bytes is how much of recording.ts it has; 0 also for a connection that brought no transport stream.
	Bytes int64 `json:"bytes"`
	// ShiftTicks was added to its time stamps, modulo 2^33: ticks of 90 kHz, -2^32 to 2^32 - 1.
	ShiftTicks int64 `json:"shift_ticks"`
	// Error is why it ended, empty where the sender closed it or the recording was stopped.
	Error string `json:"error,omitempty"`
}
