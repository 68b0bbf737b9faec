package scenario

import (
	"fmt"
	"time"

	"github.com/refstream/refstream/markers"
)

// maxStretch bounds how far a stretch may begin from the epoch, and its length, to half of what the HLS clock's nanoseconds
// can tell.
const maxStretch = 50 * 365 * 24 * time.Hour

// lastInstant is where the nanoseconds since 1970 that the ledger tells come to their end in an int64.
func lastInstant() time.Time { return time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC) }

// Stretch finds the frames of a stretch of a channel: it begins start after the epoch, to the nearest segment, and is as long
// as duration, to the nearest whole frame. Errors name the two as the commands name their flags.
func Stretch(c markers.Channel, start, duration time.Duration) (first, frames int64, err error) {
	if start < 0 {
		return 0, 0, fmt.Errorf("--start: %v is before the epoch: use 0s or later", start)
	}
	if frames = c.Rate.Frames(duration.Nanoseconds()); frames < 1 {
		return 0, 0, fmt.Errorf("--duration: %v is less than a frame: use a length such as 60s", duration)
	}
	g := c.FramesPerSegment
	first = (c.Rate.Frames(start.Nanoseconds()) + g/2) / g * g
	if start > maxStretch || duration > maxStretch || c.Clock().UTC(first+frames).After(lastInstant()) {
		return 0, 0, fmt.Errorf("--start, --duration: the stretch goes on for too long: it may end %v after the epoch and in %d at the latest",
			2*maxStretch, lastInstant().Year())
	}
	return first, frames, nil
}

// Markers gives the markers of the scheduled events that show in frames first to last to each, in order, until that fails.
// GEN is virtual: every frame is produced at its nominal time.
func Markers(c markers.Channel, first, last int64, each func(markers.Marker) error) error {
	shows, err := New(c)
	if err != nil {
		return err
	}
	for n := first; ; {
		ev := shows.Next(n)
		if ev.First > last {
			return nil
		}
		n = ev.Last + 1
		begin := max(ev.First, first)
		ev.Last = min(ev.Last, last)
		if err := each(markers.Plan(c, shows.Show(ev, begin, "")).At(c.Clock().UTC(begin), c.Epoch)); err != nil {
			return err
		}
	}
}
