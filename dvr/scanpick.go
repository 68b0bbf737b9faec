package dvr

import (
	"bytes"

	"github.com/refstream/refstream/media"
)

const (
	// safeStart is below which the first time stamp of a stretch must be for a decoder to be given the time stamps as
	// they are: half of the range, so that it meets no wrap (2^33) before maxStretch. Else they are moved to begin at
	// movedStart, which leaves room for some to be before the first.
	safeStart  = 1 << 32
	movedStart = 60 * ticksPerSecond
	// maxStretch is how long a decoder goes on, to the next key frame: 12 h.
	maxStretch = 12 * 3600 * ticksPerSecond
	// maxTimeStep is how far time stamps may go on from one picture to the next without another decoder being started,
	// which takes them for a new stretch: 10 s. maxTimeBack is how far they may go back: decoding times never should.
	maxTimeStep = 10 * ticksPerSecond
	maxTimeBack = ticksPerSecond / 2
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
	matrix     matrixFinder
	// keys are those that were met since they were taken out last.
	keys []keyPoint
}

// take takes the packet at offset at, and appends to out what a decoder is to be given of it. The packet may be changed.
// over is true when the packet is not part of the stretch any more, nor is what follows.
func (k *picker) take(out []byte, p packet, at int64) (_ []byte, over bool) {
	if p.damaged() {
		return out, false
	}
	changed := k.program.take(p, at)
	if changed && k.started {
		return out, true
	}
	if k.program.pmtPID == 0 || p.pid() != k.program.video.pid || at < k.from.Video {
		return out, false
	}
	s, ok := p.pes()
	if ok && s.split {
		ok = false // rare, and of no use
	}
	key := ok && k.program.video.isKey(p)
	if !k.started {
		if !ok || k.skip > 0 && !k.skipped(key && at > k.from.Video) {
			return out, false
		}
		k.from.Video, k.started = at, true
		out = append(out, k.program.video.tables()...)
	}
	if ok && !k.time(s, key) {
		return out, true
	}
	if key {
		pts, _ := readStamp(s.stamps)
		k.keys = append(k.keys, keyPoint{place{k.program.tablesAt, at}, pts})
	}
	k.matrix.take(p, k.program.video.kind)
	if k.shift != 0 {
		p.shift(k.shift)
	}
	return append(out, p...), false
}

// skipped counts key points, and reports whether it is time to begin.
func (k *picker) skipped(key bool) bool {
	if key {
		k.passed++
	}
	return k.passed >= k.skip
}

// time takes the time stamps of a picture, and reports whether they are of the same stretch as those before it.
func (k *picker) time(s pes, key bool) bool {
	if !k.timed {
		k.timed, k.first, k.dts = true, s.dts, s.dts
		if s.dts >= safeStart {
			k.shift = movedStart - s.dts
		}
		return true
	}
	dts := nearest(s.dts, k.dts)
	if step := dts - k.dts; step < -maxTimeBack || step > maxTimeStep || key && dts-k.first > maxStretch {
		return false
	}
	k.dts = dts
	return true
}

// original is a time stamp as it is in the recording, of one that a decoder gave: 33 bits.
func (k *picker) original(pts int64) int64 { return (pts - k.shift) & media.PTSMask }

// isKey reports whether a packet that starts a PES packet holds the beginning of a key frame: it says so
// (random_access_indicator), or what decoders need first of all is in it.
func (v video) isKey(p packet) bool {
	if f := p.field(); len(f) > 0 && f[0]&0x40 != 0 {
		return true
	}
	b := p.payload()
	for {
		i := bytes.Index(b, []byte{0, 0, 1})
		if i < 0 || i+3 >= len(b) {
			return false
		}
		b = b[i+3:]
		switch v.kind {
		case kindMPEG1, kindMPEG2:
			if b[0] == 0xB3 { // sequence_header
				return true
			}
		case kindH264:
			if t := b[0] & 0x1F; t == 5 || t == 7 { // IDR slice, sequence parameter set
				return true
			}
		case kindH265:
			if t := b[0] >> 1 & 0x3F; t >= 16 && t <= 23 || t == 32 || t == 33 { // IRAP, parameter sets
				return true
			}
		}
	}
}
