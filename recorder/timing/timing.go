// Package timing reads the time stamps in segments of HLS: where a segment begins and how long it is.
package timing

import (
	"bytes"
	"io"
	"time"

	"github.com/refstream/refstream/annotate"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/mp4"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/media"
)

// Span is the time that a segment covers.
type Span struct {
	Media string // what was measured: "video", or "audio" where there is no video
	// First is the smallest PTS in 90 kHz ticks, 0 to 2^33-1; End is the largest plus a frame, on the same count and not wrapped.
	First, End int64
}

// The values of Span.Media.
const (
	Video = "video"
	Audio = "audio"
)

const maxRaw = 16 << 20 // bounds a segment of raw audio: 15 minutes at 128 kbit/s

// Measure reads the time stamps of a fetched segment: of its video, or else its audio, in a transport stream, fragmented MP4,
// or raw audio with a timed ID3 tag in front (RFC 8216bis, 3.1). It is nil where they can't be read. A frame lasts until the
// next in this segment, or a single one as long as EXTINF; frames of audio as long as their samples.
func Measure(seg *hlsclient.Segment) *Span {
	if seg == nil || seg.Err != nil {
		return nil
	}
	r, err := seg.Open()
	if err != nil {
		return nil
	}
	defer r.Close()
	switch start := startOf(r); {
	case isTS(start):
		return measureTS(r, wholeTicks(time.Duration(seg.Duration)))
	case mp4.IsMP4(start):
		video, first, end, ok := mp4.Span(seg.Init, r)
		switch {
		case !ok:
			return nil
		case video:
			return spanOf(Video, first, end)
		}
		return spanOf(Audio, first, end)
	case bytes.HasPrefix(start, []byte("ID3")) && r.Size() <= maxRaw:
		data, err := io.ReadAll(r)
		if err != nil {
			return nil
		}
		return measureRaw(data)
	}
	return nil
}

// startOf is as much of a segment as shows what it is.
func startOf(r *hlsclient.Reader) []byte {
	b := make([]byte, min(r.Size(), 2*ts.PacketSize))
	n, _ := r.ReadAt(b, 0)
	return b[:n]
}

// wholeTicks is a duration in 90 kHz ticks, rounded down; 0 for a negative one.
func wholeTicks(d time.Duration) int64 {
	return media.MulDivFloor(max(int64(d), 0), media.TicksPerSecond, int64(time.Second))
}

// spanOf is a Span of unwrapped times.
func spanOf(kind string, first, end int64) *Span {
	length := max(end-first, 0)
	first &= media.PTSMask
	return &Span{Media: kind, First: first, End: first + length}
}

// FirstTime is when a segment's first picture is due on the HLS clock of a refstream, in nanoseconds, from the picture's frame
// record; t is the measured Span. ok is false without a record. Only the first access unit is read: in a closed GOP it has the
// smallest PTS.
func FirstTime(seg *hlsclient.Segment, t *Span) (ns int64, ok bool) {
	if t.Media != Video {
		return 0, false
	}
	in, err := seg.Open()
	if err != nil {
		return 0, false
	}
	defer in.Close()
	var au media.Unit
	if isTS(startOf(in)) {
		au, err = ts.NewReader(in).Next()
	} else {
		r := mp4.NewSegmentReader(seg.Init, in)
		defer r.Close()
		var u mp4.Unit
		u, err = r.Next()
		au = u.Unit
	}
	if err != nil || au.Untimed || au.Codec() != media.H264 || au.PTS&media.PTSMask != t.First {
		return 0, false
	}
	rec, ok, err := annotate.FindRecord(au.NALs)
	if !ok || err != nil { // a record that can't be read is damaged
		return 0, false
	}
	vui, _ := h264.FindVUI(au.NALs)
	return int64(rec.Time(vui)), true
}
