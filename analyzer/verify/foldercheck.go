package verify

import (
	"fmt"
	"time"

	"github.com/refstream/refstream/markers"
)

// maxFrame bounds the numbers of frames: 500 years at 60 frames/s, whose times and time stamps fit in an int64 well.
const maxFrame = 1 << 40

// check refuses a truth.json that contradicts itself.
func (t truthFile) check() error {
	first, last := *t.First, *t.Last
	switch {
	case first < 0 || last > maxFrame:
		return fmt.Errorf("frames %d to %d can't be: frames count from 0 to %d", first, last, int64(maxFrame))
	case last < first:
		return fmt.Errorf("last_frame %d is before first_frame %d", last, first)
	case t.Frames != nil && *t.Frames != last-first+1:
		return fmt.Errorf("it counts %d frames, but frames %d to %d are %d", *t.Frames, first, last, last-first+1)
	}
	return nil
}

// contradiction is by how much two instants that should be the same may differ: they are written in nanoseconds, rounded.
const contradiction = time.Microsecond

// checkFrame refuses a line of frames.jsonl that truth.json contradicts. What a line does not say contradicts nothing.
func (t truthFile) checkFrame(r markers.FrameRecord) error {
	if r.Frame < *t.First || r.Frame > *t.Last {
		return fmt.Errorf("frame %d is not one of %d to %d", r.Frame, *t.First, *t.Last)
	}
	clock := t.Channel.Clock()
	if pts := clock.PTS(r.Frame); r.PTS != 0 && r.PTS != pts {
		return fmt.Errorf("frame %d has PTS %d, but by truth.json it is %d", r.Frame, r.PTS, pts)
	}
	return checkUTC(clock, r.Frame, r.UTC)
}

// checkMarker does so with a line of markers.jsonl.
func (t truthFile) checkMarker(m markers.Marker) error {
	if err := checkEvent(m); err != nil {
		return err
	}
	if m.Channel != "" && m.Channel != t.Channel.Name {
		return fmt.Errorf("marker %s is one of channel %s, not %s", m.ID, m.Channel, t.Channel.Name)
	}
	if err := checkUTC(t.Channel.Clock(), m.Frame, m.UTC); err != nil {
		return fmt.Errorf("marker %s: %w", m.ID, err)
	}
	return nil
}

// checkEvent refuses a marker whose numbers can't be.
func checkEvent(m markers.Marker) error {
	if m.LastFrame < m.Frame {
		return fmt.Errorf("marker %.40q can't be from frame %d to %d", m.ID, m.Frame, m.LastFrame)
	}
	if err := m.Validate(); err != nil {
		return fmt.Errorf("marker %.40q: %w", m.ID, err)
	}
	return nil
}

func checkUTC(clock markers.Clock, frame int64, said time.Time) error {
	if said.IsZero() {
		return nil
	}
	utc := clock.UTC(frame)
	if d := said.Sub(utc); d > contradiction || d < -contradiction {
		return fmt.Errorf("frame %d is at %s, but by the epoch of truth.json it is at %s: the files are not of one stream",
			frame, said.Format(time.RFC3339Nano), utc.Format(time.RFC3339Nano))
	}
	return nil
}
