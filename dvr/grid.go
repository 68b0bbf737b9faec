package dvr

import (
	"errors"
	"fmt"

	"github.com/refstream/refstream/outputs/ts"
)

const (
	// firstPackets is in how many packets on end the sync byte must stand, with a plausible header, before a connection is
	// taken for a transport stream: in random data that happens less than once in 10^12 places.
	firstPackets = 5
	// againPackets is the same for the grid to be found again: once in 16 million places.
	againPackets = 3
	// headSize is a packet's header and the length of its adaptation field.
	headSize = 5
	// maxForeign is how many bytes without a transport stream at the start are taken to be something else.
	maxForeign = 64 << 10
	// maxLost is how many bytes may be skipped on end after the grid was lost.
	maxLost = 1 << 20
)

// errForeign is a connection that brings something else than a transport stream, and errNoProgram one that looks like one
// and has nothing in it.
var (
	errForeign   = errors.New("it sends no MPEG transport stream of 188-byte packets: have it send one, as with ffmpeg -f mpegts")
	errNoProgram = errors.New("its transport stream has no program: neither a PAT nor the start of a PES packet")
)

// grid cuts a byte stream into packets, and finds the packets again where bytes are missing or wrong.
type grid struct {
	rest    []byte // not given out yet
	synced  bool
	packets int64 // given out
	skipped int64 // bytes that belonged to no packet, in all
	lost    int64 // of those, the ones since the last packet
	losses  int   // how often the grid was lost
}

// push takes the next bytes and calls emit for every packet that is complete now. The packet may be changed, and is valid
// during the call only. It returns errForeign, or another error when too much is skipped.
func (g *grid) push(data []byte, emit func(ts.Packet)) error {
	g.rest = append(g.rest, data...)
	at := 0
	for {
		if !g.synced {
			n, found := g.find(g.rest[at:])
			at, g.skipped, g.lost = at+n, g.skipped+int64(n), g.lost+int64(n)
			g.synced = found
		}
		if !g.synced || len(g.rest)-at < ts.PacketSize {
			break
		}
		if g.rest[at] != ts.SyncByte {
			g.synced = false
			g.losses++
			continue
		}
		g.packets, g.lost = g.packets+1, 0
		emit(g.rest[at : at+ts.PacketSize : at+ts.PacketSize])
		at += ts.PacketSize
	}
	g.rest = g.rest[:copy(g.rest, g.rest[at:])]
	switch {
	case g.packets == 0 && g.skipped > maxForeign:
		return errForeign
	case g.lost > maxLost:
		return fmt.Errorf("its transport stream is lost: no packets in %d bytes", g.lost)
	}
	return nil
}

// find looks for the place where packets begin: n is how many bytes are before it. Where it is not found, what follows
// these may hold it when there is more.
func (g *grid) find(b []byte) (n int, found bool) {
	first, want := g.packets == 0, againPackets
	if first {
		want = firstPackets
	}
	for ; n < len(b); n++ {
		have, at := 0, n
		for have < want && at < len(b) && b[at] == ts.SyncByte {
			if first && len(b)-at < headSize {
				return n, false
			}
			if first && !ts.Packet(b[at:at+headSize]).Plausible() {
				break
			}
			have, at = have+1, at+ts.PacketSize
		}
		if have == want {
			return n, true
		}
		if at >= len(b) {
			return n, false
		}
	}
	return n, false
}
