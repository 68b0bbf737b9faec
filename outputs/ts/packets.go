package ts

import (
	"fmt"
	"io"
)

const (
	// readSize is how much is asked of the source at once: many packets a call, and a Linux pipe's usual capacity.
	readSize = 64 << 10
	// maxUnsynced is how much without a transport stream at the start is taken to be some other format.
	maxUnsynced = 1 << 20
	// syncPackets is in how many packets on end the sync byte must stand for synchronisation: in random data that
	// happens once in 16 million places.
	syncPackets = 3
	// maxEmptyReads is how often a source may return nothing and no error before it is taken to be broken (as in bufio).
	maxEmptyReads = 100
)

// packetSource cuts a byte stream into packets and finds the packet grid again when it is lost.
type packetSource struct {
	r          io.Reader
	buf        []byte
	start, end int
	synced     bool
	packets    int64 // returned so far
	skipped    int64 // bytes that belonged to no packet
	err        error // why the source ended
}

// next returns the next packet, valid until the next call. At the end of the source it returns io.EOF.
func (s *packetSource) next() ([]byte, error) {
	for {
		if s.synced && s.end-s.start >= PacketSize {
			if s.buf[s.start] == SyncByte {
				p := s.buf[s.start : s.start+PacketSize]
				s.start += PacketSize
				s.packets++
				return p, nil
			}
			s.synced = false
		}
		if !s.synced && s.sync() {
			continue
		}
		if s.packets == 0 && s.skipped > maxUnsynced {
			return nil, fmt.Errorf("no MPEG transport stream in the first %d bytes", s.skipped)
		}
		if s.err != nil {
			s.skipped += int64(s.end - s.start)
			s.start = s.end
			return nil, s.err
		}
		s.fill()
	}
}

// sync moves to the first place where a packet can start, and reports whether there is one. Places that would need
// more data stay in the buffer. After the end of the source as many packets as are left must do.
func (s *packetSource) sync() bool {
	for ; s.start < s.end; s.start, s.skipped = s.start+1, s.skipped+1 {
		if s.buf[s.start] != SyncByte {
			continue
		}
		found := 0
		for at := s.start; found < syncPackets && at < s.end && s.buf[at] == SyncByte; at += PacketSize {
			found++
		}
		rest := s.end - s.start
		switch {
		case found == syncPackets, s.err != nil && found*PacketSize >= rest-rest%PacketSize && rest >= PacketSize:
			s.synced = true
			return true
		case s.err == nil && found*PacketSize >= rest:
			return false // all that is here fits: more is needed to tell
		}
	}
	return false
}

// fill reads once from the source, without waiting for more than it gives.
func (s *packetSource) fill() {
	if s.buf == nil {
		s.buf = make([]byte, readSize)
	}
	if s.start > 0 {
		s.end = copy(s.buf, s.buf[s.start:s.end])
		s.start = 0
	}
	for range maxEmptyReads {
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		if err != nil {
			s.err = err
			return
		}
		if n > 0 {
			return
		}
	}
	s.err = io.ErrNoProgress
}
