package flv

import (
	"errors"
	"fmt"
	"slices"

	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/codec/hevc"
	"github.com/refstream/refstream/media"
)

// shortWrap is how near a jump must come to 2^31 ms to be taken for a wrap: the standard has a signed time (E.4.1), and
// ffmpeg writes 31 bits of it, so that it goes back to 0 after 24.9 days. A minute is more than what reordering and a gap
// make of a wrap, and too short for a stream that starts anew to be met by chance.
const shortWrap = 60_000

// Demuxer makes access units of tags. It is not safe for concurrent use.
type Demuxer struct {
	track  *media.Track // that of the last sequence header, nil before the first
	length int          // size of a NAL unit's length in bytes
	unsent bool         // the parameter sets have not been put into a unit yet
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
		return au, false, d.configure(v)
	case AVCNALUnits:
	default:
		return au, false, nil
	}
	if d.track == nil {
		return au, false, errors.New("no sequence header came before it")
	}
	nals, err := h264.SplitLengths(v.Data, d.length)
	if err != nil {
		return au, false, err
	}
	if len(nals) == 0 {
		return au, false, errors.New("no NAL units")
	}
	d.dts, d.wire, d.timed = d.Ticks(t.Time), t.Time, true
	au = media.Unit{Track: d.track, Frame: -1, DTS: d.dts, PTS: d.dts + int64(v.Composition)*ticksPerMilli}
	isHEVC := d.track.Codec == media.HEVC
	if au.Key = h264.Key(nals); isHEVC {
		au.Key = hevc.Key(nals)
	}
	own := slices.ContainsFunc(nals, func(nal []byte) bool {
		return isHEVC && hevc.TypeOf(nal) == hevc.NALSPS || !isHEVC && h264.TypeOf(nal) == h264.NALSPS
	})
	if (au.Key || d.unsent) && !own {
		nals = d.withSets(nals)
	}
	d.unsent = false
	au.NALs = nals
	return au, true, nil
}

// configure takes a sequence header.
func (d *Demuxer) configure(v VideoBody) error {
	if v.Codec == media.HEVC {
		c, err := hevc.ParseConfig(v.Data)
		if err != nil {
			return err
		}
		d.length, d.track = c.LengthSize, &media.Track{Codec: media.HEVC, Timescale: media.TicksPerSecond, Sets: c.Sets}
	} else {
		c, err := h264.ParseAVCConfig(v.Data)
		if err != nil {
			return err
		}
		d.length, d.track = c.LengthSize, h264.Track(nil, c.Sets())
	}
	d.unsent = true
	return nil
}

// withSets puts the parameter sets where they stand in an access unit: after the delimiter, before the rest (H.264,
// 7.4.1.2.3).
func (d *Demuxer) withSets(nals [][]byte) [][]byte {
	at := 0
	if d.track.Codec == media.H264 && h264.TypeOf(nals[0]) == h264.NALAccessUnitDelim ||
		d.track.Codec == media.HEVC && hevc.TypeOf(nals[0]) == hevc.NALAccessUnitDelim {
		at = 1
	}
	return slices.Concat(nals[:at], d.track.Sets, nals[at:])
}
