package recorder

import (
	"bytes"
	"time"

	"github.com/refstream/refstream/media"
	"github.com/refstream/refstream/outputs/hls"
	"github.com/refstream/refstream/outputs/mp4"
)

// The values of Timing.Media.
const (
	mediaVideo = "video"
	mediaAudio = "audio"
)

// measure reads the time stamps of a segment that was fetched: of its video, or else its audio, in a transport stream,
// fragmented MP4, or raw audio with a timed ID3 tag in front (RFC 8216bis, 3.1). It is nil where they can't be read.
//
// A frame lasts as long as it is from one to the next in this segment, or where there is one only, as long as EXTINF says;
// frames of audio last as long as they have samples.
func measure(seg *hls.Segment) *Timing {
	if seg == nil || seg.Err != nil {
		return nil
	}
	switch data := seg.Data; {
	case isTS(data):
		return measureTS(data, wholeTicks(time.Duration(seg.Duration)))
	case mp4.IsMP4(data):
		return measureMP4(seg.Init, data)
	case bytes.HasPrefix(data, []byte("ID3")):
		return measureRaw(data)
	}
	return nil
}

func measureMP4(init, data []byte) *Timing {
	video, first, end, ok := mp4.Span(init, data)
	switch {
	case !ok:
		return nil
	case video:
		return timing(mediaVideo, first, end)
	}
	return timing(mediaAudio, first, end)
}

// wholeTicks is a duration in 90 kHz ticks, rounded down; 0 for a negative one.
func wholeTicks(d time.Duration) int64 {
	const second = int64(time.Second)
	n := max(int64(d), 0)
	return n/second*media.TicksPerSecond + n%second*media.TicksPerSecond/second
}

// timing is a Timing of unwrapped times.
func timing(kind string, first, end int64) *Timing {
	length := max(end-first, 0)
	first &= media.PTSMask
	return &Timing{Media: kind, First: first, End: first + length}
}
