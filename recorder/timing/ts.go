package timing

import (
	"bytes"
	"io"
	"iter"
	"slices"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

const privateStream = 0xBD // the stream_id of AC-3, and of many others

// maxPacket bounds a PES packet of audio, whose length field ends at 64 KiB.
const maxPacket = 1 << 20

// isTS reports whether data begins with packets of a transport stream.
func isTS(data []byte) bool {
	return len(data) >= ts.PacketSize && data[0] == ts.SyncByte && (len(data) < 2*ts.PacketSize || data[ts.PacketSize] == ts.SyncByte)
}

// stampedStream are the time stamps of an elementary stream.
type stampedStream struct {
	kind string
	pid  uint16
	pts  []int64 // of each PES packet with one, unwrapped, in order
	last []byte  // the content of the last of them
}

// measureTS reads the first stream of video, or else of audio, by stream_id: the tables may be in an initialization section.
// single is the duration of a single picture.
func measureTS(r io.Reader, single int64) *Span {
	streams := map[string]*stampedStream{} // by kind
	for p := range packets(r) {
		if !p.Starts() {
			audio := streams[Audio]
			if audio != nil && p.PID() == audio.pid && streams[Video] == nil && p.Readable() && len(audio.last) < maxPacket {
				audio.last = append(audio.last, p.Payload()...)
			}
			continue
		}
		start, ok := p.PES()
		kind := streamKind(start)
		if !ok || !start.Timed || kind == "" {
			continue
		}
		if streams[kind] == nil {
			streams[kind] = &stampedStream{kind: kind, pid: p.PID()}
		}
		if s := streams[kind]; s.pid == p.PID() {
			s.add(start.PTS, start.Content)
		}
	}
	for _, kind := range []string{Video, Audio} {
		if s := streams[kind]; s != nil {
			return s.timing(single)
		}
	}
	return nil
}

// packets gives the packets of a transport stream, each until the next.
func packets(r io.Reader) iter.Seq[ts.Packet] {
	return func(yield func(ts.Packet) bool) {
		var s ts.Splitter
		b := make([]byte, 64<<10)
		for err := error(nil); err == nil; {
			var n int
			n, err = r.Read(b)
			_, _ = s.Write(b[:n]) // it never fails
			if err != nil {
				s.End()
			}
			for p, _, ok := s.Next(); ok; p, _, ok = s.Next() {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// streamKind is the kind of a PES packet's stream, empty for others.
func streamKind(s ts.PESStart) string {
	switch {
	case s.Video():
		return Video
	case s.Audio(), s.ID == privateStream && bytes.HasPrefix(s.Content, []byte{0x0B, 0x77}):
		return Audio
	}
	return ""
}

func (s *stampedStream) add(pts int64, data []byte) {
	if n := len(s.pts); n > 0 {
		pts = media.Unwrap(pts, s.pts[n-1])
	}
	s.pts = append(s.pts, pts)
	if s.kind == Audio {
		s.last = append(s.last[:0], data...)
	}
}

// timing is from the smallest PTS to the end of the frame with the largest.
func (s *stampedStream) timing(single int64) *Span {
	slices.Sort(s.pts)
	all := slices.Compact(s.pts)
	last := all[len(all)-1]
	if s.kind == Audio && len(s.last) < maxPacket {
		// The packet may begin within a frame; its PTS is that of the first that begins in it.
		if ticks, ok := audioTicks(wholeFrames(s.last)); ok {
			return spanOf(s.kind, all[0], last+ticks)
		}
	}
	return spanOf(s.kind, all[0], last+usualStep(all, single))
}

// usualStep is the median distance of sorted times, which holds also if some are missing.
func usualStep(sorted []int64, single int64) int64 {
	if len(sorted) < 2 {
		return min(single, media.PTSMask)
	}
	steps := make([]int64, len(sorted)-1)
	for i := range steps {
		steps[i] = sorted[i+1] - sorted[i]
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}
