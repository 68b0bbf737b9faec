package splice

import (
	"time"

	"github.com/refstream/refstream/format/ts"
	"github.com/refstream/refstream/media"
)

const (
	// maxAhead is how far ahead of the wall clock a sender may begin without its time stamps being shifted: 10 s. That
	// is longer than any buffer between an encoder and here.
	maxAhead = 10 * media.TicksPerSecond
	// maxPause is the longest pause that the recording's time shows: 12 h. Readers tell time stamps that go on from
	// ones that go back by which is nearer, so that half the range, 13 h 15 min, is too much.
	maxPause = 12 * 3600 * media.TicksPerSecond
	// defaultStep is how long a packet lasts that is the only one so far, usually of one frame: 40 ms.
	defaultStep = media.TicksPerSecond / 25
	// maxStep is the longest that a packet is believed to last. Beyond, some are missing.
	maxStep = media.TicksPerSecond
	// maxReorder is how long after its decoding a picture is believed to be shown: 10 s, in which 16 pictures, the most that
	// H.264 and H.265 keep, come at any rate above 1.6 a second.
	maxReorder = 10 * media.TicksPerSecond
)

// timeline is the time stamps of a stretch of packets, 90 kHz ticks, unwrapped: each is nearest to the one before it.
type timeline struct {
	known bool
	last  int64 // time stamp of whatever kind
	// hasPCR says that firstPCR and lastPCR are set.
	hasPCR            bool
	firstPCR, lastPCR int64
	streams           map[uint16]*streamTime
}

// streamTime is the times of one stream.
type streamTime struct {
	audioVisual bool
	first, last int64 // at which is decoded
	// appears and shown are the earliest and the latest at which is presented: with pictures that are predicted from later
	// ones, these are not of the first packet and the last.
	appears, shown int64
	step           int64 // of the last packet, 0 for not known
	// gap says that the next packet is another connection's.
	gap bool
}

// settled reports whether appears can't become earlier: nothing is presented before it is decoded, and decoding times rise.
func (s *streamTime) settled() bool { return s.last >= s.appears }

// take takes the times of the next packet.
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

// goOn says that what is next is another connection's, and begins at that time.
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

// leading is the streams that tell the time: audio and video, or all where there are none of these.
func (t *timeline) leading() map[uint16]*streamTime {
	found := make(map[uint16]*streamTime, len(t.streams))
	for pid, s := range t.streams {
		if s.audioVisual {
			found[pid] = s
		}
	}
	if len(found) == 0 {
		return t.streams
	}
	return found
}

// begin is when the leading streams begin: the first decoding time, and the earliest at which something is presented. Both
// are the first PCR where there are no streams.
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

// ending is how the leading streams end. A packet is taken to last as long as the one before it. All four are the last PCR
// where there are no streams.
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

// follow says what must be added to the time stamps of a connection, whose first ones are next, so that it follows on t
// after a pause: nothing where they go on after t's, and no more than maxAhead later than the pause says. Where they are
// shifted, nothing of next is presented before all of t was. It returns also what next's times are in t's terms, shift
// included, to be added to them.
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
