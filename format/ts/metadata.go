package ts

import (
	"bytes"

	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/media"
)

const (
	// maxMetadata bounds a PES packet that doesn't state how long it is: a tag of the longest kind and its header.
	maxMetadata = id3.MaxSize + pesHeaderSize + 255
	// maxHeld bounds the tags that wait for the first access unit; a stream has a few per second at the most.
	maxHeld = 256
)

// HandleID3 has Next call handle for each ID3 tag of the first timed ID3 stream of the video's program, in the order of
// the stream, from the next packet on. A tag that lost a packet, or has no PTS, is left out and counted.
//
// Next handles a tag before it returns an access unit that comes later in the stream. It may do so before it returns the
// unit in front of the tag, where that ends only with the start of the next one. Tags in front of the first unit are
// handled just before that is returned, since it is what their time is unwrapped by; at most 256 of them are kept, and
// 1 MiB.
func (r *Reader) HandleID3(handle func(id3.Timed)) { r.metadata.handle = handle }

// metadata puts the ID3 tags of one PID together.
type metadata struct {
	handle func(id3.Timed)
	pid    uint16 // the PAT's for none

	assembly

	tag []byte // the tag that continues in the next PES packet, empty when none does
	pts int64  // its PTS on the wire
	at  int64  // where its first PES packet begins

	held      []id3.Timed // wait for the first unit, PTS as on the wire
	heldBytes int
}

// wanted reports whether packets of that PID are to be read.
func (m *metadata) wanted(pid uint16) bool { return m.handle != nil && pid == m.pid && pid != patPID }

// followID3 takes the streams that the video's program has now.
func (r *Reader) followID3(streams []ProgramStream) {
	m := &r.metadata
	var pid uint16 = patPID
	for _, s := range streams {
		if s.hasID3() && s.PID != r.videoPID && s.PID != patPID && r.programs[s.PID] == nil {
			pid = s.PID
			break
		}
	}
	if pid == m.pid {
		return
	}
	r.finishID3()
	r.dropID3()
	m.pid = pid
	m.continuity.reset()
}

// id3 takes a packet of the ID3 stream.
func (r *Reader) id3(p Packet, offset int64) {
	r.metadata.take(p, offset, r.src.Packets, maxMetadata, r.finishID3, func(error) { r.dropID3() })
}

// finishID3 ends the PES packet that is open, if any, and takes the tags out of it. One that is shorter than it states may
// hold them all the same.
func (r *Reader) finishID3() {
	m := &r.metadata
	if !m.open {
		return
	}
	p, err := parsePES(m.pes, hasHeader) // private_stream_id_1, and all that writers use by mistake
	if err != nil {
		r.dropID3()
		return
	}
	m.open = false
	if _, begins := id3.Size(p.data); !begins && len(m.tag) > 0 {
		r.continueID3(p.data)
		return
	}
	if len(m.tag) > 0 { // was broken off
		r.dropID3()
	}
	r.takeID3(p)
}

// continueID3 takes more of the tag that was begun.
func (r *Reader) continueID3(data []byte) {
	m := &r.metadata
	m.tag = append(m.tag, data...)
	if n, _ := id3.Size(m.tag); len(m.tag) >= n {
		tag := m.tag[:n]
		m.tag = nil
		r.emitID3(tag, m.pts, m.at)
	}
}

// takeID3 takes the tags that begin in a PES packet.
func (r *Reader) takeID3(p pesPacket) {
	taken := false
	for data := id3.Restore(p.data); ; {
		n, ok := id3.Size(data)
		switch {
		case !ok && taken:
			return // filling after the last tag
		case !ok || n > id3.MaxSize || !p.timed:
			r.stats.DamagedID3++
			return
		case n > len(data):
			r.metadata.tag, r.metadata.pts, r.metadata.at = bytes.Clone(data), p.pts, r.metadata.begun
			return
		}
		r.emitID3(bytes.Clone(data[:n]), p.pts, r.metadata.begun)
		data, taken = data[n:], true
	}
}

// emitID3 passes a tag on, or keeps it until there is a timeline.
func (r *Reader) emitID3(tag []byte, wire, offset int64) {
	m := &r.metadata
	switch {
	case r.timed:
		m.handle(id3.Timed{PTS: media.Unwrap(wire, r.ref), Offset: offset, Tag: tag})
	case len(m.held) < maxHeld && m.heldBytes+len(tag) <= id3.MaxSize:
		m.held, m.heldBytes = append(m.held, id3.Timed{PTS: wire, Offset: offset, Tag: tag}), m.heldBytes+len(tag)
	default:
		r.stats.DamagedID3++
	}
}

// releaseID3 passes on what was kept.
func (r *Reader) releaseID3() {
	held := r.metadata.held
	r.metadata.held = nil
	for _, t := range held {
		r.emitID3(t.Tag, t.PTS, t.Offset)
	}
}

// dropID3 leaves out the tag that was begun, if any.
func (r *Reader) dropID3() {
	m := &r.metadata
	if m.open || len(m.tag) > 0 {
		r.stats.DamagedID3++
	}
	m.open, m.tag = false, nil
}
