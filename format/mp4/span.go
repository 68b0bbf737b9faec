package mp4

import (
	"bytes"
	"io"
	"math"
	"slices"
	"strings"
)

// maxSpanIndex bounds the boxes that Span reads of a segment, in bytes: half a million samples.
const maxSpanIndex = 8 << 20

// IsMP4 reports whether data begins as an MP4 file, segment or stream does.
func IsMP4(data []byte) bool {
	return len(data) >= boxHeaderSize && slices.Contains(strings.Fields(firstBoxes), string(data[4:boxHeaderSize]))
}

// Span is the time of a media segment (ISO/IEC 14496-12, 8.16.2): of the first track of video with samples in it, or else of audio.
// first is the smallest presentation time, end the end of the last sample, in 90 kHz ticks of the media's timeline, rounded down.
// ok is false if there is no such track, or a fragment can't be read. Only the index of the segment is read.
func Span(initialization []byte, segment io.Reader) (video bool, first, end int64, ok bool) {
	tracks, _ := index(bytes.NewReader(initialization))
	own, fragments := index(segment)
	if len(tracks) == 0 {
		tracks = own
	}
	for _, handler := range []string{"vide", "soun"} {
		for _, t := range tracks {
			if t.handler != handler {
				continue
			}
			first, end, ok, err := t.span(fragments)
			if err != nil {
				return false, 0, 0, false
			}
			if ok {
				return handler == "vide", ticks(first+t.shift, t.timescale), ticks(end+t.shift, t.timescale), true
			}
		}
	}
	return false, 0, 0, false
}

// index is the tracks and fragments of a file, as far as it is whole; nothing where they are longer than maxSpanIndex.
func index(r io.Reader) (tracks []*track, fragments []box) {
	s, length := newSource(r, 0), int64(0)
	for {
		h, err := readBoxHeader(s)
		if err != nil {
			return tracks, fragments
		}
		if h.kind != "moov" && h.kind != "moof" {
			if s.toEnd(h.end) != nil {
				return tracks, fragments
			}
			continue
		}
		if length += h.end - h.start; length > maxSpanIndex {
			return nil, nil
		}
		b, err := s.body(h, maxSpanIndex)
		switch {
		case err != nil:
			return tracks, fragments
		case h.kind == "moof":
			fragments = append(fragments, b)
		case tracks == nil:
			tracks, _, _ = parseTracks(b) // none where it can't be read
		}
	}
}

// span is the track's, in its own units, in fragments with a decoding time: others continue another segment.
func (t *track) span(fragments []box) (first, end int64, ok bool, err error) {
	const unknown = -maxTime // no decoding time is below 0
	count := 0
	first, end = math.MaxInt64, math.MinInt64
	for _, b := range fragments {
		samples, err := parseMoof(b, t, unknown, &count)
		if err != nil {
			return 0, 0, false, err
		}
		for _, s := range samples {
			if s.dts >= 0 {
				first, end, ok = min(first, s.pts), max(end, s.pts+s.duration), true
			}
		}
	}
	return first, end, ok, nil
}
