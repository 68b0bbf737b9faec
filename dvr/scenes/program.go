package scenes

import (
	"bytes"
	"slices"

	"github.com/refstream/refstream/format/ts"
)

// program is the tables of a stream, and which video is taken out of it: the first of the first program that has one.
type program struct {
	psi ts.PSI
	// patAt is where the last PAT began, and tablesAt the one before the last PMT that has the video.
	patAt, tablesAt int64
	pmtPID          uint16 // that of the program with the video, 0 where none is known
	// video includes its descriptors, which identify some kinds.
	video ts.ProgramStream
}

// take takes a packet at offset at, and reports whether another video begins with it.
func (g *program) take(p ts.Packet, at int64) (changed bool) {
	pid := p.PID()
	if pid == 0 && p.Starts() {
		g.patAt = at
	}
	if !g.psi.Take(p) {
		return false
	}
	if g.psi.PMTs[g.pmtPID] == nil {
		g.pmtPID = 0 // the program is gone: another one may be taken
	}
	pmt := g.psi.PMTs[pid]
	if pmt == nil { // it is the PAT
		return false
	}
	streams := pmt.Program().Streams
	i := slices.IndexFunc(streams, ts.ProgramStream.Video)
	if i < 0 || g.pmtPID != 0 && g.pmtPID != pid {
		return false
	}
	g.tablesAt = g.patAt
	v := streams[i]
	v.Descriptors = bytes.Clone(v.Descriptors) // they are the table's
	changed = v.PID != g.video.PID || v.Type != g.video.Type || !bytes.Equal(v.Descriptors, g.video.Descriptors)
	g.pmtPID, g.video = pid, v
	return changed
}

// Values of stream_type (table 2-34).
const (
	kindMPEG1 = 0x01
	kindMPEG2 = 0x02
	kindH264  = 0x1B
	kindH265  = 0x24
)

const decoderMapPID = 0x1FF0 // the PID of the only PMT that a decoder is given

// decoderTables is a PAT and a PMT with this video alone, so that the decoder doesn't wait for other streams.
func decoderTables(video ts.ProgramStream) []byte {
	mapPID := uint16(decoderMapPID)
	if video.PID == mapPID {
		mapPID++
	}
	return ts.AppendTables(nil, mapPID, video)
}
