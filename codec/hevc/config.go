package hevc

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Config is what an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1), the hvcC of MP4, says of the samples.
type Config struct {
	// LengthSize is the number of bytes that the length of a NAL unit has, 1 to 4.
	LengthSize int
	// Sets are the parameter sets, and whatever else is there, as NAL units in the order of the record, none empty.
	Sets [][]byte
}

const (
	configVersion = 1
	configSize    = 23 // up to and with the number of arrays
)

// ParseConfig reads a record. The result refers to b. Errors name the offset in bytes.
func ParseConfig(b []byte) (c Config, err error) {
	if len(b) < configSize {
		return c, fmt.Errorf("read HEVC configuration: %d bytes: %w", len(b), io.ErrUnexpectedEOF)
	}
	if b[0] != configVersion {
		return c, fmt.Errorf("read HEVC configuration: at byte 0: version %d is unknown", b[0])
	}
	c.LengthSize = 1 + int(b[configSize-2]&3)
	at := configSize
	take := func(n int) []byte { // the next n bytes, or nothing
		if err != nil || n > len(b)-at {
			if err == nil {
				err = fmt.Errorf("read HEVC configuration: at byte %d: %w", at, io.ErrUnexpectedEOF)
			}
			return make([]byte, 2) // enough for a length
		}
		at += n
		return b[at-n : at : at]
	}
	for range b[configSize-1] {
		take(1) // array_completeness and NAL_unit_type
		for range binary.BigEndian.Uint16(take(2)) {
			nal := take(int(binary.BigEndian.Uint16(take(2))))
			if err != nil {
				return Config{}, err
			}
			if len(nal) > 0 {
				c.Sets = append(c.Sets, nal)
			}
		}
	}
	if err != nil {
		return Config{}, err
	}
	return c, nil
}
