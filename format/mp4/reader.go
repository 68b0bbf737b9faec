// Package mp4 reads the access units of H.264 and HEVC (ISO/IEC 14496-15) from MP4 files and streams (ISO/IEC 14496-12), fragmented
// or not, with events (emsg boxes, ISO/IEC 23009-1, 5.10.3.3).
//
// [Reader] reads in one pass if the file allows it, and holds only the index and one fragment's box in memory. Boxes are found here
// and decoded by mp4ff; every claim of a box is checked.
//
// [Init] and [Segment] write H.264 and AAC as CMAF (ISO/IEC 23000-19), each segment a fragment.
package mp4

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/refstream/refstream/codec"
	"github.com/refstream/refstream/codec/h264"
	"github.com/refstream/refstream/media"
)

const (
	maxSample = 32 << 20  // bounds a sample: ten times a 1080p picture before coding (4:2:0, 8 bits: 3.1 MB)
	maxIndex  = 512 << 20 // bounds moov boxes: a day at 60 frames a second takes 16 bytes a frame, 83 MB, for the video
	// maxFragment bounds moof boxes, as maxFragmentSamples does what they make: an hour at 60 frames a second is a fifth.
	maxFragment        = 16 << 20
	maxFragmentSamples = 1 << 20
	// maxBad is how many samples and boxes in a row may be unreadable, minutes of them: an index can claim 2^32 samples in no space.
	maxBad = 10_000
)

// firstBoxes are the boxes that a file, segment or stream may begin with.
const firstBoxes = "ftyp styp moov moof mdat free skip wide sidx ssix emsg prft pdin uuid meta pnot"

// Stats counts what a Reader read.
type Stats struct {
	// Damaged is the number of samples and boxes that were left out because they can't be read.
	Damaged    int64
	LastDamage error // the reason of the last one, with its offset; nil when Damaged is 0
}

// Reader takes the access units of the first H.264 or HEVC track out of an MP4 file. It is not safe for concurrent use.
type Reader struct {
	src        *source
	track      *track
	handle     func(Event)
	handleTime func(ProducerTime)
	events     []event

	fragment []sample // the samples of the fragment that are left
	mdat     int64    // where the media data ends that is being read, 0 for none
	resume   int64    // where boxes continue after samples of the index, 0 while they don't
	left     sample   // the next sample of the index, where held
	held     bool

	begun     bool // a box was read
	next      int64
	described uint32 // the description whose parameter sets were in the last unit, 0 for none
	bad       int    // samples and boxes in a row that can't be read
	stats     Stats
	err       error
}

// NewReader makes a Reader of a whole file, or of a stream that begins with an ftyp or moov box. If r is a working io.Seeker it
// seeks; else it reads in order, and copies a file whose index (moov) follows its media data to a temporary file, which Close
// removes.
func NewReader(r io.Reader) *Reader { return &Reader{src: newSource(r, 0)} }

// NewSegmentReader makes a Reader of a media segment with its initialization section, empty for a segment that has its own.
// Offsets count from the start of the segment. init is not changed and can be shared.
func NewSegmentReader(init []byte, segment io.Reader) *Reader {
	return &Reader{src: newSource(io.MultiReader(bytes.NewReader(init), segment), -int64(len(init)))}
}

// HandleEvents makes Next call handle for each event message, before the units of the following fragment. Call it before Next.
func (r *Reader) HandleEvents(handle func(Event)) { r.handle = handle }

// Stats counts what was read so far.
func (r *Reader) Stats() Stats { return r.stats }

// Next returns the next access unit, in decoding order; its bytes are the caller's, except the parameter sets of the sample
// description, which units share.
//
// At the end it returns io.EOF. Other errors have the byte offset: those of the source, of a file that is cut short
// (io.ErrUnexpectedEOF), is not MP4, has no such track, or contradicts itself. The same error is returned from then on.
func (r *Reader) Next() (Unit, error) {
	for r.err == nil {
		s, ok, err := r.due()
		if err == nil && ok {
			var u Unit
			if u, ok, err = r.read(s); ok {
				return u, nil
			}
		} else if err == nil {
			err = r.box()
		}
		if err != nil {
			r.err = err
			if !errors.Is(err, io.EOF) {
				r.err = fmt.Errorf("read MP4: at byte %d: %w", r.src.at, err)
			}
		}
	}
	return Unit{}, r.err
}

// Close removes what was stored meanwhile, if anything. It does not close the source.
func (r *Reader) Close() error {
	if r.err == nil {
		r.err = errors.New("read MP4: the reader is closed")
	}
	return r.src.close()
}

// due is the next sample, if it is to be read before the next box.
func (r *Reader) due() (s sample, ok bool, err error) {
	if r.track == nil {
		return s, false, nil
	}
	if len(r.fragment) > 0 {
		s = r.fragment[0]
		if s.offset < r.mdat {
			r.fragment = r.fragment[1:]
			return s, true, nil
		}
		return s, false, nil
	}
	if !r.held {
		if r.track.table.empty() {
			if at := r.resume; at > 0 {
				r.resume = 0
				return s, false, r.src.seek(at)
			}
			return s, false, nil
		}
		if r.left, err = r.track.table.next(); err != nil {
			return s, false, err
		}
		r.held = true
	}
	// If the source can't seek, samples are read in the order of the media data.
	if r.src.seeker != nil || r.left.offset < r.mdat {
		r.held = false
		return r.left, true, nil
	}
	return s, false, nil
}

// read reads a sample; ok is false where it is left out.
func (r *Reader) read(s sample) (u Unit, ok bool, err error) {
	if s.size > maxSample {
		return u, false, r.damage(s.offset, fmt.Errorf("sample has %d bytes", s.size))
	}
	if r.mdat > 0 && s.size > r.mdat-s.offset {
		return u, false, r.damage(s.offset, errors.New("sample ends after the media data"))
	}
	if s.offset < r.src.at && r.src.seeker == nil {
		return u, false, r.damage(s.offset, errors.New("sample lies behind, and the source can't go back"))
	}
	if err := r.src.seek(s.offset); err != nil {
		return u, false, err
	}
	data, err := r.src.take(s.size)
	if err != nil {
		return u, false, err
	}
	if int64(s.description) > int64(len(r.track.descriptions)) || s.description == 0 {
		return u, false, r.damage(s.offset, fmt.Errorf("sample description %d does not exist", s.description))
	}
	d := &r.track.descriptions[s.description-1]
	if d.err != nil {
		return u, false, r.damage(s.offset, d.err)
	}
	nals, err := splitSample(data, d.LengthSize)
	if err != nil {
		return u, false, r.damage(s.offset, err)
	}
	if u.Key = codec.Key(d.Codec, nals); u.Key || r.described != s.description {
		nals = d.WithSets(nals)
		r.described = s.description
	}
	if d.Codec == media.H264 {
		d.Track = h264.Track(d.Track, nals)
	}
	r.bad = 0
	t := r.track
	u.Frame, u.Track, u.NALs, u.Offset, u.Timescale = -1, d.Track, nals, s.offset, t.timescale
	u.Time, u.DecodeTime = s.pts+t.shift, s.dts+t.shift
	u.PTS, u.DTS = ticks(u.Time, t.timescale), ticks(u.DecodeTime, t.timescale)
	u.Duration = ticks(s.duration, t.timescale)
	return u, true, nil
}

// damage counts what is left out. It is an error where that was too much.
func (r *Reader) damage(offset int64, why error) error {
	r.stats.Damaged++
	r.stats.LastDamage = fmt.Errorf("at byte %d: %w", offset, why)
	if r.bad++; r.bad > maxBad {
		return fmt.Errorf("%d samples in a row can't be read, the last: %w", r.bad, r.stats.LastDamage)
	}
	return nil
}

func (r *Reader) box() error {
	if r.mdat > 0 {
		end := r.mdat
		r.mdat = 0
		if err := r.src.toEnd(end); err != nil {
			return err
		}
	}
	h, err := readBoxHeader(r.src)
	if errors.Is(err, io.EOF) {
		return r.end()
	}
	if err != nil {
		return err
	}
	if !r.begun && !slices.Contains(strings.Fields(firstBoxes), h.kind) {
		return fmt.Errorf("it begins with %q: it is no MP4", h.kind)
	}
	r.begun = true
	switch h.kind {
	case "moov":
		return r.moov(h)
	case "moof":
		return r.moof(h)
	case "emsg":
		return r.emsg(h)
	case "prft":
		return r.prft(h)
	case "mdat":
		if r.track == nil && r.src.seeker == nil {
			if err := r.src.store(); err != nil {
				return err
			}
		}
		r.mdat = h.end
		return nil
	}
	return r.src.toEnd(h.end)
}

// end is the error at the end of the source.
func (r *Reader) end() error {
	switch {
	case !r.begun:
		return errors.New("it is empty")
	case r.track == nil:
		return errors.New("there is no index (moov): it was cut off, or is a segment without its initialization section")
	case len(r.fragment) > 0 || r.held:
		return fmt.Errorf("the media data of its index is missing: %w", io.ErrUnexpectedEOF)
	}
	r.passEvents(nil)
	return io.EOF
}
