package recorder

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/refstream/refstream/format/mp4"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/hlsclient"
	"github.com/refstream/refstream/media"
)

// The values of Timing.Media.
const (
	mediaVideo = "video"
	mediaAudio = "audio"
)

const (
	// maxRaw is how long a segment of raw audio may be, 15 minutes at 128 kbit/s, and maxIndex what an MP4 segment says of its
	// samples: half a million of them.
	maxRaw   = 16 << 20
	maxIndex = 8 << 20
)

// measure reads the time stamps of a segment that was fetched: of its video, or else its audio, in a transport stream,
// fragmented MP4, or raw audio with a timed ID3 tag in front (RFC 8216bis, 3.1). It is nil where they can't be read.
//
// A frame lasts as long as it is from one to the next in this segment, or where there is one only, as long as EXTINF says;
// frames of audio last as long as they have samples.
func measure(seg *hlsclient.Segment) *Timing {
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
		return measureMP4(seg.Init, indexOf(r))
	case bytes.HasPrefix(start, []byte("ID3")) && r.Size() <= maxRaw:
		data := make([]byte, r.Size())
		if readAgain(r, data) != nil {
			return nil
		}
		return measureRaw(data)
	}
	return nil
}

// startOf is as much of a segment as tells what it is.
func startOf(r *hlsclient.Reader) []byte {
	b := make([]byte, min(r.Size(), 2*ts.PacketSize))
	n, _ := r.ReadAt(b, 0)
	return b[:n]
}

// indexOf is what an MP4 segment says of its samples, without them: its top boxes moov and moof. It is nil where they are
// longer than they can be.
func indexOf(r *hlsclient.Reader) (boxes []byte) {
	var header [16]byte
	for at := int64(0); ; {
		n, _ := r.ReadAt(header[:], at)
		if n < 8 {
			return boxes
		}
		size := int64(binary.BigEndian.Uint32(header[:]))
		switch {
		case size == 0:
			size = r.Size() - at
		case size == 1 && n == len(header):
			size = int64(binary.BigEndian.Uint64(header[8:]))
		}
		if size < 8 || size > r.Size()-at {
			return boxes // what is cut off says nothing
		}
		if kind := string(header[4:8]); kind == "moov" || kind == "moof" {
			if int64(len(boxes))+size > maxIndex {
				return nil
			}
			b := make([]byte, size)
			if _, err := r.ReadAt(b, at); err != nil {
				return boxes
			}
			boxes = append(boxes, b...)
		}
		at += size
	}
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
