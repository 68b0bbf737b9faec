package mp4

import (
	"errors"
	"fmt"

	"github.com/Eyevinn/mp4ff/mp4"
)

// parseMoof finds the samples of a track in a fragment (ISO/IEC 14496-12, 8.8). next is the decoding time of a fragment without
// one; count counts all samples, which are bounded.
func parseMoof(moof box, t *track, next int64, count *int) (samples []sample, err error) {
	end := moof.start // where the data of the track fragment before ended
	first := true
	err = moof.children(0, func(b box) error {
		if b.kind != "traf" {
			return nil
		}
		f := fragment{track: t, moof: moof.start, before: end, first: first, dts: next, count: count}
		if err := b.children(0, f.take); err != nil {
			return err
		}
		end, first = f.at, false
		samples = append(samples, f.samples...)
		return nil
	})
	return samples, err
}

// fragment is a track fragment that is being read.
type fragment struct {
	track  *track
	moof   int64 // offset of the moof box
	before int64 // where the data of the track fragment before ended
	first  bool  // there is none before

	header  *mp4.TfhdBox
	base    int64 // what data offsets count from
	at      int64 // where the next data begins unless a run has an offset
	dts     int64
	samples []sample // of the video track only
	count   *int     // samples of all tracks of all track fragments
}

// take takes a box of the track fragment. The header is the first (8.8.7).
func (f *fragment) take(b box) error {
	switch b.kind {
	case "tfhd":
		return f.begin(b)
	case "tfdt":
		v, err := decode[*mp4.TfdtBox](b)
		if err != nil {
			return err
		}
		at := v.BaseMediaDecodeTime()
		if at > maxTime {
			return fmt.Errorf("decoding time %d is out of range", at)
		}
		f.dts = int64(at)
	case "trun":
		if f.header == nil {
			return errors.New("track fragment has no header")
		}
		return f.run(b)
	}
	return nil
}

func (f *fragment) begin(b box) (err error) {
	f.header, err = decode[*mp4.TfhdBox](b)
	if err != nil {
		return err
	}
	switch h := f.header; {
	case h.HasBaseDataOffset():
		if h.BaseDataOffset > maxTime {
			return errors.New("base of data offsets is out of range")
		}
		f.base = int64(h.BaseDataOffset)
	case h.DefaultBaseIfMoof() || f.first:
		f.base = f.moof
	default:
		f.base = f.before
	}
	f.at = f.base
	return nil
}

func (f *fragment) run(b box) error {
	r, err := decode[*mp4.TrunBox](b)
	if err != nil {
		return err
	}
	if *f.count += len(r.Samples); *f.count > maxFragmentSamples {
		return fmt.Errorf("a fragment has more than %d samples", maxFragmentSamples)
	}
	h, d := f.header, f.track.defaults[f.header.TrackID]
	if h.HasSampleDescriptionIndex() {
		d.description = h.SampleDescriptionIndex
	}
	if h.HasDefaultSampleDuration() {
		d.duration = h.DefaultSampleDuration
	}
	if h.HasDefaultSampleSize() {
		d.size = h.DefaultSampleSize
	}
	if r.HasDataOffset() {
		f.at = f.base + int64(r.DataOffset)
	}
	for i := range r.Samples {
		s := &r.Samples[i]
		size, duration := s.Size, s.Dur
		if !r.HasSampleSize() {
			size = d.size
		}
		if !r.HasSampleDuration() {
			duration = d.duration
		}
		if h.TrackID == f.track.id {
			f.samples = append(f.samples, sample{
				offset: f.at, size: int64(size), dts: f.dts, pts: f.dts + int64(s.CompositionTimeOffset),
				duration: int64(duration), description: max(d.description, 1),
			})
		}
		f.at += int64(size)
		f.dts += int64(duration)
	}
	return nil
}
