package scenario

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

// Limits of a segment: a GOP of one frame would be all key frames, and a longer one than ten minutes helps no player.
const (
	minSegmentFrames  = 2
	maxSegmentSeconds = 600
)

// Settings say what a channel shows and how it is cut, as people give them. Errors name them as the commands name their
// flags: --event-every is EventEvery.
type Settings struct {
	// Name is the channel's: lower-case letters, digits, - and _.
	Name string
	// Width and Height of the picture in pixels, both even.
	Width, Height int
	// Rate is the number of frames per second, 1 to 240.
	Rate media.FrameRate
	// Segment is the length of a segment and GOP, to the nearest whole frame.
	Segment time.Duration
	// Window is how much of the stream can be played back, in whole segments, rounded up.
	Window time.Duration
	// DropFrame: timecodes are drop-frame, at 30000/1001 and 60000/1001 frames/s.
	DropFrame bool
	// Seed of the events, 0 to 2^53-1.
	Seed uint64
	// Epoch is the UTC of frame 0.
	Epoch time.Time
	// EventEvery is the mean time between the starts of events, EventLength how long one lasts.
	EventEvery, EventLength time.Duration
	// Noise, Block and Roll are those of [markers.Channel].
	Noise, Block, Roll int
	// Audio and Ladder are those of [markers.Channel]: the sound, and the renditions besides the first one, largest first.
	Audio  bool
	Ladder []markers.Rendition
}

// DefaultSettings are those of a channel of which nothing is said. The seed and the epoch are left open.
func DefaultSettings() Settings {
	return Settings{
		Name: "main", Width: 1280, Height: 720, Rate: media.FrameRate{Num: 30, Den: 1}, Segment: 2 * time.Second,
		EventEvery: 20 * time.Second, EventLength: 2 * time.Second,
	}
}

// Channel makes the channel's description. It refuses what no stream can be made of.
func (s Settings) Channel() (markers.Channel, error) {
	c := markers.Channel{
		Name: s.Name, Run: 1, Epoch: s.Epoch, Rate: s.Rate, DropFrame: s.DropFrame, PTSOrigin: markers.PTSOrigin, Seed: s.Seed,
		Width: s.Width, Height: s.Height, Noise: s.Noise, Block: s.Block, Roll: s.Roll, Audio: s.Audio, Ladder: s.Ladder,
	}
	c.FramesPerSegment = c.Rate.Frames(s.Segment.Nanoseconds())
	if longest := maxSegmentSeconds * c.Rate.Base(); c.FramesPerSegment < minSegmentFrames || c.FramesPerSegment > longest {
		return c, fmt.Errorf("--segment: %v is %d frames at %s frames/s: use %d to %d frames, such as 2s",
			s.Segment, c.FramesPerSegment, c.Rate, minSegmentFrames, longest)
	}
	if s.Audio && c.Rate.Sample(c.FramesPerSegment) < media.UnitSamples {
		return c, fmt.Errorf("--segment: %v is shorter than a unit of sound, %d samples: use a longer time, such as 2s, or leave --audio out",
			s.Segment, media.UnitSamples)
	}
	c.EventEvery = c.Rate.Frames(s.EventEvery.Nanoseconds())
	c.EventLength = c.Rate.Frames(s.EventLength.Nanoseconds())
	if s.EventLength <= 0 || c.EventLength < 1 {
		return c, fmt.Errorf("--event-length: %v is less than a frame: use a length such as 2s", s.EventLength)
	}
	if c.EventEvery < c.EventLength+2 {
		return c, fmt.Errorf("--event-every: %v leaves no quiet time between events of %v: use a longer time, or a shorter --event-length",
			s.EventEvery, s.EventLength)
	}
	segment := time.Duration(c.Rate.Nanos(c.FramesPerSegment))
	c.Window = int64((s.Window + segment - 1) / segment)
	if err := descending(c); err != nil {
		return c, err
	}
	_, err := New(c)
	return c, err
}

// descending refuses a ladder that is not in the order of sizes and bit rates.
func descending(c markers.Channel) error {
	before := markers.Rendition{Width: c.Width, Height: c.Height}
	for _, r := range c.Ladder {
		name, above := markers.RenditionName(r.Width, r.Height), markers.RenditionName(before.Width, before.Height)
		switch {
		case name == above:
			return fmt.Errorf("--ladder: %s is there twice: leave one of them out", name)
		case r.Width > before.Width || r.Height > before.Height:
			return fmt.Errorf("--ladder: %s is larger than %s: begin with the largest, and let each be smaller than the one before", name, above)
		case before.Bitrate != 0 && r.Bitrate > before.Bitrate:
			return fmt.Errorf("--ladder: %s has a higher bit rate than %s: give a smaller picture fewer bits", r, before)
		}
		before = r
	}
	return nil
}

// RandomSeed draws a seed that is short enough to be typed again.
func RandomSeed() (uint64, error) {
	var b [4]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, fmt.Errorf("draw random seed: %w", err)
	}
	return uint64(binary.BigEndian.Uint32(b[:])), nil
}
