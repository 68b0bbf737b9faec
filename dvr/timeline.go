package dvr

import (
	"time"

	"github.com/refstream/refstream/media"
)

const (
	ticksPerSecond = 90_000
	// maxAhead is how far ahead of the wall clock a sender may begin without its time stamps being shifted: 10 s. That
	// is longer than any buffer between an encoder and here.
	maxAhead = 10 * ticksPerSecond
	// maxPause is the longest pause that the recording's time shows: 12 h. Readers tell time stamps that go on from
	// ones that go back by which is nearer, so that half the range, 13 h 15 min, is too much.
	maxPause = 12 * 3600 * ticksPerSecond
	// defaultStep is how long a packet lasts that is the only one so far, usually of one frame: 40 ms.
	defaultStep = ticksPerSecond / 25
	// maxStep is the longest that a packet is believed to last. Beyond, some are missing.
	maxStep = ticksPerSecond
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

// streamTime is the decoding times of one stream.
type streamTime struct {
	audioVisual bool
	first, last int64
	step        int64 // of the last packet, 0 for not known
}

// observe takes the time stamps of the next packet.
func (t *timeline) observe(p packet) {
	if base, ok := p.pcr(); ok {
		base = t.unwrap(base)
		if !t.hasPCR {
			t.hasPCR, t.firstPCR = true, base
		}
		t.lastPCR = base
	}
	s, ok := p.pes()
	if !ok || s.split {
		return
	}
	dts := t.unwrap(s.dts)
	if t.streams == nil {
		t.streams = map[uint16]*streamTime{}
	}
	st := t.streams[p.pid()]
	if st == nil {
		t.streams[p.pid()] = &streamTime{audioVisual: isAudioVisual(s.id), first: dts, last: dts}
		return
	}
	if step := dts - st.last; step > 0 && step <= maxStep {
		st.step = step
	}
	st.last = dts
}

// unwrap is the value nearest to the last time stamp of which only the low 33 bits are known.
func (t *timeline) unwrap(wire int64) int64 {
	if !t.known {
		t.known, t.last = true, wire
		return wire
	}
	t.last = nearest(wire, t.last)
	return t.last
}

// nearest is the value nearest to ref that has the same low 33 bits as v.
func nearest(v, ref int64) int64 {
	const half = (media.PTSMask + 1) / 2
	return ref + (v-ref+half)&media.PTSMask - half
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

// begin is the first time of the leading streams, or the first PCR where there are no streams.
func (t *timeline) begin() int64 {
	begin, found := t.firstPCR, false
	for _, s := range t.leading() {
		if !found || s.first < begin {
			begin, found = s.first, true
		}
	}
	return begin
}

// end is the time of the latest packet of the leading streams, and when all that they carry is over: a packet is taken to
// last as long as the one before it. Both are the last PCR where there are no streams.
func (t *timeline) end() (latest, over int64) {
	latest, over = t.lastPCR, t.lastPCR
	found := false
	for _, s := range t.leading() {
		step := s.step
		if step == 0 {
			step = defaultStep
		}
		if !found {
			latest, over, found = s.last, s.last+step, true
		}
		latest, over = max(latest, s.last), max(over, s.last+step)
	}
	return latest, over
}

// follow says what must be added to the time stamps of a connection, whose first ones are next, so that it follows on t
// after a pause: nothing where they go on after t's, and no more than maxAhead later than the pause says. It returns also
// what next's times are in t's terms, shift included, to be added to them.
func (t *timeline) follow(next *timeline, pause time.Duration) (shift, offset int64) {
	if !t.known || !next.known {
		return 0, 0
	}
	ticks := min(max(pause.Nanoseconds(), 0)/100_000*9, maxPause) // 90 kHz: 9 ticks in 100 µs
	latest, over := t.end()
	expected := max(latest+ticks, over)
	begin := next.begin()
	offset = nearest(begin, expected) - begin
	if !t.goesBack(next, offset) && begin+offset-expected <= maxAhead {
		return 0, offset
	}
	offset = expected - begin
	if t.hasPCR && next.hasPCR { // a sender that keeps more in its buffer has its clock further behind
		offset = max(offset, t.lastPCR+max(ticks, 1)-next.firstPCR)
	}
	return nearest(offset, 0), offset
}

// goesBack reports whether a stream or the clock would be at an earlier time, or at the same, again.
func (t *timeline) goesBack(next *timeline, offset int64) bool {
	if t.hasPCR && next.hasPCR && next.firstPCR+offset <= t.lastPCR {
		return true
	}
	before, common := t.leading(), false
	for pid, s := range next.leading() {
		if b := before[pid]; b != nil {
			common = true
			if s.first+offset <= b.last {
				return true
			}
		}
	}
	latest, _ := t.end()
	return !common && len(before) > 0 && next.begin()+offset <= latest
}
