package mp4

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/refstream/refstream/codec/hevc"
	"github.com/refstream/refstream/h264"
	"github.com/refstream/refstream/media"
)

const (
	// visualEntry is the part of a visual sample entry before its boxes (ISO/IEC 14496-12, 12.1.3).
	visualEntry = 78
	// entryCountSize is version, flags and entry_count.
	entryCountSize = 8
	// maxTime bounds times, so that what is added to them fits as well.
	maxTime = math.MaxInt64 / 4
)

// description is a sample description.
type description struct {
	codec      media.Codec
	lengthSize int      // of the NAL units in samples
	sets       [][]byte // parameter sets
	err        error    // why samples of it can't be read
}

// defaults are those of samples in fragments.
type defaults struct {
	description, duration, size uint32
}

// track is the video track that is read.
type track struct {
	id           uint32
	timescale    uint32
	shift        int64 // what the edit list adds to times, in units of the timescale
	descriptions []description
	table        sampleTable
	// defaults are those of each track's fragments, by track: where the data of one lies depends on the sizes of others.
	defaults map[uint32]defaults
}

// parseMoov finds the first H.264 or HEVC track of a movie (ISO/IEC 14496-12, 8.2).
func parseMoov(moov box) (*track, error) {
	var video *track
	var other []string
	movieScale := uint32(0)
	trexs := map[uint32]defaults{}
	err := moov.children(0, func(b box) error {
		switch b.kind {
		case "mvhd":
			v, err := decode[*mp4.MvhdBox](b)
			if err == nil {
				movieScale = v.Timescale
			}
			return err
		case "trak":
			if video != nil {
				return nil
			}
			t, names, err := parseTrak(b, movieScale)
			other = append(other, names...)
			video = t
			return err
		case "mvex":
			return b.children(0, func(b box) error {
				if b.kind != "trex" {
					return nil
				}
				v, err := decode[*mp4.TrexBox](b)
				if err == nil {
					trexs[v.TrackID] = defaults{v.DefaultSampleDescriptionIndex, v.DefaultSampleDuration, v.DefaultSampleSize}
				}
				return err
			})
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case video == nil && len(other) == 0:
		return nil, errors.New("there is no track")
	case video == nil:
		return nil, fmt.Errorf("there is no H.264 or HEVC track, but %s", strings.Join(other, ", "))
	}
	video.defaults = trexs
	return video, nil
}

// parseTrak reads a track (8.3). It is nil where that is neither H.264 nor HEVC; names are then those of its sample entries.
func parseTrak(trak box, movieScale uint32) (t *track, names []string, err error) {
	t = &track{}
	video := false
	var edits *mp4.ElstBox
	var visit func(b box) error
	visit = func(b box) (err error) {
		switch b.kind {
		case "mdia", "minf", "stbl", "edts":
			return b.children(0, visit)
		case "tkhd":
			var v *mp4.TkhdBox
			if v, err = decode[*mp4.TkhdBox](b); err == nil {
				t.id = v.TrackID
			}
		case "mdhd":
			var v *mp4.MdhdBox
			if v, err = decode[*mp4.MdhdBox](b); err == nil {
				t.timescale = v.Timescale
			}
		case "elst":
			edits, err = decode[*mp4.ElstBox](b)
		case "stsd":
			return b.children(entryCountSize, func(b box) error {
				d, isVideo := parseEntry(b)
				video = video || isVideo
				t.descriptions = append(t.descriptions, d)
				names = append(names, fmt.Sprintf("%q", b.kind))
				return nil
			})
		default:
			err = t.table.take(b)
		}
		return err
	}
	if err := trak.children(0, visit); err != nil || !video {
		if !video && err != nil { // whatever is wrong with a track of audio is nobody's concern
			names, err = append(names, fmt.Sprintf("one that can't be read (%v)", err)), nil
		}
		return nil, names, err
	}
	if t.timescale == 0 {
		return nil, nil, fmt.Errorf("track at byte %d has no timescale", trak.start)
	}
	if edits != nil {
		t.shift = editShift(edits, t.timescale, movieScale)
	}
	return t, nil, nil
}

// parseEntry reads a sample entry; isVideo reports whether it is one of H.264 (ISO/IEC 14496-15, 5.4.2) or HEVC (8.4.1).
func parseEntry(b box) (d description, isVideo bool) {
	config := "avcC"
	switch b.kind {
	case "avc1", "avc3":
	case "hvc1", "hev1":
		config, d.codec = "hvcC", media.HEVC
	default:
		return description{err: fmt.Errorf("samples of type %q are neither H.264 nor HEVC, or encrypted", b.kind)}, false
	}
	d.err = fmt.Errorf("sample entry %q at byte %d has no %s", b.kind, b.start, config)
	err := b.children(visualEntry, func(b box) error {
		if b.kind == config {
			d.configure(b.body())
		}
		return nil
	})
	if d.err != nil && err != nil {
		d.err = err
	}
	return d, true
}

// configure takes the decoder configuration.
func (d *description) configure(b []byte) {
	if d.codec == media.HEVC {
		var c hevc.Config
		c, d.err = hevc.ParseConfig(b)
		d.lengthSize, d.sets = c.LengthSize, c.Sets
		return
	}
	var c h264.AVCConfig
	if c, d.err = h264.ParseAVCConfig(b); d.err == nil {
		d.lengthSize, d.sets = c.LengthSize, c.Sets()
	}
}

// editShift is what an edit list adds to times (ISO/IEC 14496-12, 8.6.6): empty edits at its start come before the media,
// of which the first edit leaves out the beginning. Further edits, which only editing programs make, are not followed.
func editShift(edits *mp4.ElstBox, timescale, movieScale uint32) (shift int64) {
	for _, e := range edits.Entries {
		if e.MediaTime >= 0 {
			if e.MediaTime <= maxTime {
				shift -= e.MediaTime
			}
			return shift
		}
		if movieScale > 0 && e.SegmentDuration <= maxTime {
			// To the nearest, as ffmpeg does.
			shift = min(shift+rescale(int64(e.SegmentDuration), timescale, movieScale, movieScale/2), maxTime)
		}
	}
	return 0 // empty edits alone say nothing
}
