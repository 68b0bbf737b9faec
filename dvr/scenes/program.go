package scenes

import "github.com/refstream/refstream/outputs/ts"

// program is the tables of a stream, and which video is taken out of it: the first of the first program that has one.
type program struct {
	psi ts.PSI
	// patAt is where the last PAT began, and tablesAt the one before the last PMT that has the video.
	patAt, tablesAt int64
	// pmtPID is that of the program with the video, 0 where none is known.
	pmtPID uint16
	video  video
}

// video is a stream of video, as a PMT has it.
type video struct {
	pid  uint16
	kind byte // stream_type
	// descriptors are those of the PMT, which say more of some kinds.
	descriptors string
}

// take takes a packet at offset at, and reports whether it says that there is another video now.
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
	v, ok := firstVideo(pmt.Program())
	if !ok || g.pmtPID != 0 && g.pmtPID != pid {
		return false
	}
	g.tablesAt = g.patAt
	changed = v != g.video
	g.pmtPID, g.video = pid, v
	return changed
}

// firstVideo is the first video that a PMT names.
func firstVideo(p ts.Program) (video, bool) {
	for _, s := range p.Streams {
		if s.Video() {
			return video{s.PID, s.Type, string(s.Descriptors)}, true
		}
	}
	return video{}, false
}

// Values of stream_type (table 2-34).
const (
	kindMPEG1 = 0x01
	kindMPEG2 = 0x02
	kindH264  = 0x1B
	kindH265  = 0x24
)

// decoderMapPID is the PID of the only PMT that a decoder is given.
const decoderMapPID = 0x1FF0

// tables is a PAT and a PMT that name this video and nothing else, so that a decoder doesn't wait for streams that it is
// not given.
func (v video) tables() []byte {
	mapPID := uint16(decoderMapPID)
	if v.pid == mapPID {
		mapPID++
	}
	return ts.AppendTables(nil, mapPID, ts.ProgramStream{Type: v.kind, PID: v.pid, Descriptors: []byte(v.descriptors)})
}
