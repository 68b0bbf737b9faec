package ts

import (
	"fmt"
	"io"
	"iter"
)

const (
	// readSize is how much is asked of the source at once: many packets a call, and a Linux pipe's usual capacity.
	readSize = 64 << 10
	// maxUnsynced is how much without a transport stream at the start is taken to be some other format.
	maxUnsynced = 1 << 20
	// syncPackets is in how many packets on end the sync byte must be found for synchronisation: in random data that
	// happens once in 16 million places.
	syncPackets = 3
	// maxEmptyReads is how often a source may return nothing and no error before it is taken to be broken (as in bufio).
	maxEmptyReads = 100
)

// extras are how many bytes may be between packets: none, the time stamp before each in files of M2TS and AVCHD, and the
// Reed-Solomon code behind each of DVB (ETSI EN 300 429, 4.4.2).
var extras = [...]int{0, 4, 16}

// Splitter cuts a byte stream into packets, and finds the packets again where bytes are missing or wrong. Packets of 188, 192
// and 204 bytes are told by the first of them. Its zero value is ready. It keeps no more than was written last and three packets.
type Splitter struct {
	// Packets is the number of packets that Next returned, Skipped that of the bytes that belong to none, and Losses how often
	// the packets had to be found again.
	Packets, Skipped, Losses int64
	// Unsynced is how many bytes were skipped since the last packet.
	Unsynced int64
	// Lost, where it is set, is called with the bytes between two packets that are none, before the second of them is returned,
	// and with those at the end, with found false, which are not the beginning of a packet.
	Lost func(offset, n int64, found bool)

	buf    []byte
	start  int   // of buf: what precedes was given out
	at     int64 // offset of that
	synced bool
	ended  bool
	extra  int // bytes between packets
	owed   int // of them not passed over yet
}

// Split gives the packets of data, each with its offset. They are parts of data.
func Split(data []byte) iter.Seq2[Packet, int64] {
	return func(yield func(Packet, int64) bool) {
		s := Splitter{buf: data, ended: true}
		for p, offset, ok := s.Next(); ok && yield(p, offset); p, offset, ok = s.Next() {
		}
	}
}

// Write takes the next bytes. It never fails.
func (s *Splitter) Write(b []byte) (int, error) {
	s.compact()
	s.buf = append(s.buf, b...)
	return len(b), nil
}

// End reports that no more bytes follow: Next may take what is left for packets where fewer than three are.
func (s *Splitter) End() { s.ended = true }

// compact makes room behind what is there.
func (s *Splitter) compact() {
	s.buf = s.buf[:copy(s.buf, s.buf[s.start:])]
	s.start = 0
}

// Next returns the next packet that is complete, and where it begins in the stream; ok is false where more bytes must come. The
// packet may be changed, and is valid until the next Write.
func (s *Splitter) Next() (p Packet, offset int64, ok bool) {
	for {
		if s.owed > 0 {
			n := min(s.owed, len(s.buf)-s.start)
			s.start, s.at, s.owed = s.start+n, s.at+int64(n), s.owed-n
		}
		if s.synced && len(s.buf)-s.start < PacketSize {
			break
		}
		if s.synced && s.buf[s.start] != SyncByte {
			s.synced = false
			s.Losses++
		}
		if !s.synced {
			n, found := s.find(s.buf[s.start:])
			s.skip(n)
			if s.synced = found; !found {
				break
			}
			continue
		}
		if s.Unsynced > 0 && s.Packets > 0 && s.Lost != nil {
			s.Lost(s.at-s.Unsynced, s.Unsynced, true)
		}
		p, offset = s.buf[s.start:s.start+PacketSize:s.start+PacketSize], s.at
		s.start, s.at = s.start+PacketSize, s.at+PacketSize
		s.Packets, s.Unsynced, s.owed = s.Packets+1, 0, s.extra
		return p, offset, true
	}
	if rest := s.buf[s.start:]; s.ended && (len(rest) > 0 || s.Unsynced > 0) {
		begun := s.Unsynced == 0 && rest[0] == SyncByte
		s.skip(len(rest))
		if !begun && s.Packets > 0 && s.Lost != nil {
			s.Lost(s.at-s.Unsynced, s.Unsynced, false)
		}
		s.Unsynced = 0
	}
	return nil, 0, false
}

func (s *Splitter) skip(n int) {
	s.start, s.at = s.start+n, s.at+int64(n)
	s.Skipped, s.Unsynced = s.Skipped+int64(n), s.Unsynced+int64(n)
}

// find looks for the place where packets begin: n is how many bytes are before it. Where it is not found, what follows
// these may hold it when there is more. The headers of a stream's first packets must be plausible too.
func (s *Splitter) find(b []byte) (n int, found bool) {
	for ; n < len(b); n++ {
		if b[n] != SyncByte {
			continue
		}
		open := false
		for _, extra := range extras {
			if s.Packets > 0 && extra != s.extra {
				continue
			}
			found, more := s.fits(b[n:], PacketSize+extra)
			if found {
				s.extra = extra
				return n, true
			}
			open = open || more
		}
		if open {
			return n, false
		}
	}
	return n, false
}

// fits reports whether packets that are so far apart begin at b, or whether that can only be determined when there is more.
func (s *Splitter) fits(b []byte, apart int) (found, more bool) {
	const head = headerSize + 1
	have, at := 0, 0
	for have < syncPackets && at < len(b) && b[at] == SyncByte {
		if s.Packets == 0 && (len(b)-at < head || !Packet(b[at:at+head]).Plausible()) {
			break
		}
		have, at = have+1, at+apart
	}
	switch {
	case have == syncPackets:
		return true, false
	case s.ended: // all the packets that are left
		return have > 0 && len(b) >= PacketSize && len(b)-at < PacketSize, false
	}
	return false, at >= len(b) || b[at] == SyncByte && len(b)-at < head
}

// packets reads the packets of a source.
type packets struct {
	Splitter
	r   io.Reader
	err error // why the source ended
}

// next returns the next packet and its offset, valid until the next call. At the end of the source it returns io.EOF.
func (s *packets) next() (Packet, int64, error) {
	for {
		if p, offset, ok := s.Next(); ok {
			return p, offset, nil
		}
		if s.Packets == 0 && s.Skipped > maxUnsynced {
			return nil, 0, fmt.Errorf("no MPEG transport stream in the first %d bytes", s.Skipped)
		}
		if s.ended {
			return nil, 0, s.err
		}
		s.fill()
	}
}

// fill reads once from the source, without waiting for more than it gives.
func (s *packets) fill() {
	if s.buf == nil {
		s.buf = make([]byte, 0, readSize)
	}
	s.compact()
	for range maxEmptyReads {
		n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+n]
		if err != nil {
			s.err = err
			s.End()
			return
		}
		if n > 0 {
			return
		}
	}
	s.err = io.ErrNoProgress
	s.End()
}
