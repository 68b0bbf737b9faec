package ts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/refstream/refstream/h264"
	"github.com/refstream/refstream/markers"
	"github.com/refstream/refstream/media"
)

const (
	// videoPID is the first that players and other muxers use for video.
	videoPID = 0x0100
	// id3PID is the next one.
	id3PID = 0x0101
	// pcrLead is how far the PCR at the start of an access unit lies before its DTS, and the longest time from one PCR to
	// the next: 50 ms. So the last byte of the unit, which arrives before the next PCR, arrives before the unit is decoded
	// (H.222.0, 2.4.2), and PCRs are no further apart than 100 ms (2.7.2).
	pcrLead = 4500
	// longestFrame is the longest distance of two units between which PCRs are filled in: that of 1 frame/s. What is more
	// is a gap in the stream.
	longestFrame = media.TicksPerSecond
	// pcrFieldSize is an adaptation field that holds a PCR: length, flags, PCR.
	pcrFieldSize = 8
	// streamIDVideo is the first of the stream ids for video (table 2-22).
	streamIDVideo = 0xE0
	// streamIDPrivate is private_stream_id_1, which timed ID3 goes by (Timed Metadata for HTTP Live Streaming, 2.2).
	streamIDPrivate = 0xBD
	// maxPESLength is the most that PES_packet_length can say; 0 stands for a longer video packet (2.4.3.7).
	maxPESLength = 0xFFFF
	// audAnyPicture is the payload of an access unit delimiter that allows every slice type (H.264, table 7-5).
	audAnyPicture = 0xF0
)

// Writer packs access units and markers into a transport stream. What it writes depends on its calls alone. It writes the
// packets of one call in one Write to its destination. A Writer is not safe for concurrent use.
//
// The stream: the tables where WriteTables is called, the video on PID 0x100 with stream type 0x1B, a PCR 50 ms before
// the DTS in the first packet of every access unit, and packets with only a PCR between units that are further apart;
// random_access_indicator on key frames; timed ID3 on PID 0x101 with
// stream type 0x15. Continuity counters run on over all calls, so that segments can be joined.
type Writer struct {
	w     io.Writer
	out   []byte // the packets of one call
	begun bool
	last  int64 // DTS of the last unit, ticks
	packer
}

// NewWriter makes a Writer that writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// WriteTables writes the PAT and the PMT, a packet each. They must come first in the stream and in each segment.
func (w *Writer) WriteTables() error {
	w.out = w.tables(w.out[:0])
	if _, err := w.w.Write(w.out); err != nil {
		return fmt.Errorf("write program tables: %w", err)
	}
	return nil
}

// WriteUnit writes one access unit as a PES packet with its PTS and, where it differs, its DTS, both cut to 33 bits.
// Units must come in decoding order. A missing access unit delimiter is put in front, which the standard demands
// (H.222.0, 2.14.1); au is not changed and not kept.
//
// It returns an error for a unit without NAL units, with an empty one, or with DTS after PTS, and when the destination
// fails.
func (w *Writer) WriteUnit(au media.AccessUnit) error {
	if err := checkUnit(au); err != nil {
		return fmt.Errorf("write access unit: frame %d: %w", au.Frame, err)
	}
	w.out = w.out[:0]
	if w.begun {
		for dts := range between(w.last, au.DTS) {
			w.out = w.reference(w.out, dts)
		}
	}
	w.out = w.unit(w.out, au)
	if _, err := w.w.Write(w.out); err != nil {
		return fmt.Errorf("write access unit: frame %d: %w", au.Frame, err)
	}
	w.begun, w.last = true, au.DTS
	return nil
}

// WriteMarker writes a marker as timed ID3 with the PTS of its first frame, cut to 33 bits: the tag of [MarkerTag]. It
// belongs before the access unit of that frame, so that a receiver has it in time, but may come later.
//
// It returns an error for a marker that no tag can hold, as MarkerTag does, and when the destination fails.
func (w *Writer) WriteMarker(m markers.Marker) error {
	tag, err := MarkerTag(m)
	if err != nil {
		return fmt.Errorf("write marker %s: %w", m.ID, err)
	}
	w.out = w.id3(w.out[:0], tag, m.PTS)
	if _, err := w.w.Write(w.out); err != nil {
		return fmt.Errorf("write marker %s: %w", m.ID, err)
	}
	return nil
}

func checkUnit(au media.AccessUnit) error {
	if len(au.NALs) == 0 {
		return errors.New("no NAL units")
	}
	for i, nal := range au.NALs {
		if len(nal) == 0 {
			return fmt.Errorf("NAL unit %d is empty", i)
		}
	}
	if au.DTS > au.PTS {
		return fmt.Errorf("DTS %d is after PTS %d", au.DTS, au.PTS)
	}
	return nil
}

// appendPES appends the PES packet of an access unit.
func appendPES(b []byte, au media.AccessUnit) []byte {
	start := len(b)
	b = append(b, 0, 0, 1, streamIDVideo, 0, 0,
		0x84,    // '10', not scrambled, data_alignment_indicator: an access unit starts here
		0x80, 5) // PTS only, 5 bytes of header data
	if au.DTS == au.PTS {
		b = appendTimestamp(b, 0b0010, au.PTS)
	} else {
		b[start+7], b[start+8] = 0xC0, 10
		b = appendTimestamp(b, 0b0011, au.PTS)
		b = appendTimestamp(b, 0b0001, au.DTS)
	}
	if h264.TypeOf(au.NALs[0]) != h264.NALAccessUnitDelim {
		b = append(b, 0, 0, 0, 1, byte(h264.NALAccessUnitDelim), audAnyPicture)
	}
	for i, nal := range au.NALs {
		// zero_byte goes before the first NAL unit and before parameter sets only (H.264, B.1.2).
		if t := h264.TypeOf(nal); i == 0 || t == h264.NALSPS || t == h264.NALPPS {
			b = append(b, 0)
		}
		b = append(b, 0, 0, 1)
		b = append(b, nal...)
	}
	// An exact length lets a reader pass the unit on without waiting for the next one.
	if n := len(b) - start - 6; n <= maxPESLength {
		binary.BigEndian.PutUint16(b[start+4:], uint16(n))
	}
	return b
}

// appendTimestamp appends a PTS or DTS: 4 bits of prefix, then 3, 15 and 15 bits, a marker bit after each.
func appendTimestamp(b []byte, prefix byte, ts int64) []byte {
	ts &= media.PTSMask
	return append(b,
		prefix<<4|byte(ts>>30)<<1|1,
		byte(ts>>22), byte(ts>>15)<<1|1,
		byte(ts>>7), byte(ts)<<1|1)
}

// putPCR fills an adaptation field with a PCR of base 90 kHz ticks, its 27 MHz extension 0.
func putPCR(field *[pcrFieldSize]byte, base int64, randomAccess bool) {
	base &= media.PTSMask
	field[0], field[1] = pcrFieldSize-1, flagPCR
	if randomAccess {
		field[1] |= flagRandomAccess
	}
	binary.BigEndian.PutUint32(field[2:], uint32(base>>1))
	field[6] = byte(base)<<7 | 0x7E // 6 reserved bits are ones
	field[7] = 0
}
