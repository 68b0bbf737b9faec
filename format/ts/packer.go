package ts

import (
	"bytes"
	"encoding/binary"
	"iter"

	"github.com/refstream/refstream/media"
)

// packer makes the packets of a stream.
type packer struct {
	pes []byte // the PES packet being packed
	counters
}

// counters are the continuity counters of the next packets.
type counters struct{ pat, pmt, video, metadata, sound uint8 }

// tables appends the PAT and the PMT.
func (p *packer) tables(out []byte, sound bool) []byte {
	out = appendPacket(out, patPID, &p.pat, flagStart, nil, patSection(pmtPID))
	return appendPacket(out, pmtPID, &p.pmt, flagStart, nil, pmtSection(sound))
}

// unit appends an access unit that checkUnit let pass, with the PCR of a unit with that DTS. Where again is not 0, its last packet
// has another PCR, as of a unit so much later.
func (p *packer) unit(out []byte, au media.Unit, dts, again int64) []byte {
	const room = bodySize - pcrFieldSize
	p.pes = appendPES(p.pes[:0], au)
	var field [pcrFieldSize]byte
	putPCR(&field, dts-pcrLead, au.Key)
	if again == 0 {
		return appendPackets(out, videoPID, &p.video, flagStart, field[:], p.pes)
	}
	n := len(p.pes)
	last := n / 2 // of one packet two are made
	if n > room {
		last = min((n-room-1)%bodySize+1, room)
	}
	out = appendPackets(out, videoPID, &p.video, flagStart, field[:], p.pes[:n-last])
	putPCR(&field, dts+again-pcrLead, false)
	return appendPacket(out, videoPID, &p.video, 0, field[:], p.pes[n-last:])
}

// between gives the decoding times from the last PCR to the next unit at which there must be a PCR.
func between(clock, next int64) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for dts := clock + pcrEvery; dts < next && next-clock <= longestFrame; dts += pcrEvery {
			if !yield(dts) {
				return
			}
		}
	}
}

// reference appends a packet that has only a PCR, as of a unit with that DTS. It isn't counted (H.222.0, 2.4.3.3).
func (p *packer) reference(out []byte, dts int64) []byte {
	var field [pcrFieldSize]byte
	putPCR(&field, dts-pcrLead, false)
	field[0] = bodySize - 1
	out = append(out, SyncByte, videoPID>>8, videoPID&0xFF, 0x20|(p.video-1)&0x0F)
	out = append(out, field[:]...)
	return append(out, bytes.Repeat([]byte{0xFF}, bodySize-pcrFieldSize)...)
}

// sound appends a unit of AAC with its ADTS header.
func (p *packer) sound(out, adts []byte, pts int64) []byte {
	p.pes = append(p.pes[:0], 0, 0, 1, streamIDAudio, 0, 0, 0x84, 0x80, timestampSize) // a unit starts here, PTS only
	binary.BigEndian.PutUint16(p.pes[4:], uint16(pesHeaderSize+timestampSize-pesPrefixSize+len(adts)))
	p.pes = append(appendTimestamp(p.pes, 0b0010, pts), adts...)
	return appendPackets(out, soundPID, &p.counters.sound, flagStart, nil, p.pes)
}

// id3 appends an ID3 tag. One that is too long for a PES packet, whose length must be stated here, continues in the next
// ones: only the first, where the tag begins, has data_alignment_indicator.
//
// The packet with the PES header holds no more than the four bytes of ID3 and version after it: of what more there is,
// ffmpeg 5.1 takes five bytes for the header of a metadata access unit (H.222.0, 2.12.4.2), which HLS doesn't have, and
// drops them, and with them the tag's header, for whatever it copies the stream into.
func (p *packer) id3(out, tag []byte, pts int64) []byte {
	const header, alone = pesHeaderSize + timestampSize, 4
	for aligned := byte(0x04); len(tag) > 0; aligned = 0 {
		n := min(len(tag), maxPESLength-(header-pesPrefixSize))
		p.pes = append(p.pes[:0], 0, 0, 1, streamIDPrivate, 0, 0, 0x80|aligned, 0x80, timestampSize) // PTS only
		binary.BigEndian.PutUint16(p.pes[4:], uint16(header-pesPrefixSize+n))
		p.pes = appendTimestamp(p.pes, 0b0010, pts)
		p.pes = append(p.pes, tag[:n]...)
		first := min(len(p.pes), header+alone)
		out = appendPackets(out, id3PID, &p.metadata, flagStart, nil, p.pes[:first])
		out = appendPackets(out, id3PID, &p.metadata, 0, nil, p.pes[first:])
		tag = tag[n:]
	}
	return out
}

// appendPackets appends data as packets of one PID, none where it is empty. The first has the flag start, flagStart for
// one that starts a payload unit, and carries the adaptation field, the last is filled up. count is the continuity
// counter of the first packet and is moved on.
func appendPackets(out []byte, pid uint16, count *uint8, start byte, field, data []byte) []byte {
	for len(data) > 0 {
		n := min(len(data), bodySize-len(field))
		out = appendPacket(out, pid, count, start, field, data[:n])
		data = data[n:]
		start, field = 0, nil
	}
	return out
}

// appendPacket appends one packet. field, which may be empty, is a whole adaptation field; it and the payload fit into
// the packet together. Room that is left is filled up by making the adaptation field longer (H.222.0, 2.4.3.5).
func appendPacket(out []byte, pid uint16, count *uint8, start byte, field, payload []byte) []byte {
	fill := bodySize - len(field) - len(payload)
	control := byte(0x10) // payload only
	if len(field) > 0 || fill > 0 {
		control = 0x30 // adaptation field, then payload
	}
	out = append(out, SyncByte, start|byte(pid>>8), byte(pid), control|*count)
	*count = (*count + 1) & 0x0F
	switch {
	case len(field) > 0:
		out = append(out, field...)
		out[len(out)-len(field)] += byte(fill)
	case fill == 1:
		out, fill = append(out, 0), 0 // a field of its length alone
	case fill > 1:
		out, fill = append(out, byte(fill-1), 0), fill-2 // its length, no flags
	}
	for range fill {
		out = append(out, 0xFF)
	}
	return append(out, payload...)
}
