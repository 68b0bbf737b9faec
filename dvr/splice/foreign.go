package splice

import (
	"errors"
	"fmt"

	"github.com/refstream/refstream/outputs/ts"
)

const (
	// maxForeign is how many bytes without a transport stream at the start are taken to be something else.
	maxForeign = 64 << 10
	// maxLost is how many bytes may be skipped on end after the packets were lost.
	maxLost = 1 << 20
)

// errForeign is a connection that brings something else than a transport stream, and errNoProgram one that looks like one
// and has nothing in it.
var (
	errForeign   = errors.New("it sends no MPEG transport stream of 188-byte packets: have it send one, as with ffmpeg -f mpegts")
	errNoProgram = errors.New("its transport stream has no program: neither a PAT nor the start of a PES packet")
)

// push takes the next bytes and calls emit for every packet that is complete now. The packet may be changed, and is valid
// during the call only. The error is errForeign, or another one when too much is skipped.
func push(s *ts.Splitter, data []byte, emit func(ts.Packet)) error {
	_, _ = s.Write(data) // never fails
	for p, _, ok := s.Next(); ok; p, _, ok = s.Next() {
		emit(p)
	}
	switch {
	case s.Packets == 0 && s.Skipped > maxForeign:
		return errForeign
	case s.Unsynced > maxLost:
		return fmt.Errorf("its transport stream is lost: no packets in %d bytes", s.Unsynced)
	}
	return nil
}
