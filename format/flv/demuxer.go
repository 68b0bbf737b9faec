package flv

import (
	"errors"
	"fmt"

	"github.com/refstream/refstream/codec"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/media"
)

// shortWrap is how near a jump must come to 2^31 ms to be taken for a wrap: the standard has a signed time (E.4.1), and
// ffmpeg writes 31 bits of it, so that it goes back to 0 after 24.9 days. A minute is more than what reordering and a gap
// make of a wrap, and too short for a stream that starts anew to be met by chance.
const shortWrap = 60_000

// Demuxer makes access units of tags. It is not safe for concurrent use.
type Demuxer struct {
	config codec.Config // without a Track before the first sequence header
	unsent bool         // its parameter sets have not been put into a unit yet
	timed  bool         // dts is set
	dts    int64
	wire   uint32 // dts as on the wire
}

// NewDemuxer makes a Demuxer.
func NewDemuxer() *Demuxer { return &Demuxer{} }

// Unit takes the next tag and returns its access unit; ok is false for a tag that has none: audio, scripts, sequence
// headers. The NAL units refer to the tag's body. Frame is -1.
//
// PTS and DTS are 90 kHz ticks, and multiples of 90 since FLV has milliseconds only. They are unwrapped: the first DTS is
// as on the wire, what follows is nearest to the DTS before it, so that a gap may last up to 24 days; a
// wrap after 31 bits, as ffmpeg writes it, is followed as well. They are what the
// stream says: in a faulty one PTS may be before DTS.
//
// Key is set when there is an IDR slice. Parameter sets are put in front of key frames, and of the first unit after a
// sequence header, where the unit has none itself: it is then as complete as in a byte stream.
//
// A video tag that can't be read is an error that names the tag's time, and is left out: the next one may be good. So is
// one before the first sequence header.
func (d *Demuxer) Unit(t Tag) (au media.Unit, ok bool, err error) {
	if t.Type != Video {
		return media.Unit{}, false, nil
	}
	au, ok, err = d.video(t)
	if err != nil {
		return media.Unit{}, false, fmt.Errorf("video tag at %d ms: %w", t.Time, err)
	}
	return au, ok, nil
}

// Ticks is the time of any tag of the stream in 90 kHz ticks, unwrapped to be nearest to the DTS of the last access unit.
func (d *Demuxer) Ticks(ms uint32) int64 {
	if !d.timed {
		return int64(ms) * ticksPerMilli
	}
	step := int64(int32(ms - d.wire))
	switch {
	case step < -1<<31+shortWrap:
		step += 1 << 31
	case step > 1<<31-shortWrap:
		step -= 1 << 31
	}
	return d.dts + step*ticksPerMilli
}

func (d *Demuxer) video(t Tag) (au media.Unit, ok bool, err error) {
	v, err := ParseVideo(t.Body)
	if err != nil || v.Frame == FrameCommand {
		return au, false, err
	}
	switch v.Packet {
	case AVCSequenceHeader:
		config, err := codec.ParseConfig(v.Codec, v.Data)
		if err == nil {
			d.config, d.unsent = config, true
		}
		return au, false, err
	case AVCNALUnits:
	default:
		return au, false, nil
	}
	if d.config.Track == nil {
		return au, false, errors.New("no sequence header came before it")
	}
	nals, err := h264.SplitLengths(v.Data, d.config.LengthSize)
	if err != nil {
		return au, false, err
	}
	if len(nals) == 0 {
		return au, false, errors.New("no NAL units")
	}
	d.dts, d.wire, d.timed = d.Ticks(t.Time), t.Time, true
	au = media.Unit{
		Track: d.config.Track, Frame: -1, DTS: d.dts, PTS: d.dts + int64(v.Composition)*ticksPerMilli,
		Key: codec.Key(d.config.Codec, nals), NALs: nals,
	}
	if au.Key || d.unsent {
		au.NALs = d.config.WithSets(nals)
	}
	d.unsent = false
	return au, true, nil
}
