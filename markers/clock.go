package markers

import (
	"time"

	"github.com/refstream/refstream/media"
)

// PTSOrigin is the presentation time stamp of frame 0 in 90 kHz ticks: one second, so that the decoding time
// stamps of pictures that are coded ahead of their turn stay positive.
const PTSOrigin = media.TicksPerSecond

// Clock converts a frame number to every nominal clock of a channel. Frame numbers count from the epoch and are not
// negative. All conversions are pure and exact; only GEN, which is measured, is not among them.
type Clock struct {
	// Rate is the number of frames per second.
	Rate media.FrameRate
	// Epoch is the nominal UTC of frame 0.
	Epoch time.Time
	// FramesPerSegment is the length of a segment, at least 1.
	FramesPerSegment int64
	// DropFrame selects drop-frame timecode; the rate must define it.
	DropFrame bool
}

// PTS is the presentation time stamp of frame n in 90 kHz ticks, not wrapped; on the wire it is PTS & media.PTSMask.
func (c Clock) PTS(n int64) int64 { return PTSOrigin + c.Rate.Ticks(n) }

// Time is the HLS clock: the position of frame n in the stream, rounded down to a nanosecond.
func (c Clock) Time(n int64) media.Seconds { return media.Seconds(c.Rate.Nanos(n)) }

// UTC is the nominal UTC of frame n, rounded down to a nanosecond: what EXT-X-PROGRAM-DATE-TIME says.
func (c Clock) UTC(n int64) time.Time { return c.Epoch.Add(time.Duration(c.Rate.Nanos(n))).UTC() }

// Timecode is the SMPTE timecode of frame n.
func (c Clock) Timecode(n int64) media.Timecode { return media.TimecodeAt(n, c.Rate, c.DropFrame) }

// MSN is the media sequence number of the segment that holds frame n.
func (c Clock) MSN(n int64) int64 { return n / c.FramesPerSegment }

// UnitMSN is the media sequence number of the segment that a unit belongs to. Sound is cut at the first unit that begins with the first
// sample of a segment's first frame or after it.
func (c Clock) UnitMSN(u *media.Unit) int64 {
	if u.Codec() == media.AAC {
		return c.MSN(c.Rate.FrameAtSample(u.Frame))
	}
	return c.MSN(u.Frame)
}

// Offset is the number of frames between the start of its segment and frame n.
func (c Clock) Offset(n int64) int64 { return n % c.FramesPerSegment }

// FirstFrame is the first frame of segment msn.
func (c Clock) FirstFrame(msn int64) int64 { return msn * c.FramesPerSegment }

// FrameAt is the frame whose nominal time has come at t: the last n with UTC(n) <= t. It is negative before the epoch.
func (c Clock) FrameAt(t time.Time) int64 { return c.Rate.FrameAtNanos(t.Sub(c.Epoch).Nanoseconds()) }
