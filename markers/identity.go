package markers

import (
	"fmt"
	"strconv"
	"time"
)

// Setting is a property of a channel by the name of the flag that sets it, with a value as the flag takes it.
type Setting struct{ Name, Value string }

// Identity lists the settings that frame numbers, media sequence numbers, events and boxes depend on: what was written of a
// channel can only be continued with the same ones.
func (c Channel) Identity() []Setting {
	length := func(frames int64) string { return time.Duration(c.Rate.Nanos(frames)).String() }
	return []Setting{
		{"fps", c.Rate.String()},
		{"size", fmt.Sprintf("%dx%d", c.Width, c.Height)},
		{"seed", strconv.FormatUint(c.Seed, 10)},
		{"epoch", c.Epoch.UTC().Format(time.RFC3339Nano)},
		{"drop-frame", strconv.FormatBool(c.DropFrame)},
		{"segment", length(c.FramesPerSegment)},
		{"event-every", length(c.EventEvery)},
		{"event-length", length(c.EventLength)},
		{"noise", strconv.Itoa(c.Noise)},
		{"block", strconv.Itoa(c.Block)},
		{"roll", strconv.Itoa(c.Roll)},
	}
}
