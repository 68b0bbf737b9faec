package mp4

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/Eyevinn/mp4ff/mp4"

	"github.com/refstream/refstream/codec"
	"github.com/refstream/refstream/media"
)

const (
	visualEntry    = 78                // the part of a visual sample entry before its boxes (ISO/IEC 14496-12, 12.1.3)
	entryCountSize = 8                 // version, flags and entry_count
	maxTracks      = 64                // bounds the tracks that are checked
	maxTime        = math.MaxInt64 / 4 // bounds times, so that what is added to them fits as well
)

type description struct {
	codec.Config
	err error // why samples of it can't be read
}

// defaults are those of samples in fragments.
type defaults struct {
	description, duration, size uint32
}

// track is a track, of video where it is read.
type track struct {
	id           uint32
	handler      string // "vide", "soun" or another
	coded        bool   // as H.264 or HEVC
	timescale    uint32
	shift        int64 // what the edit list adds to times, in units of the timescale
	descriptions []description
	table        sampleTable
	// defaults are those of each track's fragments, by track: where the data of one lies depends on the sizes of others.
	defaults map[uint32]defaults
}

// parseMoov finds the first H.264 or HEVC track of a movie (ISO/IEC 14496-12, 8.2).
func parseMoov(moov box) (*track, error) {
	tracks, names, err := parseTracks(moov)
	if err != nil {
		return nil, err
	}
	for _, t := range tracks {
		if t.coded {
			return t, nil
		}
	}
	if len(names) == 0 {
		return nil, errors.New("there is no track")
	}
	return nil, fmt.Errorf("there is no H.264 or HEVC track, but %s", strings.Join(names, ", "))
}

// parseTracks reads the tracks of a movie; names are the sample entries of tracks that are neither H.264 nor HEVC. Errors in these,
// and in tracks after the first coded one, are ignored.
func parseTracks(moov box) (tracks []*track, names []string, err error) {
	found := false
	movieScale := uint32(0)
	trexs := map[uint32]defaults{}
	err = moov.children(0, func(b box) error {
		switch b.kind {
		case "mvhd":
			v, err := decode[*mp4.MvhdBox](b)
			if err == nil {
				movieScale = v.Timescale
			}
			return err
		case "trak":
			if len(tracks) == maxTracks {
				return nil
			}
			t, entries, err := parseTrak(b, movieScale)
			switch {
			case err == nil:
				t.defaults = trexs
				tracks = append(tracks, t)
				found = found || t.coded
			case t.coded && !found:
				return err
			default:
				entries = append(entries, fmt.Sprintf("one that can't be read (%v)", err))
			}
			if !t.coded {
				names = append(names, entries...)
			}
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
	return tracks, names, err
}

// parseTrak reads a track (8.3), and the names of its sample entries. The track is there where there is an error too.
func parseTrak(trak box, movieScale uint32) (t *track, entries []string, err error) {
	t = &track{}
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
		case "hdlr":
			if h := b.body(); len(h) >= 12 { // version and flags, pre_defined, handler_type (8.4.3)
				t.handler = string(h[8:12])
			}
		case "elst":
			edits, err = decode[*mp4.ElstBox](b)
		case "stsd":
			return b.children(entryCountSize, func(b box) error {
				d, coded := parseEntry(b)
				t.coded = t.coded || coded
				t.descriptions = append(t.descriptions, d)
				entries = append(entries, fmt.Sprintf("%q", b.kind))
				return nil
			})
		default:
			err = t.table.take(b)
		}
		return err
	}
	if err := trak.children(0, visit); err != nil {
		return t, entries, err
	}
	if t.timescale == 0 {
		return t, entries, fmt.Errorf("track at byte %d has no timescale", trak.start)
	}
	if edits != nil {
		t.shift = editShift(edits, t.timescale, movieScale)
	}
	return t, entries, nil
}

// parseEntry reads a sample entry; coded reports whether it is one of H.264 (ISO/IEC 14496-15, 5.4.2) or HEVC (8.4.1).
func parseEntry(b box) (d description, coded bool) {
	config := "avcC"
	switch b.kind {
	case "avc1", "avc3":
	case "hvc1", "hev1":
		config, d.Codec = "hvcC", media.HEVC
	default:
		return description{err: fmt.Errorf("samples of type %q are neither H.264 nor HEVC, or encrypted", b.kind)}, false
	}
	d.err = fmt.Errorf("sample entry %q at byte %d has no %s", b.kind, b.start, config)
	err := b.children(visualEntry, func(b box) error {
		if b.kind == config {
			d.Config, d.err = codec.ParseConfig(d.Codec, b.body())
		}
		return nil
	})
	if d.err != nil && err != nil {
		d.err = err
	}
	return d, true
}

// editShift is what an edit list adds to times (ISO/IEC 14496-12, 8.6.6): the empty edits at its start, less the part of the media
// that the first edit leaves out. Further edits, which only editing programs make, are ignored.
func editShift(edits *mp4.ElstBox, timescale, movieScale uint32) (shift int64) {
	for _, e := range edits.Entries {
		if e.MediaTime >= 0 {
			if e.MediaTime <= maxTime {
				shift -= e.MediaTime
			}
			return shift
		}
		if movieScale > 0 && e.SegmentDuration <= maxTime {
			halves := media.MulDivFloor(2*int64(e.SegmentDuration), int64(timescale), int64(movieScale))
			shift = min(shift+halves/2+halves%2, maxTime) // to the nearest, as ffmpeg does
		}
	}
	return 0 // empty edits alone mean nothing
}
