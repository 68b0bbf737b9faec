package splice

import (
	"time"

	"github.com/refstream/refstream/format/ts"
)

// maxHeld is how much of a connection is held back at most until its time is known: 4 MiB, which is 400 ms of 80 Mbit/s.
const maxHeld = 4 << 20

// splice makes the packets of a connection follow on those that are in the recording. The first packets are held back
// until it is known whether their time stamps have to be shifted: until each stream of audio and video that the PMT names
// has had one, and the earliest picture is known.
type splice struct {
	// recording is the time of what was written, up to the end of the last connection, and from decide on of this one's.
	recording *timeline
	// rejoin says that the recording is not empty.
	rejoin bool
	// pause is how long nothing was written before this connection.
	pause time.Duration

	decided bool
	shift   int64 // 90 kHz ticks, modulo 2^33
	held    []byte
	own     timeline // of what is held
	heard   tables   // in what is held
	tables  tables   // as written
	marked  [(ts.NullPID + 1) / 64]uint64
	split   int64 // PES packets whose time stamps could not be read
}

// newSplice begins a connection. Where the recording is empty there is nothing to follow on.
func newSplice(recording *timeline, rejoin bool, pause time.Duration) *splice {
	return &splice{recording: recording, rejoin: rejoin, pause: pause, decided: !recording.known}
}

// push takes the connection's next packet and appends to out what is to be written. p is changed, and not kept.
func (s *splice) push(out []byte, p ts.Packet) []byte {
	if s.decided {
		return s.emit(out, p)
	}
	s.held = append(s.held, p...)
	s.own.observe(p)
	s.heard.take(p)
	if s.ready() || len(s.held) >= maxHeld {
		return s.decide(out)
	}
	return out
}

// timed reports whether packets are held whose time is known: enough to decide, if no better comes.
func (s *splice) timed() bool { return !s.decided && s.own.known }

// ready reports whether all streams that matter have had their first time stamps, up to the earliest.
func (s *splice) ready() bool {
	if !s.own.known || !s.heard.complete() {
		return false
	}
	some := false
	for _, pmt := range s.heard.psi.PMTs {
		for _, stream := range pmt.Program().Streams {
			if !stream.Continuous() {
				continue
			}
			if st := s.own.streams[stream.PID]; st == nil || !st.settled() {
				return false
			}
			some = true
		}
	}
	return some
}

// decide chooses the shift, if that is not done, and appends what was held to out.
func (s *splice) decide(out []byte) []byte {
	if s.decided {
		return out
	}
	s.decided = true
	if s.own.known {
		var offset int64
		s.shift, offset = s.recording.follow(&s.own, s.pause)
		begin, _ := s.own.begin()
		s.recording.goOn(begin + offset)
	}
	for b := s.held; len(b) > 0; b = b[ts.PacketSize:] {
		out = s.emit(out, ts.Packet(b[:ts.PacketSize:ts.PacketSize]))
	}
	s.held, s.own, s.heard = nil, timeline{}, tables{}
	return out
}

// emit appends a packet as it is to be written, with what has to stand before it.
func (s *splice) emit(out []byte, p ts.Packet) []byte {
	pid := p.PID()
	if s.shift != 0 {
		p.Shift(s.shift)
	}
	s.recording.observe(p)
	if start, ok := p.PES(); ok {
		if start.Split {
			s.split++
		}
		out = s.tables.repeat(out, s.recording.last)
	}
	s.tables.take(p)
	if s.rejoin && s.first(pid) && !p.MarkBreak() {
		out = ts.AppendBreak(out, p)
	}
	return append(out, p...)
}

// first reports whether this is the connection's first packet with that PID. Null packets have no counter.
func (s *splice) first(pid uint16) bool {
	bit := uint64(1) << (pid % 64)
	if pid == ts.NullPID || s.marked[pid/64]&bit != 0 {
		return false
	}
	s.marked[pid/64] |= bit
	return true
}
