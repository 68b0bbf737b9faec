package recorder

import (
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/refstream/refstream/media"
)

const (
	// maxTracks and maxSamples bound what a segment may claim in no space: an hour of 60 pictures a second is a fifth.
	maxTracks  = 64
	maxSamples = 1 << 20
	// maxMediaTime bounds times, so that sums of them fit.
	maxMediaTime = math.MaxInt64 / 4
)

// segmentBoxes are those that a segment may begin with.
const segmentBoxes = "ftyp styp moov moof mdat free skip wide sidx ssix emsg prft uuid"

// isMP4 reports whether a box of a segment stands at the start.
func isMP4(data []byte) bool {
	return len(data) >= 8 && slices.Contains(strings.Fields(segmentBoxes), string(data[4:8]))
}

// mp4Track is a track of an initialization section (ISO/IEC 14496-12, 8.3), and what is known of its samples.
type mp4Track struct {
	id        uint32
	kind      string
	timescale uint32
	shift     int64 // what the edit list adds to times
	duration  uint32

	timed       bool // it has samples
	first, end  int64
	sampleCount int
}

// measureMP4 reads the first track of video that has samples in the segment, or else of audio.
func measureMP4(init, segment []byte) *Timing {
	moov := box(init, "moov")
	if moov == nil {
		moov = box(segment, "moov")
	}
	tracks := parseTracks(moov)
	for kind, content := range boxes(segment) {
		if kind != "moof" {
			continue
		}
		for kind, traf := range boxes(content) {
			if kind == "traf" && !readFragment(tracks, traf) {
				return nil
			}
		}
	}
	for _, kind := range []string{mediaVideo, mediaAudio} {
		for _, t := range tracks {
			if t.kind == kind && t.timed {
				return t.timing()
			}
		}
	}
	return nil
}

// parseTracks reads the tracks of a movie.
func parseTracks(moov []byte) (tracks []*mp4Track) {
	mvhd := fullBox(box(moov, "mvhd"))
	mvhd.time()
	mvhd.time()
	movieScale := mvhd.u32()
	durations := map[uint32]uint32{}
	for kind, trex := range boxes(box(moov, "mvex")) {
		if f := fullBox(trex); kind == "trex" && len(durations) < maxTracks {
			id := f.u32()
			f.u32() // default_sample_description_index
			durations[id] = f.u32()
		}
	}
	for kind, trak := range boxes(moov) {
		if kind != "trak" || len(tracks) == maxTracks {
			continue
		}
		if t := parseTrack(trak, movieScale); t != nil {
			t.duration = durations[t.id]
			tracks = append(tracks, t)
		}
	}
	return tracks
}

// parseTrack reads a track; nil where it is neither video nor audio, or has no timescale.
func parseTrack(trak []byte, movieScale uint32) *mp4Track {
	t := &mp4Track{}
	tkhd := fullBox(box(trak, "tkhd"))
	tkhd.time()
	tkhd.time()
	t.id = tkhd.u32()
	mdhd := fullBox(box(trak, "mdia", "mdhd"))
	mdhd.time()
	mdhd.time()
	t.timescale = mdhd.u32()
	hdlr := fullBox(box(trak, "mdia", "hdlr"))
	hdlr.u32() // pre_defined
	switch string(hdlr.take(4)) {
	case "vide":
		t.kind = mediaVideo
	case "soun":
		t.kind = mediaAudio
	}
	if t.kind == "" || t.timescale == 0 {
		return nil
	}
	if elst := box(trak, "edts", "elst"); elst != nil {
		t.shift = editShift(fullBox(elst), t.timescale, movieScale)
	}
	return t
}

// editShift is what an edit list adds to times (8.6.6): empty edits at its start come before the media, of which the first
// edit leaves out the beginning. Edits after it are not followed.
func editShift(f *fields, timescale, movieScale uint32) (shift int64) {
	for range f.u32() {
		duration, at := f.time(), f.signedTime()
		f.u32() // media_rate
		if f.short || duration > maxMediaTime || at > maxMediaTime {
			return 0
		}
		if at >= 0 {
			return shift - at
		}
		if movieScale > 0 {
			more, ok := rescale(duration, timescale, movieScale)
			if shift += more; !ok || shift > maxMediaTime {
				return 0
			}
		}
	}
	return 0
}

// readFragment reads the times of a track fragment (8.8). It reports whether what it says can be.
func readFragment(tracks []*mp4Track, traf []byte) bool {
	h := fullBox(box(traf, "tfhd"))
	id := h.u32()
	i := slices.IndexFunc(tracks, func(t *mp4Track) bool { return t.id == id })
	if i < 0 {
		return true
	}
	t, duration := tracks[i], tracks[i].duration
	if h.flags&1 != 0 { // base_data_offset
		h.take(8)
	}
	if h.flags&2 != 0 { // sample_description_index
		h.u32()
	}
	if h.flags&8 != 0 {
		duration = h.u32()
	}
	tfdt := box(traf, "tfdt")
	if tfdt == nil {
		return true // it doesn't say its time: what comes before is in another segment
	}
	f := fullBox(tfdt)
	at := f.time()
	if h.short || f.short || at > maxMediaTime {
		return false
	}
	for kind, trun := range boxes(traf) {
		ok := true
		if kind == "trun" {
			at, ok = t.run(fullBox(trun), at, duration)
		}
		if !ok {
			return false
		}
	}
	return true
}

// run reads a track fragment run (8.8.8), whose first sample has that decoding time. It returns that of what follows.
func (t *mp4Track) run(f *fields, dts int64, duration uint32) (next int64, ok bool) {
	count := int64(f.u32())
	for _, flag := range []uint32{1, 4} { // data_offset, first_sample_flags
		if f.flags&flag != 0 {
			f.u32()
		}
	}
	if count > maxSamples || t.sampleCount+int(count) > maxSamples {
		return 0, false
	}
	t.sampleCount += int(count)
	for range count {
		d, offset := duration, int32(0)
		if f.flags&0x100 != 0 {
			d = f.u32()
		}
		for _, flag := range []uint32{0x200, 0x400} { // sample_size, sample_flags
			if f.flags&flag != 0 {
				f.u32()
			}
		}
		if f.flags&0x800 != 0 {
			offset = int32(f.u32()) // of version 0 too some are negative
		}
		if f.short {
			return 0, false
		}
		pts := dts + int64(offset)
		if !t.timed {
			t.timed, t.first, t.end = true, pts, pts
		}
		t.first, t.end = min(t.first, pts), max(t.end, pts+int64(d))
		dts += int64(d)
	}
	return dts, true
}

func (t *mp4Track) timing() *Timing {
	first, ok := rescale(t.first+t.shift, media.TicksPerSecond, t.timescale)
	end, endOK := rescale(t.end+t.shift, media.TicksPerSecond, t.timescale)
	if !ok || !endOK {
		return nil
	}
	return timing(t.kind, first, end)
}

// rescale is floor(t * to / from); from is not 0. ok is false where that is out of range.
func rescale(t int64, to, from uint32) (v int64, ok bool) {
	whole, part := t/int64(from), t%int64(from)
	if part < 0 {
		whole, part = whole-1, part+int64(from)
	}
	if max(whole, -whole) > maxMediaTime/(int64(to)+1) {
		return 0, false
	}
	hi, lo := bits.Mul64(uint64(part), uint64(to)) // hi is less than from, since part is
	rest, _ := bits.Div64(hi, lo, uint64(from))
	return whole*int64(to) + int64(rest), true
}
