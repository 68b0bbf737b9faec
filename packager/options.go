package packager

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/markers"
)

const (
	// maxSegmentSeconds is an hour: the open segment is held in memory.
	maxSegmentSeconds = 3600
	// maxBitrate is ten Gbit/s, far more than any level of H.264 allows; the arithmetic of bandwidths is exact below it.
	maxBitrate = 10_000_000_000
	// shortestWindow is how many target durations a live playlist must keep (RFC 8216, 6.2.2).
	shortestWindow = 3
)

// Options are what a Writer publishes and where.
type Options struct {
	// Dir is the directory of the files; it is made if it is missing. It must belong to this Writer alone: segments and
	// temporary files of unknown origin in it are removed.
	Dir string
	// Channel gives the clock, Rate, Epoch and FramesPerSegment, and the tracks: Ladder and Audio. What is in neither is not published.
	Channel markers.Channel
	// Window is how many segment slots a live playlist holds, at least MinWindow. 0 makes a VOD playlist, which keeps
	// everything and is written by Close.
	Window int64
	// Containers are what segments are packed in, the first one's playlists under the plain names; none for TS alone.
	Containers []Container
	// DASH is for a manifest of what is packed in fragmented MP4, which must be among Containers; nil for none.
	DASH *DASH
	// Bitrate is the highest bit rate of the video over a segment in bit/s (encoder.Options.PeakBitrate), for the BANDWIDTH
	// of the multivariant playlist. With 0, and of a channel with a ladder or sound, that is what the segments turned out to have.
	Bitrate int64
	// Segments are the records of the segments of earlier runs in this directory, oldest first. Those of the window
	// stay in the playlist; where the file is missing or has another size, as a gap.
	Segments []markers.SegmentRecord
	// Markers are those of earlier runs whose events may lie in the window, in any order.
	Markers []markers.Marker
	// Faults rewrites what is packed in MPEG-TS of the first rendition, of a faulty stream; nil where there is nothing to rewrite. Other
	// renditions, sound and fragmented MP4 stay clean.
	Faults ts.Faults
	// FaultyPlaylist makes what is published in place of each version of a media playlist, in order; nil where there is nothing to
	// change. name is the playlist's file, newest the last frame of the version's newest segment.
	FaultyPlaylist func(name string, clean []byte, newest int64) []byte
	// Now is the clock for SegmentRecord.PublishedAt.
	Now func() time.Time
}

func (o Options) validate() error {
	c := o.Channel
	rateErr := c.Rate.Validate()
	switch {
	case o.Dir == "":
		return errors.New("Dir is empty: name the directory for segments and playlists")
	case o.Now == nil:
		return errors.New("Now is not set: give a clock such as time.Now")
	case rateErr != nil:
		return rateErr
	case c.FramesPerSegment < 1 || c.FramesPerSegment > maxSegmentSeconds*c.Rate.Base():
		return fmt.Errorf("a segment of %d frames: use 1 to %d", c.FramesPerSegment, maxSegmentSeconds*c.Rate.Base())
	case o.DASH != nil && !slices.Contains(o.Containers, FMP4):
		return errors.New("DASH needs fragmented MP4: add fmp4 to the containers")
	case o.Bitrate < 0 || o.Bitrate > maxBitrate:
		return fmt.Errorf("bit rate of %d bit/s: use 0 to %d", o.Bitrate, int64(maxBitrate))
	case o.Window < 0:
		return fmt.Errorf("window of %d segments: use 0 for VOD, or at least %d", o.Window, MinWindow(c.Clock()))
	case o.Window > 0 && o.Window < MinWindow(c.Clock()):
		return fmt.Errorf("window of %d segments is shorter than three target durations (%d s): use at least %d",
			o.Window, shortestWindow*targetDuration(c.Clock()), MinWindow(c.Clock()))
	}
	for i, r := range c.Ladder {
		taken := r.Name == markers.SoundRendition || slices.ContainsFunc(c.Ladder[:i], func(o markers.Rendition) bool { return o.Name == r.Name })
		if taken || ContentType(playlistFile(MediaPlaylist, r.Name, TS, true)) == "" || r.Name == "" {
			return fmt.Errorf("rendition %q: use a name such as 640x360, once", r.Name)
		}
	}
	// Otherwise a slot may have no sound.
	if c.Audio && c.Rate.Sample(c.FramesPerSegment) < aac.UnitSamples {
		return fmt.Errorf("a segment of %d frames is shorter than a unit of sound: use more frames, or no sound", c.FramesPerSegment)
	}
	for i, s := range o.Segments {
		if err := validateSegment(s, c.Clock()); err != nil {
			return fmt.Errorf("record of segment %d: %w", s.MSN, err)
		}
		if i > 0 && (s.MSN <= o.Segments[i-1].MSN || s.DiscontinuitySequence < o.Segments[i-1].DiscontinuitySequence) {
			return fmt.Errorf("record of segment %d: it comes after that of segment %d, but media or discontinuity "+
				"sequence goes back", s.MSN, o.Segments[i-1].MSN)
		}
	}
	return nil
}

func validateSegment(s markers.SegmentRecord, c markers.Clock) error {
	first, last := c.FirstFrame(s.MSN), c.FirstFrame(s.MSN)+c.FramesPerSegment-1
	switch {
	case s.MSN < 0 || s.MSN > lastFrame(c)/c.FramesPerSegment-1:
		return errors.New("media sequence number is out of range")
	case s.FirstFrame != first || s.LastFrame < first || s.LastFrame > last:
		return fmt.Errorf("frames %d to %d don't fit its slot, which holds %d to %d: was the segment length changed?",
			s.FirstFrame, s.LastFrame, first, last)
	case !validURI(s):
		return fmt.Errorf("URI %q is not that of segment %d, such as %q", s.URI, s.MSN, TS.SegmentFile(s.MSN))
	case s.DiscontinuitySequence < 0:
		return fmt.Errorf("discontinuity sequence %d is negative", s.DiscontinuitySequence)
	}
	return nil
}

func validURI(s markers.SegmentRecord) bool {
	msn, ok := SegmentNumber(s.URI)
	return ok && msn == s.MSN
}

// MinWindow is the shortest window of a live playlist, in segments: three target durations (RFC 8216, 6.2.2).
func MinWindow(c markers.Clock) int64 {
	return ceilDiv(shortestWindow*targetDuration(c)*c.Rate.Num, c.FramesPerSegment*c.Rate.Den)
}

// targetDuration is the length of a segment in seconds, rounded up, where 1001/1000 s count as a second: to the nearest whole
// number no EXTINF may be longer (RFC 8216, 4.3.3.1). It never changes.
func targetDuration(c markers.Clock) int64 {
	nearest := (2*c.FramesPerSegment*c.Rate.Den + c.Rate.Num) / (2 * c.Rate.Num)
	return max(nearest, ceilDiv(c.FramesPerSegment, c.Rate.Base()))
}

// lastFrame is the highest frame number that is taken: 146 years from the epoch, far from where times overflow.
func lastFrame(c markers.Clock) int64 { return c.Rate.FrameAtNanos(math.MaxInt64 / 2) }
