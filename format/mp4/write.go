package mp4

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/refstream/refstream/codec/aac"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/media"
)

// SchemeID3 is the scheme of an event whose data is an ID3 tag (AOM's "Carriage of ID3 Timed Metadata in CMAF").
const SchemeID3 = "https://aomedia.org/emsg/ID3"

const (
	// eventTimescale is that of events: their PTS is ticks of 90 kHz in every track.
	eventTimescale = media.TicksPerSecond

	trackID    = 1
	captured   = 24            // the flag of a prft box whose time is that at which the picture was captured
	maxSegment = math.MaxInt32 // bounds a segment, whose sizes and offsets have 31 bits
)

// Init is the initialization section of a track of H.264 or AAC: ftyp and moov (CMAF, ISO/IEC 23000-19, 7.3.1), with sample entry
// avc1 or mp4a and without an edit list.
func Init(t *media.Track) ([]byte, error) {
	file := mp4.CreateEmptyInit()
	*file.Ftyp = *mp4.NewFtyp("iso6", 0, []string{"iso6", "cmfc"})
	describe, kind := describeVideo, "video"
	if t.Codec == media.AAC {
		describe, kind = describeSound, "audio"
	}
	var b bytes.Buffer
	err := describe(file.AddEmptyTrack(uint32(t.Timescale), kind, "und"), t)
	if err == nil {
		err = file.Encode(&b)
	}
	if err != nil {
		return nil, fmt.Errorf("write initialization section: %w", err)
	}
	return b.Bytes(), nil
}

func describeVideo(b *mp4.TrakBox, t *media.Track) error {
	c, err := h264.NewAVCConfig(t.Sets)
	if err != nil {
		return err
	}
	return b.SetAVCDescriptor("avc1", c.SPS, c.PPS, true)
}

// describeSound writes 16 for the bits of a sample, as all do (ISO/IEC 14496-12, 12.2.3.2), whatever they are.
func describeSound(b *mp4.TrakBox, t *media.Track) error {
	c, err := aac.TrackConfig(t)
	if err == nil {
		b.Mdia.Minf.Stbl.Stsd.AddChild(mp4.CreateAudioSampleEntryBox("mp4a", uint16(c.Channels), 16, uint16(c.SampleRate), mp4.CreateEsdsBox(t.Sets[0])))
	}
	return err
}

// Segment builds a CMAF segment of one fragment of a track (ISO/IEC 23000-19, 7.3.2). It reuses its memory. Times are ticks of the
// track's timescale.
//
// The first unit is a key frame and presented first. Decoding times are the units' own, so that no composition offset is negative:
// ffmpeg 5.1 and WebKitGTK present pictures late after one.
type Segment struct {
	number   uint32
	samples  []mp4.Sample
	dts      int64 // of the last unit
	first    int64 // DTS of the first unit
	pts      int64 // PTS of the first unit
	data     []byte
	filler   int64 // bytes of filler data, with their lengths
	events   []Event
	produced time.Time
}

// Reset begins segment number of the track, counted from 0.
func (s *Segment) Reset(number int64) {
	s.number = uint32(number) + 1
	s.filler = 0
	s.samples, s.data, s.events, s.produced = s.samples[:0], s.data[:0], s.events[:0], time.Time{}
}

// SetProduced sets when the first unit's picture was captured, for the segment's prft box. NTP's seconds wrap in February 2036, and
// the box has no era: readers must take small numbers for later ones.
func (s *Segment) SetProduced(t time.Time) { s.produced = t }

// AddEvent takes an event, with Scheme, Value, ID, PTS, Duration and Data.
func (s *Segment) AddEvent(e Event) { s.events = append(s.events, e) }

// AddUnit adds the next unit in decoding order, without its parameter sets and delimiter. Filler data has no place in a sample (ISO/IEC
// 14496-15): the segment gets a free box of as many bytes. After an error the segment is unchanged.
func (s *Segment) AddUnit(au media.Unit) error {
	sample := mp4.Sample{Flags: mp4.NonSyncSampleFlags}
	if au.Key {
		sample.Flags = mp4.SyncSampleFlags
	}
	switch {
	case len(s.samples) == 0 && !au.Key:
		return errors.New("write segment: it does not begin with a key frame")
	case au.DTS < 0 || au.PTS < au.DTS || au.PTS-au.DTS > math.MaxInt32:
		return fmt.Errorf("write segment: DTS %d does not fit PTS %d", au.DTS, au.PTS)
	case len(s.samples) == 0:
	case au.DTS <= s.dts || au.DTS-s.dts > math.MaxInt32:
		return fmt.Errorf("write segment: DTS %d follows DTS %d", au.DTS, s.dts)
	case au.PTS < s.pts:
		return fmt.Errorf("write segment: PTS %d is before that of the first unit, %d", au.PTS, s.pts)
	}
	start, filler := len(s.data), int64(0)
	s.data = append(s.data, au.Sound...)
	for _, nal := range au.NALs {
		switch h264.TypeOf(nal) {
		case h264.NALFiller:
			filler += 4 + int64(len(nal))
			continue
		case h264.NALSPS, h264.NALPPS, h264.NALAccessUnitDelim:
			continue
		}
		s.data = append(binary.BigEndian.AppendUint32(s.data, uint32(len(nal))), nal...)
	}
	if int64(len(s.data))+s.filler+filler > maxSegment || len(s.data) == start {
		size := len(s.data)
		s.data = s.data[:start]
		return fmt.Errorf("write segment: a unit of %d bytes makes it %d bytes long", size-start, size)
	}
	sample.Size, sample.CompositionTimeOffset = uint32(len(s.data)-start), int32(au.PTS-au.DTS)
	if n := len(s.samples); n > 0 {
		s.samples[n-1].Dur = uint32(au.DTS - s.dts)
	} else {
		s.pts, s.first = au.PTS, au.DTS
	}
	s.samples, s.dts, s.filler = append(s.samples, sample), au.DTS, s.filler+filler
	return nil
}

// Append appends the segment, whose last unit lasts until end: styp, prft, an emsg for each event, moof and mdat, and free where
// there was filler data.
func (s *Segment) Append(b []byte, end int64) ([]byte, error) {
	last := len(s.samples) - 1
	if last < 0 {
		return b, errors.New("write segment: it has no units")
	}
	rest := end - (s.pts - s.first) - s.dts // the next segment is decoded as long before it is presented
	if rest <= 0 || rest > math.MaxInt32 {
		return b, fmt.Errorf("write segment: it ends at %d, and its last unit is decoded at %d", end, s.dts)
	}
	s.samples[last].Dur = uint32(rest)
	traf, moof := &mp4.TrafBox{}, &mp4.MoofBox{}
	trun, tfdt := mp4.CreateTrun(0), mp4.CreateTfdt(uint64(s.first))
	trun.Samples, tfdt.Version = s.samples, 1
	boxes := []mp4.Box{mp4.NewStyp("cmfs", 0, []string{"cmfs", "cmff", "msdh"})}
	if !s.produced.IsZero() {
		boxes = append(boxes, mp4.CreatePrftBox(1, captured, trackID, ntp(s.produced), uint64(s.pts)))
	}
	for _, e := range s.events {
		boxes = append(boxes, &mp4.EmsgBox{Version: 1, SchemeIDURI: e.Scheme, Value: e.Value, ID: e.ID, TimeScale: eventTimescale,
			PresentationTime: uint64(e.PTS), EventDuration: uint32(e.Duration), MessageData: e.Data})
	}
	err := errors.Join(traf.AddChild(mp4.CreateTfhd(trackID)), traf.AddChild(tfdt), traf.AddChild(trun),
		moof.AddChild(mp4.CreateMfhd(s.number)), moof.AddChild(traf))
	trun.DataOffset = int32(moof.Size()) + 8
	out := bytes.NewBuffer(b)
	boxes = append(boxes, moof, &mp4.MdatBox{Data: s.data})
	if s.filler >= boxHeaderSize {
		boxes = append(boxes, mp4.NewFreeBox(make([]byte, s.filler-boxHeaderSize)))
	}
	for _, box := range boxes {
		err = errors.Join(err, box.Encode(out))
	}
	if err != nil {
		return b, fmt.Errorf("write segment: %w", err)
	}
	return out.Bytes(), nil
}

// ntp is a time of NTP (RFC 5905, 6): seconds since 1900, with 32 bits before the point and 32 behind it, rounded down.
func ntp(t time.Time) mp4.NTP64 {
	seconds, fraction := uint64(t.Unix()+mp4.NTPEpochOffset), uint64(t.Nanosecond())<<32/uint64(time.Second)
	return mp4.NTP64(seconds<<32 | fraction)
}
