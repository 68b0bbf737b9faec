package scenes

import (
	"sync/atomic"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/codec/hevc"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

const (
	// halfRange is half of the range of time stamps (2^33). A decoder stops at the first key frame in the other half, after 13 h at
	// most: so it meets no wrap, and one that begins in the middle stops at the same place. In the upper half time stamps are moved
	// to begin at movedStart, with room for some before the first.
	halfRange  = 1 << 32
	movedStart = 60 * media.TicksPerSecond
	// maxTimeStep is the most that time stamps may jump between pictures within one stretch, 10 s; a new decoder follows. maxTimeBack
	// is the same backwards: decoding times should never decrease.
	maxTimeStep = 10 * media.TicksPerSecond
	maxTimeBack = media.TicksPerSecond / 2
)

// keyPoint is a place where a picture begins that can be decoded without those before it.
type keyPoint struct {
	place
	pts int64 // the picture's: 33 bits of 90 kHz ticks, as in the recording
}

// picker extracts the video for one decoder, from one place to where the video or its time changes.
type picker struct {
	from    place
	program program
	// skip makes it begin at the skip'th key point after from.Video; 0 with the first picture of any kind.
	skip int

	passed     int // key points
	started    bool
	shift      int64      // added to time stamps
	first, dts int64      // decoding times of the first and the last picture, not wrapped
	timed      bool       // they are set
	keys       []keyPoint // those that were met since they were taken out last
	records    recordReader

	// held is the beginning of a key frame whose format isn't known yet: packets for the decoder. head is their payload, and heldKey
	// their place.
	held, head []byte
	heldKey    keyPoint
	format     format // of the first key frame with one
	// matrix is 1 + the colour matrix, 0 if unknown. It is read by another goroutine, after the decoder got the picture.
	matrix atomic.Int32
	end    place // where the next decoder begins, when this stretch is over
}

// take takes the packet at offset at, which may be changed, and appends to out what the decoder gets. over reports that the
// stretch ended at end, before this packet.
func (k *picker) take(out []byte, p ts.Packet, at int64) (_ []byte, over bool) {
	if p.Damaged() {
		return out, false
	}
	if k.program.take(p, at) && k.started {
		k.end = place{k.program.patAt, at}
		return k.release(out)
	}
	if k.program.pmtPID == 0 || p.PID() != k.program.video.PID || at < k.from.Video {
		return out, false
	}
	s, ok := p.PES()
	ok = ok && s.Timed
	key := ok && isKey(k.program.video.Type, p)
	if !k.started {
		if key && at > k.from.Video && k.skip > 0 {
			k.passed++
		}
		if !ok || k.passed < k.skip {
			return out, false
		}
		k.from.Video, k.started = at, true
		out = append(out, decoderTables(k.program.video)...)
	}
	if p.Starts() {
		if out, over = k.release(out); over {
			return out, true
		}
	}
	if ok && !k.time(s, key) {
		k.end = place{k.program.patAt, at}
		return out, true
	}
	if key {
		k.heldKey = keyPoint{place{k.program.tablesAt, at}, s.PTS}
	}
	if k.program.video.Type == kindH264 {
		k.records.take(p, s, ok)
	}
	if k.shift != 0 {
		p.Shift(k.shift)
	}
	if !key && len(k.held) == 0 {
		return append(out, p...), false
	}
	k.held = append(k.held, p...)
	k.head = append(k.head, p.Payload()...)
	if len(k.held) < maxHead && !wholeHead(k.program.video.Type, k.head) {
		return out, false
	}
	return k.release(out)
}

// release appends the held packets to out, unless their format differs: then the stretch ends there. It is also called at the end
// of the recording.
func (k *picker) release(out []byte) (_ []byte, over bool) {
	if len(k.held) == 0 {
		return out, k.end != place{}
	}
	f, ok := readFormat(k.program.video.Type, k.head)
	if ok && k.format != (format{}) && f != k.format {
		k.end = k.heldKey.place
		k.held = nil
		return out, true
	}
	if ok && k.format == (format{}) {
		k.format = f
		k.matrix.Store(1 + int32(f.matrix))
	}
	k.keys = append(k.keys, k.heldKey)
	out = append(out, k.held...)
	k.held, k.head = k.held[:0], k.head[:0]
	return out, k.end != place{}
}

func (k *picker) colours() colourMatrix {
	if v := k.matrix.Load(); v > 0 {
		return colourMatrix(v - 1)
	}
	return matrixUnspecified
}

// time takes the time stamps of a picture, and reports whether they are of the same stretch as those before it.
func (k *picker) time(s ts.PESStart, key bool) bool {
	if !k.timed {
		k.timed, k.first, k.dts = true, s.DTS, s.DTS
		if s.DTS >= halfRange {
			k.shift = movedStart - s.DTS
		}
		return true
	}
	dts := media.Unwrap(s.DTS, k.dts)
	if step := dts - k.dts; step < -maxTimeBack || step > maxTimeStep || key && (dts^k.first)&halfRange != 0 {
		return false
	}
	k.dts = dts
	return true
}

// original is a time stamp as it is in the recording, of one that a decoder gave: 33 bits.
func (k *picker) original(pts int64) int64 { return (pts - k.shift) & media.PTSMask }

// isKey reports whether a packet that starts a PES packet begins a key frame: by random_access_indicator, or by the headers that
// decoders need first.
func isKey(kind byte, p ts.Packet) bool {
	if p.RandomAccess() {
		return true
	}
	for b := range startCodes(p.Payload()) {
		switch kind {
		case kindMPEG1, kindMPEG2:
			if b[0] == 0xB3 { // sequence_header
				return true
			}
		case kindH264:
			if t := h264.TypeOf(b); t == h264.NALIDR || t == h264.NALSPS {
				return true
			}
		case kindH265:
			if t := hevc.NALType(b[0] >> 1 & 0x3F); t.IRAP() || t == hevc.NALVPS || t == hevc.NALSPS {
				return true
			}
		}
	}
	return false
}
