package mp4

import (
	"encoding/binary"
	"errors"
)

// avcConfig is an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1). It is read here, since mp4ff refuses lengths
// that don't have four bytes and SPS extensions.
type avcConfig struct {
	lengthSize int // of the lengths before NAL units: 1 to 4
	// sets are the parameter sets in the order in which a byte stream needs them: SPS, SPS extensions, PPS.
	sets [][]byte
}

// parseAVCConfig reads a record; the parameter sets refer to b.
func parseAVCConfig(b []byte) (avcConfig, error) {
	const header = 6
	if len(b) < header {
		return avcConfig{}, errors.New("avcC is too short")
	}
	if b[0] != 1 {
		return avcConfig{}, errors.New("avcC has an unknown version")
	}
	c := avcConfig{lengthSize: int(b[4]&3) + 1}
	sps, rest, err := cutSets(b[header:], int(b[5]&0x1F))
	if err != nil {
		return avcConfig{}, err
	}
	if len(rest) == 0 {
		return avcConfig{}, errors.New("avcC ends before its PPS")
	}
	pps, rest, err := cutSets(rest[1:], int(rest[0]))
	if err != nil {
		return avcConfig{}, err
	}
	c.sets = sps
	// High profiles go on with the chroma format, the bit depths and SPS extensions; many writers leave them out.
	const more = 4
	if len(rest) >= more {
		if extensions, _, err := cutSets(rest[more:], int(rest[more-1])); err == nil {
			c.sets = append(c.sets, extensions...)
		}
	}
	c.sets = append(c.sets, pps...)
	return c, nil
}

// cutSets takes n parameter sets, each after its length.
func cutSets(b []byte, n int) (sets [][]byte, rest []byte, err error) {
	for range n {
		if len(b) < 2 {
			return nil, nil, errors.New("avcC ends within its parameter sets")
		}
		size := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; size > len(b) {
			return nil, nil, errors.New("avcC ends within its parameter sets")
		}
		if size > 0 {
			sets = append(sets, b[:size:size])
		}
		b = b[size:]
	}
	return sets, b, nil
}
