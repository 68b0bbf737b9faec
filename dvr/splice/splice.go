// Package splice makes one MPEG-2 transport stream (ITU-T H.222.0 | ISO/IEC 13818-1) of what senders bring over TCP, in a growing
// recording. It has two files in the folder of a session:
//
//	stream/recording.ts       what was received, whole 188-byte packets (2.4.3.2)
//	stream/connections.jsonl  a line for the start and one for the end of each connection, see [Connection]
//
// The recording is one stream, whatever the number of connections: program maps are near every place where a reader may begin
// (2.4.4), the first packet of each PID after a break has discontinuity_indicator (2.4.3.5), and time stamps continue (PCR and
// OPCR, 2.4.3.5; PTS and DTS, 2.4.3.7), modulo 2^33 ticks of 90 kHz. A sender's own time stamps are kept if they continue; else all
// of its connection are shifted by one constant, so that it is presented after everything before it. Nothing else is changed,
// except that null packets before the first table or PES packet of a connection are left out. ESCR, DTS_next_AU, and times inside
// of sections such as SCTE 35 are not shifted.
//
// One sender is recorded at a time. Others wait for a moment, in order, so that nothing is lost when one reconnects. A sender that
// brings nothing gives way; else the others are refused. Only transport streams are recorded.
package splice

import (
	"time"

	"github.com/refstream/refstream/format/ts"
)

// maxHeld is how much of a connection is held back at most until its time is known: 4 MiB, which is 400 ms of 80 Mbit/s.
const maxHeld = 4 << 20

// splice makes the packets of a connection continue the recording. It holds the first ones back until it is known whether their
// time stamps must be shifted: until each audio and video stream of the PMT has had one, and the earliest picture is known.
type splice struct {
	// recording is the time of what was written, up to the end of the last connection, and from decide on of this one's.
	recording *timeline
	rejoin    bool          // the recording is not empty
	pause     time.Duration // how long nothing was written before this connection

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

// timed reports whether the held packets have a time: enough to decide if need be.
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

// emit appends a packet in its final form, after what must precede it.
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
