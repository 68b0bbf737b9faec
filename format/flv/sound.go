package flv

import (
	"errors"
	"fmt"

	"github.com/refstream/refstream/media"
)

const (
	soundAAC = 10 // SoundFormat (E.4.2.1)
	// soundFlags are SoundRate, SoundSize and SoundType, which AAC has the same always: 44 kHz, 16 bits, stereo.
	soundFlags = 0x0F
	// Types of packets (E.4.2.2).
	aacSequenceHeader = 0 // an AudioSpecificConfig
	aacRaw            = 1
)

// soundBody is the body of an audio tag with AAC.
func soundBody(packet byte, data []byte) []byte {
	return append([]byte{soundAAC<<4 | soundFlags, packet}, data...)
}

// sound makes the tag of a unit of AAC.
func (m *Muxer) sound(u media.Unit) (Chunk, error) {
	var err error
	switch {
	case m.soundHeader == nil:
		err = errors.New("the options have no track of sound")
	case !u.Track.Equal(m.o.Sound):
		err = errors.New("it is of another track than that of the options")
	case len(u.Sound) == 0 || len(u.Sound) > maxBody-2:
		err = fmt.Errorf("%d bytes don't fit a tag", len(u.Sound))
	}
	if err != nil {
		return Chunk{}, fmt.Errorf("write FLV: sample %d: %w", u.Frame, err)
	}
	ticks := media.MulDivFloor(u.PTS, media.TicksPerSecond, u.Track.Timescale)
	return Chunk{Tags: []Tag{{Type: Audio, Time: Time(ticks), Body: soundBody(aacRaw, u.Sound)}}}, nil
}
