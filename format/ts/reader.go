package ts

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/refstream/refstream/codec"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/media"
)

// maxUnit bounds the memory for one PES packet: ten times a 1080p picture before coding (4:2:0, 8 bits: 3.1 MB).
const maxUnit = 32 << 20

// maxEarly bounds the memory for what precedes the tables that state what it is: some seconds of 1080p.
const maxEarly = 8 << 20

// Stats reports what a Reader met so far.
type Stats struct {
	// Packets is the number of packets, of all PIDs.
	Packets int64
	// Skipped is the number of bytes between packets: garbage, or a packet cut short.
	Skipped int64
	// Gaps is the number of places in the video stream where its continuity counter shows that packets are missing.
	Gaps int64
	// Damaged is the number of access units that were begun but left out because a part is missing or can't be read.
	Damaged int64
	// Scrambled is the number of packets of the video that are scrambled, and so not read.
	Scrambled int64
	// LastDamage states what was wrong with the last one, with the packet's number; nil when Damaged is 0.
	LastDamage error
	// DamagedID3 is the number of ID3 tags that were begun but left out, as Damaged is of access units. It counts only
	// when tags are handled.
	DamagedID3 int64
}

// Reader takes the access units of the first H.264 or HEVC stream out of a transport stream: the first in the first program
// map that names one. A PES packet holds one access unit, as nearly all writers make them (DVB demands it, ETSI TS 101 154,
// 4.1.5), or several. A Reader is not safe for concurrent use.
type Reader struct {
	src      packets
	pat      Sections
	programs map[uint16]*Sections // by PMT PID

	// early are packets that preceded the first program map that names a video stream, with where they begin, and lost says
	// that there were too many.
	early []earlyPacket
	lost  bool
	// What tables there were, for the error where none names a video stream.
	hasPAT, hasPMT, wrongTables bool

	found     bool   // a program map in force names a video stream
	everFound bool   // one did
	mapPID    uint16 // the PID of that map
	videoPID  uint16
	track     *media.Track // of the newest unit; until there is one it has no parameter sets

	assembly // of the video

	ready     []media.Unit
	offsets   []int64 // of each of ready
	offset    int64   // of the unit returned last
	openEnded bool    // the last of them was ended by the end of the stream

	timed bool  // ref is set
	ref   int64 // the last DTS, not wrapped
	stats Stats
	err   error

	metadata     metadata
	handlePacket func(p Packet, offset int64) // nil for none
}

type earlyPacket struct {
	packet Packet
	offset int64
}

// NewReader makes a Reader that reads from r, in pieces as large as r gives them, so that a live source is not waited for
// longer than needed.
func NewReader(r io.Reader) *Reader {
	return &Reader{src: packets{r: r}, programs: map[uint16]*Sections{}, assembly: assembly{continuity: continuity{counter: -1}}}
}

// Stats reports what was met so far.
func (r *Reader) Stats() Stats {
	s := r.stats
	s.Packets, s.Skipped = r.src.Packets, r.src.Skipped
	return s
}

// Next returns the next access unit, in decoding order. Its bytes are the caller's. Frame is -1. PTS and DTS are
// unwrapped: the first DTS is as on the wire, what follows is nearest to the DTS before it, so that a gap may last up to
// 13 hours. They are what the stream states: in a faulty one PTS may be before DTS. A unit is Untimed where its PES packet has
// no PTS, or where it is not the first one in it (H.222.0, 2.4.3.7). Key is set when there is an IDR slice, of HEVC
// an IRAP slice.
//
// A unit is returned as soon as it is complete: with its last packet if its PES packet states how long it is, else with
// the first packet of the next one, or at the end of the stream.
//
// At the end it returns io.EOF. Other errors are those of the source, and that there is no transport stream or no
// video in it; they name the number of packets read. The same error is returned from then on.
func (r *Reader) Next() (media.Unit, error) {
	for len(r.ready) == 0 && r.err == nil {
		p, offset, err := r.src.next()
		if err == nil {
			if r.handlePacket != nil {
				r.handlePacket(p, offset)
			}
			r.packet(p, offset)
			continue
		}
		r.end(err)
	}
	if len(r.ready) > 0 {
		au := r.ready[0]
		r.offset = r.offsets[0]
		r.ready, r.offsets = slices.Delete(r.ready, 0, 1), slices.Delete(r.offsets, 0, 1)
		return au, nil
	}
	return media.Unit{}, r.err
}

// Offset is where the packet begins in the stream in which the unit begins that Next returned last.
func (r *Reader) Offset() int64 { return r.offset }

// HandlePackets has Next call handle for each packet, with where it begins in the stream, before it makes anything of it, and
// lost as [Splitter].Lost.
func (r *Reader) HandlePackets(handle func(p Packet, offset int64), lost func(offset, n int64, found bool)) {
	r.handlePacket, r.src.Lost = handle, lost
}

// OpenEnded reports whether the unit that Next returned last ends where the stream ends, and its PES packet doesn't state
// how long it is: if the stream was broken off, that unit may be a part of one.
func (r *Reader) OpenEnded() bool { return r.openEnded && len(r.ready) == 0 }

// end takes the end of the source, which err is.
func (r *Reader) end(err error) {
	r.err = r.endError(err)
	r.finishID3()
	r.dropID3()
	if !r.open {
		return
	}
	if !errors.Is(r.err, io.EOF) {
		r.drop(fmt.Errorf("access unit is cut short after packet %d", r.src.Packets))
		return
	}
	r.finish()
	r.openEnded = len(r.ready) > 0
}

func (r *Reader) endError(err error) error {
	switch {
	case !errors.Is(err, io.EOF):
		return fmt.Errorf("read transport stream: after packet %d: %w", r.src.Packets, err)
	case r.everFound || r.src.Packets == 0 && r.src.Skipped == 0:
		return io.EOF
	case r.src.Packets == 0:
		return fmt.Errorf("read transport stream: no packets in %d bytes", r.src.Skipped)
	}
	what := "no H.264 or HEVC stream in the program maps"
	switch {
	case r.hasPMT:
	case r.wrongTables:
		what = "no program table (PAT, PMT) with a right CRC"
	case r.hasPAT:
		what = "no program map (PMT)"
	default:
		what = "no program association table (PAT)"
	}
	return fmt.Errorf("read transport stream: %s in %d packets", what, r.src.Packets)
}

// packet takes one packet apart and passes its payload on.
func (r *Reader) packet(p Packet, offset int64) {
	pid := p.PID()
	video := r.found && pid == r.videoPID
	id3 := r.found && r.metadata.wanted(pid)
	table := r.programs[pid]
	if !video && !id3 && table == nil && pid != patPID {
		r.hold(p, offset)
		return
	}
	payload, start := p.Payload(), p.Starts()
	if video && !p.Damaged() && !p.Readable() {
		r.stats.Scrambled++
	}
	if len(payload) == 0 || !p.Readable() { // the counter shows what is missing
		return
	}
	switch {
	case pid == patPID:
		r.pat.Push(payload, start, r.program)
	case table != nil:
		table.Push(payload, start, func(section []byte, right bool) { r.programMap(pid, section, right) })
	case video:
		r.video(p, offset)
	default:
		r.id3(p, offset)
	}
}

// hold keeps a packet until it is known which are the video's.
func (r *Reader) hold(p Packet, offset int64) {
	switch {
	case r.everFound || p.PID() == NullPID || r.lost:
	case (len(r.early)+1)*PacketSize > maxEarly:
		r.early, r.lost = nil, true
	default:
		r.early = append(r.early, earlyPacket{slices.Clone(p), offset})
	}
}

// release takes what was held, when it has become known which packets are the video's.
func (r *Reader) release() {
	early := r.early
	r.early = nil
	if r.lost {
		r.drop(fmt.Errorf("the program tables come after %d MiB of packets, which are left out, at packet %d", maxEarly>>20, r.src.Packets))
	}
	for _, h := range early {
		if pid := h.packet.PID(); pid == r.videoPID || r.metadata.wanted(pid) {
			r.packet(h.packet, h.offset)
		}
	}
}

// program takes a PAT section: it states where the program maps are. A damaged one is left out: tables are repeated.
func (r *Reader) program(section []byte, right bool) {
	_, body, ok := tableBody(section, tableIDPAT)
	if r.wrongTables = r.wrongTables || !right; !ok || !right {
		return
	}
	r.hasPAT = true
	pids := mapPIDs(body)
	if section[lastSectionNumber] == 0 { // the whole table: programs that it doesn't name are gone
		for pid := range r.programs {
			if !slices.Contains(pids, pid) {
				delete(r.programs, pid)
			}
		}
		if r.found && r.programs[r.mapPID] == nil {
			r.finish()
			r.found = false
		}
	}
	for _, pid := range pids {
		// A map's PID can't be the PAT's or the video's; the rest is bounded by the 13 bits of a PID.
		if r.programs[pid] == nil && pid != patPID && !(r.found && pid == r.videoPID) {
			r.programs[pid] = &Sections{}
		}
	}
}

// programMap takes a PMT section: it states where the video and the ID3 are. The program stays the first that had video.
func (r *Reader) programMap(pid uint16, section []byte, right bool) {
	_, body, ok := tableBody(section, tableIDPMT)
	if r.wrongTables = r.wrongTables || !right; !ok || !right || r.found && pid != r.mapPID {
		return
	}
	r.hasPMT = true
	streams := mapStreams(body)
	stays := r.found && slices.ContainsFunc(streams, func(s ProgramStream) bool {
		is, ok := s.codec()
		return ok && s.PID == r.videoPID && is == r.track.Codec
	})
	if !stays {
		i := slices.IndexFunc(streams, func(s ProgramStream) bool {
			_, ok := s.codec()
			return ok && r.programs[s.PID] == nil && s.PID != patPID
		})
		if i < 0 {
			return
		}
		r.finish() // the stream moved to another PID
		defer r.release()
		r.found, r.everFound, r.mapPID, r.videoPID = true, true, pid, streams[i].PID
		codec, _ := streams[i].codec()
		r.track = &media.Track{Codec: codec, Timescale: media.TicksPerSecond}
		r.continuity.reset()
	}
	r.followID3(streams)
}

// video takes a packet of the video stream.
func (r *Reader) video(p Packet, offset int64) {
	gap := r.assembly.take(p, offset, r.src.Packets, maxUnit, r.finish, func(why error) {
		if r.open {
			r.drop(why)
		}
	})
	if gap {
		r.stats.Gaps++
	}
}

// finish ends the PES packet that is open, if any, and makes an access unit of it.
func (r *Reader) finish() {
	if !r.open {
		return
	}
	if n := pesSize(r.pes); len(r.pes) < n {
		r.drop(fmt.Errorf("PES packet has %d of its %d bytes at packet %d", len(r.pes), n, r.src.Packets))
		return
	}
	p, err := parsePES(r.pes, isVideoID)
	if err != nil {
		r.drop(fmt.Errorf("%w at packet %d", err, r.src.Packets))
		return
	}
	nals := h264.SplitAnnexB(append([]byte(nil), p.data...))
	if len(nals) == 0 {
		r.drop(fmt.Errorf("no NAL unit in the PES packet that ends at packet %d", r.src.Packets))
		return
	}
	r.open = false
	pts := r.ref
	if p.timed {
		if !r.timed {
			r.timed, r.ref = true, p.dts
			r.releaseID3()
		}
		r.ref = media.Unwrap(p.dts, r.ref)
		pts = media.Unwrap(p.pts, r.ref)
	}
	for i, nals := range splitUnits(r.track.Codec, nals) {
		au := media.Unit{
			Frame: -1, PTS: pts, DTS: r.ref, Untimed: !p.timed || i > 0, Key: codec.Key(r.track.Codec, nals), NALs: nals,
		}
		if r.track.Codec == media.H264 {
			r.track = h264.Track(r.track, nals)
		}
		au.Track = r.track
		r.ready, r.offsets = append(r.ready, au), append(r.offsets, r.begun)
	}
}

// drop leaves out the unit that is open.
func (r *Reader) drop(why error) {
	r.open = false
	r.stats.Damaged++
	r.stats.LastDamage = why
}
