package splice

import (
	"maps"
	"time"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

const (
	// maxAhead is how far ahead of the wall clock a sender may begin without being shifted: 10 s, longer than any buffer before.
	maxAhead = 10 * media.TicksPerSecond
	// maxPause is the longest pause in the recording's time: 12 h. Readers unwrap time stamps to the nearest value, so half the range,
	// 13 h 15 min, is too much.
	maxPause = 12 * 3600 * media.TicksPerSecond
	// defaultStep is how long a packet lasts that is the only one so far, usually of one frame: 40 ms.
	defaultStep = media.TicksPerSecond / 25
	// maxStep is the longest that a packet is believed to last. Beyond, some are missing.
	maxStep = media.TicksPerSecond
	// maxReorder is the most between decoding and presentation of a picture: 10 s. H.264 and H.265 reorder at most 16 pictures.
	maxReorder = 10 * media.TicksPerSecond
)

// timeline is the time stamps of a stretch of packets, 90 kHz ticks, unwrapped: each is nearest to the one before it.
type timeline struct {
	known             bool
	last              int64 // time stamp of any kind
	hasPCR            bool  // firstPCR and lastPCR are set
	firstPCR, lastPCR int64
	streams           map[uint16]*streamTime
}

type streamTime struct {
	audioVisual bool
	first, last int64 // at which is decoded
	// appears and shown are the earliest and the latest presentation time, which with B-frames are not of the first and last packet.
	appears, shown int64
	step           int64 // of the last packet, 0 for not known
	gap            bool  // the next packet is another connection's
}

// settled reports whether appears can't become earlier: nothing is presented before it is decoded, and decoding times rise.
func (s *streamTime) settled() bool { return s.last >= s.appears }

func (s *streamTime) take(dts, pts int64) {
	if step := dts - s.last; !s.gap && step > 0 && step <= maxStep {
		s.step = step
	}
	s.last, s.gap = dts, false
	s.appears = min(s.appears, pts)
	if pts > s.shown || s.shown > dts+maxReorder { // one that is too far ahead was wrong
		s.shown = pts
	}
}

// observe takes the time stamps of the next packet.
func (t *timeline) observe(p ts.Packet) {
	if base, ok := p.PCR(); ok {
		base = t.unwrap(base)
		if !t.hasPCR {
			t.hasPCR, t.firstPCR = true, base
		}
		t.lastPCR = base
	}
	s, ok := p.PES()
	if !ok || !s.Timed {
		return
	}
	dts := t.unwrap(s.DTS)
	if t.streams == nil {
		t.streams = map[uint16]*streamTime{}
	}
	pts := media.Unwrap(s.PTS, dts)
	if pts < dts || pts > dts+maxReorder {
		pts = dts
	}
	st := t.streams[p.PID()]
	if st == nil {
		t.streams[p.PID()] = &streamTime{audioVisual: s.Audio() || s.Video(), first: dts, last: dts, appears: pts, shown: pts}
		return
	}
	st.audioVisual = s.Audio() || s.Video()
	st.take(dts, pts)
}

// goOn begins another connection at a time.
func (t *timeline) goOn(at int64) {
	t.known, t.last = true, at
	for _, s := range t.streams {
		s.gap = true
	}
}

// unwrap is the value nearest to the last time stamp of which only the low 33 bits are known.
func (t *timeline) unwrap(wire int64) int64 {
	if !t.known {
		t.known, t.last = true, wire
		return wire
	}
	t.last = media.Unwrap(wire, t.last)
	return t.last
}

// leading is the streams that define the time: audio and video, or all if there are none.
func (t *timeline) leading() map[uint16]*streamTime {
	found := maps.Clone(t.streams)
	maps.DeleteFunc(found, func(_ uint16, s *streamTime) bool { return !s.audioVisual })
	if len(found) == 0 {
		return t.streams
	}
	return found
}

// begin is the first decoding time and the earliest presentation time of the leading streams; the first PCR if there are none.
func (t *timeline) begin() (decoded, appears int64) {
	decoded, appears = t.firstPCR, t.firstPCR
	found := false
	for _, s := range t.leading() {
		if !found {
			decoded, appears, found = s.first, s.appears, true
		}
		decoded, appears = min(decoded, s.first), min(appears, s.appears)
	}
	return decoded, appears
}

// ending is the end of the leading streams. A packet lasts as long as the one before it. All four are the last PCR if there are
// none.
type ending struct {
	decoded, over int64 // the latest decoding time, and when all is decoded
	shown, gone   int64 // the latest presentation time, and when all was presented
}

func (t *timeline) end() ending {
	e := ending{t.lastPCR, t.lastPCR, t.lastPCR, t.lastPCR}
	found := false
	for _, s := range t.leading() {
		step := s.step
		if step == 0 {
			step = defaultStep
		}
		if !found {
			e, found = ending{s.last, s.last + step, s.shown, s.shown + step}, true
		}
		e = ending{max(e.decoded, s.last), max(e.over, s.last+step), max(e.shown, s.shown), max(e.gone, s.shown+step)}
	}
	return e
}

// follow is the shift of the time stamps of next, so that it follows t after a pause: 0 if they continue those of t, at most
// maxAhead later than the pause. Shifted ones are presented after all of t. offset, added to next's times, makes them times of t,
// shift included.
func (t *timeline) follow(next *timeline, pause time.Duration) (shift, offset int64) {
	if !t.known || !next.known {
		return 0, 0
	}
	ticks := min(max(pause.Nanoseconds(), 0)/100_000*9, maxPause) // 90 kHz: 9 ticks in 100 µs
	e := t.end()
	expected := max(e.decoded+ticks, e.over)
	begin, appears := next.begin()
	offset = media.Unwrap(begin, expected) - begin
	if !t.goesBack(next, offset) && begin+offset-expected <= maxAhead {
		return 0, offset
	}
	offset = max(expected-begin, e.gone-appears)
	if t.hasPCR && next.hasPCR { // a sender that keeps more in its buffer has its clock further behind
		offset = max(offset, t.lastPCR+max(ticks, 1)-next.firstPCR)
	}
	return media.Unwrap(offset, 0), offset
}

// goesBack reports whether a stream or the clock would be at an earlier time, or at the same, again: decoded or presented.
func (t *timeline) goesBack(next *timeline, offset int64) bool {
	if t.hasPCR && next.hasPCR && next.firstPCR+offset <= t.lastPCR {
		return true
	}
	before, common := t.leading(), false
	for pid, s := range next.leading() {
		if b := before[pid]; b != nil {
			common = true
			if s.first+offset <= b.last || s.appears+offset <= b.shown {
				return true
			}
		}
	}
	if common || len(before) == 0 {
		return false
	}
	e := t.end()
	begin, appears := next.begin()
	return begin+offset <= e.decoded || appears+offset <= e.shown
}
