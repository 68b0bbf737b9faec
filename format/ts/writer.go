package ts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/format/id3"
	"github.com/refstream/refstream/media"
)

const (
	// videoPID is the first that players and other muxers use for video.
	videoPID = 0x0100
	// id3PID and soundPID are the next ones.
	id3PID   = 0x0101
	soundPID = 0x0102
	// pcrLead is how far the PCR at the start of an access unit lies before its DTS: 50 ms, which is more than it is to the next
	// PCR. So the last byte of the unit, which arrives before that, arrives before the unit is decoded (H.222.0, 2.4.2).
	pcrLead = 4500
	// pcrEvery is the longest time from one PCR to the next: 40 ms. ETSI TR 101 290, 2.3.a, asks for that.
	pcrEvery = 3600
	// longestFrame is the longest distance of two units between which PCRs are filled in: that of 1 frame/s. What is more
	// is a gap in the stream.
	longestFrame = media.TicksPerSecond
	// pcrFieldSize is an adaptation field that holds a PCR: length, flags, PCR.
	pcrFieldSize = 8
	// streamIDVideo is the first of the stream ids for video (table 2-22).
	streamIDVideo = 0xE0
	// streamIDAudio is the first of the stream ids for audio.
	streamIDAudio = 0xC0
	// streamIDPrivate is private_stream_id_1, which timed ID3 goes by (Timed Metadata for HTTP Live Streaming, 2.2).
	streamIDPrivate = 0xBD
	// maxPESLength is the most that PES_packet_length can state; 0 means a longer video packet (2.4.3.7).
	maxPESLength = 0xFFFF
	// audAnyPicture is the payload of an access unit delimiter that allows every slice type (H.264, table 7-5).
	audAnyPicture = 0xF0
)

// Writer packs access units and ID3 tags into a transport stream, as a [Muxer] does, and writes the packets of one unit in one
// Write to its destination. A Writer is not safe for concurrent use.
type Writer struct {
	w       io.Writer
	muxer   Muxer
	pending []id3.Timed // for the next unit
}

// NewWriter makes a Writer that writes to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// SetStep states how far the second unit is from the first, as [Muxer].Step.
func (w *Writer) SetStep(ticks int64) { w.muxer.Step = ticks }

// SetSound announces sound, as [Muxer].Sound.
func (w *Writer) SetSound() { w.muxer.Sound = true }

// SetFaults makes the stream a faulty one, as [Muxer].Faults.
func (w *Writer) SetFaults(f Faults) { w.muxer.Faults = f }

// WriteUnit writes one unit, an access unit with the tags that were given since the one before in front of it.
//
// The errors are those of [Muxer.Unit], and those of the destination.
func (w *Writer) WriteUnit(au media.Unit) error {
	if au.Codec() == media.AAC {
		out, err := w.muxer.Unit(au)
		return w.write(au, out, err)
	}
	out, err := w.muxer.Unit(au, w.pending...)
	if err == nil {
		w.pending = nil
	}
	return w.write(au, out, err)
}

// write writes what the muxer has made of a unit.
func (w *Writer) write(au media.Unit, out []byte, err error) error {
	if err != nil {
		return err
	}
	if _, err := w.w.Write(out); err != nil {
		return fmt.Errorf("write access unit: frame %d: %w", au.Frame, err)
	}
	return nil
}

// WriteID3 has tags written as timed ID3 in front of the next unit, which should be that of their PTS, so that a receiver has
// them in time, but may be a later one.
func (w *Writer) WriteID3(tags ...id3.Timed) { w.pending = append(w.pending, tags...) }

func checkUnit(au media.Unit) error {
	if len(au.NALs) == 0 {
		return errors.New("no NAL units")
	}
	for i, nal := range au.NALs {
		if len(nal) == 0 {
			return fmt.Errorf("NAL unit %d is empty", i)
		}
	}
	return nil
}

// appendPES appends the PES packet of an access unit.
func appendPES(b []byte, au media.Unit) []byte {
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
