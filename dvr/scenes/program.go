package scenes

import "github.com/refstream/refstream/outputs/ts"

// program is the tables of a stream, and which video is taken out of it: the first of the first program that has one.
type program struct {
	pat  table
	pmts map[uint16]*table // by PID
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
	if pid == 0 {
		if p.Starts() {
			g.patAt = at
		}
		if g.pat.observe(p, tableProgramAssociation) {
			g.name()
		}
		return false
	}
	pmt := g.pmts[pid]
	if pmt == nil || !pmt.observe(p, tableProgramMap) {
		return false
	}
	v, ok := firstVideo(pmt.program())
	if !ok || g.pmtPID != 0 && g.pmtPID != pid {
		return false
	}
	g.tablesAt = g.patAt
	changed = v != g.video
	g.pmtPID, g.video = pid, v
	return changed
}

// name takes the program maps that the PAT names now.
func (g *program) name() {
	pmts := map[uint16]*table{}
	for _, pid := range g.pat.maps() {
		if len(pmts) == maxPrograms {
			break
		}
		if pmts[pid] = g.pmts[pid]; pmts[pid] == nil {
			pmts[pid] = &table{}
		}
	}
	delete(pmts, 0) // the PAT's own
	if pmts[g.pmtPID] == nil {
		g.pmtPID = 0 // the program is gone: another one may be taken
	}
	g.pmts = pmts
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
