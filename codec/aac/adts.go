package aac

import (
	"errors"
	"fmt"
	"io"

	"github.com/refstream/refstream/media"
)

const (
	// HeaderSize is the length of an ADTS header without checksum in bytes, which is all that is written here.
	HeaderSize   = 7
	checksumSize = 2
	syncword     = 0xFFF
	maxUnit      = 1<<13 - 1 // what aac_frame_length can have
	// variableRate is an adts_buffer_fullness that has no meaning: the bit rate varies.
	variableRate = 0x7FF
)

// Header is an ADTS header.
type Header struct {
	Config
	// Size is the length of the unit with its header in bytes, and Start that of the header: 7, or 9 with a checksum.
	Size, Start int
}

// ParseHeader reads the ADTS header that b begins with. What follows it need not be there. The error is io.ErrUnexpectedEOF where
// the header is not whole.
func ParseHeader(b []byte) (h Header, err error) {
	r := bitReader{b: b}
	sync := r.u(12)
	r.u(1) // MPEG-2 or MPEG-4
	layer, bare := r.u(2), r.u(1) == 1
	h.ObjectType = uint8(r.u(2) + 1)
	if index, rates := r.u(4), sampleRates(); int(index) < len(rates) {
		h.SampleRate = rates[index]
	}
	r.u(1) // private_bit
	h.Channels = uint8(r.u(3))
	r.u(4) // original_copy, home, copyright identification
	h.Size, h.Start = int(r.u(13)), HeaderSize
	if !bare {
		h.Start += checksumSize
	}
	r.u(11)
	blocks := r.u(2)
	_, err = h.check()
	switch {
	case r.over:
		err = io.ErrUnexpectedEOF
	case sync != syncword || layer != 0:
		err = errors.New("there is no syncword")
	case err != nil:
	case blocks != 0:
		err = fmt.Errorf("%d blocks in a unit are not supported, one is", blocks+1)
	case h.Size <= h.Start:
		err = fmt.Errorf("a unit of %d bytes with a header of %d", h.Size, h.Start)
	}
	if err != nil {
		return Header{}, fmt.Errorf("read ADTS header: %w", err)
	}
	return h, nil
}

// AppendUnit appends a unit behind its ADTS header to dst and returns the result; for an error dst as it was.
func AppendUnit(dst []byte, u media.Unit) ([]byte, error) {
	c, err := TrackConfig(u.Track)
	if err != nil {
		return dst, err
	}
	return c.appendUnit(dst, u.Sound)
}

func (c Config) appendUnit(dst, unit []byte) ([]byte, error) {
	index, err := c.check()
	size := HeaderSize + len(unit)
	if err == nil && (len(unit) == 0 || size > maxUnit) {
		err = fmt.Errorf("a unit of %d bytes: use 1 to %d", len(unit), maxUnit-HeaderSize)
	}
	if err != nil {
		return dst, fmt.Errorf("write ADTS header: %w", err)
	}
	dst = append(dst, syncword>>4, 0xF1, // MPEG-4, no checksum
		(c.ObjectType-1)<<6|byte(index)<<2|c.Channels>>2,
		c.Channels<<6|byte(size>>11), byte(size>>3), byte(size)<<5|variableRate>>6, variableRate<<2&0xFF)
	return append(dst, unit...), nil
}
