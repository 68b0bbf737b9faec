package gaps

import (
	"fmt"

	"github.com/refstream/refstream/recorder"
)

// contained looks at what came as the segments of one playlist.
type contained struct {
	f *finder
	// readable says that there are segments with time stamps; unreadable are those without any.
	readable   bool
	unreadable []Finding
}

// take looks at a segment that came.
func (c *contained) take(v *version, s *recorder.Segment, got fetch) {
	at := func(text string, of ...any) Finding {
		return finding(KindSegmentContent, s, got.ended, fmt.Sprintf("segment %d ", s.MSN)+fmt.Sprintf(text, of...))
	}
	switch {
	case got.bytes == 0:
		c.f.r.add(at("came with nothing in it"))
	case v.protected || v.iFrames:
	case s.Timing == nil:
		c.unreadable = append(c.unreadable, at("came with %d bytes that hold no time stamps, unlike others", got.bytes))
	default:
		c.readable = true
		// The last frame's length is not in the stream, and subtitles or a slide show have few.
		holds := ticks(clamp(s.Timing.End - s.Timing.First))
		if short := s.Duration - holds; holds < s.Duration/2 && short > c.f.o.Tolerance {
			cut := at("holds %s of %s only (%s)", seconds(holds), seconds(s.Duration), printable(s.Timing.Media))
			cut.Amount = short
			c.f.r.add(cut)
		}
	}
}

// end adds those that can't be read where others can: a playlist of subtitles has none that can.
func (c *contained) end() {
	if !c.readable {
		return
	}
	for _, f := range c.unreadable {
		c.f.r.add(f)
	}
}
