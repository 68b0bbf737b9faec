package h264

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

const (
	avcConfigVersion = 1
	avcConfigSize    = 6    // up to and with the number of SPS
	avcConfigSPS     = 0x1F // numOfSequenceParameterSets has 5 bits
	avcConfigPPS     = 0xFF // numOfPictureParameterSets has 8
	maxParameterSet  = 1<<16 - 1
)

// AVCConfig is an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1): the avcC of MP4, the sequence header of FLV.
type AVCConfig struct {
	// Profile, Constraints and Level are the second to fourth byte of the SPS: profile_idc, the constraint_set flags and
	// level_idc.
	Profile, Constraints, Level uint8
	// LengthSize is the number of bytes that the length of a NAL unit has, 1 to 4.
	LengthSize int
	// SPS and PPS are the parameter sets as NAL units, none empty.
	SPS, PPS [][]byte
	// Extra is what follows: chroma format and bit depths in the high profiles, and SPS extensions.
	Extra []byte
}

// NewAVCConfig describes the parameter sets of a track, of which the first SPS speaks for all. Lengths have 4 bytes.
func NewAVCConfig(sets [][]byte) (AVCConfig, error) {
	c := AVCConfig{LengthSize: 4}
	var extensions [][]byte
	for _, nal := range sets {
		switch TypeOf(nal) {
		case NALSPS:
			c.SPS = append(c.SPS, nal)
		case NALPPS:
			c.PPS = append(c.PPS, nal)
		case NALSPSExtension:
			extensions = append(extensions, nal)
		}
	}
	if len(c.SPS) == 0 || len(c.PPS) == 0 {
		return AVCConfig{}, fmt.Errorf("%d SPS and %d PPS: one of each is needed", len(c.SPS), len(c.PPS))
	}
	s, err := ParseSPS(c.SPS[0])
	if err != nil {
		return AVCConfig{}, err
	}
	c.Profile, c.Constraints, c.Level = s.Profile, s.Constraints, s.Level
	switch s.Profile {
	case 66, 77, 88: // Baseline, Main, Extended: always 4:2:0 and 8 bits
	default:
		c.Extra = []byte{0xFC | s.ChromaFormat, 0xF8 | (s.BitDepthLuma - 8), 0xF8 | (s.BitDepthChroma - 8)}
		if c.Extra, err = appendSets(c.Extra, 0, extensions, avcConfigPPS); err != nil {
			return AVCConfig{}, fmt.Errorf("SPS extensions: %w", err)
		}
	}
	return c, nil
}

// Append appends the record to dst and returns the result, a new slice. There may be at most 31 SPS and 255 PPS, each of at
// most 65535 bytes; for an error dst is returned as it was.
func (c AVCConfig) Append(dst []byte) ([]byte, error) {
	if c.LengthSize < 1 || c.LengthSize > 4 {
		return dst, fmt.Errorf("write AVC configuration: lengths of %d bytes", c.LengthSize)
	}
	b := slices.Concat(dst, []byte{avcConfigVersion, c.Profile, c.Constraints, c.Level, 0xFC | byte(c.LengthSize-1)})
	b, err := appendSets(b, 0xE0, c.SPS, avcConfigSPS)
	if err != nil {
		return dst, fmt.Errorf("write AVC configuration: SPS: %w", err)
	}
	if b, err = appendSets(b, 0, c.PPS, avcConfigPPS); err != nil {
		return dst, fmt.Errorf("write AVC configuration: PPS: %w", err)
	}
	return append(b, c.Extra...), nil
}

// appendSets appends the number of parameter sets, under reserved bits, and each behind its length.
func appendSets(b []byte, reserved byte, sets [][]byte, most int) ([]byte, error) {
	if len(sets) > most {
		return nil, fmt.Errorf("%d are more than %d", len(sets), most)
	}
	b = append(b, reserved|byte(len(sets)))
	for _, nal := range sets {
		if len(nal) == 0 || len(nal) > maxParameterSet {
			return nil, fmt.Errorf("one has %d bytes", len(nal))
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(nal)))
		b = append(b, nal...)
	}
	return b, nil
}

// ParseAVCConfig reads a record. The result refers to b. Reserved bits are not looked at, parameter sets without bytes
// left out. Errors name the offset in bytes.
func ParseAVCConfig(b []byte) (AVCConfig, error) {
	if len(b) < avcConfigSize {
		return AVCConfig{}, fmt.Errorf("read AVC configuration: %d bytes: %w", len(b), io.ErrUnexpectedEOF)
	}
	if b[0] != avcConfigVersion {
		return AVCConfig{}, fmt.Errorf("read AVC configuration: at byte 0: version %d is unknown", b[0])
	}
	c := AVCConfig{Profile: b[1], Constraints: b[2], Level: b[3], LengthSize: 1 + int(b[4]&3)}
	var err error
	at := avcConfigSize
	if c.SPS, at, err = parseSets(b, at, int(b[5]&avcConfigSPS)); err != nil {
		return AVCConfig{}, fmt.Errorf("read AVC configuration: SPS at byte %d: %w", at, err)
	}
	if at >= len(b) {
		return AVCConfig{}, fmt.Errorf("read AVC configuration: PPS at byte %d: %w", at, io.ErrUnexpectedEOF)
	}
	if c.PPS, at, err = parseSets(b, at+1, int(b[at])); err != nil {
		return AVCConfig{}, fmt.Errorf("read AVC configuration: PPS at byte %d: %w", at, err)
	}
	if at < len(b) {
		c.Extra = b[at:]
	}
	return c, nil
}

// Sets are all parameter sets in the order in which a byte stream needs them: SPS, SPS extensions, PPS. Extensions that
// can't be read are left out, as many writers leave out what Extra should hold.
func (c AVCConfig) Sets() [][]byte {
	const before = 4 // chroma format, two bit depths, number of SPS extensions
	var extensions [][]byte
	if len(c.Extra) >= before {
		if sets, _, err := parseSets(c.Extra, before, int(c.Extra[before-1])); err == nil {
			extensions = sets
		}
	}
	return slices.Concat(c.SPS, extensions, c.PPS)
}

// parseSets reads n parameter sets from the offset at on, and gives the offset where it ended.
func parseSets(b []byte, at, n int) ([][]byte, int, error) {
	var sets [][]byte
	for range n {
		if len(b)-at < 2 {
			return nil, at, io.ErrUnexpectedEOF
		}
		size := int(binary.BigEndian.Uint16(b[at:]))
		if size > len(b)-at-2 {
			return nil, at, fmt.Errorf("%d bytes, of which %d are there: %w", size, len(b)-at-2, io.ErrUnexpectedEOF)
		}
		at += 2
		if size > 0 {
			sets = append(sets, b[at:at+size:at+size])
		}
		at += size
	}
	return sets, at, nil
}
