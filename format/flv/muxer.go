package flv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/media"
)

// Faults makes a faulty stream out of a clean one (packages faults/...). It is called for each unit, of pictures and of sound, in decoding order.
type Faults interface {
	// Unit is what the faulty stream has in place of a unit: none, one or several. A PTS may be up to 2^23 ms before or after its DTS,
	// and the times of tags may go back.
	Unit(au media.Unit) ([]media.Unit, error)
}

// Muxer makes the tags of one stream. What it makes depends on its calls alone. It is not safe for concurrent use.
//
// Times are those of the stream's clock in milliseconds, rounded to the nearest, so that PTS in a tag differ from the
// exact ones by half a millisecond at most; nothing is rebased. onFI is sent for the first frame of each second of the
// stream that there is, and for the frame of each cue; onCuePoint for each cue. They have the time of that
// frame's PTS, and are before the first video tag whose DTS is not before it; a cue that becomes known when that has
// passed goes out at once, with the time it is for.
type Muxer struct {
	// Faults makes the stream a faulty one; nil for a clean one.
	Faults Faults

	o        Options
	track    *media.Track // of the last unit
	header   []byte       // body of the sequence header
	metadata []byte       // body of onMetaData
	scripts  schedule
	// soundHeader is the body of the sequence header of sound, nil without sound.
	soundHeader []byte
}

// NewMuxer makes a Muxer.
func NewMuxer(o Options) *Muxer {
	m := &Muxer{o: o, scripts: schedule{rate: o.Rate}}
	if _, err := aac.TrackConfig(o.Sound); err == nil {
		m.soundHeader = soundBody(aacSequenceHeader, o.Sound.Sets[0])
	}
	return m
}

// Unit makes the tags of an access unit. Units come in decoding order, the first one with parameter sets. The tags hold
// nothing of au, which is neither changed nor kept; of s the Muxer may keep what is for later.
//
// It returns an error, and leaves the unit out, if the frame rate is not set, if the unit has no NAL units of a picture or
// an empty one, if its PTS is before its DTS or more than 2^23 ms after it, if its parameter sets are missing or can't be
// read, or if it has 2^24 bytes or more.
//
// A unit of AAC is one tag, without scripts.
func (m *Muxer) Unit(au media.Unit, s Scripts) (Chunk, error) {
	sound := au.Codec() == media.AAC
	if m.Faults == nil {
		if sound {
			return m.sound(au)
		}
		return m.chunk(&au, s, 0)
	}
	units, err := m.Faults.Unit(au)
	var out Chunk
	if sound {
		for _, u := range units {
			c, unitErr := m.sound(u)
			err, out.Tags = errors.Join(err, unitErr), append(out.Tags, c.Tags...)
		}
		return out, err
	}
	for i := range units {
		c, unitErr := m.chunk(&units[i], s, minComposition)
		if err = errors.Join(err, unitErr); err != nil {
			return out, err
		}
		if s = (Scripts{FI: s.FI}); i == 0 {
			out.Head = c.Head
		}
		out.Tags = append(out.Tags, c.Tags...)
	}
	return out, err
}

// chunk makes the tags of an access unit whose PTS is at least so many milliseconds after its DTS.
func (m *Muxer) chunk(au *media.Unit, s Scripts, least int64) (Chunk, error) {
	c, err := m.unit(au, s, least)
	if err != nil {
		return Chunk{}, fmt.Errorf("write FLV: frame %d: %w", au.Frame, err)
	}
	return c, nil
}

func (m *Muxer) unit(u *media.Unit, s Scripts, least int64) (Chunk, error) {
	if m.o.Rate.Num <= 0 || m.o.Rate.Den <= 0 {
		return Chunk{}, errors.New("the options have no frame rate")
	}
	body, err := videoBody(u, least)
	if err != nil {
		return Chunk{}, err
	}
	dts := millis(u.DTS)
	setup, err := m.parameters(u, uint32(dts))
	if err != nil {
		return Chunk{}, err
	}
	m.scripts.add(u, s)
	var c Chunk
	if c.Tags, err = scriptTags(m.scripts.due(dts)); err != nil {
		return Chunk{}, err
	}
	if u.Key {
		c.Head = []Tag{
			{Type: Script, Time: timeOfMetadata, Body: m.metadata},
			{Type: Video, Time: uint32(dts), Body: m.header},
		}
		if m.soundHeader != nil {
			c.Head = append(c.Head, Tag{Type: Audio, Time: uint32(dts), Body: m.soundHeader})
		}
	}
	c.Tags = append(c.Tags, setup...)
	c.Tags = append(c.Tags, Tag{Type: Video, Time: uint32(dts), Body: body})
	return c, nil
}

// Flush returns the script tags that are still held back, for the end of the stream: those for frames that were sent, but
// are shown after the DTS of the last.
func (m *Muxer) Flush() []Tag {
	tags, err := scriptTags(m.scripts.due(math.MaxInt64))
	if err != nil {
		return nil // a cue point with 16 MiB of text
	}
	return tags
}

// parameters takes in the unit's track. It returns the tags that a reader in mid-stream needs before the unit.
func (m *Muxer) parameters(u *media.Unit, dts uint32) ([]Tag, error) {
	t := u.Track
	switch {
	case t == nil:
		return nil, errors.New("its track is not known")
	case t.Equal(m.track):
		return nil, nil
	}
	config, err := h264.NewAVCConfig(t.Sets)
	if err != nil {
		return nil, err
	}
	record, err := config.Append(nil)
	if err != nil {
		return nil, err
	}
	meta, err := scriptTag(timeOfMetadata, m.o.metadata(t.Width, t.Height)...)
	if err != nil {
		return nil, err
	}
	body := VideoBody{Frame: FrameKey, Packet: AVCSequenceHeader, Data: record}.Append(nil)
	header := Tag{Type: Video, Time: dts, Body: body}
	if len(body) > maxBody {
		return nil, fmt.Errorf("parameter sets of %d bytes", len(body))
	}
	before := m.track
	m.track, m.header, m.metadata = t, body, meta.Body
	switch {
	case before == nil && u.Key: // a reader begins here, with Head
		return nil, nil
	case before == nil || before.Width != t.Width || before.Height != t.Height:
		return []Tag{meta, header}, nil
	}
	return []Tag{header}, nil
}

// videoBody makes the body of a unit's video tag.
func videoBody(u *media.Unit, least int64) ([]byte, error) {
	composition := millis(u.PTS) - millis(u.DTS)
	if composition < least || least == 0 && u.PTS < u.DTS || composition > maxComposition {
		return nil, fmt.Errorf("PTS %d does not follow DTS %d by %d to %d ms", u.PTS, u.DTS, least, maxComposition)
	}
	size := videoHeaderSize
	picture := false
	for i, nal := range u.NALs {
		if len(nal) == 0 {
			return nil, fmt.Errorf("NAL unit %d is empty", i)
		}
		if inSample(nal) {
			size += lengthSize + len(nal)
			picture = true
		}
	}
	if !picture {
		return nil, errors.New("no NAL units of a picture")
	}
	if size > maxBody {
		return nil, fmt.Errorf("%d bytes don't fit a tag of %d", size, maxBody)
	}
	v := VideoBody{Frame: FrameInter, Packet: AVCNALUnits, Composition: int32(composition)}
	if u.Key {
		v.Frame = FrameKey
	}
	b := v.Append(make([]byte, 0, size))
	for _, nal := range u.NALs {
		if inSample(nal) {
			b = binary.BigEndian.AppendUint32(b, uint32(len(nal)))
			b = append(b, nal...)
		}
	}
	return b, nil
}

// inSample reports whether a NAL unit belongs into the tag of its picture. Parameter sets don't: they are in the sequence
// header (ISO/IEC 14496-15, 5.3.3, avc1). Nor do delimiters, which lengths make superfluous. Filler, which a file has no use for, is sent:
// it keeps the rate of a live stream.
func inSample(nal []byte) bool {
	switch h264.TypeOf(nal) {
	case h264.NALSPS, h264.NALPPS, h264.NALSPSExtension, h264.NALAccessUnitDelim:
		return false
	}
	return true
}

// scriptTags makes the tags of scripts.
func scriptTags(scripts []script) ([]Tag, error) {
	var tags []Tag
	for _, s := range scripts {
		ms := uint32(s.at)
		values := s.fi.Values()
		if s.kind == cuePoint {
			values = s.cue.Values()
		}
		t, err := scriptTag(ms, values...)
		if err != nil {
			return nil, err
		}
		tags = append(tags, t)
	}
	return tags, nil
}

// Options describe the stream that a [Muxer] makes, for onMetaData. Rate must be set.
type Options struct {
	// Rate is the number of frames per second. By it, frames are counted into seconds for onFI.
	Rate media.FrameRate
	// Encoder names what encoded the video, such as libx264; Version the program that makes the stream, such as refstream
	// 1.2. Empty ones are left out.
	Encoder, Version string
	// Channel is the stream's name; an empty one is left out.
	Channel string
	// Sound is the track of AAC, nil where there is none.
	Sound *media.Track
}
