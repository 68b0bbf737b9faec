// Package aac reads and writes what states how AAC is coded: the AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1), which MP4 and FLV
// have once, and the ADTS header (ISO/IEC 14496-3, 1.A.2.2), which each unit has in a byte stream and in MPEG-TS.
//
// Units are those of AAC Main, LC, SSR and LTP with 1024 samples. No input makes a function of this package panic.
package aac

import (
	"errors"
	"fmt"
	"io"

	"github.com/refstream/refstream/media"
)

// LC is the audio object type of AAC-LC (ISO/IEC 14496-3, table 1.17).
const LC = 2

// UnitSamples is the number of samples of each channel in a unit.
const UnitSamples = media.UnitSamples

const (
	maxObjectType = 4 // AAC LTP: what ADTS has room for
	maxChannels   = 7 // channel_configuration; 0: the configuration is in the stream, which is not read
	explicitRate  = 15
)

// sampleRates are those with an index (table 1.18).
func sampleRates() [13]int {
	return [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}
}

// Config is how a track of AAC is coded.
type Config struct {
	ObjectType uint8 // 1 to 4
	SampleRate int   // in Hz, one of those with an index
	Channels   uint8 // channel_configuration, 1 to 7: up to 6 the number of channels, 7 means 8
}

// check reports what the formats have no code for, and the index of the sample rate.
func (c Config) check() (index uint32, err error) {
	if c.ObjectType < 1 || c.ObjectType > maxObjectType {
		return 0, fmt.Errorf("audio object type %d is not supported: AAC has 1 to %d, AAC-LC %d", c.ObjectType, maxObjectType, LC)
	}
	if c.Channels < 1 || c.Channels > maxChannels {
		return 0, fmt.Errorf("channel configuration %d is not supported: use 1 to %d", c.Channels, maxChannels)
	}
	for i, rate := range sampleRates() {
		if rate == c.SampleRate {
			return uint32(i), nil
		}
	}
	return 0, fmt.Errorf("sample rate of %d Hz has no index in AAC: use one such as 48000", c.SampleRate)
}

// bitReader reads up to 32 bits at a time; after the end it reads zeros, and over is set.
type bitReader struct {
	b    []byte
	at   int
	over bool
}

func (r *bitReader) u(n int) (v uint32) {
	for range n {
		v <<= 1
		if i := r.at / 8; i < len(r.b) {
			v |= uint32(r.b[i]) >> (7 - r.at%8) & 1
		} else {
			r.over = true
		}
		r.at++
	}
	return v
}

// ParseConfig reads an AudioSpecificConfig. Extensions behind it are ignored.
func ParseConfig(b []byte) (c Config, err error) {
	r := bitReader{b: b}
	c.ObjectType = uint8(r.u(5))
	if index := r.u(4); index == explicitRate {
		c.SampleRate = int(r.u(24))
	} else if rates := sampleRates(); int(index) < len(rates) {
		c.SampleRate = rates[index]
	}
	c.Channels = uint8(r.u(4))
	short := r.u(1) == 1 // frameLengthFlag of the GASpecificConfig (4.4.1)
	if _, err = c.check(); err == nil && short {
		err = errors.New("units of 960 samples are not supported")
	}
	if r.over {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return Config{}, fmt.Errorf("read AudioSpecificConfig of %d bytes: %w", len(b), err)
	}
	return c, nil
}

// TrackConfig is how a track is coded.
func TrackConfig(t *media.Track) (Config, error) {
	if t == nil || t.Codec != media.AAC || len(t.Sets) != 1 {
		return Config{}, errors.New("the track has no AudioSpecificConfig")
	}
	return ParseConfig(t.Sets[0])
}

// AudioSpecificConfig is the configuration as MP4 and FLV have it.
func (c Config) AudioSpecificConfig() ([]byte, error) {
	index, err := c.check()
	if err != nil {
		return nil, fmt.Errorf("write AudioSpecificConfig: %w", err)
	}
	v := uint16(c.ObjectType)<<11 | uint16(index)<<7 | uint16(c.Channels)<<3 // and three flags of 0
	return []byte{byte(v >> 8), byte(v)}, nil
}

// Track is the track of units that are so coded.
func (c Config) Track() (*media.Track, error) {
	asc, err := c.AudioSpecificConfig()
	if err != nil {
		return nil, err
	}
	return &media.Track{Codec: media.AAC, Timescale: int64(c.SampleRate), CodecString: c.CodecString(), Sets: [][]byte{asc}}, nil
}

// CodecString is the codec in a CODECS attribute, such as mp4a.40.2 (RFC 6381, 3.3).
func (c Config) CodecString() string { return fmt.Sprintf("mp4a.40.%d", c.ObjectType) }
