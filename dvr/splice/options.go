package splice

import (
	"log/slog"
	"time"
)

// Options say what a Receiver works with. All but Progress must be set.
type Options struct {
	// Now is the wall clock.
	Now func() time.Time
	// Logger gets the beginning and end of connections, and whatever is wrong with them.
	Logger *slog.Logger
	// Grown is called when there is more in the recording, or in the list of its connections. It must return at once.
	Grown func()
	// Progress is called about 4 times a second; nil for nobody. The calls don't overlap.
	Progress func(Progress)
}

// Progress is how far a recording is.
type Progress struct {
	// Sender is the address of whoever is connected, empty for nobody.
	Sender string
	// Connections counts those that brought a stream, since the Receiver was made.
	Connections int
	// Bytes is the size of the recording.
	Bytes int64
}
