package scenes

import (
	"sync/atomic"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/codec/hevc"
	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

const (
	// halfRange is half of the range of time stamps (2^33). A decoder goes on to the first key frame in the other half, 13 h
	// at most: it meets no wrap, and another one that begins in the middle ends at the same place. In the upper half they
	// are moved to begin at movedStart, which leaves room for some to be before the first.
	halfRange  = 1 << 32
	movedStart = 60 * media.TicksPerSecond
	// maxTimeStep is how far time stamps may go on from one picture to the next without another decoder being started,
	// which takes them for a new stretch: 10 s. maxTimeBack is how far they may go back: decoding times never should.
	maxTimeStep = 10 * media.TicksPerSecond
	maxTimeBack = media.TicksPerSecond / 2
)

// keyPoint is a place where a picture begins that can be decoded without those before it.
type keyPoint struct {
	place
	// pts is the picture's: 33 bits of 90 kHz ticks, as in the recording.
	pts int64
}

// picker takes the video out of packets, as a decoder is to be given it, from one place on up to where another decoder
// must go on: there is another video, or another time.
type picker struct {
	from    place
	program program
	// skip has it begin at the skip'th key point behind from.Video; 0 with the first picture, of whatever kind.
	skip int

	passed     int // key points
	started    bool
	shift      int64 // added to time stamps
	first, dts int64 // decoding times of the first and the last picture, not wrapped
	timed      bool  // they are set
	// keys are those that were met since they were taken out last.
	keys    []keyPoint
	records recordReader

	// held is the beginning of a key frame of which it isn't known yet whether it has another format: packets for the
	// decoder. head is their payload, and heldKey where that is.
	held, head []byte
	heldKey    keyPoint
	format     format // of the first key frame that says it
	// matrix is 1 + the matrix of the colours, 0 where nothing is known. It may be read by another goroutine: it is set
	// before a decoder has the picture.
	matrix atomic.Int32
	// end is where another decoder goes on, when this stretch is over.
	end place
}

// take takes the packet at offset at, and appends to out what a decoder is to be given. The packet may be changed. over is
// true when the packet is not part of the stretch any more, nor is what follows from end on.
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
		if !ok || k.skip > 0 && !k.skipped(key && at > k.from.Video) {
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

// release appends to out what is held, if it has the format of what was before. Else the stretch is over, and ends there.
// It is for the end of the recording too.
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

// colours is the matrix of the colours.
func (k *picker) colours() colourMatrix {
	if v := k.matrix.Load(); v > 0 {
		return colourMatrix(v - 1)
	}
	return matrixUnspecified
}

// skipped counts key points, and reports whether it is time to begin.
func (k *picker) skipped(key bool) bool {
	if key {
		k.passed++
	}
	return k.passed >= k.skip
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

// isKey reports whether a packet that starts a PES packet holds the beginning of a key frame: it says so
// (random_access_indicator), or what decoders need first of all is in it.
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
